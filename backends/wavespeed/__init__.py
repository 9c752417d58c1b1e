"""WaveSpeed: asynchronous submit, poll, download; an accepted job can be picked up again.

The request id is in hand within one round trip, so nothing that was paid for depends on this
process staying alive. Synchronous mode would be a little quicker and could lose the id.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field, SecretStr

from backends.remote import sandboxed
from backends.remote.client import LOOK, Api
from backends.remote.downloads import Downloads
from backends.remote.expectations import compared
from backends.remote.polling import PollSchedule
from backends.remote.rate_limit import RateLimiter
from backends.remote.refusals import refusal, status_of
from backends.wavespeed import account
from backends.wavespeed.batch_polling import BatchPolling
from backends.wavespeed.expected import EXPECTED
from backends.wavespeed.follow import DEADLINE_S, Follower
from backends.wavespeed.predictions import Prediction, accepted
from backends.wavespeed.uploads import Uploads
from core import params as fields
from core.backend import Found, Heard, Registration
from core.code import Code, source_file
from core.code import fields as fields_of
from core.errors import AuthError, BadResponseError, PlaygroundError
from core.events import Accepted, Event
from core.jobs.estimate import workload
from core.params import BASE, ImageToImage, Params, Task, TextToImage
from core.pictures import Picture
from core.settings import Concurrency, PerMinute, Settings, WebAddress
from core.words import english

SUBMIT_S = 12.0
"""How long the service may take to accept a job; one that is lost is looked up in its list."""
LISTED_S = 3600.0
"""How far back the list is read to see whether it can be, in seconds."""
Model = Literal["flux-1-srpo", "flux-srpo", "FLUX.1 [dev], base of SRPO"]
MODELS = {"flux-1-srpo": "flux-1-srpo", "flux-srpo": "flux-srpo", BASE: "flux-dev"}
BASE_PRICE_USD = 0.012
SIDES = (256, 1536)
"""Smallest and largest side of an image, in pixels."""
Format = Literal["jpeg", "png"]


class WaveSpeedSettings(Settings):
    """What can be set for WaveSpeed."""

    wavespeed_api_key: SecretStr | None = Field(
        None, description="Key; without it WaveSpeed is the sandbox."
    )
    wavespeed_base_url: WebAddress = Field(
        "https://api.wavespeed.ai", description="Without `/api/v3`."
    )
    wavespeed_max_concurrency: Concurrency = 2
    wavespeed_max_per_minute: PerMinute = None
    wavespeed_price_usd: float = Field(
        0.025, ge=0, description="Price of one image by SRPO, until WaveSpeed has told it."
    )


class WaveSpeedText(TextToImage):
    """`strength`, which the page documents here too, means nothing without an image.

    The base model alone has a safety checker; it is always on, so there is no field for it.
    """

    model: Model = fields.model("flux-1-srpo")
    width: int = fields.width(low=SIDES[0], high=SIDES[1])
    height: int = fields.height(low=SIDES[0], high=SIDES[1])
    steps: int = fields.steps()
    guidance: float = fields.guidance(3.5)
    output_format: Format = fields.output_format()


class WaveSpeedImage(ImageToImage):
    """There is no size: the output follows the image."""

    most_side = SIDES[1]
    least_side = SIDES[0]
    model: Model = fields.model("flux-1-srpo")
    strength: float = fields.strength()
    steps: int = fields.steps()
    guidance: float = fields.guidance(3.5)
    output_format: Format = fields.output_format()

    def result_size(self) -> tuple[int, int] | None:
        """Return the size of the result; the base model is told one, SRPO follows the image."""
        return following(self.image) if self.model == BASE else super().result_size()


def path(params: Params) -> str:
    """Return the endpoint of a request: model and task are in the path, never in the body.

    The base model has one endpoint for both tasks.
    """
    if not isinstance(params, WaveSpeedText | WaveSpeedImage):
        raise TypeError(f"not WaveSpeed's params: {type(params).__name__}")
    apart = isinstance(params, WaveSpeedImage) and params.model != BASE
    return f"/api/v3/wavespeed-ai/{MODELS[params.model]}{'/image-to-image' if apart else ''}"


def _model_id(params: Params) -> str:
    return path(params).removeprefix("/api/v3/")


def body(params: Params, image: str = "") -> dict[str, Any]:
    """Return the request body; `image` is a data URI or the address of an upload."""
    match params:
        case WaveSpeedText():
            start: dict[str, Any] = {"size": f"{params.width}*{params.height}"}
        case WaveSpeedImage():
            start = {"image": image, "strength": params.strength}
        case _:
            raise TypeError(f"not WaveSpeed's params: {type(params).__name__}")
    if params.model == BASE:
        start |= {"num_images": 1, "enable_safety_checker": True}
        if params.picture:  # without a size it would make a square of any image
            start["size"] = "{}*{}".format(*following(params.picture))
    return {
        "prompt": params.prompt,
        **start,
        "num_inference_steps": params.steps,
        "seed": params.seed,
        "guidance_scale": params.guidance,
        "output_format": params.output_format,
        "enable_base64_output": False,
        "enable_sync_mode": False,
    }


def following(picture: Picture) -> tuple[int, int]:
    """Return the size of an image that follows an image, within what the service makes."""
    least, most = SIDES
    long, short = max(picture.width, picture.height), min(picture.width, picture.height)
    scale = min(max(1.0, least / short), most / long)
    sides = (round(side * scale) for side in (picture.width, picture.height))
    wide, high = (min(max(side, least), most) for side in sides)
    return wide, high


CODE = """import os

