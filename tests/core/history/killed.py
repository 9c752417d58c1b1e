"""Ends the process with SIGKILL at every step of deleting, restoring and removing images.

`python -m tests.core.history.killed FOLDER IMAGES STEP INSTANTS` makes images, half of them from
images to start from, and in a process of its own deletes all, restores all, deletes half and
removes these for good. The process is killed before a step; what is on disk is judged; another
process does it all again; what is there is judged again. A step is a transaction or the removal of
a file; INSTANTS is how many of them are tried, evenly over all.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import update

from core import pictures
from core.history import input_name, trash
from core.history.keeping import Keeping
from core.storage.database import Database
from core.storage.files import Storage
from core.storage.tables import entries
from tests.core.history.steps import DELETE, RESTORE, add, all_of, files, kept_in
from tests.fakes import picture

SOURCES = 6
"""Each is what every sixth image began with."""


def photo(number: int) -> pictures.Picture:
    return pictures.load(picture(100_000 + number % SOURCES))


def goes(number: int) -> bool:
    """Whether an image is removed in the end: all that began with three of the sources."""
    return number % SOURCES % 2 == 1


async def build(folder: Path, count: int) -> None:
    """Make the images that every try begins with."""
    keeping = await kept_in(folder)
    for number in range(SOURCES):
        await keeping.history.storage.write(input_name(photo(number)), photo(number).data)
    for number in range(count):
        params = {"prompt": "hills", "image": photo(number).model_dump(mode="json")}
        await add(keeping, number, params=params)
    await keeping.history.records.write()
    await keeping.history.database.aclose()


async def story(folder: Path, count: int) -> None:
    """Delete all, restore all, delete half, and remove these for good."""
    keeping = await kept_in(folder)
    every = [f"e{number}" for number in range(count)]
    half = [f"e{number}" for number in range(count) if goes(number)]
    await all_of(keeping.change_all(DELETE(), every, owner="ann"))
    await all_of(keeping.change_all(RESTORE(), every, owner="ann"))
    await all_of(keeping.change_all(DELETE(), half, owner="ann"))
    await age(keeping)
    await keeping._trash.sweep()
    await keeping.history.records.write()
    await keeping.history.database.aclose()


async def age(keeping: Keeping) -> None:
    """Let what is in the trash have been there for more than its days."""
    old = update(entries).where(entries.c.deleted_at.is_not(None))
    since = time.time() - 31 * trash.DAY_S
    await keeping.history.database.run(lambda db: db.execute(old.values(deleted_at=since)))


def counted(at: int | None, told: Path) -> None:
    """Count the steps of this process from now on, and kill it before the one numbered `at`."""
    numbers = itertools.count()

    def step() -> None:
        number = next(numbers)
        if number == at:
            os.kill(os.getpid(), signal.SIGKILL)
        if at is None:
            told.write_text(str(number + 1))

    def before(kind: Any, name: str) -> None:
        work = getattr(kind, name)

        def counting(self: Any, *arguments: Any) -> Any:
            step()
            return work(self, *arguments)

        setattr(kind, name, counting)

    before(Database, "_transact")
    before(Storage, "_delete")


def in_a_process(folder: Path, count: int, told: Path, at: int | None) -> int:
    """Do it all in a child process; return how that ended."""
    child = os.fork()
    if not child:
        status = 1
        try:
            counted(at, told)
            asyncio.run(story(folder, count))
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def wrong(folder: Path) -> Iterator[str]:
    """Tell every row without its files, and every file that nobody has and nobody will remove."""
    with closing(sqlite3.connect(folder / "playground.db")) as database:
        rows = database.execute(
            "SELECT json_extract(facts, '$.file'), facts FROM entries"
        ).fetchall()
        noted = {name for (name,) in database.execute("SELECT name FROM removals")}
    there = files(folder)
    had = {name for file, _ in rows for name in (file, file.replace("images", "thumbnails"))}
    had = {name.replace(".png", ".webp") if "thumb" in name else name for name in had}
    yield from (f"a row without {name}" for name in had - there)
    needed = {f"records/{file.removesuffix('.png')}.json" for file, _ in rows}
    told = " ".join(facts for _, facts in rows)
    needed |= {name for name in there if name.startswith("inputs/") and Path(name).stem in told}
    yield from (f"nobody has {name}" for name in there - had - needed - noted)


def expected(before: set[str], count: int) -> set[str]:
    gone = {input_name(photo(number)) for number in range(SOURCES) if goes(number)}
    for number in filter(goes, range(count)):
        day = f"2026-01-01/{number:05d}"
        gone |= {f"images/{day}.png", f"thumbnails/{day}.webp", f"records/images/{day}.json"}
    return before - gone


def main(folder: Path, count: int, step: int, instants: int) -> None:
    """Try it at all the instants, and say how many there were."""
    trash.STEP = step
    first, trial, told = folder / "first", folder / "trial", folder / "steps"
    asyncio.run(build(first, count))
    before = files(first)
    shutil.copytree(first, trial)
    assert in_a_process(trial, count, told, None) == 0
    assert files(trial) == expected(before, count)
    steps = int(told.read_text())
    every = sorted({round(n * (steps - 1) / max(instants - 1, 1)) for n in range(instants)})
    for at in every:
        shutil.rmtree(trial)
        shutil.copytree(first, trial)
        assert in_a_process(trial, count, told, at) == signal.SIGKILL
        assert not (found := list(wrong(trial))), f"killed before step {at}: {found[:5]}"
        assert in_a_process(trial, count, folder / "other", None) == 0
        assert not (found := list(wrong(trial))), f"after step {at} and again: {found[:5]}"
        left = files(trial) ^ expected(before, count)
        assert not left, f"after step {at} and again: {sorted(left)[:5]}"
    print(f"{len(every)} of {steps} steps killed")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:5]))
