"""A name that somebody else points at this machine opens nothing."""

from __future__ import annotations

import socket

import httpx
import pytest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from backends import Settings
from ui.server.hosts import KnownHosts

pytestmark = pytest.mark.anyio
SHARED = "https://0123abcd.gradio.live"


async def page(_request: Request) -> Response:
    return PlainTextResponse("secret")


async def answer(host: str, path: str = "/", names: str = "") -> httpx.Response:
    known = Middleware(KnownHosts, names=names.split(","), share_url=lambda: SHARED)
    app = Starlette(routes=[Route("/", page), Route("/healthz", page)], middleware=[known])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get(path, headers={"Host": host})


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:7860", "localhost", "LOCALHOST:80", "localhost.", "[::1]:7860", "192.168.1.7:7860"],
)
async def test_this_machine_and_addresses_are_known(host: str) -> None:
    """A page elsewhere cannot have an address for its name."""
    assert (await answer(host)).status_code == 200


async def test_own_names_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's, the Space's, the public address's, the share link's, the setting's."""
    monkeypatch.setenv("SPACE_HOST", "ann-play.hf.space")
    monkeypatch.setenv("GRADIO_ROOT_PATH", "https://public.example/play")
    names = "play.example,*.team.example"
    for host in (
        socket.gethostname(),
        f"{socket.gethostname()}.local",
        "ann-play.hf.space",
        "public.example:443",
        "0123abcd.gradio.live",
        "play.example:8080",
        "a.team.example",
        "b.a.team.example",
    ):
        assert (await answer(host, names=names)).status_code == 200, host


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:7860",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "team.example",
        "evilteam.example",
        "other.gradio.live",
        "play.example@evil.example",
        "",
        "[::1",
        "<script>alert(1)</script>",
    ],
)
async def test_any_other_name_is_answered_with_the_setting_that_allows_it(host: str) -> None:
    """421, as plain text, with nothing of the page."""
    refused = await answer(host, names="*.team.example,play.example")
    assert refused.status_code == 421
    assert "SRPO_HOSTS" in refused.text
    assert "secret" not in refused.text
    assert refused.headers["content-type"].startswith("text/plain")


async def test_health_is_told_under_any_name() -> None:
    """A load balancer asks under its own name for the server, and learns nothing else."""
    assert (await answer("10-0-0-1.balancer.internal", "/healthz")).status_code == 200


@pytest.mark.parametrize("value", ["*", "a b/c", "http://play.example", "a..b/", "-x-.example:80"])
def test_only_names_are_taken(value: str) -> None:
    """A wildcard for everything would be no protection."""
    with pytest.raises(ValidationError, match="host names"):
        Settings(srpo_hosts=value)


@pytest.mark.parametrize("value", ["proxy", "10.0.0.0/99", "10.0.0.1:80"])
def test_only_networks_are_trusted(value: str) -> None:
    """A name cannot be compared with an address."""
    with pytest.raises(ValidationError, match="networks"):
        Settings(srpo_trusted_proxies=value)
