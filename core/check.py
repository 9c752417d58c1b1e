"""`python app.py --check`: looks at everything a deployment stands on, and changes none of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from core.backend import Backend, offered
from core.database import Database
from core.errors import HistoryError, PlaygroundError
from core.history import History
from core.job import STATES
from core.ledger import Ledger
from core.rescue import copied
from core.settings import Settings
from core.storage import Storage

LITTLE_BYTES = 500_000_000
MOST_ENTRIES = 2_000

Line = tuple[bool, str]
"""Whether it is well, and a sentence about it."""


async def check(settings: Settings, backends: Mapping[str, Backend]) -> list[Line]:
    """Return what is well and what is not; nothing is written but one file that is removed."""
    lines = [*_folder(settings.srpo_data_dir)]
    try:
        database = await _database(settings)
    except PlaygroundError as error:
        return [*lines, (False, f"{error} {error.advice}".strip()), *_backends(backends)]
    if database is None:
        lines.append((True, "There is no database yet; the first start makes it."))
    else:
        lines += await _kept(database, Storage(settings.storage))
        await database.aclose()
    return [*lines, *_backends(backends)]


def _folder(folder: Path) -> Iterator[Line]:
    if not folder.exists():
        yield True, f"The data folder {folder} is not there yet; the first start makes it."
        return
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".check-") as probe:
            probe.write(b"can it be written")
            probe.flush()
            os.fsync(probe.fileno())
        yield True, f"The data folder {folder} can be written."
    except OSError as error:
        yield False, f"The data folder {folder} cannot be written: {error.strerror}."
    free = shutil.disk_usage(folder).free
    yield free >= LITTLE_BYTES, f"{free / 1e9:.1f} GB are free on its disk."


async def _database(settings: Settings) -> Database | None:
    """Return what to look into: a copy in memory of a SQLite file, or the server itself."""
    if settings.database_url is None:
        if not (settings.srpo_data_dir / "playground.db").exists():
            return None
        return await copied(settings)
    database = Database(settings.database)
    await database.migrate()
    return database


async def _kept(database: Database, storage: Storage) -> list[Line]:
    """Count what is kept, and look whether the newest pictures have their files."""
    ledger, history = Ledger(database), History(database, storage)
    counts = {state: len(await ledger.list(states=[state], limit=100_000)) for state in STATES}
    said = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    lines = [(True, f"The database is sound. Jobs: {said or 'none'}.")]
    if counts["unknown"]:
        sentence = f"{counts['unknown']} jobs may have been charged and wait for a decision."
        lines.append((False, sentence + " Their tab shows what can be done."))
    missing = 0
    entries = await history.everything(limit=MOST_ENTRIES)
    for entry in entries:
        whole = await storage.exists(entry.file) and await storage.exists(entry.thumbnail)
        missing += not whole
    lines.append((not missing, f"{len(entries)} newest pictures, {missing} without their files."))
    return lines


def _backends(backends: Mapping[str, Backend]) -> Iterator[Line]:
    for backend in backends.values():
        problem = backend.problem()
        price = f"${backend.price_usd:g} a picture" if backend.price_usd else "free"
        said = problem or f"{'the sandbox' if backend.sandbox else 'ready'}, {price}"
        yield not (problem and offered(backend)), f"{backend.label}: {said.rstrip('.')}."


def viewable(error: HistoryError) -> bool:
    """Whether pictures can still be shown although the data folder cannot be written to."""
    return "already uses" not in str(error) and "newer version" not in str(error)
