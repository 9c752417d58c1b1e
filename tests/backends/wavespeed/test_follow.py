"""Following an accepted job: what becomes of it when the service, the key or the address fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from core.errors import (
    BackendError,
    BadResponseError,
    BlockedError,
    RejectedError,
    RunTimeoutError,
    UnavailableError,
)
from core.events import Accepted, Event, Finished
from tests.backends.services import (
    ANSWER,
    Recording,
    events,
    params_of,
    prediction,
    wavespeed,
    wavespeed_ok,
)

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
Reply = httpx.Response | Callable[[httpx.Request], httpx.Response]


def service(poll: list[Reply], download: list[Reply] | None = None) -> Recording:
    """A service that answers polls and downloads one by one, the last answer for ever."""
    left = {"poll": poll, "download": download or [httpx.Response(200, content=ANSWER)]}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return wavespeed_ok(request)
        replies = left["poll" if "/predictions/" in request.url.path else "download"]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        return reply(request) if callable(reply) else reply

    return Recording(answer)


def at(url: str) -> httpx.Response:
    return prediction(outputs=[url])


async def made(recording: Recording, deadline_s: float = 10) -> list[Event]:
    backend = wavespeed(recording.transport, deadline_s=deadline_s)
    return await events(backend.generate(params_of(backend, "text-to-image")))


async def pending(recording: Recording, deadline_s: float = 0.3) -> RunTimeoutError:
    with pytest.raises(RunTimeoutError) as caught:
        await made(recording, deadline_s)
    error = caught.value
    assert (error.request_id, error.charged, len(recording.posts)) == ("abc/1", "yes", 1)
    assert error.advice
    return error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1200, BlockedError),
        (1400, RejectedError),
        (1401, RejectedError),
        (1402, RejectedError),
        (1403, BackendError),
        (1405, BackendError),
        (5000, UnavailableError),
        (5003, UnavailableError),
        (5004, UnavailableError),
        ("1200", BlockedError),
    ],
)
async def test_a_task_that_fails_after_its_acceptance(
    code: int | str, kind: type[BackendError]
) -> None:
    """Each of the service's own codes; no page says whether failed work is charged."""
    recording = service([prediction("failed", error="It <b>broke</b>", code=code)])
    backend = wavespeed(recording.transport)
    found: list[Event] = []
    with pytest.raises(kind) as caught:
        async for event in backend.generate(params_of(backend, "text-to-image")):
            found.append(event)
    assert type(caught.value) is kind
    assert (caught.value.request_id, caught.value.charged) == ("abc/1", "maybe")
    assert isinstance(found[0], Accepted)
    assert "<" not in str(caught.value) + caught.value.advice
    assert len(recording.posts) == 1


async def test_an_end_is_believed_whatever_the_status_of_its_answer() -> None:
    """Some errors carry the task: its state counts, not the number above it."""
    failed = prediction("failed", error="no").json()
    with pytest.raises(BackendError):
        await made(service([httpx.Response(500, json=failed)]))
    found = await made(service([httpx.Response(504, json=prediction().json())]))
    assert found[-1] == Finished(ANSWER)


async def test_an_address_that_expired_is_asked_for_anew() -> None:
    """The result is read again, and the image comes from where it lies now."""
    recording = service(
        [at("https://cdn.example/old"), at("https://cdn.example/new")],
        [httpx.Response(403), httpx.Response(200, content=ANSWER)],
    )
    assert (await made(recording))[-1] == Finished(ANSWER)
    fetched = [one.url.path for one in recording.requests if one.url.host == "cdn.example"]
    assert fetched == ["/old", "/new"]


@pytest.mark.slow
async def test_an_address_that_stays_shut_leaves_the_job_pending() -> None:
    """It is paid for: it is asked for again later, not given up."""
    recording = service([prediction()], [httpx.Response(410)])
    await pending(recording, deadline_s=30)


@pytest.mark.slow
@pytest.mark.parametrize("status", [401, 200])
async def test_a_key_that_is_no_longer_accepted_is_said_at_once(status: int) -> None:
    """Asking again for minutes would not help; the job stays pending for the right key."""
    recording = service([httpx.Response(status, json={"code": 401, "message": "no"})])
    error = await pending(recording, deadline_s=60)
    assert "key" in str(error)
    assert "WAVESPEED_API_KEY" in error.advice


