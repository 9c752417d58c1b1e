"""A service that takes no more requests for now: the job keeps its place and is sent once more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.errors import RateLimitError
from core.events import Event
from core.params import Params
from tests.conftest import Studios
from tests.fakes import FakeService, FakeText

pytestmark = pytest.mark.anyio


class Throttling(FakeService):
    """Refuses the first sends with a 429 that is certain not to be charged."""

    def __init__(self, refusals: int, retry_after: float) -> None:
        super().__init__(paid=True)
        self.left, self.retry_after = refusals, retry_after

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        if self.left:
            self.left -= 1
            raise RateLimitError("Too many.", advice="Wait.", retry_after=self.retry_after)
        async for event in super().generate(params):
            yield event


async def test_a_throttled_job_is_sent_again_when_the_service_says(studios: Studios) -> None:
    """It finishes with one charge, and its complaint is gone."""
    service = Throttling(refusals=2, retry_after=0.01)
    studio = await studios.open(service)
    job = await studio.submit("fake", FakeText(prompt="x", seed=1), owner="ann")
    end = (await studio.result(job.id, owner="ann")).job
    assert (end.state, end.error, service.sends) == ("finished", "", 1)


async def test_while_throttled_a_job_waits_says_why_and_can_be_cancelled(studios: Studios) -> None:
    """Nothing was spent, so cancelling ends it."""
    service = Throttling(refusals=1, retry_after=3600)
    studio = await studios.open(service)
    job = await studio.submit("fake", FakeText(prompt="x", seed=1), owner="ann")
    said: Any = None
    async with asyncio.timeout(5):
        async for progresses in studio.watch([job.id], owner="ann"):
            said = progresses[0].job
            if said.error:
                break
    assert (said.state, said.error) == ("waiting", "Too many.")
    gone = await studio.cancel(job.id, owner="ann")
    assert (gone.state, gone.charged, service.sends) == ("cancelled", "no", 0)
