"""Backends for tests: real classes of the protocol whose pace the test decides."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from typing import Any

from PIL import Image

from core import params as fields
from core.errors import PlaygroundError
from core.events import Accepted, Event, Finished, Running
from core.params import ImageToImage, Params, Task, TextToImage


class FakeText(TextToImage):
    """Every shared field, with small limits."""

    width: int = fields.width(64, low=16, high=4096)
    height: int = fields.height(64, low=16, high=4096)
    steps: int = fields.steps(4)
    guidance: float = fields.guidance(3.5)


class FakeImage(ImageToImage):
    """Image-to-image with a strength."""

    strength: float = fields.strength()


def picture(seed: int, width: int = 64, height: int = 64) -> bytes:
    """Encode a PNG whose colour is the seed's."""
    colour = (seed % 256, seed // 256 % 256, seed // 65_536 % 256)
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


class FakeBackend:
    """Generates plain colours; `gate` holds it before the end, `failure` ends it."""

    label = "Fake"
    key_setting = "FAKE_API_KEY"
    sandbox = False
    max_concurrency = 2
    max_per_minute: int | None = None
    max_unanswered: int | None = None
    kept_s = 7 * 24 * 3600.0
    priced_by: tuple[str, ...] = ()
    tasks: Mapping[Task, type[Params]] = {"text-to-image": FakeText, "image-to-image": FakeImage}

    def __init__(
        self, *, paid: bool = False, open_gate: bool = True, failure: PlaygroundError | None = None
    ) -> None:
        self.id = "fake"
        self.paid = paid
        self.price_usd: float | None = 0.025 if paid else 0.0
        self.failure = failure
        self.gate = asyncio.Event()
        if open_gate:
            self.gate.set()
        self.started: list[int] = []
        self.closed: list[int] = []

    def price(self, params: Params) -> float | None:
        return self.price_usd

    def problem(self) -> str:
        return ""

    def sent(self, params: Params) -> dict[str, Any]:
        return {"prompt": params.prompt, "seed": params.seed}

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        self.started.append(params.seed)
        try:
            yield Running(step=1, total=2)
            await self.gate.wait()
            if self.failure:
                raise self.failure
            yield Finished(picture(params.seed))
        finally:
            self.closed.append(params.seed)

    async def aclose(self) -> None:
        return None


class FakeService(FakeBackend):
    """A remote service: accepts, remembers, and can be asked again by another process."""

    max_unanswered = 1

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.sends = 0
        self.resumed: list[str] = []

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        self.started.append(params.seed)
        self.sends += 1
        if self.failure and not self.gate.is_set():
            raise self.failure
        yield Accepted(f"request-{params.seed}")
        async for event in self._deliver(params):
            yield event

    async def resume(self, params: Params, request_id: str) -> AsyncIterator[Event]:
        self.resumed.append(request_id)
        async for event in self._deliver(params):
            yield event

    async def _deliver(self, params: Params) -> AsyncIterator[Event]:
        yield Running()
        await self.gate.wait()
        if self.failure:
            raise self.failure
        yield Finished(picture(params.seed))
