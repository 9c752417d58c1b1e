"""What one owner made, or has under way, becomes another's whole."""

from __future__ import annotations

import asyncio

import pytest

from core.errors import InputError
from core.jobs.job import STATES
from tests.conftest import Studios
from tests.fakes import FakeBackend, FakeText

pytestmark = pytest.mark.anyio


async def test_images_and_jobs_under_way_move_and_others_stay(studios: Studios) -> None:
    """A job that ends after the move leaves its image with the new owner."""
    backend = FakeBackend()
    studio = await studios.open(backend)
    for owner in ("browser:old", "browser:other"):
        done = await studio.submit("fake", FakeText(prompt="hills", seed=1), owner=owner)
        await studio.result(done.id, owner=owner)
    backend.gate.clear()
    open_jobs = [
        await studio.submit("fake", FakeText(prompt="hills", seed=seed), owner="browser:old")
        for seed in (2, 3, 4)  # the third one waits
    ]
    while len(backend.started) < 4:
        await asyncio.sleep(0)
    assert await studio.history.held("browser:old") == (1, 3)
    assert await studio.hand_over("browser:old", "user:ann") == 1
    assert await studio.history.held("browser:old") == (0, 0)
    assert await studio.history.held("user:ann") == (1, 3)
    backend.gate.set()
    for job in open_jobs:
        ended = await studio.result(job.id, owner="user:ann")
        assert ended.entry is not None
        assert ended.entry.owner == "user:ann"
        with pytest.raises(InputError):
            await studio.ledger.get(job.id, owner="browser:old")
    assert len(await studio.history.page("user:ann")) == 4
    assert len(await studio.history.page("browser:other")) == 1
    assert await studio.history.page("browser:old") == []
    assert await studio.jobs("browser:old", states=STATES) == []
