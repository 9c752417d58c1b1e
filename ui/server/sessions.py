"""Answers for streams of events that nobody opened; Gradio would write a traceback for each."""

from __future__ import annotations

import json
import re

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.server.gradio_patches import streams
from ui.server.gradio_patches.password_login import needs_login
from ui.server.origin_guard import route_of

STREAM = re.compile(r"/gradio_api/(queue/data|call/(?:v2/)?[A-Za-z0-9_]+/([A-Za-z0-9_-]+))")


class KnownStreams:
    """ASGI middleware that answers for streams which nobody opened.

    The page gets the message by which it notices that the server was restarted.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or say that there is no such stream."""
        found = STREAM.fullmatch(route_of(scope)) if scope["type"] == "http" else None
        if found and scope["method"] == "GET" and (answer := _refusal(scope, found)):
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _refusal(scope: Scope, found: re.Match[str]) -> Response | None:
    request = HTTPConnection(scope)
    if needs_login(scope["app"], request.cookies):
        return JSONResponse({"detail": "Not authenticated"}, status_code=401)
    name = found[2] or request.query_params.get("session_hash", "")
    if streams.has_session(scope["app"], name):
        return None
    if found[2]:  # of a call it is the event that is named
        if streams.has_event(scope["app"], name):
            return None
        return PlainTextResponse(
            'event: error\ndata: "404: Not Found"\n\n', media_type="text/event-stream"
        )
    gone = f"data: {json.dumps(streams.GONE)}\n\n"
    return PlainTextResponse(gone, media_type="text/event-stream")
