"""One rule says what may happen to a job next: over every combination, and in ARCHITECTURE.md."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError, UnavailableError
from core.events import Delivered, Event
from core.jobs.job import ACTIVE, STATES, Job, State
from core.jobs.next_step import FREE_STEPS, Step, next_step
from core.params import Params
from tests.conftest import Studios
from tests.fakes import FakeBackend, FakeText

ROOT = Path(__file__).parents[3]
KNOWN = {
    "nothing": (None, ""),
    "request id": ("r1", ""),
    "address": (None, "https://media.example/1.png"),
    "request id and address": ("r1", "https://media.example/1.png"),
    "set aside": (None, "received/1.bin"),
}
CAN = {
    "resume": "resume",
    "collect": "collect",
    "list": "accepted",
}


def job_sample() -> Job:
    facts: dict[str, Any] = {"n": 1, "id": "j", "owner": "ann", "backend": "fake", "sandbox": False}
    facts |= {"task": "text-to-image", "state": "waiting", "params": {}, "sent": {}, "seed": 7}
    facts |= {"work": 1.0, "price_usd": 0.025, "charged": "no", "request_id": None, "error": ""}
    facts |= {"advice": "", "entry_id": None, "created_at": 0.0, "updated_at": 0.0, "sent_at": None}
    return Job(**facts)


def backend_that(*, paid: bool, can: tuple[str, ...]) -> Any:
    """Return a backend with only these abilities."""

    async def never(self: Any, *_args: Any) -> AsyncIterator[Event]:
        raise AssertionError("next_step asks nobody")
        yield

    kind = type("Able", (FakeBackend,), {CAN[one]: never for one in can})
    return kind(paid=paid)


def combinations() -> list[tuple[Job, str, bool, tuple[str, ...]]]:
    abilities = [c for n in range(4) for c in itertools.combinations(CAN, n)]
    return [
        (that_knows(k, state), k, p, can)
        for state, k, p, can in itertools.product(STATES, KNOWN, (True, False), abilities)
    ]


def that_knows(known: str, state: State) -> Job:
    request_id, outputs = KNOWN[known]
    aside = known == "set aside"
    found = replace(job_sample(), state=state, request_id=request_id, outputs=outputs)
    return replace(found, set_aside=aside)


def from_the_table(job: Job, known: str, paid: bool, can: tuple[str, ...]) -> str:
    """Read the step off the table of ARCHITECTURE.md: the first row that fits."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = text.split("## What may happen to a job next")[1].split("##")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| `(\w+)` \|", table, re.MULTILINE)
    assert len(rows) > 6
    for states, facts, able, step in rows:
        if states != "any" and job.state not in states.replace(",", " ").split():
            continue
        if facts != "any" and known not in facts.split(" / "):
            continue
        free, needed = "free" in able, re.findall(r"`(\w+)`", able)
        if (free and paid) or not all(one in can for one in needed):
            continue
        return step
    raise AssertionError(f"no row for {job.state}, {known}, {paid}, {can}")


def test_the_table_in_the_document_is_the_rule() -> None:
    """Every state, whatever is known, whatever the backend can do."""
    seen: set[Step] = set()
    for job, known, paid, can in combinations():
        step = next_step(job, backend_that(paid=paid, can=can))
        assert step == from_the_table(job, known, paid, can), (job.state, known, paid, can)
        seen.add(step)
    assert seen == {"send", "resume", "collect", "save", "reconcile", "ask"}


def test_nothing_is_sent_that_may_have_been_sent() -> None:
    """A paid job is sent only while it waits and nothing is known of it."""
    for job, known, paid, can in combinations():
        if next_step(job, backend_that(paid=paid, can=can)) != "send":
            continue
        assert job.state in ACTIVE
        assert not paid or (job.state, known) == ("waiting", "nothing")


def test_an_address_that_looks_like_a_file_of_ours_is_none() -> None:
    """A service may name a place as it likes; only what was set aside here is read from disk."""
    lured = replace(job_sample(), state="running", outputs="received/../../secret")
    assert next_step(lured, backend_that(paid=True, can=("collect",))) == "collect"


def test_an_image_in_reach_is_fetched_before_anything_else() -> None:
    """What was paid for and can be had for nothing is never asked about, unless it has ended."""
    for job, _known, paid, can in combinations():
        within = job.set_aside or (job.outputs and "collect" in can)
        if within and job.state not in ("finished", "cancelled"):
            assert next_step(job, backend_that(paid=paid, can=can)) in FREE_STEPS


class Forgetful(FakeBackend):
    """Tells where its image lies and cannot fetch it from there a second time."""

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        self.started.append(params.seed)
        yield Delivered(outputs="https://media.example/1.png")
        raise UnavailableError("The file could not be fetched.", charged="yes")


@pytest.mark.anyio
async def test_a_backend_that_forgot_collect_is_not_sent_to_twice(studios: Studios) -> None:
    """“Fetch again, free” never becomes a second send."""
    backend = Forgetful(paid=True)
    studio = await studios.open(backend)
    job = await studio.submit("fake", FakeText(prompt="a", seed=7), owner="ann")
    end = await studio.result(job.id, owner="ann")
    assert (end.job.state, end.job.charged, end.job.outputs != "") == ("failed", "yes", True)
    with pytest.raises(InputError, match="only once"):
        await studio.act(job.id, "fetch", owner="ann")
    await studio.aclose()
    # Nor by a restart in the midst of it.
    await studio.ledger.change(job.id, "running", among=["failed"])
    again = await studios.open(backend)
    end = await again.result(job.id, owner="ann")
    assert (end.job.state, end.job.charged) == ("failed", "yes")
    assert backend.started == [7]
    await again.aclose()
