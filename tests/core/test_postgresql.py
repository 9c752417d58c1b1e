"""The same ledger and history on PostgreSQL: one code path, checked on a real server."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.budget import Budget
from core.database import Database
from core.errors import OverBudgetError, OverLimitError
from core.history import History
from core.job import Job
from core.ledger import Ledger
from core.limits import Limits, Terms
from core.storage import Storage
from core.studio import Studio
from tests.fakes import FakeService, FakeText

pytest.importorskip("psycopg", reason="needs psycopg (requirements-dev.txt)")
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not PROGRAMS, reason="needs a PostgreSQL server (package postgresql)"),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of our own in a temporary folder; it refuses to run as root, so not as root."""
    folder, port = tmp_path_factory.mktemp("pg"), free_port()
    data = folder / "data"
    user = ["runuser", "-u", "postgres", "--"] if shutil.which("runuser") else []
    if user:
        for path in (folder, *folder.parents):
            if path == Path("/tmp"):
                break
            path.chmod(0o755)
        shutil.chown(folder, "postgres")

    def run(program: str, *arguments: str) -> None:
        command = [*user, str(PROGRAMS[-1] / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=folder)

    run("initdb", "-D", str(data), "-U", "play", "--auth=trust", "-E", "UTF8")
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run("pg_ctl", "-D", str(data), "-o", settings, "-w", "-l", str(folder / "log"), "start")
    yield f"postgresql+psycopg://play@127.0.0.1:{port}/postgres"
    run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")


async def opened(url: str, folder: Path, service: FakeService, budget: Budget) -> Studio:
    database = Database(url)
    await database.migrate()
    history = History(database, Storage(str(folder)))
    studio = Studio({"fake": service}, Ledger(database, budget), history)
    await studio.start()
    return studio


async def test_jobs_entries_search_and_clicks_work_as_on_sqlite(url: str, tmp_path: Path) -> None:
    """From the submit to the searched history, with one job a click."""
    service = FakeService(paid=True)
    studio = await opened(url, tmp_path, service, Budget())
    owner = f"ann{time.time()}"
    twins = await asyncio.gather(
        *(
            studio.submit("fake", FakeText(prompt="Red HILLS 100%"), owner=owner, click="c")
            for _ in range(6)
        )
    )
    done = await studio.result(twins[0].id, owner=owner)
    assert len({job.id for job in twins}) == 1
    assert (done.job.state, service.sends) == ("finished", 1)
    found = await studio.history.page(owner, query="100% red")
    assert [entry.id for entry in found] == [done.job.entry_id]
    assert (await studio.history.star(found[0].id, owner=owner, starred=True)).starred
    assert await studio.history.page(owner, starred=True, before=found[0].id) == []
    assert await studio.ledger.durations("fake", "text-to-image")


async def test_simultaneous_submits_cannot_overspend(url: str, tmp_path: Path) -> None:
    """The reservation is one transaction at a time, on many connections too."""
    service = FakeService(paid=True)
    studio = await opened(url, tmp_path, service, Budget(owner_day_usd=0.18))
    owner = f"bob{time.time()}"
    results = await asyncio.gather(
        *(studio.submit("fake", FakeText(prompt="x", seed=n), owner=owner) for n in range(40)),
        return_exceptions=True,
    )
    jobs = [one for one in results if isinstance(one, Job)]
    refused = [one for one in results if isinstance(one, OverBudgetError)]
    for job in jobs:
        await studio.result(job.id, owner=owner)
    assert (len(jobs), len(refused), service.sends) == (7, 33, 7)


async def test_simultaneous_transactions_get_exactly_the_limit(url: str, tmp_path: Path) -> None:
    """Forty owners at one address, on many connections, get the images of its hour."""
    service = FakeService(paid=True)
    ledger = (await opened(url, tmp_path, service, Budget())).ledger
    terms = Terms(Limits(paid_per_address_hour=7), address=secrets.token_hex(16))
    results = await asyncio.gather(
        *(
            ledger.add(service, FakeText(prompt="x", seed=n), owner=f"browser:{n}", terms=terms)
            for n in range(40)
        ),
        return_exceptions=True,
    )
    jobs = [one for one in results if isinstance(one, Job)]
    refused = [one for one in results if isinstance(one, OverLimitError)]
    assert (len(jobs), len(refused)) == (7, 33)
