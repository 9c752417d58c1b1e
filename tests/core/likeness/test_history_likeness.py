"""The history by colour and likeness: described when saved, or in the background later."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import TypeVar

import pytest
from PIL import Image
from sqlalchemy import Connection, select, update

from core import pictures
from core.errors import HistoryError, InputError
from core.history import Entry, History, Wanted
from core.history.changes import star, throw_away
from core.history.likeness import Likeness
from core.history.trash import Trash
from core.likeness import VERSION, describe
from core.storage.database import Database
from core.storage.files import Storage
from core.storage.tables import descriptors, entries
from tests import postgresql
from tests.core.likeness.images import encoded, plain, scaled, scene
from tests.core.test_history import entry, opened
from tests.end_to_end.program import ROOT

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

T = TypeVar("T")
RED, BLUE, GREEN = "#d0463c", "#4a7ac6", "#62a05e"


async def add(
    history: History, number: int, image: Image.Image, *, old: bool = False, owner: str = "ann"
) -> Entry:
    """Add an entry that shows an image; an `old` one has no descriptor yet."""
    one = entry(number, owner=owner)
    data = encoded(image)
    await history.add(
        one,
        file=data,
        thumbnail=pictures.thumbnail(data),
        also=lambda db: None,
        descriptor=None if old else describe(pictures.reduced(data)),
    )
    return one


async def found(history: History, owner: str = "ann", **wanted: object) -> list[str]:
    page = await history.page(owner, Wanted(**wanted), limit=10)  # type: ignore[arg-type]
    return [one.id for one in page]


@asynccontextmanager
async def background(history: History) -> AsyncIterator[None]:
    task = asyncio.create_task(history.likeness.describe_rest())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def rest_is_described(history: History) -> None:
    rest = select(entries.c.n).where(entries.c.described < VERSION)
    async with asyncio.timeout(20):
        while await history.database.run(lambda db: db.execute(rest).first()):
            await asyncio.sleep(0.01)


async def test_images_in_a_colour_come_with_the_most_of_it_first(tmp_path: Path) -> None:
    """A saved image is found at once, by the process that saved it and by the next one."""
    history = await opened(tmp_path)
    half = plain(RED)
    half.paste(BLUE, (0, 0, 48, 64))
    for number, image in enumerate([half, plain(RED), plain(GREEN)]):
        await add(history, number, image)
    assert await found(history, colour=RED) == ["e1", "e0"]
    assert await history.count("ann", Wanted(colour=RED)) == 2
    await add(history, 3, plain(RED))
    assert await found(history, colour=RED) == ["e3", "e1", "e0"]
    again = History(history.database, history.storage)
    assert await found(again, colour=RED) == ["e3", "e1", "e0"]


async def test_entries_saved_before_and_while_all_are_loaded_are_there_once(tmp_path: Path) -> None:
    """The first question loads what lies in the database beside what was just saved."""
    history = await opened(tmp_path)
    await add(history, 0, plain(RED))
    again = History(history.database, history.storage)
    await add(again, 1, plain(RED))
    _, one = await asyncio.gather(add(again, 2, plain(RED)), found(again, colour=RED))
    assert one[-2:] == ["e1", "e0"]
    assert await found(again, colour=RED) == ["e2", "e1", "e0"]


async def test_images_like_one_leave_it_out_and_come_nearest_first(tmp_path: Path) -> None:
    """More like this does not show this."""
    history = await opened(tmp_path)
    for number, (name, seed) in enumerate(
        [("snow", 1), ("sunset", 1), ("night", 1), ("sunset", 2), ("sunset", 3)]
    ):
        await add(history, number, scene(name, seed))
    assert sorted((await found(history, like="e1"))[:2]) == ["e3", "e4"]
    assert len(await found(history, like="e1")) == 4


async def test_colour_and_likeness_combine_with_every_other_filter(tmp_path: Path) -> None:
    """They are two wishes among others."""
    history = await opened(tmp_path)
    for number in range(6):
        await add(history, number, plain(RED if number % 2 else BLUE))
    await history.change(star(True), ["e1", "e2"], owner="ann")
    assert await found(history, colour=RED, starred=True) == ["e1"]
    assert await found(history, colour=RED, seed=3) == ["e3"]
    assert await found(history, like="e1", starred=True) == ["e2"]
    assert await found(history, colour=RED, query="nothing") == []
    assert await history.count("ann", Wanted(colour=RED, starred=True)) == 1


async def test_all_that_a_colour_finds_can_be_changed_at_once(tmp_path: Path) -> None:
    """A step of a change names those in the colour alone, not all that there is."""
    history = await opened(tmp_path)
    for number in range(6):
        await add(history, number, plain(RED if number % 2 else BLUE))
    assert await history.ids("ann", Wanted(colour=RED), limit=2) == ["e5", "e3"]
    steps = [step async for step in history.in_steps(Wanted(colour=RED), owner="ann")]
    assert [one for some, _, _ in steps for one in some] == ["e5", "e3", "e1"]
    assert steps[-1][1:] == (3, 3)


async def test_what_was_found_can_be_put_into_another_order(tmp_path: Path) -> None:
    """The oldest in a colour, page by page."""
    history = await opened(tmp_path)
    for number in range(6):
        await add(history, number, plain(RED if number % 2 else BLUE))
    assert await found(history, colour=RED, sort="oldest") == ["e1", "e3", "e5"]
    assert await found(history, colour=RED, sort="newest") == ["e5", "e3", "e1"]
    wanted = Wanted(colour=RED, sort="oldest")
    page = await history.page("ann", wanted, limit=5, before="e1")
    assert [one.id for one in page] == ["e3", "e5"]


async def test_pages_follow_each_other_while_images_come_and_go(tmp_path: Path) -> None:
    """No gap and no repeat, also when the entry that a page ended with was deleted meanwhile."""
    history = await opened(tmp_path)
    for number in range(9):
        image = plain(RED)
        image.paste(GREEN, (0, 0, number * 5, 64))
        await add(history, number, image)
    wanted = Wanted(colour=RED)
    first = await history.page("ann", wanted, limit=3)
    await add(history, 20, plain(RED))
    second = await history.page("ann", wanted, limit=3, before=first[-1].id)
    await history.change(throw_away(), [second[-1].id], owner="ann")
    third = await history.page("ann", wanted, limit=9, before=second[-1].id)
    assert [one.id for one in [*first, *second, *third]] == [f"e{n}" for n in range(9)]
    back = await history.page("ann", wanted, limit=2, after=third[0].id)
    assert [one.id for one in back] == ["e3", "e4"]
    assert [one.id for one in await history.page("ann", wanted, limit=2)] == ["e20", "e0"]
    assert await history.page("ann", wanted, limit=2, before="unknown") == []


async def test_the_trash_is_left_out_unless_it_is_asked_for(tmp_path: Path) -> None:
    """What was deleted by mistake can be looked for by its colour too."""
    history = await opened(tmp_path)
    for number in range(3):
        await add(history, number, plain(RED))
    await history.change(throw_away(), ["e1"], owner="ann")
    assert await found(history, colour=RED) == ["e2", "e0"]
    assert await found(history, like="e0") == ["e2"]
    assert await found(history, colour=RED, trash=True) == ["e1"]
    assert [one.id for one in await history.likeness.duplicates("ann", "e0")] == ["e2"]


async def test_many_in_the_trash_do_not_hide_what_is_not(tmp_path: Path) -> None:
    """The nearest of all may be in the trash, more of them than are looked at once."""
    history = await opened(tmp_path)
    some = plain(RED)
    some.paste(BLUE, (0, 0, 60, 64))
    await add(history, 0, some)
    near = describe(plain(RED))

    def fill(db: Connection) -> None:
        for number in range(1, 2200):
            history.likeness.keep(db, 100 + number, "ann", near)

    await history.database.run(fill)  # numbers that no entry has: as if deleted for good
    assert await found(history, colour=RED) == ["e0"]


async def test_a_deleted_entry_is_gone_and_its_number_may_be_used_again(tmp_path: Path) -> None:
    """SQLite gives the number of the last entry to the next one."""
    history = await opened(tmp_path)
    await add(history, 0, plain(RED))
    assert await found(history, colour=RED) == ["e0"]
    await history.change(throw_away(), ["e0"], owner="ann")
    assert [gone async for gone in Trash(history, days=30).empty("ann")] == [1]
    assert await found(history, colour=RED) == []
    await add(history, 1, plain(BLUE))
    assert await found(history, colour=RED) == []
    assert await found(history, colour=BLUE) == ["e1"]
    stored = await history.database.run(lambda db: db.execute(select(descriptors)).all())
    assert len(stored) == 1


async def test_another_owners_images_are_as_unknown_as_ones_that_never_were(tmp_path: Path) -> None:
    """Neither as what is found nor as what is asked with."""
    history = await opened(tmp_path)
    await add(history, 0, plain(RED))
    await add(history, 1, plain(RED), owner="bob")
    assert await found(history, colour=RED) == ["e0"]
    assert await found(history, owner="bob", like="e1") == []
    for asked in ("e1", "never"):
        with pytest.raises(InputError, match="no such image") as refused:
            await found(history, like=asked)
        assert refused.value.field == "like"
        with pytest.raises(InputError, match="no such image"):
            await history.likeness.duplicates("ann", asked)
    assert [one.id for one in await history.likeness.duplicates("ann", "e0")] == []


async def test_what_is_handed_over_is_found_by_its_new_owner(tmp_path: Path) -> None:
    """Signing in takes a browser's images along, in memory as in the database."""
    history = await opened(tmp_path)
    await add(history, 0, plain(RED), owner="browser")
    assert await found(history, owner="browser", colour=RED) == ["e0"]
    await history.hand_over("browser", "ann")
    assert await found(history, colour=RED) == ["e0"]
    assert await found(history, owner="browser", colour=RED) == []


