"""Services that lie, stall or break off; the number of each case is that of CASES.md."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest

from backends.remote import client, downloads
from backends.remote.client import Api
from backends.remote.downloads import Downloads, unpacked
from backends.remote.public_addresses import CheckedTransport
from core import pictures
from core.errors import BadResponseError, UnavailableError
from core.events import Finished
from tests.backends.services import (
    ANSWER,
    KEY,
    Recording,
    events,
    params_of,
    prediction,
    siraya,
    wavespeed,
    wavespeed_ok,
)
from tests.core.pictures.picture_samples import chunk, encoded, png

pytestmark = pytest.mark.anyio
PORTAL = "<html><title>Sign in to the hotel's network</title>"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[int]:
    """A server on a real socket that says what the test wants; yields its port."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await talk(reader, writer)
        writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    yield int(server.sockets[0].getsockname()[1])
    server.close()


async def trickle(writer: asyncio.StreamWriter, text: bytes, pause_s: float = 0.02) -> None:
    for letter in text * 1000:
        writer.write(bytes([letter]))
        await writer.drain()
        await asyncio.sleep(pause_s)


@pytest.mark.slow
async def test_case_7_headers_a_byte_at_a_time_end_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every byte is in time for a read, but the whole answer has a deadline of its own."""
    monkeypatch.setattr(client, "ANSWER_S", 0.2)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await trickle(writer, b"HTTP/1.1 200 OK\r\nX-Pad: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")

    async with listening(talk) as port:
        api = Api("Shop", f"http://127.0.0.1:{port}", KEY, None)
        begun = time.monotonic()
        with pytest.raises(UnavailableError, match="in time") as caught:
            await api.post_once("/x", {}, read_s=0.2)
        assert caught.value.charged == "maybe"
        assert time.monotonic() - begun < 2
        await api.aclose()


@pytest.mark.parametrize("service", [wavespeed, siraya])
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text=PORTAL),
        httpx.Response(200, text='{"code": 200, "data": {"id": "pred'),
        httpx.Response(200, content=b"\xff\xfe\x00"),
        httpx.Response(200, content=b"[" * 200_000),
    ],
    ids=["case-12-captive-portal", "case-13-cut-json", "case-13-no-text", "case-35-deep-json"],
)
async def test_an_answer_that_is_none_may_have_been_charged(
    service: Any, answer: httpx.Response
) -> None:
    """One request, no repetition, and no word of the answer on the page."""
    recording = Recording(lambda _request: answer)
    backend = service(recording.transport)
    with pytest.raises(BadResponseError, match="cannot be understood") as caught:
        await events(backend.generate(params_of(backend, "text-to-image")))
    assert (caught.value.charged, len(recording.requests)) == ("maybe", 1)
    assert "hotel" not in str(caught.value)


async def test_case_17_a_server_without_tls_gets_no_key() -> None:
    """Where the address says https, nothing is sent in clear, and nothing was charged."""
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(4096))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()

    async with listening(talk) as port:
        api = Api("Shop", f"https://127.0.0.1:{port}", KEY, None)
        with pytest.raises(UnavailableError, match="cannot be reached") as caught:
            await api.post_once("/x", {"prompt": "secret"})
        assert caught.value.charged == "no"
        await api.aclose()
    assert heard[0][:1] == b"\x16"  # a TLS handshake
    assert KEY.encode() not in b"".join(heard)


@pytest.mark.parametrize("jump", [-3600, 3600], ids=["back", "ahead"])
async def test_case_21_a_clock_that_jumps_changes_no_deadline(
    monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    """Waiting is measured by a clock that cannot be set."""
    clock = {"offset": 0.0, "looks": 0}
    real = time.time

    def now() -> float:
        clock["offset"] += jump
        return real() + clock["offset"]

    monkeypatch.setattr(time, "time", now)
    answers = [httpx.Response(500), prediction("processing"), prediction()]

    def answer(request: httpx.Request) -> httpx.Response:
        now()
        return answers.pop(0) if "/predictions/" in request.url.path else wavespeed_ok(request)

    backend = wavespeed(Recording(answer).transport, deadline_s=5)
    found = await events(backend.generate(params_of(backend, "text-to-image")))
    assert found[-1] == Finished(ANSWER)


@pytest.mark.parametrize(
    "poll",
    [
        httpx.Response(200, text='{"code": 200, "data": {"id": "abc/1", "sta'),
        httpx.Response(200, text=PORTAL),
        httpx.Response(200, json={"data": {"id": "abc/1", "status": ["completed"]}}),
        prediction(timings={"inference": float("1e308")}, status="processing"),
        httpx.ReadError("reset"),
    ],
    ids=[
        "case-29-cut-json",
        "case-28-html",
        "case-30-odd-status",
        "case-40-odd-time",
        "case-23-reset",
    ],
)
async def test_one_bad_poll_loses_nothing(poll: httpx.Response | Exception) -> None:
    """The job was accepted: it is asked for again."""
    polls: list[Any] = [poll, prediction()]

    def answer(request: httpx.Request) -> httpx.Response:
        if "/predictions/" not in request.url.path:
            return wavespeed_ok(request)
        reply = polls.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    recording = Recording(answer)
    backend = wavespeed(recording.transport, deadline_s=20)
    found = await events(backend.generate(params_of(backend, "text-to-image")))
    assert (found[-1], len(recording.posts)) == (Finished(ANSWER), 1)


async def fetched(*replies: bytes, seconds: float = 10) -> tuple[bytes, int]:
    """Download from a socket that gives one reply after another; return the image and visits."""
    left, visits = list(replies), 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal visits
        visits += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()

    async with listening(talk) as port:
        own = f"http://127.0.0.1:{port}"
        place = Downloads("Shop", own, CheckedTransport(httpx.URL(own)))
        data = await place.fetch(f"{own}/a.png", time.monotonic() + seconds)
        await place.aclose()
    return data, visits


def reply(body: bytes, *head: str, length: int | None = None) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body) if length is None else length}", *head]
    return "\r\n".join(lines).encode() + b"\r\nConnection: close\r\n\r\n" + body


JPEG = encoded(kind="jpeg")
DAMAGED = ANSWER[:50] + bytes([ANSWER[50] ^ 255]) + ANSWER[51:]


@pytest.mark.parametrize(
    "first",
    [
        reply(ANSWER[:60], length=len(ANSWER)),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + ANSWER[:20],
        reply(JPEG[: len(JPEG) // 2], "Content-Type: image/jpeg"),
        reply(DAMAGED, "Content-Type: image/png"),
        reply(b"", "Content-Type: image/png"),
        reply(PORTAL.encode(), "Content-Type: text/html"),
        b"",
    ],
    ids=[
        "case-42-short-body",
        "case-41-reset-in-the-middle",
        "case-57-cut-jpeg",
        "case-58-damaged",
        "case-59-nothing",
        "case-45-html",
        "case-41-no-answer",
    ],
)
async def test_a_bad_download_is_fetched_again(first: bytes) -> None:
    """Over a real connection; the image is paid for, so it comes."""
    assert await fetched(first, reply(ANSWER)) == (ANSWER, 2)


async def test_case_60_a_picture_is_named_by_its_bytes() -> None:
    """Whatever the service says it is, or calls its address."""
    data, _ = await fetched(reply(JPEG, "Content-Type: image/png"))
    assert pictures.inspect(data)[0] == "jpeg"


@pytest.mark.slow
async def test_case_54_a_download_that_trickles_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each byte is in time, the file is not."""
    monkeypatch.setattr(downloads, "TRY_S", 0.2)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply(b"", length=1_000_000))
        await trickle(writer, ANSWER)

    async with listening(talk) as port:
        own = f"http://127.0.0.1:{port}"
        place = Downloads("Shop", own, CheckedTransport(httpx.URL(own)))
        begun = time.monotonic()
        with pytest.raises(UnavailableError):
            await place.fetch(f"{own}/a.png", time.monotonic() + 0.5)
        assert time.monotonic() - begun < 3
        await place.aclose()


