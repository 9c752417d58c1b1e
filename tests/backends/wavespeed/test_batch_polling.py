"""With many jobs under way one request asks for all of them; with few, each is asked for alone."""

from __future__ import annotations

import asyncio
import os
import time

import httpx
import pytest

from core.errors import RunTimeoutError
from core.events import Finished
from sandbox import Options, create_app
from tests.backends.services import events, params_of, prediction, wavespeed

pytestmark = pytest.mark.anyio


async def made(jobs: int, fault: str = "", latency: float = 0.5) -> tuple[dict[str, int], float]:
    """Make jobs of so many seconds at once; return the service's counters and the seconds."""
    app = create_app(Options(latency=latency, picture="fixed"))
    backend = wavespeed(httpx.ASGITransport(app=app))
    backend._fixed = 0.1
    prompt = f"fault:{fault}|hills" if fault else "hills"
    wish = params_of(backend, "text-to-image", prompt=prompt, width=256, height=256)
    begun = time.monotonic()
    ends = await asyncio.gather(*(events(backend.generate(wish)) for _ in range(jobs)))
    took = time.monotonic() - begun
    assert all(isinstance(found[-1], Finished) for found in ends)
    await backend.aclose()
    return app.state.sandbox.stats(), took


@pytest.mark.slow
async def test_many_jobs_share_their_questions() -> None:
    """Forty jobs need a handful of requests, and are not held up by the limit on requests."""
    stats, took = await made(40)
    assert stats["polls"] == 0
    assert stats["lists"] <= 12
    assert took < 6


@pytest.mark.slow
async def test_few_jobs_are_asked_for_one_by_one() -> None:
    """Nothing is listed for three jobs."""
    stats, _ = await made(3)
    assert stats["lists"] == 0
    assert stats["polls"] >= 3


@pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="waits for a list; .ci/run sets EVERY_TEST"
)
@pytest.mark.parametrize("fault", ["list_500*forever", "list_empty*forever", "list_html*forever"])
async def test_a_list_that_does_not_tell_costs_no_picture(fault: str) -> None:
    """Every job is then asked for by itself."""
    stats, _ = await made(8, fault)
    assert stats["polls"] >= 8


@pytest.mark.slow
async def test_many_jobs_whose_list_fails_are_not_held_up() -> None:
    """Forty jobs of two seconds: at five polls a second the last would be asked about after six."""
    stats, took = await made(40, "list_500*forever", latency=2.0)
    assert took < 6
    assert stats["polls"] <= 40 * 6


async def test_every_job_that_is_followed_opens_the_limiter_while_it_lasts() -> None:
    """Resumed jobs, of which nobody knows when they were accepted, count like new ones."""
    backend = wavespeed(None)
    batch = backend._batch
    with batch.under_way("a", time.monotonic()), batch.under_way("b", None):
        assert batch.limiter.jobs == 2
    assert batch.limiter.jobs == 0
    await backend.aclose()


@pytest.mark.slow
async def test_a_list_that_answers_429_closes_the_limiter_for_all() -> None:
    """Nobody asks before the service's Retry-After, neither the list nor a job by itself."""
    polls: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/predictions"):
            return httpx.Response(429, headers={"Retry-After": "30"}, json={"code": 429})
        if request.method == "POST":
            return prediction("created", id=os.urandom(4).hex())
        polls.append(time.monotonic())
        return prediction("processing")

    backend = wavespeed(httpx.MockTransport(answer), deadline_s=1.0)
    wish = params_of(backend, "text-to-image")
    ends = await asyncio.gather(
        *(events(backend.generate(wish)) for _ in range(8)), return_exceptions=True
    )
    assert all(isinstance(end, RunTimeoutError) for end in ends)
    assert backend._batch.limiter.held
    assert not polls
    await backend.aclose()
