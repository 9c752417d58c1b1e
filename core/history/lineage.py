"""Lineage: what an image was made from, what was made from it, and the set it belongs to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from core.history.entry import Entry, entry_of
from core.storage.database import Database
from core.storage.tables import cells, entries, sets, sources


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where an image comes from and what it led to."""

    made_from: Entry | None
    """The image of the history that it began with, which may be in the trash."""
    strength: float | None
    """How far it departs from that image, 0 to 1; None where its backend has no such setting."""
    source: str | None
    """The file of the image that it began with, from the history or not; None without one."""
    made_into: Sequence[Entry]
    """Images that began with it, newest first, without those in the trash."""
    more: int
    """How many further ones there are."""
    set_id: str | None
    set_title: str


def write_source(db: Connection, owner: str, sha256: str, entry_id: str) -> None:
    """Note which entry an image to start from was."""
    row = {"owner": owner, "sha256": sha256, "entry_id": entry_id}
    same = [sources.c[name] == value for name, value in row.items()]
    if db.execute(select(sources.c.owner).where(*same)).first() is None:
        db.execute(insert(sources).values(row))


def parent_of(db: Connection, owner: str, sha256: str, *, below: int) -> str | None:
    """Return the newest entry of an owner that an image to start from was, or None.

    Only of entries whose number is below one.
    """
    query = (
        select(entries.c.id)
        .join(sources, sources.c.entry_id == entries.c.id)
        .where(sources.c.owner == owner, sources.c.sha256 == sha256, entries.c.owner == owner)
        .where(entries.c.n < below)
        .order_by(entries.c.n.desc())
        .limit(1)
    )
    return db.execute(query).scalar()


def parents_of(db: Connection, owner: str, digests: Collection[str]) -> dict[str, str]:
    """Return the newest entries of an owner that images to start from were, by their digests."""
    if not digests:
        return {}
    query = (
        select(sources.c.sha256, entries.c.id)
        .join(entries, sources.c.entry_id == entries.c.id)
        .where(sources.c.owner == owner, entries.c.owner == owner)
        .where(sources.c.sha256.in_(list(digests)))
        .order_by(entries.c.n)
    )
    return {row.sha256: row.id for row in db.execute(query)}


def adopt(db: Connection, owner: str, sha256: str, entry_id: str) -> list[str]:
    """Note which image to start from an earlier entry was, and name it the parent of later ones.

    Returns those that it became the parent of; nothing where the entry is gone or has gone to
    another owner.
    """
    number = db.execute(
        select(entries.c.n).where(entries.c.id == entry_id, entries.c.owner == owner)
    ).scalar()
    if number is None:
        return []
    write_source(db, owner, sha256, entry_id)
    orphans = (
        (entries.c.owner == owner)
        & (entries.c.source == sha256)
        & entries.c.parent.is_(None)
        & (entries.c.n > number)
    )
    found = [str(one) for one in db.execute(select(entries.c.id).where(orphans)).scalars()]
    if found:
        db.execute(update(entries).where(orphans).values(parent=entry_id))
    return found


async def derive(database: Database, old: str, new: str) -> None:
    """Note that an image to start from was made smaller: it still is the same entries' image."""

    def work(db: Connection) -> None:
        query = select(sources.c.owner, sources.c.entry_id).where(sources.c.sha256 == old)
        for owner, entry_id in db.execute(query).all():
            write_source(db, owner, new, entry_id)

    await database.run(work)


async def related(
    database: Database, entry: Entry, most: int
) -> tuple[Entry | None, list[Entry], int, tuple[str, str] | None]:
    """Return an entry's parent, at most `most` children, how many more, and its set.

    The parent may be in the trash. The set is an id and a title.
    """
    mine = entries.c.owner == entry.owner
    parent = select(entries).where(entries.c.id == entry.parent, mine)
    kept = (mine, entries.c.deleted_at.is_(None))
    children = select(entries).where(entries.c.parent == entry.id, *kept)
    newest = children.order_by(entries.c.n.desc())
    of_set = (
        select(sets.c.id, sets.c.title)
        .join(cells, cells.c.set_id == sets.c.id)
        .where(cells.c.job_id == entry.job_id, sets.c.owner == entry.owner)
        .order_by(sets.c.n.desc())
        .limit(1)
    )

    def work(
        db: Connection,
    ) -> tuple[Entry | None, list[Entry], int, tuple[str, str] | None]:
        above = db.execute(parent).mappings().first()
        below = [entry_of(row) for row in db.execute(newest.limit(most)).mappings()]
        numbers = newest.with_only_columns(entries.c.n)
        more = len(db.execute(numbers.offset(most)).all())
        made = db.execute(of_set).first()
        return (
            entry_of(above) if above else None,
            below,
            more,
            (str(made.id), str(made.title)) if made else None,
        )

    return await database.run(work)
