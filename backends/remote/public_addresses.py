"""Which addresses may be fetched from: public ones, connected to exactly as they were checked.

A service names where its image lies, and could name anything. Every address a host resolves to
must be public, and the connection goes to the very address that was checked, so that a second
answer of the name server changes nothing. The service's own host is the one exception.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable

import httpx

from core.errors import BadResponseError
from core.words import english

# Not everybody's, although the registry of addresses does not say so, or says so too late for
# this Python: metadata services of clouds, relays, site-local and documentation networks.
CLOSED = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "168.63.129.16/32",
        "64:ff9b:1::/48",
        "fec0::/10",
        "3fff::/20",
        "5f00::/16",
    )
)
NAT64 = ipaddress.ip_network("64:ff9b::/96")

MOST_NAMES = 8
"""Names whose connections are kept; images come from one or two."""

Resolve = Callable[[str, int], Awaitable[list[str]]]
Connect = Callable[[], httpx.AsyncBaseTransport]


class ForbiddenAddressError(BadResponseError):
    """The image is said to lie where no public image can lie."""

    def __init__(self) -> None:
        super().__init__(
            english("service-service-says-its-image-lies"),
            advice=english("service-tell-whoever-runs-service-if"),
            charged="yes",
        )


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
        if inner is None and ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    closed = any(ip in network for network in CLOSED)
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not closed


def allowed(url: str) -> httpx.URL:
    """Return a plain web address parsed; raises ForbiddenAddressError for any other."""
    try:
        place = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise ForbiddenAddressError from error
    # What is escaped in a host, as a bracket that was never closed, is part of no name.
    named = place.host and b"%" not in place.raw_host
    if place.scheme not in ("http", "https") or place.userinfo or not named:
        raise ForbiddenAddressError
    return place


def redirected(place: httpx.URL, response: httpx.Response) -> httpx.URL:
    """Return where a redirect from `place` leads; raises ForbiddenAddressError."""
    try:
        return allowed(str(place.join(response.headers.get("location", ""))))
    except (httpx.InvalidURL, ValueError) as error:
        raise ForbiddenAddressError from error


def network() -> Connect:
    """Return what opens a new set of connections; all of them share one list of authorities."""
    limits = httpx.Limits(max_connections=50, keepalive_expiry=20.0)
    context = httpx.create_ssl_context()
    return lambda: httpx.AsyncHTTPTransport(verify=context, limits=limits)


class CheckedTransport(httpx.AsyncBaseTransport):
    """Connects to public addresses only; `own` is the service's base URL, `connect` the network."""

    def __init__(
        self, own: httpx.URL, lookup: Resolve = resolve, connect: Connect | None = None
    ) -> None:
        self._own = (own.host, own.port)
        self._lookup = lookup
        self._connect = connect or network()
        self._networks: dict[str, httpx.AsyncBaseTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Check where the request goes, pin it there, and send it."""
        url = request.url
        if (url.host, url.port) == self._own:
            return await (await self._network("")).handle_async_request(request)
        name = url.raw_host.decode("ascii").rstrip(".")
        request.extensions = dict(request.extensions) | {"sni_hostname": name}
        failed: httpx.TransportError | None = None
        addresses = await self._checked(name, url)
        inner = await self._network(name)
        for address in addresses:
            request.url = url.copy_with(host=address)
            try:
                return await inner.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failed = error  # as with every name of several addresses, the next may answer
        raise failed or ForbiddenAddressError

    async def _network(self, name: str) -> httpx.AsyncBaseTransport:
        """Return the connections of one name, apart from those of every other.

        They are pinned to addresses, and two names may share one: a connection whose certificate
        was checked for the one must not serve the other.
        """
        kept = self._networks.pop(name, None) or self._connect()
        self._networks[name] = kept
        if len(self._networks) > MOST_NAMES:
            oldest = self._networks.pop(next(iter(self._networks)))
            await oldest.aclose()
        return kept

    async def _checked(self, name: str, url: httpx.URL) -> list[str]:
        """Return the addresses of a host, in order; raises unless every one is public."""
        try:
            found = await self._lookup(name, url.port or (443 if url.scheme == "https" else 80))
        except ValueError as error:  # no name at all: a label too long, or empty
            raise ForbiddenAddressError from error
        if not all(is_public(address) for address in found):
            raise ForbiddenAddressError
        return found

    async def aclose(self) -> None:
        """Close the connections."""
        for kept in self._networks.values():
            await kept.aclose()