async def test_what_is_no_colour_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """Before anything is asked of the database."""
    history = await opened(tmp_path)
    with pytest.raises(InputError, match="“reddish” is not a colour"):
        await found(history, colour="reddish")
    with pytest.raises(InputError, match="is not a colour"):
        await history.count("ann", Wanted(colour="#12"))


async def test_duplicates_are_the_same_image_in_other_encodings_and_sizes(tmp_path: Path) -> None:
    """And none that was made again, however alike it is."""
    history = await opened(tmp_path)
    await add(history, 0, scene("meadow"))
    await add(history, 1, scene("meadow", 2))
    await add(history, 2, scaled(scene("meadow"), 0.5))
    await add(history, 3, scene("snow"))
    one = entry(4)
    jpeg = encoded(scene("meadow"), "JPEG", quality=60)
    await history.add(
        one,
        file=jpeg,
        thumbnail=pictures.thumbnail(jpeg),
        also=lambda db: None,
        descriptor=describe(pictures.reduced(jpeg)),
    )
    assert {found.id for found in await history.likeness.duplicates("ann", "e0")} == {"e2", "e4"}
    assert {found.id for found in await history.likeness.duplicates("ann", "e2")} == {"e0", "e4"}
    assert await history.likeness.duplicates("ann", "e3") == []


