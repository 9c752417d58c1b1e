"""Follows one accepted WaveSpeed job to its picture; nothing here costs anything.

Whatever goes wrong on the way to a picture that may exist ends as RunTimeoutError: the job stays
pending and can be followed again later. Only what the service itself calls over is over.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote

from backends.download import Downloads, ForbiddenAddressError
from backends.http import Answer, Api, Patience
from backends.polling import Bucket, Pace
from backends.prediction import Prediction, failure, read
from core.errors import BackendError, PlaygroundError, RejectedError, RunTimeoutError
from core.events import Event, Finished, Queued, Running

DEADLINE_S = 600.0
EMPTY_S = 30.0
"""How long a completed job may be without outputs, in seconds."""
LOST_TRIES = 7
"""How often a service may not know an id before it is believed."""


@dataclass(slots=True)
class Watch:
    """The patience of one job."""

    api: Api
    downloads: Downloads
    pace: Pace
    bucket: Bucket
    work: float
    round_trip: float = 0.0
    """Seconds from a request to its answer; the service looks at half of it."""
    deadline_s: float = DEADLINE_S

    async def follow(self, task: Prediction) -> AsyncIterator[Event]:
        """Yield events until the picture is here."""
        deadline = time.monotonic() + self.deadline_s
        async for event, latest in self._until_done(task, deadline):
            task = latest
            if event:
                yield event
        yield Finished(await self._picture(task, deadline), flagged=task.flagged)

    async def _until_done(
        self, task: Prediction, deadline: float
    ) -> AsyncIterator[tuple[Event | None, Prediction]]:
        started = unfinished = time.monotonic()
        told = ""
        while not (task.phase == "done" and task.outputs):
            if task.phase == "ended":
                raise failure(self.api.service, task)
            if task.phase != told and task.phase != "done":
                told = task.phase
                yield (Queued() if told == "queued" else Running()), task
            if task.phase == "done" and time.monotonic() - unfinished > EMPTY_S:
                raise late(self.api.service, task.id)
            elapsed = time.monotonic() - started
            await asyncio.sleep(self.pace.wait(self.work, elapsed + self.round_trip / 2))
            asked = time.monotonic()
            task = await self._poll(task.id, deadline)
            if task.phase in ("queued", "working"):
                unfinished = asked
            self.round_trip = min(max(self.round_trip, 1e-3), time.monotonic() - asked)
        self.pace.observe(self.work, (unfinished + time.monotonic()) / 2 - started)
        yield None, task

    async def _poll(self, request_id: str, deadline: float) -> Prediction:
        """Ask until there is an answer about this job."""
        service, lost = self.api.service, 0
        patience = Patience(deadline)
        while True:
            await self.bucket.take()
            answer: Answer | None = None
            try:
                answer = await self.api.ask("GET", result_path(request_id))
            except PlaygroundError:
                pass  # the network: asked again below
            if answer and (task := self._mine(answer, request_id)):
                return task
            if answer and answer.status == 404:
                lost += 1
            if lost >= LOST_TRIES:
                raise gone(service, request_id)
            try:
                await patience.pause(answer.retry_after if answer else None)
            except TimeoutError as error:
                raise late(service, request_id) from error

    def _mine(self, answer: Answer, request_id: str) -> Prediction | None:
        task = read(answer.body) if answer.status < 300 else None
        return task if task and task.id == request_id else None

    async def _picture(self, task: Prediction, deadline: float) -> bytes:
        """Return the picture: bytes in the answer, or what lies at the address."""
        place = task.outputs[0]
        if not place.lower().startswith(("http:", "https:", "file:", "ftp:", "//")):
            try:
                return base64.b64decode(place.rpartition(",")[2], validate=True)
            except (binascii.Error, ValueError) as error:
                raise late(self.api.service, task.id) from error
        try:
            return await self.downloads.fetch(place, deadline)
        except ForbiddenAddressError as error:
            error.request_id = task.id
            raise
        except BackendError as error:
            raise late(self.api.service, task.id, str(error)) from error


def result_path(request_id: str) -> str:
    """Return where a job's result is asked for, whatever its id contains."""
    return f"/api/v3/predictions/{quote(request_id, safe='')}/result"


def late(service: str, request_id: str, why: str = "") -> RunTimeoutError:
    """Say that a job is still pending."""
    return RunTimeoutError(
        why or f"{service} has not delivered yet.",
        advice="It is asked again in the background for as long as the service keeps the result.",
        request_id=request_id,
        charged="yes",
    )


def gone(service: str, request_id: str) -> RejectedError:
    """Say that the service forgot a job."""
    return RejectedError(
        f"{service} no longer knows this job.",
        advice="Results are kept for seven days. Look at your account there.",
        request_id=request_id,
        charged="maybe",
    )
