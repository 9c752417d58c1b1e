"""Which language a request is answered in: the one of the page's switch, or the browser's first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.words import ENGLISH, choose, language, speaking
from ui.server.origin_guard import route_of

COOKIE = "srpo-lang"
API = re.compile(r"/gradio_api/(call|run|api|mcp|info)(/|$)")
"""Routes for programs, which are answered in English."""


def language_of(headers: Mapping[str, str]) -> str:
    """Return the language of whoever sent a request with these headers."""
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        cookies = SimpleCookie()
    wanted = cookies[COOKIE].value if COOKIE in cookies else ""
    return choose(wanted, headers.get("accept-language", ""))


class Spoken:
    """ASGI middleware that answers each request in the language of whoever sent it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Say everything in that language, and tell caches that the page depends on it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                if headers.get("content-type", "").startswith("text/html"):
                    headers["Content-Language"] = language()
                    headers.add_vary_header("Cookie")
                    headers.add_vary_header("Accept-Language")
            await send(message)

        of_program = API.match(route_of(scope))
        with speaking(ENGLISH if of_program else language_of(Headers(scope=scope))):
            await self.app(scope, receive, told)
