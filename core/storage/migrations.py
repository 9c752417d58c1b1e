"""The tables, as numbered migrations: each runs once, in its own transaction, never changed after.

Plain SQL that every database understands, or one statement for SQLite and one for the others;
`{number}` stands for a key that counts up, `{bytes}` for a column of bytes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Each:
    """A statement that SQLite and other databases are told differently."""

    sqlite: str
    elsewhere: str


Migration = tuple[str | Each, ...]

JOBS_AND_ENTRIES: Migration = (
    """CREATE TABLE jobs (
        n {number}, id VARCHAR(32) NOT NULL UNIQUE, owner TEXT NOT NULL, click VARCHAR(64),
        backend TEXT NOT NULL, task TEXT NOT NULL, model TEXT NOT NULL, sandbox BOOLEAN NOT NULL,
        state VARCHAR(16) NOT NULL, params TEXT NOT NULL, sent TEXT NOT NULL, seed BIGINT NOT NULL,
        work FLOAT NOT NULL, price_micros BIGINT NOT NULL, charged VARCHAR(8) NOT NULL,
        request_id TEXT, error TEXT NOT NULL, advice TEXT NOT NULL, entry_id VARCHAR(32),
        day VARCHAR(10) NOT NULL, created_at FLOAT NOT NULL, updated_at FLOAT NOT NULL,
        sent_at FLOAT)""",
    "CREATE INDEX jobs_by_owner ON jobs (owner, n)",
    "CREATE INDEX jobs_by_state ON jobs (state)",
    "CREATE INDEX jobs_by_day ON jobs (day)",
    "CREATE UNIQUE INDEX one_job_a_click ON jobs (owner, click)",
    """CREATE TABLE entries (
        n {number}, id VARCHAR(32) NOT NULL UNIQUE, job_id VARCHAR(32) NOT NULL UNIQUE,
        owner TEXT NOT NULL, starred BOOLEAN NOT NULL, search TEXT NOT NULL, facts TEXT NOT NULL,
        elapsed_s FLOAT NOT NULL, created_at FLOAT NOT NULL)""",
    "CREATE INDEX entries_by_owner ON entries (owner, n)",
    "CREATE INDEX entries_starred ON entries (owner, starred, n)",
    "CREATE TABLE secrets (name VARCHAR(32) PRIMARY KEY, value TEXT NOT NULL)",
)
"""1: the ledger, the history and the secrets this installation drew for itself."""

LOST_JOBS: Migration = (
    "ALTER TABLE jobs ADD COLUMN outputs TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE jobs ADD COLUMN candidates TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE jobs ADD COLUMN tries INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN place FLOAT",
    "ALTER TABLE jobs ADD COLUMN batch VARCHAR(32)",
    "ALTER TABLE jobs ADD COLUMN retryable BOOLEAN NOT NULL DEFAULT FALSE",
    "CREATE INDEX jobs_by_request ON jobs (backend, request_id)",
)
"""2: what is known of an image on its way, and the order of what waits."""

VISITORS: Migration = (
    "ALTER TABLE jobs ADD COLUMN address VARCHAR(32)",
    "ALTER TABLE jobs ADD COLUMN own_key VARCHAR(32)",
    "CREATE INDEX jobs_by_address ON jobs (address, created_at)",
    "CREATE INDEX jobs_by_owner_and_time ON jobs (owner, created_at)",
)
"""3: keyed digests of where a job was asked for and of the visitor's own key that pays for it."""

TOKENS: Migration = (
    """CREATE TABLE tokens (
        digest VARCHAR(64) PRIMARY KEY, owner TEXT NOT NULL UNIQUE, created_at FLOAT NOT NULL)""",
)
"""4: the tokens of signed-in users' scripts."""

PRICES: Migration = ("ALTER TABLE jobs ADD COLUMN price_known BOOLEAN NOT NULL DEFAULT TRUE",)
"""5: a price that nobody knows is kept as such; its sum is 0."""

