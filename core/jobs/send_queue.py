"""Who is sent next: fair between owners, in each owner's own order, within what a service allows.

Round robin: the owner who was served longest ago comes first, and of that owner's jobs the one in
the earliest place. A job that was told to come back later keeps its turn.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from core.errors import PlaygroundError

MINUTE_S = 60.0
PROBE_S = 30.0
"""Age of a second stop, in seconds, after which a new request may find out if it still holds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a service allows; `unanswered` sends at most are without an answer at a time."""

    at_once: int
    per_minute: int | None = None
    unanswered: int | None = None


@dataclass(slots=True)
class Waiter:
    """A job that waits for its turn."""

    job_id: str
    owner: str
    place: float
    urgent: bool
    turn: asyncio.Future[None] = field(default_factory=asyncio.Future)


class SendQueue:
    """Hands out turns to send; every method is called on the event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: dict[str, Waiter] = {}
        self._under_way: set[str] = set()
        self._sending: set[str] = set()
        self._sends: deque[float] = deque()
        self._served: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._held: set[str] = set()
        self._quiet_until = 0.0
        self._order: list[str] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._stopped_at, self._stops = 0.0, 0
        self.stopped_by: PlaygroundError | None = None
        """Why nothing is sent until a person resumes, or None."""

    async def enter(self, job_id: str, owner: str, place: float, *, urgent: bool = False) -> None:
        """Wait for the turn to send; then the job is under way until `leave`."""
        waiter = Waiter(job_id, owner, place, urgent)
        self._waiting[job_id] = waiter
        self._advance()
        try:
            await waiter.turn
        except asyncio.CancelledError:
            self._waiting.pop(job_id, None)
            self.leave(job_id)
            raise

    def join(self, job_id: str) -> None:
        """Count a job that its service has accepted already."""
        self._under_way.add(job_id)

    def answered(self, job_id: str) -> None:
        """Note that the request has its answer: the next one may go out."""
        self._sending.discard(job_id)
        self._before.pop(job_id, None)
        self._advance()

    def leave(self, job_id: str) -> None:
        """Note that a job is no longer under way."""
        self._held.discard(job_id)
        self._under_way.discard(job_id)
        self.answered(job_id)

    def postpone(self, job_id: str, owner: str, seconds: float) -> None:
        """Send nothing for a while, and give a job that was not taken its turn back."""
        self._quiet_until = max(self._quiet_until, time.monotonic() + seconds)
        if job_id in self._before:
            self._served[owner] = self._before[job_id]
        self.leave(job_id)

    def stop(self, reason: PlaygroundError) -> None:
        """Send nothing more until `resume`; what was accepted goes on."""
        self.stopped_by, self._stopped_at = reason, time.monotonic()
        self._stops += 1

    def worked(self) -> None:
        """Note that the service took a request."""
        self._stops = 0

    def resume(self) -> None:
        """Send again."""
        self.stopped_by = None
        self._advance()

    def probe(self) -> None:
        """Send again if nobody waits: whoever asks now may have mended it.

        A second stop in a row is believed for a while, so that a hundred requests do not each
        fail to find out the same.
        """
        old = time.monotonic() - self._stopped_at > PROBE_S
        if self.stopped_by and not self._waiting and (self._stops <= 1 or old):
            self.resume()

    def put(self, job_id: str, place: float) -> None:
        """Give a waiting job another place among its owner's."""
        if waiter := self._waiting.get(job_id):
            waiter.place, self._order = place, None

    def hold(self, job_ids: Iterable[str]) -> None:
        """Send none of these jobs until they are released; what is under way goes on."""
        self._held.update(job_ids)
        self._order = None

    def release(self, job_ids: Iterable[str]) -> None:
        """Let jobs that were held be sent in their turn again."""
        self._held.difference_update(job_ids)
        self._advance()

    def order(self) -> Sequence[str]:
        """Return the waiting jobs in the order in which they will be sent."""
        if self._order is None:
            self._order = self._round_robin()
        return self._order

    def _round_robin(self) -> list[str]:
        free = [one for one in self._waiting.values() if one.job_id not in self._held]
        urgent = [one.job_id for one in free if one.urgent]
        queues: dict[str, deque[str]] = {}
        for one in sorted(free, key=lambda one: one.place):
            if not one.urgent:
                queues.setdefault(one.owner, deque()).append(one.job_id)
        owners = deque(sorted(queues, key=lambda owner: self._served.get(owner, 0)))
        found = urgent
        while owners:
            owner = owners.popleft()
            found.append(queues[owner].popleft())
            if queues[owner]:
                owners.append(owner)
        return found

    def _advance(self) -> None:
        """Hand out every turn that can be handed out now, and set an alarm for the next."""
        self._order = None
        while self.order():
            wait = self._wait()
            if wait > 0:
                self._wake_in(wait)
                return
            self._hand_out(self._waiting[self.order()[0]])

    def _hand_out(self, waiter: Waiter) -> None:
        del self._waiting[waiter.job_id]
        self._order = None
        self._before[waiter.job_id] = self._served.get(waiter.owner, 0)
        self._served[waiter.owner] = max(self._served.values(), default=0) + 1
        self._under_way.add(waiter.job_id)
        self._sending.add(waiter.job_id)
        self._sends.append(time.monotonic())
        if not waiter.turn.done():
            waiter.turn.set_result(None)

    def _wait(self) -> float:
        """Return the seconds until the next send is allowed; infinite until something changes."""
        full = len(self._under_way) >= self._limits.at_once
        unanswered = self._limits.unanswered
        silent = unanswered is not None and len(self._sending) >= unanswered
        if self.stopped_by or full or silent:
            return math.inf
        now = time.monotonic()
        while self._sends and self._sends[0] <= now - MINUTE_S:
            self._sends.popleft()
        most = self._limits.per_minute
        crowded = most is not None and len(self._sends) >= most
        free_at = self._sends[0] + MINUTE_S if crowded else now
        return max(0.0, self._quiet_until - now, free_at - now)

    def _wake_in(self, seconds: float) -> None:
        if self._alarm:
            self._alarm.cancel()
        self._alarm = None
        if seconds < math.inf:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(seconds, self._advance)
