"""fal's queue under `/fal-ai`: submit, status, result and cancel, and what each model costs."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial, wraps
from typing import Any
from uuid import uuid4

from PIL import Image
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sandbox.faults.kinds import Exchange, Fault, Outcome
from sandbox.faults.plans import Plan, address, outcome
from sandbox.ledger import Job
from sandbox.renderer import Order, UnreadableError, sides
from sandbox.runners import Queued
from sandbox.schemas import BodyError, FalBody, FalImageBody, FalTextBody, data_uri, read_object
from sandbox.siraya import STEPS_KEPT
from sandbox.state import LARGEST_SEED, MEDIA_ACCESS, Sandbox, Wish, account_of

Endpoint = Callable[[Request], Awaitable[Response]]
Problem = dict[str, Any]

OWNER = "fal-ai"
EDIT = "/image-to-image"
MEGAPIXEL = 1_000_000
LOOK_S = 0.02
"""Between two looks at a request whose status is streamed."""
QUIET_S = 15.0
"""After this a stream sends a comment, so that nobody on the way takes it for dead."""


@dataclass(frozen=True, slots=True)
class Model:
    """What an endpoint uses when nothing is sent, and what a megapixel of it costs."""

    guidance: float
    acceleration: str
    price: float = 0.025


MODELS: dict[str, Model] = {
    "fal-ai/flux/srpo": Model(4.5, "none"),
    "fal-ai/flux-1/srpo": Model(4.5, "regular"),
    "fal-ai/flux-1/srpo/image-to-image": Model(4.5, "regular"),
    "fal-ai/flux/dev": Model(3.5, "none"),
    "fal-ai/flux/dev/image-to-image": Model(3.5, "none", 0.03),
    "fal-ai/flux-1/dev": Model(3.5, "regular"),
    "fal-ai/flux-1/dev/image-to-image": Model(3.5, "regular"),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """How a failed request is told: its HTTP status, its type and the input it is about."""

    status: int
    kind: str
    field: str = ""
    flat: bool = False
    """A failure of the queue itself is a sentence with an `error_type`, not a list."""


BROKEN = Failure(500, "internal_server_error")
FLAGGED = Failure(422, "content_policy_violation", "prompt")
# WaveSpeed's codes and words for the end of a task, as fal would tell the same.
CODES = {
    1200: FLAGGED,
    1400: Failure(422, "value_error"),
    1401: Failure(422, "value_error"),
    MEDIA_ACCESS: Failure(422, "image_load_error", "image_url"),
    1405: Failure(500, "downstream_service_error"),
    5003: Failure(503, "runner_scheduling_failure", flat=True),
    5004: Failure(504, "generation_timeout"),
}
ENDS = {
    "cancelled": Failure(499, "client_cancelled", flat=True),
    "canceled": Failure(499, "client_cancelled", flat=True),
    "timeout": Failure(504, "request_timeout", flat=True),
    "deleted": Failure(404, "not_found", flat=True),
}
KINDS = {
    502: "downstream_service_error",
    503: "downstream_service_unavailable",
    504: "generation_timeout",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What one request asks for: images, or what is wrong with its input."""

    wishes: tuple[Wish, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def price(self) -> float:
        """US dollars that it will be charged."""
        return sum(wish.price for wish in self.wishes)


def routes() -> list[Route]:
    """Return the routes without their prefix, which is the owner of all the models."""
    one = "/{app}/requests/{id}"
    return [
        Route(one, guarded(result), methods=["GET"]),
        Route(f"{one}/status", guarded(status), methods=["GET"]),
        Route(f"{one}/status/stream", guarded(stream), methods=["GET"]),
        Route(f"{one}/cancel", guarded(cancel), methods=["PUT"]),
        Route("/{model:path}", guarded(submit), methods=["POST"]),
    ]


def guarded(endpoint: Endpoint) -> Endpoint:
    """Ask for the key first, and answer refused bodies in fal's words."""

    @wraps(endpoint)
    async def checked(request: Request) -> Response:
        sandbox = sandbox_of(request)
        if not sandbox.knows(request, "key"):
            sandbox.ledger.counters.refused += 1
            return refuse(401, "Authentication is required to access this application.")
        try:
            return await endpoint(request)
        except BodyError as error:
            sandbox.ledger.counters.refused += 1
            return _listed(422, [_problem("value_error", str(error), error.field)])

    return checked


def sandbox_of(request: Request) -> Sandbox:
    """Return the sandbox that a request was sent to."""
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox


def refuse(status: int, message: str, name: str = "") -> Response:
    """An error as fal writes it: a list from a model, a sentence from the gateway before it."""
    if message == FLAGGED.kind:
        return _listed(status, [_problem(FLAGGED.kind, message, FLAGGED.field)], name)
    if status in (400, 422):
        return _listed(status, [_problem("value_error", message)], name)
    if status >= 500:
        return _listed(status, [_problem(KINDS.get(status, BROKEN.kind), message)], name)
    return _json({"detail": message}, status, name)


async def submit(request: Request) -> Response:
    """Put a request into the queue, or refuse it, or do what its fault says."""
    sandbox = sandbox_of(request)
    with sandbox.posting():
        model = f"{OWNER}/{request.path_params['model']}"
        if model not in MODELS:
            return refuse(404, f"Application '{model}' not found")
        value = await read_object(request)
        prompt = value.get("prompt")
        prompt = prompt if isinstance(prompt, str) else ""
        plan, scene = _planned(sandbox, prompt)
        sandbox.latest = (plan, prompt)
        fault = sandbox.strikes(plan, "submit", prompt)
        if fault and not fault.billed:
            # Nothing was accepted, so there are no ids and addresses to tell.
            nothing = JSONResponse({"status": "IN_QUEUE", "queue_position": 0})
            return fault.act(Exchange(request, nothing, refuse, rewrite=rewritten))
        asked = _asked(sandbox, model, value, plan, scene)
        if sandbox.balance < asked.price:
            return refuse(403, "User is locked. Reason: Exhausted balance.")
        return _accepted(request, _queued(request, asked, model, prompt, plan), fault)


def _accepted(request: Request, queued: Queued, fault: Fault | None) -> Response:
    runners = sandbox_of(request).runners
    mine = [one.id for one in runners.requests.values() if one.account == queued.account]
    runners.add(queued)
    position = runners.position(queued) or 0
    told = {"status": "IN_QUEUE", **_addresses(request, queued), "queue_position": position}
    good = _json(told, 200, queued.id)
    if fault is None:
        return good
    older = mine[-1] if mine else queued.id
    return fault.act(_exchange(request, good, queued.id, older))


def _queued(request: Request, asked: Asked, model: str, prompt: str, plan: Plan) -> Queued:
    sandbox, name, account = sandbox_of(request), str(uuid4()), account_of(request)

    def begin() -> tuple[Job, ...]:
        # The first image's job has the request's id, so that both are found under one name.
        names = (name, *(f"{name}-{i}" for i in range(1, len(asked.wishes))))
        return tuple(
            sandbox.accept(wish, prompt, account=account, name=one)
            for wish, one in zip(asked.wishes, names, strict=False)
        )

    app = "/".join(model.split("/")[:2])
    return Queued(name, app, account, begin, plan, list(asked.problems))


def _asked(sandbox: Sandbox, model: str, value: dict[str, Any], plan: Plan, scene: str) -> Asked:
    known = MODELS[model]
    defaults = {"guidance_scale": known.guidance, "acceleration": known.acceleration}
    kind = FalImageBody if model.endswith(EDIT) else FalTextBody
    try:
        body = kind.model_validate(defaults | value)
        sandbox.note(model, body.undocumented)
        source = _source(sandbox, body, model)
        width, height = body.sides if isinstance(body, FalTextBody) else sides(source or b"")
    except ValidationError as error:
        return _wrong(sandbox, *_problems(error))
    except BodyError as error:
        return _wrong(sandbox, _problem("value_error", str(error), error.field))
    except LookupError as error:
        return _wrong(sandbox, _problem("file_download_error", str(error.args[0]), "image_url"))
    except UnreadableError as error:
        return _wrong(sandbox, _problem("image_load_error", str(error), "image_url"))
    order = Order(
        model=model,
        prompt=scene,
        width=width,
        height=height,
        steps=max(1, round(body.num_inference_steps * STEPS_KEPT[body.acceleration])),
        guidance=body.guidance_scale,
        seed=sandbox.seed(body.seed),
        strength=body.strength if isinstance(body, FalImageBody) else 0.8,
        format=body.output_format,
    )
    price = round(known.price * megapixels(width, height), 6) if _charged(plan) else 0.0
    wish = Wish(order, plan, source, base64=body.sync_mode, price=price)
    return Asked(_several(wish, body.num_images))


def _wrong(sandbox: Sandbox, *problems: Problem) -> Asked:
    sandbox.ledger.counters.refused += 1
    return Asked(problems=problems)


def _source(sandbox: Sandbox, body: FalBody, model: str) -> bytes | None:
    """Return the image to start from; raises LookupError when it cannot be had."""
    if not isinstance(body, FalImageBody):
        return None
    inline = data_uri(body.image_url, "image_url")
    if inline is None:
        stored = sandbox.uploads.at(body.image_url)
        if stored is None:
            raise LookupError("Failed to download the file.")
        return stored
    if not inline.truthful:
        sandbox.note(model, [f"image media type {inline.media_type}"])
    return inline.body


def megapixels(width: int, height: int) -> int:
    """Return for how many megapixels an image is charged."""
    return math.ceil(width * height / MEGAPIXEL)


def _charged(plan: Plan) -> bool:
    """A failure costs nothing, except when an image had to be made to find it unfit."""
    end = outcome(plan)
    return end is None or end.status in ("completed", "processing") or _failure(end) == FLAGGED


def _several(wish: Wish, count: int) -> tuple[Wish, ...]:
    seeds = ((wish.order.seed + i) % (LARGEST_SEED + 1) for i in range(count))
    return tuple(replace(wish, order=replace(wish.order, seed=seed)) for seed in seeds)


def _planned(sandbox: Sandbox, prompt: str) -> tuple[Plan, str]:
    try:
        return sandbox.plan_for(prompt)
    except ValueError as error:
        raise BodyError(str(error), "prompt") from error


async def status(request: Request) -> Response:
    """Tell where a request stands, or do what its fault says."""
    sandbox = sandbox_of(request)
    sandbox.ledger.counters.polls += 1
    queued = _found(request)
    if queued is None:
        return refuse(404, "Request not found")
    good = _status(request, queued)
    fault = sandbox.strikes(queued.plan, "poll", queued.id)
    return fault.act(_exchange(request, good, queued.id)) if fault else good


async def stream(request: Request) -> Response:
    """Tell the same as server-sent events until the end; a fault strikes at the beginning."""
    sandbox = sandbox_of(request)
    sandbox.ledger.counters.polls += 1
    queued = _found(request)
    if queued is None:
        return refuse(404, "Request not found")
    fault = sandbox.strikes(queued.plan, "poll", queued.id)
    if fault:
        return fault.act(_exchange(request, _status(request, queued), queued.id))
    return StreamingResponse(_events(request, queued), media_type="text/event-stream")


async def _events(request: Request, queued: Queued) -> AsyncIterator[str]:
    requests, last, said_at = sandbox_of(request).runners.requests, b"", time.monotonic()
    while queued.id in requests:  # until it is cancelled
        now = bytes(_status(request, queued).body)
        if now != last:
            yield f"data: {now.decode()}\n\n"
            last, said_at = now, time.monotonic()
        elif time.monotonic() - said_at > QUIET_S:
            yield ": still here\n\n"
            said_at = time.monotonic()
        if _completed(queued):
            return
        await asyncio.sleep(LOOK_S)


async def result(request: Request) -> Response:
    """Hand out what a request came to, good or bad, or do what its fault says."""
    sandbox = sandbox_of(request)
    queued = _found(request)
    if queued is None:
        return refuse(404, "Request not found")
    if not _completed(queued):
        return _json({"detail": "Request is still in progress"}, 400, queued.id)
    if queued.problems:
        return _listed(422, queued.problems, queued.id)
    bad = _end(queued)
    if bad is not None:
        return _failed(bad, queued.id)
    good = _json(await _output(request, queued), 200, queued.id)
    fault = sandbox.strikes(queued.plan, "result", queued.id)
    return fault.act(_exchange(request, good, queued.id)) if fault else good


async def cancel(request: Request) -> Response:
    """Remove a request that waits; one that is worked on goes on all the same."""
    sandbox = sandbox_of(request)
    sandbox.ledger.counters.cancels += 1
    queued = _found(request)
    if queued is None:
        return JSONResponse({"status": "NOT_FOUND"}, 404)
    if _completed(queued):
        return _json({"status": "ALREADY_COMPLETED"}, 400, queued.id)
    sandbox.runners.remove(queued)
    return _json({"status": "CANCELLATION_REQUESTED"}, 202, queued.id)


def _found(request: Request) -> Queued | None:
    queued = sandbox_of(request).runners.requests.get(request.path_params["id"])
    app = f"{OWNER}/{request.path_params['app']}"
    known = queued is not None and (queued.app, queued.account) == (app, account_of(request))
    return queued if known else None


def _status(request: Request, queued: Queued) -> Response:
    """Where a request stands, with every documented field."""
    position = sandbox_of(request).runners.position(queued)
    told = _addresses(request, queued)
    if position is not None:
        told = {"status": "IN_QUEUE", **told, "queue_position": position}
        return _json(told, 202, queued.id)
    wanted = request.query_params.get("logs", "").lower() in ("1", "true")
    told["logs"] = _logs(queued) if wanted else None
    if not _completed(queued):
        return _json({"status": "IN_PROGRESS", **told}, 202, queued.id)
    told["metrics"] = {"inference_time": _inference_s(queued)}
    bad = _end(queued)
    if bad is not None and _failure(bad).flat:
        told |= {"error": bad.error or _failure(bad).kind, "error_type": _failure(bad).kind}
    return _json({"status": "COMPLETED", **told}, 200, queued.id)


def _completed(queued: Queued) -> bool:
    """True for every end, also a bad one; False for a request that is stuck."""
    end = _end(queued)
    return queued.finished and (end is None or end.status != "processing")


def _end(queued: Queued) -> Outcome | None:
    """Return how the first job that did not go well stands, or None."""
    states = (job.state() for job in queued.jobs or ())
    return next((state for state in states if state.status != "completed"), None)


def _failure(end: Outcome) -> Failure:
    return ENDS.get(end.status) or CODES.get(end.code, BROKEN)


def _failed(end: Outcome, name: str) -> Response:
    failure = _failure(end)
    if not failure.flat:
        problem = _problem(failure.kind, end.error, failure.field)
        return _listed(failure.status, [problem], name)
    told = {"detail": end.error or failure.kind, "error_type": failure.kind}
    answer = _json(told, failure.status, name)
    answer.headers["x-fal-error-type"] = failure.kind
    return answer


def _inference_s(queued: Queued) -> float:
    ends = [job.done_at - job.t for job in queued.jobs or () if job.done_at is not None]
    return round(max(ends, default=0.0), 3)


def _logs(queued: Queued) -> list[dict[str, str]]:
    return [
        {
            "timestamp": datetime.fromtimestamp(job.t, UTC).isoformat(),
            "level": "INFO",
            "source": "USER",
            "message": f"painting {job.order.width}x{job.order.height}",
        }
        for job in queued.jobs or ()
    ]


async def _output(request: Request, queued: Queued) -> dict[str, Any]:
    jobs = queued.jobs or ()
    base = str(request.base_url)
    return {
        "images": [await _image(sandbox_of(request), job, base) for job in jobs],
        "timings": {"inference": _inference_s(queued)},
        "seed": jobs[0].order.seed,
        "has_nsfw_concepts": [job.state().flagged for job in jobs],
        "prompt": jobs[0].prompt,
    }


async def _image(sandbox: Sandbox, job: Job, base: str) -> dict[str, Any]:
    kind = f"image/{job.order.format}"
    file = await sandbox.picture(job)
    width, height = job.order.width, job.order.height
    if file:
        with Image.open(io.BytesIO(file)) as picture:
            width, height = picture.size
    if job.base64:
        url = f"data:{kind};base64,{base64.b64encode(file or b'').decode()}"
    else:
        url = address(job.plan, f"{base}outputs/{job.file}/{job.file[:12]}.{job.order.format}")
    return {"url": url, "width": width, "height": height, "content_type": kind}


def _addresses(request: Request, queued: Queued) -> dict[str, Any]:
    url = f"{request.base_url}{queued.app}/requests/{queued.id}"
    return {
        "request_id": queued.id,
        "response_url": url,
        "status_url": f"{url}/status",
        "cancel_url": f"{url}/cancel",
    }


def _exchange(request: Request, good: Response, name: str, older: str = "") -> Exchange:
    return Exchange(request, good, partial(refuse, name=name), older, rewritten)


def rewritten(answer: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with other values, which are named as in WaveSpeed's task object."""
    new = dict(answer)
    for name, value in changes.items():
        if name == "id" and "request_id" in answer:
            old = answer["request_id"]
            texts = {key: text for key, text in new.items() if isinstance(text, str)}
            new |= {key: text.replace(old, value) for key, text in texts.items()}
        elif name == "status" and "status" in answer:
            new["status"] = value.upper()
        elif name == "timings" and "metrics" in answer:
            new["metrics"] = value and {"inference_time": value["inference"]}
        elif name == "outputs" and "images" in answer:
            new["images"] = value and [_misplaced(one) for one in value]
    return new


def _misplaced(output: Any) -> Any:
    return {"url": f"data:image/jpeg;base64,{output}"} if isinstance(output, str) else output


def _problems(error: ValidationError) -> list[Problem]:
    return [
        _problem(one["type"], one["msg"], *one["loc"], given=one["input"])
        for one in error.errors(include_url=False, include_context=False)
    ]


def _problem(kind: str, message: str, *field: str | int, given: Any = None) -> Problem:
    where = ["body", *(part for part in field if part != "")]
    page = f"https://docs.fal.ai/errors#{kind}"
    return {"loc": where, "msg": message, "type": kind, "url": page, "input": _tellable(given)}


def _tellable(value: Any) -> Any:
    """Return a value as it can be told in JSON: not every value that was read can be written."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        return ascii(value)[:1000]
    return value


def _listed(status: int, problems: list[Problem], name: str = "") -> Response:
    return _json({"detail": problems}, status, name)


def _json(told: dict[str, Any], status: int, name: str = "") -> Response:
    headers = {"x-fal-request-id": name or str(uuid4())}
    if status >= 400:
        headers["x-fal-retryable"] = "true" if status == 429 or status >= 500 else "false"
    return JSONResponse(told, status, headers)
