"""What an image's file does not tell, in a file of its own: owner, star, tags, collections, set.

From these files and the images the database can be made again (`app.py --rebuild`). They lie in
`records/` of the storage, and go into no export. A change notes in its own transaction what is to
be written, and the note goes after the file was written: a process may end at any instant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel
from sqlalchemy import Connection, delete, insert, literal, select, update

from core import pictures
from core.errors import Charged, HistoryError
from core.history.entry import Entry, entry_of, source_in
from core.history.lineage import adopt, parent_of
from core.storage.database import Database
from core.storage.files import Storage
from core.storage.tables import (
    cells,
    collected,
    collections,
    entries,
    jobs,
    records_due,
    removals,
    sets,
    sources,
    tags,
)

Kind = Literal["entry", "collection", "set"]
STEP = 100
"""Notes that are looked at together."""
MARKED = 500
"""Notes in one statement."""
WRITERS = 8
"""Files that are written at once."""


class JobFacts(BaseModel):
    """What the ledger knows of a finished job, besides what its entry has."""

    work: float
    price_micros: int
    price_known: bool
    charged: Charged
    own_key: str | None
    day: str
    created_at: float
    updated_at: float
    sent_at: float | None
    batch: str | None
    collection: str | None


class EntryRecord(BaseModel):
    """The record of an image."""

    v: Literal[1] = 1
    entry: Entry
    n: int = 0
    """Its place in the history; 0 where that is not known."""
    sources: list[str] = []
    """Digests of the images to start from that this image was."""
    tags: list[str] = []
    collections: list[tuple[str, float]] = []
    """Ids of collections, and since when it is in each."""
    job: JobFacts | None = None


class CollectionRecord(BaseModel):
    """The record of a collection."""

    v: Literal[1] = 1
    id: str
    owner: str
    title: str
    created_at: float


class SetRecord(BaseModel):
    """The record of a set: its row, with JSON as text, and its cells."""

    v: Literal[1] = 1
    id: str
    owner: str
    title: str
    task: str
    base: str
    axes: str
    targets: str
    headings: str
    notes: str
    picks: str
    paused: bool
    created_at: float
    cells: list[tuple[int, int, int, str]] = []
    """Page, row, column and job."""


Record = EntryRecord | CollectionRecord | SetRecord


@dataclass(frozen=True, slots=True)
class Due:
    """One file to write; `record` is None where what it tells of is gone."""

    kind: Kind
    id: str
    name: str
    record: Record | None


class Records:
    """Writes what is noted."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self._database = database
        self._storage = storage
        self.lock = asyncio.Lock()
        """Held while files of `records/` are written or removed."""

    async def write(self) -> int:
        """Write what is noted until nothing is; return how many notes there were."""
        written = 0
        while step := await self.write_some():
            written += step
        return written

    async def write_some(self) -> int:
        """Write some of it, oldest first; each note stands for what is so now."""
        async with self.lock:
            numbers, due = await self._database.run(_read)
            found = [await self._related(one) for one in due]
            places = asyncio.Semaphore(WRITERS)
            await asyncio.gather(*(self._put(one, places) for one in found))
            if numbers:
                await self._database.run(lambda db: _done(db, numbers, found))
        return len(numbers)

    async def _related(self, due: Due) -> Due:
        """Find out which image to start from an image of an earlier version was."""
        record = due.record
        if not isinstance(record, EntryRecord) or record.sources:
            return due
        try:
            data = await self._storage.read(record.entry.file)
        except HistoryError:  # its file is gone: there is nothing to begin with
            return due
        digest = await asyncio.to_thread(pictures.source_digest, data)
        if not digest:
            return due
        parent = await self._database.run(lambda db: _relate(db, record, digest))
        told = {"sources": [digest], "entry": replace(record.entry, parent=parent)}
        return replace(due, record=record.model_copy(update=told))

    async def _put(self, due: Due, places: asyncio.Semaphore) -> None:
        async with places:
            if due.record is None:
                await self._storage.delete(due.name)
            else:
                await self._storage.write(due.name, due.record.model_dump_json().encode())


def mark(db: Connection, kind: Kind, ids: Sequence[str]) -> None:
    """Note, in the transaction that changes them, that what is told of these is to be written."""
    for start in range(0, len(ids), MARKED):
        some = ids[start : start + MARKED]
        db.execute(insert(records_due), [{"kind": kind, "target": one} for one in some])


def mark_all(db: Connection, owner: str) -> None:
    """Note the same for all that an owner has."""
    tables: Mapping[Kind, Any] = {"entry": entries, "collection": collections, "set": sets}
    for kind, table in tables.items():
        mine = select(literal(kind), table.c.id).where(table.c.owner == owner).order_by(table.c.n)
        db.execute(insert(records_due).from_select(["kind", "target"], mine))


