"""With many jobs under way one request asks for all of them; with few, each is asked for alone."""

from __future__ import annotations

import asyncio
import os
import time

import httpx
import pytest

from core.events import Finished
from sandbox import Options, create_app
from tests.backends.services import events, params_of, wavespeed

pytestmark = pytest.mark.anyio


async def made(jobs: int, fault: str = "") -> tuple[dict[str, int], float]:
    """Make jobs of half a second at once; return the service's counters and the seconds."""
    app = create_app(Options(latency=0.5, picture="fixed"))
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
