"""What Gradio knows of who has signed in, and of which streams are open."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.server.origin_guard import route_of

STREAM = re.compile(r"/gradio_api/(queue/data|call/(?:v2/)?[A-Za-z0-9_]+/([A-Za-z0-9_-]+))")


def needs_login(app: Any, cookies: Mapping[str, str]) -> bool:
    """Whether a request to Gradio's app lacks the sign-in that `SRPO_AUTH` wants.

    Gradio asks the same for its own routes; ours come before them.
    """
    if getattr(app, "auth", None) is None:
        return False
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    return not any(app.tokens.get(cookies.get(name, "")) for name in names)


class KnownStreams:
    """ASGI middleware that answers for streams which nobody opened.

    Gradio ends such a stream with an exception, so that every nonsense request writes a traceback
    into the log. The page gets the message by which it notices that the server was restarted.
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
    queue = scope["app"].get_blocks()._queue
    name = found[2] or request.query_params.get("session_hash", "")
    sessions = queue.pending_messages_per_session
    if name in sessions:
        return None
    if found[2]:  # of a call it is the event that is named
        events = queue.pending_event_ids_session.values()
        if name in queue.event_ids_to_events or any(name in ids for ids in events):
            return None
        return PlainTextResponse(
            'event: error\ndata: "404: Not Found"\n\n', media_type="text/event-stream"
        )
    message = {
        "msg": "unexpected_error",
        "message": "404: Not Found",
        "success": False,
        "session_not_found": True,
    }
    return PlainTextResponse(f"data: {json.dumps(message)}\n\n", media_type="text/event-stream")
