"""Uploads of large images: they cost nothing, so they are tried again, and say so."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from core.errors import AuthError, BackendError, RateLimitError, UnavailableError
from core.events import Finished
from core.pictures import Picture
from tests.backends.services import ANSWER, Recording, events, params_of, wavespeed, wavespeed_ok

pytestmark = pytest.mark.anyio
LARGE = Picture(sha256="a" * 64, media_type="image/png", width=64, height=48, data=bytes(5_000_000))
SMALL = LARGE.model_copy(update={"data": bytes(4_000_000)})


def ticket(url: str = "https://store.example/put", **more: Any) -> httpx.Response:
    upload = {"method": "PUT", "url": url, "headers": {"x-a": "b"}} | more
    data = {"download_url": "https://store.example/get", "upload": upload}
    return httpx.Response(200, json={"code": 200, "message": "success", "data": data})


def service(
    tickets: list[httpx.Response] | None = None, puts: list[httpx.Response] | None = None
) -> Recording:
    """A service that answers uploads one by one, the last answer for ever."""
    left = {"POST": tickets or [ticket()], "PUT": puts or [httpx.Response(200)]}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT" or request.url.path == "/api/v3/media/uploads":
            replies = left[request.method]
            return replies.pop(0) if len(replies) > 1 else replies[0]
        return wavespeed_ok(request)

    return Recording(answer)


async def made(recording: Recording, picture: Picture = LARGE, deadline_s: float = 10) -> Any:
    backend = wavespeed(recording.transport, deadline_s=deadline_s)
    return await events(backend.generate(params_of(backend, "image-to-image", image=picture)))


async def test_only_what_is_too_large_is_uploaded() -> None:
    """Under 6 MB encoded an image travels in the body."""
    recording = service()
    await made(recording, SMALL)
    assert [one.method for one in recording.requests] == ["POST", "GET", "GET"]
    assert recording.body()["image"].startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    ("tickets", "puts"),
    [
        ([httpx.Response(500), ticket()], None),
        ([httpx.Response(200, text="<html>"), ticket()], None),
        ([httpx.Response(200, json={"code": 200, "data": {}}), ticket()], None),
        (None, [httpx.Response(503), httpx.Response(200)]),
        (None, [httpx.Response(403), httpx.Response(200)]),
    ],
)
async def test_an_upload_that_fails_once_is_tried_again(tickets: Any, puts: Any) -> None:
    """And the costly request goes out once, afterwards."""
    recording = service(tickets, puts)
    assert (await made(recording))[-1] == Finished(ANSWER)
    assert sum("media" not in one.url.path for one in recording.posts) == 1


@pytest.mark.parametrize(
    ("tickets", "kind"),
    [
        ([httpx.Response(401, json={"code": 401, "message": "no"})], AuthError),
        ([httpx.Response(429, headers={"retry-after": "7"})], RateLimitError),
        ([ticket("file:///etc/passwd")], BackendError),
        ([ticket("https://me@store.example/")], BackendError),
    ],
)
async def test_a_refused_upload_sends_nothing_costly(
    tickets: list[httpx.Response], kind: type[BackendError]
) -> None:
    """What is refused for good ends at once, and nothing was charged."""
    recording = service(tickets)
    with pytest.raises(kind) as caught:
        await made(recording)
    assert caught.value.charged == "no"
    assert all("media" in one.url.path for one in recording.posts)


async def test_an_upload_that_keeps_failing_was_not_charged() -> None:
    """A fault before the costly request leaves no doubt about money."""
    recording = service([httpx.Response(502, text="<html>nginx</html>")])
    with pytest.raises(UnavailableError) as caught:
        await made(recording, deadline_s=0.3)
    assert (caught.value.charged, "account" in caught.value.advice) == ("no", False)
    assert all("media" in one.url.path for one in recording.posts)


async def test_headers_of_a_ticket_that_cannot_be_sent_are_left_out() -> None:
    """A service's odd header is no reason to fail."""
    recording = service([ticket(headers={"x-a": "b", "x-odd": "schön", "x-none": None})])
    assert (await made(recording))[-1] == Finished(ANSWER)
    put = next(one for one in recording.requests if one.method == "PUT")
    assert put.headers["x-a"] == "b"
    assert "x-odd" not in put.headers
    assert "authorization" not in put.headers
