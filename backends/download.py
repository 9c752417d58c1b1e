"""Fetches finished pictures: no credentials, public addresses only, whole pictures only.

A service names where its picture lies, and could name anything. Every address a host resolves to
must be public, and the connection goes to the very address that was checked, so that a second
answer of the name server changes nothing. The service's own host is the one exception.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx

from backends.http import Patience, translated
from core import pictures
from core.errors import BadResponseError, PlaygroundError, UnavailableError

MOST_BYTES = 40_000_000
MOST_HOPS = 3
TRY_S = 60.0
GONE = (401, 403, 410)
REDIRECTS = (301, 302, 303, 307, 308)

Resolve = Callable[[str, int], Awaitable[list[str]]]


class ForbiddenAddressError(BadResponseError):
    """The picture is said to lie where no public picture can lie."""


async def resolve(host: str, port: int) -> list[str]:
    """Return every address of a host."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def is_public(address: str) -> bool:
    """Tell whether an IP address is reachable by everybody, looking through IPv6 wrappings."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


class CheckedTransport(httpx.AsyncBaseTransport):
    """Connects to public addresses only, and to exactly the address that was checked."""

    def __init__(self, own: httpx.URL, lookup: Resolve = resolve) -> None:
        self._own = (own.host, own.port)
        self._lookup = lookup
        self._inner = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=50, keepalive_expiry=20.0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Check where the request goes, pin it there, and send it."""
        url = request.url
        if (url.host, url.port) != self._own:
            address = await self._checked(url)
            request.extensions = dict(request.extensions) | {"sni_hostname": url.host}
            request.url = url.copy_with(host=address)
        return await self._inner.handle_async_request(request)

    async def _checked(self, url: httpx.URL) -> str:
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = await self._lookup(url.host.rstrip("."), port)
        if not addresses or not all(is_public(address) for address in addresses):
            raise _forbidden()
        return addresses[0]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


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
            trust_env=False,
            timeout=httpx.Timeout(15.0, connect=10.0, pool=None),
        )

    async def fetch(self, url: str, deadline: float) -> bytes:
        """Return the whole picture at `url`, trying again until `deadline` (monotonic seconds).

        Raises BadResponseError for what will not become a picture, and UnavailableError when
        the deadline passes.
        """
        patience = Patience(deadline)
        while True:
            try:
                return await self._attempt(url)
            except ForbiddenAddressError:
                raise
            except PlaygroundError as error:
                try:
                    await patience.pause()
                except TimeoutError:
                    raise error from None

    async def _attempt(self, url: str) -> bytes:
        with translated(self._service, costly=False):
            async with asyncio.timeout(TRY_S):
                data = await self._follow(url)
        try:
            await asyncio.to_thread(pictures.inspect, data)
        except pictures.PictureError as error:
            raise BadResponseError(
                f"{self._service} delivered a file that is not a whole picture.",
                advice="It is fetched again for as long as the service keeps it.",
                charged="yes",
            ) from error
        return data

    async def _follow(self, url: str) -> bytes:
        """Follow redirects by hand, so that every hop is checked like the first."""
        place = _allowed(url)
        for _ in range(MOST_HOPS + 1):
            async with self._client.stream("GET", place) as response:
                if response.status_code not in REDIRECTS:
                    return await self._body(response)
                place = _allowed(str(place.join(response.headers.get("location", ""))))
        raise BadResponseError(
            f"{self._service} sends the download in circles.",
            advice="It is fetched again for as long as the service keeps it.",
            charged="yes",
        )

    async def _body(self, response: httpx.Response) -> bytes:
        if response.status_code != 200:
            raise UnavailableError(
                f"{self._service} does not hand out the picture (status {response.status_code}).",
                advice="It is fetched again for as long as the service keeps it.",
                charged="yes",
            )
        size = int(response.headers.get("content-length", "0") or 0)
        data = bytearray()
        if size <= MOST_BYTES and "content-encoding" not in response.headers:
            async for chunk in response.aiter_raw():
                data += chunk
                if len(data) > MOST_BYTES:
                    break
            else:
                return bytes(data)
        raise BadResponseError(
            f"{self._service} delivered a file that is too large or packed.",
            advice="Nothing was stored. Tell whoever runs the service.",
            charged="yes",
        )

    async def put(self, url: str, data: bytes, headers: Mapping[str, Any]) -> None:
        """Upload bytes to the address a service named, without the key."""
        clean = {str(name): str(value) for name, value in headers.items()}
        with translated(self._service, costly=False):
            async with asyncio.timeout(TRY_S):
                response = await self._client.put(_allowed(url), content=data, headers=clean)
        if response.status_code >= 300:
            raise UnavailableError(
                f"{self._service} did not take the picture (status {response.status_code}).",
                advice="Nothing was charged. Try again, or make the picture smaller.",
            )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _allowed(url: str) -> httpx.URL:
    try:
        place = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise _forbidden() from error
    if place.scheme not in ("http", "https") or place.userinfo or not place.host:
        raise _forbidden()
    return place


def _forbidden() -> ForbiddenAddressError:
    return ForbiddenAddressError(
        "The service says its picture lies at an address that is not public, so it was not fetched.",
        advice="Tell whoever runs the service; if it is your own, check its base URL.",
        charged="yes",
    )


def deadline_in(seconds: float) -> float:
    """Return the moment `seconds` from now, in monotonic seconds."""
    return time.monotonic() + seconds
