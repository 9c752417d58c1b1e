"""All duplicates of a history: every group, nothing else, and nobody waits for it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import update

from core import pictures
from core.errors import HistoryError
from core.history import Entry, History
from core.history import duplicates as module
from core.history.changes import star, throw_away
from core.history.duplicates import Group
from core.likeness import Alike, describe
from core.likeness.index import NEARLY
from core.storage.tables import entries
from tests.core.likeness.images import encoded, plain, scaled, scene
from tests.core.test_history import entry, opened

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
async def history(tmp_path: Path) -> AsyncIterator[History]:
    history = await opened(tmp_path)
    yield history
    await history.duplicates.aclose()


async def add(
    history: History, number: int, file: bytes, *, owner: str = "ann", small: bytes = b""
) -> Entry:
    """Add an entry of a file as a save does."""
    with Image.open(io.BytesIO(file)) as opened_:
        size = opened_.size
    one = entry(number, owner=owner, width=size[0], height=size[1])
    reduced = pictures.reduced(file)
    await history.add(
        one,
        file=file,
        thumbnail=small or pictures.thumbnail(file),
        also=lambda db: None,
        descriptor=describe(reduced),
    )
    return one


async def groups(history: History, owner: str = "ann") -> list[Group]:
    """Ask until the search has ended, as the page does."""
    while True:
        search = history.duplicates.look(owner)
        assert search.done <= search.total
        if search.groups is not None:
            return search.groups
        await asyncio.sleep(0.01)


def told(found: list[Group]) -> list[list[str]]:
    return [[one.id for one in group.entries] for group in found]


async def test_every_group_is_found_with_the_image_to_keep_first(history: History) -> None:
    """The same file, encoded again and scaled; not another seed, another owner, or the trash."""
    file = encoded(scene("night"))
    await add(history, 0, encoded(scaled(scene("night"), 0.5)))
    await add(history, 1, file)
    await add(history, 2, file)
    await add(history, 3, encoded(scene("night"), "JPEG", quality=60))
    await add(history, 4, encoded(scene("night", 2)))
    await add(history, 5, file, owner="bob")
    await add(history, 6, file)
    await add(history, 7, encoded(scene("sunset")))
    await add(history, 8, encoded(scene("sunset"), "WEBP", quality=80))
    await add(history, 9, encoded(scene("snow")))
    await history.change(throw_away(), ["e6"], owner="ann")
    await history.change(star(True), ["e8"], owner="ann")
    found = await groups(history)
    assert told(found) == [["e8", "e7"], ["e1", "e2", "e3", "e0"]]
    assert [list(group.copies) for group in found] == [[False] * 2, [True, True, False, False]]
    assert told(await groups(history, "bob")) == []
    assert told(await groups(history, "nobody")) == []


async def test_what_was_deleted_meanwhile_is_not_found_again(history: History) -> None:
    """Every search is made of the history as it is now."""
    for number in range(3):
        await add(history, number, encoded(scene("meadow")))
    assert told(await groups(history)) == [["e0", "e1", "e2"]]
    await history.change(throw_away(), ["e1", "e2"], owner="ann")
    assert told(await groups(history)) == []


async def test_nothing_is_in_a_group_for_being_like_another_that_is(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the last of a row of small steps would be deleted as the first."""
    for number in range(3):
        await add(history, number, encoded(plain(f"#{120 + number:02x}8090")))
    shown = {pictures.thumbnail(encoded(plain(f"#{120 + n:02x}8090"))): n for n in range(3)}

    class Steps:
        def __init__(self, thumbnail: bytes) -> None:
            self.own = shown[thumbnail]

        def is_shown_by(self, thumbnail: bytes) -> bool:
            return abs(self.own - shown[thumbnail]) < 2

    monkeypatch.setattr(module, "SameImage", Steps)
    assert told(await groups(history)) == [["e1", "e2"]]


async def test_thousands_that_show_the_same_are_one_group(history: History) -> None:
    """Nor are so many compared with each other."""
    file, small = encoded(scene("snow")), pictures.thumbnail(encoded(scene("snow")))
    for number in range(300):
        await add(history, number, file, small=small)
    [group] = await groups(history)
    assert len(group.entries) == 300
    assert all(group.copies)


async def test_a_damaged_or_missing_thumbnail_takes_no_other_with_it(history: History) -> None:
    """Nobody can tell what it shows; the others are found."""
    made = [await add(history, number, encoded(scene("night"))) for number in range(4)]
    await history.storage.delete(made[3].thumbnail)
    await history.storage.write(made[2].thumbnail, b"no image")
    await history.storage.delete(made[1].file)
    found = await groups(history)
    assert told(found) == [["e0", "e1"]]
    assert list(found[0].copies) == [False, False]


async def test_a_database_that_fails_is_told_and_the_next_search_works(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says the sentence instead of waiting for ever."""
    for number in range(2):
        await add(history, number, encoded(scene("night")))
    works = history.database.run

    async def fail(_work: object) -> None:
        raise HistoryError("The disk is gone.")

    monkeypatch.setattr(history.database, "run", fail)
    with pytest.raises(HistoryError, match="disk is gone"):
        await groups(history)
    monkeypatch.setattr(history.database, "run", works)
    assert told(await groups(history)) == [["e0", "e1"]]


async def test_a_search_that_nobody_waits_for_ends(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what one found is not told long afterwards, when it may be no longer so."""
    for number in range(2):
        await add(history, number, encoded(scene("night")))
    monkeypatch.setattr(module, "PATIENCE_S", -1.0)
    history.duplicates.look("ann")
    while history.duplicates._running:
        await asyncio.sleep(0.01)
    monkeypatch.setattr(module, "PATIENCE_S", 30.0)
    search = history.duplicates.look("ann")
    while search.groups is None:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0)
    await history.database.run(lambda db: db.execute(update(entries).values(deleted_at=1.0)))
    search.asked_at -= 31
    assert told(await groups(history)) == []


def test_pairs_are_all_that_comparing_each_with_each_finds() -> None:
    """However the layouts lie: spread, in clusters, all in one place, equal."""
    drawn = np.random.default_rng(5)

    def near(count: int, spread: float, places: int) -> NDArray[np.uint8]:
        middles = drawn.integers(60, 190, (places, 192))
        rows = middles[drawn.integers(0, places, count)] + drawn.normal(0, spread, (count, 192))
        return np.clip(rows, 0, 255).astype(np.uint8)

    many = [
        near(400, 1.2, 40),
        near(300, 1.21, 150),
        near(60, 0.9, 1),
        np.repeat(near(20, 30, 1), 5, axis=0),
        np.full((50, 192), 128, np.uint8),
        near(1, 1, 1),
        np.zeros((0, 192), np.uint8),
    ]
    seen = 0
    for layouts in many:
        alike = Alike(layouts)
        for done in alike.steps():
            assert 0 < done <= len(layouts)
        gap = layouts[:, None].astype(int) - layouts[None].astype(int)
        truth = (gap**2).sum(axis=2) <= NEARLY**2
        found = alike.kinds[:, None] == alike.kinds[None]
        for one, others in alike.near.items():
            for _, other in others:
                found |= np.outer(alike.kinds == one, alike.kinds == other)
        assert (found == truth).all()
        seen += int(truth.sum()) - len(layouts)
    assert seen > 2000
