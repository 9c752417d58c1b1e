"""The worker: a service that takes no more for now costs a job neither its place nor its life."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from core.backend import before_decoding
from core.errors import AuthError, OutOfCreditError, RateLimitError
from core.events import Delivered, Event
from core.jobs.job import Job
from core.params import Params
from core.studio import Studio
from tests.conftest import Studios
from tests.fakes import FakeBackend, FakeService, FakeText

pytestmark = pytest.mark.anyio


def busy(retry_after: float | None = None) -> RateLimitError:
    return RateLimitError("It is busy.", advice="Wait a little.", retry_after=retry_after)


class BusyService(FakeService):
    """Refuses the first sends with a rate limit, then takes them."""

    def __init__(self, *refusals: RateLimitError, **options: Any) -> None:
        super().__init__(paid=True, **options)
        self.refusals = list(refusals)
        self.taken: list[int] = []
        self.moments: list[float] = []

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        self.moments.append(time.monotonic())
        if self.refusals:
            raise self.refusals.pop(0)
        self.taken.append(params.known_seed)
        async for event in super().generate(params):
            yield event


class BusyPainter(FakeBackend):
    """The same for a backend whose jobs cannot be resumed."""

    refusals = 1

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        if self.refusals:
            self.refusals -= 1
            raise busy(0)
        async for event in super().generate(params):
            yield event


async def submitted(studio: Studio, *seeds: int) -> list[Job]:
    return [
        await studio.submit("fake", FakeText(prompt="hills", seed=seed), owner="ann")
        for seed in seeds
    ]


async def told(studio: Studio, job: Job) -> Job:
    """Return the job once its row says why it waits."""
    async with asyncio.timeout(5):
        while not (found := await studio.ledger.get(job.id)).error:
            await asyncio.sleep(0.005)
    return found


@pytest.mark.slow
async def test_a_throttled_job_waits_and_is_sent_again(studios: Studios) -> None:
    """It goes back to `waiting` with the sentence, and after the pause it is simply made."""
    service = BusyService(busy(1.0))
    studio = await studios.open(service)
    [job] = await submitted(studio, 1)
    between = await told(studio, job)
    assert (between.state, between.charged, between.error) == ("waiting", "no", "It is busy.")
    assert (between.advice, between.sent_at) == ("Wait a little.", None)
    end = (await studio.result(job.id, owner="ann")).job
    assert (end.state, end.error, service.taken) == ("finished", "", [1])
    assert service.moments[1] - service.moments[0] >= 0.99


@pytest.mark.slow
async def test_a_throttled_job_keeps_its_place(studios: Studios) -> None:
    """While it waits nobody sends, and who came later does not overtake it."""
    service = BusyService(busy(0))
    service.max_concurrency = 3
    studio = await studios.open(service)
    jobs = await submitted(studio, 1, 2, 3)
    for job in jobs:
        await studio.result(job.id, owner="ann")
    assert service.taken == [1, 2, 3]
    assert len(service.moments) == 4
    assert service.moments[1] - service.moments[0] >= 0.99


async def test_a_throttled_job_can_be_cancelled(studios: Studios) -> None:
    """Without a named time it waits a minute; a click ends that at once, and costs nothing."""
    service = BusyService(busy())
    studio = await studios.open(service)
    [job] = await submitted(studio, 1)
    await told(studio, job)
    gone = await studio.cancel(job.id, owner="ann")
    assert (gone.state, gone.charged, service.taken) == ("cancelled", "no", [])
    assert len(service.moments) == 1


async def test_a_throttled_job_is_sent_by_the_next_process(studios: Studios) -> None:
    """A rate limit is certain not to be charged, so a restart may send the job."""
    studio = await studios.open(BusyService(busy(3600)))
    [job] = await submitted(studio, 1)
    await told(studio, job)
    await studio.aclose()
    second = BusyService()
    again = await studios.open(second)
    assert (await again.result(job.id, owner="ann")).job.state == "finished"
    assert second.taken == [1]


@pytest.mark.slow
async def test_every_kind_of_backend_waits_its_turn(studios: Studios) -> None:
    """Services that answer with the image are throttled in the same way."""
    studio = await studios.open(BusyPainter())
    [job] = await submitted(studio, 4)
    assert (await studio.result(job.id, owner="ann")).job.state == "finished"


async def test_a_rate_limit_of_an_accepted_job_is_not_a_reason_to_send_it_again(
    studios: Studios,
) -> None:
    """With an id the image is on its way: a second send would be a second charge."""
    service = FakeService(paid=True, failure=busy(0))
    studio = await studios.open(service)
    [job] = await submitted(studio, 1)
    end = (await studio.result(job.id, owner="ann")).job
    assert (end.state, service.sends) == ("failed", 1)


@pytest.mark.slow
async def test_a_picture_that_comes_only_once_waits_in_memory_for_room(
    studios: Studios, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full at the worst moment: the bill is told, and the image is not let go."""
    monkeypatch.setattr("core.jobs.worker.RETRY_S", (0.2,))
    backend = FakeBackend(paid=True)
    studio = await studios.open(backend)
    (studios.folder / "images").write_text("in the way")
    (studios.folder / "received").write_text("in the way")
    job = await studio.submit("fake", FakeText(prompt="x", seed=1), owner="ann")
    between = await told(studio, job)
    assert (between.state, between.charged) == ("running", "no")
    assert "stored" in between.error
    (studios.folder / "received").unlink()
    async with asyncio.timeout(5):
        while not (await studio.ledger.get(job.id)).outputs:
            await asyncio.sleep(0.01)
    assert (await studio.ledger.get(job.id)).charged == "yes"
    (studios.folder / "images").unlink()
    end = await studio.result(job.id, owner="ann")
    assert (end.job.state, end.job.error, backend.started) == ("finished", "", [1])
    assert not list((studios.folder / "received").iterdir())


