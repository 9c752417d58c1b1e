"""A send whose answer was lost is looked up, adopted only when certain, and never sent again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from core.backend import Found
from core.errors import HistoryError, InputError, OverBudgetError, UnavailableError
from core.events import Accepted, Event, Finished
from core.jobs.budget import Budget
from core.jobs.job import Job
from core.params import Params
from core.studio import Studio
from tests.conftest import Studios
from tests.fakes import FakeService, FakeText, picture

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.jobs.reconcile.LOOKS_S", (0.01, 0.02, 0.02))


class Lossy(FakeService):
    """Loses the answer to every send of a prompt `lost`; what its list has is the test's."""

    def __init__(self, *others: Found, billed: bool = True, **options: Any) -> None:
        super().__init__(paid=True, **options)
        self.list: list[Found] = list(others)
        self.billed = billed
        self.twins: list[str] = []
        """Jobs of others that are accepted in the same moment."""
        self.open_posts = 0
        self.looks = 0
        self.broken_looks = 0

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        self.sends += 1
        request_id = f"request-{params.seed}"
        if self.billed:
            now = time.time()
            self.list += [Found(one, now) for one in (request_id, *self.twins)]
        if params.prompt == "lost":
            raise UnavailableError("The answer was lost.", advice="Look.", charged="maybe")
        yield Accepted(request_id)
        yield Finished(picture(params.known_seed))

    async def accepted(self, params: Params, since: float) -> tuple[Sequence[Found], float]:
        self.looks += 1
        if self.broken_looks:
            self.broken_looks -= 1
            raise UnavailableError("The list is broken.")
        return [one for one in self.list if one.at >= since], 0.05


async def ended(studio: Studio, prompt: str = "lost", seed: int = 1, **more: Any) -> Job:
    wish = FakeText(prompt=prompt, seed=seed, **more)
    job = await studio.submit("fake", wish, owner="ann")
    return (await studio.result(job.id, owner="ann")).job


async def test_the_one_job_that_fits_is_adopted(studios: Studios) -> None:
    """It was billed once, its image arrives, and nothing was sent a second time."""
    service = Lossy()
    studio = await studios.open(service)
    job = await ended(studio)
    assert (job.state, job.charged, job.request_id) == ("finished", "yes", "request-1")
    assert (service.sends, service.resumed) == (1, ["request-1"])


async def test_a_list_that_lags_or_breaks_is_read_again(studios: Studios) -> None:
    """Two bad looks of three are no reason to give a paid image up."""
    service = Lossy()
    service.broken_looks = 2
    studio = await studios.open(service)
    assert (await ended(studio)).state == "finished"
    assert service.looks == 3


async def test_what_is_not_in_the_list_stays_unknown(studios: Studios) -> None:
    """It is said that it may have been charged, and nothing is resent by itself."""
    service = Lossy(billed=False)
    studio = await studios.open(service)
    job = await ended(studio)
    assert (job.state, job.charged, service.sends) == ("unknown", "maybe", 1)
    assert "does not have it" in job.advice


async def test_a_stranger_in_the_list_makes_it_a_persons_decision(studios: Studios) -> None:
    """Somebody else used the key minutes ago: the candidate may be theirs."""
    service = Lossy(Found("foreign", time.time() - 120))
    studio = await studios.open(service)
    job = await ended(studio)
    assert (job.state, job.candidates) == ("unknown", ("request-1",))
    with pytest.raises(InputError):
        await studio.act(job.id, "adopt", owner="ann", request_id="foreign")
    with pytest.raises(InputError):
        await studio.act(job.id, "adopt", owner="bob", request_id="request-1")
    await studio.act(job.id, "adopt", owner="ann", request_id="request-1")
    end = (await studio.result(job.id, owner="ann")).job
    assert (end.state, end.charged, service.sends) == ("finished", "yes", 1)


async def test_two_that_fit_are_a_persons_decision(studios: Studios) -> None:
    """Neither is adopted silently."""
    service = Lossy()
    service.twins.append("twin")
    studio = await studios.open(service)
    job = await ended(studio)
    assert (job.state, set(job.candidates)) == ("unknown", {"request-1", "twin"})


async def test_a_picture_of_another_size_is_not_ours(studios: Studios) -> None:
    """The only candidate was a stranger's, and its image shows it."""
    service = Lossy()
    studio = await studios.open(service)
    job = await ended(studio, width=128)  # the fake generates 64 by 64
    assert (job.state, job.charged, job.request_id) == ("unknown", "maybe", None)
    assert job.candidates == ("request-1",)


async def test_jobs_of_this_ledger_are_no_strangers(studios: Studios) -> None:
    """Ours from before and after the lost one are known by their ids."""
    service = Lossy()
    service.max_concurrency = 4
    studio = await studios.open(service)
    assert (await ended(studio, "hills", 7)).state == "finished"
    lost = asyncio.create_task(ended(studio))
    await asyncio.sleep(0)
    assert (await ended(studio, "hills", 8)).state == "finished"
    assert (await lost).state == "finished"


