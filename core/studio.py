"""The studio turns a request into a job that cannot get lost, and lets pages watch it.

Jobs belong to the studio, not to a browser tab: closing, reloading or losing the network changes
nothing. On start it picks up what was accepted before, and never resends what may have been sent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from core.backend import Backend, Resumable
from core.errors import InputError, NotReadyError, PlaygroundError
from core.estimate import Estimate
from core.history import Entry, History
from core.lane import Lane, Run
from core.ledger import ACTIVE, Job, Ledger, State
from core.params import Params, Task
from core.parsing import parse
from core.pictures import Picture
from core.record import Recorder

K = TypeVar("K", bound=str)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of a job at this instant; seconds count from the send."""

    job: Job
    elapsed_s: float = 0.0
    estimate_s: float | None = None
    ahead: int | None = None
    fraction: float | None = None
    step: int | None = None
    total: int | None = None
    preview: bytes | None = None
    entry: Entry | None = None


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
        self._lanes = {name: Lane(backend, ledger, recorder) for name, backend in backends.items()}
        self._runs: dict[str, Run] = {}

    async def start(self) -> None:
        """Pick up the jobs an earlier process left: accepted ones first, then waiting ones."""
        left = await self.ledger.list(states=ACTIVE, limit=100_000)
        for job in sorted(left, key=lambda job: (job.request_id is None, job.n)):
            await self._pick_up(job)

    async def aclose(self) -> None:
        """Stop carrying; the ledger says how to go on. Then close the backends."""
        tasks = [run.task for run in self._runs.values() if run.task]
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
        chosen = self._backend(backend)
        if problem := chosen.problem():
            raise NotReadyError(f"{chosen.label} is not ready.", advice=problem)
        # Shielded: a page that closes at this instant must not leave a row nobody carries.
        return await asyncio.shield(self._submit(chosen, params.with_seed(), owner, click))

    async def _submit(self, backend: Backend, params: Params, owner: str, click: str) -> Job:
        if picture := params.picture:
            await self.history.storage.write(input_name(picture), picture.data)
        job = await self.ledger.add(backend, params, owner=owner, click=click)
        if job.state == "waiting" and job.id not in self._runs:
            self._carry(job, params)
        return job

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

    async def result(self, job_id: str, *, owner: str) -> Progress:
        """Wait for the end of a job and return it."""
        run = self._runs.get(job_id)
        await self.ledger.get(job_id, owner=owner)
        if run and run.task:
            await asyncio.wait([run.task])
        return await self._outcome(job_id)

    async def cancel(self, job_id: str, *, owner: str) -> Job:
        """Stop a job where that saves anything; one that is paid for goes on in the background.

        The returned job says what happened: `cancelled`, or still on its way and `charged`.
        """
        job = await self.ledger.get(job_id, owner=owner)
        run = self._runs.get(job_id)
        if run is None or run.task is None:
            return job
        if run.job.state == "waiting" or not self._backend(job.backend).paid:
            run.stopped = True
            run.task.cancel()
            await asyncio.wait([run.task])
        return await self.ledger.get(job_id, owner=owner)

    async def jobs(self, owner: str, *, states: Iterable[State], limit: int = 200) -> list[Job]:
        """Return an owner's jobs in any of `states`, newest first."""
        return await self.ledger.list(owner=owner, states=states, limit=limit)

    def _carry(self, job: Job, params: Params) -> None:
        run = Run(job=job, params=params)
        self._runs[job.id] = run
        run.task = asyncio.create_task(self._run(run), name=f"job {job.id}")

    async def _run(self, run: Run) -> None:
        try:
            await self._lanes[run.job.backend].carry(run)
        finally:
            del self._runs[run.job.id]
            run.tell()

    async def _pick_up(self, job: Job) -> None:
        """Go on with a job of an earlier process in the way that cannot charge it twice."""
        backend = self.backends.get(job.backend)
        if backend is None or backend.sandbox != job.sandbox:
            return  # its service is not configured now; it is asked again when it is
        known = job.request_id is not None and isinstance(backend, Resumable)
        if backend.paid and job.state != "waiting" and not known:
            await self.ledger.change(job.id, "unknown", charged="maybe", **_UNANSWERED)
            return
        if not backend.paid:  # nothing was spent and the stand-in forgot: begin again
            job = await self.ledger.change(job.id, "waiting", request_id=None)
        try:
            self._carry(job, await self._params(job))
        except PlaygroundError as error:
            await self.ledger.change(job.id, "failed", error=str(error), advice=error.advice)

    async def _params(self, job: Job) -> Params:
        values = dict(job.params)
        if isinstance(values.get("image"), dict):
            picture = Picture(**values["image"])
            data = await self.history.storage.read(input_name(picture))
            values["image"] = picture.model_copy(update={"data": data})
        return parse(self.kind(job.backend, job.task), values)

    def _backend(self, name: str) -> Backend:
        return _choose(self.backends, name, "There is no backend called")

    def _progress(self, run: Run, estimate: Estimate) -> Progress:
        job = run.job
        return Progress(
            job=job,
            elapsed_s=time.time() - job.sent_at if job.sent_at else 0.0,
            estimate_s=estimate.seconds(job.work),
            ahead=self._ahead(job) if job.state == "waiting" else run.queued,
            fraction=run.progress.fraction,
            step=run.progress.step,
            total=run.progress.total,
            preview=run.preview,
        )

    def _ahead(self, job: Job) -> int:
        """How many jobs wait before this one in its lane."""
        others = [run.job for run in self._runs.values() if run.job.backend == job.backend]
        return sum(other.state == "waiting" and other.n < job.n for other in others)

    async def _outcome(self, job_id: str) -> Progress:
        job = await self.ledger.get(job_id)
        entry = None
        if job.entry_id:
            with suppress(InputError):  # deleted meanwhile
                entry = await self.history.get(job.entry_id)
        return Progress(job=job, elapsed_s=entry.elapsed_s if entry else 0.0, entry=entry)


_UNANSWERED = {
    "error": "The program ended after this was sent and before the service answered.",
    "advice": "It may have been charged. Look at your account before you make it again.",
}


async def _any(events: Sequence[asyncio.Event], seconds: float) -> None:
    """Wait until one of the events happens, at most `seconds`."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def input_name(picture: Picture) -> str:
    """Name a picture to start from by its content, so that the same one is kept once."""
    suffix = picture.media_type.rpartition("/")[2]
    return f"inputs/{picture.sha256[:2]}/{picture.sha256}.{suffix}"


def _choose(mapping: Mapping[K, V], name: K, what: str) -> V:
    if name not in mapping:
        raise InputError(
            f"{what} “{str(name)[:40]}”.",
            field="backend" if "backend" in what else "task",
            advice="Choose one of: " + ", ".join(map(str, mapping)) + ".",
        )
    return mapping[name]
