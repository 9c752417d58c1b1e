"""Rows of earlier versions are indexed in small steps, wherever the process ends."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from core.history import History, Wanted, filling
from core.history.entry import facts_of
from core.storage.database import Database
from core.storage.files import Storage
from core.storage.migrations import MIGRATIONS
from tests.core.test_history import entry
from tests.end_to_end.program import ROOT

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

BEFORE = 7
"""The migrations of the version that knew no columns to find entries by."""
COLUMNS = "id job_id owner created_at elapsed_s starred".split()
FILL = """
import asyncio, sys
from core.history import History
from core.storage.database import Database
from core.storage.files import Storage

async def main():
    database = Database(sys.argv[1])
    await database.migrate()
    print("begun", flush=True)
    await History(database, Storage(sys.argv[2])).filling.run()
    print("done", flush=True)

asyncio.run(main())
"""


async def earlier(folder: Path, number: int) -> str:
    """Make a database as the earlier version left it; return its address."""
    url = f"sqlite:///{folder / 'h.db'}"
    database = Database(url)
    await database.migrate(MIGRATIONS[:BEFORE])
    rows = []
    for n in range(number):
        one = entry(n, prompt=f"word{n} hills", backend=f"b{n % 3}")
        row = {name: fact for name, fact in asdict(one).items() if name in COLUMNS}
        rows.append(row | {"search": one.prompt, "facts": facts_of(one)})
    names = [*COLUMNS, "search", "facts"]
    insert = f"INSERT INTO entries ({', '.join(names)}) VALUES (:{', :'.join(names)})"
    await database.run(lambda db: db.execute(text(insert), rows))
    await database.aclose()
    return url


def looked_at(folder: Path) -> tuple[int, int, int]:
    """Return how many rows there are, are indexed, and have words; the file must be sound."""
    with closing(sqlite3.connect(folder / "h.db")) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        raw.execute("INSERT INTO entry_words (entry_words) VALUES ('integrity-check')")
        counted = "SELECT count(*), sum(indexed > 0), (SELECT count(*) FROM entry_words)"
        whole, indexed, words = raw.execute(f"{counted} FROM entries").fetchone()
        half = "SELECT count(*) FROM entries WHERE (backend IS NULL) = (indexed > 0)"
        assert raw.execute(half).fetchone() == (0,)
        return whole, indexed, words


async def test_all_is_indexed_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What was found by its facts before is found by its columns and words after."""
    url = await earlier(tmp_path, 300)
    database = Database(url)
    await database.migrate()
    history = History(database, Storage(str(tmp_path)))
    wanted = [
        Wanted(query="word277 "),
        Wanted(backend="b1"),
        Wanted(seed=40),
        Wanted(sort="random"),
    ]
    before = [await history.page("ann", one) for one in wanted]
    assert [len(found) for found in before] == [1, 50, 1, 50]
    with caplog.at_level("INFO"):
        await history.filling.run()
    assert [await history.page("ann", one) for one in wanted] == before
    assert "300 earlier images" in caplog.text
    assert history.filling.progress is None
    await history.filling.run()
    await database.aclose()
    assert looked_at(tmp_path) == (300, 300, 300)


async def test_a_row_that_somebody_broke_stops_nobody(tmp_path: Path) -> None:
    """It is found by its prompt, and those after it are indexed."""
    database = Database(await earlier(tmp_path, 3))
    await database.migrate()
    broken = text("UPDATE entries SET facts = '{' WHERE id = 'e1'")
    await database.run(lambda db: db.execute(broken))
    assert await database.run(lambda db: filling.step(db, 10)) == 3
    assert await database.run(lambda db: filling.step(db, 10)) == 0
    words = text("SELECT count(*) FROM entry_words WHERE words MATCH 'word1'")
    assert await database.run(lambda db: db.execute(words).scalar()) == 1
    await database.aclose()


async def test_a_step_yields_to_others(tmp_path: Path) -> None:
    """A page comes between two steps, however many rows are left."""
    database = Database(await earlier(tmp_path, 2_000))
    await database.migrate()
    history = History(database, Storage(str(tmp_path)))
    task = asyncio.create_task(history.filling.run())
    seen = set()
    while not task.done():
        assert len(await history.page("ann")) == 50
        if progress := history.filling.progress:
            seen.add(progress.done)
        await asyncio.sleep(0)
    assert len(seen) > 5
    await database.aclose()


INSTANTS = 20 if "FULL_SIZE" in os.environ else 6 if "EVERY_TEST" in os.environ else 3


async def test_a_process_that_is_killed_goes_on_and_loses_nothing(tmp_path: Path) -> None:
    """`kill -9` at some instants of one filling: each row is whole or as before."""
    number = 300 * INSTANTS
    url = await earlier(tmp_path, number)
    drawn, last, longest_s = random.Random(1), 0, 0.15
    for _ in range(INSTANTS):
        child = started(url, tmp_path)
        assert child.stdout and child.stdout.readline() == "begun\n"
        time.sleep(drawn.uniform(0, longest_s))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        whole, indexed, words = looked_at(tmp_path)
        assert whole == number
        assert last <= indexed == words
        longest_s *= 1.0 if indexed > last else 1.5  # a slow machine needs longer
        last = indexed
    assert last > 0
    child = started(url, tmp_path)
    said, _ = child.communicate(timeout=300)
    assert said == "begun\ndone\n"
    assert looked_at(tmp_path) == (number, number, number)


def started(url: str, folder: Path) -> subprocess.Popen[str]:
    command: list[Any] = [sys.executable, "-c", FILL, url, str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
