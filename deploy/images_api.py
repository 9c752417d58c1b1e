"""The OpenAI images API over one backend, as an ASGI app that knows nothing of Ray.

Work ends when its client goes: closing the backend's stream cancels it within a step.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import math
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, Protocol, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.errors import (
    BadResponseError,
    InputError,
    NotReadyError,
    PlaygroundError,
    RateLimitError,
    RejectedError,
)
from core.events import Event, Finished
from core.params import Params, Task
from deploy.wire import NAMES, Limited, body_of, is_foreign, params_of

log = logging.getLogger(__name__)

WARMING_S = 10
"""When to ask again while the model loads, in seconds."""
BUSY_S = 5
"""When to ask again while the queue is full, in seconds."""
WORK_S = 900.0
"""How long an image may take, its turn included, in seconds."""
GONE = 499
NO_KEY = "Without a key everybody who reaches this server could use it."
SAY_OPEN = "Set SELF_HOSTED_API_KEY, or start it with open=1 if that is what you want."
BROKEN = "The engine has a fault of its own; its log says more."

T = TypeVar("T")


class Painter(Protocol):
    """What is needed of a backend."""

    tasks: Mapping[Task, type[Params]]

    def generate(self, params: Params) -> AsyncIterator[Event]:
        """Make one image, as `core.backend.Backend` does."""
        ...


class ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


def hashed(key: str) -> str:
    """Return what a server needs to know of its key: enough to recognise it."""
    return hashlib.sha256(key.encode()).hexdigest()


def create(painter: Painter, *, model: str, key_hash: str = "", open: bool = False) -> Starlette:  # noqa: A002 a word of the command line
    """Build the app; every request for images must carry the key of `key_hash`.

    Raises InputError when there is no key and it was not said that everybody may come in.
    """
    if not key_hash and not open:
        raise InputError(NO_KEY, advice=SAY_OPEN)
    api = ImagesApi(painter, model, key_hash)
    return Starlette(
        routes=[
            Route("/healthz", api.health),
            Route("/v1/models", api.models),
            Route("/v1/images/generations", api.generations, methods=["POST"]),
            Route("/v1/images/edits", api.edits, methods=["POST"]),
        ],
        middleware=[Middleware(Limited)],
        exception_handlers={HTTPException: _refused},
    )


async def painted(painter: Painter, params: Params) -> Finished:
    """Return the image of a stream; being cancelled closes the stream."""
    stream: Any = painter.generate(params)
    finished = None
    async with aclosing(stream) as events:
        async for event in events:
            finished = event if isinstance(event, Finished) else finished
    if finished:
        return finished
    raise BadResponseError("The work ended without an image.", advice="Try again.")


class ImagesApi:
    """The endpoints; every failure is a sentence in the shape that OpenAI's clients read."""

    def __init__(self, painter: Painter, model: str, key_hash: str) -> None:
        self._painter, self._model, self._key_hash = painter, model, key_hash

    async def health(self, request: Request) -> Response:
        """Say that the process lives."""
        return JSONResponse({"status": "ok"})

    async def models(self, request: Request) -> Response:
        """List the one model there is."""
        self._admit(request)
        one = {"id": self._model, "object": "model", "created": 0, "owned_by": "self-hosted"}
        return JSONResponse({"object": "list", "data": [one]})

    async def generations(self, request: Request) -> Response:
        """Make an image from words."""
        return await self._answered(request, "text-to-image")

    async def edits(self, request: Request) -> Response:
        """Make an image from an image."""
        return await self._answered(request, "image-to-image")

    async def _answered(self, request: Request, task: Task) -> Response:
        self._admit(request)
        try:
            return await self._made(request, task)
        except HTTPException:
            raise
        except ClientGoneError:
            return Response(status_code=GONE)
        except PlaygroundError as error:
            return told(error)
        except TimeoutError:
            return _error(504, "server_error", "The image took too long and was given up.")
        except Exception:
            log.exception("a request broke")
            return _error(500, "server_error", BROKEN)

    async def _made(self, request: Request, task: Task) -> Response:
        kind = self._painter.tasks.get(task)
        if kind is None:
            raise HTTPException(404, f"This engine does not offer {task}.")
        body = await body_of(request)
        if body.get("model") not in (None, "", self._model):
            raise HTTPException(404, f"There is no such model here, only “{self._model}”.")
        params = await asyncio.to_thread(params_of, kind, body)
        async with asyncio.timeout(WORK_S):
            finished = await unless_gone(request, painted(self._painter, params))
        inside = base64.b64encode(finished.image).decode()
        data = [{"b64_json": inside, "seed": params.known_seed}]
        return JSONResponse({"created": int(time.time()), "data": data})

    def _admit(self, request: Request) -> None:
        if is_foreign(request.headers):
            raise HTTPException(403, "Pages of other sites may not ask here.")
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        bearer = given.strip() if scheme.lower() == "bearer" else ""
        right = bearer and hmac.compare_digest(hashed(bearer), self._key_hash)
        if self._key_hash and not right:
            raise HTTPException(401, "This key is not accepted.")


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`, or cancel it when the client disconnects."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientGoneError
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def told(error: PlaygroundError) -> Response:
    """Return the answer that tells a failure; a status of 503 or 429 says that nothing began."""
    said = f"{error} {error.advice}".strip()
    match error:
        case InputError(field=field):
            written = {ours: theirs for theirs, ours in NAMES.items() if "[" not in theirs}
            return _error(400, "invalid_request_error", said, param=written.get(field, field))
        case RejectedError():
            return _error(400, "invalid_request_error", said)
        case NotReadyError():
            return _error(503, "server_error", said, code="warming_up", again_s=WARMING_S)
        case RateLimitError(retry_after=seconds):
            wait = math.ceil(seconds or BUSY_S)
            return _error(429, "rate_limit_error", said, code="queue_full", again_s=wait)
    log.error("an image failed: %s", said)
    return _error(500, "server_error", said)


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise TypeError("not an error of HTTP") from error
    kind = "authentication_error" if error.status_code == 401 else "invalid_request_error"
    return _error(error.status_code, kind, error.detail)


def _error(
    status: int, kind: str, said: str, *, param: str = "", code: str = "", again_s: int = 0
) -> Response:
    error = {"message": said, "type": kind, "param": param or None, "code": code or None}
    headers = {"Retry-After": str(again_s)} if again_s else None
    return JSONResponse({"error": error}, status_code=status, headers=headers)
