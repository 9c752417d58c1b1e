"""A visitor's own key: its owner's jobs alone, a worker of its own, memory alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from core.backend import Found
from core.caller import stranger
from core.errors import (
    AuthError,
    InputError,
    NotReadyError,
    OutOfCreditError,
    RateLimitError,
    RunTimeoutError,
    UnavailableError,
)
from core.events import Accepted, Event, Running
from core.jobs.budget import Budget
from core.jobs.job import Job
from core.own_keys import KEPT_S, OwnKeys
from core.params import Params
from core.redact import MASK, Redactor
from core.studio import Studio
from tests.conftest import Studios
from tests.fakes import FakeService, FakeText

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

KEY, OTHER = "key.CANARY.1f2e3d4c5b6a", "key.OTHER.9a8b7c6d5e4f"


class Service(FakeService):
    """A real service that knows accounts by their keys and keeps a list of what it took."""

    def __init__(self, key: str = "", **options: Any) -> None:
        super().__init__(paid=True, **options)
        self.key, self.shut = key, False
        self.refusal: Exception | None = None
        self.silent = False
        self.took: list[Found] = []

    async def check(self) -> float | None:
        if self.refusal:
            raise self.refusal
        return 9.5

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        if self.silent:
            self.sends += 1
            self.took.append(Found(f"request-{params.seed}", time.time()))
            await asyncio.Event().wait()
        async for event in super().generate(params):
            yield event

    async def accepted(self, params: Params, since: float) -> tuple[Sequence[Found], float]:
        return self.took, 1.0

    async def aclose(self) -> None:
        self.shut = True


class Sandbox(Service):
    """What stands in for the service while the operator has no key."""

    sandbox = True

    def __init__(self) -> None:
        super().__init__()
        self.paid, self.price_usd = False, 0.0


class World:
    """Accounts at one service, and the studios that reach it with keys."""

    def __init__(self, studios: Studios) -> None:
        self.studios = studios
        self.accounts: dict[str, list[Service]] = {}
        self.options: dict[str, Any] = {}
        self.refusal: Exception | None = None
        self.mask = Redactor()
        self.shared = Sandbox()

    def connect(self, service: str, key: str) -> Service:
        made = Service(key, **self.options)
        made.refusal = self.refusal
        self.accounts.setdefault(key, []).append(made)
        return made

    async def open(self, **options: Any) -> Studio:
        own = OwnKeys(self.connect, ["fake"], self.mask)
        return await self.studios.open(self.shared, own=own, beat_s=0.02, **options)

    def sends(self, key: str = KEY) -> int:
        return sum(one.sends for one in self.accounts.get(key, []))

    def newest(self, key: str = KEY) -> Service:
        return self.accounts[key][-1]


@pytest.fixture
def world(studios: Studios) -> World:
    return World(studios)


def wish(seed: int = 7) -> FakeText:
    return FakeText(prompt="hills", seed=seed)


async def until(condition: Any, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.005)


async def stands(studio: Studio, job: Job, state: str) -> None:
    async def there() -> bool:
        return (await studio.ledger.get(job.id)).state == state

    await until(there)


async def end(studio: Studio, job: Job) -> Job:
    async with asyncio.timeout(20):
        return (await studio.result(job.id, owner=job.owner)).job


async def shown(studio: Studio, job: Job) -> bool:
    """Whether the page says of a job that it needs its owner's key."""
    return (await anext(aiter(studio.watch([job.id], owner=job.owner))))[0].needs_key


async def test_it_is_used_for_its_owners_jobs_only(world: World) -> None:
    """The owner's job is the service's and has its price; everybody else's stays the sandbox's."""
    studio = await world.open()
    entered = await studio.enter_key("ann", "fake", KEY)
    assert (entered.balance_usd, entered.unsure, entered.resumed) == (9.5, "", 0)
    mine = await end(studio, await studio.submit("fake", wish(1), owner="ann"))
    theirs = await end(studio, await studio.submit("fake", wish(2), owner="bob"))
    assert (mine.sandbox, mine.price_usd, mine.charged) == (False, 0.025, "yes")
    assert (theirs.sandbox, theirs.price_usd, theirs.own_key) == (True, 0.0, None)
    assert (world.newest().started, world.shared.started) == ([1], [2])
    entry = await studio.history.get(mine.entry_id or "", owner="ann")
    assert not entry.sandbox
    assert studio.backends_of("ann")["fake"] is world.newest()
    assert studio.backends_of("bob")["fake"] is world.shared


