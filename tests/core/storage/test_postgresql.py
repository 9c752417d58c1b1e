"""The same ledger and history on PostgreSQL: one code path, checked on a real server."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from backends import Settings
from core import check
from core.errors import HeldError, OverBudgetError, OverLimitError
from core.history import History, Wanted
from core.history.changes import collect, restore, tag, throw_away
from core.history.rebuild import rebuild
from core.jobs.budget import Budget
from core.jobs.job import Job
from core.jobs.ledger import Ledger
from core.jobs.limits import Limits, Terms
from core.storage import lock
from core.storage.database import Database
from core.storage.files import Storage
from core.storage.migrations import MIGRATIONS
from core.storage.tables import metadata
from core.studio import Studio
from tests import postgresql
from tests.core.history.steps import add, all_of, remove
from tests.core.storage.test_tables import schemas
from tests.end_to_end.program import ROOT
from tests.fakes import FakeService, FakeText

pytest.importorskip("psycopg", reason="needs psycopg (requirements-dev.txt)")
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        not postgresql.PROGRAMS, reason="needs a PostgreSQL server (package postgresql)"
    ),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server of our own."""
    with postgresql.server() as address:
        yield address


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
    found = await studio.history.page(owner, Wanted(query="100% red"))
    assert [entry.id for entry in found] == [done.job.entry_id]
    assert (await studio.star(found[0].id, owner=owner, starred=True)).starred
    assert await studio.history.page(owner, Wanted(starred=True), before=found[0].id) == []
    assert await studio.ledger.durations(done.job)


async def test_what_is_kept_works_as_on_sqlite(fresh: str, tmp_path: Path) -> None:
    """Collections, tags, notes, the trash, records, and the database made again from them."""
    studio = await opened(fresh, tmp_path, FakeService(), Budget())
    await add(studio, 1, 2, 3)
    ids = ["e1", "e2", "e3"]
    sea = await studio.create_collection("sea", owner="ann")
    assert await studio.change_these(collect(sea.id), ids, owner="ann") == 3
    assert await studio.change_these(tag("calm"), ids, owner="ann") == 3
    await studio.describe("e1", owner="ann", title="Lighthouse", note="tall")
    assert await studio.history.count("ann", Wanted(query="lighthouse")) == 1
    for change in (throw_away(), restore()):
        assert (await all_of(studio.change_all(change, ids, owner="ann")))[-1].changed == 3
    await remove(studio, "e3", owner="ann")
    assert [(one.count, one.newest) for one in await studio.collections("ann")] == [(2, "e2")]
    assert await studio.prompts("ann", "hil") == ["hills"]
    assert (await studio.lineage("e1", owner="ann")).made_into == []
    assert await studio.hand_over("ann", "bob") == 2
    before = await studio.entries("bob")
    await studio.history.records.write()
    await studio.aclose()
    again = await opened(
        postgresql.create(fresh.rpartition("/")[0] + "/postgres", f"again{time.monotonic_ns()}"),
        tmp_path,
        FakeService(),
        Budget(),
    )
    assert (await all_of(rebuild(again.history)))[-1].added == 2
    assert await again.entries("bob") == before
    assert await again.tags("bob") == [("calm", 2)]
    assert [one.title for one in await again.collections("bob")] == ["sea"]
    await again.aclose()


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
            ledger.add_all(
                service, [FakeText(prompt="x", seed=n)], owner=f"browser:{n}", terms=terms
            )
            for n in range(40)
        ),
        return_exceptions=True,
    )
    jobs = [one for one in results if isinstance(one, list)]
    refused = [one for one in results if isinstance(one, OverLimitError)]
    assert (len(jobs), len(refused)) == (7, 33)


@pytest.fixture
def fresh(url: str) -> str:
    """A new database on the same server."""
    return postgresql.create(url, f"fresh{time.monotonic_ns()}")


