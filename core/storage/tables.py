"""Every table, once: queries, rows and jobs take their columns from here.

The migrations made these tables; a test compares the two on SQLite and on PostgreSQL.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    Named,
    String,
    Table,
    Text,
    TypedColumns,
    text,
)

metadata = MetaData()
NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""A key that counts up."""


class JobColumns(TypedColumns):
    """One row is one params on its way."""

    n: Named[int] = Column(NUMBER, primary_key=True)
    id: Named[str] = Column(String(32), unique=True)
    owner: Named[str] = Column(Text)
    click: Named[str | None] = Column(String(64))
    backend: Named[str] = Column(Text)
    task: Named[str] = Column(Text)
    model: Named[str] = Column(Text)
    sandbox: Named[bool] = Column(Boolean)
    state: Named[str] = Column(String(16))
    params: Named[str] = Column(Text)
    sent: Named[str] = Column(Text)
    seed: Named[int] = Column(BigInteger)
    work: Named[float] = Column(Float)
    price_micros: Named[int] = Column(BigInteger)
    charged: Named[str] = Column(String(8))
    request_id: Named[str | None] = Column(Text)
    error: Named[str] = Column(Text)
    advice: Named[str] = Column(Text)
    entry_id: Named[str | None] = Column(String(32))
    day: Named[str] = Column(String(10))
    created_at: Named[float] = Column(Float)
    updated_at: Named[float] = Column(Float)
    sent_at: Named[float | None] = Column(Float)
    outputs: Named[str] = Column(Text, server_default="")
    candidates: Named[str] = Column(Text, server_default="[]")
    tries: Named[int] = Column(Integer, server_default=text("0"))
    place: Named[float | None] = Column(Float)
    batch: Named[str | None] = Column(String(32))
    retryable: Named[bool] = Column(Boolean, server_default=text("FALSE"))
    address: Named[str | None] = Column(String(32))
    own_key: Named[str | None] = Column(String(32))
    price_known: Named[bool] = Column(Boolean, server_default=text("TRUE"))


class EntryColumns(TypedColumns):
    """One row is a finished image; `facts` is JSON of all that has no column of its own."""

    n: Named[int] = Column(NUMBER, primary_key=True)
    id: Named[str] = Column(String(32), unique=True)
    job_id: Named[str] = Column(String(32), unique=True)
    owner: Named[str] = Column(Text)
    starred: Named[bool] = Column(Boolean)
    search: Named[str] = Column(Text)
    facts: Named[str] = Column(Text)
    elapsed_s: Named[float] = Column(Float)
    created_at: Named[float] = Column(Float)


class SecretColumns(TypedColumns):
    """One row is a secret that this installation drew for itself."""

    name: Named[str] = Column(String(32), primary_key=True)
    value: Named[str] = Column(Text)


class TokenColumns(TypedColumns):
    """One row is the token of a signed-in user's scripts, by its digest."""

    digest: Named[str] = Column(String(64), primary_key=True)
    owner: Named[str] = Column(Text, unique=True)
    created_at: Named[float] = Column(Float)


class MigrationColumns(TypedColumns):
    """One row is a migration that was applied."""

    number: Named[int] = Column(Integer, primary_key=True, autoincrement=False)


jobs = Table(
    "jobs",
    metadata,
    JobColumns,
    Index("jobs_by_owner", "owner", "n"),
    Index("jobs_by_state", "state"),
    Index("jobs_by_day", "day"),
    Index("one_job_a_click", "owner", "click", unique=True),
    Index("jobs_by_request", "backend", "request_id"),
    Index("jobs_by_address", "address", "created_at"),
    Index("jobs_by_owner_and_time", "owner", "created_at"),
)
entries = Table(
    "entries",
    metadata,
    EntryColumns,
    Index("entries_by_owner", "owner", "n"),
    Index("entries_starred", "owner", "starred", "n"),
)
secrets = Table("secrets", metadata, SecretColumns)
tokens = Table("tokens", metadata, TokenColumns)
migrations = Table("migrations", metadata, MigrationColumns)
