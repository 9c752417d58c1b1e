"""One stub a backend: how to build it, and how to make its service have each kind of bad day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from backends.miniature import Miniature
from tests.backends.local.slow_model import ready
from tests.backends.services import (
    ANSWER,
    KEY,
    Recording,
    engine_ok,
    fal,
    fal_ok,
    self_hosted,
    siraya,
    siraya_ok,
    wavespeed,
    wavespeed_ok,
)

Fault = Literal[
    "wrong key",
    "no credit",
    "blocked",
    "bad parameter",
    "rate limit",
    "down",
    "html",
    "garbage",
    "lost answer",
    "slow answer",
    "never reached",
]
HTML = "<html><script>alert(1)</script><h1>502 Bad Gateway</h1>nginx</html>"


@dataclass(frozen=True, slots=True)
class Stub:
    """A backend under test; `answers` are what its service says to the costly request.

    A backend without a service leaves out what it does not have.
    """

    name: str
    build: Callable[[httpx.AsyncBaseTransport | None], Any]
    sandbox: Callable[[], Any] | None = None
    ok: Callable[[httpx.Request], httpx.Response] = lambda _request: httpx.Response(404)
    answers: Mapping[Fault, Callable[[httpx.Request], httpx.Response]] = field(default_factory=dict)
    picture: bytes | None = ANSWER
    """The image of a good day; None when the backend generates it itself."""
    paid: bool = True

    def service(self, fault: Fault | None = None) -> Recording:
        """Return the service on a good day, or with a fault at the costly request."""

        def answer(request: httpx.Request) -> httpx.Response:
            if fault and request.method == "POST":
                return self.answers[fault](request)
            return self.ok(request)

        return Recording(answer)


def says(status: int, body: Any) -> Callable[[httpx.Request], httpx.Response]:
    text = isinstance(body, str)
    return lambda _request: httpx.Response(status, **({"text": body} if text else {"json": body}))


def fails(kind: type[httpx.TransportError]) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        raise kind(f"simulated {KEY}", request=request)

    return answer


BROKEN: dict[Fault, Callable[[httpx.Request], httpx.Response]] = {
    "html": says(502, HTML),
    "garbage": says(200, "{not json"),
    "lost answer": fails(httpx.ReadError),
    "slow answer": fails(httpx.ReadTimeout),
    "never reached": fails(httpx.ConnectError),
}


def wave(code: int, message: str) -> dict[str, Any]:
    return {"code": code, "message": message, "data": None}


def siraya_error(code: int, kind: str, message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


STUBS = (
    Stub(
        name="wavespeed",
        build=lambda transport: wavespeed(transport),
        sandbox=lambda: wavespeed(None, key=None),
        ok=wavespeed_ok,
        answers={
            "wrong key": says(401, wave(401, f"Invalid key <b>{KEY}</b>")),
            "no credit": says(400, wave(400, "Insufficient credits, please top up")),
            "blocked": says(403, wave(403, "content moderation refused this")),
            "bad parameter": says(200, wave(400, f"size is out of range <b>for</b> {KEY}")),
            "rate limit": says(429, wave(429, "You have reached your concurrency limit")),
            "down": says(503, wave(503, "unavailable")),
            **BROKEN,
        },
    ),
    Stub(
        name="siraya",
        build=lambda transport: siraya(transport),
        sandbox=lambda: siraya(None, key=None, edit="sandbox-edit"),
        ok=siraya_ok,
        answers={
            "wrong key": says(401, siraya_error(401, "auth", f"bad key {KEY}")),
            "no credit": says(402, siraya_error(402, "billing", "insufficient balance")),
            "blocked": says(422, siraya_error(422, "content_policy_violation", "refused")),
            "bad parameter": says(
                400, siraya_error(400, "invalid_request_error", f"bad steps {KEY}")
            ),
            "rate limit": says(429, siraya_error(429, "rate_limit", "slow down")),
            "down": says(503, siraya_error(503, "server_error", "unavailable")),
            **BROKEN,
        },
    ),
    Stub(
        name="fal",
        build=lambda transport: fal(transport),
        sandbox=lambda: fal(None, key=None),
        ok=fal_ok,
        answers={
            "wrong key": says(401, {"detail": f"Invalid key {KEY}"}),
            "no credit": says(403, {"detail": "User is locked. Reason: Exhausted balance."}),
            "blocked": says(
                422, {"detail": [{"type": "content_policy_violation", "msg": f"refused {KEY}"}]}
            ),
            "bad parameter": says(
                422, {"detail": [{"type": "less_than_equal", "msg": f"bad <b>steps</b> {KEY}"}]}
            ),
            "rate limit": says(429, {"detail": "Too many requests"}),
            "down": says(503, {"detail": "unavailable"}),
            **BROKEN,
        },
    ),
    Stub(
        name="self-hosted",
        build=lambda transport: self_hosted(transport, self_hosted_api_key=KEY),
        ok=engine_ok,
        paid=False,
        answers={
            "wrong key": says(401, {"detail": f"Invalid key {KEY}"}),
            "bad parameter": says(
                422, {"detail": [{"loc": ["body", "size"], "msg": f"bad <b>size</b> {KEY}"}]}
            ),
            "rate limit": says(429, {"error": {"message": "queue is full"}}),
            "down": says(500, {"detail": "Internal Server Error"}),
            **BROKEN,
        },
    ),
    Stub(name="local", build=lambda _transport: ready(), picture=None, paid=False),
    Stub(
        name="miniature",
        build=lambda _transport: Miniature(),
        picture=None,
        paid=False,
    ),
)
