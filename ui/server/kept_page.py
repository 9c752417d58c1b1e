"""Keeps the page as it was answered: where nobody signs in, all who speak a language get the same.

Gradio copies and writes down all that the page is made of at every visit. What an answer depends on
is the language and the address under which the page is shown; with anything else in the request,
Gradio answers anew. What is kept is also compressed, which Gradio does not do with its page.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.words import language
from ui.server.gradio_patches.assets import pack
from ui.server.origin_guard import route_of

MOST = 8
ADDRESS = ("host", "x-forwarded-host", "x-forwarded-proto", "x-gradio-server")
"""Headers from which Gradio makes the address of the page."""
SAME = (b"", b"__theme=light", b"__theme=dark")
"""What may be asked for in an address without another answer."""
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A page as it is answered, as it is and compressed with Brotli."""

    plain: bytes
    packed: bytes


class KeptPage:
    """ASGI middleware that answers for the page with what was answered before."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._kept: OrderedDict[Key, Kept] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for the page if it is known, else keep what is answered."""
        if scope["type"] != "http" or not _asks_for_the_page(scope):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        named = [",".join(headers.getlist(name)) for name in ADDRESS]
        key = (language(), scope["scheme"], str(scope.get("root_path", "")), *named)
        if key not in self._kept:
            begin, body = await self._answered(scope, receive)
            if begin["status"] != 200:
                await send(begin)
                await send({"type": "http.response.body", "body": body})
                return
            self._keep(key, body)
        self._kept.move_to_end(key)
        kept, packs = self._kept[key], "br" in headers.get("accept-encoding", "")
        answer = Response(
            kept.packed if packs else kept.plain,
            media_type="text/html",
            headers={"Vary": "Accept-Encoding"} | ({"Content-Encoding": "br"} if packs else {}),
        )
        await answer(scope, receive, send)

    async def _answered(self, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
        begin: Message = {}
        parts: list[bytes] = []

        async def listen(message: Message) -> None:
            if message["type"] == "http.response.start":
                begin.update(message)
            else:
                parts.append(message.get("body", b""))

        await self.app(scope, receive, listen)
        return begin, b"".join(parts)

    def _keep(self, key: Key, body: bytes) -> None:
        self._kept[key] = Kept(body, pack(body))
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)


def _asks_for_the_page(scope: Scope) -> bool:
    shown = scope["method"] == "GET" and route_of(scope) == "/"
    return shown and scope.get("query_string", b"") in SAME