async def test_the_ledger_knows_it_by_a_keyed_fingerprint_alone(world: World) -> None:
    """The same key has the same mark after a restart, another key or service has another."""
    studio = await world.open()
    await studio.enter_key("ann", "fake", KEY)
    job = await studio.submit("fake", wish(), owner="ann")
    await end(studio, job)
    await studio.aclose()
    again = await world.open()
    await again.enter_key("bob", "fake", KEY)
    other = await again.submit("fake", wish(8), owner="bob")
    assert job.own_key == other.own_key
    assert len(job.own_key or "") == 32
    await again.enter_key("bob", "fake", OTHER)
    third = await again.submit("fake", wish(9), owner="bob")
    assert third.own_key != job.own_key
    await end(again, third)
    await again.aclose()  # its files stay as they are while they are read
    files = [path.read_bytes() for path in world.studios.folder.rglob("*") if path.is_file()]
    assert len(files) > 3
    assert not any(KEY.encode() in data for data in files)


@pytest.mark.parametrize("refusal", [AuthError("no"), OutOfCreditError("empty")])
async def test_its_refusals_stop_nobody_else(world: World, refusal: Exception) -> None:
    """A key that is refused stops its own worker; other keys and the operator's worker go on."""
    studio = await world.open()
    await studio.enter_key("ann", "fake", KEY)
    await studio.enter_key("bob", "fake", OTHER)
    world.newest(KEY).failure = refusal  # type: ignore[assignment]
    refused = await end(studio, await studio.submit("fake", wish(1), owner="ann"))
    assert refused.state == "failed"
    worker = studio.own.worker(refused)
    assert worker is not None
    assert worker.queue.stopped_by
    assert studio.workers["fake"].queue.stopped_by is None
    for owner in ("bob", "eve"):
        done = await end(studio, await studio.submit("fake", wish(2), owner=owner))
        assert done.state == "finished"
    world.newest(KEY).failure = None
    await studio.enter_key("ann", "fake", KEY)  # as somebody does who topped the account up
    assert worker.queue.stopped_by is None


async def test_its_limits_are_its_own(world: World) -> None:
    """A full worker of one key lets another key's jobs, and the operator's, go out at once."""
    world.options = {"open_gate": False}
    studio = await world.open()
    await studio.enter_key("ann", "fake", KEY)
    await studio.enter_key("bob", "fake", OTHER)
    jobs = [await studio.submit("fake", wish(n), owner="ann") for n in range(3)]
    await stands(studio, jobs[1], "running")
    assert (await studio.ledger.get(jobs[2].id)).state == "waiting"
    await stands(studio, await studio.submit("fake", wish(5), owner="bob"), "running")
    assert (await end(studio, await studio.submit("fake", wish(6), owner="eve"))).state == (
        "finished"
    )


async def test_the_operators_budget_does_not_count_it(world: World) -> None:
    """Nor is it refused by one; the owner's own sums are told apart."""
    studio = await world.open(budget=Budget(0.03, 0.03, 0.03))
    await studio.enter_key("ann", "fake", KEY)
    jobs = await studio.submit_all("fake", [wish(n) for n in range(4)], owner="ann")
    for job in jobs:
        await end(studio, job)
    world.shared.sandbox, world.shared.paid, world.shared.price_usd = False, True, 0.025
    assert (await end(studio, await studio.submit("fake", wish(9), owner="bob"))).state == (
        "finished"
    )
    [row] = await studio.ledger.spending(days=1)
    assert (row.owner, row.spent) == ("bob", 25_000)
    [own] = await studio.ledger.spending(days=1, owner="ann", own=True)
    assert (own.pictures, own.spent) == (4, 100_000)
    assert await studio.ledger.spending(days=1, owner="bob", own=True) == []


