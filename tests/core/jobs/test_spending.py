"""What was spent, by day, owner and backend; free jobs and refused ones cost nothing."""

from __future__ import annotations

import asyncio
import re

import pytest

from core.errors import AuthError, UnavailableError
from core.jobs.spending import day, total
from tests.conftest import Studios
from tests.fakes import FakeService, FakeText

pytestmark = pytest.mark.anyio


async def test_every_kind_of_end_is_in_its_place(studios: Studios) -> None:
    """Charged, in doubt, on its way; a refusal and a cancelled job in none of them."""
    service = FakeService(paid=True)
    service.max_concurrency = 1
    studio = await studios.open(service)

    async def submit(seed: int, owner: str = "ann") -> str:
        job = await studio.submit("fake", FakeText(prompt="x", seed=seed), owner=owner)
        return job.id

    for owner in ("ann", "ann", "bob"):
        await studio.result(await submit(1, owner), owner=owner)
    service.gate.clear()
    service.failure = UnavailableError("Lost.", charged="maybe")
    await studio.result(await submit(2), owner="ann")
    service.failure = AuthError("No.")
    await studio.result(await submit(3), owner="ann")
    service.failure = None
    running = await submit(4)
    waiting = await submit(5)
    gone = await submit(6)
    await studio.cancel(gone, owner="ann")
    async with asyncio.timeout(5):
        while (await studio.ledger.get(running)).state != "running":
            await asyncio.sleep(0.005)
    rows = await studio.ledger.spending(days=2)
    assert [(row.day, row.owner, row.pictures) for row in rows] == [
        (day(), "ann", 5),
        (day(), "bob", 1),
    ]
    ann = rows[0]
    assert (ann.spent, ann.maybe, ann.reserved) == (75_000, 25_000, 25_000)
    assert total(rows) == 150_000
    assert await studio.ledger.spending(days=2, owner="bob") == [rows[1]]
    service.gate.set()
    for job in (running, waiting):
        await studio.result(job, owner="ann")
    assert total(await studio.ledger.spending(days=1)) == 150_000


async def test_what_is_free_is_not_listed(studios: Studios) -> None:
    """A sandbox's images are no spending."""
    studio = await studios.open(FakeService())
    job = await studio.submit("fake", FakeText(prompt="x", seed=1), owner="ann")
    await studio.result(job.id, owner="ann")
    assert await studio.ledger.spending(days=2) == []


async def test_a_price_that_nobody_knows_is_counted_apart(studios: Studios) -> None:
    """Such images are in no sum, and said to be in none."""
    service = FakeService(paid=True)
    studio = await studios.open(service)
    for price in (0.025, None, None):
        service.price_usd = price
        job = await studio.submit("fake", FakeText(prompt="x", seed=1), owner="ann")
        await studio.result(job.id, owner="ann")
    [row] = await studio.ledger.spending(days=1)
    assert (row.pictures, row.unpriced, row.spent) == (3, 2, 25_000)


def test_days_are_utc_dates() -> None:
    """Yesterday sorts before today."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", day())
    assert day(1) < day()
