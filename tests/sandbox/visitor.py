"""A client of the sandbox for tests: one request a line, in-process or over a socket."""

from __future__ import annotations

import asyncio
import base64
import io
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import uvicorn
from PIL import Image

from sandbox import Options, create_app
from sandbox.faults.catalogue import CATALOGUE
from sandbox.faults.kinds import Fault

T2I = "wavespeed-ai/flux-1-srpo"
I2I = "wavespeed-ai/flux-1-srpo/image-to-image"
BASE = "wavespeed-ai/flux-dev"
MODELS = [T2I, I2I, "wavespeed-ai/flux-srpo", "wavespeed-ai/flux-srpo/image-to-image", BASE]
SLOW = ("hang", "slow_head", "trickle", "late")
HEAVY = ("bomb", "huge", "endless", "10g")


class Visitor:
    """Speaks to one sandbox and looks into it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def submit(self, model: str = T2I, prompt: str = "a red boat", **body: Any) -> Any:
        """Send a WaveSpeed job; returns the response."""
        return await self.http.post(f"/api/v3/{model}", json={"prompt": prompt, **body})

    async def accepted(self, model: str = T2I, prompt: str = "a red boat", **body: Any) -> Any:
        """Send a WaveSpeed job that must be accepted; returns its task object."""
        answer = await self.submit(model, prompt, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def result(self, task: Any) -> httpx.Response:
        """Ask once how a task is doing."""
        return await self.http.get(f"/api/v3/predictions/{task['id']}/result")

    async def finished(self, task: Any) -> Any:
        """Poll until a task has left the states in which it is worked on."""
        async with asyncio.timeout(20):
            while task["status"] in ("created", "processing"):
                await asyncio.sleep(0.01)
                task = (await self.result(task)).json()["data"]
        return task

    async def done(self, model: str = T2I, prompt: str = "a red boat", **body: Any) -> Any:
        """Send a WaveSpeed job and wait for its end."""
        return await self.finished(await self.accepted(model, prompt, **body))

    async def download(self, url: str) -> httpx.Response:
        """Fetch an image as one should: without the key."""
        request = self.http.build_request("GET", url)
        del request.headers["authorization"]
        return await self.http.send(request)

    async def generate(self, prompt: str = "a red boat", **body: Any) -> Any:
        """Send a Siraya generation; returns the response."""
        model = "flux-1-srpo-text-to-image"
        sent = {"model": model, "prompt": prompt, "image_size": SMALL, **body}
        return await self.http.post("/v1/images/generations", json=sent)

    async def stats(self) -> Any:
        """Read the counters."""
        return (await self.http.get("/sandbox/stats")).json()


SMALL = {"width": 256, "height": 256}


@asynccontextmanager
async def visiting(**options: Any) -> AsyncIterator[Visitor]:
    """Open a sandbox in-process, quick unless told otherwise."""
    app = create_app(_options(options))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://sandbox",
        headers={"authorization": "Bearer a-key"},
    ) as http:
        yield Visitor(http)


@contextmanager
def serving(**options: Any) -> Iterator[str]:
    """Serve a sandbox with uvicorn in a thread; yields its base URL."""
    app = create_app(_options(options))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as line:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [line]}, daemon=True)
        thread.start()
        try:
            # The socket already listens, so the first request simply waits for the server.
            yield f"http://127.0.0.1:{line.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def _options(changes: dict[str, Any]) -> Options:
    return Options(**{"latency": 0.0, "picture": "fixed", **changes})


def picture(width: int = 320, height: int = 256, kind: str = "PNG") -> bytes:
    """Encode a small image to start from."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), (200, 60, 40)).save(file, kind)
    return file.getvalue()


def data_uri(body: bytes, media_type: str = "image/png") -> str:
    """Write bytes as a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(body).decode()}"


def opened(body: bytes) -> Image.Image:
    """Decode an image fully."""
    image = Image.open(io.BytesIO(body))
    image.load()
    return image


def named(*phases: str) -> list[str]:
    """The faults of some phases that neither wait nor weigh much."""
    faults = {name: one for name, one in CATALOGUE.items() if isinstance(one, Fault)}
    return [
        name
        for name, one in faults.items()
        if one.phase in phases and not any(word in name for word in SLOW + HEAVY)
    ]


async def seen(request: Any) -> str:
    """What one request came to: the kind of error or the status."""
    try:
        answer = await request
    except httpx.TransportError as error:
        return type(error).__name__
    return str(answer.status_code)
