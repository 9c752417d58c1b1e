"""Speaks HTTP to one service: its key to its host only, costly requests once, errors in our words.

Every foreign exception becomes one of `core.errors` here and nowhere else. `charged` says what is
known about money: a connection that was never made is "no", an answer that was lost is "maybe".
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from backends.remote.clock import Clock
from backends.remote.expectations import STREAM, Exchange
from backends.remote.responses import Answer, parse, retry_after
from core.errors import BackendError, BadResponseError, Charged, RateLimitError, UnavailableError
from core.pictures import Picture
from core.redact import MASK, forms
from core.words import english

JSON_BYTES = 1_000_000
PICTURE_JSON_BYTES = 90_000_000
"""Largest answer with images in it: four of 16 megapixels in base64."""
CONNECT_S = 10.0
WARMING_S = 10.0
"""Pause before an engine that is loading its model is asked again, in seconds."""
ANSWER_S = 3.0
"""How long the rest of an answer may take once it has begun, in seconds."""
SLOWEST_BYTES_S = 50_000
"""Bytes a second at which a request may leave."""
MOST_WAIT_S = 60.0
QUIET_S = 45.0
"""How long a stream may say nothing, in seconds."""
LEAST_KEY = 12
"""Characters of a real key; shorter ones, as the sandbox has, may be words of an answer."""
LOOK = english("service-look-at-your-account-there")
UNSENDABLE = english("service-its-key-contains-characters-no")
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
class Form:
    """A body as a form with the image as a file, for services that want it so."""

    fields: Mapping[str, Any]
    picture: Picture

    def parts(self) -> dict[str, Any]:
        """Return it in httpx's words."""
        suffix = self.picture.media_type.rpartition("/")[2]
        file = (f"picture.{suffix}", self.picture.data, self.picture.media_type)
        return {"data": {k: str(v) for k, v in self.fields.items()}, "files": {"image": file}}


class NoStreamError(UnavailableError):
    """A service answered, and not with a stream of events."""


class Api:
    """The API of one service; `transport` replaces the network, for the sandbox and for tests."""

    def __init__(
        self,
        service: str,
        base_url: str,
        key: str | None,
        transport: httpx.AsyncBaseTransport | None,
        *,
        scheme: str = "Bearer",
    ) -> None:
        self.service = service
        self.base_url = base_url.strip().rstrip("/")
        self.clock = Clock()
        self.heard: Callable[[Exchange], None] | None = None
        """Is told of every answer, where somebody wants to know."""
        self._key = (key or "").strip()
        self.problem = "" if key is None or _sendable(self._key) else UNSENDABLE
        """Why the key cannot be used and what to do, or ""."""
        self._quotable = _quotable(self._key, _password(self.base_url))
        self._client = httpx.AsyncClient(
            headers={}
            if self.problem or key is None
            else {"Authorization": f"{scheme} {self._key}"},
            transport=transport,
            follow_redirects=False,
            # Shorter than what servers keep: a connection found dead after a send is ambiguous.
            limits=httpx.Limits(max_connections=100, keepalive_expiry=4.0),
            timeout=httpx.Timeout(30.0, connect=CONNECT_S, pool=None),
        )

    async def post_once(
        self,
        path: str,
        body: Mapping[str, Any] | Form,
        *,
        read_s: float = 60.0,
        most: int = JSON_BYTES,
    ) -> Answer:
        """Send a costly request exactly once.

        Raises UnavailableError: `charged` "no" when it never left, "maybe" when no answer came.
        """
        with self._told("POST", path), translated(self.service, costly=True):
            timeout = httpx.Timeout(read_s, connect=CONNECT_S, pool=None)
            carried = body.parts() if isinstance(body, Form) else {"json": body}
            request = self._client.build_request(
                "POST", self.base_url + path, timeout=timeout, **carried
            )
            upload_s = int(request.headers["content-length"]) / SLOWEST_BYTES_S
            async with asyncio.timeout(read_s + ANSWER_S + upload_s):
                return await self._send(request, path, most=most, costly=True)

    async def ask(
        self, method: str, path: str, body: Any = None, *, seconds: float = 10.0
    ) -> Answer:
        """Send a request that costs nothing, once; it may be repeated."""
        with self._told(method, path), translated(self.service, costly=False):
            request = self._client.build_request(method, self.base_url + path, json=body)
            async with asyncio.timeout(seconds):
                return await self._send(request, path, most=JSON_BYTES, costly=False)

    async def events(self, path: str, *, seconds: float) -> AsyncGenerator[Any, None]:
        """Yield the data of server-sent events, parsed, until the service ends the stream.

        Costs nothing; raises UnavailableError when it breaks, or is no stream, or takes longer.
        """
        until = asyncio.get_running_loop().time() + seconds
        asked = time.monotonic()
        with self._told("GET", path), translated(self.service, costly=False):
            request = self._client.build_request(
                "GET", self.base_url + path, headers={"Accept": STREAM}
            )
            request.extensions["timeout"]["read"] = QUIET_S
            async with asyncio.timeout_at(until):
                response = await self._client.send(request, stream=True)
            try:
                if response.status_code != 200 or media_type(response) != STREAM:
                    self._hear("GET", path, response, None, asked)
                    raise NoStreamError(english("service-offers-no-stream", service=self.service))
                async with aclosing(_lines(response, self.service)) as lines:
                    while True:
                        async with asyncio.timeout_at(until):  # not around the yield
                            line = await anext(lines, None)
                        if line is None:
                            return
                        if line.startswith("data:"):
                            body = parse(self._masked(line[5:].encode()))
                            self._hear("GET", path, response, body, asked)
                            yield body
            finally:
                await response.aclose()

    async def _send(self, request: httpx.Request, path: str, *, most: int, costly: bool) -> Answer:
        asked, began = time.time(), time.monotonic()
        response = await self._client.send(request, stream=True)
        self.clock.hear(response.headers.get("date"), asked, time.time())
        try:
            data = await _read(response, most, self.service, costly=costly)
        finally:
            await response.aclose()
        body = parse(self._masked(data))
        self._hear(request.method, path, response, body, began)
        return Answer(response.status_code, body, retry_after(response.headers))

    def _masked(self, data: bytes) -> bytes:
        """Return an answer without the key: services quote the one they do not like."""
        # A large answer is an image, not a sentence.
        for form in self._quotable if len(data) <= JSON_BYTES else self._quotable[:1]:
            data = data.replace(form, MASK.encode())
        return data

    def _hear(
        self, method: str, path: str, response: httpx.Response, body: Any, began: float
    ) -> None:
        if self.heard:
            took = time.monotonic() - began
            kind = media_type(response)
            self.heard(Exchange(method, path, response.status_code, kind, body, took))

    @contextmanager
    def _told(self, method: str, path: str) -> Iterator[None]:
        """Tell of an answer that did not come, or not whole."""
        began = time.monotonic()
        try:
            yield
        except BackendError as error:
            if self.heard and not isinstance(error, NoStreamError):
                took = time.monotonic() - began
                self.heard(Exchange(method, path, seconds=took, failure=str(error)))
            raise

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def media_type(response: httpx.Response) -> str:
    """Return what an answer calls itself, without parameters; "" when it does not say."""
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


