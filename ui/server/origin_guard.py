"""Keeps other sites' pages out: their scripts can neither read nor trigger anything here.

On a public host Gradio answers every Origin as if it were its own, so a page elsewhere could act
with a visitor's login. A request that names an Origin other than the host it came to is refused
before it reaches Gradio. Programs send no Origin and pass. Neither can other sites show this page
in a frame of theirs and lead a visitor's clicks, unless they are named.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.words import say
from ui import markup
from ui.server.open_routes import MCP, is_open

HUB = "https://huggingface.co https://*.huggingface.co"
"""Whose pages show a Space in a frame."""


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
        if scope["type"] == "websocket":  # nothing here speaks it
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http" and (refusal := self._refusal(scope)):
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if not self._is_own(headers):
            return PlainTextResponse(say("server-foreign"), status_code=403)
        path = route_of(scope)
        method = "POST" if scope["method"] == "OPTIONS" else scope["method"]
        if not is_open(method, path, headers):
            if method == "GET" and MCP.fullmatch(path):
                return PlainTextResponse(say("for-mcp-clients") + "\n")
            return PlainTextResponse(say("server-not-offered"), status_code=403)
        if path == "/logout" and not self._is_from_the_page(headers):
            # Whoever types the address has no page of ours to come from; the link makes this one.
            return HTMLResponse(markup.sign_out_page(), status_code=403)
        return None

    def _is_own(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        return origin is None or self._is_this_place(origin, headers)

    def _is_this_place(self, address: str, headers: Headers) -> bool:
        place = urlsplit(address).netloc.lower()
        return bool(place) and place in (headers.get("host", "").lower(), self.public)

    def _is_from_the_page(self, headers: Headers) -> bool:
        """Whether a person followed a link of our own page: a link names no Origin.

        Browsers say where a request comes from on HTTPS and on this machine; elsewhere our pages
        send a Referer, and pages of other sites cannot send ours.
        """
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        return self._is_this_place(headers.get("referer", ""), headers)


def route_of(scope: Scope) -> str:
    """Return the path of a request without the one under which a proxy shows the page."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    if root.startswith("/") and path.startswith(root.rstrip("/") + "/"):
        return path.removeprefix(root.rstrip("/"))
    return path


class Framed:
    """ASGI middleware that tells browsers who may frame the page and what they may give away.

    `embed` are the origins that may frame it besides its own; on a Space the hub's are among them.
    """

    def __init__(self, app: ASGIApp, embed: str = "") -> None:
        self.app = app
        named = f"{HUB} {embed}" if os.environ.get("SYSTEM") == "spaces" else embed
        self.headers = {
            "X-Content-Type-Options": "nosniff",
            # Addresses of images are signed: other sites must not learn them from a Referer.
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
