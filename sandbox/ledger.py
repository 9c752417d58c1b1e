"""The jobs of the sandbox, what they were charged, and the counters that tests read."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.faults.kinds import Outcome
from sandbox.faults.plans import Plan
from sandbox.renderer import Order

CREATED_SHARE = 0.1
"""Part of a job's time in which it is still `created`."""


@dataclass(frozen=True, slots=True)
class Made:
    """When an image was ready, on the monotonic clock, or why there is none."""

    at: float = 0.0
    error: str = ""
    code: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """An accepted and charged order on its way; its state is a function of the time."""

    id: str
    order: Order
    prompt: str
    """As sent, with the faults it names."""
    file: str
    """Name of its image in the store."""
    t: float
    """Unix time of the acceptance."""
    started: float
    """The same on the monotonic clock."""
    latency: float
    making: asyncio.Task[Made] | None = None
    """None for a fixed image and for a job that is going to fail."""
    plan: Plan = ()
    outcome: Outcome | None = None
    stranger: bool = False
    base64: bool = False
    price: float = 0.0
    """US dollars it was charged."""
    account: str = ""
    """Whose job it is: a digest of the key it was sent with."""

    @property
    def done_at(self) -> float | None:
        """Unix time at which it ended or will end; None while that is not known."""
        took = self._took()
        return None if took is None else self.t + took

    @property
    def finished(self) -> bool:
        """True once it ended, well or badly."""
        took = self._took()
        return took is not None and time.monotonic() - self.started >= took

    def state(self) -> Outcome:
        """Return where it stands, in the service's words."""
        if not self.finished:
            share = (time.monotonic() - self.started) / max(self.latency, 1e-9)
            return Outcome("created" if share < CREATED_SHARE else "processing")
        if self.outcome is not None and self.outcome.status != "completed":
            return self.outcome
        made = self.making.result() if self.making else Made()
        return Outcome("failed", made.error, made.code) if made.error else self.outcome or Outcome()

    async def wait(self, limit: float | None = None) -> bool:
        """Wait for its end, at most `limit` seconds; say whether it ended."""
        try:
            async with asyncio.timeout(limit):
                if self.making:
                    await asyncio.shield(self.making)
                while not self.finished:
                    due = self.started + self.latency - time.monotonic()
                    await asyncio.sleep(max(due, 0.0005))
        except TimeoutError:
            return False
        return True

    def _took(self) -> float | None:
        if self.making is None:
            return self.latency
        if not self.making.done():
            return None
        return max(self.latency, self.making.result().at - self.started)


@dataclass(slots=True)
class Counters:
    """How often clients asked for what, since the last reset."""

    posts: int = 0
    charges: int = 0
    spent_usd: float = 0.0
    polls: int = 0
    downloads: int = 0
    lists: int = 0
    uploads: int = 0
    deletes: int = 0
    cancels: int = 0
    refused: int = 0
    posting: int = 0
    posting_peak: int = 0
    """Most requests for images that were open at once."""
    in_flight_peak: int = 0
    credentials_leaked: int = 0
    """Downloads and PUTs that carried an API key."""
    forbidden: int = 0
    """Fetches of addresses that no client may fetch."""
    accounts: dict[str, int] = field(default_factory=dict)
    """Requests with an acceptable key, by a digest of that key."""
    undocumented: list[str] = field(default_factory=list)
    """What was sent that the reference pages do not name, as `path field`."""


class Ledger:
    """Jobs in the order of their acceptance."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.deleted: set[str] = set()
        self.counters = Counters()
        self._by_file: dict[str, Job] = {}
        self._active: list[Job] = []

    def add(self, job: Job) -> None:
        """Write down an accepted job and charge its price, unless it is a stranger's."""
        self.jobs[job.id] = job
        self._by_file[job.file] = job
        self._active.append(job)
        if not job.stranger and job.price:
            self.counters.charges += 1
            self.counters.spent_usd = round(self.counters.spent_usd + job.price, 6)
        self.counters.in_flight_peak = max(self.counters.in_flight_peak, self.in_flight())

    def by_file(self, name: str) -> Job | None:
        """Return the job that an image belongs to."""
        return self._by_file.get(name)

    def newest(self) -> Job | None:
        """Return the job accepted last."""
        return next(reversed(self.jobs.values()), None)

    def in_flight(self) -> int:
        """Return how many jobs have not ended."""
        self._active = [job for job in self._active if not job.finished]
        return len(self._active)

    def stats(self) -> dict[str, Any]:
        """Return the counters by name."""
        return {**asdict(self.counters), "in_flight": self.in_flight()}

    def rows(self) -> list[dict[str, Any]]:
        """Return every accepted job, oldest first; `done_at` is None until it is known."""
        return [_row(job) for job in self.jobs.values()]


def _row(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "model": job.order.model,
        "prompt": job.prompt,
        "seed": job.order.seed,
        "t": job.t,
        "done_at": job.done_at,
        "latency": job.latency,
        "price_usd": job.price,
        "stranger": job.stranger,
        "account": job.account,
        "faults": [planned.name for planned in job.plan],
    }
