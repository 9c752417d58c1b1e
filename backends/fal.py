"""fal: a queue with positions, a stream of what happens to a request, and a cancel that works.

A request is told by its id and by addresses; these are followed on the configured host only. Status
comes as a stream of events, one request a job; where that fails the status is asked for.
"""

from __future__ import annotations

import asyncio
import base64
import math
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr

from backends.remote import sandboxed
from backends.remote.client import LOOK, Api, Backoff
from backends.remote.downloads import Downloads, ExpiredError, unpacked
from backends.remote.expectations import STREAM, Expects, Shape, compared
from backends.remote.polling import PollSchedule
from backends.remote.public_addresses import ForbiddenAddressError
from backends.remote.refusals import blocked, denied, gone, late, refusal, said
from backends.remote.responses import Answer
from core import params as fields
from core.backend import Heard, Registration
from core.code import Code, source_file
from core.code import fields as fields_of
from core.errors import (
    BackendError,
    BadResponseError,
    PlaygroundError,
    RejectedError,
    RunTimeoutError,
    UnavailableError,
)
from core.events import Accepted, Delivered, Event, Finished, Queued, Running
from core.jobs.estimate import workload
from core.params import BASE, ImageToImage, Params, Task, TextToImage
from core.settings import Concurrency, PerMinute, Settings, WebAddress
from core.words import english

SUBMIT_S = 20.0
DEADLINE_S = 600.0
MEGAPIXEL = 1_000_000
USD_A_MEGAPIXEL = 0.025
TRIES = 3
"""How often a service may not know a request, or not accept the key, before it is believed."""
FAULTS = 4
"""How often a request must end in a fault of the service before that is believed."""
WITHDRAW_S = 2.0
"""How long it is looked whether a cancelled request has left the queue, in seconds."""
WAITING = ("IN_QUEUE", "IN_PROGRESS")
"""Statuses of a request that is not done; where there is another, its result is asked for."""
STATUS_S = 3.0
"""How long the status may give no sensible answer before the result is asked for, in seconds."""
END_S = 0.05
"""How long the end of a stream is waited for after the request is done, in seconds."""
TEXT_MODELS = {"flux-1/srpo": "flux-1/srpo", "flux/srpo": "flux/srpo", BASE: "flux-1/dev"}
IMAGE_MODELS = {
    "flux-1/srpo": "flux-1/srpo/image-to-image",
    BASE: "flux-1/dev/image-to-image",
}
PRESETS: Mapping[tuple[int, int], str] = {
    (1024, 1024): "square_hd",
    (512, 512): "square",
    (768, 1024): "portrait_4_3",
    (576, 1024): "portrait_16_9",
    (1024, 768): "landscape_4_3",
    (1024, 576): "landscape_16_9",
}
Format = Literal["jpeg", "png"]


class FalSettings(Settings):
    """What can be set for fal."""

    fal_key: SecretStr | None = Field(None, description="Key; without it fal is the sandbox.")
    fal_base_url: WebAddress = Field("https://queue.fal.run", description="Of its queue.")
    fal_max_concurrency: Concurrency = 2
    fal_max_per_minute: PerMinute = None


class FalText(TextToImage):
    """SRPO as fal serves it in two places, and the model it was made from."""

    model: Literal["flux-1/srpo", "flux/srpo", "FLUX.1 [dev], base of SRPO"] = fields.model(
        "flux-1/srpo"
    )
    width: int = fields.width(low=256, high=1536)
    height: int = fields.height(768, low=256, high=1536)
    steps: int = fields.steps()
    guidance: float = fields.guidance(4.5)
    acceleration: Literal["none", "regular", "high"] = fields.acceleration("regular")
    safety_checker: bool = fields.safety_checker(True)
    output_format: Format = fields.output_format()


class FalImage(ImageToImage):
    """There is no size: the output follows the image."""

    most_side = 1536
    least_side = 256
    model: Literal["flux-1/srpo", "FLUX.1 [dev], base of SRPO"] = fields.model("flux-1/srpo")
    strength: float = fields.strength(0.95, low=0.01)
    steps: int = fields.steps(40, low=10)
    guidance: float = fields.guidance(4.5)
    acceleration: Literal["none", "regular", "high"] = fields.acceleration("regular")
    safety_checker: bool = fields.safety_checker(True)
    output_format: Format = fields.output_format()


