"""Moves images between installations: to a folder with all that belongs to them, and from one.

A folder has the layout of the storage, so it can be looked at, and its records tell what the images
do not. One that comes in may have been made by anybody: each file is checked by itself, what cannot
be used is left out with a sentence, and the rest is taken. Jobs that are under way move apart from
them (`open_jobs`), for two installations could pay for them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import os
import re
import secrets
import stat
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy import Connection, select

from core import metadata, pictures
from core.errors import HistoryError, InputError
from core.history.entry import INPUT, input_name, source_in
from core.history.history import History
from core.history.open_jobs import PLACE
from core.history.rebuild import in_order, put_collection, put_images, put_set
from core.history.records import CollectionRecord, EntryRecord, SetRecord, mark, told_of
from core.params import MAX_PROMPT, MAX_SEED, TASKS
from core.rescue import told_by
from core.storage.files import Storage, explained
from core.storage.tables import collections, entries, jobs, sets

STEP = 50
"""Images that are looked at, or written down, together."""
MARKER = "playground.json"
IMAGE = re.compile(
    r"(?:images/)?(\d{4}-\d\d-\d\d)/([A-Za-z0-9][A-Za-z0-9._-]{0,120})\.(png|jpg|webp)"
)
"""How an image of an export is called; those of “Download all” lie in no folder `images`."""
BESIDE = re.compile(r"(thumbnails|records/images|inputs)/[A-Za-z0-9._/-]{1,200}")
RECORD = re.compile(r"records/(collections|sets)/([A-Za-z0-9_-]{1,32})\.json")
NAMED = re.compile(r"[A-Za-z0-9_-]{1,32}")
DIGEST = re.compile(r"[0-9a-f]{64}")
PICK = re.compile(r"\d{1,4},\d{1,4}")
SUFFIX = {"jpeg": "jpg"}
MOST_RECORD, MOST_SMALL, MOST_INPUT = 2_000_000, 1_000_000, 20_000_000
MOST_DEPTH = 6
MOST_USD = 1_000
DAY_S = 24 * 3600.0
R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Moved:
    """How far it is: `done` of `total` images looked at, and what is to be said of some."""

    done: int
    total: int
    images: int
    """Those that were taken."""
    said: tuple[str, ...] = ()


class _RefusedError(Exception):
    """Why a file of a folder is left out, as a sentence."""


# Out


async def export_to(
    history: History, folder: Path, *, owner: str | None = None
) -> AsyncGenerator[Moved]:
    """Write the images of an owner, or of all, with all that belongs to them into a folder.

    Yields how far it is, at least twice. Raises InputError for a folder that has anything in it
    and for an owner without images, HistoryError when the folder cannot be written; what was
    written until then is whole.
    """
    mine = entries.c.owner == owner if owner is not None else entries.c.n > 0
    counted = select(entries.c.n).where(mine).order_by(entries.c.n)
    numbers = await history.database.run(lambda db: list(db.execute(counted).scalars()))
    if owner is not None and not numbers:
        raise await _no_such_owner(history, owner)
    await asyncio.to_thread(_emptied, folder)
    target = Storage(str(folder))
    yield Moved(0, len(numbers), 0)
    images = 0
    for start in range(0, len(numbers), STEP):
        some = numbers[start : start + STEP]
        said: list[str] = []
        for record in await history.database.run(lambda db, some=some: _records(db, some)):  # type: ignore[misc]
            try:
                await _copy_image(history, target, record)
                images += 1
            except _RefusedError as error:
                said.append(str(error))
        yield Moved(start + len(some), len(numbers), images, tuple(said))
    for kind, table in (("collection", collections), ("set", sets)):
        own = select(table.c.id)
        own = own if owner is None else own.where(table.c.owner == owner)
        told = await history.database.run(lambda db, k=kind, q=own: _told_all(db, k, q))  # type: ignore[misc]
        for name, text in told:
            await target.write(name, text)
    facts = {"made_by": "FLUX.1 SRPO Playground", "format": 1, "owner": owner, "images": images}
    await asyncio.to_thread(_write_marker, folder, json.dumps(facts, indent=2))
    yield Moved(len(numbers), len(numbers), images)


def _records(db: Connection, numbers: Sequence[int]) -> list[EntryRecord]:
    ids = list(
        db.execute(
            select(entries.c.id).where(entries.c.n.in_(list(numbers))).order_by(entries.c.n)
        ).scalars()
    )
    found = {due.id: due.record for due in told_of(db, "entry", ids)}
    return [record for one in ids if isinstance(record := found.get(one), EntryRecord)]


def _told_all(db: Connection, kind: Any, query: Any) -> list[tuple[str, bytes]]:
    ids = list(db.execute(query).scalars())
    found: list[tuple[str, bytes]] = []
    for start in range(0, len(ids), STEP):
        for due in told_of(db, kind, ids[start : start + STEP]):
            if due.record:
                found.append((due.name, due.record.model_dump_json().encode()))
    return found


async def _copy_image(history: History, target: Storage, record: EntryRecord) -> None:
    entry = record.entry
    try:
        data = await history.storage.read(entry.file)
    except HistoryError as error:
        raise _RefusedError(f"{entry.file}: {error} It is left out.") from error
    await target.write(entry.file, data)
    beside = [entry.thumbnail]
    if (source := source_in(entry.params)) and INPUT.fullmatch(input_name(source)):
        beside.append(input_name(source))
    for name in beside:
        with suppress(HistoryError):  # a thumbnail can be drawn anew, a source may be long gone
            data = await history.storage.read(name)
            await target.write(name, data)
    job = record.job and record.job.model_copy(update={"own_key": None})
    told = record.model_copy(update={"job": job})
    name = PurePosixPath("records", entry.file).with_suffix(".json").as_posix()
    await target.write(name, told.model_dump_json().encode())


async def _no_such_owner(history: History, owner: str) -> InputError:
    query = select(entries.c.owner).distinct().order_by(entries.c.owner).limit(20)
    known = await history.database.run(lambda db: list(db.execute(query).scalars()))
    return InputError(
        f"The owner “{_plain(owner)}” has no images.",
        field="owner",
        advice=f"There are: {', '.join(known)}." if known else "Nobody has any.",
    )


def _emptied(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        full = any(folder.iterdir())
    except OSError as error:
        raise explained(error) from error
    if full:
        raise InputError(
            f"The folder {folder} is not empty.",
            field="folder",
            advice="Choose a new folder, so that nothing in it is overwritten.",
        )


def _write_marker(folder: Path, text: str) -> None:
    try:
        (folder / MARKER).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise explained(error) from error


# In


async def import_from(
    history: History, folder: Path, *, owner: str | None = None
) -> AsyncGenerator[Moved]:
    """Take the images of a folder that `export_to` or “Download all” made; others are left out.

    With `owner` all become that owner's. What is here already is passed over, so it can be done
    again. Yields how far it is, with a sentence for each file that was left out. Raises InputError
    when there is no such folder, HistoryError when this installation's disk is full: what was taken
    until then is whole.
    """
    if not await asyncio.to_thread(folder.is_dir):
        raise InputError(f"There is no folder {folder}.", field="folder", advice="Check its name.")
    names, said = await asyncio.to_thread(_found, folder)
    days: dict[str, list[str]] = {}
    for name in names:
        if found := IMAGE.fullmatch(name):
            days.setdefault(found[1], []).append(name)
        elif name != MARKER and not any(one.fullmatch(name) for one in (BESIDE, RECORD, PLACE)):
            said.append(f"{_plain(name)} is not part of an export. It is left out.")
    reader = _Reader(history, folder, frozenset(names), owner)
    total = sum(map(len, days.values()))
    yield Moved(0, total, 0, tuple(said))
    for name in names:
        found = RECORD.fullmatch(name)
        if found and found[1] == "collections":
            sentence = await reader.collection(name, found[2])
            yield Moved(0, total, 0, (sentence,) if sentence else ())
    done = images = 0
    for day in sorted(days):
        taken, sentences = await reader.day(sorted(days[day]))
        done, images = done + len(days[day]), images + taken
        yield Moved(done, total, images, tuple(sentences))
    for name in names:
        found = RECORD.fullmatch(name)
        if found and found[1] == "sets":
            sentence = await reader.set(name, found[2])
            yield Moved(done, total, images, (sentence,) if sentence else ())
    await history.records.write()
    yield Moved(done, total, images)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads a folder that a stranger may have made."""

    history: History
    folder: Path
    names: frozenset[str]
    owner: str | None

    async def day(self, names: Sequence[str]) -> tuple[int, list[str]]:
        """Take the images of a day; return how many, and why others were not."""
        said: list[str] = []
        found: dict[str, EntryRecord] = {}
        for name in names:
            try:
                record = await asyncio.to_thread(self._record, name)
                found[name] = record
            except _RefusedError as error:
                said.append(f"{_plain(name)} {error}")
        known = await self._known([*found.values()])
        places = {id(record): name for name, record in found.items()}
        taken = 0
        batch: list[EntryRecord] = []
        for record in in_order([*found.values()]):
            name = places[id(record)]
            if record.entry.id in known or record.entry.job_id in known:
                said.append(f"{_plain(name)} is here already.")
                continue
            known |= {record.entry.id, record.entry.job_id}
            try:
                batch.append(await self._stored(name, record))
            except _RefusedError as error:
                said.append(f"{_plain(name)} {error}")
            if len(batch) >= STEP:
                taken += await self._put(batch)
                batch = []
        return taken + await self._put(batch), said

    async def _put(self, batch: Sequence[EntryRecord]) -> int:
        if not batch:
            return 0
        return await self.history.database.run(lambda db: put_images(db, batch))

    async def _known(self, found: Sequence[EntryRecord]) -> set[str]:
        """Return those of some ids, of entries and of jobs, that are here."""
        ids = {record.entry.id for record in found}
        work = {record.entry.job_id for record in found}

        def ask(db: Connection) -> set[str]:
            here: set[str] = set()
            for column, some in (
                (entries.c.id, ids),
                (entries.c.job_id, work),
                (jobs.c.id, work),
            ):
                listed = sorted(some)
                for start in range(0, len(listed), STEP):
                    asked = select(column).where(column.in_(listed[start : start + STEP]))
                    here |= set(db.execute(asked).scalars())
            return here

        return await self.history.database.run(ask)

    def _record(self, name: str) -> EntryRecord:
        """Return what is told of an image: by its record, or else by its own metadata."""
        data = _read(self.folder / name, metadata.MAX_FILE)
        found = IMAGE.fullmatch(name)
        try:
            kind, width, height = pictures.inspect(data)
        except pictures.PictureError as error:
            raise _RefusedError(f"is left out: {error}") from error
        if found is None or SUFFIX.get(kind, kind) != found[3]:
            raise _RefusedError(f"is left out: it is a {kind.upper()} file by another name.")
        place = f"images/{found[1]}/{found[2]}.{found[3]}"
        beside = f"records/images/{found[1]}/{found[2]}.json"
        record = self._told(beside) if beside in self.names else None
        if record is None:
            entry = told_by(place, data, time.time())
            if entry is None:
                raise _RefusedError(
                    "is left out: it was made by another program, or its settings are gone."
                )
            record = EntryRecord(entry=entry)
        entry = replace(
            record.entry, file=place, format=kind, owner=self.owner or record.entry.owner
        )
        if (entry.width, entry.height) != (width, height):
            raise _RefusedError("is left out: its record tells of another size.")
        return _checked(record.model_copy(update={"entry": entry}))

    def _told(self, name: str) -> EntryRecord | None:
        try:
            return EntryRecord.model_validate_json(_read(self.folder / name, MOST_RECORD))
        except (_RefusedError, ValidationError, ValueError, RecursionError):
            return None

    async def _stored(self, name: str, record: EntryRecord) -> EntryRecord:
        """Write the files of an image: the image itself, its thumbnail, where it began."""
        storage, entry = self.history.storage, record.entry
        data = await asyncio.to_thread(_read, self.folder / name, metadata.MAX_FILE)
        if await storage.exists(entry.file):  # another image has this name here
            path = PurePosixPath(entry.file)
            fresh = path.with_name(f"{path.stem}-{secrets.token_hex(3)}{path.suffix}")
            entry = replace(entry, file=fresh.as_posix())
        small = PurePosixPath("thumbnails", *PurePosixPath(entry.file).parts[1:])
        entry = replace(entry, thumbnail=small.with_suffix(".webp").as_posix())
        thumbnail = await asyncio.to_thread(self._thumbnail, record.entry.file, data)
        if source := source_in(entry.params):
            await self._keep_source(input_name(source), source.sha256)
        await storage.write(entry.file, data)
        await storage.write(entry.thumbnail, thumbnail)
        return record.model_copy(update={"entry": entry})

    def _thumbnail(self, place: str, data: bytes) -> bytes:
        """Return the thumbnail that lies beside an image if it is one, or a new one."""
        name = PurePosixPath("thumbnails", *PurePosixPath(place).parts[1:]).with_suffix(".webp")
        if name.as_posix() in self.names:
            with suppress(_RefusedError, pictures.PictureError):
                small = _read(self.folder / name, MOST_SMALL)
                kind, width, height = pictures.inspect(small)
                if kind == "webp" and max(width, height) <= 1024:
                    return small
        try:
            return pictures.thumbnail(data)
        except pictures.PictureError as error:
            raise _RefusedError(f"is left out: {error}") from error

    async def _keep_source(self, name: str, sha256: str) -> None:
        """Keep the image that an image began with, if it is there and is what its name says."""
        if name not in self.names or await self.history.storage.exists(name):
            return
        with suppress(_RefusedError, pictures.PictureError):
            data = await asyncio.to_thread(_read, self.folder / name, MOST_INPUT)
            if hashlib.sha256(data).hexdigest() == sha256:
                await asyncio.to_thread(pictures.inspect, data)
                await self.history.storage.write(name, data)

    async def collection(self, name: str, wanted: str) -> str:
        """Take a collection; return why it is left out, or ""."""
        record = await asyncio.to_thread(self._small, name, CollectionRecord)
        if record is None or record.id != wanted or not _is_line(record.title, 200):
            return f"{name} is damaged. The collection is left out."
        record = record.model_copy(update={"owner": self.owner or record.owner})
        if not _is_line(record.owner, 200) or not _is_moment(record.created_at):
            return f"{name} is damaged. The collection is left out."

        def work(db: Connection) -> None:
            put_collection(db, record)
            mark(db, "collection", [record.id])

        await self.history.database.run(work)
        return ""

    async def set(self, name: str, wanted: str) -> str:
        """Take a set with those of its images that are the owner's; return why not, or ""."""
        record = await asyncio.to_thread(self._small, name, SetRecord)
        if record is None or record.id != wanted or not _is_set(record):
            return f"{name} is damaged. The set is left out."
        owner = self.owner or record.owner
        named = sorted({cell[3] for cell in record.cells})
        query = select(jobs.c.id, jobs.c.state).where(jobs.c.id.in_(named), jobs.c.owner == owner)

        def work(db: Connection) -> bool:
            here = {row.id: row.state for row in db.execute(query)}
            kept = [cell for cell in record.cells if cell[3] in here]
            if kept:
                paused = record.paused and "waiting" in here.values()
                changes = {"owner": owner, "cells": kept, "paused": paused}
                put_set(db, record.model_copy(update=changes))
                mark(db, "set", [record.id])
            return bool(kept)

        if await self.history.database.run(work):
            return ""
        return f"{name} has no image that is here. The set is left out."

    def _small(self, name: str, kind: type[R]) -> R | None:
        try:
            return kind.model_validate_json(_read(self.folder / name, MOST_RECORD))
        except (_RefusedError, ValidationError, ValueError, RecursionError):
            return None


