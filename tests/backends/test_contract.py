"""The contract: what every backend does for every task on good days and on each kind of bad one.

A new backend gets all of this by adding one stub to `tests/backends/stubs.py`.
"""

from __future__ import annotations

import io
import json
from contextlib import aclosing
from typing import Any, get_args

import pytest
from PIL import Image

from core.backend import Resumable
from core.controls import controls
from core.errors import (
    AuthError,
    BackendError,
    BadResponseError,
    BlockedError,
    OutOfCreditError,
    RateLimitError,
    RejectedError,
    UnavailableError,
)
from core.events import Accepted, Finished, Preview, Queued, Running
from core.params import TASKS
from tests.backends.services import ANSWER, KEY, events, given, params_of
from tests.backends.stubs import STUBS, Fault, Stub

pytestmark = pytest.mark.anyio

EXPECTED: dict[Fault, tuple[type[BackendError], str]] = {
    "wrong key": (AuthError, "no"),
    "no credit": (OutOfCreditError, "no"),
    "blocked": (BlockedError, "no"),
    "bad parameter": (RejectedError, "no"),
    "rate limit": (RateLimitError, "no"),
    "down": (UnavailableError, "maybe"),
    "html": (UnavailableError, "maybe"),
    "garbage": (BadResponseError, "maybe"),
    "lost answer": (UnavailableError, "maybe"),
    "slow answer": (UnavailableError, "maybe"),
    "never reached": (UnavailableError, "no"),
}
CASES = [
    pytest.param(stub, task, id=f"{stub.name}-{task}")
    for stub in STUBS
    for task in TASKS
    if task in stub.build(stub.service().transport).tasks
]


@pytest.mark.parametrize(("stub", "task"), CASES)
async def test_events_come_in_order_and_end_with_one_picture(stub: Stub, task: Any) -> None:
    """Accepted before any progress where jobs can be resumed; exactly one Finished, the last."""
    backend = stub.build(stub.service().transport)
    found = await events(backend.generate(params_of(backend, task)))
    assert isinstance(found[-1], Finished)
    assert found[-1].image == ANSWER
    assert sum(isinstance(event, Finished) for event in found) == 1
    assert all(isinstance(event, Queued | Accepted | Running | Preview) for event in found[:-1])
    accepted = [number for number, event in enumerate(found) if isinstance(event, Accepted)]
    assert accepted == ([0] if isinstance(backend, Resumable) else [])


@pytest.mark.parametrize("fault", get_args(Fault))
@pytest.mark.parametrize(("stub", "task"), CASES)
async def test_each_bad_day_is_told_apart(stub: Stub, task: Any, fault: Fault) -> None:
    """The right error, a sentence and advice, the truth about money, and one costly request."""
    service = stub.service(fault)
    backend = stub.build(service.transport)
    with pytest.raises(BackendError) as caught:
        await events(backend.generate(params_of(backend, task)))
    kind, charged = EXPECTED[fault]
    error = caught.value
    assert type(error) is kind
    assert error.charged == charged
    assert str(error).strip() and error.advice.strip()
    told = f"{error} {error.advice} {error!r} {error.args}"
    assert not any(trace in told for trace in ("<", ">", KEY, "alert(1)", "nginx", "Traceback"))
    assert len(service.posts) == 1


@pytest.mark.parametrize(("stub", "task"), CASES)
async def test_closing_the_stream_stops_the_work(stub: Stub, task: Any) -> None:
    """After the first event nothing more is asked of the service."""
    service = stub.service()
    backend = stub.build(service.transport)
    async with aclosing(backend.generate(params_of(backend, task))) as stream:
        await anext(stream)
    asked = len(service.requests)
    assert asked <= 1
    await backend.aclose()
    assert len(service.requests) == asked


@pytest.mark.parametrize(("stub", "task"), CASES)
def test_what_is_sent_can_be_shown(stub: Stub, task: Any) -> None:
    """The record of the request is JSON, with neither the key nor the picture's bytes."""
    backend = stub.build(stub.service().transport)
    shown = json.dumps(backend.sent(params_of(backend, task)))
    assert KEY not in shown
    assert len(shown) < 2_000
    assert ("sha256" in shown) == (task == "image-to-image")


@pytest.mark.parametrize(("stub", "task"), CASES)
def test_the_form_follows_the_params(stub: Stub, task: Any) -> None:
    """Every field has a control with a label; the defaults alone make a legal request."""
    backend = stub.build(stub.service().transport)
    made = controls(backend.tasks[task])
    assert [control.name for control in made] == list(backend.tasks[task].model_fields)
    assert all(control.label for control in made)
    assert params_of(backend, task).task == task
    assert (backend.problem(), backend.price_usd > 0, backend.paid) == ("", True, True)


@pytest.mark.parametrize(("stub", "task"), CASES)
async def test_the_sandbox_answers_over_the_same_code(stub: Stub, task: Any) -> None:
    """Without a key: free, marked, of the asked size, the same pixels for the same params."""
    backend = stub.sandbox()
    assert (backend.sandbox, backend.paid, backend.price_usd) == (True, False, 0.0)

    async def pixels(seed: int) -> tuple[tuple[int, int], bytes]:
        size = {"width": 320, "height": 256} if task == "text-to-image" else {}
        wish = params_of(backend, task, prompt="hills", **size).with_seed(seed)
        found = await events(backend.generate(wish))
        with Image.open(io.BytesIO(found[-1].image)) as made:  # type: ignore[union-attr]
            return made.size, made.tobytes()

    first = await pixels(3)
    assert first[0] == ((320, 256) if task == "text-to-image" else (given().width, given().height))
    if "seed" in backend.tasks[task].model_fields:  # else the service draws its own
        assert first == await pixels(3) != await pixels(4)
    await backend.aclose()
