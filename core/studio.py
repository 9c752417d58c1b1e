"""The studio turns a request into a job that cannot get lost, and lets pages watch it.

Jobs belong to the studio, not to a browser tab: closing, reloading or losing the network changes
nothing. On start it picks up what was accepted before, and never resends what may have been sent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from core.backend import Backend, Loadable, Priced
from core.errors import InputError, NotReadyError, PlaygroundError
from core.estimate import Estimate
from core.events import Loading
from core.history import Entry, History, input_name
from core.job import Job, State
from core.lane import Lane
from core.ledger import Ledger
from core.params import Params, Task
from core.record import Recorder
from core.run import Run
from core.starting import pick_up

K = TypeVar("K", bound=str)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of a job at this instant; seconds count from the send."""

    job: Job
    elapsed_s: float = 0.0
    estimate_s: float | None = None
    ahead: int | None = None
    loading: bool = False
    """The model is not there yet; `fraction` is of its loading."""
    fraction: float | None = None
    step: int | None = None
    total: int | None = None
    preview: bytes | None = None
    entry: Entry | None = None
    stop: PlaygroundError | None = None
    """Why its backend sends nothing until a person resumes it."""


class Studio:
    """Takes requests, carries them out, and answers what became of them.

    A watcher hears of a job at least every `beat_s` seconds.
    """

    def __init__(
        self,
        backends: Mapping[str, Backend],
        ledger: Ledger,
        history: History,
        *,
        beat_s: float = 0.5,
    ) -> None:
        self._beat_s = beat_s
        self.backends = backends
        self.ledger = ledger
        self.history = history
        recorder = Recorder(history)
        self.lanes = {name: Lane(backend, ledger, recorder) for name, backend in backends.items()}
        self._runs: dict[str, Run] = {}
        self._chores: list[asyncio.Task[None]] = []
        self.closed: PlaygroundError | None = None
        """Why nothing new is taken, or None."""

    async def start(self) -> None:
        """Pick up the jobs an earlier process left: accepted ones, lost ones, waiting ones."""
        for run in await pick_up(self.ledger, self.history, self.backends):
            self.carry(run)
        for backend in self.backends.values():
            if isinstance(backend, Priced):
                self._chores.append(asyncio.create_task(backend.refresh()))
            if isinstance(backend, Loadable):
                self._chores.append(asyncio.create_task(backend.load()))

    async def aclose(self) -> None:
        """Stop carrying; the ledger says how to go on. Then close the backends."""
        tasks = [run.task for run in self._runs.values() if run.task] + self._chores
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for backend in self.backends.values():
            await backend.aclose()

    def kind(self, backend: str, task: Task) -> type[Params]:
        """Return the params type of a backend and task, or say which there are."""
        return _choose(self._backend(backend).tasks, task, f"“{backend}” does not offer the task")

    async def submit(self, backend: str, params: Params, *, owner: str, click: str = "") -> Job:
        """Write a job down and start carrying it; returns before anything is sent.

        The same `click` of the same owner is the same job. Raises NotReadyError when the backend
        cannot work, OverBudgetError when the price would pass a budget, HistoryError when the
        job cannot be written down.
        """
        return (await self.submit_all(backend, [params], owner=owner, click=click))[0]

    async def submit_all(
        self, backend: str, wishes: Sequence[Params], *, owner: str, click: str = ""
    ) -> list[Job]:
        """Do the same for all the pictures of one click: all are written down, or none."""
        chosen = self._backend(backend)
        if self.closed:
            raise self.closed
        if problem := chosen.problem():
            raise NotReadyError(f"{chosen.label} is not ready.", advice=problem)
        drawn = [params.with_seed() for params in wishes]
        # Shielded: a page that closes at this instant must not leave a row nobody carries.
        return await asyncio.shield(self._submit(chosen, drawn, owner, click))

    async def _submit(
        self, backend: Backend, wishes: Sequence[Params], owner: str, click: str
    ) -> list[Job]:
        async with self.history.inputs:
            if picture := wishes[0].picture:
                await self.history.storage.write(input_name(picture), picture.data)
            jobs = await self.ledger.add_all(backend, wishes, owner=owner, click=click)
        self.lanes[backend.id].line.probe()
        for job, params in zip(jobs, wishes, strict=False):
            if job.state == "waiting" and job.id not in self._runs:
                self.carry(Run(job=job, params=params))
        return jobs

    async def watch(self, job_ids: Sequence[str], *, owner: str) -> AsyncIterator[list[Progress]]:
        """Tell how jobs stand: at once, at every change, at every beat, and at their end."""
        seen = [await self.ledger.get(job_id, owner=owner) for job_id in job_ids]
        estimates = [Estimate.of(await self.ledger.durations(j.backend, j.task)) for j in seen]
        ended: dict[str, Progress] = {}
        while True:
            runs = [self._runs.get(job.id) for job in seen]
            changes = [run.changed for run in runs if run]
            for job, run in zip(seen, runs, strict=True):
                if run is None and job.id not in ended:
                    ended[job.id] = await self._outcome(job.id)
            yield [
                self._progress(run, estimate) if run else ended[job.id]
                for job, run, estimate in zip(seen, runs, estimates, strict=True)
            ]
            if not changes:
                return
            await _any(changes, self._beat_s)

    async def result(self, job_id: str, *, owner: str, patient: bool = True) -> Progress:
        """Wait for the end of a job and return it.

        Who is not patient is told as soon as it will take long: the job is pending, or its
        backend stopped.
        """
        run = self._runs.get(job_id)
        await self.ledger.get(job_id, owner=owner)
        while run and run.task and not run.task.done():
            stopped = run.job.state == "waiting" and self.lanes[run.job.backend].line.stopped_by
            if not patient and (run.pending or stopped):
                return self._progress(run, Estimate())
            await _any([run.changed], 3600 if patient else self._beat_s)
        return await self._outcome(job_id)

    async def cancel(self, job_id: str, *, owner: str) -> Job:
        """Stop a job where that saves anything; one that is paid for goes on in the background.

        The returned job says what happened: `cancelled`, or still on its way and `charged`.
        """
        job = await self.ledger.get(job_id, owner=owner)
        run = self._runs.get(job_id)
        if run is None or run.task is None:
            return job
        free = not self._backend(job.backend).paid
        if free or run.job.state in ("waiting", "sending"):
            run.stopped = True  # what is on its way out is stopped if its service refuses it
        if free or run.job.state == "waiting":
            run.task.cancel()
            await asyncio.wait([run.task])
        return await self.ledger.get(job_id, owner=owner)

    async def jobs(self, owner: str, *, states: Iterable[State], limit: int = 200) -> list[Job]:
        """Return an owner's jobs in any of `states`, newest first."""
        return await self.ledger.list(owner=owner, states=states, limit=limit)

    async def hand_over(self, old: str, new: str) -> int:
        """Give all that one owner made, or has under way, to another; return how many images."""
        moved = await self.history.hand_over(old, new)
        for run in self._runs.values():
            if run.job.owner == old:
                run.job = replace(run.job, owner=new)
        return moved

    def carry(self, run: Run) -> None:
        """Start a job's own task, which ends when the job does."""
        self._runs[run.job.id] = run
        run.task = asyncio.create_task(self._carry(run), name=f"job {run.job.id}")

    async def _carry(self, run: Run) -> None:
        try:
            await self.lanes[run.job.backend].carry(run)
        finally:
            del self._runs[run.job.id]
            run.tell()

    def _backend(self, name: str) -> Backend:
        return _choose(self.backends, name, "There is no backend called")

    def _progress(self, run: Run, estimate: Estimate) -> Progress:
        job, line = run.job, self.lanes[run.job.backend].line
        order = line.order()
        return Progress(
            job=job,
            elapsed_s=time.time() - job.sent_at if job.sent_at else 0.0,
            estimate_s=estimate.seconds(job.work),
            ahead=order.index(job.id) if job.id in order else run.queued,
            stop=line.stopped_by if job.state == "waiting" else None,
            loading=isinstance(run.progress, Loading),
            fraction=run.progress.fraction,
            step=run.progress.step,
            total=run.progress.total,
            preview=run.preview,
        )

    async def _outcome(self, job_id: str) -> Progress:
        job = await self.ledger.get(job_id)
        entry = None
        if job.entry_id:
            with suppress(InputError):  # deleted meanwhile
                entry = await self.history.get(job.entry_id)
        return Progress(job=job, elapsed_s=entry.elapsed_s if entry else 0.0, entry=entry)


async def _any(events: Sequence[asyncio.Event], seconds: float) -> None:
    """Wait until one of the events happens, at most `seconds`."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _choose(mapping: Mapping[K, V], name: K, what: str) -> V:
    if name not in mapping:
        raise InputError(
            f"{what} “{str(name)[:40]}”.",
            field="backend" if "backend" in what else "task",
            advice="Choose one of: " + ", ".join(map(str, mapping)) + ".",
        )
    return mapping[name]
