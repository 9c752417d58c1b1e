"""Asks for many jobs in one request: the service's list tells the state of up to a hundred.

With a few jobs under way each is asked for by itself, which is quicker. With many, that would be
dozens of requests a second; here whoever wants to know at about the same time shares one. A job
that the list does not tell of is asked for by itself, and so are all while the list fails.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from backends.remote.client import Api
from backends.remote.rate_limit import RateLimiter
from backends.remote.refusals import status_of
from backends.wavespeed.predictions import Prediction, outcome, read
from core.errors import PlaygroundError

MANY = 6
"""Jobs under way from which on they share their questions."""
TICK_S = 0.2
"""Least seconds between two questions."""
REST_S = 30.0
"""How long a list that failed is left alone, in seconds."""
TURN_S = 5.0
"""How long a question waits for its turn before each job is asked for by itself, in seconds."""
PAGE = 100
MOST_PAGES = 5
EARLIER_S = 1.0
"""Seconds before a job's acceptance from which the list is read, for clocks that differ."""

Seen = tuple[Prediction, float]
"""What the list tells of a job, and when it did, in monotonic seconds."""


@dataclass(slots=True)
class BatchPolling:
    """The shared questions of one service."""

    api: Api
    limiter: RateLimiter
    _accepted: dict[str, float] = field(default_factory=dict)
    _asking: dict[str, asyncio.Future[Seen | None]] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None
    _asked: float = -math.inf
    _rests_until: float = 0.0

    @contextmanager
    def under_way(self, request_id: str, accepted_at: float | None) -> Iterator[None]:
        """Count a job while it is followed; None when it is not known when it was accepted."""
        if accepted_at is not None:
            self._accepted[request_id] = time.time() - (time.monotonic() - accepted_at)
        self.limiter.jobs += 1
        try:
            yield
        finally:
            self.limiter.jobs -= 1
            self._accepted.pop(request_id, None)

    async def look(self, request_id: str) -> Seen | None:
        """Return what the list tells of a job; None when it is better asked for by itself."""
        few = len(self._accepted) < MANY or time.monotonic() < self._rests_until
        if few or self.limiter.held or request_id not in self._accepted:
            return None
        answer = self._asking.get(request_id)
        if answer is None:
            answer = self._asking[request_id] = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._ask())
        return await asyncio.shield(answer)

    async def _ask(self) -> None:
        """Wait for the moment, ask once for everybody who waits, and hand the answers out."""
        await asyncio.sleep(max(0.0, self._asked + TICK_S - time.monotonic()))
        turn = await self._turn()
        asking, self._asking = self._asking, {}
        self._asked = time.monotonic()
        try:
            found = await self._listed(asking) if turn else {}
        except PlaygroundError:
            found, self._rests_until = {}, time.monotonic() + REST_S
        moment = (self._asked + time.monotonic()) / 2
        for request_id, answer in asking.items():
            task = found.get(request_id)
            if not answer.done():
                answer.set_result((task, moment) if task else None)
        if self._asking:  # who came meanwhile
            self._task = asyncio.create_task(self._ask())

    async def _turn(self) -> bool:
        """Wait for a turn; False when it takes too long."""
        try:
            await self.limiter.take(time.monotonic() + TURN_S)
        except TimeoutError:
            return False
        return True

    async def _listed(self, asking: dict[str, Any]) -> dict[str, Prediction]:
        """Return what the list tells of those jobs, as far as it can be believed."""
        since = min(self._accepted.get(name, time.time()) for name in asking) - EARLIER_S
        after = self.api.clock.theirs(since - self.api.clock.slack)
        found: dict[str, Prediction] = {}
        for page in range(1, MOST_PAGES + 1):
            if page > 1 and not await self._turn():
                break
            wish = {"page": page, "page_size": PAGE, "created_after": after}
            asked = time.monotonic()
            answer = await self.api.ask("POST", "/api/v3/predictions", wish)
            self.limiter.heard(status_of(answer), asked, answer.retry_after)
            items = outcome(self.api.service, answer).get("items")
            items = items if isinstance(items, list) else []
            tasks = [task for item in items if (task := read({"data": item}))]
            found |= {task.id: task for task in tasks if task.id in asking}
            if len(items) < PAGE or len(found) == len(asking):
                break
        return {k: v for k, v in found.items() if v.phase != "done" or v.outputs}

    async def aclose(self) -> None:
        """Stop asking."""
        if self._task:
            self._task.cancel()
