"""The line: who is sent next, when, and what may be changed while jobs wait."""

from __future__ import annotations

import asyncio

import pytest

from core.errors import InputError
from core.jobs.send_queue import Limits, SendQueue
from tests.conftest import Studios
from tests.fakes import FakeService, FakeText

pytestmark = pytest.mark.anyio


async def served(queue: SendQueue, *wishes: tuple[str, str]) -> list[str]:
    """Let (job, owner) pairs wait in one line, one at a time, and return who came when."""
    order: list[str] = []

    async def go(job: str, owner: str, place: float) -> None:
        await queue.enter(job, owner, place)
        order.append(job)
        await asyncio.sleep(0)
        queue.leave(job)

    tasks = [asyncio.create_task(go(job, own, n)) for n, (job, own) in enumerate(wishes)]
    await asyncio.gather(*tasks)
    return order


async def test_owners_take_turns() -> None:
    """Who asks for one image does not wait for somebody else's hundred."""
    wishes = [("a1", "ann"), ("a2", "ann"), ("a3", "ann"), ("b1", "bob"), ("c1", "cy")]
    assert await served(SendQueue(Limits(1)), *wishes) == ["a1", "b1", "c1", "a2", "a3"]


@pytest.mark.slow
async def test_no_more_than_a_minute_allows_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at once, the third when the first is a minute old."""
    monkeypatch.setattr("core.jobs.send_queue.MINUTE_S", 0.3)
    queue = SendQueue(Limits(9, per_minute=2))
    loop = asyncio.get_running_loop()
    began = loop.time()
    await queue.enter("a", "ann", 0)
    await queue.enter("b", "ann", 1)
    assert loop.time() - began < 0.2
    await queue.enter("c", "ann", 2)
    assert loop.time() - began >= 0.29


async def test_a_cancelled_waiter_holds_nobody_up() -> None:
    """Whether it was cancelled before or just after its turn came."""
    queue = SendQueue(Limits(1))
    await queue.enter("a", "ann", 0)
    waits = [asyncio.create_task(queue.enter(name, "ann", n)) for n, name in enumerate("bcd")]
    await asyncio.sleep(0)
    waits[0].cancel()
    await asyncio.sleep(0)
    assert queue.order() == ["c", "d"]
    queue.leave("a")  # hands the turn to c, which is cancelled before it runs
    waits[1].cancel()
    async with asyncio.timeout(2):
        await waits[2]


async def test_a_waiting_job_changes_places_with_its_neighbour(studios: Studios) -> None:
    """Over a restart too; a job on its way keeps its place, and so do other people's."""
    service = FakeService(paid=True, open_gate=False)
    service.max_concurrency = 1
    studio = await studios.open(service)
    jobs = [
        await studio.submit("fake", FakeText(prompt="x", seed=n), owner="ann") for n in range(4)
    ]
    while (await studio.ledger.get(jobs[0].id)).state != "running":
        await asyncio.sleep(0.005)
    await studio.reorder(jobs[3].id, owner="ann", earlier=True)
    await studio.reorder(jobs[3].id, owner="ann", earlier=True)
    await studio.reorder(jobs[3].id, owner="ann", earlier=True)
    with pytest.raises(InputError):
        await studio.reorder(jobs[0].id, owner="ann", earlier=False)
    with pytest.raises(InputError):
        await studio.reorder(jobs[1].id, owner="bob", earlier=False)
    assert studio.workers["fake"].queue.order() == [jobs[3].id, jobs[1].id, jobs[2].id]
    await studio.aclose()
    second = FakeService(paid=True)
    second.max_concurrency = 1
    again = await studios.open(second)
    for job in jobs:
        assert (await again.result(job.id, owner="ann")).job.state == "finished"
    assert second.started == [3, 1, 2]
