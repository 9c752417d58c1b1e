"""Shows what was made when the data folder cannot be used: nothing new is taken, nothing written.

A database that can still be read is copied into memory; from a damaged one nothing is believed, and
the images themselves tell how they were made.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core import metadata, pictures
from core.errors import HistoryError, PlaygroundError
from core.history import Entry, History
from core.params import TASKS
from core.settings import Settings
from core.storage.database import Database
from core.storage.files import Storage
from core.storage.lock import sqlite_file
from core.words import english

log = logging.getLogger(__name__)

MOST_FILES = 5_000
ENTRY = TypeAdapter(Entry)
FACTS = ("backend", "model", "prompt", "seed")


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
        raise HistoryError(english("studio-there-no-database-file-read"))
    database = Database("sqlite://")
    await database.copy(file)
    return database


def _salvaged(folder: Path) -> list[Entry]:
    """Make entries of the newest images, oldest first; a file that tells nothing is left out."""
    files = sorted(path for path in folder.glob("*/*") if path.is_file())[-MOST_FILES:]
    return [entry for path in files if (entry := _entry(path))]


def _entry(path: Path) -> Entry | None:
    name = f"images/{path.parent.name}/{path.name}"
    try:
        return told_by(name, path.read_bytes(), path.stat().st_mtime)
    except OSError:
        return None


def told_by(name: str, data: bytes, written_at: float = 0.0) -> Entry | None:
    """Make an entry of an image by its own metadata; None where they tell nothing.

    `name` is its name in the storage, `written_at` when it was written, in Unix seconds, for a file
    that does not tell it. Whose it was is not in it. Blocking work: call it in a thread.
    """
    try:
        reading = metadata.read(data)
        kind, width, height = pictures.inspect(data)
    except (PlaygroundError, pictures.PictureError):
        return None
    if reading is None or not reading.record:
        return None
    told = reading.record
    digest = sha256(data).hexdigest()[:24]
    facts: dict[str, Any] = {key: told[key] for key in FACTS if key in told}
    facts |= {
        "id": digest,
        "job_id": digest,
        "owner": "local",
        "created_at": _moment(told.get("created_at")) or written_at,
        "task": TASKS[1] if told.get("task") == TASKS[1] else TASKS[0],
        "sandbox": bool(told.get("sandbox", True)),
        "params": reading.params,
        "sent": {},
        "width": width,
        "height": height,
        "format": kind,
        "elapsed_s": told.get("elapsed_s") or 0.0,
        "price_usd": told.get("price_usd"),
        "request_id": told.get("request_id"),
        "flagged": False,
        "file": name,
        "thumbnail": name.replace("images/", "thumbnails/", 1).rpartition(".")[0] + ".webp",
    }
    try:
        return ENTRY.validate_python({"backend": "", "model": "", "prompt": "", "seed": 0} | facts)
    except ValidationError:  # a stranger wrote it
        return None


def _moment(told: object) -> float | None:
    """Return the Unix seconds of a moment in ISO 8601."""
    try:
        return datetime.fromisoformat(str(told)).timestamp()
    except ValueError:
        return None
