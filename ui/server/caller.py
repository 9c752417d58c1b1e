"""Stamps every request with where it came from, before anything else sees it.

Gradio carries an MCP tool out by calling itself with the caller's headers, so a handler that looks
at the connection would take every MCP client for this machine's own person. The stamp is a header
that only this process can write: a foreign one is dropped at the entrance, and our own travels
inward with the call. Who is asking is decided from the stamp alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from core.exposure import is_loopback

STAMP = "x-srpo-caller"
HEADER = "x-srpo-token"
"""By which scripts and MCP clients name their owner."""
LIFE_S = 600.0
"""How long a stamp is good for: a call of the program to itself follows at once."""
BELIEVED = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded")
"""Headers that only a trusted proxy may set; from others they are dropped."""
SIGNS = (
    *BELIEVED,
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "via",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-original-host",
)
"""Headers that only a proxy writes."""
PRIVATE = "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 127.0.0.0/8 fc00::/7 ::1"
"""Networks of which a Space's own proxy is one: nobody else reaches the port there."""

Networks = Sequence[IPv4Network | IPv6Network]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the server saw of a request at its entrance."""

    address: str = ""
    """The caller's network address, as far as it is known; for limits alone."""
    local: bool = False
    """It came from this machine, without any sign of a proxy."""
    page: str = ""
    """Scheme and host under which the caller reaches the page; for links alone."""
    user: str = ""
    """The signed-in user whose token for scripts it carries."""


def seen_of(headers: object) -> Seen:
    """Return what a request's stamp says; without a stamp nothing is known.

    Whatever stamp a handler can see was written by this process, see `StampCaller`.
    """
    get = getattr(headers, "get", None)
    text = str(get(STAMP) or "") if get else ""
    return _read(text.partition(".")[0]) or Seen()


def networks(listed: str) -> Networks:
    """Return the networks of a setting, separated by commas or spaces."""
    return [ip_network(one, strict=False) for one in listed.replace(",", " ").split()]


@dataclass(frozen=True, slots=True)
class Entrance:
    """What is known of the way here: whom to believe, and whether anybody can be `local`."""

    trusted: Networks = ()
    local_owner: bool = True

    def look(self, scope: Scope) -> Seen:
        """Say where a request came from."""
        headers = Headers(scope=scope)
        peer = (scope.get("client") or ("", 0))[0]
        host, scheme = headers.get("host", ""), scope.get("scheme", "http")
        address = peer
        if self.trusts(peer):
            address = self._forwarded(headers, peer)
            host = headers.get("x-forwarded-host", host).split(",")[0].strip()
            told = headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
            scheme = told if told in ("http", "https") else scheme
        local = self.local_owner and _is_local(scope, headers, peer)
        return Seen(address, local, f"{scheme}://{host}" if host else "")

    def trusts(self, peer: str) -> bool:
        """Whether a peer is a proxy whose headers are believed."""
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self.trusted)

    def _forwarded(self, headers: Headers, peer: str) -> str:
        """Return the last address that no trusted proxy wrote for itself.

        What stands further left was sent by the caller and may say anything.
        """
        named = ",".join(headers.getlist("x-forwarded-for")).split(",")
        for address in reversed([one.strip() for one in named]):
            if not self.trusts(address):
                return address if _is_address(address) else peer
        return peer


class StampCaller:
    """ASGI middleware, outside of all others, that writes the stamp.

    `user` says whose a token is, if it is a signed-in user's.
    """

    def __init__(
        self, app: ASGIApp, entrance: Entrance, user: Callable[[str], str] = lambda _token: ""
    ) -> None:
        self.app = app
        self._entrance = entrance
        self._user = user
        self._secret = secrets.token_bytes(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with our stamp, and without headers that are not believed."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        seen = self._entrance.look(scope)
        if token := Headers(scope=scope).get(HEADER):
            seen = replace(seen, user=self._user(token))
        given = Headers(scope=scope).getlist(STAMP)
        own = given[0] if len(given) == 1 and self._is_ours(given[0]) else None
        scope = dict(scope)
        headers = MutableHeaders(scope=scope)  # after the last look: each makes a list of its own
        if not self._entrance.trusts((scope.get("client") or ("", 0))[0]):
            for name in BELIEVED:
                del headers[name]
        headers[STAMP] = own or self._write(seen)
        await self.app(scope, receive, send)

    def _write(self, seen: Seen) -> str:
        facts = json.dumps(asdict(seen) | {"at": time.time()}).encode()
        text = base64.urlsafe_b64encode(facts).decode()
        return f"{text}.{self._sign(text)}"

    def _is_ours(self, stamp: str) -> bool:
        text, _, signature = stamp.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(text).encode()):
            return False
        return time.time() - float(json.loads(base64.urlsafe_b64decode(text))["at"]) < LIFE_S

    def _sign(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()


def _read(text: str) -> Seen | None:
    try:
        facts = json.loads(base64.urlsafe_b64decode(text))
        return Seen(
            str(facts["address"]), facts["local"] is True, str(facts["page"]), str(facts["user"])
        )
    except (ValueError, KeyError, TypeError):
        return None


def _is_local(scope: Scope, headers: Headers, peer: str) -> bool:
    """Whether a request came from this machine, straight to this server.

    Stock proxies give themselves away: by HTTP/1.0, by a header of theirs, or by a Host that is
    not the loopback name and port under which this server listens.
    """
    if not is_loopback(peer) or scope.get("http_version") == "1.0":
        return False
    if any(sign in headers for sign in SIGNS):
        return False
    name, port = host_and_port(headers.get("host", ""))
    own = (scope.get("server") or ("", None))[1]
    default = 443 if scope.get("scheme") in ("https", "wss") else 80
    return is_loopback(name) and (port or default) == (own or default)


def host_and_port(host: str) -> tuple[str, int | None]:
    """Split a Host header; the name in lower case, without brackets and closing dot."""
    name, _, port = host.strip().lower().rpartition(":")
    if not name or "]" in port or not (port.isascii() and port.isdecimal() and len(port) < 6):
        name, port = host.strip().lower(), ""
    return name.strip("[]").rstrip("."), int(port) if port else None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
