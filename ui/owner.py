"""Who is asking: a signed-in user, this machine's own person, or an anonymous browser."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import secrets
from typing import Any

import gradio as gr

TOKEN = re.compile(r"[0-9a-f]{32}")


def new_token() -> str:
    """Draw the secret by which an anonymous browser is known."""
    return secrets.token_hex(16)


def owner_of(request: gr.Request | None, token: Any = None) -> str:
    """Name the owner of what this request makes and may see.

    A signed-in user is that user. Whoever sits at the machine that runs the program is `local`,
    from the page and from scripts alike. Everybody else is their browser's token, and a script
    without one is its network address.
    """
    if request is None:
        return "local"
    if request.username:
        return f"user:{request.username}"
    if _is_local(request):
        return "local"
    if isinstance(token, str) and TOKEN.fullmatch(token):
        return "browser:" + _digest(token)
    return "address:" + _digest(str(request.client.host if request.client else ""))


def _is_local(request: gr.Request) -> bool:
    """Tell whether the request came from this machine without a proxy in between."""
    headers = request.headers
    if (
        os.environ.get("SYSTEM") == "spaces"
        or "x-forwarded-for" in headers
        or "forwarded" in headers
    ):
        return False
    name = str(headers.get("host", "")).rsplit(":", 1)[0].strip("[]")
    return _is_loopback(str(request.client.host if request.client else "")) and (
        name == "localhost" or _is_loopback(name)
    )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _digest(text: str) -> str:
    """Shorten a token so that the database does not hold what the browser presents."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
