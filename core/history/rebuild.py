"""Makes the database again from the images and their records, day by day, oldest first.

What the database has is kept. An image without a record tells by its own metadata how it was made;
whose it was is not in it, so it becomes this machine's own.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection, insert, select

from core import pictures
from core.errors import DamagedError, HistoryError
from core.history import Entry, History
from core.history.index import put
from core.history.lineage import write_source
from core.history.records import (
    CollectionRecord,
    EntryRecord,
    JobFacts,
    SetRecord,
    mark,
    record_name,
)
from core.jobs.job import iso
from core.money import micros
from core.rescue import told_by
from core.storage.database import Database
from core.storage.lock import Lock, sqlite_file
from core.storage.tables import cells, collected, collections, entries, jobs, sets, tags

STEP = 50
"""Images in one transaction."""
AT_ONCE = 16
"""Files that are read at once."""
SUFFIXES = (".png", ".jpg", ".webp")
R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How far it is: `done` of `total` image files looked at."""

    done: int
    total: int
    added: int
    """Entries that the database did not have."""
    unreadable: int
    """Files that tell nothing of how they were made."""


async def opened(address: str, lock: Lock | None) -> tuple[Database, Path | None]:
    """Open a database to add to: with today's tables, a new one where the old one is damaged.

    Returns where the damaged file was moved to, if it was. Nothing is ever removed.
    """
    database = Database(address, lock=lock)
    file = sqlite_file(address)
    try:
        if file is None or file.exists():
            await database.examine()
        await database.migrate()
    except DamagedError:
        await database.aclose()
        if file is None:
            raise
        aside = _moved_aside(file)
        database = Database(address, lock=lock)
        await database.migrate()
        return database, aside
    return database, None


def _moved_aside(file: Path) -> Path:
    """Give a database file and its logs another name."""
    names = (file.with_name(f"{file.name}.damaged-{number}") for number in itertools.count(1))
    aside = next(name for name in names if not name.exists())
    for log in ("-wal", "-shm", "-journal", ""):
        part = file.with_name(file.name + log)
        if part.exists():
            part.rename(aside.with_name(aside.name + log))
    return aside


async def rebuild(history: History) -> AsyncGenerator[Rebuilt]:
    """Add to a database what its storage tells of; yields how far it is, at least once.

    Closing the iterator stops it between two steps; another call goes on. The records of what was
    added are due: they are written when the program runs.
    """
    storage = history.storage
    await history.records.write()  # what the database knows better than its records do
    for name in await storage.listed("records/collections"):
        if collection := await _record(history, name, CollectionRecord):
            await history.database.run(lambda db, one=collection: put_collection(db, one))  # type: ignore[misc]
    for name in await storage.listed("records/sets"):
        if known_set := await _record(history, name, SetRecord):
            await history.database.run(lambda db, one=known_set: put_set(db, one))  # type: ignore[misc]
    days = await storage.folders("images")
    state = Rebuilt(0, sum([len(await _images(history, day)) for day in days]), 0, 0)
    yield state
    for day in days:
        known = await _known(history, day)
        names = await _images(history, day)
        new = [name for name in names if name not in known]
        told: list[EntryRecord | None] = []
        for start in range(0, len(new), AT_ONCE):
            some = new[start : start + AT_ONCE]
            told += await asyncio.gather(*(_told(history, name) for name in some))
        found = in_order([one for one in told if one])
        added = 0
        for start in range(0, len(found), STEP):
            part = found[start : start + STEP]
            added += await history.database.run(lambda db, part=part: put_images(db, part))  # type: ignore[misc]
        state = Rebuilt(
            state.done + len(names),
            state.total,
            state.added + added,
            state.unreadable + len(told) - len(found),
        )
        yield state


def in_order(found: Sequence[EntryRecord]) -> list[EntryRecord]:
    """Sort the images of a day: by their place in the history, else by when they were made."""
    placed = sorted((one for one in found if one.n), key=lambda one: one.n)
    others = sorted((one for one in found if not one.n), key=_made)
    return list(heapq.merge(placed, others, key=_made))


def _made(record: EntryRecord) -> float:
    return record.entry.created_at


async def _images(history: History, day: str) -> list[str]:
    return [one for one in await history.storage.listed(day) if one.endswith(SUFFIXES)]


async def _known(history: History, day: str) -> set[str]:
    """Return the files below a folder that entries have."""
    query = select(entries.c.facts).where(entries.c.facts.contains(f'"{day}/'))

    def work(db: Connection) -> set[str]:
        return {str(json.loads(facts)["file"]) for facts in db.execute(query).scalars()}

    return await history.database.run(work)