@pytest.mark.parametrize(
    "data",
    [
        b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<!--" + ANSWER,
        b"GIF89a/*" + ANSWER,
        b"PK\x03\x04" + ANSWER,
        png(chunk(b"IDAT", bytes(1000)), width=30_000, height=30_000),
    ],
    ids=["case-61-svg", "case-61-comment", "case-61-gif", "case-61-zip", "case-56-bomb"],
)
async def test_what_only_pretends_is_not_stored(data: bytes) -> None:
    """Neither as a file nor in base64."""
    with pytest.raises(BadResponseError):
        await fetched(reply(data, "Content-Type: image/png"), seconds=0.3)
    with pytest.raises(BadResponseError):
        await unpacked("Shop", base64.b64encode(data).decode())


@pytest.mark.slow
async def test_case_63_sixty_megabytes_of_base64_are_refused_quickly() -> None:
    """They decode, and are no image."""
    begun = time.monotonic()
    with pytest.raises(BadResponseError):
        await unpacked("Shop", "data:image/png;base64," + "A" * 60_000_000)
    assert time.monotonic() - begun < 3


async def test_a_services_id_is_never_part_of_another_request() -> None:
    """An id with slashes, dots and questions stays one piece of the address it is asked with."""
    name = "../../balance?x=1#y/\r\nX-Evil: 1"

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return prediction("created", id=name)
        if request.url.host == "cdn.example":
            return httpx.Response(200, content=ANSWER)
        return prediction(id=name)

    recording = Recording(answer)
    backend = wavespeed(recording.transport)
    await events(backend.generate(params_of(backend, "text-to-image")))
    polls = [one for one in recording.requests if b"predictions" in one.url.raw_path]
    assert polls
    assert all("x-evil" not in one.headers for one in polls)
    assert all(one.url.raw_path.startswith(b"/api/v3/predictions/") for one in polls)
    assert all(
        b"?" not in one.url.raw_path and b"/balance" not in one.url.raw_path for one in polls
    )


async def test_what_a_service_says_is_plain_when_it_is_told() -> None:
    """case 31: markup, links, control characters and right-to-left marks are gone."""
    said = "<script>alert(1)</script><b>No</b> \u202e[click](javascript:alert(1)) \x1b[31m\u2028"
    failed = prediction("failed", error=said, code=1400)
    recording = Recording(
        lambda request: wavespeed_ok(request) if request.method == "POST" else failed
    )
    backend = wavespeed(recording.transport)
    with pytest.raises(Exception, match="cannot work") as caught:
        await events(backend.generate(params_of(backend, "text-to-image")))
    shown = json.dumps(str(caught.value))
    assert not any(bad in shown for bad in ("<", ">", "script>", "\\u202e", "\\u001b", "\\u2028"))