def endpoint(params: Params) -> str:
    """Return the model's path: model and task are in it, never in the body."""
    match params:
        case FalText():
            return f"/fal-ai/{TEXT_MODELS[params.model]}"
        case FalImage():
            return f"/fal-ai/{IMAGE_MODELS[params.model]}"
        case _:
            raise TypeError(f"not fal's params: {type(params).__name__}")


def request_path(params: Params, request_id: str) -> str:
    """Return where a request is found: owner and app of its model, and its id."""
    app = "/".join(endpoint(params).split("/")[:3])
    return f"{app}/requests/{quote(request_id, safe='')}"


def body(params: Params, image: str = "") -> dict[str, Any]:
    """Return the request body; `image` is a data URI."""
    match params:
        case FalText():
            pair = {"width": params.width, "height": params.height}
            preset = PRESETS.get((params.width, params.height))
            start: dict[str, Any] = {"image_size": preset or pair}
        case FalImage():
            start = {"image_url": image, "strength": params.strength}
        case _:
            raise TypeError(f"not fal's params: {type(params).__name__}")
    return {
        "prompt": params.prompt,
        **start,
        "num_inference_steps": params.steps,
        "seed": params.seed,
        "guidance_scale": params.guidance,
        "num_images": 1,
        "enable_safety_checker": params.safety_checker,
        "output_format": params.output_format,
        "acceleration": params.acceleration,
    }


class Ticket(Shape):
    """The answer to a request that was put into the queue."""

    status: Literal["IN_QUEUE"]
    request_id: str = Field(min_length=1)
    response_url: str
    status_url: str
    cancel_url: str
    queue_position: int = Field(ge=0)


class Status(Shape):
    """Where a request stands; the last four are there once it was begun, or is over."""

    status: Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    request_id: str
    response_url: str
    status_url: str
    cancel_url: str
    queue_position: int | None = None
    logs: list[Any] | None = None
    metrics: dict[str, float] | None = None
    error: str | None = None
    error_type: str | None = None


class File(Shape):
    """One image of a result."""

    url: str
    width: int
    height: int
    content_type: Literal["image/jpeg", "image/png"]


class Result(Shape):
    """What a model made."""

    images: list[File]
    timings: dict[str, float]
    seed: int
    has_nsfw_concepts: list[bool]
    prompt: str


class Cancelled(Shape):
    """What became of a cancel."""

    status: Literal["CANCELLATION_REQUESTED"]


class Problem(Shape):
    """An error: a sentence, or a list of what is wrong."""

    detail: Any
    error_type: str | None = None


NOBODYS = "/fal-ai/flux-1/requests/00000000-0000-4000-8000-000000000000"
"""A request that there is not: asking for it shows whether the key is accepted."""
REQUEST = "/fal-ai/[^/]+/requests/[^/]+"
EXPECTED = (
    Expects("key", "GET", f"{NOBODYS}/status", Problem, Problem, (404,)),
    Expects("submit", "POST", "/fal-ai/.+", Ticket, Problem),
    Expects("status", "GET", f"{REQUEST}/status", Status, Problem, (200, 202)),
    Expects("stream", "GET", f"{REQUEST}/status/stream", Status, Problem, media_type=STREAM),
    Expects("result", "GET", REQUEST, Result, Problem),
    Expects("cancel", "PUT", f"{REQUEST}/cancel", Cancelled, Problem, (200, 202)),
)


CODE = """import fal_client  # it reads the key from FAL_KEY

done = fal_client.subscribe(
    "{model}",
    arguments={{
{fields}
    }},
)
print(done["images"][0]["url"])
"""


