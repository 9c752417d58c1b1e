"""Answers that break the rules of HTTP: they cut the line, hang, trickle or never end."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Literal

import httpx
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

TRANSPORT = "sandbox.transport"
"""Where the server keeps uvicorn's transport in the scope; absent in-process."""

Cut = Literal["reset", "close"]

# In-process everything is collected before the client sees a byte, so "endless" ends somewhere.
IN_PROCESS_BLOCKS = 64
BLOCK = 1024 * 1024


class Broken(Response):
    """Sends the first part of a good answer, then cuts the line."""

    def __init__(self, good: Response | None, *, keep: float = 0.5, cut: Cut = "reset") -> None:
        """`good` None cuts before the first byte; `keep` is the part of the body sent."""
        super().__init__()
        self.good, self.keep, self.cut = good, keep, cut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.good is not None:
            body = bytes(self.good.body)
            await _begin(self.good, send)
            await _more(body[: int(len(body) * self.keep)], send)
            # A reset discards what the kernel has not yet delivered: give it a moment.
            await asyncio.sleep(0.05)
        await cut_line(scope, receive, self.cut)


class Hang(Response):
    """Never answers; ends when the client leaves."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _left(receive)


class SlowHead(Response):
    """Sends the status line one byte a second."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = scope.get(TRANSPORT)
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"z" * 3600:
            if transport is not None and not transport.is_closing():
                transport.write(bytes([byte]))
            if await _left(receive, within=1.0):
                return
        await cut_line(scope, receive, "close")


class Trickle(Response):
    """Sends the good headers and the first kilobyte, then one byte a second."""

    def __init__(self, good: Response) -> None:
        super().__init__()
        self.good = good

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytes(self.good.body)
        await _begin(self.good, send)
        await _more(body[:1024], send)
        for byte in body[1024:]:
            if await _left(receive, within=1.0):
                return
            await _more(bytes([byte]), send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Flood(Response):
    """Sends a great many megabytes, without saying beforehand how many."""

    def __init__(self, head: bytes, tail: bytes, *, blocks: int | None, media_type: str) -> None:
        """`blocks` of a megabyte come between head and tail; None: without end."""
        super().__init__(media_type=media_type)
        del self.headers["content-length"]
        self.head, self.tail, self.blocks = head, tail, blocks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _begin(self, send)
        await _more(self.head, send)
        for block in self._blocks(scope):
            if await _left(receive, within=0):
                return
            await _more(block, send)
        await send({"type": "http.response.body", "body": self.tail, "more_body": False})

    def _blocks(self, scope: Scope) -> Iterator[bytes]:
        block = b"A" * BLOCK
        if scope.get(TRANSPORT) is None:
            return repeat(block, min(self.blocks or IN_PROCESS_BLOCKS, IN_PROCESS_BLOCKS))
        return repeat(block) if self.blocks is None else repeat(block, self.blocks)


class Built(Response):
    """A body too costly to make on the event loop, made in a thread when it is asked for."""

    def __init__(self, make: Callable[[], bytes], media_type: str, **headers: str) -> None:
        super().__init__(media_type=media_type, headers=headers)
        self.make = make

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await asyncio.to_thread(self.make)
        self.headers["content-length"] = str(len(body))
        await _begin(self, send)
        await send({"type": "http.response.body", "body": body, "more_body": False})


async def cut_line(scope: Scope, receive: Receive, how: Cut) -> None:
    """End the connection without finishing the answer.

    In-process there is no connection, so the error that httpx would meet is raised instead.
    """
    transport = scope.get(TRANSPORT)
    if transport is None:
        raise _in_process(how)
    if how == "reset":
        line = transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    await _left(receive)


def _in_process(how: Cut) -> httpx.TransportError:
    if how == "reset":
        return httpx.ReadError("Connection reset by peer")
    return httpx.RemoteProtocolError("peer closed connection without sending complete message body")


async def _begin(response: Response, send: Send) -> None:
    start = {"type": "http.response.start", "status": response.status_code}
    await send({**start, "headers": response.raw_headers})


async def _more(body: bytes, send: Send) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _left(receive: Receive, within: float | None = None) -> bool:
    """Wait until the client has gone, at most `within` seconds; say whether it has."""
    try:
        async with asyncio.timeout(within):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True
