"""The rate limiter of polls, on a clock that the test winds, against services that refuse."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from dataclasses import dataclass, field

import pytest

from backends.remote.rate_limit import RateLimiter

pytestmark = pytest.mark.anyio


@dataclass(slots=True)
class Clock:
    """Passes only while somebody sleeps."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass(slots=True)
class Service:
    """Answers at once, and refuses what comes beyond `most` requests in one second."""

    clock: Clock
    most: int | None = None
    retry_after: float | None = None
    taken: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def answer(self) -> int:
        now = self.clock()
        begin = bisect_left(self.taken, now - 1.0 + 1e-9)
        if self.most is None or len(self.taken) - begin < self.most:
            self.taken.append(now)
            return 200
        self.refused.append(now)
        return 429

    def within(self, begin: float, end: float) -> int:
        both = (self.taken, self.refused)
        return sum(bisect_left(one, end) - bisect_left(one, begin) for one in both)


def made(jobs: int) -> tuple[RateLimiter, Clock]:
    clock = Clock()
    return RateLimiter(now=clock, sleep=clock.sleep, jobs=jobs), clock


async def crowd(limiter: RateLimiter, clock: Clock, service: Service, seconds: float) -> None:
    """Ask as fast as the limiter allows for so many seconds."""
    end = clock() + seconds
    while clock() < end:
        await limiter.take()
        asked = clock()
        status = service.answer()
        limiter.heard(status, asked, service.retry_after if status == 429 else None)


async def test_it_opens_while_nothing_is_refused() -> None:
    """Sixty jobs are all asked about within two seconds, and from then on every second."""
    limiter, clock = made(jobs=60)
    service = Service(clock)
    await crowd(limiter, clock, service, 10.0)
    assert service.within(100.0, 102.0) >= 60
    assert service.within(105.0, 106.0) >= 58


@pytest.mark.parametrize("jobs", [1, 5, 6, 60, 500])
async def test_it_never_asks_more_often_than_the_services_own_client(jobs: int) -> None:
    """That client asks once a second for each job; a few jobs share what was always allowed."""
    limiter, clock = made(jobs)
    service = Service(clock)
    await crowd(limiter, clock, service, 20.0)
    at_once, rate = max(10, jobs), max(5, jobs)
    for begin in range(0, len(service.taken), 7):
        for seconds in (0.1, 1.0, 5.0):
            start = service.taken[begin]
            assert service.within(start, start + seconds) <= at_once + rate * seconds + 1


async def test_few_jobs_get_ten_at_once_and_then_five_a_second() -> None:
    """However long nothing is refused: what a few jobs ask does not grow."""
    limiter, clock = made(jobs=3)
    service = Service(clock)
    await crowd(limiter, clock, service, 20.0)
    assert service.within(100.0, 100.01) == 10
    assert len(service.taken) == pytest.approx(10 + 5 * 20, abs=2)


async def test_what_many_jobs_opened_is_closed_again_when_they_are_done() -> None:
    """The rate of sixty jobs is not the rate of the three that are left."""
    limiter, clock = made(jobs=60)
    await crowd(limiter, clock, Service(clock), 10.0)
    limiter.jobs = 3
    service = Service(clock)
    await crowd(limiter, clock, service, 10.0)
    assert len(service.taken) <= 10 + 5 * 10 + 1


async def test_a_429_halves_the_rate_and_what_was_saved_up_is_lost() -> None:
    """After a refusal there is no burst, and half as many requests in the next second."""
    limiter, clock = made(jobs=60)
    await crowd(limiter, clock, Service(clock), 10.0)
    await clock.sleep(5.0)
    await limiter.take()
    limiter.heard(429, clock())
    service = Service(clock)
    await crowd(limiter, clock, service, 1.0)
    assert len(service.taken) == pytest.approx(30, abs=2)


