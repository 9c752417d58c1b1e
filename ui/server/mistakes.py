"""Answers requests that Gradio cannot read with a sentence; it would write a traceback for each.

What the page's own handlers raise never comes here: Gradio catches it and tells the page. What
escapes a route of Gradio's was raised while it read the request: an endpoint or event that does
not exist, an argument nobody knows, a text that is no Unicode.
"""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.words import say
from ui.server.gradio_patches.requests import NotFoundError
from ui.server.origin_guard import route_of

OURS = ("/media/", "/sets/", "/healthz", "/readyz")
"""Our own routes: an error there is a fault of ours and stays loud."""
MISTAKES = (LookupError, TypeError, ValueError, NotFoundError)
log = logging.getLogger(__name__)


class Mistakes:
    """ASGI middleware that answers 400 where Gradio fails at reading a request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or say that it cannot be read."""
        if scope["type"] != "http" or route_of(scope).startswith(OURS):
            await self.app(scope, receive, send)
            return
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, answer)
        except MISTAKES as error:
            if started:
                raise
            # Neither the error's text nor the path: both may be what the caller sent.
            log.warning("A request was not understood: %s at %s", type(error).__name__, _at(error))
            refused = JSONResponse({"detail": say("not-understood")}, status_code=400)
            await refused(scope, receive, send)


def _at(error: BaseException) -> str:
    """Name the place that raised an error."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"