async def test_a_picture_that_was_put_aside_is_stored_by_the_next_process(
    studios: Studios, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Siraya's answer was on disk when the program was killed: nothing is sent again."""
    monkeypatch.setattr("core.jobs.worker.RETRY_S", (60.0,))
    first = FakeBackend(paid=True)
    studio = await studios.open(first)
    (studios.folder / "images").write_text("in the way")
    job = await studio.submit("fake", FakeText(prompt="x", seed=1), owner="ann")
    await told(studio, job)
    await studio.aclose()
    (studios.folder / "images").unlink()
    second = FakeBackend(paid=True)
    again = await studios.open(second)
    end = await again.result(job.id, owner="ann")
    assert (end.job.state, end.job.charged, second.started) == ("finished", "yes", [])


class Faulty(FakeService):
    """A service whose jobs bring a fault of this program to light."""

    async def resume(self, params: Params, request_id: str) -> AsyncIterator[Event]:
        self.resumed.append(request_id)
        raise ZeroDivisionError
        yield


async def test_a_poisoned_job_is_parked_after_three_faults(
    studios: Studios, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over restarts too; it says that it was charged, and can be fetched later for nothing."""
    monkeypatch.setattr("core.jobs.worker.RETRY_S", (0.05,))
    first = FakeService(paid=True, open_gate=False)
    studio = await studios.open(first)
    [job] = await submitted(studio, 1)
    async with asyncio.timeout(5):
        while (await studio.ledger.get(job.id)).state != "running":
            await asyncio.sleep(0.005)
    await studio.aclose()
    faulty = Faulty(paid=True)
    second = await studios.open(faulty)
    end = (await second.result(job.id, owner="ann")).job
    assert (end.state, end.charged, len(faulty.resumed)) == ("failed", "yes", 3)
    assert "3 times" in end.error
    await second.aclose()
    third = Faulty(paid=True)
    await studios.open(third)
    assert third.resumed == []
    sound = FakeService(paid=True)
    last = await studios.open(sound)
    await last.act(job.id, "fetch", owner="ann")
    assert (await last.result(job.id, owner="ann")).job.state == "finished"
    assert sound.sends == 0


class Stuck(FakeService):
    """A service whose images never get past a point; `decoding` says which."""

    decoding = False

    async def resume(self, params: Params, request_id: str) -> AsyncIterator[Event]:
        yield Delivered(outputs="somewhere")
        if self.decoding:
            await before_decoding()
        self.resumed.append(request_id)
        await asyncio.Event().wait()


@pytest.mark.parametrize("decoding", [False, True])
async def test_only_a_program_that_ends_while_it_decodes_speaks_against_a_file(
    studios: Studios, *, decoding: bool
) -> None:
    """Killed five times in a download, a job goes on; killed three times in decoding, it ends."""
    studio = await studios.open(FakeService(paid=True, open_gate=False))
    [job] = await submitted(studio, 1)
    async with asyncio.timeout(5):
        while (await studio.ledger.get(job.id)).state != "running":
            await asyncio.sleep(0.005)
    await studio.aclose()
    begun = 0
    for _ in range(5):
        stuck = Stuck(paid=True)
        stuck.decoding = decoding
        studio = await studios.open(stuck)
        with suppress(TimeoutError):
            async with asyncio.timeout(5 if begun < 3 or not decoding else 0.1):
                while not stuck.resumed:
                    await asyncio.sleep(0.005)
        begun += len(stuck.resumed)
        await studio.aclose()
    assert begun == (3 if decoding else 5)
    sound = FakeService(paid=True)
    last = await studios.open(sound)
    end = await last.result(job.id, owner="ann", patient=False)
    assert end.job.state == ("failed" if decoding else "finished")


@pytest.mark.slow
@pytest.mark.parametrize("kind", [AuthError, OutOfCreditError])
async def test_a_refused_key_or_account_stops_the_line_not_a_hundred_jobs(
    studios: Studios, kind: Any
) -> None:
    """One or two jobs fail and say why; the others wait until a person resumes."""
    service = FakeService(paid=True, open_gate=False, failure=kind("No.", advice="Mend it."))
    service.max_concurrency = 5
    studio = await studios.open(service)
    jobs = await submitted(studio, *range(20))
    end = (await studio.result(jobs[0].id, owner="ann")).job
    assert (end.state, end.charged, end.retryable) == ("failed", "no", True)
    waiting = await studio.result(jobs[19].id, owner="ann", patient=False)
    assert (waiting.job.state, str(waiting.stop)) == ("waiting", "No.")
    tries = service.sends  # one more at most, to find out whether it was mended
    service.failure = None
    service.gate.set()
    studio.workers["fake"].queue.resume()
    ends = [(await studio.result(job.id, owner="ann")).job.state for job in jobs]
    assert ends == ["failed"] * tries + ["finished"] * (20 - tries)
    assert tries <= 2


async def test_what_was_accepted_waits_for_room_on_the_disk(studios: Studios) -> None:
    """A job that can be asked for again stays on its way, and tells why."""
    studio = await studios.open(FakeService(paid=True))
    (studios.folder / "images").write_text("in the way")
    job = await studio.submit("fake", FakeText(prompt="x", seed=1), owner="ann")
    async with asyncio.timeout(5):
        async for progresses in studio.watch([job.id], owner="ann"):
            if progresses[0].job.error:
                break
    assert (progresses[0].job.state, progresses[0].job.charged) == ("running", "yes")
    (studios.folder / "images").unlink()
    await studio.aclose()
    again = await studios.open(FakeService(paid=True))
    assert (await again.result(job.id, owner="ann")).job.state == "finished"