def asked(url: str, query: str) -> list[tuple[Any, ...]]:
    """Run one statement as somebody else would."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as db:
        found = db.execute(text(query))
        return [tuple(row) for row in found] if found.returns_rows else []


def held(url: str, patience_s: float = 0.2) -> lock.Lock:
    found = lock.hold_database(url, patience_s=patience_s)
    assert found
    return found


def cut(url: str) -> None:
    """End the connection that has the lock, as a fault of the network or the server does."""
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE "
    assert asked(url, query + f"'playground {os.getpid()} %' AND datname = current_database()")


def another(url: str) -> subprocess.Popen[str]:
    """Start a process that takes the database and keeps it; it is killed by the test."""
    program = (
        f"import time; from core.storage import lock; held = lock.hold_database({url!r}); "
        "print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_told_which_one_has_the_database(fresh: str, url: str) -> None:
    """Until the first is killed with -9; another database of the server is another matter."""
    first = another(fresh)
    try:
        with pytest.raises(HeldError, match="already uses the database") as caught:
            held(fresh)
        assert f"process {first.pid} on {os.uname().nodename[:28]}, since 20" in str(caught.value)
        held(url).close()
        first.send_signal(signal.SIGKILL)
        held(fresh, lock.PATIENCE_S).close()
    finally:
        first.kill()
        first.wait()


async def test_a_lock_whose_connection_broke_is_taken_again(fresh: str, tmp_path: Path) -> None:
    """If nobody else has it by then, this process goes on, and others are kept out again."""
    mine = held(fresh)
    database = Database(fresh, lock=mine)
    await database.migrate()
    ledger = Ledger(database)
    cut(fresh)
    await ledger.add_all(FakeService(paid=True), [FakeText(prompt="x", seed=1)], owner="ann")
    with pytest.raises(HeldError):
        held(fresh)
    await database.aclose()
    mine.close()


async def test_a_process_that_lost_its_database_sends_nothing(fresh: str, tmp_path: Path) -> None:
    """It takes nothing new either, and leaves the jobs that wait to whoever has the lock now."""
    mine = held(fresh)
    database = Database(fresh, lock=mine)
    await database.migrate()
    service = FakeService(paid=True, open_gate=False)
    service.max_concurrency = 1
    history = History(database, Storage(str(tmp_path)))
    studio = Studio({"fake": service}, Ledger(database), history, beat_s=0.02)
    wishes = [FakeText(prompt="x", seed=seed) for seed in (1, 2)]
    sent, waits = [await studio.submit("fake", wish, owner="ann") for wish in wishes]
    async with asyncio.timeout(5):
        while (await studio.ledger.get(sent.id)).state != "running":
            await asyncio.sleep(0.01)
    cut(fresh)
    other = await asyncio.to_thread(another, fresh)
    try:
        service.gate.set()  # what was accepted is still brought to its end
        assert (await studio.result(sent.id, owner="ann")).job.state == "finished"
        with pytest.raises(HeldError, match=f"lost its database.*process {other.pid}"):
            await studio.submit("fake", FakeText(prompt="x", seed=3), owner="ann")
        other.kill()
        other.wait()
        with pytest.raises(HeldError, match="lost its database"):
            await studio.submit("fake", FakeText(prompt="x", seed=3), owner="ann")
        left = await studio.ledger.get(waits.id)
        assert (left.state, left.error, service.sends) == ("waiting", "", 1)
    finally:
        other.kill()
        await studio.aclose()
        await database.aclose()
        mine.close()


def catalogue(url: str) -> list[tuple[Any, ...]]:
    """Return all there is in a database: its catalogue, and the rows of its tables."""
    classes = "SELECT oid, relname, relkind, relfilenode FROM pg_class ORDER BY oid"
    columns = "SELECT attrelid, attname, atttypid FROM pg_attribute ORDER BY attrelid, attnum"
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    rows = [
        row for (name,) in asked(url, tables) for row in asked(url, f"SELECT xmin, * FROM {name}")
    ]
    return [*asked(url, classes), *asked(url, columns), *rows]


async def checked(url: str, folder: Path) -> str:
    settings = Settings(_env_file=None, srpo_data_dir=folder / "data", database_url=url)
    return "\n".join(said for _, said in await check.check(settings, {}))


async def test_a_check_changes_nothing_on_a_server(fresh: str, tmp_path: Path) -> None:
    """Without tables, with older ones, with today's, with newer ones, and while it is in use."""
    before = catalogue(fresh)
    assert "no tables yet" in await checked(fresh, tmp_path)
    assert catalogue(fresh) == before
    database = Database(fresh)
    await database.migrate(MIGRATIONS[:1])
    names = "id owner backend task model state params sent charged error advice day".split()
    row = dict.fromkeys(names, "''") | dict.fromkeys("seed work price_micros".split(), "0")
    row |= {"created_at": "0", "updated_at": "0", "sandbox": "false", "state": "'unknown'"}
    asked(fresh, f"INSERT INTO jobs ({', '.join(row)}) VALUES ({', '.join(row.values())})")
    before = catalogue(fresh)
    said = await checked(fresh, tmp_path)
    assert "brings it up to date" in said
    assert "Jobs: 1 unknown." in said
    assert catalogue(fresh) == before
    await database.migrate()
    before, mine = catalogue(fresh), held(fresh)
    said = await checked(fresh, tmp_path)
    assert ("up to date" in said, "Jobs: 1 unknown." in said) == (False, True)
    mine.check()
    mine.close()
    assert catalogue(fresh) == before
    asked(fresh, f"INSERT INTO migrations VALUES ({len(MIGRATIONS) + 1})")
    assert "newer version" in await checked(fresh, tmp_path)
    assert not any(tmp_path.iterdir())
    await database.aclose()


async def test_the_migrations_make_the_tables_that_the_code_knows(fresh: str, url: str) -> None:
    """As on SQLite: columns in their order, types, defaults, keys and indexes."""
    created = postgresql.create(url, f"created{time.monotonic_ns()}")
    migrated, known = await schemas(fresh, created)
    assert set(migrated) == set(metadata.tables)
    assert migrated == known
