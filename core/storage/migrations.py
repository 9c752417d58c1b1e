"""The tables, as numbered migrations: each runs once, in its own transaction, never changed after.

Plain SQL that every database understands; `{number}` stands for a key that counts up.
"""

from __future__ import annotations

Migration = tuple[str, ...]

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
"""2: what is known of a picture on its way, and the order of what waits."""

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

MIGRATIONS: tuple[Migration, ...] = (JOBS_AND_ENTRIES, LOST_JOBS, VISITORS, TOKENS, PRICES)
NUMBERS = {"sqlite": "INTEGER PRIMARY KEY"}
"""A key that counts up, by dialect; elsewhere `BIGSERIAL PRIMARY KEY`."""
