"""Siraya's protocol: routes under `/v1`, synchronous, in the shape of OpenAI's images API."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Literal

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.faults.kinds import Exchange, Outcome
from sandbox.faults.plans import Plan, address
from sandbox.ledger import Job
from sandbox.renderer import Order
from sandbox.schemas import (
    BodyError,
    EditBody,
    GenerationBody,
    data_uri,
    parse,
    read_object,
)
from sandbox.state import (
    LARGEST_SEED,
    MEDIA_ACCESS,
    PRICE_USD,
    Sandbox,
    Wish,
    account_of,
)

Endpoint = Callable[[Request], Awaitable[Response]]

# Their words for a speed-up that costs sharpness: part of the steps is left out.
STEPS_KEPT = {"none": 1.0, "regular": 0.8, "high": 0.6}
KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_balance",
    403: "moderation_error",
    404: "not_found_error",
    408: "timeout_error",
    422: "content_policy_violation",
    429: "rate_limit_error",
}
# WaveSpeed's codes for a failed task, as the HTTP status that Siraya would answer.
ENDS = {1200: 403, 1400: 400, 1401: 400, 1402: 400, 5003: 503, 5004: 408}


@dataclass(frozen=True, slots=True)
class Asked:
    """What one request asks for, whichever endpoint it came to."""

    wishes: tuple[Wish, ...]
    prompt: str
    transport: Literal["url", "b64_json"]


def routes() -> list[Route]:
    """Return the routes without their prefix."""
    return [
        Route("/images/generations", guarded(generations), methods=["POST"]),
        Route("/images/edits", guarded(edits), methods=["POST"]),
    ]


def guarded(endpoint: Endpoint) -> Endpoint:
    """Ask for the key first, and answer refused bodies in Siraya's words."""

    @wraps(endpoint)
    async def checked(request: Request) -> Response:
        sandbox: Sandbox = request.app.state.sandbox
        if not sandbox.knows(request):
            sandbox.ledger.counters.refused += 1
            return refuse(401, "Incorrect API key provided")
        try:
            with sandbox.posting():
                return await endpoint(request)
        except BodyError as error:
            sandbox.ledger.counters.refused += 1
            return refuse(400, str(error), error.field)

    return checked


def refuse(status: int, message: str, param: str = "") -> Response:
    """An error as Siraya writes it."""
    kind = KINDS.get(status, "server_error")
    error = {"message": message, "type": kind, "param": param or None, "code": status}
    return JSONResponse({"error": error}, status)


async def generations(request: Request) -> Response:
    """Images from text."""
    sandbox: Sandbox = request.app.state.sandbox
    body = parse(GenerationBody, await read_object(request))
    if body.model not in sandbox.options.models:
        raise BodyError(f"The model '{body.model}' does not exist", "model")
    sandbox.note("images/generations", _undocumented(body))
    plan, scene = _planned(sandbox, body.prompt)
    width, height = body.sides
    order = Order(
        model=body.model,
        prompt=scene,
        width=width,
        height=height,
        steps=max(1, round(body.num_inference_steps * STEPS_KEPT[body.acceleration])),
        guidance=body.guidance_scale,
        seed=sandbox.seed(body.seed),
        format="png",
    )
    wishes = _several(Wish(order, plan), body.n)
    return await _answer(request, Asked(wishes, body.prompt, body.output_format))


async def edits(request: Request) -> Response:
    """Images from an image, sent as JSON or as the form that OpenAI's SDK sends."""
    sandbox: Sandbox = request.app.state.sandbox
    value = await _edit_object(request)
    body = parse(EditBody, value)
    if "edit" not in body.model and body.model not in sandbox.options.edit_models:
        raise BodyError(f"The model '{body.model}' does not exist", "model")
    sandbox.note("images/edits", body.undocumented)
    plan, scene = _planned(sandbox, body.prompt)
    order = Order(model=body.model, prompt=scene, seed=sandbox.seed(None), format="png")
    inline = data_uri(body.image_urls[0], "image_urls")
    source = inline.body if inline else sandbox.uploads.at(body.image_urls[0])
    missing = Outcome("failed", "the image cannot be downloaded", MEDIA_ACCESS)
    wish = Wish(order, plan, source, None if source else missing)
    if inline is not None and not inline.truthful:
        sandbox.note("images/edits", [f"image media type {inline.media_type}"])
    return await _answer(request, Asked(_several(wish, body.n), body.prompt, body.output_format))


async def _edit_object(request: Request) -> dict[str, Any]:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await read_object(request)
    async with request.form(max_files=16) as form:
        return await _from_form(form)


async def _from_form(form: FormData) -> dict[str, Any]:
    value: dict[str, Any] = {"image_urls": []}
    for name, item in form.multi_items():
        if isinstance(item, UploadFile) and name in ("image", "image[]"):
            value["image_urls"].append(await _as_data_uri(item))
        else:
            value[name] = _number(item) if name == "n" else item
    return value


def _number(item: UploadFile | str) -> UploadFile | str | int:
    return int(item) if isinstance(item, str) and item.isdecimal() else item


async def _as_data_uri(file: UploadFile) -> str:
    kind = file.content_type or ""
    media_type = kind if kind.startswith("image/") else "image/png"
    return f"data:{media_type};base64,{base64.b64encode(await file.read()).decode()}"


def _undocumented(body: GenerationBody) -> list[str]:
    both = body.image_size is not None and "size" in body.model_fields_set
    return body.undocumented + (["size beside image_size"] if both else [])


def _planned(sandbox: Sandbox, prompt: str) -> tuple[Plan, str]:
    try:
        return sandbox.plan_for(prompt)
    except ValueError as error:
        raise BodyError(str(error), "prompt") from error


def _several(wish: Wish, count: int) -> tuple[Wish, ...]:
    seeds = ((wish.order.seed + i) % (LARGEST_SEED + 1) for i in range(count))
    return tuple(replace(wish, order=replace(wish.order, seed=seed)) for seed in seeds)


async def _answer(request: Request, asked: Asked) -> Response:
    """Make the images and answer, or do what the fault says."""
    sandbox: Sandbox = request.app.state.sandbox
    plan = asked.wishes[0].plan
    sandbox.latest = (plan, asked.prompt)
    fault = sandbox.strikes(plan, "submit", asked.prompt)
    if fault and not fault.billed:
        return fault.act(Exchange(request, Response(), refuse))
    if sandbox.balance < PRICE_USD * len(asked.wishes):
        return refuse(402, "Insufficient balance")
    account = account_of(request)
    jobs = [sandbox.accept(wish, asked.prompt, account=account) for wish in asked.wishes]
    for job in jobs:
        await job.wait()
    good = await _finished(request, jobs, asked.transport)
    return fault.act(Exchange(request, good, refuse)) if fault else good


async def _finished(request: Request, jobs: list[Job], transport: str) -> Response:
    sandbox: Sandbox = request.app.state.sandbox
    for state in (job.state() for job in jobs):
        if state.status != "completed":
            return refuse(ENDS.get(state.code, 502), state.error or state.status)
    pictures = [await _picture(sandbox, job, str(request.base_url), transport) for job in jobs]
    return JSONResponse({"data": pictures, "created": int(jobs[0].t)})


async def _picture(sandbox: Sandbox, job: Job, base: str, transport: str) -> dict[str, str]:
    empty = {"url": "", "b64_json": "", "revised_prompt": ""}
    if transport == "b64_json":
        file = await sandbox.picture(job) or b""
        return empty | {"b64_json": base64.b64encode(file).decode()}
    return empty | {"url": address(job.plan, f"{base}image/generated%2Fsiraya_{job.file}.png")}