async def test_requests_that_were_refused_together_close_it_once() -> None:
    """Sixty 429s to requests that were under way at the same time are one message."""
    limiter, clock = made(jobs=60)
    await crowd(limiter, clock, Service(clock), 10.0)
    asked = clock()
    await clock.sleep(0.2)
    for _ in range(60):
        limiter.heard(429, asked)
    service = Service(clock)
    await crowd(limiter, clock, service, 1.0)
    assert len(service.taken) == pytest.approx(30, abs=2)


async def test_it_settles_below_what_a_service_allows() -> None:
    """A service that takes twenty a second refuses few requests in a hundred, and is well used."""
    limiter, clock = made(jobs=60)
    service = Service(clock, most=20)
    await crowd(limiter, clock, service, 10.0)
    service.taken.clear()
    service.refused.clear()
    await crowd(limiter, clock, service, 120.0)
    assert len(service.refused) <= 0.02 * len(service.taken)
    assert len(service.taken) >= 0.65 * 20 * 120


async def test_it_recovers_when_the_service_does() -> None:
    """A minute after the last refusal it is as open as before."""
    limiter, clock = made(jobs=60)
    await crowd(limiter, clock, Service(clock, most=2), 30.0)
    narrow = Service(clock, most=2)
    await crowd(limiter, clock, narrow, 10.0)
    assert len(narrow.taken + narrow.refused) <= 3 * 10
    await crowd(limiter, clock, Service(clock), 60.0)
    open_again = Service(clock)
    await crowd(limiter, clock, open_again, 1.0)
    assert len(open_again.taken) >= 55


async def test_a_service_that_refuses_everything_is_asked_every_two_seconds() -> None:
    """That is what its documentation advises, and it is not given up."""
    limiter, clock = made(jobs=60)
    service = Service(clock, most=0)
    await crowd(limiter, clock, service, 20.0)
    service.refused.clear()
    await crowd(limiter, clock, service, 60.0)
    assert len(service.refused) == pytest.approx(30, abs=2)


@pytest.mark.parametrize(("told", "waited"), [(7.0, 7.0), (0.0, 0.0), (86_400.0, 60.0)])
async def test_nobody_asks_before_the_service_said_so(told: float, waited: float) -> None:
    """Retry-After holds every job, up to a minute, and no burst follows."""
    limiter, clock = made(jobs=60)
    await limiter.take()
    limiter.heard(429, clock(), told)
    begun = clock()
    assert limiter.held == (waited > 0)
    service = Service(clock)
    await crowd(limiter, clock, service, waited + 1.0)
    assert begun + waited <= service.taken[0] <= begun + waited + 0.5
    assert not limiter.held
    assert service.within(begun, begun + waited + 1.0) <= 5


@pytest.mark.parametrize("status", [401, 404, 500, 503])
async def test_other_failures_neither_open_nor_close_it(status: int) -> None:
    """An error says nothing about how often one may ask."""
    limiter, clock = made(jobs=60)
    for _ in range(100):
        limiter.heard(status, clock())
    await limiter.take()
    asked = [clock()]
    for _ in range(29):
        await limiter.take()
        asked.append(clock())
    assert asked[9] == 100.0
    assert asked[-1] == pytest.approx(100.0 + 20 / 5)


@pytest.mark.slow
async def test_turns_are_given_in_order_and_no_later_than_a_deadline() -> None:
    """Who would wait past a deadline is told, and takes nobody's turn."""
    limiter = RateLimiter()
    for _ in range(10):
        await limiter.take()
    order: list[int] = []

    async def one(number: int) -> None:
        await limiter.take()
        order.append(number)

    with pytest.raises(TimeoutError):
        await limiter.take(limiter.now())
    await asyncio.gather(*(one(number) for number in range(3)))
    assert order == [0, 1, 2]


async def test_a_turn_that_is_free_is_given_at_the_deadline_too() -> None:
    """The last look at a job happens at its deadline."""
    limiter = RateLimiter()
    await limiter.take(limiter.now() - 1.0)
