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
    LargeBinary,
    MetaData,
    Named,
    String,
    Table,
    Text,
    TypedColumns,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

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
    set_aside: Named[bool] = Column(Boolean, server_default=text("FALSE"))
    collection: Named[str | None] = Column(String(32))
    moved: Named[str | None] = Column(String(32))


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
    title: Named[str] = Column(Text, server_default="")
    note: Named[str] = Column(Text, server_default="")
    backend: Named[str | None] = Column(Text)
    model: Named[str | None] = Column(Text)
    task: Named[str | None] = Column(Text)
    sandbox: Named[bool | None] = Column(Boolean)
    seed: Named[int | None] = Column(BigInteger)
    width: Named[int | None] = Column(Integer)
    height: Named[int | None] = Column(Integer)
    price_micros: Named[int | None] = Column(BigInteger)
    flagged: Named[bool | None] = Column(Boolean)
    source: Named[str | None] = Column(String(64))
    parent: Named[str | None] = Column(String(32))
    set_id: Named[str | None] = Column(String(32))
    shuffle: Named[int | None] = Column(Integer)
    deleted_at: Named[float | None] = Column(Float)
    indexed: Named[int] = Column(Integer, server_default=text("0"))
    described: Named[int] = Column(Integer, server_default=text("0"))


class EntryWordColumns(TypedColumns):
    """One row is the words of the entry of that number; on SQLite an FTS5 table."""

    rowid: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    words: Named[str] = Column(Text().with_variant(TSVECTOR(), "postgresql"))


class CollectionColumns(TypedColumns):
    """One row is a collection of an owner's entries."""

    n: Named[int] = Column(NUMBER, primary_key=True)
    id: Named[str] = Column(String(32), unique=True)
    owner: Named[str] = Column(Text)
    title: Named[str] = Column(Text)
    created_at: Named[float] = Column(Float)


class CollectedColumns(TypedColumns):
    """One row is an entry's place in a collection."""

    collection_id: Named[str] = Column(String(32), primary_key=True)
    entry_id: Named[str] = Column(String(32), primary_key=True)
    added_at: Named[float] = Column(Float)


class TagColumns(TypedColumns):
    """One row is a tag on an entry."""

    owner: Named[str] = Column(Text, primary_key=True)
    tag: Named[str] = Column(String(64), primary_key=True)
    entry_id: Named[str] = Column(String(32), primary_key=True)


class FilterColumns(TypedColumns):
    """One row is a filter that an owner saved, as JSON."""

    n: Named[int] = Column(NUMBER, primary_key=True)
    id: Named[str] = Column(String(32), unique=True)
    owner: Named[str] = Column(Text)
    title: Named[str] = Column(Text)
    filter: Named[str] = Column(Text)
    created_at: Named[float] = Column(Float)


class SourceColumns(TypedColumns):
    """One row says which entry an image to start from was."""

    owner: Named[str] = Column(Text, primary_key=True)
    sha256: Named[str] = Column(String(64), primary_key=True)
    entry_id: Named[str] = Column(String(32), primary_key=True)


class DescriptorColumns(TypedColumns):
    """One row is what an entry's image looks like, for comparing it with others."""

    entry_n: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    colours: Named[bytes] = Column(LargeBinary)
    layout: Named[bytes] = Column(LargeBinary)


class ShareColumns(TypedColumns):
    """One row is a read-only link to an image or a set, by the digest of its secret."""

    n: Named[int] = Column(NUMBER, primary_key=True)
    digest: Named[str] = Column(String(64), unique=True)
    owner: Named[str] = Column(Text)
    kind: Named[str] = Column(String(16))
    target_id: Named[str] = Column(String(32))
    created_at: Named[float] = Column(Float)
    revoked_at: Named[float | None] = Column(Float)


class RemovalColumns(TypedColumns):
    """One row is a file of the storage that is to be removed: no entry has it any more."""

    n: Named[int] = Column(NUMBER, primary_key=True)
    name: Named[str] = Column(Text)