class Fal:
    """The service, or the sandbox in its place; `transport` replaces the network."""

    id = "fal"
    label = "fal"
    key_setting = "FAL_KEY"
    priced_by = ("model", "width", "height", "image")
    max_unanswered = None
    kept_s = 7 * 24 * 3600.0
    tasks: Mapping[Task, type[Params]] = {"text-to-image": FalText, "image-to-image": FalImage}

    def __init__(
        self, settings: FalSettings, *, transport: Any = None, deadline_s: float = DEADLINE_S
    ) -> None:
        key = settings.fal_key
        self.sandbox = key is None
        self.paid = not self.sandbox
        self.max_concurrency = settings.fal_max_concurrency
        self.max_per_minute = settings.fal_max_per_minute
        base, secret = settings.fal_base_url, key.get_secret_value() if key else ""
        if self.sandbox and transport is None:
            base, secret, transport = sandboxed.connect(settings.srpo_sandbox_latency)
        self._api = Api(self.label, base, secret, transport, scheme="Key")
        self._downloads = Downloads(self.label, base, transport)
        self._fixed = settings.srpo_poll_interval
        self._schedules: dict[str, PollSchedule] = {}
        self._ids: deque[str] = deque(maxlen=10_000)
        self._deadline_s = deadline_s

    def problem(self) -> str:
        """It is ready with a key, and without one as the sandbox; only the key can be wrong."""
        return self._api.problem

    def price(self, params: Params) -> float:
        """So much a megapixel, rounded up by the service; without an image that of one."""
        if not self.paid:
            return 0.0
        shape = params.picture if "image" in type(params).model_fields else params
        pixels = getattr(shape, "width", 0) * getattr(shape, "height", 0)
        return USD_A_MEGAPIXEL * max(1, math.ceil(pixels / MEGAPIXEL))

    def sent(self, params: Params) -> dict[str, Any]:
        """The body, with a description in place of the image."""
        return body(params, params.picture.describe() if params.picture else "")

    def code(self, params: Params) -> Code:
        """The call of the official client; a source image goes along with it."""
        values = {name: one for name, one in body(params).items() if name != "image_url"}
        file = source_file(params)
        raw = {"image_url": f'fal_client.encode_file("{file}")'} if file else {}
        written = fields_of(values, indent=8, raw=raw)
        model = endpoint(params).removeprefix("/")
        return Code("fal-client", CODE.format(model=model, fields=written))

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        """Send once, hand out the id at once, then follow the request to its image."""
        image = ""
        if picture := params.picture:
            image = f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode()}"
        answer = await self._api.post_once(endpoint(params), body(params, image), read_s=SUBMIT_S)
        accepted_at = time.monotonic()
        request_id, place = self._accepted(params, answer)
        yield Accepted(request_id)
        yield _queued(answer.body)
        async with aclosing(self._follow(params, request_id, place, accepted_at)) as events:
            async for event in events:
                yield event

    def _accepted(self, params: Params, answer: Answer) -> tuple[str, str]:
        """Return the id of a submit and where it is found, or raise what became of it."""
        told = answer.body if isinstance(answer.body, dict) else {}
        name = told.get("request_id")
        if not isinstance(name, str) or not name.strip():
            blamed = "content_policy_violation" in _kinds(answer.body)
            raise blocked(self.label) if blamed else refusal(self.label, answer)
        if name in self._ids:
            raise BadResponseError(
                english("service-answered-with-id-another-request", label=self.label),
                advice=LOOK,
                charged="maybe",
            )
        self._ids.append(name)
        return name, self._on_host(told.get("response_url")) or request_path(params, name)

    def _on_host(self, address: Any) -> str:
        """Return the path of an address on the configured host, "" for any other."""
        base, found = urlsplit(self._api.base_url), urlsplit(str(address or ""))
        same = (found.scheme, found.netloc) == (base.scheme, base.netloc)
        inside = found.path.startswith(f"{base.path}/") and not found.query
        return found.path.removeprefix(base.path) if same and inside else ""

    async def resume(self, params: Params, request_id: str) -> AsyncIterator[Event]:
        """Follow a request that was accepted earlier, by this process or another."""
        self._ids.append(request_id)
        place = request_path(params, request_id)
        async with aclosing(self._follow(params, request_id, place, None)) as events:
            async for event in events:
                yield event

    async def collect(
        self, params: Params, outputs: str, request_id: str | None
    ) -> AsyncIterator[Event]:
        """Fetch an image that is known to be done."""
        deadline = time.monotonic() + self._deadline_s
        try:
            yield Finished(await self._picture(outputs, request_id or "", deadline))
        except ExpiredError as error:
            if not request_id:
                raise late(self.label, "", str(error)) from error
            place = request_path(params, request_id)
            async with aclosing(self._follow(params, request_id, place, None)) as events:
                async for event in events:
                    yield event

    async def cancel(self, params: Params, request_id: str) -> bool:
        """Take a request out of the service's queue; True when it is gone and never began.

        One that has begun is left alone: it is billed, and its image is wanted. The receipt
        proves nothing, so it is looked whether the service still knows the request.
        """
        place = request_path(params, request_id)
        try:
            answer = await self._api.ask("GET", f"{place}/status")
            if _status(answer.body) != "IN_QUEUE":
                return False
            answer = await self._api.ask("PUT", f"{place}/cancel")
            if answer.status not in (200, 202):
                return False
            until = time.monotonic() + WITHDRAW_S
            while time.monotonic() < until:
                answer = await self._api.ask("GET", f"{place}/status")
                if answer.status == 404:
                    return True
                if _status(answer.body) != "IN_QUEUE":
                    return False
                await asyncio.sleep(0.1)
        except PlaygroundError:
            return False
        return False

    async def _follow(
        self, params: Params, request_id: str, place: str, accepted_at: float | None
    ) -> AsyncGenerator[Event, None]:
        """Yield events until the image is here; nothing here costs anything."""
        deadline = time.monotonic() + self._deadline_s
        schedule = self._schedules.setdefault(endpoint(params), PollSchedule(self._fixed))
        if accepted_at is not None:
            async with aclosing(self._streamed(place, deadline)) as events:
                async for event in events:
                    yield event
        born = time.monotonic() if accepted_at is None else accepted_at
        answer = await self._result(place, request_id, deadline)
        while answer is None:  # it is not done: the stream broke, or there was none
            elapsed = time.monotonic() - born
            wait = schedule.wait(workload(params), elapsed)
            if time.monotonic() + wait > deadline:
                raise late(self.label, request_id)
            await asyncio.sleep(wait)
            patience = min(deadline, time.monotonic() + STATUS_S)
            try:
                told = await self._asked(f"{place}/status", request_id, patience)
            except (RejectedError, RunTimeoutError):  # believed only if the result says so too
                answer = await self._result(place, request_id, deadline)
                continue
            if told.status < 300 and _status(told.body) in WAITING:
                yield _event(told.body)
                continue
            if _status(told.body) == "COMPLETED":
                schedule.observe(workload(params), time.monotonic() - born)
            answer = await self._result(place, request_id, deadline)
        address, flagged = self._output(answer, request_id)
        if not address.startswith("data:"):
            yield Delivered(outputs=address)
        backoff = Backoff(deadline)
        while True:
            try:
                image = await self._picture(address, request_id, deadline)
                break
            except ExpiredError as error:  # the result may name another address by now
                try:
                    await backoff.pause()
                except TimeoutError:
                    raise late(self.label, request_id, str(error)) from error
                if backoff.tries > TRIES:
                    raise late(self.label, request_id, str(error)) from error
            if fresh := await self._result(place, request_id, deadline):
                address, flagged = self._output(fresh, request_id)
        yield Finished(image, flagged=flagged)

    async def _streamed(self, place: str, deadline: float) -> AsyncGenerator[Event, None]:
        """Yield what the stream tells until the request is done, or the stream is."""
        last = None
        try:
            left = max(deadline - time.monotonic(), 0.0)
            async with aclosing(self._api.events(f"{place}/status/stream", seconds=left)) as told:
                async for body in told:
                    if _status(body) == "COMPLETED":
                        await _ended(told)
                        return
                    event = _event(body)
                    if event != last:
                        last = event
                        yield event
        except PlaygroundError:  # the status is asked for instead
            return

    async def _result(self, place: str, request_id: str, deadline: float) -> Answer | None:
        """Return the answer with the result, good or bad; None when it is not done."""
        answer = await self._asked(place, request_id, deadline)
        told = answer.body if isinstance(answer.body, dict) else {}
        running = answer.status == 400 and "in progress" in answer.text.lower()
        empty = answer.status < 300 and not _address(told) and not told.get("error")
        return None if running or empty else answer

    async def _asked(self, path: str, request_id: str, deadline: float) -> Answer:
        """Ask until there is an answer about this request."""
        backoff, refusals = Backoff(deadline), Counter[int]()
        while True:
            answer = None
            with suppress(PlaygroundError):  # the network says nothing about the request
                answer = await self._api.ask("GET", path)
            if answer:
                refusals[answer.status] += 1
            known = answer if answer and _is_answer(answer) else None
            if known and (known.status < 500 or refusals.total() >= FAULTS):
                return known
            if refusals[404] >= TRIES:
                raise gone(self.label, request_id)
            if refusals[401] + refusals[403] >= TRIES:
                raise denied(self.label, request_id)
            try:
                await backoff.pause(answer.retry_after if answer else None)
            except TimeoutError as error:
                raise late(self.label, request_id) from error

    def _output(self, answer: Answer, request_id: str) -> tuple[str, bool]:
        """Return where the image lies and whether it was flagged, or raise why there is none."""
        told = answer.body if isinstance(answer.body, dict) else {}
        if answer.status >= 300 or told.get("error"):
            raise self._failed(answer, request_id)
        flags = told.get("has_nsfw_concepts")
        flagged = isinstance(flags, list) and any(flag is True for flag in flags)
        return _address(told), flagged

    def _failed(self, answer: Answer, request_id: str) -> BackendError:
        """Return the error of a request that ended without an image."""
        kinds, words = _kinds(answer.body), said(answer.text)
        if "content_policy_violation" in kinds:
            error: BackendError = blocked(self.label)
        elif answer.status < 500 and answer.status != 408:
            error = RejectedError(
                english("service-cannot-work", service=self.label) + words,
                advice=english("service-change-settings-or-image-try"),
            )
        else:
            error = UnavailableError(
                english("service-cannot-finish", service=self.label) + words,
                advice=english("service-try-again-in-moment"),
            )
        # Its pages say that failures are not billed, except for some that were found late.
        error.request_id, error.charged = request_id, "maybe"
        return error

    async def _picture(self, address: str, request_id: str, deadline: float) -> bytes:
        try:
            if address.startswith("data:"):
                return await unpacked(self.label, address)
            return await self._downloads.fetch(address, deadline)
        except ExpiredError:
            raise
        except ForbiddenAddressError as error:
            error.request_id = request_id
            raise
        except BackendError as error:
            raise late(self.label, request_id, str(error)) from error

    def observe(self, heard: Heard) -> None:
        """Tell of every answer how it compares with what the pages say."""
        self._api.heard = self._downloads.heard = compared(EXPECTED, heard)

    async def look(self) -> Sequence[str]:
        """Ask for a request that there is not; nothing else is free, and nothing tells a price."""
        answer = await self._api.ask("GET", f"{NOBODYS}/status")
        if answer.status in (401, 403):
            raise refusal(self.label, answer)
        return [english("service-does-not-refuse-key-tells")]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._api.aclose()
        await self._downloads.aclose()