async def test_after_a_restart_it_needs_the_same_key_and_is_charged_once(world: World) -> None:
    """What was accepted says so, another key changes nothing, the same one brings the image."""
    world.options = {"open_gate": False}
    studio = await world.open()
    await studio.enter_key("ann", "fake", KEY)
    jobs = [await studio.submit("fake", wish(n), owner="ann") for n in range(3)]
    await stands(studio, jobs[1], "running")
    await studio.aclose()
    world.options = {}
    again = await world.open()
    for job, state in zip(jobs, ("running", "running", "waiting"), strict=True):
        left = await again.ledger.get(job.id)
        assert (left.state, left.error) == (state, "This needs your key.")
        assert await shown(again, job)
    assert (await again.enter_key("bob", "fake", KEY)).resumed == 0  # not this owner's
    wrong = await again.enter_key("ann", "fake", OTHER)
    assert (wrong.resumed, wrong.others) == (0, 3)
    assert await shown(again, jobs[0])
    right = await again.enter_key("ann", "fake", KEY)
    assert (right.resumed, right.others) == (3, 0)
    ends = [await end(again, job) for job in jobs]
    assert [(one.state, one.charged, one.error) for one in ends] == [("finished", "yes", "")] * 3
    assert (world.sends(), world.sends(OTHER), world.shared.sends) == (3, 0, 0)
    asked = [name for one in world.accounts[KEY] for name in one.resumed]
    assert sorted(asked) == ["request-0", "request-1"]


@pytest.mark.slow
async def test_a_send_without_an_answer_is_looked_up_when_the_key_is_back(world: World) -> None:
    """It is never sent a second time: the one job in that account's list is adopted."""
    studio = await world.open()
    await studio.enter_key("ann", "fake", KEY)
    first = world.newest()
    first.silent = True
    job = await studio.submit("fake", wish(), owner="ann")
    await stands(studio, job, "sending")
    await until(lambda: asyncio.sleep(0, bool(first.sends)))
    await studio.aclose()
    again = await world.open()
    left = await again.ledger.get(job.id)
    assert (left.state, left.charged) == ("sending", "maybe")
    assert await shown(again, job)
    task = asyncio.create_task(again.enter_key("ann", "fake", KEY))
    await until(lambda: asyncio.sleep(0, len(world.accounts[KEY]) == 2))
    world.newest().took = first.took
    await task
    done = await end(again, job)
    assert (done.state, done.request_id, done.charged) == ("finished", "request-7", "yes")
    assert world.sends() == 1


async def test_a_lost_send_to_a_service_without_a_list_is_unknown_at_once(
    world: World, studios: Studios
) -> None:
    """No key could find it, so none is asked for."""

    sent = asyncio.Event()

    class Silent(FakeService):
        async def generate(self, params: Params) -> AsyncIterator[Event]:
            sent.set()
            await asyncio.Event().wait()
            yield Accepted("never")

    def own() -> OwnKeys:
        return OwnKeys(lambda _service, _key: Silent(paid=True), ["fake"])

    studio = await studios.open(FakeService(), own=own())
    entered = await studio.enter_key("ann", "fake", KEY)
    assert "first image" in entered.unsure
    job = await studio.submit("fake", wish(), owner="ann")
    await asyncio.wait_for(sent.wait(), 5)
    await studio.aclose()
    again = await studios.open(FakeService(), own=own())
    left = await again.ledger.get(job.id)
    assert (left.state, left.charged) == ("unknown", "maybe")
    with pytest.raises(NotReadyError):  # neither the sandbox's nor the operator's money
        await again.act(job.id, "again", owner="ann")


async def test_forgetting_ends_what_is_under_way_and_leaves_what_waits(world: World) -> None:
    """The accepted jobs bring their images, the waiting one is not sent, and the key is gone."""
    world.options = {"open_gate": False}
    studio = await world.open()
    await studio.enter_key("ann", "fake", KEY)
    service = world.newest()
    jobs = [await studio.submit("fake", wish(n), owner="ann") for n in range(3)]
    await stands(studio, jobs[1], "running")
    assert await studio.forget_key("ann", "fake") == 2
    assert await shown(studio, jobs[2])
    assert world.mask(KEY) == MASK
    assert not service.shut
    service.gate.set()
    assert [(await end(studio, job)).state for job in jobs[:2]] == ["finished"] * 2
    await until(lambda: asyncio.sleep(0, service.shut))
    assert world.mask(KEY) == KEY
    assert studio.own.all() == []
    assert (await studio.ledger.get(jobs[2].id)).state == "waiting"
    assert service.sends == 2
    theirs = await end(studio, await studio.submit("fake", wish(9), owner="ann"))
    assert theirs.sandbox