SETS: Migration = (
    """CREATE TABLE sets (
        n {number}, id VARCHAR(32) NOT NULL UNIQUE, owner TEXT NOT NULL, click VARCHAR(64),
        title TEXT NOT NULL, task TEXT NOT NULL, base TEXT NOT NULL, axes TEXT NOT NULL,
        targets TEXT NOT NULL, headings TEXT NOT NULL, notes TEXT NOT NULL,
        picks TEXT NOT NULL DEFAULT '{}', paused BOOLEAN NOT NULL DEFAULT FALSE,
        created_at FLOAT NOT NULL)""",
    "CREATE INDEX sets_by_owner ON sets (owner, n)",
    "CREATE UNIQUE INDEX one_set_a_click ON sets (owner, click)",
    """CREATE TABLE cells (
        set_id VARCHAR(32) NOT NULL, page_no INTEGER NOT NULL, row_no INTEGER NOT NULL,
        column_no INTEGER NOT NULL, job_id VARCHAR(32) NOT NULL,
        PRIMARY KEY (set_id, page_no, row_no, column_no))""",
    "CREATE INDEX cells_by_job ON cells (job_id)",
)
"""6: sets of jobs, and which job fills which cell of them."""

SET_ASIDE: Migration = (
    "ALTER TABLE jobs ADD COLUMN set_aside BOOLEAN NOT NULL DEFAULT FALSE",
    "UPDATE jobs SET set_aside = TRUE WHERE substr(outputs, 1, 9) = 'received/'",
)
"""7: whether an image on its way lies here, which its place alone told before."""

FIND_AND_KEEP: Migration = (
    "ALTER TABLE entries ADD COLUMN title TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE entries ADD COLUMN note TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE entries ADD COLUMN backend TEXT",
    "ALTER TABLE entries ADD COLUMN model TEXT",
    "ALTER TABLE entries ADD COLUMN task TEXT",
    "ALTER TABLE entries ADD COLUMN sandbox BOOLEAN",
    "ALTER TABLE entries ADD COLUMN seed BIGINT",
    "ALTER TABLE entries ADD COLUMN width INTEGER",
    "ALTER TABLE entries ADD COLUMN height INTEGER",
    "ALTER TABLE entries ADD COLUMN price_micros BIGINT",
    "ALTER TABLE entries ADD COLUMN flagged BOOLEAN",
    "ALTER TABLE entries ADD COLUMN source VARCHAR(64)",
    "ALTER TABLE entries ADD COLUMN parent VARCHAR(32)",
    "ALTER TABLE entries ADD COLUMN set_id VARCHAR(32)",
    "ALTER TABLE entries ADD COLUMN shuffle INTEGER",
    "ALTER TABLE entries ADD COLUMN deleted_at FLOAT",
    "ALTER TABLE entries ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE entries ADD COLUMN described INTEGER NOT NULL DEFAULT 0",
    """CREATE INDEX entries_by_facts ON entries (
        owner, n, id, deleted_at, starred, flagged, sandbox, backend, model, task, seed,
        width, height, price_micros, created_at, shuffle, indexed, set_id, source)""",
    "DROP INDEX entries_by_owner",
    "DROP INDEX entries_starred",
    "CREATE INDEX entries_to_do ON entries (indexed, described, n)",
    "CREATE INDEX entries_deleted ON entries (deleted_at) WHERE deleted_at IS NOT NULL",
    "CREATE INDEX entries_by_parent ON entries (parent)",
    Each(
        sqlite="""CREATE VIRTUAL TABLE entry_words USING fts5(
            words, prefix='1 2 3', tokenize="ascii tokenchars '#$%&+<=>@^|~'")""",
        elsewhere="CREATE TABLE entry_words (rowid BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)",
    ),
    Each(
        sqlite="",
        elsewhere="""CREATE INDEX entry_words_by_word ON entry_words
            USING gin (words) WITH (fastupdate = off)""",
    ),
    """CREATE TABLE collections (
        n {number}, id VARCHAR(32) NOT NULL UNIQUE, owner TEXT NOT NULL, title TEXT NOT NULL,
        created_at FLOAT NOT NULL)""",
    "CREATE INDEX collections_by_owner ON collections (owner, n)",
    """CREATE TABLE collected (
        collection_id VARCHAR(32) NOT NULL, entry_id VARCHAR(32) NOT NULL,
        added_at FLOAT NOT NULL, PRIMARY KEY (collection_id, entry_id))""",
    "CREATE INDEX collected_by_entry ON collected (entry_id)",
    """CREATE TABLE tags (
        owner TEXT NOT NULL, tag VARCHAR(64) NOT NULL, entry_id VARCHAR(32) NOT NULL,
        PRIMARY KEY (owner, tag, entry_id))""",
    "CREATE INDEX tags_by_entry ON tags (entry_id)",
    """CREATE TABLE filters (
        n {number}, id VARCHAR(32) NOT NULL UNIQUE, owner TEXT NOT NULL, title TEXT NOT NULL,
        filter TEXT NOT NULL, created_at FLOAT NOT NULL)""",
    "CREATE INDEX filters_by_owner ON filters (owner, n)",
    """CREATE TABLE sources (
        owner TEXT NOT NULL, sha256 VARCHAR(64) NOT NULL, entry_id VARCHAR(32) NOT NULL,
        PRIMARY KEY (owner, sha256, entry_id))""",
    "CREATE INDEX sources_by_entry ON sources (entry_id)",
    """CREATE TABLE descriptors (
        entry_n BIGINT PRIMARY KEY, colours {bytes} NOT NULL, layout {bytes} NOT NULL)""",
    """CREATE TABLE shares (
        n {number}, digest VARCHAR(64) NOT NULL UNIQUE, owner TEXT NOT NULL,
        kind VARCHAR(16) NOT NULL, target_id VARCHAR(32) NOT NULL, created_at FLOAT NOT NULL,
        revoked_at FLOAT)""",
    "CREATE INDEX shares_by_owner ON shares (owner, n)",
)
"""8: what entries are found by, in columns and an index of words that a background task fills;
and what keeps them in order: the trash, collections, tags, saved filters, lineage and shares."""

