"""The contract: what every backend does for every task on good days and on each kind of bad one.

A new backend gets all of this by adding one stub to `tests/backends/stubs.py`.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any, get_args

import httpx
import pytest

import backends
from backends import Settings
from core import pictures
from core.backend import Collectable, Resumable, usual_price
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
from core.events import Accepted, Delivered, Event, Finished, Preview, Queued, Running
from core.params import TASKS
from tests.backends.services import KEY, events, params_of
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


def cases(*stubs: Stub) -> list[Any]:
    """Return every stub with every task it has."""
    return [
        pytest.param(stub, task, id=f"{stub.name}-{task}")
        for stub in stubs
        for task in TASKS
        if task in stub.build(stub.service().transport).tasks
    ]


class Contract:
    """The suite; a subclass with `STUBS` of its own runs it on other backends."""

    async def test_events_end_with_one_picture(self, stub: Stub, task: Any) -> None:
        """Accepted first where jobs can be resumed; exactly one Finished, the last."""
        service = stub.service()
        backend = stub.build(service.transport)
        found = await events(backend.generate(params_of(backend, task)))
        assert isinstance(found[-1], Finished)
        assert stub.picture in (None, found[-1].image)
        assert pictures.inspect(found[-1].image)
        assert sum(isinstance(event, Finished) for event in found) == 1
        assert all(isinstance(event, Queued | Accepted | Running | Preview) for event in found[:-1])
        accepted = [number for number, event in enumerate(found) if isinstance(event, Accepted)]
        assert accepted == ([0] if isinstance(backend, Resumable) else [])
        assert len(service.posts) == (1 if stub.answers else 0)
        # An address that is told must be one that can be asked again, for nothing.
        told = any(isinstance(event, Delivered) for event in found)
        assert isinstance(backend, Collectable) or not told

    @pytest.mark.parametrize("fault", get_args(Fault))
    async def test_each_bad_day_is_told_apart(self, stub: Stub, task: Any, fault: Fault) -> None:
        """The right error, a sentence and advice, the truth about money, one costly request."""
        if fault not in stub.answers:
            pytest.skip(f"{stub.name} knows no such day")
        service = stub.service(fault)
        backend = stub.build(service.transport)
        found: list[Event] = []
        with pytest.raises(BackendError) as caught:
            async for event in backend.generate(params_of(backend, task)):
                found.append(event)
        kind, charged = EXPECTED[fault]
        error = caught.value
        assert type(error) is kind
        assert error.charged == (charged if stub.paid else "no")
        assert str(error).strip().endswith((".", "\u2026")) and error.advice.strip()
        told = f"{error} {error.advice} {error!r} {error.args} {vars(error)}"
        assert not any(leak in told for leak in ("<", ">", KEY, "alert(1)", "nginx", "Traceback"))
        assert len(service.posts) == 1
        assert not any(isinstance(event, Accepted | Finished) for event in found)

    async def test_closing_the_stream_stops_the_work(self, stub: Stub, task: Any) -> None:
        """After the first event nothing more is asked of the service."""
        service = stub.service()
        backend = stub.build(service.transport)
        async with aclosing(backend.generate(params_of(backend, task))) as stream:
            await anext(stream)
        asked = len(service.requests)
        assert asked <= 1
        await backend.aclose()
        assert len(service.requests) == asked

    async def test_cancelling_in_the_middle_is_not_swallowed(self, stub: Stub, task: Any) -> None:
        """A task that is cancelled while it waits ends as cancelled, at once."""
        backend = stub.build(Silence())
        if not stub.answers:
            pytest.skip(f"{stub.name} waits for nobody")
        work = asyncio.create_task(events(backend.generate(params_of(backend, task))))
        await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(work, 5)

    def test_what_is_sent_can_be_shown(self, stub: Stub, task: Any) -> None:
        """The record of the request is JSON, with neither the key nor the image's bytes."""
        backend = stub.build(stub.service().transport)
        wish = params_of(backend, task)
        shown = json.dumps(backend.sent(wish))
        assert backend.sent(wish) == backend.sent(wish)
        assert KEY not in shown + repr(backend) + repr(vars(backend))
        assert len(shown) < 2_000
        assert ("sha256" in shown) == (task == "image-to-image")

    def test_the_form_follows_the_params(self, stub: Stub, task: Any) -> None:
        """Every field has a control with a label; the defaults alone make a legal request."""
        backend = stub.build(stub.service().transport)
        made = controls(backend.tasks[task])
        assert [control.name for control in made] == list(backend.tasks[task].model_fields)
        assert all(control.label for control in made)
        assert params_of(backend, task).task == task
        assert (backend.problem(), (usual_price(backend) or 0) > 0, backend.paid) == (
            "",
            stub.paid,
            stub.paid,
        )

    async def test_without_a_key_it_is_the_sandbox(self, stub: Stub, task: Any) -> None:
        """Free, marked as such, over the same code."""
        if stub.sandbox is None:
            pytest.skip(f"{stub.name} needs no key")
        backend = stub.sandbox()
        assert (backend.sandbox, backend.paid, usual_price(backend)) == (True, False, 0.0)
        found = await events(backend.generate(params_of(backend, task, prompt="hills")))
        assert isinstance(found[-1], Finished)
        await backend.aclose()


class Silence(httpx.AsyncBaseTransport):
    """A service that never answers."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError


@pytest.mark.parametrize(("stub", "task"), cases(*STUBS))
class TestContract(Contract):
    """The suite on every backend of the registry."""


def test_every_backend_of_the_registry_has_a_stub() -> None:
    """A backend cannot be added without its contract."""
    settings = Settings(self_hosted_base_url="http://engine.lan", _env_file=None)
    assert {stub.name for stub in STUBS} == set(backends.create(settings))
