"""What can be done to many images at once: star, tag, collect, delete, restore; in steps.

`Studio.change_all` carries a change out on images that are named, or on all that a search finds.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from core.errors import InputError
from core.history.collections import owned, storable
from core.history.history import Change
from core.history.records import mark
from core.storage.tables import collected, entries, tags
from core.words import english

MOST_TAG = 60


@dataclass(frozen=True, slots=True)
class Step:
    """How far a change of many images is: `done` of `total` were looked at, `changed` changed."""

    done: int
    total: int
    changed: int


def star(starred: bool) -> Change:
    """Mark images as favourites, or take the mark away."""
    return _setting(entries.c.starred != starred, starred=starred)


def throw_away() -> Change:
    """Put images into the trash."""
    return _setting(entries.c.deleted_at.is_(None), deleted_at=time.time())


def restore() -> Change:
    """Take images out of the trash."""
    return _setting(entries.c.deleted_at.is_not(None), deleted_at=None)


def collect(collection_id: str) -> Change:
    """Put images into a collection."""
    now = time.time()

    def change(db: Connection, owner: str, ids: Sequence[str]) -> int:
        owned(db, collection_id, owner)
        there = select(collected.c.entry_id).where(collected.c.collection_id == collection_id)
        new = _known(db, owner, ids, entries.c.id.not_in(there))
        if new:
            row = {"collection_id": collection_id, "added_at": now}
            db.execute(insert(collected), [{**row, "entry_id": one} for one in new])
            mark(db, "entry", new)
        return len(new)

    return change


def take_out(collection_id: str) -> Change:
    """Take images out of a collection; they stay in the history."""

    def change(db: Connection, owner: str, ids: Sequence[str]) -> int:
        owned(db, collection_id, owner)
        known = _known(db, owner, ids)
        inside = (collected.c.collection_id == collection_id) & collected.c.entry_id.in_(known)
        mark(db, "entry", known)
        return db.execute(delete(collected).where(inside)).rowcount

    return change


def tag(name: str) -> Change:
    """Give images a tag."""
    name = tag_named(name)

    def change(db: Connection, owner: str, ids: Sequence[str]) -> int:
        there = select(tags.c.entry_id).where(tags.c.owner == owner, tags.c.tag == name)
        new = _known(db, owner, ids, entries.c.id.not_in(there))
        if new:
            row = {"owner": owner, "tag": name}
            db.execute(insert(tags), [{**row, "entry_id": one} for one in new])
            mark(db, "entry", new)
        return len(new)

    return change


def untag(name: str) -> Change:
    """Take a tag from images."""
    name = tag_named(name)

    def change(db: Connection, owner: str, ids: Sequence[str]) -> int:
        known = _known(db, owner, ids)
        have = (tags.c.owner == owner) & (tags.c.tag == name) & tags.c.entry_id.in_(known)
        mark(db, "entry", known)
        return db.execute(delete(tags).where(have)).rowcount

    return change


def tag_named(name: str) -> str:
    """Return a tag as it is kept: one line in lower case without a leading #."""
    found = " ".join(storable(str(name)).split()).lstrip("#").strip().casefold()
    if not found:
        raise InputError(english("tag-unnamed"), field="tag", advice=english("type-tag"))
    if len(found) > MOST_TAG:
        raise InputError(
            english("tag-too-long", most=MOST_TAG), field="tag", advice=english("shorten-it")
        )
    return found


def _setting(needed: ColumnElement[bool], **values: Any) -> Change:
    """Set columns of those images that do not have these values yet."""

    def change(db: Connection, owner: str, ids: Sequence[str]) -> int:
        found = _known(db, owner, ids, needed)
        db.execute(update(entries).where(entries.c.id.in_(found)).values(values))
        mark(db, "entry", found)
        return len(found)

    return change


def _known(db: Connection, owner: str, ids: Sequence[str], *more: ColumnElement[bool]) -> list[str]:
    """Return those ids that are images of an owner, in the trash or not."""
    query = select(entries.c.id).where(entries.c.owner == owner, entries.c.id.in_(ids), *more)
    return [str(one) for (one,) in db.execute(query)]
