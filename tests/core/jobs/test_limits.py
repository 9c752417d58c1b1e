"""What one caller may ask for: exactly the limits, counted from the ledger, however quick."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from backends import Settings
from core.caller import Caller, stranger
from core.errors import (
    BlockedError,
    InputError,
    NotReadyError,
    OverBudgetError,
    OverLimitError,
    PlaygroundError,
)
from core.exposure import Exposure
from core.jobs.budget import Budget
from core.jobs.consent import Consent
from core.jobs.job import Job
from core.jobs.limits import Counts, Limits, Policy, counted_as, limits_for
from core.money import amount
from core.own_keys import OwnKeys
from core.studio import Studio
from tests.conftest import Studios
from tests.fakes import FakeBackend, FakeService, FakeText

pytestmark = pytest.mark.anyio
OPEN = Exposure(loopback=False)
NOON = 1_750_000_000.0 - 1_750_000_000.0 % 86_400 + 43_200


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)


def public(**limits: Any) -> Policy:
    """The policy of a public instance with a budget and these limits."""
    given = {f"srpo_limit_{name}": value for name, value in limits.items()}
    return Policy.of(settings(srpo_budget_day_usd=100, **given), OPEN)


def wish(seed: int = 7) -> FakeText:
    return FakeText(prompt="hills", seed=seed)


async def crowd(studio: Studio, callers: Sequence[Caller]) -> tuple[list[Job], list[str]]:
    """Let all of them ask at once; return the jobs that were taken, and what the others heard."""
    asked = [
        studio.submit("fake", wish(n), owner=caller.owner, address=caller.address)
        for n, caller in enumerate(callers)
    ]
    ends = await asyncio.gather(*asked, return_exceptions=True)
    refused = [one for one in ends if isinstance(one, BaseException)]
    assert all(isinstance(one, OverLimitError) for one in refused), refused
    return [one for one in ends if isinstance(one, Job)], [str(one) for one in refused]


def test_a_public_instance_has_limits_and_others_have_none() -> None:
    """What is set holds everywhere; without a setting only the images of a click are limited."""
    assert limits_for(settings(), public=True) == Limits(
        8, 20, 3, 30, 60, locked=True, images_per_set=8
    )
    assert limits_for(settings(), public=False) == Limits(100)
    assert limits_for(settings(srpo_limit_waiting=5), public=False) == Limits(100, 5)
    assert limits_for(settings(srpo_limit_waiting=5), public=True).waiting == 5


@pytest.mark.parametrize(
    ("given", "locked"),
    [
        ({}, True),
        ({"srpo_budget_owner_day_usd": 1}, True),
        ({"srpo_budget_day_usd": 0}, False),
        ({"srpo_budget_day_usd": 5}, False),
        ({"srpo_public_spending": True}, False),
    ],
)
def test_paid_backends_are_locked_without_a_budget(given: dict[str, Any], locked: bool) -> None:
    """Only a budget for everybody, or a word of the operator, opens them to strangers."""
    limits = limits_for(settings(**given), public=True)
    assert limits.locked is locked
    assert not limits_for(settings(**given), public=False).locked


async def test_a_locked_backend_takes_nothing_and_the_rest_goes_on(studios: Studios) -> None:
    """Nothing is written down or sent; free backends work, and accepted jobs are carried on."""
    paid = FakeService(paid=True)
    before = await studios.open(paid)
    paid.gate.clear()
    accepted = await before.submit("fake", wish(), owner="browser:a")
    while not (await before.ledger.get(accepted.id)).request_id:
        await asyncio.sleep(0.005)
    await before.aclose()
    paid.gate.set()
    free = FakeBackend()
    free.id = "free"
    studio = await studios.open(paid, free, policy=Policy.of(settings(), OPEN))
    for owner in ("browser:a", "local", stranger().owner):
        with pytest.raises(NotReadyError, match="Fake is closed to visitors"):
            await studio.submit("fake", wish(8), owner=owner, address="203.0.113.9")
    assert (await studio.result(accepted.id, owner="browser:a")).job.state == "finished"
    job = await studio.submit("free", wish(), owner="browser:a")
    assert (await studio.result(job.id, owner="browser:a")).job.state == "finished"
    assert (paid.sends, len(await studio.ledger.list())) == (1, 2)


async def test_a_key_of_ones_own_opens_what_is_locked_and_is_not_counted(studios: Studios) -> None:
    """Who pays is asked for no budget and no paid images an hour; the limit of waiting holds."""
    services = [FakeService(paid=True), FakeService(paid=True)]
    own = OwnKeys(lambda _service, _key: services[1], ["fake"])
    policy = Policy.of(settings(srpo_limit_paid_per_owner_hour=1, srpo_limit_waiting=4), OPEN)
    studio = await studios.open(services[0], own=own, policy=policy)
    await studio.enter_key("browser:a", "fake", "a-key-of-my-own")
    ann, bob = Caller("browser:a", "203.0.113.1"), Caller("browser:b", "203.0.113.1")
    assert (set(studio.closed_to(ann)), set(studio.closed_to(bob))) == (set(), {"fake"})
    for seed in range(3):
        job = await studio.submit("fake", wish(seed), owner=ann.owner, address=ann.address)
        await studio.result(job.id, owner=ann.owner)
    with pytest.raises(NotReadyError, match="closed to visitors"):
        await studio.submit("fake", wish(), owner=bob.owner, address=bob.address)
    assert [one.sends for one in services] == [0, 3]
    with pytest.raises(OverLimitError, match="can have 4 images waiting"):
        await studio.submit_all("fake", [wish(n) for n in range(5)], owner=ann.owner)


def test_who_signed_in_and_this_machine_are_not_limited_on_a_private_instance() -> None:
    """But whoever came through a proxy that no setting speaks of is limited as a stranger is."""
    alone = Policy.of(settings(), Exposure())
    assert alone.limits(Caller("local")).waiting is None
    assert alone.limits(Caller("browser:a")).waiting == 20
    team = Policy.of(settings(srpo_auth="ann:one"), Exposure(loopback=False, sign_in=True))
    assert not team.limits(Caller("user:ann")).locked
    assert public().limits(Caller("local")).waiting == 20


@pytest.mark.slow
async def test_simultaneous_submits_get_exactly_the_hours_limit(studios: Studios) -> None:
    """Of one owner at many addresses, then of one address with many owners."""
    service = FakeService(paid=True)
    policy = public(paid_per_owner_hour=5, paid_per_address_hour=9, waiting=100)
    studio = await studios.open(service, policy=policy)
    one = [Caller("browser:a", f"203.0.113.{n}") for n in range(30)]
    jobs, said = await crowd(studio, one)
    assert (len(jobs), len(said)) == (5, 25)
    assert all(line.startswith("You can ask for 5 paid images an hour here; ") for line in said)
    many = [Caller(f"browser:{n}", "198.51.100.7") for n in range(30)]
    more, said = await crowd(studio, many)
    assert (len(more), len(said)) == (9, 21)
    assert all("Your network address can ask for 9 paid images" in line for line in said)
    for job in [*jobs, *more]:
        await studio.result(job.id, owner=job.owner)
    assert service.sends == 14


@pytest.mark.slow
async def test_simultaneous_strangers_share_their_addresses_places(studios: Studios) -> None:
    """Each request is a new owner, so that the address is counted; a customer of IPv6 is one."""
    service = FakeService(paid=True, open_gate=False)
    service.max_concurrency = 0  # everything waits
    studio = await studios.open(service, policy=public())
    addresses = ["203.0.113.1", "203.0.113.2", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9"]
    callers = [stranger(address) for address in addresses for _ in range(10)]
    jobs, said = await crowd(studio, callers)
    assert (len(jobs), len(said)) == (9, 31)
    assert "each network address can have 3 images waiting here, and 3 wait now" in said[0]
    browser, said = await crowd(studio, [Caller("browser:a", "203.0.113.1")] * 30)
    assert (len(browser), len(said)) == (20, 10)
    await studio.cancel(jobs[0].id, owner=jobs[0].owner)
    assert len((await crowd(studio, callers))[0]) == 1
    await studio.aclose()


async def test_a_restart_resets_nothing_and_an_hour_frees(studios: Studios) -> None:
    """Limits are counted from the ledger; what is older than an hour no longer counts."""
    service = FakeService(paid=True)
    policy = public(paid_per_owner_hour=3)
    studio = await studios.open(service, policy=policy)
    ann = Caller("browser:a", "203.0.113.1")
    jobs, _ = await crowd(studio, [ann] * 4)
    for job in jobs:
        await studio.result(job.id, owner=ann.owner)
    await studio.aclose()
    studio = await studios.open(service, policy=policy)
    assert len((await crowd(studio, [ann]))[0]) == 0
    hour = text("UPDATE jobs SET created_at = created_at - 3600 WHERE n = 1")
    await studio.ledger.database.run(lambda db: db.execute(hour))
    assert len((await crowd(studio, [ann] * 3))[0]) == 1


async def test_what_costs_nothing_is_not_counted(studios: Studios) -> None:
    """A refused prompt, a cancelled job, a free backend, and an image that its own key pays."""
    service, free = FakeService(paid=True), FakeBackend()
    free.id = "free"
    studio = await studios.open(service, free, policy=public(paid_per_owner_hour=1))
    ann = Caller("browser:a", "203.0.113.1")
    service.gate.clear()
    service.failure = BlockedError("No.")
    job = await studio.submit("fake", wish(), owner=ann.owner, address=ann.address)
    await studio.result(job.id, owner=ann.owner)
    service.failure = None
    service.gate.set()
    for seed in range(3):
        job = await studio.submit("free", wish(seed), owner=ann.owner, address=ann.address)
        await studio.result(job.id, owner=ann.owner)
    jobs, said = await crowd(studio, [ann] * 2)
    assert (len(jobs), len(said)) == (1, 1)
    own = text("UPDATE jobs SET own_key = 'f' WHERE id = :id")
    await studio.ledger.database.run(lambda db: db.execute(own, {"id": jobs[0].id}))
    assert len((await crowd(studio, [ann]))[0]) == 1


async def test_a_price_of_nothing_frees_no_service_from_the_limit(studios: Studios) -> None:
    """A service that costs money is counted even where its price is not known."""
    service = FakeService(paid=True)
    service.price_usd = 0.0
    studio = await studios.open(service, policy=public(paid_per_owner_hour=2))
    assert len((await crowd(studio, [Caller("browser:a", "203.0.113.1")] * 5))[0]) == 2


async def test_the_address_is_never_written_down(studios: Studios) -> None:
    """A keyed digest is, and only where a limit goes by it."""
    studio = await studios.open(FakeService(paid=True), policy=public())
    job = await studio.submit("fake", wish(), owner="browser:a", address="203.0.113.77")
    await studio.result(job.id, owner="browser:a")
    look = text("SELECT address FROM jobs")
    (kept,) = await studio.ledger.database.run(lambda db: db.execute(look).scalars().all())
    assert len(kept) == 32
    await studio.aclose()
    await studios.databases.pop().aclose()
    written = [path.read_bytes() for path in studios.folder.rglob("*") if path.is_file()]
    assert not any(b"203.0.113.77" in data for data in written)
    alone = await studios.open(FakeService(paid=True))
    job = await alone.submit("fake", wish(8), owner="local", address="203.0.113.77")
    newest = text("SELECT address FROM jobs ORDER BY n DESC LIMIT 1")
    assert await alone.ledger.database.run(lambda db: db.execute(newest).scalar()) is None


def test_a_refusal_says_when_the_limit_frees() -> None:
    """The time is the one at which it really is free again, to the minute."""
    limits = Limits(paid_per_owner_hour=3)
    times = [NOON - 3000, NOON - 2000, NOON - 1000]

    def said(images: int, now: float) -> str:
        with pytest.raises(OverLimitError) as caught:
            recent = [at for at in times if at > now - 3600]
            limits.check(images, Counts(0, recent), now, paid=images, stranger=False)
        return str(caught.value)

    assert said(1, NOON) == (
        "You can ask for 3 paid images an hour here; the next is possible at 12:10 (UTC), in 10 "
        "minutes. Nothing was sent."
    )
    assert "the next 2 are possible at 12:27 (UTC), in 27 minutes" in said(2, NOON)
    assert said(4, NOON) == (
        "You can ask for 3 paid images an hour here, and this click asks for 4. Nothing was sent."
    )
    assert "in 1 minute." in said(1, NOON + 599)
    left = [at for at in times if at > NOON + 600 - 3600]
    limits.check(1, Counts(0, left), NOON + 600, paid=1, stranger=False)
    limits.check(1, Counts(0, times), NOON, paid=0, stranger=False)


@pytest.mark.parametrize(
    "value",
    [0, -1, 9, 10**6, 10**400, 1.5, math.nan, math.inf, -math.inf, True, "3", "", [3], {"n": 3}],
)
def test_a_click_makes_as_many_images_as_are_allowed(value: Any) -> None:
    """Whatever a browser sends as their number is a whole number from 1 to 8, or a sentence."""
    limits = Limits(8)
    assert [limits.images(good) for good in (1, 8, 2.0, None)] == [1, 8, 2, 1]
    with pytest.raises(InputError, match="One click makes 1 to 8 images"):
        limits.images(value)


async def test_the_studio_itself_refuses_too_many_images(studios: Studios) -> None:
    """Not only the page counts them; the hard limit holds on a private instance too."""
    studio = await studios.open(FakeBackend())
    with pytest.raises(InputError, match="1 to 100 images"):
        await studio.submit_all("fake", [wish(n) for n in range(101)], owner="local")
    assert await studio.ledger.list() == []


@pytest.mark.parametrize(
    ("consent", "error"),
    [
        (Consent(agreed_usd=0.024), InputError),
        (Consent(agreed_usd=0.05), InputError),
        (Consent(agreed_usd=0.0), InputError),
        (Consent(most_usd=0.0249), OverBudgetError),
        (Consent(agreed_usd=0.025), None),
        (Consent(most_usd=0.025), None),
        (Consent(), None),
    ],
)
async def test_only_the_price_that_was_agreed_to_is_paid(
    studios: Studios, consent: Consent, error: type[PlaygroundError] | None
) -> None:
    """A person agrees to exactly one price, a program to a highest one."""
    service = FakeService(paid=True)
    studio = await studios.open(service)
    if error:
        with pytest.raises(error, match=r"\$0\.025"):
            await studio.submit("fake", wish(), owner="local", consent=consent)
        assert (service.sends, await studio.ledger.list()) == (0, [])
    else:
        job = await studio.submit("fake", wish(), owner="local", consent=consent)
        assert (await studio.result(job.id, owner="local")).job.charged == "yes"


async def test_an_unknown_price_is_not_below_any_limit(studios: Studios) -> None:
    """Whoever names a highest price is not sent to a service whose price is not known."""
    service = FakeService(paid=True)
    service.price_usd = None
    studio = await studios.open(service)
    with pytest.raises(OverBudgetError, match="it is not known what this costs"):
        await studio.submit("fake", wish(), owner="local", consent=Consent(most_usd=9))
    free = await studios.open(FakeBackend())
    await free.submit("fake", wish(), owner="local", consent=Consent(most_usd=0))


async def test_a_budget_refuses_a_service_without_a_price(studios: Studios) -> None:
    """No limit in dollars could be kept with it; without a budget it is asked about and sent."""
    service = FakeService(paid=True)
    service.price_usd = None
    for budget in (Budget(day_usd=9), Budget(owner_day_usd=9), Budget(batch_usd=9)):
        studio = await studios.open(service, budget=budget)
        with pytest.raises(OverBudgetError, match="price of Fake is not set"):
            await studio.submit("fake", wish(), owner="local")
    assert service.sends == 0
    studio = await studios.open(service)
    with pytest.raises(InputError, match="has a price that is not set now"):
        await studio.submit("fake", wish(), owner="local", consent=Consent(agreed_usd=0.0))
    agreed = Consent(agreed_usd=0.0, unknown=True)
    job = await studio.submit("fake", wish(), owner="local", consent=agreed)
    end = await studio.result(job.id, owner="local")
    assert (end.job.charged, end.job.price_usd) == ("yes", None)
    assert end.entry and end.entry.price_usd is None  # and not "free"
    service.price_usd = 0.0  # what was agreed to as unknown is not agreed to as free
    with pytest.raises(InputError, match="is free now"):
        await studio.submit("fake", wish(), owner="local", consent=agreed)


async def test_a_click_that_was_taken_is_the_same_jobs_at_any_price(studios: Studios) -> None:
    """Said once more after the price changed, it is no new click and needs no new consent."""
    service = FakeService(paid=True)
    studio = await studios.open(service)
    asked = {"owner": "local", "click": "c", "consent": Consent(agreed_usd=0.025)}
    job = await studio.submit("fake", wish(), **asked)
    service.price_usd = 0.05
    assert (await studio.submit("fake", wish(), **asked)).id == job.id
    with pytest.raises(InputError, match=r"costs \$0\.05 now"):
        await studio.submit("fake", wish(), **asked | {"click": "d"})


async def test_only_who_runs_the_place_hears_what_everybody_spent(studios: Studios) -> None:
    """A refusal by the day's budget tells the sum to admins alone."""
    policy = Policy.of(settings(srpo_budget_day_usd=0.03, srpo_admins="ann"), OPEN)
    studio = await studios.open(FakeService(paid=True), policy=policy, budget=Budget(0.03))
    job = await studio.submit("fake", wish(), owner="local")
    await studio.result(job.id, owner="local")
    said = {}
    for owner in ("local", "user:ann", "user:bob", "browser:ann"):
        with pytest.raises(OverBudgetError) as caught:
            await studio.submit("fake", wish(8), owner=owner, address="203.0.113.1")
        said[owner] = "of which $0.025 is spent" in str(caught.value)
    assert said == {"local": True, "user:ann": True, "user:bob": False, "browser:ann": False}


@pytest.mark.parametrize("value", [-0.01, math.nan, math.inf, 10**400, "1", True, [1]])
def test_an_amount_is_a_number_of_dollars(value: Any) -> None:
    """Anything else is refused with a sentence at its field."""
    assert [amount(good, "x") for good in (None, 0, 0.5)] == [None, 0.0, 0.5]
    with pytest.raises(InputError, match="must be a number") as caught:
        amount(value, "max_price_usd")
    assert caught.value.field == "max_price_usd"


def test_an_address_is_counted_as_what_one_customer_has() -> None:
    """One of IPv4, and of IPv6 the network of 64 bits."""
    assert counted_as("203.0.113.9") == counted_as("::ffff:203.0.113.9") == "203.0.113.9"
    assert counted_as("2001:db8::1") == counted_as("2001:db8::ffff:1") != counted_as("2001:db9::1")
    assert counted_as("fe80::1%eth0") == "fe80::"
    assert counted_as("") == ""
