"""A client of fal's stand-in for tests: one request a line, in-process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.sandbox.visitor import Visitor, visiting

SRPO = "fal-ai/flux-1/srpo"
SRPO_EDIT = "fal-ai/flux-1/srpo/image-to-image"
SMALL = {"width": 256, "height": 256}


class FalVisitor(Visitor):
    """Speaks to fal's queue and looks into the sandbox."""

    async def submit(self, model: str = SRPO, prompt: str = "a red boat", **body: Any) -> Any:
        """Send a request of a small image; returns the response."""
        size = {} if model.endswith("image-to-image") else {"image_size": SMALL}
        return await self.http.post(f"/{model}", json={"prompt": prompt, **size, **body})

    async def accepted(self, model: str = SRPO, prompt: str = "a red boat", **body: Any) -> Any:
        """Send a request that must be accepted; returns the addresses that it was told."""
        answer = await self.submit(model, prompt, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def status(self, told: Any, **query: Any) -> httpx.Response:
        """Ask once where a request stands."""
        return await self.http.get(told["status_url"], params=query)

    async def completed(self, told: Any) -> Any:
        """Poll until a request is completed; returns the last status."""
        async with asyncio.timeout(20):
            while (answer := await self.status(told)).status_code == 202:
                await asyncio.sleep(0.01)
        return answer.json()

    async def result(self, told: Any) -> httpx.Response:
        """Ask for what a request came to."""
        return await self.http.get(told["response_url"])

    async def cancel(self, told: Any) -> httpx.Response:
        """Ask to cancel a request."""
        return await self.http.put(told["cancel_url"])

    async def outcome(self, model: str = SRPO, prompt: str = "a red boat", **body: Any) -> Any:
        """Send a request and wait; returns the response with its result."""
        told = await self.accepted(model, prompt, **body)
        await self.completed(told)
        return await self.result(told)

    async def rows(self) -> Any:
        """Read the sandbox's ledger."""
        return (await self.http.get("/sandbox/ledger")).json()


@asynccontextmanager
async def queueing(**options: Any) -> AsyncIterator[FalVisitor]:
    """Open a sandbox in-process, with the key announced as fal asks."""
    async with visiting(**options) as visitor:
        visitor.http.headers["authorization"] = "Key a-key"
        yield FalVisitor(visitor.http)
