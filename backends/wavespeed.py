"""WaveSpeed: asynchronous submit, poll, download; an accepted job can be picked up again.

The request id is in hand within one round trip, so nothing that was paid for depends on this
process staying alive. Synchronous mode would be a little quicker and could lose the id.
"""

from __future__ import annotations

import base64
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any, Literal

from backends import account, sandboxed
from backends.addresses import ForbiddenAddressError
from backends.download import Downloads, deadline_in
from backends.http import LOOK, Api, Patience
from backends.polling import Bucket, Pace
from backends.prediction import Prediction, accepted, outcome
from backends.watch import DEADLINE_S, Watch
from core import params as fields
from core.backend import Found
from core.errors import BadResponseError, PlaygroundError, UnavailableError
from core.estimate import workload
from core.events import Accepted, Event
from core.params import ImageToImage, Params, Task, TextToImage
from core.pictures import Picture
from core.settings import Settings

Model = Literal["flux-1-srpo", "flux-srpo"]
Format = Literal["jpeg", "png"]
LARGE = 6_000_000
"""Bytes of a data URI beyond which a picture is uploaded first."""
UPLOAD_S = 15.0
"""How long a failed upload is tried again."""


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
    tasks: Mapping[Task, type[Params]] = {
        "text-to-image": WaveSpeedText,
        "image-to-image": WaveSpeedImage,
    }

    def __init__(
        self, settings: Settings, *, transport: Any = None, deadline_s: float = DEADLINE_S
    ) -> None:
        key = settings.wavespeed_api_key
        self.sandbox = key is None
        self.paid = not self.sandbox
        self.price_usd = settings.wavespeed_price_usd if self.paid else 0.0
        self.balance_usd: float | None = None
        self.max_concurrency = settings.wavespeed_max_concurrency
        self.max_per_minute = settings.wavespeed_max_per_minute
        base = settings.wavespeed_base_url.rstrip("/").removesuffix("/api/v3")
        secret = key.get_secret_value() if key else ""
        if self.sandbox and transport is None:
            base, secret, transport = sandboxed.connect(settings.srpo_sandbox_latency)
        self._api = Api(self.label, base, secret, transport)
        self._downloads = Downloads(self.label, base, transport)
        self._bucket = Bucket()
        self._fixed = settings.srpo_poll_interval
        self._paces: dict[str, Pace] = {}
        self._round_trip = 0.0
        self._ids: deque[str] = deque(maxlen=10_000)
        self._deadline_s = deadline_s

    def problem(self) -> str:
        """It is ready with a key, and without one as the sandbox; only the key can be wrong."""
        return self._api.problem

    def sent(self, params: Params) -> dict[str, Any]:
        """The body, with a description in place of the picture."""
        shown = params.picture.describe() if params.picture else ""
        return body(params, shown)

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        """Send once, hand out the id at once, then follow the job to its picture."""
        image = await self._image(params.picture) if params.picture else ""
        asked = time.monotonic()
        answer = await self._api.post_once(path(params), body(params, image))
        took = time.monotonic() - asked
        self._round_trip = min(self._round_trip or took, took)
        prediction = self._new(accepted(self.label, answer))
        accepted_at = asked + took - self._round_trip / 2
        yield Accepted(prediction.id)
        async with aclosing(self._watch(params).follow(prediction, accepted_at)) as events:
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
        async with aclosing(self._watch(params).follow(known)) as events:
            async for event in events:
                yield event

    def _watch(self, params: Params) -> Watch:
        pace = self._paces.setdefault(path(params), Pace(self._fixed))
        return Watch(
            self._api,
            self._downloads,
            pace,
            self._bucket,
            work=workload(params),
            round_trip=self._round_trip,
            deadline_s=self._deadline_s,
        )

    async def _image(self, picture: Picture) -> str:
        """Return what goes into `image`: a data URI, or an upload's address for large pictures."""
        encoded = base64.b64encode(picture.data).decode()
        uri = f"data:{picture.media_type};base64,{encoded}"
        return uri if len(uri) <= LARGE else await self._upload(picture)

    async def _upload(self, picture: Picture) -> str:
        """Upload a picture and return its address; costs nothing, so it is tried again."""
        patience = Patience(deadline_in(min(UPLOAD_S, self._deadline_s)))
        while True:
            try:
                return await self._uploaded(picture)
            except ForbiddenAddressError:
                raise
            except (UnavailableError, BadResponseError) as error:
                try:
                    await patience.pause()
                except TimeoutError:
                    raise error from None

    async def _uploaded(self, picture: Picture) -> str:
        """Upload in the two steps of the service; the second goes without the key."""
        suffix = picture.media_type.rpartition("/")[2]
        wish = {
            "filename": f"{picture.sha256[:16]}.{suffix}",
            "size": len(picture.data),
            "content_type": picture.media_type,
        }
        answer = await self._api.ask("POST", "/api/v3/media/uploads", wish, seconds=30)
        ticket = outcome(self.label, answer)
        address, upload = ticket.get("download_url"), ticket.get("upload")
        if not isinstance(address, str) or not isinstance(upload, dict):
            raise UnavailableError(
                f"{self.label} did not take the picture.",
                advice="Try again, or make the picture smaller.",
            )
        headers = upload.get("headers")
        await self._downloads.put(
            str(upload.get("url")), picture.data, headers if isinstance(headers, dict) else {}
        )
        return address

    async def accepted(self, params: Params, since: float) -> tuple[Sequence[Found], float]:
        """List what the account accepted for the endpoint of these params."""
        return await account.listed(self._api, _model_id(params), since)

    async def refresh(self) -> None:
        """Ask what a picture costs and what is left; without an answer nothing changes."""
        if not self.paid or self._api.problem:
            return
        with suppress(PlaygroundError):
            self.balance_usd = await account.balance(self._api)
            params = WaveSpeedText(prompt="a price", seed=0)
            told = await account.price(self._api, _model_id(params), body(params))
            self.price_usd = self.price_usd if told is None else told

    async def aclose(self) -> None:
        """Close the connections."""
        await self._api.aclose()
        await self._downloads.aclose()


def create(settings: Settings) -> WaveSpeed:
    """Build the backend from settings."""
    return WaveSpeed(settings)
