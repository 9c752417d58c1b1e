"""The history: finished pictures with everything needed to make them again.

The file is stored first, then its thumbnail, then the row: a row never points at nothing.
A picture to start from is stored by its content, once for all who start from it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import ValidationError
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    delete,
    func,
    insert,
    select,
    update,
)

from core.errors import InputError, TakenError
from core.jobs.job import ACTIVE, iso
from core.params import Task
from core.pictures import Picture
from core.storage.database import Database
from core.storage.files import Storage
from core.storage.tables import entries, jobs
from core.storage.tables import secrets as vault

INPUT = re.compile(r"inputs/[0-9a-f]{2}/[0-9a-f]{64}\.(png|jpeg)")
DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished picture; `file` and `thumbnail` are names in the storage."""

    id: str
    job_id: str
    owner: str
    created_at: float
    task: Task
    backend: str
    model: str
    sandbox: bool
    prompt: str
    params: dict[str, Any]
    sent: dict[str, Any]
    seed: int
    width: int
    height: int
    format: str
    elapsed_s: float
    price_usd: float | None
    """None when nobody knew it."""
    request_id: str | None
    flagged: bool
    file: str
    thumbnail: str
    starred: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the entry dict of the named API, files still by their storage names."""
        facts = asdict(self)
        for private in ("job_id", "owner", "starred"):
            del facts[private]
        return facts | {"created_at": iso(self.created_at)}


OWN = tuple(one.name for one in entries.c if one.name in Entry.__dataclass_fields__)
"""What an entry has in columns of their own; the rest is JSON in `facts`."""


class History:
    """Keeps entries and their files; every question is asked in the name of an owner."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self.database = database
        self.storage = storage
        self.inputs = asyncio.Lock()
        """Held from storing a picture to start from until the job that needs it is a row."""

    async def add(
        self,
        entry: Entry,
        *,
        file: bytes,
        thumbnail: bytes,
        also: Callable[[Connection], object],
    ) -> None:
        """Store file, thumbnail, row, in this order; `also` begins the row's transaction.

        When `also` says that the job is taken, nothing of the entry stays.
        """
        await self.storage.write(entry.file, file)
        await self.storage.write(entry.thumbnail, thumbnail)

        def work(db: Connection) -> None:
            also(db)
            # Whoever has the job by now: it may have been handed over while it was under way.
            owner = db.execute(select(jobs.c.owner).where(jobs.c.id == entry.job_id)).scalar()
            db.execute(insert(entries).values(_row(replace(entry, owner=owner or entry.owner))))

        try:
            await self.database.run(work)
        except TakenError:
            await self.storage.delete(entry.file)
            await self.storage.delete(entry.thumbnail)
            raise

    async def restore(self, entry: Entry) -> None:
        """Add the row of an entry whose files are there already; one that is known is kept."""
        found = select(entries.c.id).where(entries.c.id == entry.id)

        def work(db: Connection) -> None:
            if db.execute(found).first() is None:
                db.execute(insert(entries).values(_row(entry)))

        await self.database.run(work)

    async def everything(self, *, limit: int) -> list[Entry]:
        """Return the newest entries of all owners, for whoever looks after the installation."""
        query = select(entries).order_by(entries.c.n.desc()).limit(limit)
        return await self.database.run(
            lambda db: [_entry(row) for row in db.execute(query).mappings()]
        )

    async def get(self, entry_id: str, *, owner: str | None = None) -> Entry:
        """Return an entry; one of another owner is as unknown as one that never was."""
        query = select(entries).where(entries.c.id == entry_id)
        if owner is not None:
            query = query.where(entries.c.owner == owner)
        row = await self.database.run(lambda db: db.execute(query).mappings().first())
        if row is None:
            raise InputError("There is no such image in the history.", field="id")
        return _entry(row)

    async def page(
        self,
        owner: str,
        *,
        limit: int = 50,
        before: str = "",
        query: str = "",
        starred: bool = False,
    ) -> list[Entry]:
        """Return at most `limit` entries older than the entry `before`, newest first.

        `query` keeps those whose prompt contains every one of its words.
        """
        chosen = [entries.c.owner == owner, *_containing(query)]
        if starred:
            chosen.append(entries.c.starred.is_(True))
        if before:
            anchor = select(entries.c.n).where(entries.c.id == before, entries.c.owner == owner)
            chosen.append(entries.c.n < anchor.scalar_subquery())
        statement = select(entries).where(*chosen).order_by(entries.c.n.desc()).limit(limit)
        return await self.database.run(
            lambda db: [_entry(row) for row in db.execute(statement).mappings()]
        )

    async def star(self, entry_id: str, *, owner: str, starred: bool) -> Entry:
        """Mark or unmark an entry as a favourite."""
        entry = await self.get(entry_id, owner=owner)
        change = update(entries).where(entries.c.id == entry_id).values(starred=starred)
        await self.database.run(lambda db: db.execute(change))
        return replace(entry, starred=starred)

    async def hand_over(self, old: str, new: str) -> int:
        """Give all jobs and entries of one owner to another; return how many entries moved."""

        def work(db: Connection) -> int:
            db.execute(update(jobs).where(jobs.c.owner == old).values(owner=new))
            moved = update(entries).where(entries.c.owner == old).values(owner=new)
            return int(db.execute(moved).rowcount)

        return await self.database.run(work)

    async def held(self, owner: str) -> tuple[int, int]:
        """Return how many images an owner has, and how many jobs that may still become one."""
        made = select(func.count()).where(entries.c.owner == owner)
        open_still = jobs.c.state.in_([*ACTIVE, "unknown"])
        under_way = select(func.count()).where(jobs.c.owner == owner, open_still)
        return await self.database.run(
            lambda db: (db.execute(made).scalar_one(), db.execute(under_way).scalar_one())
        )

    async def delete(self, entry_id: str, *, owner: str) -> None:
        """Remove an entry, then its files, and the picture it began with if nothing needs it."""
        entry = await self.get(entry_id, owner=owner)
        gone = delete(entries).where(entries.c.id == entry_id)
        async with self.inputs:
            await self.database.run(lambda db: db.execute(gone))
            await self.storage.delete(entry.file)
            await self.storage.delete(entry.thumbnail)
            if source := _source(entry.params):
                await self._release(input_name(source), source.sha256)

    async def refers(self, owner: str, source: Picture) -> bool:
        """Whether an entry or a job of an owner began with this picture.

        Its hash proves nothing: it is in every file that was made from the picture.
        """
        name = input_name(source)
        if not INPUT.fullmatch(name):
            return False
        made = select(entries.c.facts).where(
            entries.c.owner == owner, entries.c.facts.contains(source.sha256)
        )
        begun = select(jobs.c.params).where(
            jobs.c.owner == owner, jobs.c.params.contains(source.sha256)
        )

        def work(db: Connection) -> bool:
            told = itertools.chain(
                (json.loads(facts)["params"] for facts in db.execute(made).scalars()),
                (json.loads(params) for params in db.execute(begun).scalars()),
            )
            # The text may be in a prompt as well.
            return any((own := _source(params)) and input_name(own) == name for params in told)

        return await self.database.run(work)

    async def release_unused(self, *, older_than: float) -> None:
        """Remove pictures to start from that were put into a form before a Unix time, and no more.

        All entries and jobs that may still run are read once, in small steps; what none of them
        names is asked for once more by itself, so that nobody waits for all of it.
        """
        old = await self.storage.written_before("inputs", older_than)
        names = {_digest_in(name): name for name in old if INPUT.fullmatch(name)}
        told_of = (
            select(entries.c.n, entries.c.facts).order_by(entries.c.n),
            select(jobs.c.n, jobs.c.params).where(_may_run()).order_by(jobs.c.n),
        )
        for told in told_of:
            after = 0
            while names and (rows := await self._texts(told, after)):
                after = rows[-1][0]
                for _n, text in rows:
                    for digest in DIGEST.findall(text):
                        names.pop(digest, None)
        for digest, name in names.items():
            async with self.inputs:
                await self._release(name, digest)

    async def _texts(self, told: Select[int, str], after: int) -> list[tuple[int, str]]:
        query = told.where(told.selected_columns[0] > after).limit(500)
        return await self.database.run(lambda db: [(n, text) for n, text in db.execute(query)])

    async def _release(self, name: str, sha256: str) -> None:
        """Remove a picture to start from, unless an entry or a job that may still run needs it."""
        needs = (
            select(entries.c.id).where(entries.c.facts.contains(sha256)),
            select(jobs.c.state).where(jobs.c.params.contains(sha256), _may_run()),
        )
        if not await self.database.run(lambda db: any(db.execute(need).first() for need in needs)):
            await self.storage.delete(name)

    async def secret(self, name: str) -> str:
        """Return this installation's own secret of that name, drawn on first use."""

        def work(db: Connection) -> str:
            query = select(vault.c.value).where(vault.c.name == name)
            found = db.execute(query).scalar_one_or_none()
            if found is None:
                found = secrets.token_hex(32)
                db.execute(insert(vault).values(name=name, value=found))
            return str(found)

        return await self.database.run(work)