import wavespeed

client = wavespeed.Client(api_key=os.environ["WAVESPEED_API_KEY"]{base})
done = client.run(
    "{model}",
    {{
{fields}
    }},
)
print(done["outputs"][0])
"""
OFFICIAL = "https://api.wavespeed.ai"
TRANSPORT = ("enable_base64_output", "enable_sync_mode", "image")
"""What the official client decides by itself."""


class WaveSpeed:
    """The service, or the sandbox in its place; `transport` replaces the network."""

    id = "wavespeed"
    label = "WaveSpeed"
    key_setting = "WAVESPEED_API_KEY"
    priced_by = ("model",)
    max_unanswered = 1
    kept_s = 7 * 24 * 3600.0
    tasks: Mapping[Task, type[Params]] = {
        "text-to-image": WaveSpeedText,
        "image-to-image": WaveSpeedImage,
    }

    def __init__(
        self, settings: WaveSpeedSettings, *, transport: Any = None, deadline_s: float = DEADLINE_S
    ) -> None:
        key = settings.wavespeed_api_key
        self.sandbox = key is None
        self.paid = not self.sandbox
        self._price_usd = settings.wavespeed_price_usd
        self._prices: dict[str, float] = {}
        self.balance_usd: float | None = None
        self.max_concurrency = settings.wavespeed_max_concurrency
        self.max_per_minute = settings.wavespeed_max_per_minute
        base = settings.wavespeed_base_url.rstrip("/").removesuffix("/api/v3")
        self._base = base
        secret = key.get_secret_value() if key else ""
        if self.sandbox and transport is None:
            base, secret, transport = sandboxed.connect(settings.srpo_sandbox_latency)
        self._api = Api(self.label, base, secret, transport)
        self._downloads = Downloads(self.label, base, transport)
        self._uploads = Uploads(self._api, self._downloads, deadline_s)
        self._batch = BatchPolling(self._api, RateLimiter())
        self._fixed = settings.srpo_poll_interval
        self._schedules: dict[str, PollSchedule] = {}
        self._round_trip = 0.0
        self._ids: deque[str] = deque(maxlen=10_000)
        self._deadline_s = deadline_s

    def problem(self) -> str:
        """It is ready with a key, and without one as the sandbox; only the key can be wrong."""
        return self._api.problem

    def price(self, params: Params) -> float:
        """What the service said of this model, or what is set until it has."""
        if not self.paid:
            return 0.0
        base = getattr(params, "model", "") == BASE
        usual = BASE_PRICE_USD if base else self._price_usd
        return self._prices.get(_model_id(params), usual)

    def sent(self, params: Params) -> dict[str, Any]:
        """The body, with a description in place of the image."""
        shown = params.picture.describe() if params.picture else ""
        return body(params, shown)

    def code(self, params: Params) -> Code:
        """The call of the official client; a source image is uploaded by it."""
        values = {name: one for name, one in body(params).items() if name not in TRANSPORT}
        file = source_file(params)
        raw = {"image": f'client.upload("{file}")'} if file else {}
        base = "" if self._base == OFFICIAL else f", base_url={self._base!r}"
        written = fields_of(values, indent=8, raw=raw)
        return Code(
            "WaveSpeed SDK", CODE.format(base=base, model=_model_id(params), fields=written)
        )

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        """Send once, hand out the id at once, then follow the job to its image."""
        image = await self._uploads.reference(params.picture) if params.picture else ""
        asked = time.monotonic()
        answer = await self._api.post_once(path(params), body(params, image), read_s=SUBMIT_S)
        took = time.monotonic() - asked
        self._round_trip = min(self._round_trip or took, took)
        prediction = self._new(accepted(self.label, answer))
        accepted_at = asked + took - self._round_trip / 2
        yield Accepted(prediction.id)
        async with aclosing(self._follower(params).follow(prediction, accepted_at)) as events:
            async for event in events:
                yield event

    def _new(self, prediction: Prediction) -> Prediction:
        """Return it, or refuse an answer that names a job of ours: whose this is, is not known."""
        if prediction.id in self._ids:
            raise BadResponseError(
                english("service-answered-with-id-another-job", label=self.label),
                advice=LOOK,
                charged="maybe",
            )
        self._ids.append(prediction.id)
        return prediction

    async def delete_request(self, request_id: str) -> None:
        """Delete a prediction with its image; it costs nothing, and nothing is left to delete."""
        answer = await self._api.ask("DELETE", f"/api/v3/predictions/{quote(request_id, safe='')}")
        status = status_of(answer)
        if status != 404 and not 200 <= status < 300:
            raise refusal(self.label, answer)

    async def resume(self, params: Params, request_id: str) -> AsyncIterator[Event]:
        """Follow a job that was accepted earlier, by this process or another."""
        async for event in self._follow(params, Prediction(request_id, "processing")):
            yield event

    async def collect(
        self, params: Params, outputs: str, request_id: str | None
    ) -> AsyncIterator[Event]:
        """Fetch an image that is known to be done; an address that expired is asked for anew."""
        known = Prediction(request_id or "", "completed", (outputs,))
        async for event in self._follow(params, known):
            yield event

    async def _follow(self, params: Params, known: Prediction) -> AsyncIterator[Event]:
        self._ids.append(known.id)
        async with aclosing(self._follower(params).follow(known)) as events:
            async for event in events:
                yield event

    def _follower(self, params: Params) -> Follower:
        schedule = self._schedules.setdefault(path(params), PollSchedule(self._fixed))
        return Follower(
            self._api,
            self._downloads,
            schedule,
            self._batch,
            work=workload(params),
            round_trip=self._round_trip,
            deadline_s=self._deadline_s,
        )

    async def accepted(self, params: Params, since: float) -> tuple[Sequence[Found], float]:
        """List what the account accepted for the endpoint of these params."""
        return await account.listed(self._api, _model_id(params), since)

    async def check(self) -> float | None:
        """Ask what is left, which shows whether the key is accepted, and each model's price."""
        self.balance_usd = await account.balance(self._api)
        await self._ask_prices()
        return self.balance_usd

    async def _ask_prices(self) -> None:
        """Ask for all of them at once: whoever enters a key waits for it."""
        await asyncio.gather(*map(self._ask_price, _one_of_each()))

    async def _ask_price(self, params: Params) -> None:
        with suppress(PlaygroundError):
            told = await account.price(self._api, _model_id(params), body(params))
            if told is not None:
                self._prices[_model_id(params)] = told

    def observe(self, heard: Heard) -> None:
        """Tell of every answer how it compares with what the pages say."""
        self._api.heard = self._downloads.heard = compared(EXPECTED, heard)

    async def look(self) -> Sequence[str]:
        """Ask for the balance, each model's price and the list of jobs."""
        told, errors = [], list[PlaygroundError]()
        try:
            left = await account.balance(self._api)
            balance = "." if left is None else " and tells the balance."
            told.append(f"It accepts the key{balance}")
        except AuthError:
            raise
        except PlaygroundError as error:
            errors.append(error)
        await self._ask_prices()
        told.append(
            english(
                "service-tells-price-models",
                prices=len(self._prices),
                one_of_each=len(_one_of_each()),
            )
        )
        try:
            await self.accepted(WaveSpeedText(prompt="a list", seed=0), time.time() - LISTED_S)
            told.append(english("service-its-list-jobs-can-read"))
        except PlaygroundError as error:
            errors.append(error)
        if errors:
            raise errors[0]
        return told

    async def refresh(self) -> None:
        """Ask what an image costs and what is left; without an answer nothing changes."""
        if not self.paid or self._api.problem:
            return
        with suppress(PlaygroundError):
            await self.check()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._batch.aclose()
        await self._api.aclose()
        await self._downloads.aclose()


def _one_of_each() -> Collection[Params]:
    """Return params of every endpoint, to ask for its price."""
    found: dict[str, Params] = {}
    for kind in (WaveSpeedText, WaveSpeedImage):
        for model in MODELS:
            wish: dict[str, Any] = {"prompt": "a price", "seed": 0, "model": model}
            params = kind.model_construct(**wish)
            found.setdefault(_model_id(params), params)
    return found.values()


def create(settings: WaveSpeedSettings) -> WaveSpeed:
    """Build the backend from settings."""
    return WaveSpeed(settings)


REGISTRATION = Registration(WaveSpeedSettings, create, key="wavespeed_api_key")
