"""The studio: a job is on disk before it is sent, and nothing is sent twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core import metadata
from core.errors import (
    AuthError,
    BlockedError,
    InputError,
    NotReadyError,
    OverBudgetError,
    RunTimeoutError,
    UnavailableError,
)
from core.events import Accepted, Event, Finished
from core.jobs.budget import Budget
from core.jobs.job import ACTIVE, Job
from core.params import Params
from core.parsing import parse
from core.studio import Progress, Studio
from tests.conftest import Studios
from tests.fakes import FakeBackend, FakeService, FakeText, picture

pytestmark = pytest.mark.anyio


def wish(prompt: str = "hills", seed: int = 7, **more: Any) -> FakeText:
    return FakeText(prompt=prompt, seed=seed, **more)


async def until(condition: Any, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.005)


async def state_of(studio: Studio, job: Job) -> str:
    return (await studio.ledger.get(job.id)).state


async def test_a_finished_job_is_an_entry_with_its_file_and_thumbnail(studios: Studios) -> None:
    """What was asked for is in the history with everything needed to make it again."""
    studio = await studios.open(FakeBackend())
    job = await studio.submit("fake", wish(seed=5), owner="ann")
    done = await studio.result(job.id, owner="ann")
    assert done.entry is not None
    assert (done.job.state, done.entry.seed, done.entry.width) == ("finished", 5, 64)
    stored = await studio.history.storage.read(done.entry.file)
    reading = metadata.read(stored)
    assert reading is not None
    assert reading.record["params"] == done.entry.params
    assert await studio.history.storage.exists(done.entry.thumbnail)


async def test_the_row_exists_before_the_request_is_sent(studios: Studios) -> None:
    """When the backend is first called, another reader of the ledger already sees `sending`."""
    seen: list[str] = []

    class Looking(FakeService):
        async def generate(self, params: Params) -> AsyncIterator[Event]:
            seen.extend(job.state for job in await studio.ledger.list())
            async for event in super().generate(params):
                yield event

    studio = await studios.open(Looking(paid=True))
    job = await studio.submit("fake", wish(), owner="ann")
    await studio.result(job.id, owner="ann")
    assert seen == ["sending"]


async def test_the_request_id_is_on_disk_before_the_first_poll(studios: Studios) -> None:
    """Between the acceptance and whatever the backend does next, the id is committed."""
    seen: list[str | None] = []

    class Polling(FakeService):
        async def generate(self, params: Params) -> AsyncIterator[Event]:
            yield Accepted("abc")
            seen.extend(job.request_id for job in await studio.ledger.list())
            yield Finished(picture(1))

    studio = await studios.open(Polling(paid=True))
    job = await studio.submit("fake", wish(), owner="ann")
    await studio.result(job.id, owner="ann")
    assert seen == ["abc"]


async def test_a_restart_resumes_what_was_accepted_and_sends_nothing(studios: Studios) -> None:
    """The second process asks for the result by its id; only one request was ever sent."""
    first = FakeService(paid=True, open_gate=False)
    studio = await studios.open(first)
    jobs = [await studio.submit("fake", wish(seed=n), owner="ann") for n in range(2)]

    async def both_run() -> bool:
        return [await state_of(studio, job) for job in jobs] == ["running"] * 2

    await until(both_run)
    await studio.aclose()
    second = FakeService(paid=True)
    again = await studios.open(second)
    ends = [await again.result(job.id, owner="ann") for job in jobs]
    assert [end.job.state for end in ends] == ["finished"] * 2
    assert (first.sends, second.sends) == (2, 0)
    assert sorted(second.resumed) == ["request-0", "request-1"]


async def test_what_may_have_been_sent_becomes_unknown_and_is_never_resent(
    studios: Studios,
) -> None:
    """A paid job without an id after a restart waits for a person."""

    class Silent(FakeService):
        async def generate(self, params: Params) -> AsyncIterator[Event]:
            self.sends += 1
            await asyncio.Event().wait()
            yield Accepted("never")

    silent = Silent(paid=True)
    studio = await studios.open(silent)
    job = await studio.submit("fake", wish(), owner="ann")

    async def sending() -> bool:
        return silent.sends == 1

    await until(sending)
    await studio.aclose()
    second = FakeService(paid=True)
    again = await studios.open(second)
    left = await again.ledger.get(job.id)
    assert (left.state, left.charged, second.sends) == ("unknown", "maybe", 0)
    assert left.error and left.advice


async def test_waiting_jobs_go_on_after_a_restart(studios: Studios) -> None:
    """A job that never left the queue is sent by the next process, once."""
    first = FakeService(paid=True, open_gate=False)
    first.max_concurrency = 1
    studio = await studios.open(first)
    jobs = [await studio.submit("fake", wish(seed=n), owner="ann") for n in range(3)]

    async def one_runs() -> bool:
        return await state_of(studio, jobs[0]) == "running"

    await until(one_runs)
    await studio.aclose()
    second = FakeService(paid=True)
    again = await studios.open(second)
    for job in jobs:
        assert (await again.result(job.id, owner="ann")).job.state == "finished"
    assert (first.sends, second.sends) == (1, 2)


async def test_free_jobs_begin_again_after_a_restart(studios: Studios) -> None:
    """Nothing was spent, so a job of a free backend is simply made."""
    studio = await studios.open(FakeBackend(open_gate=False))
    job = await studio.submit("fake", wish(), owner="ann")

    async def runs() -> bool:
        return await state_of(studio, job) == "running"

    await until(runs)
    await studio.aclose()
    again = await studios.open(FakeBackend())
    assert (await again.result(job.id, owner="ann")).job.state == "finished"


async def test_a_paid_job_is_left_alone_while_its_service_has_no_key(studios: Studios) -> None:
    """The sandbox is never asked for an image that was paid for at the real service."""
    studio = await studios.open(FakeService(paid=True, open_gate=False))
    job = await studio.submit("fake", wish(), owner="ann")

    async def runs() -> bool:
        return await state_of(studio, job) == "running"

    await until(runs)
    await studio.aclose()
    sandbox = FakeService()
    sandbox.sandbox = True
    between = await studios.open(sandbox)
    assert await state_of(between, job) == "running"
    assert sandbox.resumed == []
    await between.aclose()
    again = await studios.open(FakeService(paid=True))
    assert (await again.result(job.id, owner="ann")).job.state == "finished"


async def test_only_one_send_is_unanswered_at_a_time(studios: Studios) -> None:
    """Two sends without an answer could not be told apart afterwards."""
    most = 0
    now = 0

    class Counting(FakeService):
        async def generate(self, params: Params) -> AsyncIterator[Event]:
            nonlocal most, now
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.01)
            now -= 1
            yield Accepted(f"r{params.seed}")
            yield Finished(picture(params.seed))

    service = Counting(paid=True)
    service.max_concurrency = 5
    studio = await studios.open(service)
    jobs = [await studio.submit("fake", wish(seed=n), owner="ann") for n in range(5)]
    for job in jobs:
        await studio.result(job.id, owner="ann")
    assert most == 1


async def test_no_more_jobs_run_than_the_backend_takes(studios: Studios) -> None:
    """The third of two waits, and knows how many are before it."""
    backend = FakeBackend(open_gate=False)
    studio = await studios.open(backend)
    jobs = [await studio.submit("fake", wish(seed=n), owner="ann") for n in range(4)]

    async def two_run() -> bool:
        return len(backend.started) == 2

    await until(two_run)
    seen: list[Progress] = []
    async for progresses in studio.watch([jobs[3].id], owner="ann"):
        seen = progresses
        break
    assert (seen[0].job.state, seen[0].ahead) == ("waiting", 1)
    backend.gate.set()
    for job in jobs:
        await studio.result(job.id, owner="ann")
    assert backend.started == [0, 1, 2, 3]


async def test_one_click_is_one_job(studios: Studios) -> None:
    """Two submits of one click at the same time give the same job and one send."""
    service = FakeService(paid=True)
    studio = await studios.open(service)
    twins = await asyncio.gather(
        *(studio.submit("fake", wish(), owner="ann", click="c1") for _ in range(8))
    )
    await studio.result(twins[0].id, owner="ann")
    other = await studio.submit("fake", wish(), owner="bob", click="c1")
    await studio.result(other.id, owner="bob")
    assert len({job.id for job in twins}) == 1
    assert service.sends == 2


async def test_a_seed_of_minus_one_is_drawn_before_anything_is_sent(studios: Studios) -> None:
    """Every image can be made again."""
    backend = FakeBackend()
    studio = await studios.open(backend)
    job = await studio.submit("fake", wish(seed=-1), owner="ann")
    await studio.result(job.id, owner="ann")
    assert backend.started == [job.seed]
    assert job.seed >= 0
    assert job.params["seed"] == job.seed


async def test_cancelling_a_free_job_closes_its_generator(studios: Studios) -> None:
    """Closing the stream is cancelling; nothing was spent."""
    backend = FakeBackend(open_gate=False)
    studio = await studios.open(backend)
    job = await studio.submit("fake", wish(), owner="ann")

    async def runs() -> bool:
        return await state_of(studio, job) == "running"

    await until(runs)
    gone = await studio.cancel(job.id, owner="ann")
    assert (gone.state, gone.charged, backend.closed) == ("cancelled", "no", [7])


async def test_cancelling_a_paid_job_lets_it_land_in_the_history(studios: Studios) -> None:
    """It is paid for already: the job goes on and its image is kept."""
    service = FakeService(paid=True, open_gate=False)
    studio = await studios.open(service)
    job = await studio.submit("fake", wish(), owner="ann")

    async def runs() -> bool:
        return await state_of(studio, job) == "running"

    await until(runs)
    told = await studio.cancel(job.id, owner="ann")
    assert (told.state, told.charged) == ("running", "yes")
    service.gate.set()
    assert (await studio.result(job.id, owner="ann")).entry is not None


async def test_cancelling_a_waiting_job_sends_nothing(studios: Studios) -> None:
    """A paid job that still waits costs nothing when it is cancelled."""
    service = FakeService(paid=True, open_gate=False)
    service.max_concurrency = 1
    studio = await studios.open(service)
    first = await studio.submit("fake", wish(seed=1), owner="ann")
    second = await studio.submit("fake", wish(seed=2), owner="ann")
    gone = await studio.cancel(second.id, owner="ann")
    service.gate.set()
    await studio.result(first.id, owner="ann")
    assert (gone.state, gone.charged, service.started) == ("cancelled", "no", [1])


@pytest.mark.parametrize(
    ("failure", "state", "charged"),
    [
        (AuthError("The key is wrong.", advice="Check it."), "failed", "no"),
        (BlockedError("It was refused.", advice="Change it.", charged="no"), "failed", "no"),
        (
            UnavailableError("The answer was lost.", advice="Look.", charged="maybe"),
            "unknown",
            "maybe",
        ),
    ],
)
async def test_a_failed_send_says_what_it_may_have_cost(
    studios: Studios, failure: Any, state: str, charged: str
) -> None:
    """The ledger tells a refusal from an answer that was lost."""
    service = FakeService(paid=True, open_gate=False, failure=failure)
    studio = await studios.open(service)
    job = await studio.submit("fake", wish(), owner="ann")
    end = (await studio.result(job.id, owner="ann")).job
    assert (end.state, end.charged, end.error) == (state, charged, str(failure))
    assert service.sends == 1


async def test_a_deadline_leaves_the_job_pending(studios: Studios) -> None:
    """At the deadline the job is asked for again later, by its id; it is not failed."""
    late = RunTimeoutError("It takes long.", advice="Wait.", request_id="r", charged="yes")
    service = FakeService(paid=True, open_gate=True, failure=late)
    studio = await studios.open(service)
    job = await studio.submit("fake", wish(), owner="ann")

    async def pending() -> bool:
        return bool((await studio.ledger.get(job.id)).error)

    await until(pending)
    assert await state_of(studio, job) == "running"
    await studio.aclose()
    again = await studios.open(FakeService(paid=True))
    end = (await again.result(job.id, owner="ann")).job
    assert (end.state, end.error) == ("finished", "")


async def test_a_bug_in_a_backend_is_a_sentence_not_a_crash(studios: Studios) -> None:
    """A foreign exception fails its job and leaves the worker working."""

    class Broken(FakeBackend):
        async def generate(self, params: Params) -> AsyncIterator[Event]:
            if params.seed == 1:
                raise ZeroDivisionError
            async for event in super().generate(params):
                yield event

    studio = await studios.open(Broken())
    bad = await studio.submit("fake", wish(seed=1), owner="ann")
    good = await studio.submit("fake", wish(seed=2), owner="ann")
    assert (await studio.result(bad.id, owner="ann")).job.state == "failed"
    assert (await studio.result(good.id, owner="ann")).job.state == "finished"
    assert "Zero" not in (await studio.ledger.get(bad.id)).error


async def test_a_backend_that_ends_without_a_picture_fails_the_job(studios: Studios) -> None:
    """A stream without `Finished` is not taken for success."""

    class Empty(FakeBackend):
        async def generate(self, params: Params) -> AsyncIterator[Event]:
            return
            yield

    studio = await studios.open(Empty())
    job = await studio.submit("fake", wish(), owner="ann")
    assert (await studio.result(job.id, owner="ann")).job.state == "failed"


async def test_a_file_that_is_no_picture_fails_the_job(studios: Studios) -> None:
    """Bytes are believed only after a full decode; no row points at them."""

    class Garbage(FakeBackend):
        async def generate(self, params: Params) -> AsyncIterator[Event]:
            yield Finished(picture(1)[:60])

    studio = await studios.open(Garbage())
    job = await studio.submit("fake", wish(), owner="ann")
    end = await studio.result(job.id, owner="ann")
    assert end.job.state == "failed"
    assert await studio.history.page("ann") == []


async def test_strangers_see_and_stop_nothing(studios: Studios) -> None:
    """A job of another owner is as unknown as one that never was."""
    studio = await studios.open(FakeBackend(open_gate=False))
    job = await studio.submit("fake", wish(), owner="ann")
    for attempt in (
        studio.result(job.id, owner="bob"),
        studio.cancel(job.id, owner="bob"),
        anext(aiter(studio.watch([job.id], owner="bob"))),
    ):
        with pytest.raises(InputError):
            await attempt
    assert await studio.jobs("bob", states=ACTIVE) == []
    assert len(await studio.jobs("ann", states=ACTIVE)) == 1


async def test_a_backend_that_is_not_ready_takes_no_job(studios: Studios) -> None:
    """The refusal says what to do, and no row is written."""

    class Unready(FakeBackend):
        def problem(self) -> str:
            return "Set a key."

    studio = await studios.open(Unready())
    with pytest.raises(NotReadyError) as caught:
        await studio.submit("fake", wish(), owner="ann")
    assert caught.value.advice == "Set a key."
    assert await studio.ledger.list() == []


async def test_many_submits_at_once_cannot_overspend(studios: Studios) -> None:
    """A budget for seven lets exactly seven of a hundred simultaneous submits through."""
    service = FakeService(paid=True)
    studio = await studios.open(service, budget=Budget(day_usd=0.18))
    results = await asyncio.gather(
        *(studio.submit("fake", wish(seed=n), owner="ann") for n in range(100)),
        return_exceptions=True,
    )
    refused = [one for one in results if isinstance(one, OverBudgetError)]
    jobs = [one for one in results if isinstance(one, Job)]
    for job in jobs:
        await studio.result(job.id, owner="ann")
    assert (len(jobs), len(refused), service.sends) == (7, 93, 7)
    assert "$0.18" in str(refused[0])


async def test_a_refused_job_gives_its_reservation_back(studios: Studios) -> None:
    """A failure that cost nothing makes room for the next job."""
    wrong = AuthError("The key is wrong.", advice="Check it.")
    service = FakeService(paid=True, open_gate=False, failure=wrong)
    studio = await studios.open(service, budget=Budget(owner_day_usd=0.025))
    job = await studio.submit("fake", wish(), owner="ann")
    await studio.result(job.id, owner="ann")
    service.failure = None
    service.gate.set()
    again = await studio.submit("fake", wish(), owner="ann")
    assert (await studio.result(again.id, owner="ann")).job.state == "finished"
    with pytest.raises(OverBudgetError):
        await studio.submit("fake", wish(), owner="ann")
    await studio.submit("fake", wish(), owner="bob")


async def test_watching_tells_of_the_end_at_once(studios: Studios) -> None:
    """The image is shown when it is there, not at the next beat."""
    backend = FakeBackend(open_gate=False)
    studio = await studios.open(backend, beat_s=3600)
    job = await studio.submit("fake", wish(), owner="ann")
    shown = None
    async with asyncio.timeout(10):
        async for progresses in studio.watch([job.id], owner="ann"):
            shown = progresses[0].entry
            backend.gate.set()
    assert shown is not None


async def test_image_to_image_survives_a_restart_with_its_picture(studios: Studios) -> None:
    """The image to start from is kept with the job, not in the browser."""
    from core import pictures

    first = FakeBackend(open_gate=False)
    studio = await studios.open(first)
    given = pictures.load(picture(3))
    kind = studio.kind("fake", "image-to-image")
    job = await studio.submit("fake", parse(kind, {"prompt": "x", "image": given}), owner="ann")

    async def runs() -> bool:
        return await state_of(studio, job) == "running"

    await until(runs)
    await studio.aclose()
    found: list[bytes] = []

    class Looking(FakeBackend):
        async def generate(self, params: Params) -> AsyncIterator[Event]:
            found.append(params.picture.data if params.picture else b"")
            async for event in super().generate(params):
                yield event

    again = await studios.open(Looking())
    assert (await again.result(job.id, owner="ann")).job.state == "finished"
    assert found == [given.data]


async def test_what_is_not_offered_is_said_at_its_field(studios: Studios) -> None:
    """Whatever a backend is called, a wrong task is a fault of the task's field."""
    backend = FakeBackend()
    backend.id = "my-backend"
    studio = await studios.open(backend)
    for name, task, field in (("my-backend", "video", "task"), ("none", "video", "backend")):
        with pytest.raises(InputError) as refused:
            studio.kind(name, task)  # type: ignore[arg-type]
        assert refused.value.field == field


async def test_a_retry_for_a_backend_that_is_gone_is_refused_in_words(studios: Studios) -> None:
    """Its service may have been taken out of the settings since; then nothing breaks."""
    studio = await studios.open(FakeService(paid=True, failure=UnavailableError("down")))
    job = (
        await studio.result((await studio.submit("fake", wish(), owner="ann")).id, owner="ann")
    ).job
    assert job.retryable
    await studio.aclose()
    later = await studios.open()
    with pytest.raises(InputError, match="no backend called “fake”"):
        await later.act(job.id, "retry", owner="ann")
