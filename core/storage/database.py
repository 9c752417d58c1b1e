"""The one module that owns the database engine: opens it, migrates it, runs transactions.

SQLite is reached through one connection on one thread, which makes every transaction the only
one (releases before 3.51.3 can corrupt a WAL when two connections write); other databases get a
small pool. Callers hand in a function of a connection; it runs in a thread, in a transaction.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Engine,
    create_engine,
    event,
    func,
    insert,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateTable

from core.errors import DamagedError, HistoryError, NewerError
from core.storage.lock import Lock
from core.storage.migrations import MIGRATIONS, Migration, statements
from core.storage.tables import migrations as applied
from core.words import english

T = TypeVar("T")

# WAL with FULL survives a power loss: a request id that was committed stays committed.
PRAGMAS: tuple[str, ...] = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000")
# A mounted bucket or network folder has no shared memory for a WAL and weak locks.
MOUNT_PRAGMAS = (
    "locking_mode=EXCLUSIVE",
    "journal_mode=DELETE",
    "mmap_size=0",
    "synchronous=FULL",
    "busy_timeout=5000",
)

# Translating a question into machine code takes longer than any question here, and a plan for any
# values reads far more than one for those that are asked for.
SETTINGS = """SELECT set_config(name, setting, FALSE)
    FROM (VALUES ('jit', 'off'), ('plan_cache_mode', 'force_custom_plan')) AS wanted (name, setting)
    WHERE name IN (SELECT name FROM pg_settings)"""

COPIES = 5
"""How often a database that is written to meanwhile is copied once more."""


class Database:
    """Runs functions of a connection in transactions, off the event loop."""

    def __init__(self, url: str, *, lock: Lock | None = None, read_only: bool = False) -> None:
        self._lock = lock
        self._sqlite = is_sqlite(url)
        self._engine = _engine(url, sqlite=self._sqlite)
        if read_only:  # the server itself then refuses every change
            event.listen(
                self._engine, "begin", lambda db: db.exec_driver_sql("SET TRANSACTION READ ONLY")
            )
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

    async def run_alone(self, work: Callable[[Connection], T]) -> T:
        """Do the same for what only the one process that holds the database may do.

        Raises HeldError when this process has lost it to another.
        """

        def checked(db: Connection) -> T:
            if self._lock:
                self._lock.check()
            return work(db)

        return await self.run(checked)

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
        _check_age(version, migrations)
        for number, migration in enumerate(migrations[version:], start=version + 1):
            await self.run(lambda db, m=migration, n=number: _apply(db, m, n))  # type: ignore[misc]

    async def examine(self) -> None:
        """Raise DamagedError where the pages of a SQLite file do not fit together."""

        def work(db: Connection) -> None:
            if self._sqlite and db.execute(text("PRAGMA quick_check(1)")).scalar() != "ok":
                raise _explained(DBAPIError("", None, sqlite3.DatabaseError("malformed")))

        await self.run(work)

    async def missing(self) -> int | None:
        """Return how many migrations are still to come, by reading only; None without any table.

        Raises NewerError when there are more than this program knows.
        """

        def work(db: Connection) -> int | None:
            return _number(db) if inspect(db).has_table(applied.name) else None

        version = await self.run(work)
        _check_age(version or 0, MIGRATIONS)
        return None if version is None else len(MIGRATIONS) - version

    async def copy(self, file: Path) -> None:
        """Fill this empty SQLite database with another's content; its folder is left as it is.

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