@pytest.mark.parametrize(
    "poll",
    [
        prediction("processing"),
        prediction("no such status"),
        prediction(outputs=[]),
        prediction(outputs=None),
        prediction(outputs=[7]),
        prediction(outputs=[""]),
        prediction(id="other"),
        prediction(outputs=["%%% not base64"]),
        prediction(outputs=["data:text/html,<script>alert(1)</script>"]),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"code": 500, "message": "x", "data": None}),
        httpx.Response(200, content=b"x" * 1_100_000),
        httpx.Response(429, headers={"retry-after": "30"}),
    ],
)
async def test_every_wait_has_a_deadline(poll: httpx.Response) -> None:
    """What never becomes an image ends as pending, never as an endless wait."""
    await pending(service([poll]))


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://cdn.example/a", "https://me@cdn.example/a", "http://[broken"],
)
async def test_an_address_that_may_not_be_fetched_ends_the_job(url: str) -> None:
    """The id is kept, nothing is fetched, and it says that it was charged."""
    recording = service([at(url)])
    with pytest.raises(BadResponseError) as caught:
        await made(recording)
    assert (caught.value.request_id, caught.value.charged) == ("abc/1", "yes")
    assert {one.url.host for one in recording.requests} == {"api.wavespeed.ai"}


async def test_a_resumed_job_is_asked_for_at_once_and_teaches_nothing() -> None:
    """Its image may have been ready for hours; how long it took is not known."""
    recording = service([prediction(timings={"inference": 2000})])
    backend = wavespeed(recording.transport)
    backend._fixed = None
    params = params_of(backend, "text-to-image")
    for _ in range(10):
        schedule = backend._follower(params).schedule
        schedule.observe(1.0, 60.0)
    learned = list(schedule.samples)
    found = await events(backend.resume(params, "abc/1"))
    assert found[-1] == Finished(ANSWER)
    assert list(schedule.samples) == learned


@pytest.mark.parametrize(
    ("timings", "learned"),
    [
        ({"inference": 50}, 0.05),
        ({"inference": "50"}, 0.05),
        ({"inference": 50.9}, 0.05),
        ({"inference": -1}, None),
        ({"inference": 10**12}, None),
        ({"inference": 700}, None),
        ({"inference": None}, None),
        (None, None),
        ([], None),
    ],
)
async def test_the_services_own_time_is_learned_where_it_fits(
    timings: Any, learned: float | None
) -> None:
    """Otherwise the middle between the last look without and the first with an image."""
    backend = wavespeed(service([prediction(timings=timings)]).transport)
    backend._fixed = None
    params = params_of(backend, "text-to-image")
    await events(backend.generate(params))
    [(_, seconds)] = backend._follower(params).schedule.samples
    # A cold schedule looks after 0.2 s for the first time, a tenth more or less.
    assert seconds == learned if learned else 0.08 <= seconds <= 0.2


async def test_an_id_that_is_already_ours_is_not_followed() -> None:
    """Two jobs must not end in one image: whose it is, is not known."""
    backend = wavespeed(service([prediction()]).transport)
    params = params_of(backend, "text-to-image")
    await events(backend.generate(params))
    with pytest.raises(BadResponseError) as caught:
        await events(backend.generate(params))
    assert (caught.value.charged, caught.value.request_id) == ("maybe", None)


@pytest.mark.slow
async def test_a_poll_that_is_refused_slows_the_polls_of_every_job() -> None:
    """A 429 with Retry-After holds the key's requests, not only those of the job it answered."""
    refused = httpx.Response(429, headers={"Retry-After": "20"}, json={"code": 429})
    recording = service([refused])
    backend = wavespeed(recording.transport, deadline_s=0.3)
    wish = params_of(backend, "text-to-image")
    for _ in range(2):
        with pytest.raises(RunTimeoutError):
            await events(backend.generate(wish))
        polls = [one for one in recording.requests if "/predictions/" in one.url.path]
        assert len(polls) == 1
        backend._ids.clear()
    await backend.aclose()