class RecordDueColumns(TypedColumns):
    """One row says whose record is to be written: an entry's, a collection's or a set's."""

    n: Named[int] = Column(NUMBER, primary_key=True)
    kind: Named[str] = Column(String(16))
    target: Named[str] = Column(Text)


class SetColumns(TypedColumns):
    """One row is a set: a table of jobs made from one request over targets and axes."""

    n: Named[int] = Column(NUMBER, primary_key=True)
    id: Named[str] = Column(String(32), unique=True)
    owner: Named[str] = Column(Text)
    click: Named[str | None] = Column(String(64))
    title: Named[str] = Column(Text)
    task: Named[str] = Column(Text)
    base: Named[str] = Column(Text)
    axes: Named[str] = Column(Text)
    targets: Named[str] = Column(Text)
    headings: Named[str] = Column(Text)
    notes: Named[str] = Column(Text)
    picks: Named[str] = Column(Text, server_default="{}")
    paused: Named[bool] = Column(Boolean, server_default=text("FALSE"))
    created_at: Named[float] = Column(Float)


class CellColumns(TypedColumns):
    """One row is a place in a set's table and the job that fills it."""

    set_id: Named[str] = Column(String(32), primary_key=True)
    page_no: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    row_no: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    column_no: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    job_id: Named[str] = Column(String(32))


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
    # One index that has all that entries are found by: any question reads it, and no rows.
    Index(
        "entries_by_facts",
        *("owner", "n", "id", "deleted_at", "starred", "flagged", "sandbox", "backend", "model"),
        *("task", "seed", "width", "height", "price_micros", "created_at", "shuffle", "indexed"),
        *("set_id", "source"),
    ),
    Index("entries_to_do", "indexed", "described", "n"),
    Index(
        "entries_deleted",
        "deleted_at",
        sqlite_where=text("deleted_at IS NOT NULL"),
        postgresql_where=text("deleted_at IS NOT NULL"),
    ),
    *(
        Index(name, "owner", key, "n", postgresql_where=text("deleted_at IS NULL")).ddl_if(
            dialect="postgresql"
        )
        for name, key in (
            ("entries_by_price", text("COALESCE(price_micros, -1)")),
            ("entries_by_shuffle", "shuffle"),
            ("entries_by_time", "created_at"),
        )
    ),
    Index("entries_by_parent", "parent"),
    Index("entries_from_source", "source"),
)
entry_words = Table(
    "entry_words",
    metadata,
    EntryWordColumns,
    Index(
        "entry_words_by_word",
        "words",
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    ),
)
collections = Table(
    "collections", metadata, CollectionColumns, Index("collections_by_owner", "owner", "n")
)
collected = Table("collected", metadata, CollectedColumns, Index("collected_by_entry", "entry_id"))
tags = Table("tags", metadata, TagColumns, Index("tags_by_entry", "entry_id"))
filters = Table("filters", metadata, FilterColumns, Index("filters_by_owner", "owner", "n"))
sources = Table("sources", metadata, SourceColumns, Index("sources_by_entry", "entry_id"))
descriptors = Table("descriptors", metadata, DescriptorColumns)
removals = Table("removals", metadata, RemovalColumns)
records_due = Table("records_due", metadata, RecordDueColumns)
shares = Table("shares", metadata, ShareColumns, Index("shares_by_owner", "owner", "n"))
sets = Table(
    "sets",
    metadata,
    SetColumns,
    Index("sets_by_owner", "owner", "n"),
    Index("one_set_a_click", "owner", "click", unique=True),
)
cells = Table("cells", metadata, CellColumns, Index("cells_by_job", "job_id"))
secrets = Table("secrets", metadata, SecretColumns)
tokens = Table("tokens", metadata, TokenColumns)
migrations = Table("migrations", metadata, MigrationColumns)
