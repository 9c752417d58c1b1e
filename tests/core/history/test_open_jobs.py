"""Open jobs leave one installation and go on in another; nothing is sent by both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from core.errors import InputError
from core.history import open_jobs
from core.history.moving import export_to, import_from
from core.jobs.ledger import Ledger
from core.storage.tables import jobs
from tests.conftest import Studios
from tests.core.history import killed_moving
from tests.core.history.steps import all_of, kept_in
from tests.fakes import FakeService

ROOT = Path(__file__).parents[3]
pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def moved_out(here: Path, out: Path) -> int:
    keeping = await kept_in(here)
    await all_of(export_to(keeping.history, out))
    number, said = await open_jobs.hand_over(keeping.history, out)
    assert said == []
    await keeping.history.database.aclose()
    return number


async def states(folder: Path) -> dict[int, str]:
    keeping = await kept_in(folder)
    found = {job.seed: job.state for job in await Ledger(keeping.history.database).list()}
    await keeping.history.database.aclose()
    return found


async def test_each_goes_on_in_the_new_installation_alone(tmp_path: Path) -> None:
    """What waits is sent once, what runs is asked for by its id, what is in doubt stays so."""
    here, there, out = (tmp_path / name for name in ("here", "there", "out"))
    await killed_moving.build(here)
    assert await moved_out(here, out) == 4
    old, new = FakeService(paid=True), FakeService(paid=True)
    at_home = await Studios(here).open(old)
    elsewhere = await kept_in(there)
    taken, said = await open_jobs.take_over(elsewhere.history, out)
    assert (len(taken), said) == (4, [])
    assert open_jobs.may_cost_usd(taken) == pytest.approx(0.025)
    again = await open_jobs.take_over(elsewhere.history, out)
    assert again == ([], [])
    steps = await all_of(import_from(elsewhere.history, out))
    assert [sentence for step in steps for sentence in step.said] == []
    await elsewhere.history.database.aclose()
    studio = await Studios(there).open(new)
    for job in await studio.ledger.list(states=["waiting", "running", "sending"]):
        await studio.result(job.id, owner="ann")
    found = {job.seed: job for job in await studio.ledger.list()}
    made = {seed: job.state for seed, job in found.items() if seed in (1, 3)}
    assert made == {1: "finished", 3: "finished"}
    assert {found[seed].state for seed in (2, 4)} == {"unknown"}
    assert (new.started, new.resumed) == ([1], ["request-3"])
    assert (old.started, old.resumed) == ([], [])
    left = {job.seed: job for job in await at_home.ledger.list()}
    assert {job.state for job in left.values()} == {"cancelled"}
    assert str(out) in left[1].advice and not any(job.retryable for job in left.values())
    await studio.aclose()
    await at_home.aclose()


async def test_they_can_be_taken_back_once(tmp_path: Path) -> None:
    """By the installation that they left; whoever comes later finds them taken."""
    here, out = tmp_path / "here", tmp_path / "out"
    await killed_moving.build(here)
    before = await states(here)
    await moved_out(here, out)
    keeping = await kept_in(here)
    taken, _ = await open_jobs.take_over(keeping.history, out)
    assert len(taken) == 4
    await keeping.history.database.aclose()
    assert await states(here) == before
    other = await kept_in(tmp_path / "other")
    taken, said = await open_jobs.take_over(other.history, out)
    assert taken == [] and "Another installation has taken" in said[0]
    await other.history.database.aclose()


async def test_a_visitors_own_key_keeps_its_jobs_here(tmp_path: Path) -> None:
    """Nobody else has that key."""
    here = tmp_path / "here"
    await killed_moving.build(here)
    keeping = await kept_in(here)
    keyed = update(jobs).where(jobs.c.seed == 2).values(own_key="k")
    await keeping.history.database.run(lambda db: db.execute(keyed))
    assert await open_jobs.counted(keeping.history) == {
        "waiting": 1,
        "running": 1,
        "unknown": 1,
        "own": 1,
    }
    await keeping.history.database.aclose()
    assert await moved_out(here, tmp_path / "out") == 3
    assert (await states(here))[2] == "sending"


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "finished"},
        {"id": "../../x"},
        {"params": "[]"},
        {"price_micros": -1},
        {"outputs": "inputs/a.png", "set_aside": True},
        {"owner": "\0"},
        {"created_at": 1e300},
        {"task": "rm"},
    ],
    ids=str,
)
async def test_jobs_that_cannot_be_are_refused_together(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    """With a sentence; the folder stays as it is."""
    here, out = tmp_path / "here", tmp_path / "out"
    await killed_moving.build(here)
    await moved_out(here, out)
    told = json.loads((out / open_jobs.READY).read_text())
    told["jobs"][1] |= changes
    (out / open_jobs.READY).write_text(json.dumps(told))
    other = await kept_in(tmp_path / "other")
    with pytest.raises(InputError, match="are damaged"):
        await open_jobs.take_over(other.history, out)
    assert (out / open_jobs.READY).exists()
    rows = await other.history.database.run(lambda db: db.execute(select(jobs.c.id)).all())
    assert rows == []
    await other.history.database.aclose()


def test_a_kill_in_any_step_loses_no_job_and_doubles_none(tmp_path: Path) -> None:
    """Of leaving and of arriving: `killed_moving.py` says what is judged."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.core.history.killed_moving", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    assert "steps killed" in done.stdout