async def test_a_key_entered_again_goes_on_with_its_queue(world: World) -> None:
    """While accepted jobs still end with it, entering it again sends what waits, each once."""
    world.options = {"open_gate": False}
    studio = await world.open()
    await studio.enter_key("ann", "fake", KEY)
    service = world.newest()
    jobs = [await studio.submit("fake", wish(n), owner="ann") for n in range(4)]
    await stands(studio, jobs[1], "running")
    await studio.forget_key("ann", "fake")
    assert (await studio.enter_key("ann", "fake", KEY)).resumed == 2
    service.gate.set()
    assert [(await end(studio, job)).state for job in jobs] == ["finished"] * 4
    assert (service.sends, world.sends()) == (4, 4)
    assert not service.shut
    assert world.newest().shut  # the second connection was not needed


async def test_a_pending_job_lets_go_of_a_forgotten_key(world: World) -> None:
    """What is asked for hour after hour does not keep the key: it waits for it."""
    studio = await world.open()
    await studio.enter_key("ann", "fake", KEY)
    service = world.newest()

    class Late(Service):
        async def _deliver(self, params: Params) -> AsyncIterator[Event]:
            yield Running()
            raise RunTimeoutError("It takes long.", charged="yes")

    service.__class__ = Late
    job = await studio.submit("fake", wish(), owner="ann")

    async def pending() -> bool:
        return bool((await studio.ledger.get(job.id)).error)

    await until(pending)
    assert await studio.forget_key("ann", "fake") == 0
    assert await shown(studio, job)
    assert service.shut
    left = await studio.ledger.get(job.id)
    assert (left.state, left.request_id, left.charged) == ("running", "request-7", "yes")
    await studio.enter_key("ann", "fake", KEY)
    assert (await end(studio, job)).state == "finished"
    assert world.sends() == 1


async def test_a_throttled_job_of_a_forgotten_key_is_not_sent_again(world: World) -> None:
    """It was certainly not taken, so it waits for the key like the others."""
    studio = await world.open()
    await studio.enter_key("ann", "fake", KEY)
    service, released = world.newest(), asyncio.Event()

    class Busy(Service):
        async def generate(self, params: Params) -> AsyncIterator[Event]:
            self.sends += 1
            await released.wait()
            raise RateLimitError("It is busy.", retry_after=0)
            yield Running()

    service.__class__ = Busy
    job = await studio.submit("fake", wish(), owner="ann")

    async def sent() -> bool:
        return bool(service.sends)

    await until(sent)
    assert await studio.forget_key("ann", "fake") == 1
    released.set()

    async def aside() -> bool:
        return await shown(studio, job)

    await until(aside)
    assert (await studio.ledger.get(job.id)).state == "waiting"
    assert service.sends == 1


async def test_it_is_forgotten_after_twelve_hours_without_use(world: World) -> None:
    """Use is what counts: a job in between starts the hours anew."""
    studio = await world.open()
    await studio.enter_key("ann", "fake", KEY)
    now = time.monotonic()
    await studio.keyed.forget_unused(now + KEPT_S - 60)
    assert studio.own.of("ann", "fake")
    await studio.keyed.forget_unused(now + KEPT_S + 60)
    assert studio.own.all() == []
    assert world.mask(KEY) == KEY


async def test_a_key_that_is_refused_is_not_kept(world: World) -> None:
    """A sentence at the field; one whose service is out of reach is kept, and said to be unsure."""
    studio = await world.open()
    world.refusal = AuthError("no")
    with pytest.raises(InputError, match="does not accept") as refused:
        await studio.enter_key("ann", "fake", KEY)
    assert KEY not in str(refused.value)
    assert world.newest().shut
    assert (studio.own.all(), world.mask(KEY)) == ([], KEY)
    world.refusal = UnavailableError("Fake cannot be reached.")
    assert "cannot be reached" in (await studio.enter_key("ann", "fake", KEY)).unsure
    assert studio.own.of("ann", "fake")