TRASH_AND_RECORDS: Migration = (
    "ALTER TABLE jobs ADD COLUMN collection VARCHAR(32)",
    "CREATE INDEX entries_from_source ON entries (source)",
    "CREATE TABLE removals (n {number}, name TEXT NOT NULL)",
    "CREATE TABLE records_due (n {number}, kind VARCHAR(16) NOT NULL, target TEXT NOT NULL)",
    "INSERT INTO records_due (kind, target) SELECT 'entry', id FROM entries ORDER BY n",
    "INSERT INTO records_due (kind, target) SELECT 'set', id FROM sets ORDER BY n",
)
"""9: where the images of a job are collected, files that are to go, records that are to be written
beside the images, for all that there is."""

MOVED_JOBS: Migration = ("ALTER TABLE jobs ADD COLUMN moved VARCHAR(32)",)
"""10: the move with which an open job left for another installation."""

ORDERS: Migration = tuple(
    Each(
        sqlite="",  # it reads all facts in less time than rows in another order than theirs
        elsewhere=f"CREATE INDEX {name} ON entries (owner, {key}, n) WHERE deleted_at IS NULL",
    )
    for name, key in (
        ("entries_by_price", "COALESCE(price_micros, -1)"),
        ("entries_by_shuffle", "shuffle"),
        ("entries_by_time", "created_at"),
    )
)
"""11: the orders by price and by chance, and days, for PostgreSQL."""

MIGRATIONS: tuple[Migration, ...] = (
    JOBS_AND_ENTRIES,
    LOST_JOBS,
    VISITORS,
    TOKENS,
    PRICES,
    SETS,
    SET_ASIDE,
    FIND_AND_KEEP,
    TRASH_AND_RECORDS,
    MOVED_JOBS,
    ORDERS,
)


def statements(migration: Migration, *, sqlite: bool) -> list[str]:
    """Return the statements of a migration as a database is told them."""
    told = []
    for one in migration:
        statement = (one.sqlite if sqlite else one.elsewhere) if isinstance(one, Each) else one
        for mark, here, elsewhere in WRITTEN:
            statement = statement.replace(mark, here if sqlite else elsewhere)
        told.append(statement)
    return [statement for statement in told if statement]


WRITTEN = (
    ("{number}", "INTEGER PRIMARY KEY", "BIGSERIAL PRIMARY KEY"),
    ("{bytes}", "BLOB", "BYTEA"),
)
"""What a mark stands for on SQLite and elsewhere."""