async def test_nothing_is_sent_while_a_lost_answer_is_looked_up(studios: Studios) -> None:
    """At most one send is uncertain at a time."""
    service = Lossy(billed=False)
    service.max_concurrency = 4
    studio = await studios.open(service)
    first = await studio.submit("fake", FakeText(prompt="lost", seed=1), owner="ann")
    second = await studio.submit("fake", FakeText(prompt="hills", seed=2), owner="ann")
    while service.looks < 2:
        await asyncio.sleep(0.002)
    assert service.sends == 1
    assert (await studio.result(second.id, owner="ann")).job.state == "finished"
    assert (await studio.ledger.get(first.id)).state == "unknown"


async def test_a_send_cut_by_the_end_of_the_program_is_looked_up_first(studios: Studios) -> None:
    """The next process adopts it before it sends what waits."""

    class Cut(Lossy):
        async def generate(self, params: Params) -> AsyncIterator[Event]:
            self.sends += 1
            self.list.append(Found("cut", time.time()))
            await asyncio.Event().wait()
            yield Accepted("never")

    first = Cut()
    studio = await studios.open(first)
    lost = await studio.submit("fake", FakeText(prompt="x", seed=1), owner="ann")
    waiting = await studio.submit("fake", FakeText(prompt="y", seed=2), owner="ann")
    while not first.sends:
        await asyncio.sleep(0.005)
    await studio.aclose()
    second = Lossy(*first.list)
    again = await studios.open(second)
    end = (await again.result(lost.id, owner="ann")).job
    assert (end.state, end.request_id) == ("finished", "cut")
    assert (await again.result(waiting.id, owner="ann")).job.state == "finished"
    assert (first.sends, second.sends) == (1, 1)


async def test_sending_again_is_a_decision_with_its_price(studios: Studios) -> None:
    """The old job keeps what it may have cost, and the new one needs room in the budget."""
    service = Lossy(billed=False)
    studio = await studios.open(service, budget=Budget(day_usd=0.05))
    job = await ended(studio)
    new = await studio.act(job.id, "again", owner="ann")
    assert new.id != job.id
    old = await studio.ledger.get(job.id)
    assert (old.state, old.charged) == ("failed", "maybe")
    last = (await studio.result(new.id, owner="ann")).job
    assert (last.state, service.sends) == ("unknown", 2)
    with pytest.raises(OverBudgetError):
        await studio.act(last.id, "again", owner="ann")
    assert (await studio.ledger.get(last.id)).state == "unknown"


async def test_dismissing_ends_the_question_but_not_the_doubt(studios: Studios) -> None:
    """It is counted as spent for ever, and a second action is refused."""
    studio = await studios.open(Lossy(billed=False))
    job = await ended(studio)
    gone = await studio.act(job.id, "dismiss", owner="ann")
    assert (gone.state, gone.charged) == ("failed", "maybe")
    with pytest.raises(InputError):
        await studio.act(job.id, "dismiss", owner="ann")


async def test_looking_again_finds_what_came_late(studios: Studios) -> None:
    """The list lagged for minutes; a click on Look again brings the image."""
    service = Lossy(billed=False)
    studio = await studios.open(service)
    job = await ended(studio)
    service.list.append(Found("late", job.sent_at or 0))
    await studio.act(job.id, "look", owner="ann")
    end = (await studio.result(job.id, owner="ann")).job
    assert (end.state, end.request_id, service.sends) == ("finished", "late", 1)


async def test_a_failed_job_is_retried_once_a_click(studios: Studios) -> None:
    """As a new job with the same wishes; two presses of the button make one."""
    service = FakeService(paid=True, open_gate=False, failure=UnavailableError("It is down."))
    studio = await studios.open(service)
    job = await ended(studio, "hills")
    assert (job.state, job.retryable) == ("failed", True)
    service.failure = None
    service.gate.set()
    new = await studio.act(job.id, "retry", owner="ann")
    with pytest.raises(InputError):
        await studio.act(job.id, "retry", owner="ann")
    end = (await studio.result(new.id, owner="ann")).job
    assert (end.state, end.params, service.sends) == ("finished", job.params, 2)


async def test_a_search_that_cannot_be_written_down_is_not_told_as_free(
    studios: Studios, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full just when the lost job is found: it is adopted when there is room again."""
    monkeypatch.setattr("core.jobs.worker.RETRY_S", (0.05,))
    service = Lossy()
    studio = await studios.open(service)
    change, refused = studio.ledger.change, []

    async def full(job_id: str, state: Any, **facts: Any) -> Job:
        if facts.get("request_id") and not refused:
            refused.append(job_id)
            raise HistoryError("The disk is full.")
        return await change(job_id, state, **facts)

    monkeypatch.setattr(studio.ledger, "change", full)
    job = await ended(studio)
    assert (job.state, job.charged, job.request_id) == ("finished", "yes", "request-1")
    assert (len(refused), service.sends) == (1, 1)
