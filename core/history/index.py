"""How an entry lies in the database: its row, the columns it is found by, and its words."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from core.history.entry import OWN, Entry, facts_of, source_in
from core.history.lineage import parents_of
from core.history.words import as_tsvector, words_of
from core.money import micros
from core.storage.tables import (
    cells,
    collected,
    descriptors,
    entries,
    entry_words,
    sources,
    tags,
)

INDEXED = 1
"""The version of what is kept to find an entry by; rows of a smaller one are still to be done."""
TOLD = ("backend", "model", "task", "sandbox", "seed", "width", "height", "flagged")
"""Facts that are columns as well."""


def shuffled(number: Any) -> Any:
    """Return the place in the random order of an entry that was written before there was one."""
    return (number * 1_103_515_245 + 12_345) % 2_147_483_648


def put(db: Connection, entry: Entry) -> int:
    """Insert an entry with all that it is found by; return its number."""
    return put_all(db, [entry])[entry.id]


def put_all(db: Connection, many: Sequence[Entry]) -> dict[str, int]:
    """Insert entries with all that they are found by; return their numbers by their ids."""
    made_for = sets_of(db, [entry.job_id for entry in many if not entry.set_id])
    begun: dict[str, set[str]] = {}
    for entry in many:
        if not entry.parent and (source := source_in(entry.params)):
            begun.setdefault(entry.owner, set()).add(source.sha256)
    parents = {owner: parents_of(db, owner, digests) for owner, digests in begun.items()}
    rows = []
    for entry in many:
        row = {name: getattr(entry, name) for name in OWN}
        row |= {"search": entry.prompt.casefold(), "facts": facts_of(entry)}
        row |= found_by(entry) | {"indexed": INDEXED, "shuffle": secrets.randbits(31)}
        row["set_id"] = entry.set_id or made_for.get(entry.job_id)
        if row["source"] and not entry.parent:
            row["parent"] = parents[entry.owner].get(row["source"])
        rows.append(row)
    adding = insert(entries).returning(entries.c.id, entries.c.n)
    numbers = {row.id: row.n for row in db.execute(adding, rows)}
    told = [
        {
            "rowid": numbers[entry.id],
            "words": told_words(db, entry.prompt, entry.title, entry.note),
        }
        for entry in many
    ]
    db.execute(insert(entry_words), told)
    return numbers


def found_by(entry: Entry) -> dict[str, Any]:
    """Return the columns of an entry that only repeat its facts, so that it is found by them."""
    source = source_in(entry.params)
    price = entry.price_usd
    return {name: getattr(entry, name) for name in TOLD} | {
        "price_micros": None if price is None else micros(price),
        "source": source.sha256 if source else None,
    }


def sets_of(db: Connection, job_ids: Sequence[str]) -> dict[str, str]:
    """Return the sets that jobs were made for, by job."""
    query = select(cells.c.job_id, cells.c.set_id).where(cells.c.job_id.in_(list(job_ids)))
    return {row.job_id: row.set_id for row in db.execute(query)}


def index_words(db: Connection, number: int) -> None:
    """Index an entry's words again after its title or its note changed."""
    row = db.execute(
        select(entries.c.facts, entries.c.title, entries.c.note).where(entries.c.n == number)
    ).one()
    db.execute(delete(entry_words).where(entry_words.c.rowid == number))
    _put_words(db, number, json.loads(row.facts)["prompt"], row.title, row.note)


def _put_words(db: Connection, number: int, *texts: str) -> None:
    db.execute(insert(entry_words).values(rowid=number, words=told_words(db, *texts)))


def told_words(db: Connection, *texts: str) -> str:
    """Return the words of texts as the index of a database takes them."""
    words = words_of(*texts)
    return " ".join(words) if db.dialect.name == "sqlite" else as_tsvector(words)


def remove(db: Connection, ids: Sequence[str]) -> None:
    """Remove the rows of entries for good, and all that is told about them."""
    numbers = select(entries.c.n).where(entries.c.id.in_(list(ids)))
    db.execute(delete(entry_words).where(entry_words.c.rowid.in_(numbers)))
    db.execute(delete(descriptors).where(descriptors.c.entry_n.in_(numbers)))
    for table in (collected, tags, sources):
        db.execute(delete(table).where(table.c.entry_id.in_(list(ids))))
    db.execute(delete(entries).where(entries.c.id.in_(list(ids))))
