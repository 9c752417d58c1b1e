"""Larger images: resampled for nothing, or made again from a larger copy; told as what they are."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core import metadata
from core.errors import HistoryError, InputError, NotReadyError, OverBudgetError, OverLimitError
from core.events import Event, Finished
from core.history import Entry, Wanted
from core.jobs.budget import Budget
from core.jobs.consent import Consent
from core.params import ImageToImage, Params, Task, strength
from core.studio import Studio
from tests.conftest import Studios
from tests.core.likeness.images import scene
from tests.fakes import FakeBackend, FakeText

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


class Redrawing(ImageToImage):
    most_side = 768
    strength: float = strength()
    steps: int = 28


class Refiner(FakeBackend):
    """Makes 320 x 240 images of a known scene, and again what it gets in its size."""

    tasks: Mapping[Task, type[Params]] = {"text-to-image": FakeText, "image-to-image": Redrawing}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.got: list[Params] = []

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        self.got.append(params)
        image = scene("meadow")
        if params.picture:
            image = image.resize((params.picture.width, params.picture.height))
        file = io.BytesIO()
        image.save(file, "PNG")
        yield Finished(file.getvalue())


async def made(studio: Studio, owner: str = "ann") -> Entry:
    job = await studio.submit("fake", FakeText(prompt="a meadow", seed=5), owner=owner)
    done = await studio.result(job.id, owner=owner)
    assert done.entry is not None
    return done.entry


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


@pytest.mark.parametrize("factor", [2, 4])
async def test_a_resampled_image_says_what_it_is_and_where_it_comes_from(
    studios: Studios, factor: int
) -> None:
    """The pixels are Lanczos's, the facts say so in the history and in the file."""
    studio = await studios.open(Refiner())
    entry = await made(studio)
    large = await studio.enlarge(entry.id, factor, owner="ann")
    assert (large.width, large.height) == (320 * factor, 240 * factor)
    assert (large.model, large.backend, large.price_usd) == ("Lanczos", "lanczos", 0.0)
    stored = await studio.file(large.file)
    expected = scene("meadow").resize((large.width, large.height), Image.Resampling.LANCZOS)
    assert np.array_equal(np.asarray(opened(stored)), np.asarray(expected))
    reading = metadata.read(stored)
    assert reading is not None
    assert (reading.record["model"], reading.record["params"]["factor"]) == ("Lanczos", factor)
    assert opened(await studio.file(large.thumbnail)).size == (384, 288)
    lineage = await studio.lineage(large.id, owner="ann")
    assert lineage.made_from is not None
    assert lineage.made_from.id == entry.id
    assert [one.id for one in (await studio.lineage(entry.id, owner="ann")).made_into] == [large.id]
    source = await studio.source_of(large)
    assert source is not None
    assert opened(await studio.file(source)).size == (320, 240)


async def test_a_resampled_image_is_an_entry_as_any_other(studios: Studios) -> None:
    """It is found by its prompt and its colours, is the same image, and can be enlarged again."""
    studio = await studios.open(Refiner())
    entry = await made(studio)
    large = await studio.enlarge(entry.id, 2, owner="ann")
    assert [one.id for one in await studio.entries("ann")] == [large.id, entry.id]
    found = await studio.entries("ann", wanted=Wanted(query="meadow", backend="lanczos"))
    assert [one.id for one in found] == [large.id]
    assert [one.id for one in await studio.duplicates(entry.id, owner="ann")] == [large.id]
    again = await studio.enlarge(large.id, 2, owner="ann")
    assert (again.width, again.height) == (1280, 960)


async def test_a_photograph_stays_a_jpeg(studios: Studios) -> None:
    """Sixteen megapixels without loss would fill a disk with what was never there."""

    class Photographing(Refiner):
        async def generate(self, params: Params) -> AsyncIterator[Event]:
            file = io.BytesIO()
            scene("meadow").save(file, "JPEG", quality=90)
            yield Finished(file.getvalue())

    studio = await studios.open(Photographing())
    large = await studio.enlarge((await made(studio)).id, 2, owner="ann")
    assert large.format == "jpeg"
    assert large.file.endswith(".jpg")
    assert opened(await studio.file(large.file)).size == (640, 480)


