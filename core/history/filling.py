"""Fills what rows of earlier versions are found by, in small steps, while the program is in use.

Each step is a transaction of its own, so a process may end at any instant: the next one goes on.
Until a row is done it is found by its facts.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, insert, select, update

from core.history.entry import entry_of
from core.history.index import INDEXED, TOLD, found_by, sets_of, shuffled, told_words
from core.storage.database import Database
from core.storage.tables import entries, entry_words

log = logging.getLogger(__name__)

STEP_S = 0.02
"""How long a step may keep the database from others."""
ROWS = range(100, 500)
"""How many rows a step may take: few cost little, even where the machine has much else to do."""
REST_S = 0.1
"""The longest rest after a step, and as long as the step at most."""
TOLD_S = 10.0
"""How often the log hears of it."""


@dataclass(slots=True)
class Progress:
    """How many rows are done, of all that had to be."""

    done: int
    total: int


class Filling:
    """Indexes what is not indexed yet."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.progress: Progress | None = None
        """None while there is nothing to do."""

    async def run(self) -> None:
        """Go on until all is done; the database rests between steps."""
        total = await self._database.run(_rest)
        if not total:
            return
        self.progress = Progress(0, total)
        log.info("%d earlier images are being indexed; searches find them meanwhile", total)
        try:
            await self._steps(self.progress)
        finally:
            self.progress = None
        log.info("all %d earlier images are indexed", total)

    async def _steps(self, progress: Progress) -> None:
        rows, told = ROWS.start, time.monotonic()
        while True:
            begun = time.monotonic()
            done = await self._database.run(lambda db, rows=rows: step(db, rows))  # type: ignore[misc]
            took = time.monotonic() - begun
            if not done:
                return
            progress.done += done
            rows = _paced(rows, took)
            if time.monotonic() - told > TOLD_S:
                told = time.monotonic()
                log.info("%d of %d earlier images are indexed", progress.done, progress.total)
            await asyncio.sleep(min(took, REST_S))


def _paced(rows: int, took_s: float) -> int:
    """Return how many rows the next step takes, so that it lasts about as long as it may."""
    if took_s > STEP_S:
        return max(rows // 2, ROWS.start)
    return min(rows * 5 // 4, ROWS.stop) if took_s < STEP_S / 2 else rows


def _rest(db: Connection) -> int:
    rest = select(func.count()).select_from(entries).where(entries.c.indexed < INDEXED)
    return int(db.execute(rest).scalar_one())


def step(db: Connection, most: int) -> int:
    """Index at most so many rows that are not indexed yet; return how many there were."""
    query = select(entries).where(entries.c.indexed < INDEXED).order_by(entries.c.indexed)
    rows = db.execute(query.limit(most)).mappings().all()
    if not rows:
        return 0
    made_for = sets_of(db, [row["job_id"] for row in rows])
    changes, words = [], []
    for row in rows:
        number, shuffle = row["n"], row["shuffle"]
        facts, prompt = _facts(row)
        changes.append(
            {
                **facts,
                "at": number,
                "indexed": INDEXED,
                "set_id": row["set_id"] or made_for.get(row["job_id"]),
                "shuffle": shuffled(number) if shuffle is None else shuffle,
            }
        )
        told = told_words(db, prompt, row["title"], row["note"])
        words.append({"rowid": number, "words": told})
    values: dict[str, Any] = {name: bindparam(name) for name in changes[0] if name != "at"}
    db.execute(update(entries).where(entries.c.n == bindparam("at")).values(values), changes)
    done = entry_words.c.rowid.in_([row["n"] for row in rows])
    db.execute(delete(entry_words).where(done))
    db.execute(insert(entry_words), words)
    return len(rows)


def _facts(row: RowMapping) -> tuple[dict[str, Any], str]:
    """Return what a row is found by; one that somebody broke is found by less, and stops nobody."""
    try:
        entry = entry_of(row)
        return found_by(entry), str(entry.prompt)
    except (TypeError, ValueError, AttributeError):
        return dict.fromkeys((*TOLD, "price_micros", "source")), str(row["search"])