async def _ended(told: AsyncGenerator[Any, None]) -> None:
    """Read a stream to its end, so that the result is asked for on the same connection."""
    with suppress(TimeoutError):
        async with asyncio.timeout(END_S):
            async for _ in told:
                pass


def _is_answer(answer: Answer) -> bool:
    """Whether it is about the request, and not of the gateway before it or of a bad day."""
    if answer.status in (401, 403, 404, 408, 429):
        return False
    if answer.status < 300:
        return isinstance(answer.body, dict)
    return bool(_kinds(answer.body)) or (400 <= answer.status < 500 and bool(answer.text))


def _address(told: Mapping[str, Any]) -> str:
    """Return where the first image of a result lies, "" when it has none."""
    images = told.get("images")
    first = images[0] if isinstance(images, list) and images else None
    found = first.get("url") if isinstance(first, dict) else None
    return found if isinstance(found, str) else ""


def _status(told: Any) -> str:
    return str(told.get("status", "")) if isinstance(told, dict) else ""


def _event(told: Any) -> Event:
    """Return what a status means for whoever waits."""
    if _status(told) != "IN_QUEUE":
        return Running()
    return _queued(told)


def _queued(told: Any) -> Queued:
    """Return the place in the service's queue, which it counts from 0."""
    position = told.get("queue_position")
    return Queued(position + 1 if type(position) is int and position >= 0 else None)


def _kinds(told: Any) -> set[str]:
    """Return the types of an error: of each finding of a model, or that of the queue itself."""
    if not isinstance(told, dict):
        return set()
    detail = told.get("detail")
    listed = (
        [one.get("type") for one in detail if isinstance(one, dict)]
        if isinstance(detail, list)
        else []
    )
    return {one for one in (*listed, told.get("error_type")) if isinstance(one, str) and one}


def create(settings: FalSettings) -> Fal:
    """Build the backend from settings."""
    return Fal(settings)


REGISTRATION = Registration(FalSettings, create, key="fal_key")
