"""Follows one accepted WaveSpeed job to its image; nothing here costs anything.

Whatever goes wrong on the way to an image that may exist ends as RunTimeoutError: the job stays
pending and can be followed again later. Only what the service itself calls over is over.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from urllib.parse import quote

from backends.remote.client import Api, Backoff
from backends.remote.downloads import Downloads, ExpiredError, unpacked
from backends.remote.polling import PollSchedule
from backends.remote.public_addresses import ForbiddenAddressError
from backends.remote.refusals import denied, gone, late, status_of
from backends.remote.responses import Answer
from backends.wavespeed.batch_polling import BatchPolling
from backends.wavespeed.predictions import Prediction, failure, read
from core.errors import BackendError, PlaygroundError
from core.events import Delivered, Event, Finished, Queued, Running

DEADLINE_S = 600.0
EMPTY_S = 30.0
"""How long a completed job may be without outputs, in seconds."""
LONGEST_ADDRESS = 4_000
LOST_TRIES = 7
"""How often a service may not know an id before it is believed."""
DENIED_TRIES = 3
"""How often it may not accept the key."""
FRESH_TRIES = 4
"""How often a new address is asked for in place of one that expired."""


@dataclass(slots=True)
class Follower:
    """The backoff of one job; moments are seconds since `born`, when the service accepted it."""

    api: Api
    downloads: Downloads
    schedule: PollSchedule
    batch: BatchPolling
    work: float
    round_trip: float = 0.0
    """Seconds from a request to its answer; the service looks at half of it."""
    deadline_s: float = DEADLINE_S
    _born: float = 0.0
    _looked: float = 0.0
    """When the service last told where the job stands."""
    _unfinished: float = 0.0
    """When it last said that the job is not done."""

    async def follow(
        self, task: Prediction, accepted_at: float | None = None
    ) -> AsyncGenerator[Event, None]:
        """Yield events until the image is here.

        `accepted_at` is in monotonic seconds; None when it is not known, because another process
        sent the job: then it is asked for at once, and teaches nothing about time.
        """
        with self.batch.under_way(task.id, accepted_at):
            async for event in self._events(task, accepted_at):
                yield event

    async def _events(
        self, task: Prediction, accepted_at: float | None
    ) -> AsyncGenerator[Event, None]:
        deadline = time.monotonic() + self.deadline_s
        self._born = time.monotonic() if accepted_at is None else accepted_at
        if accepted_at is None and not task.outputs:
            task = await self._poll(task.id, deadline)
        told = ""
        while not (task.phase == "done" and task.outputs):
            if task.phase == "ended":
                raise failure(self.api.service, task)
            if task.phase not in (told, "done"):
                told = task.phase
                yield Queued() if told == "queued" else Running()
            task = await self._next(task, deadline)
        if accepted_at is not None:
            self._learn(task)
        if task.outputs[0].startswith("http"):
            yield Delivered(outputs=task.outputs[0][:LONGEST_ADDRESS])
        yield Finished(await self._picture(task, deadline), flagged=task.flagged)

    async def _next(self, task: Prediction, deadline: float) -> Prediction:
        """Wait for the right moment and ask once more."""
        left = deadline - time.monotonic()
        if left <= 0 or self._looked - self._unfinished > EMPTY_S:
            raise late(self.api.service, task.id)
        elapsed = time.monotonic() + self.round_trip / 2 - self._born
        await asyncio.sleep(min(self.schedule.wait(self.work, elapsed, self._looked), left))
        latest = await self._poll(task.id, deadline)
        if latest.phase in ("queued", "working"):
            self._unfinished = self._looked
        return latest

    def _learn(self, task: Prediction) -> None:
        """Teach the schedule: its own time where it fits, else the middle of what was seen."""
        seen = (self._unfinished + self._looked) / 2
        fits = task.seconds > 0 and self._unfinished <= task.seconds <= self._looked
        self.schedule.observe(self.work, task.seconds if fits else seen)

    async def _poll(self, request_id: str, deadline: float) -> Prediction:
        """Ask until there is an answer about this job."""
        if seen := await self.batch.look(request_id):
            task, moment = seen
            self._looked = moment - self._born
            return task
        return await self._poll_alone(request_id, deadline)

    async def _poll_alone(self, request_id: str, deadline: float) -> Prediction:
        service, backoff = self.api.service, Backoff(deadline)
        refusals: Counter[int] = Counter()
        while True:
            try:
                await self.batch.limiter.take(deadline)
            except TimeoutError as error:
                raise late(service, request_id) from error
            answer = await self._ask(request_id)
            task = read(answer.body) if answer else None
            if task and task.id == request_id:
                return task
            if answer:
                refusals[status_of(answer)] += 1
            if refusals[404] >= LOST_TRIES:
                raise gone(service, request_id)
            if refusals[401] >= DENIED_TRIES:
                raise denied(service, request_id)
            try:
                await backoff.pause(answer.retry_after if answer else None)
            except TimeoutError as error:
                raise late(service, request_id) from error

    async def _ask(self, request_id: str) -> Answer | None:
        """Ask once; None when the network failed, which says nothing about the job."""
        asked = time.monotonic()
        try:
            answer = await self.api.ask("GET", result_path(request_id))
        except PlaygroundError:
            return None
        took = time.monotonic() - asked
        self.batch.limiter.heard(status_of(answer), asked, answer.retry_after)
        self.round_trip = min(self.round_trip or took, took)
        self._looked = asked + took / 2 - self._born
        return answer

    async def _picture(self, task: Prediction, deadline: float) -> bytes:
        """Return the image; an address that expired is asked for anew."""
        backoff = Backoff(deadline)
        while True:
            try:
                return await self._fetched(task, deadline)
            except ExpiredError as error:
                try:
                    await backoff.pause()
                except TimeoutError:
                    raise late(self.api.service, task.id, str(error)) from error
            if backoff.tries >= FRESH_TRIES:
                raise late(self.api.service, task.id)
            fresh = await self._poll(task.id, deadline)
            task = fresh if fresh.outputs else task

    async def _fetched(self, task: Prediction, deadline: float) -> bytes:
        """Return the bytes in the answer, or what lies at the address in it."""
        place, service = task.outputs[0], self.api.service
        try:
            if not place.lower().startswith(("http:", "https:", "file:", "ftp:", "//")):
                return await unpacked(service, place)
            return await self.downloads.fetch(place, deadline)
        except ExpiredError:
            raise
        except ForbiddenAddressError as error:
            error.request_id = task.id
            raise
        except BackendError as error:
            raise late(service, task.id, str(error)) from error


def result_path(request_id: str) -> str:
    """Return where a job's result is asked for, whatever its id contains."""
    return f"/api/v3/predictions/{quote(request_id, safe='')}/result"
