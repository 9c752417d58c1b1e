"""Pictures to start from: kept for as long as something needs them, and no longer."""

from __future__ import annotations

import pytest

from core import pictures
from core.errors import BlockedError, UnavailableError
from core.history import input_name
from core.job import Job
from core.studio import Studio
from tests.conftest import Studios
from tests.fakes import FakeBackend, FakeImage, picture

pytestmark = pytest.mark.anyio

PHOTO = pictures.load(picture(9))


async def start(studio: Studio, seed: int) -> Job:
    params = FakeImage(prompt="hills", seed=seed, image=PHOTO)
    return await studio.submit("fake", params, owner="ann")


async def make(studio: Studio, seed: int) -> str:
    """Make a picture from the photo and return its entry's id."""
    done = await studio.result((await start(studio, seed)).id, owner="ann")
    assert done.entry
    return done.entry.id


async def kept(studio: Studio) -> bool:
    return await studio.history.storage.exists(input_name(PHOTO))


async def test_it_goes_with_the_last_entry_made_from_it(studios: Studios) -> None:
    """Whoever deletes every picture made from a photo has deleted the photo."""
    studio = await studios.open(FakeBackend())
    first, second = await make(studio, 1), await make(studio, 2)
    await studio.history.delete(first, owner="ann")
    assert await kept(studio)
    await studio.history.delete(second, owner="ann")
    assert not await kept(studio)


async def test_a_job_on_its_way_keeps_it(studios: Studios) -> None:
    """A job that a restart would have to begin again still finds its picture."""
    backend = FakeBackend()
    studio = await studios.open(backend)
    entry = await make(studio, 1)
    backend.gate.clear()
    job = await start(studio, 2)
    await studio.history.delete(entry, owner="ann")
    assert await kept(studio)
    backend.gate.set()
    done = await studio.result(job.id, owner="ann")
    assert done.entry
    await studio.history.delete(done.entry.id, owner="ann")
    assert not await kept(studio)


@pytest.mark.parametrize(
    ("failure", "needed"),
    [
        (UnavailableError("It is down.", advice="Try later."), True),
        (BlockedError("It was refused.", advice="Change it.", charged="no"), False),
    ],
)
async def test_a_failed_job_keeps_it_only_where_it_can_be_retried(
    studios: Studios, failure: UnavailableError | BlockedError, needed: bool
) -> None:
    """Retry needs the picture; a refusal cannot be retried."""
    backend = FakeBackend()
    studio = await studios.open(backend)
    entry = await make(studio, 1)
    backend.failure = failure
    await studio.result((await start(studio, 2)).id, owner="ann")
    await studio.history.delete(entry, owner="ann")
    assert await kept(studio) is needed
