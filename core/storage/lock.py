"""One process to a data folder and to a database: the second refuses and says who works on it.

A folder and a SQLite file have a lock file; a PostgreSQL server keeps an advisory lock for one
connection. Either is free as soon as the process that has it is gone, however it ends.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import socket
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import unquote

from sqlalchemy import URL, Connection, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from core.errors import HeldError, HistoryError
from core.jobs.job import iso
from core.words import english

ANYWHERE = 1 << 30
"""Byte that Windows locks: far behind what is written, so that others may read that."""
NUMBER = 20260823
PATIENCE_S = 3.0


@dataclass(frozen=True, slots=True)
class Holder:
    """Which process works on something; `since` is in Unix seconds, `port` is empty if unknown."""

    host: str
    process: int
    since: float
    port: str = ""

    @classmethod
    def this(cls) -> Holder:
        """Return what is to be told of this process."""
        port = os.environ.get("GRADIO_SERVER_PORT", "")
        return cls(socket.gethostname()[:32], os.getpid(), time.time(), port[:5])

    def __str__(self) -> str:
        port = f", port {self.port}" if self.port else ""
        return f"process {self.process} on {self.host}{port}, since {iso(self.since)[:16]}Z"


class Lock(Protocol):
    """What this process holds until `close`."""

    def check(self) -> None:
        """Raise HeldError when another process has it meanwhile."""

    def close(self) -> None:
        """Let the next process have it."""


def hold(folder: Path) -> Lock | None:
    """Take a data folder for as long as this process lives.

    Returns None where the file system has no locks. Raises HeldError when another process has it;
    the lock of a process that died is free.
    """
    return _hold_file(folder / "playground.lock", f"the data folder {folder}", "SRPO_DATA_DIR")


def hold_database(address: str, *, patience_s: float = PATIENCE_S) -> Lock | None:
    """Do the same for a database; None also for one that has no locks of this kind.

    However a SQLite file is named, its lock is the same one, beside it. A server is asked again
    for `patience_s`: it may take that long to notice that a process is gone.
    """
    url = make_url(address)
    if url.get_backend_name() == "postgresql":
        return ServerLock(url, patience_s)
    file = sqlite_file(address)
    if file is None:
        return None
    lock = file.with_name(file.name + ".lock")
    return _hold_file(lock, f"the database {file}", "DATABASE_URL")


def sqlite_file(address: str) -> Path | None:
    """Return the file behind a SQLite URL, links followed; None in memory or on a server."""
    url = make_url(address)
    name = url.database or ":memory:"
    if url.query.get("uri") and name.startswith("file:"):
        name = unquote(name.removeprefix("file:"))
    if (
        url.get_backend_name() != "sqlite"
        or name == ":memory:"
        or url.query.get("mode") == "memory"
    ):
        return None
    return Path(name).resolve()


class FileLock:
    """An open file that the system has locked for this process; its content says who that is."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        if hasattr(os, "register_at_fork"):  # a process forked from this one must not hold it too
            known = weakref.ref(file)
            os.register_at_fork(after_in_child=lambda: _let_go(known()))
        with suppress(OSError):  # a full disk takes the words away, not the lock
            file.truncate(0)
            file.write(json.dumps(asdict(Holder.this())).encode())
            file.flush()

    def check(self) -> None:
        """Do nothing: the system takes the lock away only with the process."""

    def close(self) -> None:
        self._file.close()


def _let_go(file: IO[bytes] | None) -> None:
    if file:
        file.close()


def _hold_file(path: Path, what: str, setting: str) -> FileLock | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b", buffering=0)
    except OSError as error:
        raise HistoryError(
            english(
                "storage-cannot-written",
                upper=what[0].upper(),
                what=what[1:],
                strerror=error.strerror,
            ),
            advice=english("storage-check-its-permissions-or-choose-2", setting=setting),
        ) from error
    try:
        _lock(file)
    except OSError as error:
        told = _told(file)
        file.close()
        if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            return None
        raise _held(what, told, setting) from error
    return FileLock(file)