async def _lines(response: httpx.Response, service: str) -> AsyncGenerator[str, None]:
    """Yield the lines of a stream; one that never ends is as wrong as an answer without end."""
    rest, size = "", 0
    async for text in response.aiter_text():
        size += len(text)
        *lines, rest = (rest + text).split("\n")
        if size > JSON_BYTES:
            raise UnavailableError(
                english("service-streamed-far-more-than-should", service=service)
            )
        for line in lines:
            yield line.rstrip("\r")


@contextmanager
def translated(service: str, *, costly: bool) -> Iterator[None]:
    """Turn every foreign exception of the block into one of ours."""
    try:
        yield
    except BackendError:
        raise
    except NEVER_SENT as error:
        raise UnavailableError(
            english("service-cannot-reached", service=service),
            advice=english("service-check-network-base-url-backend"),
        ) from error
    except (TimeoutError, httpx.TimeoutException) as error:
        raise UnavailableError(
            english("service-did-not-answer-in-time", service=service),
            advice=_after(costly),
            charged=_charge(costly),
        ) from error
    except FOREIGN as error:
        raise UnavailableError(
            english("service-connection-broke", service=service),
            advice=_after(costly),
            charged=_charge(costly),
        ) from error


def _sendable(key: str) -> bool:
    return key.isascii() and key.isprintable() and " " not in key and key != ""


def _quotable(key: str, password: str) -> list[bytes]:
    """Return how an answer may quote what a request carried, the key as it is first."""
    keys = {key} | forms(key) if len(key) >= LEAST_KEY else set()
    written = sorted(keys | forms(password), key=lambda form: (form != key, -len(form)))
    return [form.encode("utf-8", "surrogatepass") for form in written]


def _password(base_url: str) -> str:
    try:
        return httpx.URL(base_url).password
    except httpx.InvalidURL:  # said when it is used
        return ""


def _after(costly: bool) -> str:
    if costly:
        return LOOK
    return english("service-try-again-in-moment")


def _charge(costly: bool) -> Charged:
    return "maybe" if costly else "no"


async def _read(response: httpx.Response, most: int, service: str, *, costly: bool) -> bytes:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > most:
            raise BadResponseError(
                english("service-answered-far-more-than-should", service=service),
                advice=_after(costly),
                charged=_charge(costly),
            )
        chunks.append(chunk)
    return b"".join(chunks)


@dataclass(slots=True)
class Backoff:
    """Repeats of free requests: full jitter, doubling, never past a deadline."""

    deadline: float
    """In `time.monotonic()` seconds."""
    base_s: float = 0.1
    tries: int = 0

    async def pause(self, after: float | None = None) -> None:
        """Wait before the next try; raises TimeoutError when the deadline would pass."""
        self.tries += 1
        wait = random.random() * min(self.base_s * 2 ** min(self.tries, 10), 5.0)
        wait = max(wait, min(after, MOST_WAIT_S)) if after is not None else wait
        if time.monotonic() + wait > self.deadline:
            raise TimeoutError
        await asyncio.sleep(wait)


def throttled(service: str, answer: Answer) -> RateLimitError:
    """Say that a service takes no more for now; a 429 is certain not to be charged."""
    wait = answer.retry_after
    pause = english("service-in-minute")
    if wait:
        pause = english("service-in-seconds", seconds=f"{wait:.0f}")
    return RateLimitError(
        english("service-takes-no-more-requests-for", service=service),
        advice=english("service-tried-again-fewer-at-once", pause=pause),
        retry_after=wait,
    )


def warming(service: str, answer: Answer) -> RateLimitError:
    """Say that an engine is still loading its model; the job keeps its place."""
    wait = WARMING_S if answer.retry_after is None else answer.retry_after
    return RateLimitError(
        english("service-warming-up", service=service),
        advice=english("service-tried-again-in-seconds", wait=f"{wait:.0f}"),
        retry_after=wait,
    )
