"""Fetches finished pictures: no credentials, public addresses only, whole pictures only."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Mapping
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import httpx

from backends.remote.client import Backoff, translated
from backends.remote.public_addresses import (
    CheckedTransport,
    ForbiddenAddressError,
    allowed,
    redirected,
)
from backends.remote.responses import retry_after
from core import pictures
from core.errors import BadResponseError, PlaygroundError, UnavailableError

MOST_BYTES = 40_000_000
IN_MEMORY_BYTES = 2_000_000
"""Beyond it a download waits on disk until it is whole."""
MOST_HOPS = 3
TRY_S = 60.0
PATIENT_S = 5.0
SLOWEST_BYTES_S = 4_000
"""Bytes a second below which a download is begun anew after `PATIENT_S` seconds."""
WRONG_TRIES = 6
"""How often a file may be no picture before it is left alone for a while."""
EXPIRED = (401, 403, 410)
REDIRECTS = (301, 302, 303, 307, 308)
AGAIN = "It is fetched again for as long as the service keeps it."


class ExpiredError(UnavailableError):
    """The address of the picture opens nothing any more; the service may name another."""


class NotYetError(UnavailableError):
    """The picture is not handed out for now; `retry_after` is in seconds when a time was named."""

    retry_after: float | None = None


class Downloads:
    """Fetches pictures for one service."""

    def __init__(
        self, service: str, base_url: str, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        self._service = service
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
        """Return the whole picture at `url`, trying again until `deadline` (monotonic seconds).

        Raises BadResponseError for what will not become a picture, and UnavailableError when
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
        left = max(1.0, deadline - time.monotonic())
        with translated(self._service, costly=False):
            async with asyncio.timeout(min(TRY_S, left)):
                data = await self._follow(url)
        return await whole(self._service, data)

    async def _follow(self, url: str) -> bytes:
        """Follow redirects by hand, so that every hop is checked like the first."""
        place = allowed(url)
        for _ in range(MOST_HOPS + 1):
            async with self._client.stream("GET", place) as response:
                if response.status_code not in REDIRECTS:
                    return await self._body(response)
                place = redirected(place, response)
        raise BadResponseError(
            f"{self._service} sends the download in circles.",
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
            f"{self._service} delivered a file that is too large or packed.",
            advice="Nothing was stored. Tell whoever runs the service.",
            charged="yes",
        )

    def _withheld(self, response: httpx.Response) -> UnavailableError:
        kind = ExpiredError if response.status_code in EXPIRED else NotYetError
        error = kind(
            f"{self._service} does not hand out the image (status {response.status_code}).",
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
                f"{self._service} did not take the image (status {response.status_code}).",
                advice="Try again, or make the image smaller.",
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
    try:
        await asyncio.to_thread(pictures.inspect, data)
    except pictures.PictureError as error:
        raise BadResponseError(
            f"{service} delivered a file that is not a whole image.",
            advice=AGAIN,
            charged="yes",
        ) from error
    return data


async def unpacked(service: str, text: str) -> bytes:
    """Return the picture in base64, bare or as a data URI; raises BadResponseError."""
    try:
        data = base64.b64decode("".join(text.rpartition(",")[2].split()), validate=True)
    except (binascii.Error, ValueError):
        data = b""
    return await whole(service, data)


def deadline_in(seconds: float) -> float:
    """Return the moment `seconds` from now, in monotonic seconds."""
    return time.monotonic() + seconds
