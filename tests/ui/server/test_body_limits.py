"""What a request may carry: size, depth and number of parts, each refused with a sentence."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.formparsers import MultiPartException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from backends import Settings
from core.tokens import Tokens
from tests.conftest import Studios
from tests.fakes import FakeBackend
from ui.launch import options
from ui.server import body_limits
from ui.server.body_limits import BodyLimits, RefusedBodyError, check_json

pytestmark = pytest.mark.anyio
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=x"}


class Server:
    """Counts what reaches it; a form is read as Gradio reads one, which may swallow errors."""

    def __init__(self, *, swallows: bool = False) -> None:
        self.bytes, self.asked, self.swallows = 0, 0, swallows
        self.errors: list[str] = []

    async def answer(self, request: Request) -> Response:
        self.asked += 1
        try:
            async for chunk in request.stream():
                self.bytes += len(chunk)
        except MultiPartException as error:
            self.errors.append(error.message)
            if not self.swallows:
                raise
        return PlainTextResponse("taken")

    async def post(
        self, content: bytes | AsyncIterator[bytes], headers: dict[str, str]
    ) -> httpx.Response:
        route = Route("/{path:path}", self.answer, methods=["POST", "GET"])
        app = Starlette(routes=[route], middleware=[Middleware(BodyLimits)])
        path = "/gradio_api/upload" if headers == FORM else "/"
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://play.test") as client:
            return await client.post(path, content=content, headers=headers)


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield bytes(1_000_000)


async def test_what_fits_arrives_whole() -> None:
    """An image of 3 MB in base64, escapes, brackets in texts: nothing of it is touched."""
    texts = ["A" * 4_000_000, '"[[[[' * 100, "\\" * 9, "é🦊"]
    body = json.dumps({"data": texts}, ensure_ascii=False).encode()
    server = Server()
    assert (await server.post(body, JSON)).text == "taken"
    assert server.bytes == len(body)


@pytest.mark.parametrize("headers", [JSON, FORM, {}])
async def test_a_length_that_is_too_large_is_refused_unread(headers: dict[str, str]) -> None:
    """By its header alone: nothing reaches the program."""
    server = Server()
    answer = await server.post(b"x", headers | {"Content-Length": "200000000"})
    assert answer.status_code == 413
    assert "at most" in answer.json()["detail"]
    assert server.asked == 0


async def test_an_endless_body_is_cut_while_it_comes() -> None:
    """Without a length the bytes are counted."""
    server = Server()
    assert (await server.post(endless(), JSON)).status_code == 413
    assert server.asked == 0


@pytest.mark.parametrize("swallows", [True, False])
async def test_an_endless_upload_is_cut_while_it_comes(swallows: bool) -> None:
    """The reader gets the error after which it removes its files; the answer is 413 in any case."""
    server = Server(swallows=swallows)
    assert (await server.post(endless(), FORM)).status_code == 413
    assert server.bytes <= body_limits.MOST_FORM
    assert "maximum allowed size" in server.errors[0]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 100_000 + b"]" * 100_000, 400),
        (b'{"a":' * 65 + b"1" + b"}" * 65, 400),
        (b'{"data": "' + b'\\"' * 100_000, 400),
        (b"[" + b"[]," * 400_000 + b"1]", 413),
        (b"{" + b'"a":1,' * 100_000 + b'"b":2}', 413),
        (b"[" + b"1," * 600_000 + b"1]", 413),
        (("[" * 70).encode("utf-16"), 400),
        (('{"a": "Ģ' + "[" * 70).encode("utf-16-le"), 400),
        (b'{"a": "\xff"}', 400),
        (b'{"a": "\0"}', 400),
    ],
    ids="arrays objects open-text lists keys numbers utf-16 hidden-bracket no-utf-8 nul".split(),
)
async def test_json_bombs_are_small_errors(body: bytes, status: int) -> None:
    """Deep, endless in parts, or in an encoding that hides its brackets: refused, and quickly."""
    server = Server()
    start = time.process_time()
    answer = await server.post(body, JSON)
    assert time.process_time() - start < 1
    assert (answer.status_code, server.asked) == (status, 0)
    assert answer.json()["detail"].endswith(".")


def test_no_body_makes_the_check_slow() -> None:
    """Quotes and backslashes in the worst order are read once."""
    for piece in (b'\\"', b'"\\', b'"', b'""', b"\\"):
        start = time.process_time()
        with pytest.raises(RefusedBodyError):
            check_json(b"[" * 65 + b'"' + piece * 500_000)
        assert time.process_time() - start < 1


LARGE = 27_000_000
FROZEN = {
    "digits": b"1" * LARGE,
    "digits in a list": b"[" + b"1" * LARGE + b"]",
    "letters": b"x" * LARGE,
    "white space": b" " * LARGE,
    "signs of a number": b"[-" + b"0.e+-" * (LARGE // 5),
    "escapes": b'"' + b"\\n" * (LARGE // 2) + b'"',
    "a text": b'"' + b"x" * LARGE + b'"',
    "texts": b"[" + b'"x",' * (LARGE // 4),
    "an open text": b'["' + b"x" * LARGE,
}


@pytest.mark.parametrize("body", FROZEN.values(), ids=FROZEN)
async def test_no_body_stops_everybody_else(body: bytes) -> None:
    """While one is looked at the program goes on; the longest pause was 2.4 s for digits."""
    longest, last = 0.0, time.monotonic()

    async def beat() -> None:
        nonlocal longest, last
        while True:
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
            await asyncio.sleep(0.005)

    beating = asyncio.create_task(beat())
    await asyncio.sleep(0.02)
    await Server().post(body, JSON)
    beating.cancel()
    assert longest < 0.7


@pytest.mark.parametrize("body", FROZEN.values(), ids=FROZEN)
async def test_no_body_is_read_further_than_it_may_be(body: bytes) -> None:
    """Without a length too: what is too much ends at the limit, and reaches nobody."""
    taken = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal taken
        for start in range(0, len(body), 100_000):
            taken += 100_000
            yield body[start : start + 100_000]

    server = Server()
    assert (await server.post(pieces(), JSON)).status_code == 413
    assert taken <= body_limits.MOST_JSON + 200_000
    assert server.asked == 0


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", FORM["Content-Type"]])
async def test_a_form_without_a_file_is_small(kind: str) -> None:
    """27 MB of “&” stopped everybody for 10 s: a form is read sign by sign."""
    server = Server()
    answer = await server.post(b"&" * (body_limits.MOST_FIELDS + 1), {"content-type": kind})
    assert (answer.status_code, server.asked) == (413, 0)


async def test_an_address_of_thousands_of_folders_is_refused() -> None:
    """Whoever looks for a file follows each of them."""
    server = Server()
    app = Starlette(
        routes=[Route("/{path:path}", server.answer)], middleware=[Middleware(BodyLimits)]
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://play.test") as client:
        assert (await client.get("/file=" + "a/" * 5_000)).status_code == 414
        assert (await client.get("/file=" + "a" * 200)).status_code == 200
    assert server.asked == 1


async def test_bodies_in_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many half-sent large ones do not fill it; small ones are taken meanwhile."""
    monkeypatch.setattr(body_limits, "MOST_HELD", 500_000)
    server, opened = Server(), asyncio.Event()
    route = Route("/", server.answer, methods=["POST"])
    transport = httpx.ASGITransport(
        app=Starlette(routes=[route], middleware=[Middleware(BodyLimits)])
    )

    async def half() -> AsyncIterator[bytes]:
        yield b'"' + b"x" * 300_000
        await opened.wait()
        yield b'"'

    async with httpx.AsyncClient(transport=transport, base_url="http://play.test") as client:
        both = [asyncio.create_task(client.post("/", content=half(), headers=JSON)) for _ in "ab"]
        done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        assert done.pop().result().status_code == 503
        assert (await client.post("/", json={"prompt": "a boat"})).text == "taken"
        opened.set()
        assert {(await one).status_code for one in both} == {200, 503}
        large = await client.post("/", json={"image": "x" * 400_000})
        assert large.text == "taken"  # what is over is held no longer


