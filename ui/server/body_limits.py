"""Limits what a request may carry: its size while it comes, how long it takes, how deep it goes.

Gradio limits uploaded files alone: an image inside JSON has no limit there, JSON that is thousands
of levels deep ends in an error of the server, and while a large body is read, nobody else is
answered. What is too much is answered with a sentence before Gradio sees it.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.words import say
from ui.server.gradio_patches.uploading import cut

MOST_JSON = 4_200_000
"""Bytes of a body: as many as Gradio takes of an MCP client, which may send an image in it."""
MOST_FORM = 24_000_000
"""Bytes of an upload: Gradio's own limit for one file, and what a form puts around it."""
MOST_FIELDS = 50_000
"""Bytes of a form without a file: of a login."""
MOST_HELD = 400_000_000
"""Bytes of all bodies that are in memory at once; small ones are always taken."""
DEEPEST = 64
MOST_PARTS = 10_000
"""Strings, brackets and commas of a body; Gradio looks at each by itself."""
LONGEST_PATH = 4_000
"""Letters of an address's path; whoever looks for a file goes through it step by step."""
LONGEST_WORD = 1_000
"""Letters between two signs of JSON: of a number, a word or white space."""
PIECE = 200_000
"""Bytes of a text that are looked at in one step."""
PATIENCE_S = 20.0
"""How long a sender may be silent, in seconds; whoever is slower than `SLOWEST` uses it up."""
SLOWEST = 20_000
"""Bytes a second."""
SMALL = 50_000

# The quantifiers never give back what they took, so that no body can make the search slow.
_SIGN = re.compile(rb'([^"\[\]{},]{0,%d}+)(["\[\]{},])?+' % LONGEST_WORD)
_TEXT = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
FORM = "application/x-www-form-urlencoded"
UPLOAD = re.compile(r"/upload/?$")


