"""`python app.py --check`: looks at everything a deployment stands on, and changes none of it."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from core.backend import Backend, offered, usual_price
from core.errors import PlaygroundError
from core.history import History
from core.jobs.job import STATES
from core.jobs.ledger import Ledger
from core.rescue import untouched
from core.settings import Settings
from core.storage.database import Database, is_sqlite
from core.storage.files import Storage
from core.storage.lock import sqlite_file

LITTLE_BYTES = 500_000_000
MOST_ENTRIES = 2_000

Line = tuple[bool, str]
"""Whether it is well, and a sentence about it."""


async def check(settings: Settings, backends: Mapping[str, Backend]) -> list[Line]:
    """Return what is well and what is not; no file, folder or table is made or changed."""
    lines = [*_folder(settings.srpo_data_dir)]
    try:
        lines += await _database(settings)
    except PlaygroundError as error:
        lines.append((False, f"{error} {error.advice}".strip()))
    return [*lines, *_backends(backends)]


def _folder(folder: Path) -> Iterator[Line]:
    if not folder.exists():
        yield True, f"The data folder {folder} is not there yet; the first start makes it."
        return
    try:
        _try_to_write(folder)
        yield True, f"The data folder {folder} can be written."
    except OSError as error:
        yield False, f"The data folder {folder} cannot be written: {error.strerror}."
    free = shutil.disk_usage(folder).free
    yield free >= LITTLE_BYTES, f"{free / 1e9:.1f} GB are free on its disk."


def _try_to_write(folder: Path) -> None:
    """Write to a file without a name, which changes nothing; else ask whether that is allowed."""
    try:
        handle = os.open(folder, os.O_TMPFILE | os.O_RDWR)
    except (AttributeError, OSError) as error:  # only Linux has them, and not everywhere
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OSError(errno.EACCES, "it is read-only, or its permissions forbid it") from error
        return
    try:
        os.write(handle, b"can it be written")
        os.fsync(handle)
    finally:
        os.close(handle)


async def _database(settings: Settings) -> list[Line]:
    """Look into a copy in memory of a SQLite file, or into the server itself, reading only."""
    if is_sqlite(settings.database):
        file = sqlite_file(settings.database)
        if file is None or not file.exists():
            return [(True, "There is no database yet; the first start makes it.")]
        database = await untouched(settings)
    else:
        database = Database(settings.database, read_only=True)
    try:
        missing = await database.missing()
        if missing is None:
            return [(True, "The database has no tables yet; the first start makes them.")]
        older = [
            (True, "The database is of an older version; the first start brings it up to date.")
        ]
        return [*older[:missing], *await _kept(database, Storage(settings.storage))]
    finally:
        await database.aclose()


async def _kept(database: Database, storage: Storage) -> list[Line]:
    """Count what is kept, and look whether the newest images have their files."""
    ledger, history = Ledger(database), History(database, storage)
    counts = await ledger.counts()
    said = ", ".join(f"{counts[state]} {state}" for state in STATES if counts.get(state))
    lines = [(True, f"The database is sound. Jobs: {said or 'none'}.")]
    if unknown := counts.get("unknown"):
        sentence = f"{unknown} jobs may have been charged and wait for a decision."
        lines.append((False, sentence + " Their tab shows what can be done."))
    missing = 0
    newest = await history.newest_files(limit=MOST_ENTRIES)
    for file, thumbnail in newest:
        missing += not (await storage.exists(file) and await storage.exists(thumbnail))
    lines.append((not missing, f"{len(newest)} newest images, {missing} without their files."))
    return lines


def _backends(backends: Mapping[str, Backend]) -> Iterator[Line]:
    for backend in backends.values():
        problem = backend.problem()
        usd = usual_price(backend)
        price = "its price is not set" if usd is None else f"${usd:g} an image" if usd else "free"
        said = problem or f"{'the sandbox' if backend.sandbox else 'ready'}, {price}"
        yield not (problem and offered(backend)), f"{backend.label}: {said.rstrip('.')}."
