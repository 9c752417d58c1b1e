"""Signing in with Hugging Face on a Space: whom a session names, and what is kept of it.

Gradio's own routes speak with the hub and put its answer into a signed cookie. Of that answer only
who it is stays there: the access token is of no use here, so it is not kept. The cookie is signed
with the Space's secret of the login; without a secret nothing is offered and no session believed.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.words import say
from ui import markup
from ui.server.gradio_patches.hub_login import CALLBACK, SIGNED_IN, START, TRIES, session_of

log = logging.getLogger(__name__)

ACCOUNT = "user:hf:"
"""How the owners of signed-in users of Hugging Face begin."""
LIFE_S = 8 * 3600.0
"""How long a session is good for if the hub does not say."""
MOST_TRIES = 1
"""Gradio begins again when its cookie did not come back; a stale cookie is gone by then."""
SUBJECT = re.compile(r"[!-~]{1,255}")
NAME = re.compile(r"[\w.-]{1,96}")


@dataclass(frozen=True, slots=True)
class User:
    """A user of Hugging Face; the name may change and be taken over by others, the id not."""

    id: str
    name: str

    @property
    def owner(self) -> str:
        """In whose name everything is made and kept."""
        return ACCOUNT + self.id


def user_of(request: Any) -> User | None:
    """Return who is signed in, or None; takes the requests of Gradio and of Starlette."""
    info = session_of(request).get(SIGNED_IN)
    if not isinstance(info, dict) or not float(info.get("expires_at") or 0) > time.time():
        return None
    return _user(info.get("userinfo"))


def _user(told: Any) -> User | None:
    if not isinstance(told, Mapping):
        return None
    subject, name = told.get("sub"), told.get("preferred_username")
    if not isinstance(subject, str) or not SUBJECT.fullmatch(subject):
        return None
    return User(subject, name if isinstance(name, str) and NAME.fullmatch(name) else "")


class SignIn:
    """ASGI middleware around Gradio's login: a sentence where it would fail, a token less."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; answer it here if the login cannot succeed."""
        if scope["type"] != "http" or scope["path"].rstrip("/") not in (START, CALLBACK):
            await self.app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                _keep_little(scope["session"])
            await send(message)

        if _tries(scope) > MOST_TRIES:
            await _said(say("no-cookie"), say("own-tab"), 400)(scope, receive, send)
            return
        try:
            await self.app(scope, receive, answer)
        except Exception as error:  # noqa: BLE001 – whatever the hub does, the visitor gets a page
            log.warning("signing in with Hugging Face failed: %s", type(error).__name__)
            await _said(say("not-signed-in"), say("back"), 502)(scope, receive, send)


def _keep_little(session: dict[str, Any]) -> None:
    """Leave in a session who it is and until when; raise ValueError if the hub did not say who."""
    if (info := session.get(SIGNED_IN)) is None:
        return
    if (user := _user(info.get("userinfo"))) is None:
        del session[SIGNED_IN]
        raise ValueError("the hub did not say who signed in")
    session[SIGNED_IN] = {
        "userinfo": {"sub": user.id, "preferred_username": user.name},
        "expires_at": info.get("expires_at") or time.time() + LIFE_S,
    }


def _tries(scope: Scope) -> int:
    """Return how often the login began anew, as Gradio counts it in the address."""
    counted = parse_qs(scope["query_string"].decode("latin-1")).get(TRIES, ["0"])[0]
    return int(counted) if counted.isascii() and counted.isdecimal() and len(counted) < 4 else 0


def _said(sentence: str, link: str, status: int) -> HTMLResponse:
    """Make a page of one sentence and the way back."""
    return HTMLResponse(markup.sentence_page(sentence, link), status_code=status)
