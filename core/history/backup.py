"""A backup of an installation, also of one that runs: its database and its files as one zip.

The database is copied first, then the files: a row that is in the copy was written after its files,
so nothing points at nothing. Images that wait to be sent are cancelled in the copy, for two
installations would pay for them.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
import zipfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, update

from core.errors import HistoryError, InputError
from core.storage.database import Database
from core.storage.files import Storage, explained
from core.storage.lock import sqlite_file
from core.storage.tables import jobs
from core.words import english

DATABASE = "playground.db"
FOLDERS = ("images", "thumbnails", "records", "inputs", "received")
"""Of the storage, with the folders in them."""
EVERY = 200


@dataclass(frozen=True, slots=True)
class BackedUp:
    """How far it is: files that are in the zip, and whether the database is."""

    files: int
    database: bool
    gone: int = 0
    """Files that were removed meanwhile."""


async def back_up(address: str, storage: Storage, target: Path) -> AsyncGenerator[BackedUp]:
    """Write a backup to a new file, which is whole or not there; yields how far it is.

    The database of a server is not in it: its own tools copy that. Raises InputError when there is
    such a file already, HistoryError when it cannot be written or the database cannot be read.
    """
    if await asyncio.to_thread(target.exists):
        raise InputError(
            f"There is a file {target} already.", field="file", advice="Choose another name."
        )
    draft = target.with_name(f".{target.name}.part")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as folder:
            copy = await _copied(address, Path(folder) / DATABASE)
            async with aclosing(_zipped(draft, copy, storage)) as steps:
                async for step in steps:
                    yield step
        await asyncio.to_thread(draft.replace, target)
    except OSError as error:
        raise explained(error) from error
    finally:
        await asyncio.to_thread(draft.unlink, missing_ok=True)


async def _copied(address: str, copy: Path) -> Path | None:
    """Copy a SQLite database, whoever works on it, and stop what would be sent twice."""
    file = sqlite_file(address)
    if file is None:
        return None
    if not await asyncio.to_thread(file.exists):
        raise HistoryError(
            "There is no database to back up.", advice="Check SRPO_DATA_DIR and DATABASE_URL."
        )
    database = Database(f"sqlite:///{copy}")
    try:
        await database.copy(file)
        await database.run(_stop_waiting)
    finally:
        await database.aclose()
    return copy


def _stop_waiting(db: Connection) -> None:
    """Cancel what no service was asked for yet; all else is only followed, which is free."""
    waiting = update(jobs).where(jobs.c.state == "waiting")
    told = {
        "error": english("history-left-out-of-backup"),
        "advice": english("history-make-again-after-backup"),
        "updated_at": time.time(),
    }
    db.execute(waiting.values(state="cancelled", charged="no", retryable=True, **told))


async def _zipped(draft: Path, copy: Path | None, storage: Storage) -> AsyncGenerator[BackedUp]:
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    files = gone = 0
    with (
        os.fdopen(handle, "wb") as stream,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive,
    ):
        if copy:
            await asyncio.to_thread(archive.write, copy, DATABASE, zipfile.ZIP_DEFLATED)
        yield BackedUp(0, copy is not None)
        for folder in FOLDERS:
            async for name in _names(storage, folder):
                try:
                    data = await storage.read(name)
                except HistoryError:
                    gone += 1
                    continue
                await asyncio.to_thread(archive.writestr, name, data)
                files += 1
                if files % EVERY == 0:
                    yield BackedUp(files, copy is not None, gone)
    yield BackedUp(files, copy is not None, gone)


async def _names(storage: Storage, folder: str) -> AsyncGenerator[str]:
    """Yield the files below a folder of the storage, a folder after the other."""
    for name in await storage.listed(folder):
        yield name
    for inner in await storage.folders(folder):
        async for name in _names(storage, inner):
            yield name
