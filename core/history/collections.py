"""Collections: images that a person puts together; an image can be in several."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from core.errors import InputError
from core.history.records import mark
from core.jobs.job import iso
from core.jobs.sets import titled
from core.storage.database import Database
from core.storage.tables import collected, collections, entries, tags
from core.words import english


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection in a list; `newest` is the id of its newest image. Times are Unix seconds."""

    id: str
    title: str
    count: int
    newest: str | None
    created_at: float

    def as_dict(self) -> dict[str, object]:
        """Return the collection of the named API."""
        facts = {"id": self.id, "title": self.title, "count": self.count}
        return {**facts, "newest": self.newest, "created_at": iso(self.created_at)}


class Collections:
    """Keeps collections; every question is asked in the name of an owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, title: str, *, owner: str) -> Collection:
        """Make an empty collection; raises InputError for a title that is empty or taken."""
        made = Collection(secrets.token_hex(12), named(title), 0, None, time.time())
        row = {"id": made.id, "title": made.title, "created_at": made.created_at}

        def work(db: Connection) -> None:
            _check_free(db, owner, made.title)
            db.execute(insert(collections).values(owner=owner, **row))
            mark(db, "collection", [made.id])

        await self._database.run(work)
        return made

    async def list(self, owner: str) -> Sequence[Collection]:
        """Return an owner's collections by title; images in the trash are not counted."""
        kept = and_(entries.c.id == collected.c.entry_id, entries.c.deleted_at.is_(None))
        counts = (
            select(
                collected.c.collection_id,
                func.count(entries.c.n).label("count"),
                func.max(entries.c.n).label("newest"),
            )
            .join(entries, kept)
            .where(entries.c.owner == owner)
            .group_by(collected.c.collection_id)
            .subquery()
        )
        query = (
            select(collections, counts.c.count, entries.c.id.label("newest"))
            .join(counts, counts.c.collection_id == collections.c.id, isouter=True)
            .join(entries, entries.c.n == counts.c.newest, isouter=True)
            .where(collections.c.owner == owner)
            .order_by(func.lower(collections.c.title), collections.c.n)
        )
        return await self._database.run(
            lambda db: [
                Collection(
                    row["id"], row["title"], row["count"] or 0, row["newest"], row["created_at"]
                )
                for row in db.execute(query).mappings()
            ]
        )

    async def named(self, name: str, *, owner: str) -> str:
        """Return the id of an owner's collection by its id or title; makes one of that title."""
        title = named(name)
        mine = collections.c.owner == owner
        either = (collections.c.id == title) | (collections.c.title == title)
        query = select(collections.c.id).where(mine, either).order_by(collections.c.n)
        found = await self._database.run(lambda db: db.execute(query).scalar())
        return str(found) if found else (await self.create(title, owner=owner)).id

    async def check(self, collection_id: str, *, owner: str) -> None:
        """Raise InputError where an owner has no such collection."""
        await self._database.run(lambda db: owned(db, collection_id, owner))

    async def rename(self, collection_id: str, title: str, *, owner: str) -> None:
        """Give a collection another title."""
        title = named(title)

        def work(db: Connection) -> None:
            owned(db, collection_id, owner)
            _check_free(db, owner, title, besides=collection_id)
            chosen = update(collections).where(collections.c.id == collection_id)
            db.execute(chosen.values(title=title))
            mark(db, "collection", [collection_id])

        await self._database.run(work)

    async def delete(self, collection_id: str, *, owner: str) -> None:
        """Forget a collection; its images stay in the history."""

        def work(db: Connection) -> None:
            owned(db, collection_id, owner)
            db.execute(delete(collections).where(collections.c.id == collection_id))
            inside = collected.c.collection_id == collection_id
            db.execute(delete(collected).where(inside))
            mark(db, "collection", [collection_id])

        await self._database.run(work)

    async def of(self, entry_id: str, *, owner: str) -> Sequence[tuple[str, str]]:
        """Return the collections that an image is in, as pairs of id and title, by title."""
        query = (
            select(collections.c.id, collections.c.title)
            .join(collected, collected.c.collection_id == collections.c.id)
            .where(collected.c.entry_id == entry_id, collections.c.owner == owner)
            .order_by(func.lower(collections.c.title), collections.c.n)
        )
        return await self._database.run(lambda db: [(str(a), str(b)) for a, b in db.execute(query)])

    async def tags(self, owner: str) -> Sequence[tuple[str, int]]:
        """Return an owner's tags with how many images have each, the most used first."""
        kept = and_(entries.c.id == tags.c.entry_id, entries.c.deleted_at.is_(None))
        count = func.count()
        query = (
            select(tags.c.tag, count)
            .join(entries, kept)
            .where(tags.c.owner == owner)
            .group_by(tags.c.tag)
            .order_by(count.desc(), tags.c.tag)
        )
        return await self._database.run(lambda db: [(str(a), int(b)) for a, b in db.execute(query)])

    async def tags_of(self, entry_id: str, *, owner: str) -> Sequence[str]:
        """Return the tags of an image, in the order of the alphabet."""
        mine = (tags.c.entry_id == entry_id, tags.c.owner == owner)
        query = select(tags.c.tag).where(*mine).order_by(tags.c.tag)
        return await self._database.run(lambda db: [str(one) for (one,) in db.execute(query)])


def owned(db: Connection, collection_id: str, owner: str) -> None:
    """Raise InputError where an owner has no such collection."""
    mine = (collections.c.id == collection_id, collections.c.owner == owner)
    known = collection_id.isascii() and db.execute(select(collections.c.n).where(*mine)).first()
    if not known:
        raise InputError(
            english("no-such-collection"),
            field="collection",
            advice=english("look-at-collections"),
        )


def collect_made(db: Connection, collection_id: str, owner: str, entry_id: str) -> None:
    """Put a new image into the collection that was chosen for it, where that is still there."""
    mine = (collections.c.id == collection_id, collections.c.owner == owner)
    if db.execute(select(collections.c.n).where(*mine)).first():
        row = {"collection_id": collection_id, "entry_id": entry_id, "added_at": time.time()}
        db.execute(insert(collected).values(row))


def named(title: str) -> str:
    """Return a collection's title in one line; raises InputError when it is empty or too long."""
    title = titled(storable(str(title)))
    if not title:
        raise InputError(
            english("collection-untitled"), field="title", advice=english("type-title")
        )
    return title


def storable(text: str) -> str:
    """Return a text as every database takes it: what is no character becomes a question mark."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _check_free(db: Connection, owner: str, title: str, *, besides: str = "") -> None:
    taken = select(collections.c.n).where(
        collections.c.owner == owner, collections.c.title == title, collections.c.id != besides
    )
    if db.execute(taken).first():
        raise InputError(
            english("collection-title-taken"), field="title", advice=english("choose-other-title")
        )
