"""Connections to where images lie are pinned to an address, and belong to one name each."""

from __future__ import annotations

import httpx
import pytest

from backends.remote.public_addresses import MOST_NAMES, CheckedTransport

pytestmark = pytest.mark.anyio


class Network(httpx.AsyncBaseTransport):
    """Connections that remember whom they served."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.names.append(request.headers["host"])
        return httpx.Response(200)

    async def aclose(self) -> None:
        self.closed = True


def shared_address() -> tuple[CheckedTransport, list[Network]]:
    """A transport for which every name lies at one address, as with a CDN."""
    made: list[Network] = []

    async def lookup(host: str, port: int) -> list[str]:
        return ["93.184.216.34"]

    def connect() -> Network:
        made.append(Network())
        return made[-1]

    return CheckedTransport(httpx.URL("https://api.example"), lookup, connect), made


async def test_names_at_one_address_share_no_connection() -> None:
    """A certificate that was checked for the first name says nothing about the second."""
    transport, made = shared_address()
    async with httpx.AsyncClient(transport=transport) as client:
        for name in ("a.example", "b.example", "a.example", "api.example"):
            await client.get(f"https://{name}/x")
    assert [network.names for network in made] == [
        ["a.example", "a.example"],
        ["b.example"],
        ["api.example"],
    ]
    assert all(network.closed for network in made)


async def test_connections_of_the_name_least_in_use_are_let_go() -> None:
    """A service that invents names does not fill this machine with connections."""
    transport, made = shared_address()
    async with httpx.AsyncClient(transport=transport) as client:
        for number in range(MOST_NAMES):
            await client.get(f"https://n{number}.example/x")
        await client.get("https://n0.example/x")
        await client.get("https://another.example/x")
        assert [network.closed for network in made].count(True) == 1
        assert made[1].closed
        await client.get("https://n1.example/x")
    assert made[-1].names == ["n1.example"]
