"""WaveSpeed's protocol under `/api/v3`: jobs and their results."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.faults.kinds import Exchange, Fault, Outcome
from sandbox.faults.plans import address
from sandbox.ledger import Job
from sandbox.renderer import Order
from sandbox.schemas import (
    BaseBody,
    BodyError,
    ImageBody,
    TextBody,
    WaveSpeedBody,
    data_uri,
    parse,
    read_object,
)
from sandbox.state import MEDIA_ACCESS, PRICE_USD, Sandbox, Wish, account_of

EDIT = "/image-to-image"
BASE = "wavespeed-ai/flux-dev"
PRICES = {
    "wavespeed-ai/flux-1-srpo": PRICE_USD,
    "wavespeed-ai/flux-1-srpo/image-to-image": PRICE_USD,
    "wavespeed-ai/flux-srpo": PRICE_USD,
    "wavespeed-ai/flux-srpo/image-to-image": PRICE_USD,
    BASE: 0.012,
}
"""The models there are, and what an image of each costs in US dollars."""
BAD_PARAMETERS = 1400
SYNC_TIMEOUT = 5004

Endpoint = Callable[[Request], Awaitable[Response]]


def routes() -> list[Route]:
    """Return the routes without their prefix; the rest is in `account.py` and `media.py`."""
    return [
        *(Route(f"/{model}", guarded(submit), methods=["POST"]) for model in PRICES),
        Route("/predictions/{id}/result", guarded(result), methods=["GET"]),
        Route("/predictions/{id}", guarded(result), methods=["GET"]),
    ]


def guarded(endpoint: Endpoint) -> Endpoint:
    """Ask for the key first, and answer refused bodies in WaveSpeed's words."""

    @wraps(endpoint)
    async def checked(request: Request) -> Response:
        sandbox = sandbox_of(request)
        if not sandbox.knows(request):
            sandbox.ledger.counters.refused += 1
            return refuse(401, "Unauthorized: invalid API key")
        try:
            return await endpoint(request)
        except BodyError as error:
            sandbox.ledger.counters.refused += 1
            return refuse(400, str(error))

    return checked


def sandbox_of(request: Request) -> Sandbox:
    """Return the sandbox that a request was sent to."""
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox


def refuse(code: int, message: str) -> Response:
    """An error as WaveSpeed writes it."""
    return JSONResponse({"code": code, "message": message}, code)


def success(data: Any) -> Response:
    """The envelope of every good answer."""
    return JSONResponse({"code": 200, "message": "success", "data": data})


async def submit(request: Request) -> Response:
    """Accept a job, or refuse it, or do what its fault says."""
    sandbox = sandbox_of(request)
    with sandbox.posting():
        model = request.url.path.split("/api/v3/")[-1]
        body = _body(await read_object(request), model)
        wish = _wish(sandbox, body, model)
        sandbox.latest = (wish.plan, body.prompt)
        fault = sandbox.strikes(wish.plan, "submit", body.prompt)
        if fault:
            for _ in range(fault.strangers):
                sandbox.add_stranger(model)
            if not fault.billed:
                return fault.act(Exchange(request, Response(), refuse))
        if sandbox.balance < PRICES[model]:
            return refuse(402, "Insufficient credits. Please top up your account.")
        return await _accepted(request, wish, body, fault)


async def _accepted(
    request: Request, wish: Wish, body: WaveSpeedBody, fault: Fault | None
) -> Response:
    sandbox = sandbox_of(request)
    older = sandbox.ledger.newest()
    job = sandbox.accept(wish, body.prompt, account=account_of(request))
    sandbox.note(job.order.model, body.undocumented)
    late = body.enable_sync_mode and not await job.wait(sandbox.options.sync_limit)
    seen = await task(request, job)
    if late:
        message = "Sync mode timed out; query the result later"
        seen |= {"code": SYNC_TIMEOUT, "error": message}
    good = success(seen)
    if fault is None:
        return good
    return fault.act(Exchange(request, good, refuse, older.id if older else job.id))


def _body(value: dict[str, Any], model: str) -> WaveSpeedBody:
    kind = BaseBody if model == BASE else ImageBody if model.endswith(EDIT) else TextBody
    return parse(kind, value)


def _wish(sandbox: Sandbox, body: WaveSpeedBody, model: str) -> Wish:
    try:
        plan, scene = sandbox.plan_for(body.prompt)
    except ValueError as error:
        raise BodyError(str(error), "prompt") from error
    width, height = body.sides if isinstance(body, TextBody) else (1024, 1024)
    order = Order(
        model=model,
        prompt=scene,
        width=width,
        height=height,
        steps=body.num_inference_steps,
        guidance=body.guidance_scale,
        seed=sandbox.seed(body.seed),
        strength=body.strength,
        format=body.output_format,
        resized=isinstance(body, TextBody),
    )
    source, bad = _source(sandbox, body, model)
    return Wish(order, plan, source, bad, body.enable_base64_output, PRICES[model])


def _source(
    sandbox: Sandbox, body: WaveSpeedBody, model: str
) -> tuple[bytes | None, Outcome | None]:
    """Return the image to start from, or the failure that its absence brings."""
    if not isinstance(body, ImageBody | BaseBody):
        return None, None
    if not body.image and isinstance(body, BaseBody):
        return None, None
    if not body.image:
        return None, Outcome("failed", "image is required", BAD_PARAMETERS)
    inline = data_uri(body.image, "image")
    if inline is not None:
        if not inline.truthful:
            sandbox.note(model, [f"image media type {inline.media_type}"])
        return inline.body, None
    stored = sandbox.uploads.at(body.image)
    if stored is None:
        return None, Outcome("failed", "the image cannot be downloaded", MEDIA_ACCESS)
    return stored, None


async def result(request: Request) -> Response:
    """Tell where a job stands, or do what its fault says."""
    sandbox = sandbox_of(request)
    sandbox.ledger.counters.polls += 1
    job = sandbox.ledger.jobs.get(request.path_params["id"])
    if job is None or job.account not in ("", account_of(request)):
        return refuse(404, "Prediction not found")
    good = success(await task(request, job))
    fault = job.finished and sandbox.strikes(job.plan, "result", job.id)
    fault = fault or sandbox.strikes(job.plan, "poll", job.id)
    return fault.act(Exchange(request, good, refuse)) if fault else good


async def task(request: Request, job: Job) -> dict[str, Any]:
    """The task object, with every documented field."""
    sandbox = sandbox_of(request)
    state = job.state()
    deleted = job.id in sandbox.ledger.deleted
    done = state.status == "completed" and not deleted
    base = str(request.base_url)
    took = round(((job.done_at or job.t) - job.t) * 1000) if job.finished else 0
    seen = {
        "id": job.id,
        "model": job.order.model,
        "outputs": [await _output(sandbox, job, base)] if done else [],
        "urls": {"get": f"{base}api/v3/predictions/{job.id}/result"},
        "has_nsfw_contents": [state.flagged] if done else [],
        "status": "deleted" if deleted else state.status,
        "created_at": _iso(job.t),
        "error": state.error,
        "timings": {"inference": took},
    }
    return seen | ({"code": state.code} if state.code else {})


async def _output(sandbox: Sandbox, job: Job, base: str) -> str:
    if job.base64:
        return base64.b64encode(await sandbox.picture(job) or b"").decode()
    return address(job.plan, f"{base}outputs/{job.file}/{job.id[:12]}.{job.order.format}")


def _iso(t: float) -> str:
    # Their fraction has nine digits, more than `datetime` keeps.
    return datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