class RefusedBodyError(Exception):
    """A body is not taken; `status` is that of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class BodyLimits:
    """ASGI middleware that reads the bodies of requests within limits."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body, or answer why not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            if len(scope["path"]) > LONGEST_PATH:
                raise RefusedBodyError(414, say("server-address-too-long"))
            if scope["method"] in ("GET", "HEAD", "OPTIONS"):
                await self.app(scope, receive, send)
            elif _is_form(scope) and UPLOAD.search(scope["path"]):
                _check_size(_declared(scope), MOST_FORM)
                await _Counted(self.app, receive, send).run(scope)
            else:
                await self._with_body(scope, receive, send)
        except RefusedBodyError as error:
            # What still comes of the body is not read: the connection ends with the answer.
            closing = {"Connection": "close"}
            answer = JSONResponse({"detail": str(error)}, error.status, closing)
            await answer(scope, receive, send)

    async def _with_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read a body to its end, look at it, and pass it on."""
        form = _is_form(scope)
        most = MOST_FIELDS if form else MOST_JSON
        _check_size(_declared(scope), most)
        parts, arriving, held = [], Arriving(), 0
        try:
            while True:
                message = await arriving.next(receive, most)
                if message["type"] == "http.disconnect":
                    return  # whoever asked is gone
                parts.append(message.get("body", b""))
                held = arriving.size
                self._held += len(parts[-1])
                if held > SMALL and self._held > MOST_HELD:
                    raise RefusedBodyError(503, say("server-too-much-sent-here-at"))
                if not message.get("more_body"):
                    break
            body = b"".join(parts)
            parts.clear()
            if not form:
                await _check_json(body)
            await self.app(scope, _replayed(body, receive), send)
        finally:
            self._held -= held


@dataclass(slots=True)
class Arriving:
    """A body on its way: how much of it is here, and until when the next part has to come."""

    size: int = 0
    until: float = field(default_factory=lambda: time.monotonic() + PATIENCE_S)

    async def next(self, receive: Receive, most: int) -> Message:
        """Return the next part.

        Raises RefusedBodyError when there is too much of it, or when it is too slow. What has
        arrived gives time for more, so that a slow line is waited for; but never for longer than
        from the start, so that nobody can stop in the middle and keep the place.
        """
        try:
            async with asyncio.timeout(max(self.until - time.monotonic(), 0.0)):
                message = await receive()
        except TimeoutError:
            raise RefusedBodyError(408, say("server-request-took-too-long-arrive")) from None
        arrived = len(message.get("body", b""))
        self.size += arrived
        self.until = min(self.until + arrived / SLOWEST, time.monotonic() + PATIENCE_S)
        _check_size(self.size, most)
        return message


class _Counted:
    """Passes an upload on piece by piece and ends it where it is too large or too slow."""

    def __init__(self, app: ASGIApp, receive: Receive, send: Send) -> None:
        self._app, self._receive, self._send = app, receive, send
        self._arriving = Arriving()
        self._whole = self._gone = False
        self._refusal: RefusedBodyError | None = None

    async def run(self, scope: Scope) -> None:
        """Raise RefusedBodyError when the body is refused, whatever the app made of that."""
        try:
            await self._app(scope, self._read, self._answer)
        except MultiPartException:
            if not self._refusal and not self._gone:
                raise
        if self._refusal:
            raise self._refusal

    async def _read(self) -> Message:
        if self._whole:  # what comes now is only the news that the client has gone
            return await self._receive()
        try:
            message = await self._arriving.next(self._receive, MOST_FORM)
        except RefusedBodyError as error:
            self._refusal = error
            raise cut() from error
        if message["type"] == "http.disconnect":
            self._gone = True
            raise cut()
        self._whole = not message.get("more_body")
        return message

    async def _answer(self, message: Message) -> None:
        if not self._refusal and not self._gone:
            await self._send(message)


def _is_form(scope: Scope) -> bool:
    kind = Headers(scope=scope).get("content-type", "").lower()
    return kind.startswith(("multipart/", FORM))


def _declared(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 20 else 0


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise RefusedBodyError(
            413,
            say("server-request-too-large-at-most", most=f"{most / 1000000:g}"),
        )


async def _check_json(body: bytes) -> None:
    if len(body) <= SMALL:
        check_json(body)
    else:
        await asyncio.to_thread(check_json, body)


def check_json(body: bytes) -> None:
    """Raise RefusedBodyError for JSON that is no UTF-8, too deep, or of too many or too long parts.

    Brackets are counted without building anything, and in pieces: one search through all of a
    body would keep every other thread from working meanwhile. Other encodings, in which a bracket
    could hide, are no JSON for exchange (RFC 8259).
    """
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusedBodyError(400, say("server-request-not-json-in-utf")) from None
    if b"\0" in body:
        raise RefusedBodyError(400, say("server-request-not-json-in-utf"))
    position = depth = parts = 0
    while (found := _SIGN.match(body, position)) and (sign := found[2]):
        parts += 1
        if sign == b'"':
            position = _end_of_text(body, found.end())
        else:
            position = found.end()
            depth += (sign in b"[{") - (sign in b"]}")
        if depth > DEEPEST:
            raise RefusedBodyError(
                400, say("server-request-goes-more-than-levels", deepest=DEEPEST)
            )
        if parts > MOST_PARTS:
            raise RefusedBodyError(413, say("server-request-has-far-too-many"))
    if found and found.end() < len(body):
        raise RefusedBodyError(400, say("server-request-holds-number-or-word"))


def _end_of_text(body: bytes, position: int) -> int:
    """Return where the text that begins at `position` has ended."""
    while position < len(body):
        found = _TEXT.match(body, position, position + PIECE)
        end = found.end() if found else position
        if body[end : end + 1] == b'"':
            return end + 1
        if end == position:  # a backslash with nothing behind it
            break
        position = end
    raise RefusedBodyError(400, say("server-request-holds-text-without-end"))


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that hands out the body at once, then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
