"""Lineage: what an image was made from, what was made from it, and its set."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import update

from core import metadata, pictures
from core.history import Wanted
from core.history.changes import throw_away
from core.params import Params
from core.pictures import Picture
from core.storage.tables import entries
from core.studio import Studio
from tests.conftest import Studios
from tests.core.history.steps import add, kept_in
from tests.fakes import FakeBackend, FakeImage, FakeText, picture

pytestmark = pytest.mark.anyio


async def make(studio: Studio, params: Params, *, owner: str = "ann") -> Any:
    """Make an image and return its entry."""
    job = await studio.submit("fake", params, owner=owner)
    done = await studio.result(job.id, owner=owner)
    assert done.entry
    return done.entry


async def made_from(studio: Studio, source: Picture, seed: int, *, owner: str = "ann") -> Any:
    return await make(
        studio, FakeImage(prompt="hills", seed=seed, image=source, strength=0.4), owner=owner
    )


async def loaded(studio: Studio, entry: Any) -> Picture:
    """Load an entry's file as a browser that downloaded it uploads it again."""
    return pictures.load(await studio.file(entry.file))


async def test_an_image_knows_what_it_was_made_from_and_into(studios: Studios) -> None:
    """By the content of the file, however it came back: nobody has to say so."""
    studio = await studios.open(FakeBackend())
    first = await make(studio, FakeText(prompt="hills", seed=1))
    source = await loaded(studio, first)
    second, third = [await made_from(studio, source, seed) for seed in (2, 3)]
    below = await studio.lineage(first.id, owner="ann")
    assert (below.made_from, below.strength, below.source) == (None, None, None)
    assert [one.id for one in below.made_into] == [third.id, second.id]
    above = await studio.lineage(third.id, owner="ann")
    assert above.made_from
    assert (above.made_from.id, above.strength) == (first.id, 0.4)
    assert above.source
    found = await studio.history.page("ann", Wanted(parent=first.id))
    assert [one.id for one in found] == [third.id, second.id]


async def test_metadata_do_not_matter(studios: Studios) -> None:
    """The file without metadata begins as the same image."""
    studio = await studios.open(FakeBackend())
    first = await make(studio, FakeText(prompt="hills", seed=1))
    bare = metadata.strip(await studio.file(first.file))
    second = await made_from(studio, pictures.load(bare), 2)
    assert second.parent == first.id


async def test_a_source_that_was_made_smaller_is_still_the_same_image(studios: Studios) -> None:
    """A service that takes no large images gets a small one."""
    studio = await studios.open(FakeBackend())
    first = await make(studio, FakeText(prompt="hills", seed=1))
    source = await loaded(studio, first)
    small = pictures.scaled(source, 32)
    await studio.same_source(source, small)
    await studio.same_source(source, small)
    assert (await made_from(studio, small, 2)).parent == first.id


async def test_another_image_or_another_owner_has_no_parent(studios: Studios) -> None:
    """The same image of another owner is no relation."""
    studio = await studios.open(FakeBackend())
    first = await make(studio, FakeText(prompt="hills", seed=1))
    source = await loaded(studio, first)
    assert (await made_from(studio, source, 2, owner="bob")).parent is None
    other = await made_from(studio, pictures.load(picture(99)), 3)
    assert other.parent is None
    told = await studio.lineage(other.id, owner="ann")
    assert (told.made_from, told.strength) == (None, 0.4)


async def test_a_parent_in_the_trash_is_told_and_a_child_there_is_left_out(
    studios: Studios,
) -> None:
    """Who looks where an image came from can take that out again."""
    studio = await studios.open(FakeBackend())
    first = await make(studio, FakeText(prompt="hills", seed=1))
    second = await made_from(studio, await loaded(studio, first), 2)
    await studio.delete(first.id, owner="ann")
    above = (await studio.lineage(second.id, owner="ann")).made_from
    assert above
    assert (above.id, above.deleted_at is None) == (first.id, False)
    await studio.restore(first.id, owner="ann")
    await studio.delete(second.id, owner="ann")
    assert (await studio.lineage(first.id, owner="ann")).made_into == []
    await studio.restore(second.id, owner="ann")
    back = await studio.lineage(second.id, owner="ann")
    assert back.made_from
    assert (back.made_from.id, back.made_from.deleted_at) == (first.id, None)


async def test_images_of_earlier_versions_are_related_in_the_background(tmp_path: Path) -> None:
    """Once, by their files; one whose file is gone, or whose row is broken, is passed over."""
    keeping = await kept_in(tmp_path)
    [first] = await add(keeping, 1)
    source = pictures.load(await keeping.history.storage.read(first.file))
    params = {"prompt": "hills", "image": source.model_dump(mode="json"), "strength": 0.3}
    await add(keeping, 2, 3, task="image-to-image", params=params)
    await add(keeping, 4, owner="bob", task="image-to-image", params=params)
    await add(keeping, 5, 6)
    await keeping.history.storage.delete("images/2026-01-01/00005.png")
    broken = update(entries).where(entries.c.id == "e6").values(facts="{")
    await keeping.history.database.run(lambda db: db.execute(broken))
    await keeping.history.records.write()
    page = await keeping.history.page("ann", Wanted(parent="e1"))
    assert [one.id for one in page] == ["e3", "e2"]
    assert (await keeping.history.get("e4")).parent is None
    record = (tmp_path / "records/images/2026-01-01/00002.json").read_text()
    assert '"parent":"e1"' in record
    await keeping.change_these(throw_away(), ["e6"], owner="ann")
    assert [step.changed async for step in keeping.empty_trash("ann")][-1] == 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "lossless WEBP", "grey PNG", "clear PNG"])
def test_the_digest_of_a_source_is_that_of_the_loaded_image(kind: str) -> None:
    """Whatever a backend returns; what is no image has none."""
    file = io.BytesIO()
    drawn = Image.effect_noise((40, 30), 80).convert("RGB")
    if kind == "grey PNG":
        drawn = drawn.convert("L")
    if kind == "clear PNG":
        drawn = drawn.convert("RGBA")
        drawn.putalpha(99)
    more = {"lossless": True} if kind.startswith("lossless") else {}
    drawn.save(file, kind.split()[-1], **more)
    data = file.getvalue()
    assert pictures.source_digest(data) == pictures.load(data).sha256
    assert pictures.source_digest(data[: len(data) // 2]) == ""
    assert pictures.source_digest(b"no image") == ""
