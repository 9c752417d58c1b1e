"""How a job stands at this instant, and who is told when that changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from core.errors import InputError, PlaygroundError
from core.events import Borrowing, Loading
from core.history import Entry, History
from core.jobs.active_job import ActiveJob
from core.jobs.estimate import Estimate
from core.jobs.job import Job
from core.jobs.ledger import Ledger
from core.jobs.send_queue import SendQueue

LATE = 1.25
"""Times the usual time after which a job is late."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of a job at this instant; seconds count from the send."""

    job: Job
    elapsed_s: float = 0.0
    estimate_s: float | None = None
    ahead: int | None = None
    loading: bool = False
    """The model is not there yet; `fraction` is of its loading."""
    borrowing: bool = False
    """A GPU that a Space lends is waited for."""
    fraction: float | None = None
    step: int | None = None
    total: int | None = None
    preview: bytes | None = None
    entry: Entry | None = None
    stop: PlaygroundError | None = None
    """Why its backend sends nothing until a person resumes it."""
    needs_key: bool = False
    """It was sent with a key of its owner's own, and goes on when that is entered again."""

    @property
    def late(self) -> bool:
        """Whether it takes clearly longer than its like did."""
        if not self.job.active or not self.estimate_s:
            return False
        return self.elapsed_s >= LATE * self.estimate_s

    @property
    def share(self) -> float | None:
        """How much of it is done, 0..1: what its backend says, else by the time that passed.

        None where nobody knows, as when it is late.
        """
        if not self.job.active:
            return 1.0
        if self.fraction is not None:
            return min(max(self.fraction, 0.0), 1.0)
        if self.step and self.total:
            return self.step / self.total
        if not self.estimate_s or self.late:
            return None
        return self.elapsed_s / (LATE * self.estimate_s)


class Watcher:
    """Tells how jobs stand: those carried here as they change, others as the ledger knows them.

    `elsewhere` are the ids of jobs that another process carries.
    """

    def __init__(
        self,
        ledger: Ledger,
        history: History,
        *,
        active: Mapping[str, ActiveJob],
        elsewhere: Collection[str],
        queue_of: Callable[[Job], SendQueue],
        beat_s: float,
    ) -> None:
        self._ledger = ledger
        self._history = history
        self._active = active
        self._elsewhere = elsewhere
        self._queue_of = queue_of
        self._beat_s = beat_s

    async def watch(self, job_ids: Sequence[str], *, owner: str) -> AsyncIterator[list[Progress]]:
        """Tell how jobs stand: at once, at every change, at every beat, and at their end."""
        seen = await self._ledger.some(job_ids, owner=owner)
        estimates = await self._estimates(seen)
        ended: dict[str, Progress] = {}
        while True:
            active_jobs = [self._active.get(job.id) for job in seen]
            changes = [active.changed for active in active_jobs if active]
            for job, active in zip(seen, active_jobs, strict=True):
                if active is None and (job.id not in ended or self._others(ended[job.id].job)):
                    ended[job.id] = await self._outcome(job.id)
                elif active:  # its key was entered again
                    ended.pop(job.id, None)
            yield [
                self._progress(active, estimate) if active else ended[job.id]
                for job, active, estimate in zip(seen, active_jobs, estimates, strict=True)
            ]
            if changes:
                await _any(changes, self._beat_s)
            elif any(self._others(progress.job) for progress in ended.values()):
                await asyncio.sleep(self._beat_s)
            else:
                return

    async def result(self, job_id: str, *, owner: str, patient: bool = True) -> Progress:
        """Wait for the end of a job and return it.

        Who is not patient is told as soon as it will take long: the job is pending, or its
        backend stopped.
        """
        active = self._active.get(job_id)
        await self._ledger.get(job_id, owner=owner)
        while active and active.task and not active.task.done():
            stopped = active.job.state == "waiting" and self._queue_of(active.job).stopped_by
            if not patient and (active.pending or stopped):
                return self._progress(active, Estimate())
            await _any([active.changed], 3600 if patient else self._beat_s)
        end = await self._outcome(job_id)
        while self._others(end.job):
            await asyncio.sleep(self._beat_s)
            end = await self._outcome(job_id)
        return end

    async def _estimates(self, seen: Sequence[Job]) -> list[Estimate]:
        """Return an estimate for each job; jobs of a kind share one."""
        known: dict[tuple[str, str, bool], Estimate] = {}
        for job in seen:
            kind = (job.backend, job.task, job.sandbox)
            if kind not in known:
                known[kind] = Estimate.of(await self._ledger.durations(job))
        return [known[job.backend, job.task, job.sandbox] for job in seen]

    def _others(self, job: Job) -> bool:
        """Whether another process carries it, so that only the ledger tells how it stands."""
        return job.active and job.id in self._elsewhere

    def _progress(self, active: ActiveJob, estimate: Estimate) -> Progress:
        job, queue = active.job, self._queue_of(active.job)
        order = queue.order()
        return Progress(
            job=job,
            elapsed_s=time.time() - job.sent_at if job.sent_at else 0.0,
            estimate_s=estimate.seconds(job.work),
            ahead=order.index(job.id) if job.id in order else active.queued,
            stop=queue.stopped_by if job.state == "waiting" else None,
            loading=isinstance(active.progress, Loading),
            borrowing=isinstance(active.progress, Borrowing),
            fraction=active.progress.fraction,
            step=active.progress.step,
            total=active.progress.total,
            preview=active.preview,
        )

    async def _outcome(self, job_id: str) -> Progress:
        job = await self._ledger.get(job_id)
        entry = None
        if job.entry_id:
            with suppress(InputError):  # deleted meanwhile
                entry = await self._history.get(job.entry_id)
        return Progress(
            job=job,
            elapsed_s=entry.elapsed_s if entry else 0.0,
            entry=entry,
            needs_key=job.active and job.own_key is not None,
        )


async def _any(events: Sequence[asyncio.Event], seconds: float) -> None:
    """Wait until one of the events happens, at most `seconds`."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
