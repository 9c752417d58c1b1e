"""Half a request holds no connection for long, and what is slow on purpose is left alone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ui.server import connections
from ui.server.connections import PunctualProtocol

pytestmark = pytest.mark.anyio
WHOLE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HALF = (b"", b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: ")


class Hurried(PunctualProtocol):
    head_s = 0.3


class Crowded(PunctualProtocol):
    most = 20


async def page(_request: Request) -> Response:
    return PlainTextResponse("here")


async def stream(_request: Request) -> Response:
    async def events() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"."
            await asyncio.sleep(0.1)

    return StreamingResponse(events())


async def read_all(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@asynccontextmanager
async def served(protocol: type = Hurried) -> AsyncIterator[int]:
    routes = [Route("/", page), Route("/stream", stream)]
    app = Starlette(routes=[*routes, Route("/body", read_all, methods=["POST"])])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, http=protocol, log_config=None, lifespan="off"))
        running = asyncio.create_task(server.serve([listening]))
        yield int(listening.getsockname()[1])
        server.should_exit = server.force_exit = True
        await running


async def ended(reader: asyncio.StreamReader, seconds: float = 3.0) -> bool:
    """Whether the server closes the connection in time."""
    try:
        async with asyncio.timeout(seconds):
            return await reader.read() is not None
    except ConnectionError:
        return True
    except TimeoutError:
        return False


@pytest.mark.slow
async def test_half_a_head_is_closed_however_it_comes() -> None:
    """Two hundred at once, silent ones and those that send a letter now and then."""
    async with served() as port:

        async def hold(number: int) -> bool:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(HALF[number % len(HALF)])
            trickle = asyncio.create_task(drip(writer)) if number % 2 else None
            closed = await ended(reader)
            if trickle:
                trickle.cancel()
            writer.close()
            return closed

        assert all(await asyncio.gather(*[hold(number) for number in range(200)]))


@pytest.mark.slow
async def test_one_connection_too_many_is_closed_at_once() -> None:
    """The others go on, and there is room again when they have gone."""
    async with served(Crowded) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(Crowded.most)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await ended(reader)
        assert not await ended(held[0][0], 0.05)
        for _, one in [*held, (reader, writer)]:
            one.close()
        await asyncio.sleep(0.05)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(WHOLE)
        assert b"here" in await reader.readuntil(b"here")
        writer.close()


async def drip(writer: asyncio.StreamWriter) -> None:
    while True:
        await asyncio.sleep(0.1)
        writer.write(b"x")


@pytest.mark.slow
async def test_the_second_request_of_a_connection_has_a_deadline_too() -> None:
    """Whoever was served once cannot hold the place with half a line."""
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(WHOLE)
        assert b"here" in await reader.readuntil(b"here")
        writer.write(b"GET / HT")
        assert await ended(reader)
        writer.close()


@pytest.mark.slow
async def test_long_answers_and_slow_bodies_are_not_cut() -> None:
    """A stream of events and an upload take longer than a head may."""
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).count(b"1\r\n.\r\n") == 10
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
        for _ in range(10):
            await asyncio.sleep(0.06)
            writer.write(b"x")
        assert (await reader.readuntil(b"\r\n\r\n10")).startswith(b"HTTP/1.1 200")
        writer.close()


def test_the_server_that_gradio_starts_uses_it() -> None:
    """Gradio leaves the choice of the protocol to uvicorn, and uvicorn finds ours."""
    connections.install()
    config = uvicorn.Config(page, log_config=None)
    config.load()
    assert config.http_protocol_class is PunctualProtocol