async def _record(history: History, name: str, kind: type[R]) -> R | None:
    """Return a record; None where there is none, or it is damaged."""
    with suppress(HistoryError, ValidationError):
        return kind.model_validate_json(await history.storage.read(name))
    return None


async def _told(history: History, name: str) -> EntryRecord | None:
    """Return what is told of an image, by its record or else by its own metadata."""
    record = await _record(history, record_name(name), EntryRecord)
    if record is None:
        data = await history.storage.read(name)
        entry = await asyncio.to_thread(told_by, name, data)
        if entry is None:
            return None
        record = EntryRecord(entry=entry)
    thumbnail = PurePosixPath("thumbnails", *PurePosixPath(name).parts[1:]).with_suffix(".webp")
    entry = replace(record.entry, file=name, thumbnail=thumbnail.as_posix())
    if not await history.storage.exists(entry.thumbnail):
        await _draw(history, entry)
    return record.model_copy(update={"entry": entry})


async def _draw(history: History, entry: Entry) -> None:
    """Make the thumbnail of an image that lost it, where the image can be decoded."""
    with suppress(pictures.PictureError):
        data = await history.storage.read(entry.file)
        small = await asyncio.to_thread(pictures.thumbnail, data)
        await history.storage.write(entry.thumbnail, small)


def put_images(db: Connection, found: Sequence[EntryRecord]) -> int:
    """Insert entries with their jobs and what a person made of them; return how many were new."""
    added = []
    for record in found:
        entry = record.entry
        same = (entries.c.id == entry.id) | (entries.c.job_id == entry.job_id)
        if db.execute(select(entries.c.n).where(same)).first():
            continue
        if db.execute(select(jobs.c.n).where(jobs.c.id == entry.job_id)).first() is None:
            db.execute(insert(jobs).values(_job(entry, record.job)))
        put(db, entry)
        for tag in record.tags:
            db.execute(insert(tags).values(owner=entry.owner, tag=tag, entry_id=entry.id))
        for sha256 in record.sources:
            write_source(db, entry.owner, sha256, entry.id)
        for collection_id, added_at in record.collections:
            mine = (collections.c.id == collection_id, collections.c.owner == entry.owner)
            if db.execute(select(collections.c.n).where(*mine)).first():
                row = {"collection_id": collection_id, "entry_id": entry.id}
                db.execute(insert(collected).values(**row, added_at=added_at))
        added.append(entry.id)
    mark(db, "entry", added)
    return len(added)


def put_collection(db: Connection, record: CollectionRecord) -> None:
    """Insert a collection that is not there."""
    if db.execute(select(collections.c.n).where(collections.c.id == record.id)).first() is None:
        db.execute(insert(collections).values(record.model_dump(exclude={"v"})))


def put_set(db: Connection, record: SetRecord) -> None:
    """Insert a set that is not there, with its cells; of one that is, the cells that are empty."""
    known = db.execute(select(sets.c.owner).where(sets.c.id == record.id)).scalar()
    if known not in (None, record.owner):
        return
    if known is None:
        db.execute(insert(sets).values(record.model_dump(exclude={"v", "cells"})))
    names = ("page_no", "row_no", "column_no", "job_id")
    places = select(*(cells.c[name] for name in names[:3])).where(cells.c.set_id == record.id)
    filled = {tuple(place) for place in db.execute(places)}
    rows = [
        dict(zip(names, place, strict=True), set_id=record.id)
        for place in record.cells
        if place[:3] not in filled
    ]
    if rows:
        db.execute(insert(cells), rows)


def _job(entry: Entry, told: JobFacts | None) -> dict[str, object]:
    """Return the row of the finished job that an entry was."""
    known = told.model_dump() if told else _guessed(entry)
    shared = ("owner", "backend", "task", "model", "sandbox", "seed", "request_id")
    return (
        known
        | {name: getattr(entry, name) for name in shared}
        | {
            "id": entry.job_id,
            "state": "finished",
            "params": json.dumps(entry.params, ensure_ascii=False),
            "sent": json.dumps(entry.sent, ensure_ascii=False),
            "error": "",
            "advice": "",
            "entry_id": entry.id,
        }
    )


def _guessed(entry: Entry) -> dict[str, object]:
    """Return what an entry tells of its job; an image that has a price was paid for."""
    return {
        "work": 0.0,
        "price_micros": micros(entry.price_usd or 0.0),
        "price_known": entry.price_usd is not None,
        "charged": "yes" if entry.price_usd and not entry.sandbox else "no",
        "day": iso(entry.created_at)[:10],
        "created_at": entry.created_at - entry.elapsed_s,
        "updated_at": entry.created_at,
        "sent_at": entry.created_at - entry.elapsed_s,
    }