def _lock(file: IO[bytes]) -> None:
    try:
        import fcntl  # noqa: PLC0415 not on Windows
    except ImportError:
        import msvcrt  # noqa: PLC0415 only on Windows

        file.seek(ANYWHERE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _told(file: IO[bytes]) -> Holder | None:
    """Read who has a file locked; None when that is not written there."""
    try:
        file.seek(0)
        told = json.loads(file.read(4096))
        return Holder(
            str(told["host"]), int(told["process"]), float(told["since"]), str(told["port"])
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _held(what: str, holder: Holder | None, setting: str) -> HeldError:
    who = f": {holder}" if holder else ""
    return HeldError(
        english("storage-another-playground-already-uses", what=what, who=who),
        advice=english("storage-stop-or-choose-another-with", setting=setting),
    )


# One lock for each schema that holds our tables: where they are, or where they will be made.
KEY = """hashtext(coalesce((SELECT relnamespace::regnamespace::text FROM pg_class
    WHERE oid = to_regclass('migrations')), current_schema(), ''))"""
TAKE = f"SELECT pg_try_advisory_lock({NUMBER}, {KEY})"
GRANTED = f"""FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND classid = {NUMBER} AND objid = {KEY}::bigint & 4294967295
    AND objsubid = 2 AND granted AND datname = current_database()"""
MINE = f"SELECT count(*) {GRANTED} AND pid = pg_backend_pid()"
WHOSE = f"""SELECT pid, application_name, extract(epoch FROM backend_start)
    FROM pg_stat_activity WHERE pid = (SELECT pid {GRANTED} LIMIT 1)"""  # noqa: S608 constants of this file only
# A server asks a silent host whether it is still there, and ends no connection for its silence.
ATTENTIVE = """SELECT set_config(name, value, false) FROM pg_settings JOIN (VALUES
    ('tcp_keepalives_idle', '30'), ('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3'),
    ('tcp_user_timeout', '60000'), ('idle_session_timeout', '0'), ('application_name', :who)
    ) AS wished (name, value) USING (name)"""
# The same the other way round, so that a check of a lost connection ends.
CLIENT = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "connect_timeout": 10,
}


class ServerLock:
    """An advisory lock of a PostgreSQL server, on a connection of its own.

    When that connection breaks, the server frees the lock. The next check then takes it again on
    a new connection; if another process has it by then, this one has lost it for good.
    """

    def __init__(self, url: URL, patience_s: float) -> None:
        self._patience_s = patience_s
        self._what = f"the database {url.database} on {url.host or 'this machine'}"
        client = CLIENT if url.get_driver_name() in ("psycopg", "psycopg2") else {}
        try:
            self._engine = create_engine(
                url, poolclass=NullPool, connect_args=client, isolation_level="AUTOCOMMIT"
            )
        except (SQLAlchemyError, ImportError) as error:
            raise HistoryError(
                english("storage-database-address-database-url-cannot"),
                advice=english("storage-check-its-form-driver-names"),
            ) from error
        self._one_at_a_time = threading.Lock()
        self._connection: Connection | None = None
        self._lost: HeldError | None = None
        this = Holder.this()
        self._name = f"playground {this.process} {this.port or '-'} {secrets.token_hex(4)} "
        self._name += this.host[:28]
        self._take()

    def check(self) -> None:
        """Ask the server on the lock's own connection whether the lock is still there."""
        with self._one_at_a_time:
            if self._lost:
                raise self._lost
            try:
                if self._connection and self._connection.execute(text(MINE)).scalar_one():
                    return
            except SQLAlchemyError:
                pass  # the connection is gone, and the lock with it
            try:
                self._take()
            except HeldError as error:
                self._lost = HeldError(
                    f"This playground lost its database to another one. {error}",
                    advice=english("storage-stop-other-one-start-one"),
                )
                raise self._lost from error

    def close(self) -> None:
        with self._one_at_a_time:
            self._drop()

    def _take(self) -> None:
        self._drop()
        try:
            found = self._try(self._engine.connect())
        except SQLAlchemyError as error:
            self._drop()
            raise HistoryError(
                english("storage-database-server-cannot-reached"),
                advice=english("storage-check-runs-database-url-names"),
            ) from error
        if found is not None:
            self._drop()
            raise _held(self._what, _named(found[1:]), "DATABASE_URL")

    def _try(self, connection: Connection) -> Any:
        """Take the lock, or return who has it."""
        self._connection = connection
        connection.execute(text(ATTENTIVE), {"who": self._name})
        end = time.monotonic() + self._patience_s
        while not connection.execute(text(TAKE)).scalar_one():
            found = connection.execute(text(WHOSE)).first()
            if found and found[1] == self._name:  # our own broken connection, not noticed yet
                connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": found[0]})
            if time.monotonic() > end:
                return found or (0, "", 0)
            time.sleep(0.1)
        return None

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            with suppress(SQLAlchemyError):
                connection.close()


def _named(found: Any) -> Holder | None:
    """Read who has the lock from the name of its connection."""
    match str(found[0]).split(" "):
        case ["playground", process, port, _, host] if process.isdecimal():
            return Holder(host, int(process), float(found[1]), port.strip("-"))
    return None
