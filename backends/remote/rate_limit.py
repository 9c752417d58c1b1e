"""How often one key may ask a service: more while nothing is refused, half as often after a 429.

The rate rises and falls as TCP's window does (RFC 5681): it doubles in less than a second until
the first refusal; each refusal halves it, and from then on it grows by one a second every second.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

START = 5.0
"""Requests a second to begin with, and as many as a few jobs ever share."""
BURST = 10.0
"""Requests at once; of more jobs one each."""
A_JOB = 1.0
"""Requests a second for each job: WaveSpeed documents no limit, its own client asks so often."""
LEAST = 0.5
"""Requests a second that a service always gets: it advises to ask every two seconds."""
LONGEST_HOLD_S = 60.0
NOTHING_S = 1e-6
"""A shorter wait is none."""


@dataclass(slots=True)
class RateLimiter:
    """Spaces the requests of one key; `now` and `sleep` are the clock, in seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jobs: int = 0
    """Jobs under way, which set how far it may open."""
    _rate: float = START
    _refused: bool = False
    _lowered: float = -math.inf
    _held_until: float = -math.inf
    _level: float = BURST
    _filled: float = -math.inf
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def rate(self) -> float:
        """Requests a second now."""
        return min(self._rate, self._most)

    @property
    def held(self) -> bool:
        """Whether the service said when to come back, and it is not yet time."""
        return self._held_until > self.now()

    async def take(self, deadline: float = math.inf) -> None:
        """Wait for a turn, in order; raises TimeoutError when none comes before `deadline`."""
        left = None if deadline == math.inf else max(0.0, deadline - self.now())
        async with asyncio.timeout(left), self._turn:
            while (wait := self._wait()) > NOTHING_S:
                await self.sleep(wait)
            self._level -= 1.0

    def heard(self, status: int, asked: float, retry_after: float | None = None) -> None:
        """Learn from the status of an answer to a request that left at `asked`."""
        if status == 429:
            self._close(asked, retry_after or 0.0)
        elif status < 400 and self._rate < self._most:
            step = 1.0 / self._rate if self._refused else 1.0
            self._rate = min(self._most, self._rate + step)

    @property
    def _most(self) -> float:
        return max(START, A_JOB * self.jobs)

    def _close(self, asked: float, retry_after: float) -> None:
        now = self.now()
        if asked > self._lowered:  # those that were under way together are one refusal
            self._rate, self._refused, self._lowered = max(LEAST, self.rate / 2), True, now
        self._level = min(self._level, 0.0)
        self._held_until = max(self._held_until, now + min(retry_after, LONGEST_HOLD_S))
        self._filled = max(now, self._held_until)

    def _wait(self) -> float:
        """Return the seconds until the next turn."""
        now = self.now()
        gained = max(0.0, now - self._filled) * self.rate
        self._level = min(self._level + gained, max(BURST, A_JOB * self.jobs), 2 * self.rate)
        self._filled = max(now, self._filled)
        return max(self._held_until - now, (1.0 - self._level) / self.rate)
