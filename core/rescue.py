"""Shows what was made when the data folder cannot be used: nothing new is taken, nothing written.

A database that can still be read is copied into memory; from a damaged one nothing is believed, and
the pictures themselves tell how they were made.
"""

from __future__ import annotations

import asyncio
import logging
from hashlib import sha256
from pathlib import Path
from typing import Any

from core import metadata, pictures
from core.errors import HistoryError, PlaygroundError
from core.history import Entry, History
from core.params import TASKS
from core.settings import Settings
from core.storage.database import Database
from core.storage.files import Storage
from core.storage.lock import sqlite_file

log = logging.getLogger(__name__)

MOST_FILES = 5_000
FACTS = ("backend", "model", "prompt", "seed", "width", "height")


async def rescued(settings: Settings) -> History:
    """Return a history in memory with what could be saved; its files stay where they are."""
    storage = Storage(settings.storage)
    try:
        database = await copied(settings)
    except PlaygroundError:
        log.warning("the database cannot be read; the images are asked how they were made")
        database = Database("sqlite://")
        await database.migrate()
        history = History(database, storage)
        for entry in await asyncio.to_thread(_salvaged, settings.srpo_data_dir / "images"):
            await history.restore(entry)
        return history
    return History(database, storage)


async def copied(settings: Settings) -> Database:
    """Return a checked copy of the SQLite database in memory, with today's tables.

    Its folder is left as it is. Raises HistoryError when there is none, or when it is damaged.
    """
    database = await untouched(settings)
    await database.migrate()
    return database


async def untouched(settings: Settings) -> Database:
    """Return the same with the tables as they are."""
    file = sqlite_file(settings.database)
    if file is None or not file.exists():
        raise HistoryError("There is no database file to read.")
    database = Database("sqlite://")
    await database.copy(file)
    return database


def _salvaged(folder: Path) -> list[Entry]:
    """Make entries of the newest pictures, oldest first; a file that tells nothing is left out."""
    files = sorted(path for path in folder.glob("*/*") if path.is_file())[-MOST_FILES:]
    return [entry for path in files if (entry := _entry(path))]


def _entry(path: Path) -> Entry | None:
    try:
        data = path.read_bytes()
        reading = metadata.read(data)
        kind, width, height = pictures.inspect(data)
    except (OSError, PlaygroundError):
        return None
    if reading is None or not reading.record:
        return None
    name, told = f"{path.parent.name}/{path.name}", reading.record
    digest = sha256(data).hexdigest()[:24]
    facts: dict[str, Any] = {key: told[key] for key in FACTS if key in told}
    return Entry(
        **(dict.fromkeys(("backend", "model", "prompt"), "") | {"seed": 0} | facts)
        | {
            "id": digest,
            "job_id": digest,
            "owner": "local",
            "created_at": path.stat().st_mtime,
            "task": TASKS[1] if told.get("task") == TASKS[1] else TASKS[0],
            "sandbox": bool(told.get("sandbox", True)),
            "params": reading.params,
            "sent": {},
            "width": width,
            "height": height,
            "format": kind,
            "elapsed_s": float(told.get("elapsed_s") or 0.0),
            "price_usd": float(told.get("price_usd") or 0.0),
            "request_id": told.get("request_id"),
            "flagged": False,
            "file": f"images/{name}",
            "thumbnail": f"thumbnails/{Path(name).with_suffix('.webp').as_posix()}",
        }
    )
