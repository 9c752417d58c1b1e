"""Answers only to names that are this server's own, so that no foreign name can be turned on it.

A page elsewhere can let its own name point at this machine (DNS rebinding). The browser then takes
it for the same site, and an Origin that equals the Host proves nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from core.exposure import is_loopback
from ui import messages
from ui.server.caller import host_and_port

HEALTH = ("/healthz", "/readyz")
"""Asked by load balancers under names of their own; they tell nothing."""


class KnownHosts:
    """ASGI middleware that answers 421 to a Host that is not this server's.

    `names` are those of the settings, `*.` before a name stands for any subdomain; `share_url` is
    asked at each request, since the public link is known only after the start.
    """

    def __init__(
        self, app: ASGIApp, names: Iterable[str] = (), share_url: Callable[[], str | None] = str
    ) -> None:
        self.app = app
        self._names = ({*names} | own_names()) - {""}
        self._share_url = share_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or say which setting allows its host."""
        if scope["type"] in ("http", "websocket") and scope["path"] not in HEALTH:
            hosts = Headers(scope=scope).getlist("host")
            if len(hosts) != 1 or not self.knows(hosts[0]):
                answer = PlainTextResponse(messages.unknown_host(",".join(hosts)), status_code=421)
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def knows(self, host: str) -> bool:
        """Whether this server goes by that name."""
        name, _port = host_and_port(host)
        if is_loopback(name) or _is_address(name) or name in self._names:
            return True
        parents = [one[1:] for one in self._names if one.startswith("*.")]
        if any(name.endswith(parent) and name != parent[1:] for parent in parents):
            return True
        return bool(name) and name == urlsplit(self._share_url() or "").hostname


def own_names() -> set[str]:
    """Return the names of this machine, of its Space, and of the address it is told to have."""
    machine = socket.gethostname().lower()
    named = [os.environ.get("SPACE_HOST", "").lower()]
    named += [urlsplit(os.environ.get("GRADIO_ROOT_PATH", "")).hostname or ""]
    full = socket.getfqdn().lower()
    return {machine, f"{machine}.local", full, *named} - {"", ".local"}


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
