"""Memory and time of a zip of thousands: `python -m bench.exports [images] [profile] [format]`.

Each image has a million pixels. The zip is thrown away as a browser takes it, so what is measured
is the program's own; then the same is stopped in the middle.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

from PIL import Image
from sqlalchemy import Connection

from core import metadata, pictures
from core.exports.image import Wish, record
from core.exports.zips import zipped
from core.history import Entry, History, index
from core.jobs.ledger import Ledger
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio

DIFFERENT = 20
"""Images that differ; entries beyond them share a file, as its copies would be read the same."""
SIDE = 1024
OWNER = "ann"


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one zip: images, megabytes sent, seconds, and megabytes of memory above idle."""

    images: int
    sent_mb: float
    seconds: float
    peak_mb: float
    left_mb: float
    left_files: int
    """Files of the data folder and of the temporary folder that were not there before."""


async def measure(
    folder: Path, images: int, wish: Wish, *, stop_after: int | None = None
) -> Figures:
    """Send a zip of so many images, or stop after so many parts of it."""
    (folder / "temporary").mkdir()
    tempfile.tempdir = str(folder / "temporary")  # files that are made on the way lie there
    database = Database(f"sqlite:///{folder / 'playground.db'}")
    await database.migrate()
    history = History(database, Storage(str(folder)))
    studio = Studio({}, Ledger(database), history)
    ids = await filled(history, images)
    files = _files(folder)
    async for _ in zipped(studio.export(ids[:DIFFERENT], wish, owner=OWNER)):
        pass  # what is imported and drawn once
    gc.collect()
    idle, began, peak, sent = _memory(), time.monotonic(), 0.0, 0
    async with aclosing(_sent(studio, ids, wish)) as parts:
        count = 0
        async for part in parts:
            count += 1
            sent += len(part)
            peak = max(peak, _memory() - idle)
            if count == stop_after:
                break
    took = time.monotonic() - began
    gc.collect()
    left = _files(folder) - files
    await database.aclose()
    tempfile.tempdir = None
    return Figures(images, sent / 1e6, took, peak, _memory() - idle, len(left))


async def _sent(studio: Studio, ids: list[str], wish: Wish) -> AsyncIterator[bytes]:
    async with aclosing(zipped(studio.export(ids, wish, owner=OWNER))) as parts:  # type: ignore[type-var]
        async for part in parts:
            yield part


async def filled(history: History, images: int) -> list[str]:
    """Put entries into a history; return their ids."""
    made = [_entry(number) for number in range(images)]
    for number, entry in enumerate(made[:DIFFERENT]):
        noise = Image.effect_noise((SIDE, SIDE), 40 + number).convert("RGB")
        file = BytesIO()
        noise.save(file, "JPEG", quality=90)
        data = metadata.write(file.getvalue(), record(entry))
        await history.storage.write(entry.file, data)
        await history.storage.write(entry.thumbnail, pictures.thumbnail(data))

    def work(db: Connection) -> None:
        for entry in made:
            index.put(db, entry)

    await history.database.run(work)
    return [entry.id for entry in made]


def _entry(number: int) -> Entry:
    like = number % DIFFERENT
    prompt = f"a boat at dusk, number {like}, oil on canvas, 85mm, golden hour"
    entry = Entry(
        id=f"e{number:023d}",
        job_id=f"j{number:023d}",
        owner=OWNER,
        created_at=1_790_000_000.0 + number,
        task="text-to-image",
        backend="wavespeed",
        model="flux-1-srpo",
        sandbox=False,
        prompt=prompt,
        params={"prompt": prompt, "seed": like, "steps": 28, "guidance": 4.5},
        sent={"prompt": prompt, "seed": like},
        seed=like,
        width=SIDE,
        height=SIDE,
        format="jpeg",
        elapsed_s=2.5,
        price_usd=0.025,
        request_id=f"r{number}",
        flagged=False,
        file=f"images/2026-11-26/{like:05d}-{like}-abcdef.jpg",
        thumbnail=f"thumbnails/2026-11-26/{like:05d}-{like}-abcdef.webp",
    )
    return replace(entry, request_id=f"r{like}")


def _files(folder: Path) -> set[Path]:
    return {*folder.rglob("*")}


def _memory() -> float:
    """Return the megabytes that this process has in memory (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Print both figures."""
    given = [*sys.argv[1:], *("5000", "share", "")[len(sys.argv) - 1 :]]
    images, wish = int(given[0]), Wish.of(given[1], given[2])
    for stop in (None, images // 2):
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(measure(Path(folder), images, wish, stop_after=stop))
        what = "stopped in the middle" if stop else "whole"
        sys.stdout.write(
            f"{what}: {found.images} images, {found.sent_mb:.0f} MB in {found.seconds:.0f} s; "
            f"memory above idle: {found.peak_mb:.0f} MB at most, {found.left_mb:.0f} MB after; "
            f"{found.left_files} files left behind\n"
        )


if __name__ == "__main__":
    main()
