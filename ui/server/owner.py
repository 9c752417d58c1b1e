"""Who is asking: a signed-in user, this machine's own person, a browser, a script, a stranger."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection
from typing import Any

import gradio as gr

from core.caller import Caller, stranger
from core.errors import InputError
from core.words import say
from ui.server.caller import HEADER, seen_of
from ui.server.sign_in import user_of

TOKEN = re.compile(r"[0-9a-f]{32}")


def new_token() -> str:
    """Draw the secret by which a browser, and the scripts that carry it, are known."""
    return secrets.token_hex(16)


def owner_of(request: gr.Request | None, token: Any = None) -> str:
    """Name the owner of what this request makes and may see."""
    return caller_of(request, token).owner


def caller_of(
    request: gr.Request | None, token: Any = None, admins: Collection[str] = ()
) -> Caller:
    """Say who sent a request; `token` is what the page's browser remembers.

    A signed-in user is that user. A token in the header is whoever has that token, and the user it
    was issued to if it was. Whoever sits at the machine that runs the program is `local`. A browser
    is its token. Everybody else is a stranger, for this request alone. An address is never an
    identity.

    Raises InputError for a header that holds no token.
    """
    if request is None:
        return stranger()
    seen = seen_of(request.headers)
    if request.username:
        owner = f"user:{request.username}"
        return Caller(owner, seen.address, request.username in admins)
    if user := user_of(request):
        return Caller(user.owner, seen.address, bool(user.name) and f"hf:{user.name}" in admins)
    if seen.user:  # its script, which does not run the place, whoever wrote it
        return Caller(seen.user, seen.address)
    if (given := request.headers.get(HEADER)) is not None:
        if not TOKEN.fullmatch(str(given)):
            raise InputError(say("unreadable-caller"), advice=say("how-to-say-who"))
        return Caller(_browser(str(given)), seen.address)
    if seen.local:
        return Caller("local", seen.address, admin=True)
    if browser := browser_of(token):
        return Caller(browser, seen.address)
    return stranger(seen.address)


def browser_of(token: Any) -> str:
    """Name the owner that a browser is while nobody signs in on it; "" if this is no token."""
    return _browser(token) if isinstance(token, str) and TOKEN.fullmatch(token) else ""


def _browser(token: str) -> str:
    """Name a browser by a digest: the database must not hold what the browser presents."""
    return "browser:" + hashlib.sha256(token.encode()).hexdigest()[:32]