def _found(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of all regular files below a folder, and what is to be said of others."""
    names: list[str] = []
    said: list[str] = []

    def walk(place: Path, before: str, depth: int) -> Iterator[str]:
        try:
            inside = sorted(os.scandir(place), key=lambda one: one.name)
        except OSError as error:
            said.append(f"{_plain(before) or 'The folder'} cannot be read: {error.strerror}.")
            return
        for one in inside:
            name = f"{before}{one.name}"
            if one.is_symlink():
                said.append(f"{_plain(name)} is a link. It is left out.")
            elif one.is_dir(follow_symlinks=False) and depth < MOST_DEPTH:
                yield from walk(Path(one.path), f"{name}/", depth + 1)
            elif one.is_file(follow_symlinks=False):
                yield name
            else:
                said.append(f"{_plain(name)} is no file. It is left out.")

    names.extend(walk(folder, "", 0))
    return names, said


def _read(path: Path, most: int) -> bytes:
    """Return a regular file of at most `most` bytes; links are not followed."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise _RefusedError("is left out: it is no file.")
            data = file.read(most + 1)
    except OSError as error:
        raise _RefusedError(f"is left out: {error.strerror or 'it cannot be read'}.") from error
    if len(data) > most:
        raise _RefusedError(f"is left out: it has more than {most // 1_000_000} MB.")
    return data


def _checked(record: EntryRecord) -> EntryRecord:
    """Return a record without what does not concern others, or refuse what cannot be true."""
    entry, job = record.entry, record.job
    well = (
        all(NAMED.fullmatch(one) for one in (entry.id, entry.job_id))
        and all(one is None or NAMED.fullmatch(one) for one in (entry.parent, entry.set_id))
        and _is_line(entry.owner, 200)
        and all(_is_line(one, 200, empty=True) for one in (entry.backend, entry.model, entry.title))
        and len(entry.prompt) <= 5 * MAX_PROMPT
        and len(entry.note) <= 5 * MAX_PROMPT
        and (entry.request_id is None or _is_line(entry.request_id, 200, empty=True))
        and -1 <= entry.seed <= MAX_SEED
        and _is_moment(entry.created_at)
        and (entry.deleted_at is None or _is_moment(entry.deleted_at))
        and math.isfinite(entry.elapsed_s)
        and (entry.price_usd is None or 0 <= entry.price_usd <= MOST_USD)
        and _is_text([entry.params, entry.sent, entry.prompt, entry.note])
        and all(DIGEST.fullmatch(one) for one in record.sources)
        and len(record.tags) <= 200
        and all(_is_line(one, 64) for one in record.tags)
        and len(record.collections) <= 1_000
        and all(NAMED.fullmatch(one) and _is_moment(at) for one, at in record.collections)
    )
    if well and job:
        well = (
            math.isfinite(job.work)
            and 0 <= job.price_micros <= MOST_USD * 1_000_000
            and bool(re.fullmatch(r"\d{4}-\d\d-\d\d", job.day))
            and _is_moment(job.created_at)
            and _is_moment(job.updated_at)
            and (job.sent_at is None or _is_moment(job.sent_at))
            and all(one is None or NAMED.fullmatch(one) for one in (job.batch, job.collection))
        )
    if not well:
        raise _RefusedError("is left out: its record tells what cannot be.")
    own = job and job.model_copy(update={"own_key": None})
    once = {name: list(dict.fromkeys(getattr(record, name))) for name in ("tags", "sources")}
    put = list(dict(record.collections).items())
    return record.model_copy(update={"job": own, "collections": put, **once})


HEADINGS = TypeAdapter(tuple[list[str], list[str], list[str]])
SHAPES: tuple[tuple[str, TypeAdapter[Any]], ...] = (
    ("base", TypeAdapter(dict[str, Any])),
    ("axes", TypeAdapter(list[dict[str, Any]])),
    ("targets", TypeAdapter(list[dict[str, str]])),
    ("notes", TypeAdapter(list[str])),
    ("picks", TypeAdapter(dict[str, int])),
)


def _is_set(record: SetRecord) -> bool:
    """Whether the record of a set has the shape that the page expects of one."""
    try:
        told = {name: shape.validate_json(getattr(record, name)) for name, shape in SHAPES}
        columns, rows, pages = HEADINGS.validate_json(record.headings)
    except (ValidationError, RecursionError):
        return False
    return (
        bool(NAMED.fullmatch(record.id))
        and _is_line(record.owner, 200)
        and _is_line(record.title, 500)
        and record.task in TASKS
        and _is_moment(record.created_at)
        and all(PICK.fullmatch(one) for one in told["picks"])
        and all(
            0 <= page < len(pages)
            and 0 <= row < len(rows)
            and 0 <= column < len(columns)
            and bool(NAMED.fullmatch(job))
            for page, row, column, job in record.cells
        )
        and len({cell[:3] for cell in record.cells}) == len(record.cells)
    )


def _is_line(text: str, most: int, *, empty: bool = False) -> bool:
    return text.isprintable() and (0 if empty else 1) <= len(text) <= most


def _is_text(told: Any) -> bool:
    """Whether a database can keep it: no NUL, and nothing that is no letter at all."""
    text = json.dumps(told, ensure_ascii=False)
    try:
        return len(text.encode()) <= MOST_RECORD and "\\u0000" not in text
    except UnicodeEncodeError:
        return False


def _is_moment(at: float) -> bool:
    return math.isfinite(at) and 0 <= at <= time.time() + DAY_S


def _plain(name: str) -> str:
    """Return a name as it can be shown, whatever somebody put into it."""
    shown = name.encode("utf-8", "replace").decode()
    return "".join(one if one.isprintable() else "?" for one in shown)[:120]