def record_name(file: str) -> str:
    """Name the record of an image by the image's file."""
    return PurePosixPath("records", file).with_suffix(".json").as_posix()


def told_of(db: Connection, kind: Kind, ids: Sequence[str]) -> list[Due]:
    """Return what is to be written of some things as they are now."""
    return _TOLD[kind](db, ids)


def _read(db: Connection) -> tuple[list[int], list[Due]]:
    """Return the notes of a step and the files that they ask for."""
    notes = db.execute(select(records_due).order_by(records_due.c.n).limit(STEP)).all()
    found: list[Due] = []
    for kind, told in _TOLD.items():
        ids = list(dict.fromkeys(note.target for note in notes if note.kind == kind))
        if ids:
            found += told(db, ids)
    return [note.n for note in notes], found


def _relate(db: Connection, record: EntryRecord, digest: str) -> str | None:
    """Write down which image to start from an entry was; return its own parent."""
    entry = record.entry
    mark(db, "entry", adopt(db, entry.owner, digest, entry.id))
    source = source_in(entry.params)
    if entry.parent or source is None:
        return entry.parent
    parent = parent_of(db, entry.owner, source.sha256, below=record.n)
    if parent:
        db.execute(update(entries).where(entries.c.id == entry.id).values(parent=parent))
    return parent


def _done(db: Connection, numbers: Sequence[int], found: Sequence[Due]) -> None:
    """Drop notes; an image that another process removed meanwhile takes its record along."""
    db.execute(delete(records_due).where(records_due.c.n.in_(numbers)))
    names = {due.id: due.name for due in found if due.kind == "entry"}
    left = select(entries.c.id).where(entries.c.id.in_(list(names)))
    for (one,) in db.execute(left).all():
        del names[one]
    if names:
        db.execute(insert(removals), [{"name": name} for name in names.values()])


def _entries(db: Connection, ids: Sequence[str]) -> list[Due]:
    found = {}
    for row in db.execute(select(entries).where(entries.c.id.in_(ids))).mappings():
        with suppress(TypeError, ValueError, AttributeError):  # somebody broke it
            found[row["n"]] = entry_of(row)
    names = [entry.job_id for entry in found.values()]
    known = db.execute(select(jobs).where(jobs.c.id.in_(names))).mappings()
    made = {row["id"]: JobFacts.model_validate(dict(row)) for row in known}
    inside = select(collected.c.entry_id, collected.c.collection_id, collected.c.added_at)
    put = _by_entry(db, inside.where(collected.c.entry_id.in_(ids)))
    tagged = _by_entry(db, select(tags.c.entry_id, tags.c.tag).where(tags.c.entry_id.in_(ids)))
    begun = select(sources.c.entry_id, sources.c.sha256).where(sources.c.entry_id.in_(ids))
    began = _by_entry(db, begun)
    return [
        Due(
            "entry",
            entry.id,
            record_name(entry.file),
            EntryRecord(
                entry=entry,
                n=number,
                sources=sorted(sha256 for (sha256,) in began.get(entry.id, ())),
                tags=sorted(tag for (tag,) in tagged.get(entry.id, ())),
                collections=[(one, at) for one, at in put.get(entry.id, ())],
                job=made.get(entry.job_id),
            ),
        )
        for number, entry in found.items()
    ]


def _collections(db: Connection, ids: Sequence[str]) -> list[Due]:
    rows = db.execute(select(collections).where(collections.c.id.in_(ids))).mappings()
    found = {row["id"]: CollectionRecord.model_validate(dict(row)) for row in rows}
    return [
        Due("collection", one, f"records/collections/{one}.json", found.get(one)) for one in ids
    ]


def _sets(db: Connection, ids: Sequence[str]) -> list[Due]:
    places: dict[str, list[tuple[int, int, int, str]]] = {}
    for cell in db.execute(select(cells).where(cells.c.set_id.in_(ids))):
        place = (cell.page_no, cell.row_no, cell.column_no, cell.job_id)
        places.setdefault(cell.set_id, []).append(place)
    rows = db.execute(select(sets).where(sets.c.id.in_(ids))).mappings()
    found = {
        row["id"]: SetRecord.model_validate({**row, "cells": places.get(row["id"], [])})
        for row in rows
    }
    return [Due("set", one, f"records/sets/{one}.json", found.get(one)) for one in ids]


_TOLD: Mapping[Kind, Callable[[Connection, Sequence[str]], list[Due]]] = {
    "entry": _entries,
    "collection": _collections,
    "set": _sets,
}


def _by_entry(db: Connection, query: Any) -> dict[str, list[Any]]:
    """Gather the rows of a question by their first column."""
    found: dict[str, list[Any]] = {}
    for entry_id, *rest in db.execute(query):
        found.setdefault(entry_id, []).append(rest)
    return found
