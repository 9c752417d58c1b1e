"""Keeps other sites' pages out: their scripts can neither read nor trigger anything here.

On a public host Gradio answers every Origin as if it were its own, so a page elsewhere could act
with a visitor's login. A request that names an Origin other than the host it came to is refused
before it reaches Gradio. Programs send no Origin and pass. Neither can other sites show this page
in a frame of theirs and lead a visitor's clicks, unless they are named.
"""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HUB = "https://huggingface.co https://*.huggingface.co"
"""Whose pages show a Space in a frame."""
# Routes of Gradio that nothing here needs: those that fetch an address for the caller, convert
# videos, keep what a session holds, or edit the program.
CLOSED = re.compile(
    r"/(file|proxy)=\s*[a-z][a-z0-9+.-]+:|/(process_recording|deep_link|(undo-)?vibe-\w+)/*$",
    re.IGNORECASE,
)


class SameOrigin:
    """ASGI middleware that refuses foreign origins, and routes that nothing here needs.

    Behind a proxy that changes the Host header, `GRADIO_ROOT_PATH` with the public address names
    the origin that is our own. X-Forwarded-Host is not believed: a foreign page could send it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.public = urlsplit(os.environ.get("GRADIO_ROOT_PATH", "")).netloc.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 403."""
        if scope["type"] == "http" and (refusal := self._refusal(scope)):
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        if not self._is_own(Headers(scope=scope)):
            return PlainTextResponse("This page belongs to another site.", status_code=403)
        if CLOSED.search(scope["path"]):
            return PlainTextResponse("This is not offered here.", status_code=403)
        return None

    def _is_own(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is None:
            return True
        place = urlsplit(origin).netloc.lower()
        return bool(place) and place in (headers.get("host", "").lower(), self.public)


class Framed:
    """ASGI middleware that tells browsers who may frame the page and what they may give away.

    `embed` are the origins that may frame it besides its own; on a Space the hub's are among them.
    """

    def __init__(self, app: ASGIApp, embed: str = "") -> None:
        self.app = app
        named = f"{HUB} {embed}" if os.environ.get("SYSTEM") == "spaces" else embed
        self.headers = {
            "X-Content-Type-Options": "nosniff",
            # Addresses of pictures are signed: other sites must not learn them from a Referer.
            "Referrer-Policy": "same-origin",
        }
        self.policy = "frame-ancestors " + " ".join(["'self'", *named.split()])
        if not named.split():
            # For browsers that know no policy; it has no word for a list of sites.
            self.headers["X-Frame-Options"] = "SAMEORIGIN"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and add the headers to its answer."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers[name] = value
                headers.append("Content-Security-Policy", self.policy)
            await send(message)

        await self.app(scope, receive, answer if scope["type"] == "http" else send)
