"""A queue in front of a number of runners: who comes first is begun first, the rest waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.faults.plans import Plan
from sandbox.ledger import Job


@dataclass(slots=True, eq=False)
class Queued:
    """One request in the queue; its jobs exist, and are charged, once a runner has begun it."""

    id: str
    app: str
    """Owner and name, under which its status is asked for."""
    account: str
    begin: Callable[[], tuple[Job, ...]]
    """Accepts its jobs, one for each image; none where the input is at fault."""
    plan: Plan = ()
    problems: list[dict[str, Any]] = field(default_factory=list)
    """What the model is going to say of the input, which nobody looks at before."""
    jobs: tuple[Job, ...] | None = None
    """None while it waits."""

    @property
    def finished(self) -> bool:
        """True once all its jobs have ended."""
        return self.jobs is not None and all(job.finished for job in self.jobs)


class Runners:
    """Works off a queue; a request that waits can still be taken out of it."""

    def __init__(self, number: Callable[[], int]) -> None:
        """`number` tells how many requests are worked on at once; it may change."""
        self.requests: dict[str, Queued] = {}
        self._number = number
        self._waiting: list[Queued] = []
        self._working: set[asyncio.Task[None]] = set()

    def add(self, queued: Queued) -> None:
        """Put a request at the end of the queue; it is begun at once if a runner is free."""
        self.requests[queued.id] = queued
        self._waiting.append(queued)
        self._fill()

    def remove(self, queued: Queued) -> bool:
        """Take out and forget a request that still waits; say whether it did."""
        if queued not in self._waiting:
            return False
        self._waiting.remove(queued)
        del self.requests[queued.id]
        return True

    def position(self, queued: Queued) -> int | None:
        """Return how many requests wait before this one; None once it was begun."""
        return self._waiting.index(queued) if queued in self._waiting else None

    def stop(self) -> None:
        """Begin nothing more."""
        self._waiting.clear()

    def _fill(self) -> None:
        while self._waiting and len(self._working) < self._number():
            queued = self._waiting.pop(0)
            queued.jobs = queued.begin()
            task = asyncio.create_task(_ended(queued.jobs))
            self._working.add(task)
            task.add_done_callback(self._free)

    def _free(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        if not task.cancelled():  # as it is when the whole program ends
            self._fill()


async def _ended(jobs: tuple[Job, ...]) -> None:
    for job in jobs:
        await job.wait()