def is_sqlite(url: str) -> bool:
    """Whether a database is a file, or in memory, and not a server."""
    return make_url(url).get_backend_name() == "sqlite"


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
            english("storage-database-address-database-url-cannot"),
            advice=english("storage-check-its-form-driver-names"),
        ) from error
    if engine.dialect.name == "postgresql":
        event.listen(engine, "connect", lambda raw, _record: _settle(raw))
    if sqlite:
        pragmas = MOUNT_PRAGMAS if _mounted(make_url(url).database) else PRAGMAS
        event.listen(engine, "connect", lambda raw, _record: _prepare(raw, pragmas))
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HistoryError(
            english("storage-data-folder-cannot-made", folder=folder, strerror=error.strerror),
            advice=english("storage-choose-folder-can-written-with"),
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
    """Copy a file into an open database.

    SQLite would write its logs beside the file even to read it, so it reads copies of all of them.
    Files that change all the while belong to a running program, which a reader does not disturb.
    Where nothing can be copied, the file is read; without its log if the folder is read-only.
    """
    with suppress(OSError), tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if _copied_whole(file, Path(folder)):
            return _backup(Path(folder) / file.name, "mode=rw", own)
    try:
        _backup(file, "mode=ro", own)
    except sqlite3.OperationalError:
        _backup(file, "mode=ro&immutable=1", own)


def _copied_whole(file: Path, folder: Path) -> bool:
    """Copy a database with its logs; tell whether nobody wrote to them meanwhile."""
    parts = [file.with_name(file.name + suffix) for suffix in ("", "-wal", "-journal")]

    def moments() -> list[tuple[int, int] | None]:
        facts = [path.stat() if path.exists() else None for path in parts]
        return [(one.st_mtime_ns, one.st_size) if one else None for one in facts]

    for _ in range(COPIES):
        before = moments()
        for path, there in zip(parts, before, strict=True):
            (folder / path.name).unlink(missing_ok=True)
            if there:
                shutil.copyfile(path, folder / path.name)
        if moments() == before:
            return True
    return False


def _backup(file: Path, how: str, own: Any) -> None:
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?{how}", uri=True)) as source:
        if source.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("malformed")
        source.backup(own)


def _prepare(connection: Any, pragmas: Sequence[str]) -> None:
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _settle(connection: Any) -> None:
    """Set what suits short questions; a server that does not know a setting keeps its own."""
    cursor = connection.cursor()
    cursor.execute(SETTINGS)
    cursor.close()
    connection.commit()


def _version(db: Connection) -> int:
    db.execute(CreateTable(applied, if_not_exists=True))
    return _number(db)


def _number(db: Connection) -> int:
    return db.execute(select(func.max(applied.c.number))).scalar_one() or 0


def _check_age(version: int, migrations: Sequence[Migration]) -> None:
    if version > len(migrations):
        raise NewerError(
            english("storage-database-was-written-by-newer"),
            advice=english("storage-update-program-or-choose-another"),
        )


def _apply(db: Connection, migration: Migration, number: int) -> None:
    if db.dialect.name == "sqlite":  # its driver would commit each change of a table by itself
        db.exec_driver_sql("BEGIN IMMEDIATE")
    for statement in statements(migration, sqlite=db.dialect.name == "sqlite"):
        db.execute(text(statement))
    db.execute(insert(applied).values(number=number))


def _explained(error: DBAPIError) -> HistoryError:
    """Name the cause in plain words; the driver's own text is never shown."""
    cause = str(error.orig).lower()
    if "locked" in cause:
        return HistoryError(
            english("storage-database-locked-by-another-program"),
            advice=english("storage-close-other-program-uses-data"),
        )
    if "full" in cause:
        return HistoryError(
            english("storage-disk-full"), advice=english("storage-free-some-space-try-again")
        )
    if "readonly" in cause or "read-only" in cause or "unable to open" in cause:
        return HistoryError(
            english("storage-data-folder-cannot-written"),
            advice=english("storage-check-its-permissions-or-choose"),
        )
    if "malformed" in cause or "not a database" in cause:
        return DamagedError(
            english("storage-database-file-damaged-nothing-was"),
            advice=english("storage-restore-backup-or-make-again"),
        )
    return HistoryError(
        english("storage-database-refused-work"), advice=english("storage-look-at-program-s-log")
    )
