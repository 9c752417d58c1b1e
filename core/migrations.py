"""The tables, as numbered migrations: each runs once, in its own transaction, never changed after.

They create tables by explicit definitions, so that a later change of the queries cannot change
what an earlier release wrote.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

Migration = Callable[[Connection], None]


def _create_jobs_and_entries(db: Connection) -> None:
    """Migration 1: the ledger, the history and the secrets this installation drew for itself."""
    tables = MetaData()
    _jobs(tables)
    _entries(tables)
    name, value = (
        Column("name", String(32), primary_key=True),
        Column("value", Text, nullable=False),
    )
    Table("secrets", tables, name, value)
    tables.create_all(db)


def _number() -> Column[int]:
    """A key that counts up on every database."""
    kind = BigInteger().with_variant(Integer, "sqlite")
    return Column("n", kind, primary_key=True, autoincrement=True)


def _jobs(tables: MetaData) -> None:
    Table(
        "jobs",
        tables,
        _number(),
        Column("id", String(32), nullable=False, unique=True),
        Column("owner", Text, nullable=False),
        Column("click", String(64), nullable=True),
        *(Column(name, Text, nullable=False) for name in ("backend", "task", "model")),
        Column("sandbox", Boolean, nullable=False),
        Column("state", String(16), nullable=False),
        *(Column(name, Text, nullable=False) for name in ("params", "sent")),
        Column("seed", BigInteger, nullable=False),
        Column("work", Float, nullable=False),
        Column("price_micros", BigInteger, nullable=False),
        Column("charged", String(8), nullable=False),
        Column("request_id", Text, nullable=True),
        *(Column(name, Text, nullable=False) for name in ("error", "advice")),
        Column("entry_id", String(32), nullable=True),
        Column("day", String(10), nullable=False),
        *(Column(name, Float, nullable=False) for name in ("created_at", "updated_at")),
        Column("sent_at", Float, nullable=True),
        Index("jobs_by_owner", "owner", "n"),
        Index("jobs_by_state", "state"),
        Index("jobs_by_day", "day"),
        Index("one_job_a_click", "owner", "click", unique=True),
    )


def _entries(tables: MetaData) -> None:
    Table(
        "entries",
        tables,
        _number(),
        *(Column(name, String(32), nullable=False, unique=True) for name in ("id", "job_id")),
        Column("owner", Text, nullable=False),
        Column("starred", Boolean, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("search", "facts")),
        *(Column(name, Float, nullable=False) for name in ("elapsed_s", "created_at")),
        Index("entries_by_owner", "owner", "n"),
        Index("entries_starred", "owner", "starred", "n"),
    )


def _follow_lost_jobs(db: Connection) -> None:
    """Migration 2: what is known of a picture on its way, and the order of what waits."""
    for column in (
        "outputs TEXT NOT NULL DEFAULT ''",
        "candidates TEXT NOT NULL DEFAULT '[]'",
        "tries INTEGER NOT NULL DEFAULT 0",
        "place FLOAT",
        "batch VARCHAR(32)",
        "retryable BOOLEAN NOT NULL DEFAULT FALSE",
    ):
        db.execute(text(f"ALTER TABLE jobs ADD COLUMN {column}"))
    db.execute(text("CREATE INDEX jobs_by_request ON jobs (backend, request_id)"))


MIGRATIONS: tuple[Migration, ...] = (_create_jobs_and_entries, _follow_lost_jobs)