def _may_run() -> ColumnElement[bool]:
    """Tell jobs that run or may be run again."""
    again = jobs.c.retryable.is_(True) | (jobs.c.charged == "yes")
    return jobs.c.state.in_([*ACTIVE, "unknown"]) | ((jobs.c.state == "failed") & again)


def _digest_in(name: str) -> str:
    return name.rpartition("/")[2].partition(".")[0]


def input_name(picture: Picture) -> str:
    """Name a picture to start from by its content, so that the same one is kept once."""
    suffix = picture.media_type.rpartition("/")[2]
    return f"inputs/{picture.sha256[:2]}/{picture.sha256}.{suffix}"


def _source(params: Mapping[str, Any]) -> Picture | None:
    """The picture that params began with, where it is told as this program writes it.

    An entry may come from a file's metadata, which anybody can write.
    """
    try:
        picture = Picture(**params["image"])
    except (KeyError, TypeError, ValidationError):
        return None
    return picture if INPUT.fullmatch(input_name(picture)) else None


def _containing(query: str) -> list[ColumnElement[bool]]:
    words = query.casefold().split()[:20]
    return [entries.c.search.contains(word, autoescape=True) for word in words]


def _row(entry: Entry) -> dict[str, Any]:
    facts = asdict(entry)
    return {name: facts.pop(name) for name in OWN} | {
        "search": entry.prompt.casefold(),
        "facts": json.dumps(facts, ensure_ascii=False),
    }


def _entry(row: RowMapping) -> Entry:
    return Entry(**{name: row[name] for name in OWN}, **json.loads(row["facts"]))