async def test_a_duplicate_whose_file_is_gone_is_left_out(tmp_path: Path) -> None:
    """Files deleted behind our back cost nobody the rest."""
    history = await opened(tmp_path)
    for number in range(3):
        await add(history, number, scene("meadow"))
    (tmp_path / entry(1).thumbnail).unlink()
    assert [one.id for one in await history.likeness.duplicates("ann", "e0")] == ["e2"]


async def test_old_entries_are_described_in_the_background(tmp_path: Path) -> None:
    """With progress, and found as soon as they are."""
    history = await opened(tmp_path)
    for number in range(20):
        await add(history, number, plain(RED if number == 3 else BLUE), old=True)
    assert await found(history, colour=RED) == []
    async with background(history):
        await asyncio.sleep(0.05)
        assert 0 < history.likeness.left <= 20
        await rest_is_described(history)
        assert await found(history, colour=RED) == ["e3"]
        await add(history, 20, plain(RED), old=True)  # as an import does
        await rest_is_described(history)
        assert await found(history, colour=RED) == ["e20", "e3"]


async def test_who_starts_again_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    """What was described stays so, and nothing is done twice."""
    history = await opened(tmp_path)
    for number in range(40):
        await add(history, number, plain(RED), old=True)
    stopped = asyncio.create_task(history.likeness.describe_rest())
    done = select(descriptors.c.entry_n)
    async with asyncio.timeout(20):
        while not (one := await history.database.run(lambda db: db.execute(done).all())):
            await asyncio.sleep(0.005)
    stopped.cancel()
    assert 0 < len(one) < 40
    again = History(history.database, history.storage)
    async with background(again):
        await asyncio.sleep(0.05)
        assert again.likeness.left <= 40 - len(one)
        await rest_is_described(again)
    assert await again.count("ann", Wanted(colour=RED)) == 40