@pytest.mark.parametrize(
    "key", ["", "short", "two words of a key", "wsk-\n1234567890", "x" * 201, "wsk-ключ-12345678"]
)
async def test_what_cannot_be_a_key_is_never_sent(world: World, key: str) -> None:
    studio = await world.open()
    with pytest.raises(InputError) as refused:
        await studio.enter_key("ann", "fake", key)
    assert refused.value.field == "key"
    assert world.accounts == {}


async def test_a_stranger_and_an_unknown_service_cannot_hold_one(world: World) -> None:
    """Whoever cannot be known again could neither use nor forget it."""
    studio = await world.open()
    with pytest.raises(InputError):
        await studio.enter_key(stranger().owner, "fake", KEY)
    with pytest.raises(InputError):
        await studio.enter_key("ann", "miniature", KEY)
    assert world.accounts == {}


async def test_a_waiting_job_without_its_key_is_cancelled_for_nothing(world: World) -> None:
    """One that was accepted stays: it is paid for."""
    world.options = {"open_gate": False}
    studio = await world.open()
    await studio.enter_key("ann", "fake", KEY)
    jobs = [await studio.submit("fake", wish(n), owner="ann") for n in range(3)]
    await stands(studio, jobs[1], "running")
    await studio.aclose()
    again = await world.open()
    waiting = await again.cancel(jobs[2].id, owner="ann")
    assert (waiting.state, waiting.charged, waiting.error) == ("cancelled", "no", "")
    accepted = await again.cancel(jobs[0].id, owner="ann")
    assert (accepted.state, accepted.charged) == ("running", "yes")
    world.options = {}
    assert (await again.enter_key("ann", "fake", KEY)).resumed == 2
    await end(again, jobs[0])
    assert world.sends() == 2


async def test_a_renewed_token_keeps_the_key(world: World) -> None:
    """Jobs and key go to the new owner together; the old one has neither."""
    world.options = {"open_gate": False}
    studio = await world.open()
    await studio.enter_key("old", "fake", KEY)
    job = await studio.submit("fake", wish(), owner="old")
    await stands(studio, job, "running")
    await studio.hand_over("old", "new")
    assert studio.own.of("old", "fake") is None
    assert studio.own.of("new", "fake")
    world.newest().gate.set()
    async with asyncio.timeout(5):
        assert (await studio.result(job.id, owner="new")).job.state == "finished"


async def test_a_retry_is_paid_for_as_the_first_was(world: World) -> None:
    """A sandbox job never becomes a paid one by a retry, nor the other way round."""
    studio = await world.open()
    world.shared.failure = UnavailableError("down")
    free = await end(studio, await studio.submit("fake", wish(1), owner="ann"))
    world.shared.failure = None
    await studio.enter_key("ann", "fake", KEY)
    again = await studio.act(free.id, "retry", owner="ann")
    assert (again.own_key, again.sandbox) == (None, True)
    world.newest().failure = UnavailableError("down")
    paid = await end(studio, await studio.submit("fake", wish(2), owner="ann"))
    assert paid.state in ("failed", "unknown")
    await studio.forget_key("ann", "fake")
    with pytest.raises(NotReadyError, match="key of your own"):
        await studio.act(paid.id, "retry" if paid.state == "failed" else "again", owner="ann")
    assert (await studio.ledger.get(paid.id)).state == paid.state


async def test_two_keys_of_one_account_do_not_take_each_others_jobs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the list and turns out to be another job of the ledger is no candidate."""
    monkeypatch.setattr("core.jobs.reconcile.LOOKS_S", (0.01, 0.02, 0.02))
    studio = await world.open()
    await studio.enter_key("ann", "fake", KEY)
    await studio.enter_key("bob", "fake", OTHER)
    looks = []

    class Lossy(Service):
        async def generate(self, params: Params) -> AsyncIterator[Event]:
            raise UnavailableError("The answer was lost.", charged="maybe")
            yield Running()

        async def accepted(self, params: Params, since: float) -> tuple[Sequence[Found], float]:
            looks.append(since)
            if len(looks) == 2:  # the answer to bob's send arrives
                await end(studio, await studio.submit("fake", wish(9), owner="bob"))
            return [Found("request-9", time.time())], 1.0

    world.newest(KEY).__class__ = Lossy
    lost = await end(studio, await studio.submit("fake", wish(1), owner="ann"))
    assert (lost.state, lost.request_id, lost.candidates) == ("unknown", None, ())