async def test_what_cannot_be_enlarged_is_refused_with_a_sentence(studios: Studios) -> None:
    """Another factor, an image that would be too large, one of somebody else's."""
    studio = await studios.open(Refiner())
    entry = await made(studio)
    with pytest.raises(InputError, match="2 or 4 times"):
        await studio.enlarge(entry.id, 3, owner="ann")
    with pytest.raises(InputError, match="no such image"):
        await studio.enlarge(entry.id, 2, owner="bob")
    large = await studio.enlarge(entry.id, 4, owner="ann")
    huge = await studio.enlarge(large.id, 4, owner="ann")
    with pytest.raises(InputError, match="20,480 × 15,360 pixels; at most 40 megapixels"):
        await studio.enlarge(huge.id, 4, owner="ann")
    studio.closed = NotReadyError("Nothing new is taken.")
    with pytest.raises(NotReadyError):
        await studio.enlarge(entry.id, 2, owner="ann")


async def test_one_owner_has_one_image_enlarged_at_a_time(studios: Studios) -> None:
    """Whoever presses the button often keeps nobody else waiting."""
    studio = await studios.open(Refiner())
    entry = await made(studio)
    first = asyncio.create_task(studio.enlarge(entry.id, 2, owner="ann"))
    await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    with pytest.raises(OverLimitError, match="being enlarged"):
        while not first.done():
            await studio.enlarge(entry.id, 2, owner="ann")
    await first
    await studio.enlarge(entry.id, 2, owner="ann")


async def test_a_refined_image_starts_from_a_copy_as_large_as_its_backend_takes(
    studios: Studios,
) -> None:
    """Image to image at a low strength, with the prompt and a new seed, and its origin is known."""
    backend = Refiner()
    studio = await studios.open(backend)
    entry = await made(studio)
    offered = studio.refinement(entry, owner="ann")
    assert offered is not None
    assert (offered.backend, offered.width, offered.height) == ("fake", 768, 576)
    assert offered.price_usd == 0.0
    job = await studio.refine(entry.id, owner="ann")
    done = await studio.result(job.id, owner="ann")
    assert done.entry is not None
    sent = backend.got[-1]
    assert isinstance(sent, Redrawing)
    assert (sent.prompt, sent.strength) == ("a meadow", offered.strength)
    assert sent.strength <= 0.4
    assert sent.seed != 5
    assert (sent.image.width, sent.image.height) == (768, 576)
    assert (done.entry.width, done.entry.height) == (768, 576)
    lineage = await studio.lineage(done.entry.id, owner="ann")
    assert lineage.made_from is not None
    assert lineage.made_from.id == entry.id
    assert await studio.source_of(done.entry) is not None


async def test_refining_is_paid_for_as_any_other_job(studios: Studios) -> None:
    """Its price is told before, has to be agreed to, and counts against the budget."""
    studio = await studios.open(Refiner(paid=True), budget=Budget(day_usd=0.06))
    entry = await made(studio)
    offered = studio.refinement(entry, owner="ann")
    assert offered is not None
    assert offered.price_usd == 0.025
    with pytest.raises(InputError, match="was not agreed to"):
        await studio.refine(entry.id, owner="ann", consent=Consent(agreed_usd=0.0))
    agreed = Consent(agreed_usd=0.025)
    job = await studio.refine(entry.id, owner="ann", click="one", consent=agreed)
    same = await studio.refine(entry.id, owner="ann", click="one", consent=agreed)
    assert same.id == job.id
    with pytest.raises(OverBudgetError):
        await studio.refine(entry.id, owner="ann", click="two", consent=agreed)


async def test_what_no_backend_makes_larger_is_not_offered(studios: Studios) -> None:
    """As large as its backend takes, or of a backend that has no strength."""
    studio = await studios.open(Refiner())
    entry = await made(studio)
    large = await studio.enlarge(entry.id, 4, owner="ann")
    assert studio.refinement(large, owner="ann") is None
    with pytest.raises(InputError, match="No backend that is ready"):
        await studio.refine(large.id, owner="ann")
    with pytest.raises(InputError, match="no such image"):
        await studio.refine(entry.id, owner="bob")
    plain = await studios.open(FakeBackend())
    assert plain.refinement(entry, owner="ann") is None


async def test_a_file_that_is_gone_is_said(studios: Studios) -> None:
    """Nothing is sent, and nothing is left behind."""
    backend = Refiner()
    studio = await studios.open(backend)
    entry = await made(studio)
    await studio.history.storage.delete(entry.file)
    for attempt in (studio.enlarge(entry.id, 2, owner="ann"), studio.refine(entry.id, owner="ann")):
        with pytest.raises(HistoryError, match="file of this image is gone"):
            await attempt
    assert len(backend.got) == 1
    assert len(await studio.entries("ann")) == 1
