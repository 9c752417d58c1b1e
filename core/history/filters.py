"""Saved filters: what an owner wants to find again, by a name."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, delete, func, insert, select, update

from core.errors import InputError
from core.history.search import ALL, Wanted
from core.storage.database import Database
from core.storage.tables import filters
from core.words import english

MOST = 100
"""Filters of one owner."""
MOST_NAME = 100
WANTED = TypeAdapter(Wanted)


@dataclass(frozen=True, slots=True)
class Filter:
    """A saved filter in a list."""

    id: str
    title: str
    wanted: Wanted


def told(wanted: Wanted) -> dict[str, Any]:
    """Return what matters of what is wanted, as JSON has it."""
    return {name: fact for name, fact in asdict(wanted).items() if fact != getattr(ALL, name)}


def read(facts: Mapping[str, Any]) -> Wanted:
    """Return what is wanted as `told` told it; what this version does not know is left out."""
    known = {name: fact for name, fact in facts.items() if name in Wanted.__dataclass_fields__}
    try:
        return WANTED.validate_python(known)
    except ValidationError as error:
        wrong = {str(one["loc"][0]) for one in error.errors() if one["loc"]}
        kept = {name: fact for name, fact in known.items() if name not in wrong}
        return WANTED.validate_python(kept)


class Filters:
    """Keeps saved filters; every question is asked in the name of an owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, owner: str) -> Sequence[Filter]:
        """Return an owner's filters by name."""
        query = select(filters).where(filters.c.owner == owner)
        query = query.order_by(func.lower(filters.c.title), filters.c.n)
        return await self._database.run(
            lambda db: [
                Filter(row["id"], row["title"], read(json.loads(row["filter"])))
                for row in db.execute(query).mappings()
            ]
        )

    async def save(self, title: str, wanted: Wanted, *, owner: str) -> Filter:
        """Save a filter; one of the same name is replaced.

        Raises InputError for a name that is empty or too long, and when there are too many.
        """
        named = _named(title)
        facts = json.dumps(told(wanted), ensure_ascii=False)
        mine = (filters.c.owner == owner, filters.c.title == named)

        def work(db: Connection) -> str:
            if found := db.execute(select(filters.c.id).where(*mine)).scalar():
                db.execute(update(filters).where(filters.c.id == found).values(filter=facts))
                return str(found)
            there = select(func.count()).select_from(filters).where(filters.c.owner == owner)
            if db.execute(there).scalar_one() >= MOST:
                said = english("filters-too-many", most=MOST)
                raise InputError(said, field="title", advice=english("filter-delete-one"))
            row = {"id": secrets.token_hex(12), "owner": owner, "title": named, "filter": facts}
            db.execute(insert(filters).values(**row, created_at=time.time()))
            return row["id"]

        return Filter(await self._database.run(work), named, wanted)

    async def delete(self, filter_id: str, *, owner: str) -> None:
        """Forget a filter; raises InputError where the owner has no such one."""
        gone = delete(filters).where(filters.c.id == filter_id, filters.c.owner == owner)
        if not await self._database.run(lambda db: int(db.execute(gone).rowcount)):
            said = english("no-such-filter")
            raise InputError(said, field="filter", advice=english("look-at-filters"))


def _named(title: str) -> str:
    """Return the name of a filter on one line, or raise InputError."""
    named = " ".join(str(title).split())
    if not named:
        raise InputError(english("filter-untitled"), field="title", advice=english("type-title"))
    if len(named) > MOST_NAME:
        raise InputError(
            english("filter-name-long", most=MOST_NAME), field="title", advice=english("shorten-it")
        )
    return named
