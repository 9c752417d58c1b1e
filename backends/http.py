"""Speaks HTTP to one service: its key to its host only, costly requests once, errors in our words.

Every foreign exception becomes one of `core.errors` here and nowhere else. `charged` says what is
known about money: a connection that was never made is "no", an answer that was lost is "maybe".
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from core.errors import BackendError, BadResponseError, Charged, RateLimitError, UnavailableError

JSON_BYTES = 1_000_000
PICTURE_JSON_BYTES = 90_000_000
"""Largest answer with pictures in it: four of 16 megapixels in base64."""
CONNECT_S = 10.0
MOST_WAIT_S = 60.0
NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.ProxyError,
    httpx.InvalidURL,
)
FOREIGN = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    httpx.CookieConflict,
    ssl.SSLError,
    OSError,
    RuntimeError,  # httpx raises it when a closed client is used
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered: the status, the parsed JSON or None, and when to come back."""

    status: int
    body: Any
    retry_after: float | None = None

    @property
    def text(self) -> str:
        """The service's own words, made safe to show."""
        return clip(_words(self.body))


class Api:
    """The API of one service; `transport` replaces the network, for the sandbox and for tests."""

    def __init__(
        self, service: str, base_url: str, key: str, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        self.service = service
        self.base_url = base_url.rstrip("/")
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"},
            transport=transport,
            follow_redirects=False,
            # Shorter than what proxies keep: a connection found dead after a send is ambiguous.
            limits=httpx.Limits(max_connections=100, keepalive_expiry=20.0),
            timeout=httpx.Timeout(30.0, connect=CONNECT_S, pool=None),
        )

    async def post_once(
        self, path: str, body: Mapping[str, Any], *, read_s: float = 60.0, most: int = JSON_BYTES
    ) -> Answer:
        """Send a costly request exactly once.

        Raises UnavailableError: `charged` "no" when it never left, "maybe" when no answer came.
        """
        timeout = httpx.Timeout(read_s, connect=CONNECT_S, pool=None)
        request = self._client.build_request(
            "POST", self.base_url + path, json=body, timeout=timeout
        )
        return await self._send(request, seconds=read_s + 2 * CONNECT_S, most=most, costly=True)

    async def ask(
        self, method: str, path: str, body: Any = None, *, seconds: float = 10.0
    ) -> Answer:
        """Send a request that costs nothing, once; it may be repeated."""
        request = self._client.build_request(method, self.base_url + path, json=body)
        return await self._send(request, seconds=seconds, most=JSON_BYTES, costly=False)

    async def _send(
        self, request: httpx.Request, *, seconds: float, most: int, costly: bool
    ) -> Answer:
        with translated(self.service, costly=costly):
            async with asyncio.timeout(seconds):
                response = await self._client.send(request, stream=True)
                try:
                    data = await _read(response, most, self.service, costly=costly)
                finally:
                    await response.aclose()
        return Answer(response.status_code, _parse(data), retry_after(response.headers))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


@contextmanager
def translated(service: str, *, costly: bool) -> Iterator[None]:
    """Turn every foreign exception of the block into one of ours."""
    try:
        yield
    except BackendError:
        raise
    except NEVER_SENT as error:
        raise UnavailableError(
            f"{service} cannot be reached.",
            advice="Check the network and the base URL of the backend, then try again.",
        ) from error
    except (TimeoutError, httpx.TimeoutException) as error:
        raise UnavailableError(
            f"{service} did not answer in time.", advice=_after(costly), charged=_charge(costly)
        ) from error
    except FOREIGN as error:
        raise UnavailableError(
            f"The connection to {service} broke.", advice=_after(costly), charged=_charge(costly)
        ) from error


def _after(costly: bool) -> str:
    if costly:
        return "It may have been charged. Look at your account before you make it again."
    return "Try again in a moment."


def _charge(costly: bool) -> Charged:
    return "maybe" if costly else "no"


async def _read(response: httpx.Response, most: int, service: str, *, costly: bool) -> bytes:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > most:
            raise BadResponseError(
                f"{service} answered far more than it should.",
                advice=_after(costly),
                charged=_charge(costly),
            )
        chunks.append(chunk)
    return b"".join(chunks)


def _parse(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a Retry-After header asks for, given as seconds or as a date."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - datetime.now(UTC)).total_seconds()
    return None if math.isnan(seconds) else min(max(seconds, 0.0), 3_600.0)


def _words(body: Any) -> str:
    """Find the sentence in an error body of any of the known shapes."""
    if isinstance(body, str):
        return body
    if not isinstance(body, dict):
        return ""
    for name in ("error", "message", "detail", "msg"):
        if found := _words(body.get(name)):
            return found
    return _words(body.get("data"))


def clip(text: str, most: int = 200) -> str:
    """Make a service's text safe to show: no markup, no control characters, not too long."""
    plain = re.sub(r"<[^>]*>", " ", text[: most * 20])
    plain = "".join(c if c.isprintable() else " " for c in plain)
    plain = re.sub(r"(?i)bearer\s+\S+|\b(sk|key|wsk)[-_][\w-]{8,}", "[key]", plain)
    plain = " ".join(plain.replace("<", "").replace(">", "").split())
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"


@dataclass(slots=True)
class Patience:
    """Repeats of free requests: full jitter, doubling, never past a deadline."""

    deadline: float
    """In `time.monotonic()` seconds."""
    base_s: float = 0.1
    tries: int = 0

    async def pause(self, after: float | None = None) -> None:
        """Wait before the next try; raises TimeoutError when the deadline would pass."""
        self.tries += 1
        wait = random.random() * min(self.base_s * 2**self.tries, 5.0)
        wait = max(wait, min(after, MOST_WAIT_S)) if after is not None else wait
        if time.monotonic() + wait > self.deadline:
            raise TimeoutError
        await asyncio.sleep(wait)


def throttled(service: str, answer: Answer) -> RateLimitError:
    """Say that a service takes no more for now; a 429 is certain not to be charged."""
    wait = answer.retry_after
    pause = f"in {wait:.0f} seconds" if wait else "in a minute"
    return RateLimitError(
        f"{service} takes no more requests for now.",
        advice=f"It is tried again {pause}; fewer at once help.",
        retry_after=wait,
    )
