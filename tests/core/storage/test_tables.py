"""The tables of the code are those that the migrations make, and jobs and entries follow them."""

from __future__ import annotations

from types import NoneType
from typing import Any, get_args, get_type_hints

import pytest
from sqlalchemy import Connection, inspect

from core.history import OWN, Entry
from core.history.index import TOLD
from core.jobs.job import Job
from core.jobs.ledger import PRICE, ROW_ONLY
from core.storage.database import Database
from core.storage.tables import entries, entry_words, jobs, metadata


def schema(db: Connection) -> dict[str, Any]:
    """Return all that a database says of its tables."""
    seen = inspect(db)

    def columns(table: str, key: list[str]) -> list[tuple[Any, ...]]:
        # SQLite calls a primary key nullable unless it is told otherwise; none of ours is empty.
        return [
            (
                column["name"],
                column["type"].compile(db.dialect),
                column["nullable"] and column["name"] not in key,
                str(column["default"]).lower(),
            )
            for column in seen.get_columns(table)
        ]

    def table(name: str) -> dict[str, Any]:
        key = seen.get_pk_constraint(name)["constrained_columns"]
        return {
            "key": key,
            "columns": columns(name, key),
            "indexes": sorted(
                (str(one["name"]), one["column_names"], bool(one["unique"]))
                for one in seen.get_indexes(name, include_auto_indexes=True)
            ),
            "checks": seen.get_check_constraints(name),
            "foreign": seen.get_foreign_keys(name),
        }

    # Unique constraints have indexes of their own, which SQLAlchemy tells more surely.
    # On SQLite the index of words is not a table as others are, and has tables of its own.
    hidden = entry_words.name if db.dialect.name == "sqlite" else "\0"
    names = [name for name in seen.get_table_names() if not name.startswith(hidden)]
    return {name: table(name) for name in sorted(names)}


async def schemas(migrated: str, created: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the migrations make of one empty database, and `tables.py` of another."""
    one, other = Database(migrated), Database(created)
    await one.migrate()
    await other.run(metadata.create_all)
    found = await one.run(schema), await other.run(schema)
    await one.aclose()
    await other.aclose()
    return found


@pytest.mark.anyio
async def test_the_migrations_make_the_tables_that_the_code_knows() -> None:
    """Columns in their order, types, defaults, keys and indexes; on PostgreSQL below."""
    migrated, created = await schemas("sqlite://", "sqlite://")
    assert set(migrated) == set(metadata.tables) - {entry_words.name}
    assert migrated == created


def test_a_job_follows_from_its_table() -> None:
    """Each column is a fact of a job or named as one that only queries use, and none is missing."""
    columns = {column.name for column in jobs.c}
    assert columns >= {*PRICE, *ROW_ONLY}
    facts = columns - {*PRICE, *ROW_ONLY} | {"price_usd"}
    assert facts == set(Job.__dataclass_fields__)


def test_a_fact_of_a_job_may_be_none_where_its_column_may_be() -> None:
    """A job that waits where it was written has the place of its number."""
    may_be_none = {name for name, hint in get_type_hints(Job).items() if NoneType in get_args(hint)}
    nullable = {column.name for column in jobs.c if column.nullable}
    assert may_be_none == nullable - {"place", *ROW_ONLY} | {"price_usd"}


def test_an_entry_follows_from_its_table() -> None:
    """Each column is a field of an entry or repeats one, save those that number and find it."""
    columns = {column.name for column in entries.c}
    repeated = {"price_micros", "source"} | {*TOLD}
    assert columns - {*OWN, *repeated} == {
        *("n", "search", "facts", "shuffle", "indexed", "described"),
    }
    assert {*OWN, *TOLD} <= set(Entry.__dataclass_fields__)
