"""Keeps other sites' pages out: their scripts can neither read nor trigger anything here.

On a public host Gradio answers every Origin as if it were its own, so a page elsewhere could act
with a visitor's login. A request that names an Origin other than the host it came to is refused
before it reaches Gradio. Programs send no Origin and pass.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class SameOrigin:
    """ASGI middleware that refuses foreign origins.

    Behind a proxy that changes the Host header, `GRADIO_ROOT_PATH` with the public address names
    the origin that is our own. X-Forwarded-Host is not believed: a foreign page could send it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.public = urlsplit(os.environ.get("GRADIO_ROOT_PATH", "")).netloc.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 403."""
        if scope["type"] == "http" and not self._is_own(Headers(scope=scope)):
            refusal = PlainTextResponse("This page belongs to another site.", status_code=403)
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _is_own(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is None:
            return True
        place = urlsplit(origin).netloc.lower()
        return bool(place) and place in (headers.get("host", "").lower(), self.public)
