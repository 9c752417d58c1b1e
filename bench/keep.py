"""How long it takes to change, remove and rebuild many images, and the memory a rebuild takes.

    python -m bench.keep [--entries 100000] [--remove 1000]

Makes entries as `bench.history` does, each with an image file, in a temporary folder. Changes go
through the studio's own steps; the longest step is how long another question waits. The rebuild
starts in a process of its own with an empty database.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bench.history import OWNER, fill
from core.history import ALL, History, Wanted
from core.history.changes import collect, restore, star, tag, throw_away
from core.history.keeping import Keeping
from core.history.rebuild import rebuild
from core.history.records import mark_all
from core.storage.database import Database
from core.storage.files import Storage
from tests.fakes import picture


def main() -> None:
    """Measure everything and print a line a figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.keep")
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--remove", type=int, default=1_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        asyncio.run(measured(folder, given.entries, given.remove))
        left = given.entries - given.remove
        for number in sorted({min(left, 1_000), left}):
            rebuilding = get_context("spawn").Process(target=rebuilt, args=(folder, number))
            rebuilding.start()
            rebuilding.join()


async def opened(folder: Path) -> Keeping:
    """Open the history of a folder."""
    database = Database(f"sqlite:///{folder / 'playground.db'}")
    await database.migrate()
    return Keeping(History(database, Storage(str(folder))), trash_days=30)


async def measured(folder: Path, number: int, remove: int) -> None:
    """Change all entries in every way, write their records, and remove some of them."""
    keeping = await opened(folder)
    await fill(keeping.history, folder, 0, number)
    image = picture(1)
    for thumbnail in (folder / "thumbnails").rglob("*.webp"):
        parts = thumbnail.relative_to(folder / "thumbnails").with_suffix(".png")
        file = folder / "images" / parts
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(image)
    await keeping.history.database.run(lambda db: mark_all(db, OWNER))
    sea = await keeping.create_collection("sea", owner=OWNER)
    for name, change in {
        "star": star(True),
        "tag": tag("calm"),
        "collect": collect(sea.id),
        "delete": throw_away(),
    }.items():
        await steps(f"{name} all of a filter", keeping.change_all(change, ALL, owner=OWNER))
    trash = Wanted(trash=True)
    await steps("restore all", keeping.change_all(restore(), trash, owner=OWNER))
    begun = time.perf_counter()
    await keeping.collections(OWNER)
    await keeping.tags(OWNER)
    say("list collections and tags", time.perf_counter() - begun)
    begun = time.perf_counter()
    await keeping.history.records.write()
    say("write what is due of the records", time.perf_counter() - begun)
    ids = await keeping.history.ids(OWNER, limit=remove)
    await steps(f"delete {remove:,}", keeping.change_all(throw_away(), ids, owner=OWNER))
    await steps(f"remove {remove:,} for good", keeping.empty_trash(OWNER))
    await keeping.history.database.aclose()


async def steps(name: str, working: AsyncGenerator[Any]) -> None:
    """Time a change of many images, and its longest step."""
    begun = last = time.perf_counter()
    longest = 0.0
    async with aclosing(working):
        async for _step in working:
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
    say(f"{name}, longest step {longest * 1000:.0f} ms", time.perf_counter() - begun)


def rebuilt(folder: Path, number: int) -> None:
    """Make the database again of so many of the images, in a process of its own."""
    trial = folder / "trial"
    shutil.rmtree(trial, ignore_errors=True)
    for kind in ("images", "thumbnails", "records/images"):
        names = sorted(path for path in (folder / kind).rglob("*") if path.is_file())[:number]
        for name in names:
            target = trial / name.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(name)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    added = asyncio.run(_rebuilt(trial))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    say(f"rebuild {added:,} images, {grown:.0f} MB above the start", time.perf_counter() - begun)


async def _rebuilt(folder: Path) -> int:
    keeping = await opened(folder)
    added = 0
    async with aclosing(rebuild(keeping.history)) as working:
        async for step in working:
            added = step.added
    await keeping.history.database.aclose()
    return added


def say(name: str, seconds: float) -> None:
    """Print a figure."""
    sys.stdout.write(f"{name:<60}{seconds:9.2f} s\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
