"""The sandbox as a Starlette application: all protocols, the images, the controls."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from sandbox import account, fal, media, siraya, wavespeed
from sandbox.faults import spoiled_results
from sandbox.faults.broken_transport import TRANSPORT
from sandbox.faults.kinds import Exchange
from sandbox.ledger import Job
from sandbox.options import Options
from sandbox.schemas import BodyError, read_object
from sandbox.state import Sandbox


def create_app(options: Options | None = None) -> Starlette:
    """Return a sandbox of its own; what it did is at `app.state.sandbox`."""
    app = _Wired(
        routes=[
            Mount("/api/v3", routes=[*wavespeed.routes(), *account.routes(), *media.routes()]),
            Mount("/v1", routes=siraya.routes()),
            Mount("/fal-ai", routes=fal.routes()),
            *media.open_routes(),
            Route("/outputs/{file}/{name}", output),
            Route("/image/{name:path}", generated),
            Route(spoiled_results.FORBIDDEN, forbidden),
            Route("/sandbox/stats", stats),
            Route("/sandbox/ledger", rows),
            Route("/sandbox/reset", reset, methods=["POST"]),
            Route("/sandbox/settings", settings, methods=["POST"]),
            Route("/sandbox/stranger", stranger, methods=["POST"]),
        ]
    )
    app.state.sandbox = Sandbox(options or Options())
    return app


class _Wired(Starlette):
    """Tells the faults which connection a request came over, so that they can cut it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cycle = getattr(send, "__self__", None)  # uvicorn's `send` is bound to its exchange
        scope[TRANSPORT] = getattr(cycle, "transport", None)
        await super().__call__(scope, receive, send)


async def output(request: Request) -> Response:
    """A finished image of WaveSpeed's or fal's."""
    return await _download(request, request.path_params["file"])


async def generated(request: Request) -> Response:
    """A finished image of Siraya's; its address holds only as it was written, with %2F."""
    raw: bytes = request.scope.get("raw_path") or b""
    _, found, name = raw.decode("ascii", "replace").rpartition("/image/generated%2Fsiraya_")
    if not found or not name.endswith(".png"):
        return _missing()
    return await _download(request, name.removesuffix(".png"))


async def _download(request: Request, file: str) -> Response:
    sandbox: Sandbox = request.app.state.sandbox
    sandbox.ledger.counters.downloads += 1
    sandbox.ledger.counters.credentials_leaked += "authorization" in request.headers
    job = sandbox.ledger.by_file(file)
    body = await sandbox.picture(job) if job else None
    if job is None or body is None:
        return _missing()
    good = Response(body, media_type=_media_type(job))
    fault = sandbox.strikes(job.plan, "download", job.id)
    return fault.act(Exchange(request, good, _plain)) if fault else good


def _media_type(job: Job) -> str:
    return f"image/{job.order.format}"


def _missing() -> Response:
    return _plain(404, "There is no such image, or it expired.")


def _plain(status: int, message: str) -> Response:
    return Response(message, status, media_type="text/plain")


async def forbidden(request: Request) -> Response:
    """What a lured client would get; every visit is counted."""
    request.app.state.sandbox.ledger.counters.forbidden += 1
    return Response(b"AKIA-NOT-A-SECRET" * 1000, media_type="image/jpeg")


async def stats(request: Request) -> Response:
    """The counters."""
    return JSONResponse(request.app.state.sandbox.stats())


async def rows(request: Request) -> Response:
    """Every charged job."""
    return JSONResponse(request.app.state.sandbox.rows())


async def reset(request: Request) -> Response:
    """Forget everything but the settings."""
    request.app.state.sandbox.reset()
    return JSONResponse({})


async def settings(request: Request) -> Response:
    """Change settings; answers with the stats."""
    sandbox: Sandbox = request.app.state.sandbox
    try:
        changes: dict[str, Any] = await read_object(request)
        sandbox.set(changes)
    except (BodyError, ValueError) as error:
        return JSONResponse({"error": str(error)}, 400)
    return JSONResponse(sandbox.stats())


async def stranger(request: Request) -> Response:
    """Add a job of somebody else with the same key."""
    body = await read_object(request)
    request.app.state.sandbox.add_stranger(str(body.get("model", next(iter(wavespeed.PRICES)))))
    return JSONResponse({})
