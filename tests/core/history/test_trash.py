"""The trash: deleted images can be restored, and go for good with all their files."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import update

from core import pictures
from core.errors import HistoryError, InputError
from core.history import ALL, Wanted, input_name
from core.history.keeping import Keeping
from core.storage.tables import entries
from tests.core.history.steps import DELETE, RESTORE, add, all_of, files, kept_in
from tests.fakes import picture

pytestmark = pytest.mark.anyio

PHOTO = pictures.load(picture(9))
DAY_S = 86_400.0


async def ids(keeping: Keeping, wanted: Wanted = ALL, owner: str = "ann") -> list[str]:
    return [one.id for one in await keeping.history.page(owner, wanted)]


async def age(keeping: Keeping, days: float) -> None:
    """Let all that is in the trash have been there for so long."""
    since = time.time() - days * DAY_S
    old = update(entries).where(entries.c.deleted_at.is_not(None)).values(deleted_at=since)
    await keeping.history.database.run(lambda db: db.execute(old))


async def test_a_deleted_image_is_nowhere_but_in_the_trash(tmp_path: Path) -> None:
    """Lists, single questions and bulk questions leave it out; its files stay."""
    keeping = await kept_in(tmp_path)
    await add(keeping, 1, 2)
    before = files(tmp_path)
    await keeping.delete("e1", owner="ann")
    assert await ids(keeping) == ["e2"]
    assert await ids(keeping, Wanted(trash=True)) == ["e1"]
    assert list(await keeping.history.some(["e1", "e2"])) == ["e2"]
    with pytest.raises(InputError):
        await keeping.history.get("e1")
    assert (await keeping.history.get("e1", owner="ann", trash=True)).deleted_at
    assert (await keeping.in_trash("ann"), await keeping.in_trash("bob")) == (1, 0)
    assert files(tmp_path) >= before


async def test_a_restored_image_is_as_it_was(tmp_path: Path) -> None:
    """At its place among the others, with its star, collection and tag."""
    keeping = await kept_in(tmp_path)
    await add(keeping, 1, 2, 3)
    await keeping.star("e2", owner="ann", starred=True)
    boats = await keeping.create_collection("boats", owner="ann")
    await keeping.delete("e2", owner="ann")
    restored = await keeping.restore("e2", owner="ann")
    assert (restored.starred, restored.deleted_at) == (True, None)
    assert await ids(keeping) == ["e3", "e2", "e1"]
    assert boats.count == 0
    with pytest.raises(InputError):
        await keeping.restore("e2", owner="bob")


async def test_the_sweep_takes_what_is_old_and_nothing_else(tmp_path: Path) -> None:
    """An image that is 29 days in the trash stays; at 31 its files are gone."""
    keeping = await kept_in(tmp_path)
    await add(keeping, 1)
    whole = files(tmp_path)
    await add(keeping, 2)
    await keeping.history.records.write()
    await keeping.delete("e2", owner="ann")
    await age(keeping, 29)
    assert await keeping._trash.sweep() == 0
    assert await ids(keeping, Wanted(trash=True)) == ["e2"]
    await age(keeping, 31)
    assert await keeping._trash.sweep() == 1
    assert await ids(keeping, Wanted(trash=True)) == []
    await keeping.history.records.write()
    assert files(tmp_path) == whole | {"records/images/2026-01-01/00001.json"}


async def test_the_days_are_a_setting(tmp_path: Path) -> None:
    """With no days at all a deleted image goes at the next sweep."""
    keeping = await kept_in(tmp_path, days=0)
    await add(keeping, 1)
    await keeping.delete("e1", owner="ann")
    assert await keeping._trash.sweep() == 1
    assert files(tmp_path) == set()


async def test_emptying_takes_only_the_owners_and_only_what_was_there(tmp_path: Path) -> None:
    """Others' trash stays; so does the rest of one's own when ids are named."""
    keeping = await kept_in(tmp_path)
    await add(keeping, 1, 2, 3)
    await add(keeping, 4, owner="bob")
    for one in ("e1", "e2", "e3"):
        await keeping.delete(one, owner="ann")
    await keeping.delete("e4", owner="bob")
    told = await all_of(keeping.empty_trash("ann", ["e1", "e4", "nobody"]))
    assert (told[0].done, told[-1].changed) == (0, 1)
    assert await ids(keeping, Wanted(trash=True)) == ["e3", "e2"]
    await all_of(keeping.empty_trash("ann"))
    assert await ids(keeping, Wanted(trash=True)) == []
    assert await ids(keeping, Wanted(trash=True), "bob") == ["e4"]


async def test_an_image_to_start_from_goes_with_the_last_that_began_with_it(
    tmp_path: Path,
) -> None:
    """In the trash an image still needs it, as it may be restored."""
    keeping = await kept_in(tmp_path)
    storage, name = keeping.history.storage, input_name(PHOTO)
    await storage.write(name, PHOTO.data)
    params = {"prompt": "hills", "image": PHOTO.model_dump(mode="json")}
    await add(keeping, 1, 2, task="image-to-image", params=params)
    await keeping.delete("e1", owner="ann")
    await keeping.delete("e2", owner="ann")
    await all_of(keeping.empty_trash("ann", ["e1"]))
    assert await storage.exists(name)
    await all_of(keeping.empty_trash("ann"))
    assert not await storage.exists(name)


async def test_a_file_that_cannot_be_removed_stays_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is gone, nothing is forgotten, and the next sweep removes the file."""
    keeping = await kept_in(tmp_path)
    await add(keeping, 1)
    await keeping.delete("e1", owner="ann")

    async def refuse(_name: str) -> None:
        raise HistoryError("no")

    with monkeypatch.context() as patched:
        patched.setattr(keeping.history.storage, "delete", refuse)
        with pytest.raises(HistoryError):
            await all_of(keeping.empty_trash("ann"))
    assert await keeping.in_trash("ann") == 0
    assert files(tmp_path)
    await keeping._trash.sweep()
    assert files(tmp_path) == set()


async def test_after_deleting_restoring_and_deleting_the_files_are_as_they_should_be(
    tmp_path: Path,
) -> None:
    """Nothing that is kept went, and nothing that went left anything behind."""
    keeping = await kept_in(tmp_path)
    count = 48
    storage = keeping.history.storage
    photos = [pictures.load(picture(1000 + number)) for number in range(12)]
    for photo in photos:
        await storage.write(input_name(photo), photo.data)
    for number in range(count):
        image = photos[number % 12].model_dump(mode="json")
        await add(keeping, number, params={"prompt": "hills", "image": image})
    await keeping.history.records.write()
    before = files(tmp_path)
    every = [f"e{number}" for number in range(count)]
    odd = [f"e{number}" for number in range(count) if number % 12 % 2]
    assert (await all_of(keeping.change_all(DELETE(), every, owner="ann")))[-1].changed == count
    assert (await all_of(keeping.change_all(RESTORE(), every, owner="ann")))[-1].changed == count
    assert len(await keeping.history.page("ann", limit=500)) == count
    assert (await all_of(keeping.change_all(DELETE(), odd, owner="ann")))[-1].changed == count // 2
    await age(keeping, 31)
    assert await keeping._trash.sweep() == count // 2
    await keeping.history.records.write()
    gone = {input_name(photos[number]) for number in range(1, 12, 2)}
    for number in range(count):
        if number % 12 % 2:
            day = f"2026-01-01/{number:05d}"
            gone |= {f"images/{day}.png", f"thumbnails/{day}.webp", f"records/images/{day}.json"}
    assert files(tmp_path) == before - gone
