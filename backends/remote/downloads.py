"""Fetches finished images: no credentials, public addresses only, whole images only."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Callable, Mapping
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import httpx

from backends.remote.client import Backoff, media_type, translated
from backends.remote.expectations import FILE, Exchange
from backends.remote.public_addresses import (
    CheckedTransport,
    ForbiddenAddressError,
    allowed,
    redirected,
)
from backends.remote.responses import retry_after
from core import pictures
from core.backend import before_decoding
from core.errors import BackendError, BadResponseError, PlaygroundError, UnavailableError
from core.pictures.containers import container_of
from core.words import english

MOST_BYTES = 40_000_000
IN_MEMORY_BYTES = 2_000_000
"""Beyond it a download waits on disk until it is whole."""
MOST_HOPS = 3
TRY_S = 60.0
PATIENT_S = 5.0
SLOWEST_BYTES_S = 4_000
"""Bytes a second below which a download is begun anew after `PATIENT_S` seconds."""
WRONG_TRIES = 6
"""How often a file may be no image before it is left alone for a while."""
EXPIRED = (401, 403, 410)
REDIRECTS = (301, 302, 303, 307, 308)
AGAIN = english("service-fetched-again-for-as-long")


class ExpiredError(UnavailableError):
    """The address of the image opens nothing any more; the service may name another."""


class NotYetError(UnavailableError):
    """The image is not handed out for now; `retry_after` is in seconds when a time was named."""

    retry_after: float | None = None


class Downloads:
    """Fetches images for one service."""

    def __init__(
        self, service: str, base_url: str, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        self._service = service
        self.heard: Callable[[Exchange], None] | None = None
        """Is told of every file, where somebody wants to know."""
        # No environment proxies: a proxy would connect to whatever it likes.
        self._client = httpx.AsyncClient(
            transport=transport or CheckedTransport(httpx.URL(base_url)),
            headers={"Accept-Encoding": "identity"},
            follow_redirects=False,
            event_hooks={"response": [_refuse_bad_hop]},
            trust_env=False,
            timeout=httpx.Timeout(15.0, connect=10.0, pool=None),
        )

    async def fetch(self, url: str, deadline: float) -> bytes:
        """Return the whole image at `url`, trying again until `deadline` (monotonic seconds).

        Raises BadResponseError for what will not become an image, and UnavailableError when
        the deadline passes.
        """
        backoff, wrong = Backoff(deadline), 0
        while True:
            try:
                return await self._attempt(url, deadline)
            except (ForbiddenAddressError, ExpiredError):
                raise
            except PlaygroundError as error:
                wrong += isinstance(error, BadResponseError)
                if wrong >= WRONG_TRIES:
                    raise
                after = error.retry_after if isinstance(error, NotYetError) else None
                try:
                    await backoff.pause(after)
                except TimeoutError:
                    raise error from None

    async def _attempt(self, url: str, deadline: float) -> bytes:
        left, began = max(1.0, deadline - time.monotonic()), time.monotonic()
        try:
            with translated(self._service, costly=False):
                async with asyncio.timeout(min(TRY_S, left)):
                    data, called = await self._follow(url)
            data = await whole(self._service, data)
        except BackendError as error:
            took = time.monotonic() - began
            self._hear(Exchange("GET", FILE, seconds=took, failure=str(error)))
            raise
        took = time.monotonic() - began
        self._hear(Exchange("GET", FILE, 200, called, f"image/{container_of(data)}", took))
        return data

    def _hear(self, exchange: Exchange) -> None:
        if self.heard:
            self.heard(exchange)

    async def _follow(self, url: str) -> tuple[bytes, str]:
        """Return a file and its media type; redirects are followed by hand, each hop checked."""
        place = allowed(url)
        for _ in range(MOST_HOPS + 1):
            async with self._client.stream("GET", place) as response:
                if response.status_code not in REDIRECTS:
                    return await self._body(response), media_type(response)
                place = redirected(place, response)
        raise BadResponseError(
            english("service-sends-download-in-circles", service=self._service),
            advice=AGAIN,
            charged="yes",
        )

    async def _body(self, response: httpx.Response) -> bytes:
        if response.status_code != 200:
            raise self._withheld(response)
        packed = response.headers.get("content-encoding", "identity").lower() != "identity"
        length = response.headers.get("content-length", "")
        size = int(length) if length.isascii() and length.isdecimal() else 0
        if size <= MOST_BYTES and not packed:
            with SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as file:
                if await _poured(response, file):
                    file.seek(0)
                    return file.read()
        raise BadResponseError(
            english("service-delivered-file-too-large-or", service=self._service),
            advice=english("service-nothing-was-stored-tell-whoever"),
            charged="yes",
        )

    def _withheld(self, response: httpx.Response) -> UnavailableError:
        kind = ExpiredError if response.status_code in EXPIRED else NotYetError
        error = kind(
            english(
                "service-does-not-hand-out-image",
                service=self._service,
                status_code=response.status_code,
            ),
            advice=AGAIN,
            charged="yes",
        )
        if isinstance(error, NotYetError):
            error.retry_after = retry_after(response.headers)
        return error

    async def put(self, url: str, data: bytes, headers: Mapping[str, Any]) -> None:
        """Upload bytes to the address a service named, without the key."""
        clean = {name: str(value) for name, value in headers.items() if str(value).isascii()}
        with translated(self._service, costly=False):
            try:
                async with asyncio.timeout(TRY_S):
                    response = await self._client.put(allowed(url), content=data, headers=clean)
            except ForbiddenAddressError as error:
                error.charged = "no"
                raise
        if response.status_code >= 300:
            raise UnavailableError(
                english(
                    "service-did-not-take-image-status",
                    service=self._service,
                    status_code=response.status_code,
                ),
                advice=english("service-try-again-or-make-image"),
            )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


async def _refuse_bad_hop(response: httpx.Response) -> None:
    """Refuse before httpx tries to make sense of where a redirect leads."""
    if response.status_code in REDIRECTS:
        redirected(response.request.url, response)


async def _poured(response: httpx.Response, file: IO[bytes]) -> bool:
    """Put a body into a file; return whether it came to an end before it became too large."""
    begun, size = time.monotonic(), 0
    async for chunk in response.aiter_bytes():
        file.write(chunk)
        size += len(chunk)
        if size > MOST_BYTES:
            return False
        passed = time.monotonic() - begun
        if passed > PATIENT_S and size < passed * SLOWEST_BYTES_S:
            raise TimeoutError  # a dead line that drips; the next one may be quick
    return True


async def whole(service: str, data: bytes) -> bytes:
    """Return the data when it decodes to its last pixel; raises BadResponseError."""
    await before_decoding()
    try:
        await asyncio.to_thread(pictures.inspect, data)
    except pictures.PictureError as error:
        raise BadResponseError(
            english("service-delivered-file-not-whole-image", service=service),
            advice=AGAIN,
            charged="yes",
        ) from error
    return data


async def unpacked(service: str, text: str) -> bytes:
    """Return the image in base64, bare or as a data URI; raises BadResponseError."""
    try:
        data = base64.b64decode("".join(text.rpartition(",")[2].split()), validate=True)
    except (binascii.Error, ValueError):
        data = b""
    return await whole(service, data)


def deadline_in(seconds: float) -> float:
    """Return the moment `seconds` from now, in monotonic seconds."""
    return time.monotonic() + seconds
