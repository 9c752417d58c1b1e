"""A PostgreSQL server of our own in a temporary folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from tests.end_to_end.program import free_port

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@contextmanager
def server() -> Iterator[str]:
    """Run it on loopback; yields the address of its first database.

    Not in a folder of pytest's: each session that starts closes those for all other users, and a
    server does not run as root.
    """
    with tempfile.TemporaryDirectory(prefix="pg-") as made:
        folder, user = Path(made), []
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
            user = ["runuser", "-u", "postgres", "--"]
        with _running(folder, user) as address:
            yield address


@contextmanager
def _running(folder: Path, user: Sequence[str]) -> Iterator[str]:
    port, data = free_port(), folder / "data"

    def run(program: str, *arguments: str) -> None:
        command = [*user, str(PROGRAMS[-1] / program), *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
        assert done.returncode == 0, f"{program} failed:\n{done.stdout}{done.stderr}"

    run("initdb", "-D", str(data), "-U", "play", "--auth=trust", "-E", "UTF8")
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run("pg_ctl", "-D", str(data), "-o", settings, "-w", "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql+psycopg://play@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")


def create(address: str, name: str) -> str:
    """Make one more database on the same server and return its address."""
    engine = create_engine(address, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as db:
        db.execute(text(f"CREATE DATABASE {name}"))
    return address.removesuffix("postgres") + name
