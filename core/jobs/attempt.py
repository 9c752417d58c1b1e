"""One attempt at a job: send it or resume it, find it again if its answer is lost, keep it."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from core import pictures
from core.backend import BEFORE_DECODING, Backend, Collectable, ListsJobs, Resumable
from core.errors import BackendError, Charged
from core.events import Accepted, Delivered, Event, Finished, Preview, Queued, Running
from core.jobs.active_job import ActiveJob, broken
from core.jobs.job import UNFINISHED, State
from core.jobs.ledger import Ledger
from core.jobs.next_step import Step, next_step
from core.jobs.reconcile import Finding, reconcile, unanswered_until
from core.jobs.save import Saver
from core.jobs.send_queue import SendQueue
from core.params import Params
from core.words import english

NEAR = 16
"""Pixels by which a service may round a size."""
LOOK = english("service-look-at-your-account-there")
OUT: tuple[State, ...] = ("sending", "running")
"""What a search may settle; what a service tells its sender is noted whatever others believe."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one backend's jobs are made; every step is in the ledger before the next one."""

    backend: Backend
    ledger: Ledger
    saver: Saver
    queue: SendQueue

    async def work(self, active: ActiveJob) -> None:
        """Send a job or resume it, and store its image."""
        if active.owed:
            await self._settle(active)
        BEFORE_DECODING.set(partial(self._count, active))
        if active.image is None:
            await self._make(active)
        if active.image is None:
            raise broken(active.job)
        await self._keep(active, *active.image)

    async def _make(self, active: ActiveJob) -> None:
        """Take the steps that bring the image into hand."""
        if next_step(active.job, self.backend) == "reconcile":
            await self._turn(active)
            await self._find(active, unanswered_until(active.job))
        try:
            await self._take(next_step(active.job, self.backend), active)
        except BackendError as error:
            await self._look_for(active, error)
            await self._take(next_step(active.job, self.backend), active)

    async def _take(self, step: Step, active: ActiveJob) -> None:
        """Take one step; only here, and only for "send", anything costly goes out."""
        job, params, backend = active.job, active.params, self.backend
        if step == "send":
            await self._turn(active)
            await self._begin(active)
        else:
            self.queue.join(job.id)
        if step == "send":
            await self._hear(active, backend.generate(params))
        elif step == "save":
            active.image = await self.saver.received(job), False
        elif step == "collect" and isinstance(backend, Collectable):
            await self._hear(active, backend.collect(params, job.outputs, job.request_id))
        elif step == "resume" and isinstance(backend, Resumable) and job.request_id is not None:
            await self._hear(active, backend.resume(params, job.request_id))
        else:
            raise BackendError(
                job.error or english("jobs-service-has-no-way-back"),
                advice=LOOK,
                request_id=job.request_id,
                charged=job.charged if job.charged != "no" else "maybe",
            )

    async def _turn(self, active: ActiveJob) -> None:
        """Wait until this job may use the way to the service; one that was lost goes first."""
        job = active.job
        await self.queue.enter(job.id, job.owner, job.place, urgent=active.lost)

    async def _begin(self, active: ActiveJob) -> None:
        """Write down that it is being sent, before it is; another process may have done so."""
        facts = {"sent": self.backend.sent(active.params), "sent_at": time.time()}
        claim = asyncio.create_task(self.ledger.claim(active.job.id, **facts, error="", advice=""))
        try:
            active.job = await asyncio.shield(claim)
        except asyncio.CancelledError:  # nothing went out: whoever looks next finds it waiting
            await asyncio.wait([claim])
            if not claim.exception():
                await self.ledger.change(active.job.id, "waiting", among=["sending"], sent_at=None)
            raise
        active.tell()

    async def _hear(self, active: ActiveJob, events: Any) -> None:
        async with aclosing(events):
            async for event in events:
                await self._note(active, event)

    async def _look_for(self, active: ActiveJob, error: BackendError) -> None:
        """Look up a send whose answer was lost; raises `error` when there is nothing to look for.

        The turn to send is held all the while: no other send may become as uncertain.
        """
        lost = error.charged == "maybe" and active.job.request_id is None and not active.job.outputs
        if not (lost and isinstance(self.backend, ListsJobs) and self.backend.paid):
            raise error
        active.job = await self.ledger.change(
            active.job.id,
            "sending",
            among=OUT,
            like=active.job,
            charged="maybe",
            error=str(error),
            advice=english("jobs-looked-up-at-service"),
        )
        active.tell()
        await self._find(active, time.time(), error)

    async def _find(
        self, active: ActiveJob, until: float, error: BackendError | None = None
    ) -> None:
        """Adopt the one job in the service's list that can be this one, or raise."""
        finding = Finding()
        if isinstance(self.backend, ListsJobs):
            finding = await reconcile(self.backend, self.ledger, active.job, active.params, until)
        active.lost = False
        if adopted := finding.certain:
            active.owed = {"request_id": adopted, "candidates": [adopted], "charged": "yes"}
            active.owed |= {"error": "", "advice": ""}
            await self._settle(active)
            self.queue.answered(active.job.id)
            active.tell()
            return
        candidates = sorted(finding.candidates)
        active.job = await self.ledger.change(
            active.job.id, "sending", among=OUT, like=active.job, candidates=candidates
        )
        raise _undecided(str(error or active.job.error), finding)

    async def _settle(self, active: ActiveJob) -> None:
        """Write down an id and its price; until that is possible this process remembers them."""
        active.job = replace(active.job, **active.owed)
        if "candidates" in active.owed:  # found in a list: an id that the sender was told is better
            unanswered = replace(active.job, request_id=None)
            change = self.ledger.change(
                active.job.id, "running", among=OUT, like=unanswered, **active.owed
            )
        else:
            change = self.ledger.change(active.job.id, "running", among=UNFINISHED, **active.owed)
        active.job = await change
        active.owed = {}

    async def _note(self, active: ActiveJob, event: Event) -> None:
        """Put an event where it belongs: the ledger first, then the eyes of the watchers."""
        match event:
            case Accepted(request_id):
                active.owed = {"request_id": request_id, "charged": self._charge()}
                await self._settle(active)
                self.queue.worked()
                self.queue.answered(active.job.id)
            case Queued(position):
                active.queued, active.unbegun = position, True
            case Delivered(outputs=outputs):
                active.job = await self.ledger.change(
                    active.job.id,
                    "running",
                    among=UNFINISHED,
                    like=active.job,
                    outputs=outputs,
                    charged=self._charge(),
                )
            case Running():
                active.queued, active.unbegun, active.progress = None, False, event
                if active.job.state != "running" and not isinstance(self.backend, Resumable):
                    active.job = await self.ledger.change(
                        active.job.id, "running", among=UNFINISHED
                    )
            case Preview(image):
                active.preview = image
            case Finished(image, flagged, ran):
                self.queue.worked()
                if ran:
                    sent = {**active.job.sent, **ran}
                    active.job = await self.ledger.change(
                        active.job.id, "running", among=UNFINISHED, like=active.job, sent=sent
                    )
                active.image = image, flagged
            case _:
                raise TypeError(f"not an event: {event!r}")
        active.tell()

    async def _count(self, active: ActiveJob) -> None:
        """Count a resumed job whose file is decoded next, once: it may bring the program down.

        A file that does must not do so at every start. A program that is killed while it waits or
        downloads says nothing about the file, and is not counted.
        """
        if active.resumed:
            active.resumed = False
            active.job = await self.ledger.change(
                active.job.id, "running", among=UNFINISHED, tries=active.job.tries + 1
            )

    async def _keep(self, active: ActiveJob, image: bytes, flagged: bool) -> None:
        """Store the image in hand; one that cannot be had again is put aside first."""
        await self._count(active)
        if active.job.candidates and not _fits(active.params, image):
            await self._doubt(active)
        if self.backend.paid and not active.job.outputs and active.job.request_id is None:
            active.job = await self.saver.receive(active.job, image, self.ledger)
        active.job = await self.saver.keep(
            active.job, image, flagged=flagged, charged=self._charge()
        )
        active.tell()

    async def _doubt(self, active: ActiveJob) -> None:
        """Let go of a job that was adopted and whose image was made for somebody else."""
        active.image, finding = None, Finding(set(active.job.candidates))
        active.job = await self.ledger.change(
            active.job.id,
            "sending",
            like=active.job,
            request_id=None,
            outputs="",
            set_aside=False,
            charged="maybe",
        )
        raise _undecided(english("jobs-image-in-service-s-list"), finding)

    def _charge(self) -> Charged:
        return "yes" if self.backend.paid else "no"


def _fits(params: Params, image: bytes) -> bool:
    """Whether an image can be what was asked for, as far as its size tells."""
    _kind, width, height = pictures.inspect(image)
    asked = params.picture or params
    wide, high = getattr(asked, "width", width), getattr(asked, "height", height)
    if params.picture:  # a service may scale it
        return abs(width * high - height * wide) <= 0.03 * width * high
    return abs(width - wide) < NEAR and abs(height - high) < NEAR


def _undecided(said: str, finding: Finding) -> BackendError:
    """Say what the list told of a job that cannot be settled by itself."""
    said = said or english("jobs-program-ended-after-was-sent")
    if finding.candidates:
        advice = english("jobs-service-s-list-has-what")
    elif finding.looked:
        advice = english("jobs-service-s-list-does-not")
    else:
        advice = LOOK
    return BackendError(said, advice=advice, charged="maybe")
