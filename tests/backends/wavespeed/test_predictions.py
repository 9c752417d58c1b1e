"""WaveSpeed's answers in all the shapes they come: statuses, aliases, envelopes, error codes."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from backends.remote.responses import Answer
from backends.wavespeed.predictions import accepted, failure, read
from core.errors import (
    BackendError,
    BadResponseError,
    BlockedError,
    OutOfCreditError,
    RejectedError,
    RunTimeoutError,
    UnavailableError,
)
from core.events import Delivered, Finished, Queued, Running
from tests.backends.services import (
    ANSWER,
    Recording,
    events,
    params_of,
    prediction,
    wavespeed,
    wavespeed_ok,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("created", "queued"),
        ("pending", "queued"),
        ("processing", "working"),
        ("something new", "working"),
        ("", "working"),
        ("COMPLETED", "done"),
        ("succeeded", "done"),
        ("failed", "ended"),
        ("cancelled", "ended"),
        ("canceled", "ended"),
        ("timeout", "ended"),
        ("deleted", "ended"),
    ],
)
def test_statuses(status: str, phase: str) -> None:
    """Known ends end; whatever is not known keeps being asked."""
    task = read({"code": 200, "data": {"id": "a", "status": status}})
    assert task is not None
    assert task.phase == phase


@pytest.mark.parametrize(
    "body",
    [
        {"code": 200, "message": "success", "data": {"id": "a", "status": "created"}},
        {"id": "a", "status": "created"},
        {"code": 500, "data": {"id": "a", "status": "created", "outputs": None}},
        {"data": {"id": "a", "status": "created", "has_nsfw_contents": None, "code": "x"}},
    ],
)
@pytest.mark.parametrize("status", [200, 201, 500, 504])
def test_an_id_means_accepted(body: dict[str, Any], status: int) -> None:
    """With or without the envelope, and whatever the status of the answer."""
    assert accepted("Shop", Answer(status, body)).id == "a"


@pytest.mark.parametrize(
    ("status", "body", "kind", "charged"),
    [
        (200, {"code": 200, "data": {}}, BadResponseError, "maybe"),
        (200, {"code": 200, "data": {"id": ""}}, BadResponseError, "maybe"),
        (200, {"code": 200, "data": {"id": 7}}, BadResponseError, "maybe"),
        (200, None, BadResponseError, "maybe"),
        (302, None, RejectedError, "no"),
        (303, None, BadResponseError, "maybe"),
        (499, None, UnavailableError, "maybe"),
        (200, {"code": 402, "message": "x"}, OutOfCreditError, "no"),
        (400, {"message": "Insufficient credits"}, OutOfCreditError, "no"),
        (400, {"error": "size is wrong"}, RejectedError, "no"),
        (404, None, RejectedError, "no"),
        (413, None, RejectedError, "no"),
        (408, None, UnavailableError, "maybe"),
        (504, None, UnavailableError, "maybe"),
    ],
)
def test_what_is_not_accepted(
    status: int, body: Any, kind: type[BackendError], charged: str
) -> None:
    """A refusal is certain not to be charged; what is unclear may have been."""
    with pytest.raises(kind) as caught:
        accepted("Shop", Answer(status, body))
    assert caught.value.charged == charged


@pytest.mark.parametrize(
    ("status", "code", "text", "kind"),
    [
        ("failed", 1200, "", BlockedError),
        ("failed", 0, "NSFW content detected", BlockedError),
        ("failed", 1400, "bad", RejectedError),
        ("failed", 1402, "image not found", RejectedError),
        ("failed", 1403, "boom", BackendError),
        ("failed", 5000, "", UnavailableError),
        ("failed", 5004, "", UnavailableError),
        ("timeout", 0, "", UnavailableError),
        ("cancelled", 0, "", RejectedError),
        ("deleted", 0, "", RejectedError),
        ("failed", 0, "<script>alert(1)</script>", BackendError),
    ],
)
def test_failed_tasks(status: str, code: int, text: str, kind: type[BackendError]) -> None:
    """Each of the service's own codes is the right error, with the id and without markup."""
    task = read({"data": {"id": "a", "status": status, "code": code, "error": text}})
    assert task is not None
    error = failure("Shop", task)
    assert type(error) is kind
    assert error.request_id == "a"
    assert error.advice
    assert "<" not in str(error)


