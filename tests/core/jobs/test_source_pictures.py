"""Images to start from: kept for as long as something needs them, and no longer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core import pictures
from core.errors import BlockedError, UnavailableError
from core.history import input_name
from core.jobs.job import Job
from core.studio import Studio
from tests.conftest import Studios
from tests.core.history.steps import remove
from tests.core.test_history import entry
from tests.fakes import FakeBackend, FakeImage, FakeText, picture

pytestmark = pytest.mark.anyio

PHOTO = pictures.load(picture(9))


async def start(studio: Studio, seed: int) -> Job:
    params = FakeImage(prompt="hills", seed=seed, image=PHOTO)
    return await studio.submit("fake", params, owner="ann")


async def make(studio: Studio, seed: int) -> str:
    """Make an image from the photo and return its entry's id."""
    done = await studio.result((await start(studio, seed)).id, owner="ann")
    assert done.entry
    return done.entry.id


async def kept(studio: Studio) -> bool:
    return await studio.history.storage.exists(input_name(PHOTO))


async def test_it_goes_with_the_last_entry_made_from_it(studios: Studios) -> None:
    """Whoever deletes every image made from a photo has deleted the photo."""
    studio = await studios.open(FakeBackend())
    first, second = await make(studio, 1), await make(studio, 2)
    await remove(studio, first, owner="ann")
    assert await kept(studio)
    await remove(studio, second, owner="ann")
    assert not await kept(studio)


@pytest.mark.parametrize(
    "image",
    [
        "a.png",
        {"path": "a.png"},
        PHOTO.model_dump() | {"sha256": "%"},
        PHOTO.model_dump() | {"media_type": "image/../../playground.db"},
    ],
)
async def test_an_entry_that_tells_nonsense_of_it_can_be_deleted(
    studios: Studios, image: object
) -> None:
    """It goes, and nothing else does: what a restored entry tells came from a file."""
    studio = await studios.open(FakeBackend())
    other = await make(studio, 1)
    params = {"prompt": "hills", "image": image}
    await studio.history.restore(entry(2, task="image-to-image", params=params))
    await remove(studio, "e2", owner="ann")
    assert [one.id for one in await studio.history.page("ann")] == [other]
    assert await kept(studio)


async def test_a_job_on_its_way_keeps_it(studios: Studios) -> None:
    """A job that a restart would have to begin again still finds its image."""
    backend = FakeBackend()
    studio = await studios.open(backend)
    made = await make(studio, 1)
    backend.gate.clear()
    job = await start(studio, 2)
    await remove(studio, made, owner="ann")
    assert await kept(studio)
    backend.gate.set()
    done = await studio.result(job.id, owner="ann")
    assert done.entry
    await remove(studio, done.entry.id, owner="ann")
    assert not await kept(studio)


@pytest.mark.slow
async def test_a_job_that_is_just_being_written_down_keeps_it(
    studios: Studios, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between storing the image and writing the row, nobody takes the image away."""
    studio = await studios.open(FakeBackend())
    made = await make(studio, 1)
    add, stored, go_on = studio.ledger.add_requests, asyncio.Event(), asyncio.Event()

    async def slowly(*wishes: Any, **more: Any) -> list[Job]:
        stored.set()
        await go_on.wait()
        return await add(*wishes, **more)

    monkeypatch.setattr(studio.ledger, "add_requests", slowly)
    submitting = asyncio.create_task(start(studio, 2))
    await stored.wait()
    deleting = asyncio.create_task(remove(studio, made, owner="ann"))
    await asyncio.wait([deleting], timeout=0.3)
    go_on.set()
    await studio.result((await submitting).id, owner="ann")
    await deleting
    assert await kept(studio)


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
    """Retry needs the image; a refusal cannot be retried."""
    backend = FakeBackend()
    studio = await studios.open(backend)
    made = await make(studio, 1)
    backend.failure = failure
    await studio.result((await start(studio, 2)).id, owner="ann")
    await remove(studio, made, owner="ann")
    assert await kept(studio) is needed


async def test_it_is_known_to_whoever_began_with_it_and_to_nobody_else(studios: Studios) -> None:
    """By a job that runs, by an entry, and by a failed job; not by its hash in a prompt."""
    backend = FakeBackend()
    studio = await studios.open(backend)
    refers = studio.history.refers
    backend.gate.clear()
    job = await start(studio, 1)
    assert await refers("ann", PHOTO)
    backend.gate.set()
    done = await studio.result(job.id, owner="ann")
    assert done.entry
    hinting = entry(9, owner="bob", prompt=PHOTO.sha256, params={"prompt": PHOTO.model_dump_json()})
    await studio.history.restore(hinting)
    told = FakeText(prompt=f"hills {PHOTO.sha256}", seed=1)
    await studio.submit("fake", told, owner="bob")
    assert not await refers("bob", PHOTO)
    assert not await refers("", PHOTO)
    assert not await refers("ann", PHOTO.model_copy(update={"media_type": "image/jpeg"}))
    for sha256 in ("", "%", "_" * 64, "../" + PHOTO.sha256):
        assert not await refers("ann", PHOTO.model_copy(update={"sha256": sha256}))
    await remove(studio, done.entry.id, owner="ann")
    assert await refers("ann", PHOTO)  # the finished job still tells of it
