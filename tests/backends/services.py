"""Services played by a function: what they were asked is kept, what they answer is the test's."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx

from backends import Settings
from backends import self_hosted as engines
from backends.fal import Fal
from backends.remote.openai_images import Engine, OpenAIImages
from backends.siraya import SIRAYA
from backends.wavespeed import WaveSpeed
from core import pictures
from core.events import Event
from core.params import Params
from core.pictures import Picture
from tests.fakes import picture

KEY = "f3a9CANARY7c21b64e"
"""Without any prefix that would give it away as a key."""
ANSWER = picture(1, 64, 48)


def given() -> Picture:
    return pictures.load(picture(9, 64, 48))


class Recording:
    """A transport that keeps every request and answers by a function of it."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer
        self.transport = httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answer(request)

    @property
    def posts(self) -> list[httpx.Request]:
        return [one for one in self.requests if one.method == "POST"]

    def body(self, number: int = 0) -> Any:
        return json.loads(self.posts[number].content)


def prediction(status: str = "completed", **more: Any) -> httpx.Response:
    data: dict[str, Any] = {
        "id": "abc/1",
        "model": "m",
        "status": status,
        "outputs": ["https://cdn.example/out.png"] if status == "completed" else [],
        "error": "",
    }
    return httpx.Response(200, json={"code": 200, "message": "success", "data": data | more})


def wavespeed_ok(request: httpx.Request) -> httpx.Response:
    if request.method == "POST":
        return prediction("created")
    if "/predictions/" in request.url.path:
        return prediction()
    return httpx.Response(200, content=ANSWER)


def fal_told(status: str = "IN_QUEUE", **more: Any) -> dict[str, Any]:
    place = "https://queue.fal.run/fal-ai/flux-1/requests/abc-1"
    told = {"status": status, "request_id": "abc-1", "response_url": place}
    return told | {"status_url": f"{place}/status", "cancel_url": f"{place}/cancel"} | more


def fal_ok(request: httpx.Request) -> httpx.Response:
    path = request.url.path
    if request.method == "POST":
        return httpx.Response(200, json=fal_told(queue_position=0))
    if path.endswith("/stream"):
        text = f"data: {json.dumps(fal_told('COMPLETED', logs=None))}\n\n"
        return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})
    if path.endswith("/status"):
        return httpx.Response(200, json=fal_told("COMPLETED", logs=None))
    if "/requests/" in path:
        image = {"url": "https://v3.fal.media/1.png", "width": 64, "height": 48}
        answer = {"images": [image], "has_nsfw_concepts": [False], "seed": 1, "prompt": "a"}
        return httpx.Response(200, json=answer)
    return httpx.Response(200, content=ANSWER)


@functools.cache
def _settings(**values: Any) -> Settings:
    """Settings are read from many places, which takes a while."""
    return Settings(srpo_sandbox_latency=0.05, **values)


def fal(
    transport: httpx.AsyncBaseTransport | None,
    key: str | None = KEY,
    deadline_s: float = 5,
    poll_s: float = 0.001,
) -> Fal:
    return Fal(
        _settings(fal_key=key, srpo_poll_interval=poll_s),
        transport=transport,
        deadline_s=deadline_s,
    )


def siraya_ok(request: httpx.Request) -> httpx.Response:
    inside = base64.b64encode(ANSWER).decode()
    data = [{"url": "", "b64_json": inside, "revised_prompt": ""}]
    return httpx.Response(200, json={"created": 1, "data": data})


def wavespeed(
    transport: httpx.AsyncBaseTransport | None,
    key: str | None = KEY,
    deadline_s: float = 5,
    poll_s: float = 0.001,
) -> WaveSpeed:
    return WaveSpeed(
        _settings(wavespeed_api_key=key, srpo_poll_interval=poll_s),
        transport=transport,
        deadline_s=deadline_s,
    )


def siraya(
    transport: httpx.AsyncBaseTransport | None, key: str | None = KEY, edit: str | None = "edit-1"
) -> OpenAIImages:
    engine = Engine(
        base_url="https://image.siraya.pro/v1",
        key=key,
        model="flux-1-srpo-text-to-image",
        edit_model=edit,
        price_usd=0.025,
        max_concurrency=2,
        latency_s=0.05,
    )
    return OpenAIImages(SIRAYA, engine, transport=transport)


async def events(stream: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in stream]


def params_of(backend: Any, task: Any, **values: Any) -> Params:
    kind: type[Params] = backend.tasks[task]
    known: dict[str, Any] = {"prompt": "a boat"}
    if task == "image-to-image":
        known["image"] = given()
    return kind(**(known | values)).with_seed(values.get("seed", 5))


def self_hosted(transport: Any, dialect: str = "srpo", **values: Any) -> OpenAIImages:
    """An engine of one's own behind a transport."""
    settings = Settings(
        **{"self_hosted_base_url": "http://engine.lan:8000", "self_hosted_dialect": dialect}
        | values,
        _env_file=None,
    )
    return OpenAIImages(engines.DIALECTS[dialect], engines.engine(settings), transport=transport)


def engine_ok(request: httpx.Request) -> httpx.Response:
    """An engine on a good day."""
    inside = base64.b64encode(ANSWER).decode()
    return httpx.Response(200, json={"created": 1, "data": [{"b64_json": inside, "url": None}]})