async def test_an_image_that_is_asked_for_before_its_turn_is_compared_at_once(
    tmp_path: Path,
) -> None:
    """More like this works for every image, however far the background is."""
    history = await opened(tmp_path)
    await add(history, 0, plain(RED), old=True)
    await add(history, 1, plain(RED))
    assert await found(history, like="e0") == ["e1"]


async def test_damaged_and_missing_thumbnails_do_not_stop_the_rest(tmp_path: Path) -> None:
    """A damaged one is left without a descriptor, a missing one is tried again later."""
    history = await opened(tmp_path)
    for number in range(3):
        await add(history, number, plain(RED), old=True)
    (tmp_path / entry(0).thumbnail).write_bytes(b"no image")
    whole = (tmp_path / entry(1).thumbnail).read_bytes()
    (tmp_path / entry(1).thumbnail).unlink()
    async with background(history):
        async with asyncio.timeout(20):
            while await found(history, colour=RED) != ["e2"]:
                await asyncio.sleep(0.01)
        (tmp_path / entry(1).thumbnail).write_bytes(whole)
        history.likeness.wake()
        await rest_is_described(history)
    assert await found(history, colour=RED) == ["e2", "e1"]
    with pytest.raises(HistoryError, match="damaged"):
        await found(history, like="e0")
    (tmp_path / entry(2).thumbnail).write_bytes(b"no image")
    with pytest.raises(HistoryError, match="damaged"):
        await history.likeness.duplicates("ann", "e2")


async def test_a_row_that_somebody_broke_stops_nobody(tmp_path: Path) -> None:
    """It is left without a descriptor, and those before it are described."""
    history = await opened(tmp_path)
    for number in range(2):
        await add(history, number, plain(RED), old=True)
    broken = update(entries).where(entries.c.id == "e1").values(facts="{")
    await history.database.run(lambda db: db.execute(broken))
    async with background(history):
        await rest_is_described(history)
    assert await found(history, colour=RED) == ["e0"]


INSTANTS = 20 if "FULL_SIZE" in os.environ else 6 if "EVERY_TEST" in os.environ else 3
DESCRIBE = """
import asyncio, sys
from core.history import History
from core.storage.database import Database
from core.storage.files import Storage

async def main():
    database = Database(sys.argv[1])
    await database.migrate()
    print("begun", flush=True)
    history = History(database, Storage(sys.argv[2]))
    asyncio.create_task(history.likeness.describe_rest())
    while await history.likeness.undescribed():
        await asyncio.sleep(0.02)
    print("done", flush=True)

asyncio.run(main())
"""


