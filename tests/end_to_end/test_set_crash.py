"""A set of 18 images over three paid services, killed at 20 random instants of its making."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import time
from collections import Counter
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest

import backends
from backends import Settings
from core.history import History
from core.jobs.budget import Budget
from core.jobs.job import ACTIVE
from core.jobs.ledger import Ledger
from core.jobs.set_jobs import Wish
from core.jobs.sets import JobSet
from core.storage import lock
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio
from tests.crash_audit import opened, table
from tests.crash_campaign import QuickSandbox
from tests.crash_client import KEY, hurry_looks, settings

pytestmark = pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="takes a minute; .ci/run sets EVERY_TEST"
)

SERVICES = ("wavespeed", "siraya", "fal")
WISH = Wish(
    "text-to-image",
    {"prompt": "hills", "width": 512, "height": 512},
    [
        {"field": "seed", "values": [1, 2, 3]},
        {"field": "prompt", "replace": "hills", "values": ["hills", "a sea"]},
    ],
    [{"backend": name} for name in SERVICES],
)
PRICE = 6 * 0.025 + 6 * 0.01 + 6 * 0.025
"""What the whole set costs: the budget is this, to the cent."""
KILLS = 20
LIFE_S = 1.2
"""Seconds that a process lives at most; an image takes about one."""
FAILING = range(2, 10)
"""Lives in which one service refuses the key: its cells fail, or wait behind a stopped queue."""


async def begun(folder: Path, origin: str, siraya_key: str) -> tuple[Studio, Database]:
    """Open a studio on the data folder, as the program does."""
    named = settings(folder, origin) | {"SIRAYA_API_KEY": siraya_key, "SIRAYA_PRICE_USD": "0.01"}
    values: dict[str, Any] = {name.lower(): value for name, value in named.items()}
    read = Settings(_env_file=None, **values)
    database = Database(read.database)
    await database.migrate()
    ledger = Ledger(database, Budget(day_usd=PRICE))
    studio = Studio(backends.create(read), ledger, History(database, Storage(read.storage)))
    await studio.start()
    return studio, database


def live(folder: Path, origin: str, siraya_key: str, born: Event) -> None:
    """Ask for the set, the same click every time, and work on it until killed."""
    hurry_looks()
    born.set()
    asyncio.run(_live(folder, origin, siraya_key))


async def _live(folder: Path, origin: str, siraya_key: str) -> None:
    held = lock.hold(folder)
    studio, _ = await begun(folder, origin, siraya_key)
    await studio.submit_set(WISH, owner="local", click="once")
    await asyncio.sleep(60)
    assert held


async def settled(folder: Path, origin: str) -> tuple[JobSet, dict[str, int], float]:
    """Retry what failed, fetch what was killed three times while saving, and wait for the end.

    Returns the set, how many jobs are in each state, and the dollars that are bound.
    """
    studio, database = await begun(folder, origin, KEY)
    made = await studio.submit_set(WISH, owner="local", click="once")
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        made = await studio.set(made.id, owner="local")
        for job in made.jobs:
            if job.state == "failed":
                action = "retry" if job.retryable else "fetch"
                await studio.act(job.id, action, owner="local")
        if not any(job.state in (*ACTIVE, "failed") for job in made.jobs):
            break
        await asyncio.sleep(0.2)
    counts = Counter(job.state for job in await studio.ledger.list(limit=1000))
    spent = await studio.spending(days=2)
    bound = sum(one.spent + one.maybe + one.reserved for one in spent) / 1_000_000
    await studio.aclose()
    await database.aclose()
    return made, dict(counts), bound


def being_sent(folder: Path) -> set[str]:
    """Return the jobs whose request was out when the process died."""
    with opened(folder) as database:
        jobs = table(database, "jobs")
    out = [job for job in jobs if job["state"] in ("sending", "running")]
    return {job["id"] for job in out if job["request_id"] is None}


def test_a_set_that_is_killed_twenty_times_is_made_and_paid_once(tmp_path: Path) -> None:
    """Every cell ends; a service that failed for a while is retried; the budget is kept exactly."""
    dice = random.Random(20261126)
    sandbox = QuickSandbox(tmp_path, latency=1.0, key=KEY)
    folder = tmp_path / "data"
    folder.mkdir()
    cut, context = set[str](), multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    try:
        for turn in range(KILLS):
            key = "sk-WRONG" if turn in FAILING else KEY
            born = context.Event()
            process = context.Process(target=live, args=(folder, sandbox.address, key, born))
            process.start()
            assert born.wait(60)  # what it imports takes longer than a life
            time.sleep(dice.uniform(0.05, LIFE_S))
            process.kill()
            process.join()
            cut |= being_sent(folder)
        made, counts, bound = asyncio.run(settled(folder, sandbox.address))
        rows = sandbox.rows()
    finally:
        sandbox.kill()
    states = Counter(cell.job.state for cell in made.cells)
    assert len(made.cells) == 18
    assert set(states) <= {"finished", "unknown"}, states
    lost = {cell.job.id: cell.job.backend for cell in made.cells if cell.job.state == "unknown"}
    assert lost.keys() <= cut, "only what was being sent at a kill can be in doubt"
    assert "wavespeed" not in lost.values(), "its list of jobs tells what became of a send"
    charges = Counter((row["model"], row["seed"], row["prompt"]) for row in rows)
    assert max(charges.values()) == 1, charges
    told = sum(job.charged != "no" or job.state == "unknown" for job in made.jobs)
    assert len(rows) <= told
    assert bound <= PRICE + 1e-9
    assert sum(counts.values()) >= 18
