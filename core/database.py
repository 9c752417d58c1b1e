"""The one module that owns the database engine: opens it, migrates it, runs transactions.

SQLite is reached through one connection on one thread, which makes every transaction the only
one (releases before 3.51.3 can corrupt a WAL when two connections write); other databases get a
small pool. Callers hand in a function of a connection; it runs in a thread, in a transaction.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from core.errors import HistoryError
from core.migrations import MIGRATIONS, NUMBERS, Migration

T = TypeVar("T")

# WAL with FULL survives a power loss: a request id that was committed stays committed.
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000")
# A mounted bucket or network folder has no shared memory for a WAL and weak locks.
MOUNT_PRAGMAS = (
    "locking_mode=EXCLUSIVE",
    "journal_mode=DELETE",
    "mmap_size=0",
    "synchronous=FULL",
    "busy_timeout=5000",
)


class Database:
    """Runs functions of a connection in transactions, off the event loop."""

    def __init__(self, url: str) -> None:
        self._sqlite = make_url(url).get_backend_name() == "sqlite"
        self._engine = _engine(url, sqlite=self._sqlite)
        self._threads = ThreadPoolExecutor(
            max_workers=1 if self._sqlite else 8, thread_name_prefix="database"
        )

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction and return its result.

        Raises HistoryError with a plain sentence when the database refuses, and SQLAlchemy's
        IntegrityError when a row breaks a rule of uniqueness. The transaction is
        finished even if the caller is cancelled meanwhile.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._transact, work)

    def _transact(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except IntegrityError:
            raise  # two of the same: whoever wrote the transaction knows what that means
        except DBAPIError as error:
            raise _explained(error) from error

    async def migrate(self, migrations: Sequence[Migration] | None = None) -> None:
        """Apply the migrations that are not applied yet, in order, each in its transaction."""
        migrations = MIGRATIONS if migrations is None else migrations
        version = await self.run(_version)
        if version > len(migrations):
            raise HistoryError(
                "The database was written by a newer version of this program.",
                advice="Update the program, or point SRPO_DATA_DIR at another folder.",
            )
        for number, migration in enumerate(migrations[version:], start=version + 1):
            await self.run(lambda db, m=migration, n=number: _apply(db, m, n))  # type: ignore[misc]

    async def copy(self, file: Path) -> None:
        """Fill this empty SQLite database with another's content; the file is only read.

        Raises HistoryError when the file cannot be read or is damaged.
        """

        def work(db: Connection) -> None:
            own = db.connection.dbapi_connection
            try:
                _read_into(own, file)
            except sqlite3.Error as error:
                raise _explained(DBAPIError("", None, error)) from error

        await self.run(work)

    async def aclose(self) -> None:
        """Close the connections after the work in flight is done."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._engine.dispose)
        self._threads.shutdown(wait=False)


def _engine(url: str, *, sqlite: bool) -> Engine:
    options: dict[str, Any] = {}
    if sqlite:
        path = make_url(url).database
        if path and path != ":memory:":
            _make_folder(Path(path).parent)
        options = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    try:
        engine = create_engine(url, **options)
    except (SQLAlchemyError, ImportError) as error:
        raise HistoryError(
            "The database address DATABASE_URL cannot be used.",
            advice="Check its form and that the driver it names is installed.",
        ) from error
    if sqlite:
        pragmas = MOUNT_PRAGMAS if _mounted(make_url(url).database) else PRAGMAS
        event.listen(engine, "connect", lambda raw, _record: _prepare(raw, pragmas))
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HistoryError(
            f"The data folder {folder} cannot be made: {error.strerror}.",
            advice="Choose a folder that can be written with SRPO_DATA_DIR.",
        ) from error


def _mounted(database: str | None) -> bool:
    """Tell whether the file lies on a mounted bucket or a network file system (Linux only)."""
    mounts = Path("/proc/mounts")
    if not database or database == ":memory:" or not mounts.exists():
        return False
    folder = Path(database).resolve().parent
    best, kind = "", ""
    for line in mounts.read_text().splitlines():
        _, point, found, *_ = line.split(" ")
        if len(point) > len(best) and folder.is_relative_to(point):
            best, kind = point, found
    return kind.startswith(("fuse", "nfs", "cifs", "smb", "9p"))


def _read_into(own: Any, file: Path) -> None:
    """Copy a file into an open database; without its log where the folder cannot be written."""
    for how in ("mode=ro", "mode=ro&immutable=1"):
        try:
            with closing(sqlite3.connect(f"{file.resolve().as_uri()}?{how}", uri=True)) as source:
                if source.execute("PRAGMA quick_check").fetchone() != ("ok",):
                    raise sqlite3.DatabaseError("malformed")
                source.backup(own)
                return
        except sqlite3.OperationalError:
            if "immutable" in how:
                raise


def _prepare(connection: Any, pragmas: Sequence[str]) -> None:
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _version(db: Connection) -> int:
    db.execute(text("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY)"))
    return int(db.execute(text("SELECT coalesce(max(number), 0) FROM migrations")).scalar_one())


def _apply(db: Connection, migration: Migration, number: int) -> None:
    key = NUMBERS.get(db.dialect.name, "BIGSERIAL PRIMARY KEY")
    for statement in migration:
        db.execute(text(statement.replace("{number}", key)))
    db.execute(text("INSERT INTO migrations (number) VALUES (:number)"), {"number": number})


def _explained(error: DBAPIError) -> HistoryError:
    """Name the cause in plain words; the driver's own text is never shown."""
    cause = str(error.orig).lower()
    if "locked" in cause:
        return HistoryError(
            "The database is locked by another program.",
            advice="Close the other program that uses this data folder and try again.",
        )
    if "full" in cause:
        return HistoryError("The disk is full.", advice="Free some space and try again.")
    if "readonly" in cause or "read-only" in cause or "unable to open" in cause:
        return HistoryError(
            "The data folder cannot be written.",
            advice="Check its permissions, or choose another with SRPO_DATA_DIR.",
        )
    if "malformed" in cause or "not a database" in cause:
        return HistoryError(
            "The database file is damaged; nothing was overwritten.",
            advice="Move it aside or restore a backup, then start again.",
        )
    return HistoryError("The database refused the work.", advice="Look at the program's log.")
