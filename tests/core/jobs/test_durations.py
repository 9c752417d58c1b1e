"""How long a job will take is learned from its like."""

from __future__ import annotations

import pytest

from tests.conftest import Studios
from tests.fakes import FakeBackend, FakeService, FakeText

pytestmark = pytest.mark.anyio


class Sandboxed(FakeBackend):
    """The stand-in of a service, under the service's own name."""

    sandbox = True


async def test_what_the_sandbox_needed_says_nothing_about_the_service(studios: Studios) -> None:
    """A key is set, the program starts again: the first job promises no time of the sandbox."""
    first = await studios.open(Sandboxed())
    for seed in range(3):
        job = await first.submit("fake", FakeText(prompt="hills", seed=seed), owner="ann")
        await first.result(job.id, owner="ann")
    assert len(await first.ledger.durations(job)) == 3
    await first.aclose()

    service = FakeService(paid=True, open_gate=False)
    studio = await studios.open(service, beat_s=0.01)
    job = await studio.submit("fake", FakeText(prompt="hills", seed=9), owner="ann")
    async for [progress] in studio.watch([job.id], owner="ann"):
        assert progress.estimate_s is None
        if progress.job.state == "running":
            service.gate.set()