def polls(*answers: httpx.Response) -> Recording:
    """A service that answers polls one by one, the last one for ever."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        if "/predictions/" in request.url.path:
            return left.pop(0) if len(left) > 1 else left[0]
        return wavespeed_ok(request)

    return Recording(answer)


@pytest.mark.parametrize(
    "first",
    [
        httpx.Response(500),
        httpx.Response(404),
        httpx.Response(401),
        httpx.Response(502, text="<html>bad gateway</html>"),
        httpx.Response(200, text="<html>hello</html>"),
        httpx.Response(200, text="[" * 100_000),
        httpx.Response(200, json={"code": 200, "data": None}),
        prediction(id="another"),
        prediction(outputs=[]),
        prediction(outputs=None),
        prediction("brand new"),
    ],
)
async def test_a_bad_poll_is_asked_again(first: httpx.Response) -> None:
    """No answer to a poll can lose a job that was accepted."""
    service = polls(first, prediction())
    backend = wavespeed(service.transport, deadline_s=20)
    found = await events(backend.generate(params_of(backend, "text-to-image")))
    assert found[-1] == Finished(ANSWER)
    assert len(service.posts) == 1


async def test_states_are_told_as_they_come() -> None:
    """Queued, then running, each once."""
    service = polls(
        prediction("created"), prediction("processing"), prediction("processing"), prediction()
    )
    backend = wavespeed(service.transport)
    found = await events(backend.generate(params_of(backend, "text-to-image")))
    assert [type(event) for event in found[1:]] == [Queued, Running, Delivered, Finished]
    assert found[-1] == Finished(ANSWER)


async def test_a_flag_is_a_warning_not_a_failure() -> None:
    """The image arrives and says so."""
    backend = wavespeed(polls(prediction(has_nsfw_contents=[True])).transport)
    found = await events(backend.generate(params_of(backend, "text-to-image")))
    assert found[-1] == Finished(ANSWER, flagged=True)


@pytest.mark.parametrize("answer", [httpx.Response(500), prediction("processing")])
async def test_at_the_deadline_the_job_is_pending(answer: httpx.Response) -> None:
    """It is not failed: its id is kept and it can be asked for again."""
    backend = wavespeed(polls(answer).transport, deadline_s=0.2)
    with pytest.raises(RunTimeoutError) as caught:
        await events(backend.generate(params_of(backend, "text-to-image")))
    assert (caught.value.request_id, caught.value.charged) == ("abc/1", "yes")


@pytest.mark.slow
async def test_a_forgotten_job_ends_after_several_tries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seven times not found is believed, also where the envelope alone says so."""
    monkeypatch.setattr("random.random", lambda: 0.05)
    told = {"code": 404, "message": "no such prediction", "data": None}

    async def ask(status: int) -> None:
        service = polls(httpx.Response(status, json=told))
        backend = wavespeed(service.transport, deadline_s=60)
        with pytest.raises(RejectedError, match="no longer knows"):
            await events(backend.resume(params_of(backend, "text-to-image"), "abc/1"))
        assert len(service.requests) == 7

    await asyncio.gather(ask(404), ask(200))


async def test_base64_outputs_are_understood() -> None:
    """Bare or as a data URI."""
    import base64

    bare = base64.b64encode(ANSWER).decode()
    for output in (bare, "data:image/png;base64," + bare):
        backend = wavespeed(polls(prediction(outputs=[output])).transport)
        found = await events(backend.generate(params_of(backend, "text-to-image")))
        assert found[-1] == Finished(ANSWER)
