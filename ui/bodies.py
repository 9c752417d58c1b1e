"""Limits what a request may carry: its size while it comes, how long it takes, how deep it goes.

Gradio limits uploaded files alone: a picture inside JSON has no limit there, and JSON that is
thousands of levels deep ends in an error of the server. What is too much is answered with a
sentence before Gradio sees it.
"""

from __future__ import annotations

import asyncio
import re

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_JSON = 28_000_000
"""Bytes of a body; a picture of 20 MB in base64 fits."""
MOST_FORM = 24_000_000
"""Bytes of an upload: Gradio's own limit for one file, and what a form puts around it."""
DEEPEST = 64
MOST_TOKENS = 500_000
"""Strings, brackets and commas of a body; a page of thousands of pictures fits."""
PATIENCE_S = 120.0
SMALL = 50_000

# The quantifiers never give back what they took, so that no body can make the search slow.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|([\[{])|([\]}])|,', re.DOTALL)


class RefusedBodyError(Exception):
    """A body is not taken; `status` is that of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Bodies:
    """ASGI middleware that reads the bodies of requests within limits."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body, or answer why not."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        kind = headers.get("content-type", "").lower()
        try:
            if kind.startswith("multipart/"):
                _check_size(_declared(headers), MOST_FORM)
                await _Counted(self.app, receive, send).run(scope)
                return
            _check_size(_declared(headers), MOST_JSON)
            body = await _whole(receive)
            if not kind.startswith("application/x-www-form-urlencoded"):
                await _check_json(body)
        except RefusedBodyError as error:
            answer = JSONResponse({"detail": str(error)}, status_code=error.status)
            await answer(scope, receive, send)
            return
        await self.app(scope, _replayed(body, receive), send)


class _Counted:
    """Passes an upload on piece by piece and ends it where it is too large."""

    def __init__(self, app: ASGIApp, receive: Receive, send: Send) -> None:
        self._app, self._receive, self._send = app, receive, send
        self._size, self._refused = 0, False

    async def run(self, scope: Scope) -> None:
        """Raise RefusedBodyError when the body is too large, whatever the app made of that."""
        try:
            await self._app(scope, self._read, self._answer)
        except MultiPartException:
            if not self._refused:
                raise
        if self._refused:
            _check_size(self._size, MOST_FORM)

    async def _read(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > MOST_FORM:
            self._refused = True
            # The one error for which Gradio removes what it has already written to its folder.
            raise MultiPartException("This upload is larger than the maximum allowed size.")
        return message

    async def _answer(self, message: Message) -> None:
        if not self._refused:
            await self._send(message)


def _declared(headers: Headers) -> int:
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 20 else 0


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise RefusedBodyError(
            413,
            f"This request is too large: at most {most // 1_000_000} MB are taken. "
            "Make the picture smaller and try again.",
        )


async def _whole(receive: Receive) -> bytes:
    """Read a body to its end."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = await receive()
                part = message.get("body", b"")
                size += len(part)
                _check_size(size, MOST_JSON)
                parts.append(part)
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        raise RefusedBodyError(408, "This request took too long to arrive.") from None


async def _check_json(body: bytes) -> None:
    if len(body) <= SMALL:
        check_json(body)
    else:
        await asyncio.to_thread(check_json, body)


def check_json(body: bytes) -> None:
    """Raise RefusedBodyError for JSON that is no UTF-8, too deep or of too many parts.

    Brackets are counted without building anything. Other encodings, in which a bracket could
    hide, are no JSON for exchange (RFC 8259).
    """
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusedBodyError(400, "This request is not JSON in UTF-8.") from None
    if b"\0" in body:
        raise RefusedBodyError(400, "This request is not JSON in UTF-8.")
    depth = 0
    for number, token in enumerate(_TOKEN.finditer(body)):
        closing, opens, closes = token.groups()
        if closing == b"":
            raise RefusedBodyError(400, "This request holds a text without an end.")
        depth += (opens is not None) - (closes is not None)
        if depth > DEEPEST:
            raise RefusedBodyError(400, f"This request goes more than {DEEPEST} levels deep.")
        if number >= MOST_TOKENS:
            raise RefusedBodyError(413, "This request has far too many parts.")


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that hands out the body at once, then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
