"""One attempt at a job: send it or go on with it, find it again if its answer is lost, keep it."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from core import pictures
from core.backend import Backend, Collectable, Resumable, Traceable
from core.errors import BackendError, Charged
from core.events import Accepted, Delivered, Event, Finished, Preview, Queued, Running
from core.jobs.active_job import Run, broken
from core.jobs.job import UNFINISHED, State
from core.jobs.ledger import Ledger
from core.jobs.reconcile import Finding, trace, unanswered_until
from core.jobs.save import Recorder
from core.jobs.send_queue import SendQueue
from core.params import Params

NEAR = 16
"""Pixels by which a service may round a size."""
OUT: tuple[State, ...] = ("sending", "running")
"""What a search may settle; what a service tells its sender is noted whatever others believe."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one backend's jobs are made; every step is in the ledger before the next one."""

    backend: Backend
    ledger: Ledger
    recorder: Recorder
    queue: SendQueue

    async def work(self, run: Run) -> None:
        """Send a job, or go on with it, and store its picture."""
        if run.owed:
            await self._settle(run)
        if run.image is None and run.job.outputs.startswith("received/"):
            run.image = await self.recorder.received(run.job), False
        if run.image is None:
            await self._make(run)
        if run.image is None:
            raise broken(run.job)
        await self._keep(run, *run.image)

    async def _make(self, run: Run) -> None:
        """Send, or go on with what was sent, until the picture is in hand."""
        known = run.job.request_id is not None or bool(run.job.outputs)
        if known:
            self.queue.join(run.job.id)
        else:
            await self.queue.enter(run.job.id, run.job.owner, run.job.place, urgent=run.lost)
            if run.lost:
                await self._find(run, unanswered_until(run.job))
            else:
                await self._begin(run)
        try:
            await self._follow(run)
        except BackendError as error:
            await self._look_for(run, error)
            await self._follow(run)

    async def _begin(self, run: Run) -> None:
        """Write down that it is being sent, before it is; another process may have done so."""
        facts = {"sent": self.backend.sent(run.params), "sent_at": time.time()}
        claim = asyncio.create_task(self.ledger.claim(run.job.id, **facts, error="", advice=""))
        try:
            run.job = await asyncio.shield(claim)
        except asyncio.CancelledError:  # nothing went out: whoever looks next finds it waiting
            await asyncio.wait([claim])
            if not claim.exception():
                await self.ledger.change(run.job.id, "waiting", among=["sending"], sent_at=None)
            raise
        run.tell()

    async def _follow(self, run: Run) -> None:
        async with aclosing(_stream(self.backend, run)) as events:
            async for event in events:
                await self._note(run, event)

    async def _look_for(self, run: Run, error: BackendError) -> None:
        """Look up a send whose answer was lost; raises `error` when there is nothing to look for.

        The turn to send is held all the while: no other send may become as uncertain.
        """
        lost = error.charged == "maybe" and run.job.request_id is None and not run.job.outputs
        if not (lost and isinstance(self.backend, Traceable) and self.backend.paid):
            raise error
        run.job = await self.ledger.change(
            run.job.id,
            "sending",
            among=OUT,
            like=run.job,
            charged="maybe",
            error=str(error),
            advice="It is looked up at the service.",
        )
        run.tell()
        await self._find(run, time.time(), error)

    async def _find(self, run: Run, until: float, error: BackendError | None = None) -> None:
        """Adopt the one job in the service's list that can be this one, or raise."""
        finding = Finding()
        if isinstance(self.backend, Traceable):
            finding = await trace(self.backend, self.ledger, run.job, run.params, until)
        run.lost = False
        if adopted := finding.certain:
            run.owed = {"request_id": adopted, "candidates": [adopted], "charged": "yes"}
            run.owed |= {"error": "", "advice": ""}
            await self._settle(run)
            self.queue.answered(run.job.id)
            run.tell()
            return
        candidates = sorted(finding.candidates)
        run.job = await self.ledger.change(
            run.job.id, "sending", among=OUT, like=run.job, candidates=candidates
        )
        raise _undecided(str(error or run.job.error), finding)

    async def _settle(self, run: Run) -> None:
        """Write down an id and its price; until that is possible this process remembers them."""
        run.job = replace(run.job, **run.owed)
        if "candidates" in run.owed:  # found in a list: an id that the sender was told is better
            unanswered = replace(run.job, request_id=None)
            change = self.ledger.change(
                run.job.id, "running", among=OUT, like=unanswered, **run.owed
            )
        else:
            change = self.ledger.change(run.job.id, "running", among=UNFINISHED, **run.owed)
        run.job = await change
        run.owed = {}

    async def _note(self, run: Run, event: Event) -> None:
        """Put an event where it belongs: the ledger first, then the eyes of the watchers."""
        match event:
            case Accepted(request_id):
                run.owed = {"request_id": request_id, "charged": self._charge()}
                await self._settle(run)
                self.queue.worked()
                self.queue.answered(run.job.id)
            case Queued(position):
                run.queued = position
            case Delivered(outputs=outputs):
                # Counted: a file that brings the program down must not do so at every start.
                run.job = await self.ledger.change(
                    run.job.id,
                    "running",
                    among=UNFINISHED,
                    like=run.job,
                    outputs=outputs,
                    charged=self._charge(),
                    tries=run.job.tries + run.resumed,
                )
            case Running():
                run.queued, run.progress = None, event
                if run.job.state != "running" and not isinstance(self.backend, Resumable):
                    run.job = await self.ledger.change(run.job.id, "running", among=UNFINISHED)
            case Preview(image):
                run.preview = image
            case Finished(image, flagged, ran):
                self.queue.worked()
                if ran:
                    sent = {**run.job.sent, **ran}
                    run.job = await self.ledger.change(
                        run.job.id, "running", among=UNFINISHED, like=run.job, sent=sent
                    )
                run.image = image, flagged
            case _:
                raise TypeError(f"not an event: {event!r}")
        run.tell()

    async def _keep(self, run: Run, image: bytes, flagged: bool) -> None:
        """Store the picture in hand; one that cannot be had again is put aside first."""
        if run.job.candidates and not _fits(run.params, image):
            await self._doubt(run)
        if self.backend.paid and not run.job.outputs and run.job.request_id is None:
            run.job = await self.recorder.receive(run.job, image, self.ledger)
        run.job = await self.recorder.keep(run.job, image, flagged=flagged, charged=self._charge())
        run.tell()

    async def _doubt(self, run: Run) -> None:
        """Let go of a job that was adopted and whose picture was made for somebody else."""
        run.image, finding = None, Finding(set(run.job.candidates))
        run.job = await self.ledger.change(
            run.job.id, "sending", like=run.job, request_id=None, outputs="", charged="maybe"
        )
        raise _undecided("The picture in the service's list has another size.", finding)

    def _charge(self) -> Charged:
        return "yes" if self.backend.paid else "no"


def _stream(backend: Backend, run: Run) -> Any:
    job = run.job
    if job.outputs and isinstance(backend, Collectable):
        return backend.collect(run.params, job.outputs, job.request_id)
    if job.request_id is not None and isinstance(backend, Resumable):
        return backend.resume(run.params, job.request_id)
    return backend.generate(run.params)


def _fits(params: Params, image: bytes) -> bool:
    """Whether a picture can be what was asked for, as far as its size tells."""
    _kind, width, height = pictures.inspect(image)
    asked = params.picture or params
    wide, high = getattr(asked, "width", width), getattr(asked, "height", height)
    if params.picture:  # a service may scale it
        return abs(width * high - height * wide) <= 0.03 * width * high
    return abs(width - wide) < NEAR and abs(height - high) < NEAR


def _undecided(said: str, finding: Finding) -> BackendError:
    """Say what the list told of a job that cannot be settled by itself."""
    said = said or "The program ended after this was sent and before the service answered."
    if finding.candidates:
        advice = "The service's list has what may be it: say whether it is yours."
    elif finding.looked:
        advice = "The service's list does not have it."
    else:
        advice = "Look at your account there before you make it again."
    return BackendError(said, advice=advice, charged="maybe")
