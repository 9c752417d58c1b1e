"""Two processes carry the same jobs: each is sent once, and none overwrites what another ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection

from core.errors import AuthError
from core.history import History
from core.jobs.job import Job
from core.jobs.ledger import Ledger
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio
from tests.conftest import Studios
from tests.fakes import FakeBackend, FakeService, FakeText

pytestmark = pytest.mark.anyio
T = TypeVar("T")


async def waiting(studios: Studios, backend: Any, count: int) -> list[Job]:
    """Write jobs down as a process does that dies before it sends any."""
    database = Database(f"sqlite:///{studios.folder / 'playground.db'}")
    studios.databases.append(database)
    await database.migrate()
    ledger = Ledger(database)
    return [
        (await ledger.add_all(backend, [FakeText(prompt="x", seed=seed)], owner="ann"))[0]
        for seed in range(count)
    ]


async def stands(studio: Studio, job: Job, state: str) -> None:
    async with asyncio.timeout(5):
        while (await studio.ledger.get(job.id)).state != state:
            await asyncio.sleep(0.01)


async def end(studio: Studio, job: Job) -> Job:
    return (await asyncio.wait_for(studio.result(job.id, owner="ann"), 5)).job


def pictures(studios: Studios) -> int:
    return len([path for path in (studios.folder / "images").rglob("*") if path.is_file()])


async def test_of_two_processes_one_sends_a_job(studios: Studios) -> None:
    """Six jobs that wait are charged six times; whoever asks either process hears of the end."""
    first, second = FakeService(paid=True), FakeService(paid=True)
    jobs = await waiting(studios, first, 6)
    one, other = await studios.open(first, beat_s=0.02), await studios.open(second, beat_s=0.02)
    for studio in (one, other):
        assert {(await end(studio, job)).state for job in jobs} == {"finished"}
    assert first.sends + second.sends == 6
    assert pictures(studios) == 6
    await one.aclose()
    await other.aclose()


async def test_a_failure_does_not_overwrite_what_another_process_finished(
    studios: Studios,
) -> None:
    """Nor do two images of one job become two."""
    first = FakeService(paid=True, open_gate=False)
    refused = FakeService(paid=True, open_gate=False, failure=AuthError("No.", charged="no"))
    late = FakeService(paid=True, open_gate=False)
    one = await studios.open(first)
    job = await one.submit("fake", FakeText(prompt="x", seed=1), owner="ann")
    await stands(one, job, "running")
    two, three = await studios.open(refused), await studios.open(late)
    first.gate.set()
    assert (await end(one, job)).state == "finished"
    for studio, service in ((two, refused), (three, late)):
        service.gate.set()
        left = await end(studio, job)
        assert (left.state, left.charged, left.error) == ("finished", "yes", "")
    assert pictures(studios) == 1
    assert len(await one.history.page("ann")) == 1
    for studio in (one, two, three):
        await studio.aclose()


async def test_a_job_that_another_process_sends_cannot_be_cancelled_here(studios: Studios) -> None:
    """It is paid for, whatever this process believed of it."""
    first, idle = FakeService(paid=True, open_gate=False), FakeService(paid=True)
    idle.max_concurrency = 0
    [job] = await waiting(studios, first, 1)
    other = await studios.open(idle)
    one = await studios.open(first)
    await stands(one, job, "running")
    left = await other.cancel(job.id, owner="ann")
    assert (left.state, left.charged) == ("running", "yes")
    first.gate.set()
    assert (await end(one, job)).state == "finished"
    await one.aclose()
    await other.aclose()


async def test_a_picture_is_kept_although_another_process_gave_its_job_up(
    studios: Studios,
) -> None:
    """A new process cannot know that the send of a living one is not lost."""
    first = FakeBackend(paid=True, open_gate=False)
    one = await studios.open(first)
    job = await one.submit("fake", FakeText(prompt="x", seed=1), owner="ann")
    await stands(one, job, "running")
    other = await studios.open(FakeBackend(paid=True))
    await stands(other, job, "unknown")
    first.gate.set()
    left = await end(one, job)
    assert (left.state, left.charged, pictures(studios)) == ("finished", "yes", 1)
    await one.aclose()
    await other.aclose()


class LateDatabase(Database):
    """Tells late that a claim was written down."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.claimed, self.go = asyncio.Event(), asyncio.Event()

    async def run_alone(self, work: Callable[[Connection], T]) -> T:
        found = await super().run_alone(work)
        self.claimed.set()
        await self.go.wait()
        return found


async def test_what_is_stopped_while_it_is_claimed_was_not_sent(tmp_path: Path) -> None:
    """Cancelled it ends so; at the end of the program it waits, and is no lost send."""
    database = LateDatabase(f"sqlite:///{tmp_path / 'playground.db'}")
    await database.migrate()
    service = FakeService(paid=True)
    history = History(database, Storage(str(tmp_path)))
    studio = Studio({"fake": service}, Ledger(database), history)
    for end_of_program in (False, True):
        database.go.set()
        job = await studio.submit("fake", FakeText(prompt="x", seed=1), owner="ann")
        database.go.clear()
        database.claimed.clear()
        await database.claimed.wait()
        stop = studio.aclose() if end_of_program else studio.cancel(job.id, owner="ann")
        stopping = asyncio.create_task(stop)
        [task] = [one for one in asyncio.all_tasks() if one.get_name() == f"job {job.id}"]
        async with asyncio.timeout(5):
            while not task.cancelling():
                await asyncio.sleep(0)
        database.go.set()
        await stopping
        left = await studio.ledger.get(job.id)
        expected = "waiting" if end_of_program else "cancelled"
        assert (left.state, left.charged, left.sent_at) == (expected, "no", None)
    assert service.sends == 0
    await database.aclose()