async def test_a_process_that_is_killed_goes_on_and_loses_nothing(tmp_path: Path) -> None:
    """`kill -9` at some instants: each entry is described and says so, or neither."""
    history, number = await opened(tmp_path), 40 * INSTANTS
    for one in range(number):
        await add(history, one, plain(RED), old=True)
    await history.database.aclose()
    drawn, last = random.Random(1), 0
    for _ in range(INSTANTS):
        child = started(tmp_path)
        assert child.stdout and child.stdout.readline() == "begun\n"
        time.sleep(drawn.uniform(0, 0.4))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        whole, described, kept = looked_at(tmp_path)
        assert whole == number
        assert last <= described == kept
        last = described
    child = started(tmp_path)
    assert child.communicate(timeout=300)[0] == "begun\ndone\n"
    assert looked_at(tmp_path) == (number, number, number)


def started(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", DESCRIBE, f"sqlite:///{folder / 'h.db'}", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def looked_at(folder: Path) -> tuple[int, int, int]:
    """Return how many entries there are, how many say they are described, and how many are."""
    with closing(sqlite3.connect(folder / "h.db")) as db:
        return (
            db.execute("SELECT count(*) FROM entries").fetchone()[0],
            db.execute("SELECT count(*) FROM entries WHERE described > 0").fetchone()[0],
            db.execute("SELECT count(*) FROM descriptors").fetchone()[0],
        )


async def test_a_busy_database_is_asked_again(tmp_path: Path) -> None:
    """The background does not end for good because of one refusal."""
    history = await opened(tmp_path)
    await add(history, 0, plain(RED), old=True)

    class Refusing(Database):
        refused = False

        async def run(self, work: Callable[[Connection], T]) -> T:
            if not self.refused:
                self.refused = True
                raise HistoryError("The database is locked by another program.")
            return await super().run(work)

    database, storage = Refusing(f"sqlite:///{tmp_path / 'h.db'}"), Storage(str(tmp_path))
    again = History(database, storage)
    again.likeness = Likeness(database, storage, retry_s=0.01)
    async with background(again):
        await rest_is_described(history)
    assert database.refused
    assert await found(again, colour=RED) == ["e0"]


async def test_an_entry_that_is_replaced_keeps_one_descriptor(tmp_path: Path) -> None:
    """Described again by a later version, its row is replaced."""
    history = await opened(tmp_path)
    await add(history, 0, plain(RED))

    def again(db: Connection) -> None:
        number = db.execute(select(entries.c.n)).scalar_one()
        history.likeness.keep(db, number, "ann", describe(plain(BLUE)))

    await history.database.run(again)
    assert await found(history, colour=BLUE) == ["e0"]
    assert await found(history, colour=RED) == []


@pytest.mark.skipif(not postgresql.PROGRAMS, reason="needs a PostgreSQL server")
async def test_everything_holds_on_postgresql_too(tmp_path: Path) -> None:
    """Bytes, numbers as one text, and the background are told to it differently."""
    pytest.importorskip("psycopg", reason="needs psycopg (requirements-dev.txt)")
    with postgresql.server() as address:
        database = Database(address)
        await database.migrate()
        history = History(database, Storage(str(tmp_path)))
        for number in range(6):
            await add(history, number, plain(RED if number % 2 else BLUE), old=number < 2)
        await history.change(star(True), ["e1", "e2", "e3"], owner="ann")
        async with background(history):
            await rest_is_described(history)
        again = History(database, history.storage)
        assert await found(again, colour=RED) == ["e5", "e3", "e1"]
        assert await found(again, colour=RED, starred=True) == ["e3", "e1"]
        assert await found(again, colour=RED, starred=True, sort="oldest") == ["e1", "e3"]
        assert await found(again, like="e1", query="nothing") == []
        assert (await found(again, like="e1"))[:2] == ["e5", "e3"]
        same = await again.likeness.duplicates("ann", "e0")
        assert [one.id for one in same] == ["e4", "e2"]
        await database.aclose()
