"""Makes guessing passwords slow: after a few wrong ones the next try has to wait.

Three things are counted, each with locks that grow. A network address that keeps failing for one
user waits first and longest. An address that fails for many users waits as a whole. A user whose
password is guessed from everywhere makes everybody wait, but only for seconds, and not where that
user has signed in before: otherwise a stranger could keep the user out. So a user who comes from a
new place while thousands of addresses guess may have to try more than once, and whoever guesses
from the user's own network locks the user out there; `SRPO_TRUSTED_PROXIES` keeps all visitors
from looking like one network.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.words import say
from ui import messages
from ui.server.body_limits import Arriving, RefusedBodyError
from ui.server.caller import seen_of

MOST_KEPT = 20_000
"""Counters, and places, that are remembered; those used longest ago go first."""
MOST_BYTES = 20_000
"""Of a login form."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How many failures are free, and how long the lock is after the next; it doubles each time.

    One failure is forgiven every `forgive_s` seconds.
    """

    free: int
    first_s: float
    most_s: float
    forgive_s: float

    def lock_s(self, failures: float) -> float:
        """Return the seconds until the next try after so many failures."""
        beyond = round(failures) - self.free  # what a few seconds forgive is no further guess
        return 0.0 if beyond < 0 else min(self.first_s * 2.0 ** min(beyond, 30), self.most_s)


PAIR = Rule(free=5, first_s=30.0, most_s=3600.0, forgive_s=600.0)
ADDRESS = Rule(free=20, first_s=60.0, most_s=3600.0, forgive_s=180.0)
USER = Rule(free=30, first_s=1.0, most_s=20.0, forgive_s=60.0)


@dataclass(slots=True)
class _Count:
    failures: float = 0.0
    last: float = 0.0
    free_at: float = 0.0

    def left(self, rule: Rule, now: float) -> float:
        """Return the failures that are not forgiven yet."""
        return max(0.0, self.failures - (now - self.last) / rule.forgive_s)


class LoginLimit:
    """Counts tries to sign in; `clock` returns seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()
        self._usual: OrderedDict[tuple[str, str], None] = OrderedDict()

    def begin(self, user: str, address: str) -> float:
        """Count a try before its password is looked at, so that a hundred at once are a hundred.

        Returns the seconds to wait if it is too early; then nothing was counted.
        """
        now = self._clock()
        keys = self._keys(user, address)
        wait = max(self._counts[key].free_at - now if key in self._counts else 0 for key in keys)
        if wait > 0:
            return wait
        for key, rule in keys.items():
            count = self._counts.setdefault(key, _Count())
            count.failures, count.last = count.left(rule, now) + 1, now
            count.free_at = now + rule.lock_s(count.failures)
            self._counts.move_to_end(key)
        while len(self._counts) > MOST_KEPT:
            self._counts.popitem(last=False)
        return 0.0

    def succeeded(self, user: str, address: str) -> None:
        """Take a try back that had the right password, and forgive this address this user."""
        pair, *others = self._keys(user, address)
        self._counts.pop(pair, None)
        for key in others:
            if count := self._counts.get(key):
                count.failures, count.free_at = max(0.0, count.failures - 1), 0.0
        self._usual[pair] = None
        self._usual.move_to_end(pair)
        if len(self._usual) > MOST_KEPT:
            self._usual.popitem(last=False)

    def _keys(self, user: str, address: str) -> dict[tuple[str, str], Rule]:
        name, place = user.casefold()[:200], network(address)
        keys = {(name, place): PAIR, ("", place): ADDRESS}
        return keys if (name, place) in self._usual else keys | {(name, ""): USER}


def network(address: str) -> str:
    """Return what one caller has: of IPv6 a whole network, of IPv4 an address."""
    try:
        found = ip_address(address)
    except ValueError:
        return address or "?"
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or int(found) >> 64)
    return str(found)


class LimitedLogin:
    """ASGI middleware that lets only so many tries to sign in through."""

    def __init__(self, app: ASGIApp, limit: LoginLimit | None = None) -> None:
        self.app = app
        self._limit = limit or LoginLimit()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or say when the next try is possible."""
        path = scope.get("path", "").rstrip("/\n")  # a route's `$` also matches before a line break
        if scope["type"] != "http" or scope["method"] != "POST" or not path.endswith("/login"):
            await self.app(scope, receive, send)
            return
        address = seen_of(Headers(scope=scope)).address
        try:
            body = await _body(receive)
            user = await _user(scope, body)
        except HTTPException:
            refused = JSONResponse({"detail": say("no-login-form")}, status_code=400)
            await refused(scope, receive, send)
            return
        except RefusedBodyError as error:
            closing = {"Connection": "close"}
            refused = JSONResponse({"detail": say("no-login-form")}, error.status, closing)
            await refused(scope, receive, send)
            return
        if wait := self._limit.begin(user, address):
            seconds = math.ceil(wait)
            headers = {"Retry-After": str(seconds)}
            late = JSONResponse({"detail": messages.too_many_tries(seconds)}, 429, headers)
            await late(scope, receive, send)
            return

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                self._limit.succeeded(user, address)
            await send(message)

        await self.app(scope, _again(body, receive), answered)


async def _body(receive: Receive) -> bytes:
    parts, arriving = [], Arriving()
    while True:
        message = await arriving.next(receive, MOST_BYTES)
        parts.append(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(parts)


async def _user(scope: Scope, body: bytes) -> str:
    """Return whom a form wants to be, read as Gradio reads it."""
    async with Request(scope, _again(body, None)).form(max_files=1, max_fields=20) as form:
        name = form.get("username", "")
        return name.strip() if isinstance(name, str) else ""


def _again(body: bytes, then: Receive | None) -> Receive:
    """Return a `receive` that hands the body out once more."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if waiting:
            return waiting.pop()
        return await then() if then else {"type": "http.disconnect"}

    return receive