def test_a_long_word_is_refused_where_it_begins() -> None:
    """The check does not read to the end of what no request needs."""
    longest = b"[" + b"9" * body_limits.LONGEST_WORD + b"]"
    check_json(longest)
    with pytest.raises(RefusedBodyError, match="number or a word"):
        check_json(longest.replace(b"9]", b"99]"))


@pytest.mark.slow
@pytest.mark.parametrize("headers", [JSON, FORM], ids=["JSON", "upload"])
async def test_a_slow_line_is_waited_for_and_a_trickle_is_not(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    """Time grows with what has arrived; a byte now and then gains nothing."""
    monkeypatch.setattr(body_limits, "PATIENCE_S", 0.2)
    monkeypatch.setattr(body_limits, "SLOWEST", 1_000)

    async def piecewise(piece: int) -> AsyncIterator[bytes]:
        yield b'"'
        for _ in range(12):
            await asyncio.sleep(0.05)
            yield b"x" * piece
        yield b'"'

    assert (await Server().post(piecewise(100), headers)).text == "taken"
    late = await Server(swallows=True).post(piecewise(1), headers)
    assert (late.status_code, late.headers["connection"]) == (408, "close")


@pytest.mark.parametrize("headers", [JSON, FORM], ids=["JSON", "upload"])
async def test_whoever_stops_in_the_middle_keeps_the_place_no_longer(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    """A megabyte buys no minute of silence."""
    monkeypatch.setattr(body_limits, "PATIENCE_S", 0.1)

    async def most_of_it() -> AsyncIterator[bytes]:
        yield b"x" * 1_000_000
        await asyncio.sleep(5)

    start = time.monotonic()
    stopped = await Server(swallows=True).post(most_of_it(), headers)
    assert (stopped.status_code, time.monotonic() - start < 2) == (408, True)


async def test_an_upload_whose_sender_is_gone_leaves_nothing() -> None:
    """The reader gets the error after which it removes its files."""
    server = Server(swallows=True)
    app = Starlette(
        routes=[Route("/upload", server.answer, methods=["POST"])],
        middleware=[Middleware(BodyLimits)],
    )
    news = [
        {"type": "http.request", "body": b"x" * 10, "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[object] = []

    async def receive() -> Any:
        return news.pop(0)

    async def send(message: object) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/upload", "query_string": b""}
    scope["headers"] = [(b"content-type", FORM["Content-Type"].encode())]
    await app(scope, receive, send)
    assert "maximum allowed size" in server.errors[0]
    assert sent == []


async def test_half_a_login_is_given_up_too(
    monkeypatch: pytest.MonkeyPatch, studios: Studios
) -> None:
    """Nothing reads a body before its time is watched."""
    monkeypatch.setattr(body_limits, "PATIENCE_S", 0.1)
    settings = Settings(srpo_auth=SecretStr("ann:secret"), _env_file=None)
    studio = await studios.open(FakeBackend())
    tokens = Tokens(studio.history.database)
    chain = options(studio, tokens, settings, nullcontext)["app_kwargs"]["middleware"]
    app = Starlette(middleware=chain)

    async def half() -> AsyncIterator[bytes]:
        yield b"username=ann"
        await asyncio.sleep(5)

    headers = {"content-type": "application/x-www-form-urlencoded"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.post("/login", content=half(), headers=headers)
    assert answer.status_code == 408
    await studio.aclose()


async def test_a_body_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends a byte a minute does not hold a place for ever."""
    monkeypatch.setattr(body_limits, "PATIENCE_S", 0.05)

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    assert (await Server().post(slow(), JSON)).status_code == 408
