"""Ways to spoil an answer in its words: each returns what a fault does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, Literal

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from sandbox.faults.kinds import Exchange

Act = Callable[[Exchange], Response]


def refuse(status: int, message: str, *, retry_after: str = "") -> Act:
    """An error in the service's own words."""

    def act(exchange: Exchange) -> Response:
        answer = exchange.refuse(status, message)
        if retry_after:
            answer.headers["retry-after"] = retry_after
        return answer

    return act


def later_date(status: int, message: str, *, seconds: int) -> Act:
    """The same with `Retry-After` as a date."""

    def act(exchange: Exchange) -> Response:
        then = datetime.now(UTC) + timedelta(seconds=seconds)
        return refuse(status, message, retry_after=format_datetime(then, usegmt=True))(exchange)

    return act


def in_200(code: int, message: str) -> Act:
    """An error that calls itself a success."""
    return lambda exchange: raw(bytes(exchange.refuse(code, message).body))(exchange)


def raw(body: bytes, status: int = 200, media_type: str = "application/json") -> Act:
    """Exactly these bytes."""
    return lambda _: Response(body, status, media_type=media_type)


def page(status: int) -> Act:
    """The error page of a gateway in front of the service."""
    return lambda _: _page(status)


def delay_page(status: int, *, seconds: float) -> Act:
    """The same after a wait, as gateways do."""
    return lambda _: _Late(_page(status), seconds)


def html(_: Exchange) -> Response:
    """A captive portal's log-in page, with 200."""
    return Response(b"<!doctype html><title>Sign in to the network</title>", media_type="text/html")


def redirect(location: str) -> Act:
    """Somewhere else."""
    return lambda _: Response(b"", 302, {"location": location})


def truncated(exchange: Exchange) -> Response:
    """JSON that stops in the middle."""
    body = bytes(exchange.good.body) or b'{"code":200,"message":"success","data":{"id":"'
    return Response(body[: max(20, len(body) // 3)], media_type="application/json")


def payload(name: str, how: Literal["empty", "null"]) -> Act:
    """The good answer with one top-level value emptied; without that name, all of them."""

    def act(exchange: Exchange) -> Response:
        answer = _read(exchange) or {"code": 200, "message": "success", "data": {}}
        for key in [name] if name in answer else answer:
            answer[key] = None if how == "null" else type(answer[key])()
        return JSONResponse(answer, exchange.good.status_code)

    return act


def task_with(**changes: Any) -> Act:
    """The good answer with other values in its task object."""
    return lambda exchange: data(exchange, **changes)


def data(exchange: Exchange, **changes: Any) -> Response:
    """Return the good answer with other values in its task object, as the service names them."""
    answer = exchange.rewrite(_read(exchange), changes)
    return JSONResponse(answer, exchange.good.status_code)


def other(
    *,
    more: dict[str, Any] | None = None,
    less: Sequence[str] = (),
    names: dict[str, str] | None = None,
) -> Act:
    """The good answer with other fields: some more, some gone, some under another name.

    It is the task in the envelope that changes, or the whole answer where there is none; names
    that are not in it are passed over, so that one fault fits every service.
    """
    new_names = names or {}

    def change(value: dict[str, Any]) -> dict[str, Any]:
        kept = {new_names.get(name, name): v for name, v in value.items() if name not in less}
        return kept | (more or {})

    def act(exchange: Exchange) -> Response:
        answer = _read(exchange)
        inner = answer.get("data")
        answer = answer | {"data": change(inner)} if isinstance(inner, dict) else change(answer)
        return JSONResponse(answer, exchange.good.status_code)

    return act


def called(media_type: str) -> Act:
    """The good answer, called something else than it is."""
    return lambda x: Response(x.good.body, x.good.status_code, media_type=media_type)


def with_status(status: int) -> Act:
    """The good answer with a status that no page names for it."""
    return lambda x: Response(x.good.body, status, media_type="application/json")


class _Late(Response):
    """An answer that comes after a while."""

    def __init__(self, answer: Response, seconds: float) -> None:
        super().__init__()
        self.answer, self.seconds = answer, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(self.seconds)
        await self.answer(scope, receive, send)


def _page(status: int) -> Response:
    title = f"{status} {HTTPStatus(status).phrase}"
    body = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1>"
    return Response(f"{body}</center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
                    status, media_type="text/html")  # fmt: skip


def _read(exchange: Exchange) -> dict[str, Any]:
    body = bytes(exchange.good.body)
    answer: dict[str, Any] = json.loads(body) if body else {}
    return answer
