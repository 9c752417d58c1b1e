"""The history: finished images with everything needed to make them again.

The file is stored first, then its thumbnail, then the row: a row never points at nothing.
An image to start from is stored by its content, once for all who start from it.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    func,
    insert,
    select,
    update,
)

from core.errors import InputError, TakenError
from core.history import index, lineage, search
from core.history.collections import collect_made
from core.history.duplicates import Duplicates
from core.history.entry import INPUT, Entry, entry_of, input_name, source_in
from core.history.filling import Filling
from core.history.likeness import MOST, Likeness
from core.history.records import Records, mark, mark_all
from core.history.search import ALL, Wanted
from core.jobs.job import ACTIVE
from core.likeness import Descriptor
from core.pictures import Picture
from core.storage.database import Database
from core.storage.files import Storage
from core.storage.tables import (
    collections,
    entries,
    filters,
    jobs,
    sets,
    shares,
    sources,
    tags,
)
from core.storage.tables import secrets as vault
from core.words import english

CHANGED = 200
"""Entries that one transaction changes."""
DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")

Change = Callable[[Connection, str, Sequence[str]], int]
"""Changes those of some ids that are entries of an owner, and returns how many it changed."""


class History:
    """Keeps entries and their files; every question is asked in the name of an owner."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self.database = database
        self.storage = storage
        self.likeness = Likeness(database, storage)
        self.duplicates = Duplicates(self.likeness, storage)
        self.inputs = asyncio.Lock()
        """Held from storing an image to start from until the job that needs it is a row."""
        self.records = Records(database, storage)
        self.filling = Filling(database)

    async def add(
        self,
        entry: Entry,
        *,
        file: bytes,
        thumbnail: bytes,
        also: Callable[[Connection], object],
        source: str = "",
        descriptor: Descriptor | None = None,
    ) -> None:
        """Store file, thumbnail, row, in this order; `also` begins the row's transaction.

        `source` is the digest that the image has as one to start from. When `also` says that the
        job is taken, nothing of the entry stays. Without its descriptor an entry is described in
        the background.
        """
        await self.storage.write(entry.file, file)
        await self.storage.write(entry.thumbnail, thumbnail)

        def work(db: Connection) -> None:
            also(db)
            # Whoever has the job by now: it may have been handed over while it was under way.
            job = db.execute(
                select(jobs.c.owner, jobs.c.collection).where(jobs.c.id == entry.job_id)
            ).first()
            owner = job.owner if job else entry.owner
            number = index.put(db, replace(entry, owner=owner))
            if descriptor:
                self.likeness.keep(db, number, owner, descriptor)
            if source:
                lineage.write_source(db, owner, source, entry.id)
            if job and job.collection:
                collect_made(db, job.collection, owner, entry.id)
            mark(db, "entry", [entry.id])

        try:
            await self.database.run(work)
            if not descriptor:
                self.likeness.wake()
        except TakenError:
            await self.storage.delete(entry.file)
            await self.storage.delete(entry.thumbnail)
            raise

    async def restore(self, entry: Entry) -> None:
        """Add the row of an entry whose files are there already; one that is known is kept."""
        found = select(entries.c.id).where(entries.c.id == entry.id)

        def work(db: Connection) -> None:
            if db.execute(found).first() is None:
                index.put(db, entry)
                mark(db, "entry", [entry.id])

        await self.database.run(work)
        self.likeness.wake()

    async def newest_files(self, *, limit: int) -> list[tuple[str, str]]:
        """Return file and thumbnail of the newest entries of all owners.

        Asks only for what a database of any earlier version has.
        """
        query = select(entries.c.facts).order_by(entries.c.n.desc()).limit(limit)
        told = await self.database.run(
            lambda db: [json.loads(facts) for facts in db.execute(query).scalars()]
        )
        return [(facts["file"], facts["thumbnail"]) for facts in told]

    async def get(self, entry_id: str, *, owner: str | None = None, trash: bool = False) -> Entry:
        """Return an entry; one of another owner is as unknown as one that never was.

        So is one in the trash, unless `trash` is set.
        """
        query = select(entries).where(entries.c.id == entry_id)
        if not trash:
            query = query.where(entries.c.deleted_at.is_(None))
        if owner is not None:
            query = query.where(entries.c.owner == owner)
        known = entry_id.isascii()  # what is no valid text at all could not even be looked up
        row = (
            await self.database.run(lambda db: db.execute(query).mappings().first())
            if known
            else None
        )
        if row is None:
            raise no_such_image()
        return entry_of(row)

    async def is_in_trash(self, entry_id: str) -> bool | None:
        """Whether an entry is in the trash; None where there is none of that id."""
        query = select(entries.c.deleted_at).where(entries.c.id == entry_id)
        row = await self.database.run(lambda db: db.execute(query).first())
        return None if row is None else row.deleted_at is not None

    async def some(self, ids: Sequence[str], *, trash: bool = False) -> dict[str, Entry]:
        """Return entries by their ids; those that are gone are left out.

        So are those in the trash, unless `trash` is set.
        """
        query = select(entries).where(entries.c.id.in_([one for one in ids if _possible(one)]))
        if not trash:
            query = query.where(entries.c.deleted_at.is_(None))

        def work(db: Connection) -> dict[str, Entry]:
            return {row["id"]: entry_of(row) for row in db.execute(query).mappings()}

        return await self.database.run(work) if ids else {}

    async def page(
        self,
        owner: str,
        wanted: Wanted = ALL,
        *,
        limit: int = 50,
        before: str = "",
        after: str = "",
    ) -> list[Entry]:
        """Return at most `limit` of an owner's entries, in the order that is wanted.

        `before` is the entry that they follow: those before it in time, newest first. `after` is
        the one that they precede, again in the same order. An unknown one has no neighbours.
        Raises InputError when the search has too many words, for what is no colour, and for an
        unknown image that they are to be like.
        """
        if (wanted.colour or wanted.like) and not wanted.sort:
            return await self.likeness.page(owner, wanted, limit=limit, before=before, after=after)
        among = await self._alike(owner, wanted)

        def work(db: Connection) -> list[Entry]:
            numbers = search.page(
                db, owner, wanted, limit=limit, before=before, after=after, among=among
            )
            query = select(entries).where(entries.c.n.in_(numbers))
            rows = {row["n"]: row for row in db.execute(query).mappings()}
            return [entry_of(rows[number]) for number in numbers]

        return await self.database.run(work)

    async def _alike(self, owner: str, wanted: Wanted) -> list[int] | None:
        """Return the numbers that colour and likeness leave, nearest first; None for any."""
        if not (wanted.colour or wanted.like):
            return None
        return [number for number, _ in await self.likeness.nearest(owner, wanted)]

    async def named(self, owner: str, ids: Sequence[str], *, trash: bool = False) -> list[Entry]:
        """Return an owner's entries of these ids, in their order; others are left out."""
        found = await self.some(ids, trash=trash)
        return [found[one] for one in ids if one in found and found[one].owner == owner]

    async def models(self, owner: str) -> list[str]:
        """Return the models that made an owner's images, by name."""
        mine = (entries.c.owner == owner, entries.c.model.is_not(None), entries.c.model != "")
        query = select(entries.c.model).where(*mine).distinct().order_by(entries.c.model)
        return await self.database.run(lambda db: [str(one) for one in db.execute(query).scalars()])

    async def count(self, owner: str, wanted: Wanted = ALL) -> int:
        """Return how many of an owner's entries are wanted."""
        if (alike := await self._alike(owner, wanted)) is not None:
            return len(alike)
        return await self.database.run(lambda db: search.count(db, owner, wanted))

    async def ids(
        self, owner: str, wanted: Wanted = ALL, *, limit: int, before: str = ""
    ) -> list[str]:
        """Return the ids alone of at most `limit` entries after `before`, in the order wanted."""
        among = await self._alike(owner, wanted)

        def work(db: Connection) -> list[str]:
            if among is None or wanted.sort:
                numbers = search.page(db, owner, wanted, limit=limit, before=before, among=among)
            else:
                anchor = (entries.c.id == before, entries.c.owner == owner)
                last = db.execute(select(entries.c.n).where(*anchor)).scalar() if before else None
                if before and last not in among:
                    return []
                start = among.index(last) + 1 if last is not None else 0
                numbers = among[start : start + limit]
            query = select(entries.c.n, entries.c.id).where(entries.c.owner == owner)
            if numbers:
                query = query.where(entries.c.n.between(min(numbers), max(numbers)))
            named = {row.n: row.id for row in db.execute(query)} if numbers else {}
            return [named[number] for number in numbers if number in named]

        return await self.database.run(work)

    async def change(self, change: Change, ids: Sequence[str], *, owner: str) -> int:
        """Carry a change out on an owner's entries, in one transaction; return how many changed."""
        known = [one for one in ids if _possible(one)]
        return await self.database.run(lambda db: change(db, owner, known))

    async def check_known(self, ids: Sequence[str], *, owner: str) -> None:
        """Raise InputError where one of the ids is no entry of the owner's, in the trash or not."""
        for start in range(0, len(ids), CHANGED):
            some = [one for one in ids[start : start + CHANGED] if _possible(one)]
            query = select(entries.c.id).where(entries.c.owner == owner, entries.c.id.in_(some))
            known = await self.database.run(lambda db, q=query: {*db.execute(q).scalars()})  # type: ignore[misc]
            for one in ids[start : start + CHANGED]:
                if one not in known:
                    raise InputError(
                        english("no-image-of-id", id=_shown(one)),
                        field="ids",
                        advice=english("nothing-changed"),
                    )

    async def in_steps(
        self, chosen: Sequence[str] | Wanted, *, owner: str
    ) -> AsyncGenerator[tuple[Sequence[str], int, int]]:
        """Go through ids, or all that is wanted now, in steps that one transaction can change.

        Yields ids with how many there were up to them and how many there are in all; first none.
        """
        if isinstance(chosen, Wanted) and (chosen.colour or chosen.like):
            chosen = await self.ids(owner, chosen, limit=MOST)
        if not isinstance(chosen, Wanted):
            yield (), 0, len(chosen)
            for start in range(0, len(chosen), CHANGED):
                some = chosen[start : start + CHANGED]
                yield some, start + len(some), len(chosen)
            return
        newest = await self.database.run(
            lambda db: db.execute(select(func.max(entries.c.n))).scalar()
        )
        done, below = 0, (newest or 0) + 1
        total = await self.count(owner, chosen)
        yield (), 0, total
        while True:
            some, below = await self._numbered(chosen, owner, below)
            if not some:
                return
            done += len(some)
            yield some, done, max(total, done)

    async def _numbered(self, wanted: Wanted, owner: str, below: int) -> tuple[list[str], int]:
        """Return wanted entries whose numbers are below one, and the smallest of their numbers."""

        def work(db: Connection) -> tuple[list[str], int]:
            query = search.numbered(db, owner, wanted, below=below, limit=CHANGED)
            found = db.execute(query).all()
            return [str(one.id) for one in found], int(found[-1].n) if found else 0

        return await self.database.run(work)

    async def describe(
        self, entry_id: str, *, owner: str, title: str | None, note: str | None
    ) -> None:
        """Write an entry's title and note, and index their words; None leaves one as it is."""
        texts = {"title": title, "note": note}
        told = {name: text for name, text in texts.items() if text is not None}
        mine = (entries.c.id == entry_id, entries.c.owner == owner)

        def work(db: Connection) -> None:
            number = db.execute(select(entries.c.n).where(*mine)).scalar()
            if number is None:
                raise no_such_image()
            if told:
                db.execute(update(entries).where(entries.c.n == number).values(told))
                index.index_words(db, number)
                mark(db, "entry", [entry_id])

        await self.database.run(work)

    async def hand_over(self, old: str, new: str) -> int:
        """Give all that one owner made to another; return how many entries moved."""

        def work(db: Connection) -> int:
            for table in (jobs, sets, collections, tags, filters, sources, shares):
                db.execute(update(table).where(table.c.owner == old).values(owner=new))
            moved = update(entries).where(entries.c.owner == old).values(owner=new)
            count = int(db.execute(moved).rowcount)
            mark_all(db, new)
            return count

        count = await self.database.run(work)
        await self.likeness.hand_over(old, new)
        return count

    async def held(self, owner: str) -> tuple[int, int]:
        """Return how many images an owner has, and how many jobs that may still become one."""
        made = select(func.count()).where(entries.c.owner == owner)
        open_still = jobs.c.state.in_([*ACTIVE, "unknown"])
        under_way = select(func.count()).where(jobs.c.owner == owner, open_still)
        return await self.database.run(
            lambda db: (db.execute(made).scalar_one(), db.execute(under_way).scalar_one())
        )

    async def refers(self, owner: str, source: Picture) -> bool:
        """Whether an entry or a job of an owner began with this image.

        Its hash proves nothing: it is in every file that was made from the image.
        """
        name = input_name(source)
        if not INPUT.fullmatch(name):
            return False
        told = entries.c.facts.contains(source.sha256)
        made = select(entries.c.facts).where(entries.c.owner == owner)
        asked = (
            made.where(entries.c.source == source.sha256),
            made.where(entries.c.indexed < index.INDEXED, told),
            select(jobs.c.params).where(
                jobs.c.owner == owner, jobs.c.params.contains(source.sha256)
            ),
        )

        def work(db: Connection) -> bool:
            for texts in (db.execute(query).scalars() for query in asked):
                for text in texts:
                    facts = json.loads(text)
                    own = source_in(facts.get("params", facts))
                    if own and input_name(own) == name:  # the text may be in a prompt as well
                        return True
            return False

        return await self.database.run(work)

    async def source_of(self, entry: Entry) -> str | None:
        """Return the file of the image that an entry began with, if its owner began with it.

        An entry may come from a file's metadata, which anybody can write.
        """
        source = source_in(entry.params)
        if source is None or not await self.refers(entry.owner, source):
            return None
        return input_name(source)

    async def release_unused(self, *, older_than: float) -> None:
        """Remove images to start from that were put into a form before a Unix time, and no more.

        All entries, sets and jobs that may still run are read once, in small steps; what none of
        them names is asked for once more by itself, so that nobody waits for all of it.
        """
        old = await self.storage.written_before("inputs", older_than)
        names = {_digest_in(name): name for name in old if INPUT.fullmatch(name)}
        told_of = (
            select(entries.c.n, entries.c.facts).order_by(entries.c.n),
            select(sets.c.n, sets.c.base).order_by(sets.c.n),
            select(jobs.c.n, jobs.c.params).where(_may_run()).order_by(jobs.c.n),
        )
        for told in told_of:
            after = 0
            while names and (rows := await self._texts(told, after)):
                after = rows[-1][0]
                for _n, text in rows:
                    for digest in DIGEST.findall(text):
                        names.pop(digest, None)
        await self.release(list(names.values()))

    async def _texts(self, told: Select[int, str], after: int) -> list[tuple[int, str]]:
        query = told.where(told.selected_columns[0] > after).limit(500)
        return await self.database.run(lambda db: [(n, text) for n, text in db.execute(query)])

    async def release(self, names: Sequence[str]) -> None:
        """Remove images to start from that no entry, set or job that may still run needs."""
        for name in names:
            async with self.inputs:
                digest = _digest_in(name)
                if not await self.database.run(lambda db, sha=digest: _is_needed(db, sha)):  # type: ignore[misc]
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


def _is_needed(db: Connection, sha256: str) -> bool:
    """Whether an image to start from is needed: by entries, sets, or jobs that may still run."""
    untold = entries.c.indexed < index.INDEXED  # its column may not be filled yet
    needs = (
        select(entries.c.n).where(entries.c.source == sha256),
        select(entries.c.n).where(untold, entries.c.facts.contains(sha256)),
        select(sets.c.n).where(sets.c.base.contains(sha256)),
        select(jobs.c.n).where(jobs.c.params.contains(sha256), _may_run()),
    )
    return any(db.execute(need.limit(1)).first() for need in needs)


def no_such_image() -> InputError:
    """Say that there is no such image."""
    return InputError(english("exports-there-no-such-image-in"), field="id")


def _possible(one: str) -> bool:
    """Whether a text can be an id at all."""
    return one.isascii() and one.isprintable()


def _shown(one: str) -> str:
    return one[:40].encode("utf-8", "replace").decode()


def _digest_in(name: str) -> str:
    return name.rpartition("/")[2].partition(".")[0]
