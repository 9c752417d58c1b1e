"""WaveSpeed: asynchronous submit, poll, download; an accepted job can be picked up again.

The request id is in hand within one round trip, so nothing that was paid for depends on this
process staying alive. Synchronous mode would be a little quicker and could lose the id.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any, Literal, get_args

from pydantic import Field, SecretStr

from backends.remote import sandboxed
from backends.remote.client import LOOK, Api
from backends.remote.downloads import Downloads
from backends.remote.polling import PollSchedule
from backends.remote.rate_limit import RateLimiter
from backends.wavespeed import account
from backends.wavespeed.batch_polling import BatchPolling
from backends.wavespeed.follow import DEADLINE_S, Follower
from backends.wavespeed.predictions import Prediction, accepted
from backends.wavespeed.uploads import Uploads
from core import params as fields
from core.backend import Found, Registration
from core.errors import BadResponseError, PlaygroundError
from core.events import Accepted, Event
from core.jobs.estimate import workload
from core.params import ImageToImage, Params, Task, TextToImage
from core.settings import Concurrency, PerMinute, Settings, WebAddress

SUBMIT_S = 12.0
"""How long the service may take to accept a job; one that is lost is looked up in its list."""
Model = Literal["flux-1-srpo", "flux-srpo"]
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
    wavespeed_price_usd: float = Field(0.025, ge=0, description="Price of one image.")


class WaveSpeedText(TextToImage):
    """`strength`, which the page documents here too, means nothing without a picture."""

    model: Model = fields.model("flux-1-srpo")
    width: int = fields.width(low=256, high=1536)
    height: int = fields.height(low=256, high=1536)
    steps: int = fields.steps()
    guidance: float = fields.guidance(3.5)
    output_format: Format = fields.output_format()


class WaveSpeedImage(ImageToImage):
    """There is no size: the output follows the picture."""

    model: Model = fields.model("flux-1-srpo")
    strength: float = fields.strength()
    steps: int = fields.steps()
    guidance: float = fields.guidance(3.5)
    output_format: Format = fields.output_format()


def path(params: Params) -> str:
    """Return the endpoint of a request: model and task are in the path, never in the body."""
    suffix = "/image-to-image" if isinstance(params, WaveSpeedImage) else ""
    model = params.model if isinstance(params, WaveSpeedText | WaveSpeedImage) else ""
    return f"/api/v3/wavespeed-ai/{model}{suffix}"


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
        return self._prices.get(_model_id(params), self._price_usd) if self.paid else 0.0

    def sent(self, params: Params) -> dict[str, Any]:
        """The body, with a description in place of the picture."""
        shown = params.picture.describe() if params.picture else ""
        return body(params, shown)

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        """Send once, hand out the id at once, then follow the job to its picture."""
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
                f"{self.label} answered with the id of another job.",
                advice=LOOK,
                charged="maybe",
            )
        self._ids.append(prediction.id)
        return prediction

    async def resume(self, params: Params, request_id: str) -> AsyncIterator[Event]:
        """Follow a job that was accepted earlier, by this process or another."""
        async for event in self._follow(params, Prediction(request_id, "processing")):
            yield event

    async def collect(
        self, params: Params, outputs: str, request_id: str | None
    ) -> AsyncIterator[Event]:
        """Fetch a picture that is known to be done; an address that expired is asked for anew."""
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
        for params in _one_of_each():
            with suppress(PlaygroundError):
                told = await account.price(self._api, _model_id(params), body(params))
                if told is not None:
                    self._prices[_model_id(params)] = told
        return self.balance_usd

    async def refresh(self) -> None:
        """Ask what a picture costs and what is left; without an answer nothing changes."""
        if not self.paid or self._api.problem:
            return
        with suppress(PlaygroundError):
            await self.check()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._batch.aclose()
        await self._api.aclose()
        await self._downloads.aclose()


def _one_of_each() -> Iterator[Params]:
    """Yield params of every model, to ask for its price."""
    for model in get_args(Model):
        yield WaveSpeedText(prompt="a price", seed=0, model=model)


def create(settings: WaveSpeedSettings) -> WaveSpeed:
    """Build the backend from settings."""
    return WaveSpeed(settings)


REGISTRATION = Registration(WaveSpeedSettings, create, key="wavespeed_api_key")
