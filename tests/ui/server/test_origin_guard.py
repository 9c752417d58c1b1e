"""Foreign pages, foreign folders, foreign owners: each is kept out."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from backends import Settings
from core.errors import HistoryError
from core.storage import lock
from core.words import say
from ui.server.origin_guard import Framed, SameOrigin

pytestmark = pytest.mark.anyio
UPLOAD = "/gradio_api/upload"


async def page(_request: Request) -> Response:
    return PlainTextResponse("secret")


async def answer(method: str, headers: dict[str, str]) -> int:
    app = Starlette(
        routes=[Route(UPLOAD if method == "POST" else "/", page, methods=[method])],
        middleware=[Middleware(SameOrigin)],
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://play.example") as client:
        path = UPLOAD if method == "POST" else "/"
        return (await client.request(method, path, headers=headers)).status_code


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://play.example"}, 200),
        ({"Origin": "https://play.example"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://play.example.evil.example"}, 403),
        ({"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"}, 403),
    ],
)
async def test_only_our_own_pages_get_an_answer(
    method: str, headers: dict[str, str], status: int
) -> None:
    """A page of another site can neither read nor trigger anything."""
    assert await answer(method, headers) == status


async def test_a_public_address_behind_a_proxy_is_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator names the address visitors see."""
    monkeypatch.setenv("GRADIO_ROOT_PATH", "https://public.example/play")
    assert await answer("POST", {"Origin": "https://public.example"}) == 200
    assert await answer("POST", {"Origin": "https://evil.example"}) == 403


def test_a_second_process_refuses_the_folder(tmp_path: Path) -> None:
    """The folder is free again when the first lets go of it."""
    first = lock.hold(tmp_path)
    assert first is not None
    with pytest.raises(HistoryError, match="already uses") as caught:
        lock.hold(tmp_path)
    assert caught.value.advice
    first.close()
    second = lock.hold(tmp_path)
    assert second is not None
    second.close()


async def headers_of(embed: str = "", path: str = "/", **headers: str) -> httpx.Headers:
    app = Starlette(
        routes=[Route("/", page), Route("/media/a/b/c/d", picture)],
        middleware=[Middleware(Framed, embed=embed), Middleware(SameOrigin)],
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://play.example") as client:
        return (await client.get(path, headers=headers)).headers


async def picture(_request: Request) -> Response:
    return Response(b"", headers={"Content-Security-Policy": "default-src 'none'; sandbox"})


async def test_nobody_frames_the_page_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere only the page's own origin, on a Space the hub, and whoever SRPO_EMBED names."""
    monkeypatch.delenv("SYSTEM", raising=False)
    plain = await headers_of()
    assert plain["content-security-policy"] == "frame-ancestors 'self'"
    assert plain["x-frame-options"] == "SAMEORIGIN"
    named = await headers_of("https://blog.example")
    assert named["content-security-policy"] == "frame-ancestors 'self' https://blog.example"
    assert "x-frame-options" not in named
    monkeypatch.setenv("SYSTEM", "spaces")
    space = await headers_of()
    assert "https://huggingface.co" in space["content-security-policy"].split()
    assert "x-frame-options" not in space


async def test_every_answer_keeps_its_addresses_and_its_kind() -> None:
    """Refusals and images too; what a route says of itself stays in force beside it."""
    for answer in (await headers_of(), await headers_of(Origin="https://evil.example")):
        assert answer["x-content-type-options"] == "nosniff"
        assert answer["referrer-policy"] == "same-origin"
    policies = (await headers_of(path="/media/a/b/c/d")).get_list("content-security-policy")
    assert policies == ["default-src 'none'; sandbox", "frame-ancestors 'self'"]


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=http://169.254.169.254/latest/meta-data/",
        "/gradio_api/file=HTTPS%3A%2F%2Fexample.com",
        "/gradio_api/file=%20http://example.com",
        "/file=file:///etc/passwd",
        "/gradio_api/proxy=https://example.com/x",
        "/gradio_api/process_recording",
        "/gradio_api/deep_link",
        "/gradio_api/undo-vibe-edit/",
        "/gradio_api/mcp/</script><script>alert(1)</script>/gradio_api/mcp",
        "/gradio_api/mcp/%3C/script%3E/gradio_api/mcp",
        "/gradio_api//mcp",
        "//gradio_api/mcp/x",
        "/GRADIO_API/mcp/x/gradio_api/mcp/",
        "/gradio_api/mcp/../mcp/x/gradio_api/mcp",
        "/gradio_api/mcp\n/gradio_api/mcp",
        "/gradio_api/token",
        "/nobody/knows/this",
    ],
)
async def test_routes_that_fetch_for_the_caller_are_closed(path: str) -> None:
    """Nothing here needs them, so nobody can use this program to reach elsewhere."""
    everything = Route("/{path:path}", page, methods=["GET", "POST"])
    app = Starlette(routes=[everything], middleware=[Middleware(SameOrigin)])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://play.example") as client:
        path = "http://play.example" + path.replace("\n", "%0A")
        assert (await client.get(path)).status_code == 403
        assert (await client.post(path)).status_code == 403
        uploads = ("/gradio_api/file=/tmp/gradio/a/b.png", "/gradio_api/file=C:/temp/b.png")
        assert {(await client.get(one)).status_code for one in uploads} == {200}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Referer": "http://play.example/"}, 200),
        ({"Referer": "http://evil.example/"}, 403),
        ({"Referer": "http://evil.example/?http://play.example/"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Referer": "http://play.example/"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
    ],
)
async def test_only_the_page_signs_out(headers: dict[str, str], status: int) -> None:
    """A link or an image on another site logs nobody out."""
    app = Starlette(routes=[Route("/logout", page)], middleware=[Middleware(SameOrigin)])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://play.example") as client:
        assert (await client.get("/logout", headers=headers)).status_code == status


async def test_the_mcp_endpoint_makes_no_page_of_its_address() -> None:
    """A person who opens it reads a sentence of ours; a client that wants a stream passes."""
    paths = ("/gradio_api/mcp", "/gradio_api/mcp/", "/gradio_api/mcp/http/")
    app = Starlette(routes=[Route("/{path:path}", page)], middleware=[Middleware(SameOrigin)])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://play.example") as client:
        for path in paths:
            read = await client.get(path, headers={"Accept": "text/html,*/*"})
            assert read.text == say("for-mcp-clients") + "\n"
            assert read.headers["content-type"].startswith("text/plain")
            asked = {"Accept": "application/json, text/event-stream"}
            assert (await client.get(path, headers=asked)).text == "secret"


async def test_a_path_under_which_a_proxy_shows_the_page_changes_nothing() -> None:
    """Neither what is open nor what is closed."""
    everything = Route("/{path:path}", page)
    app = Starlette(routes=[everything], middleware=[Middleware(SameOrigin)])
    transport = httpx.ASGITransport(app=app, root_path="/play")
    async with httpx.AsyncClient(transport=transport, base_url="http://play.example") as client:
        for prefix in ("", "/play"):
            assert (await client.get(prefix + "/config")).status_code == 200
            assert (await client.get(prefix + "/gradio_api/token")).status_code == 403


@pytest.mark.parametrize(
    "value",
    ["example.com", "https://a.example; script-src *", "https://a.example\nX: 1", "'none'", "*"],
)
def test_only_origins_get_into_the_header(value: str) -> None:
    """A setting cannot become another rule."""
    with pytest.raises(ValidationError, match="takes origins"):
        Settings(srpo_embed=value)


def test_origins_are_taken_as_they_are() -> None:
    """Several, with ports and wildcards for hosts."""
    value = "https://a.example  https://*.b.example:8443 http://[::1]:80"
    assert Settings(srpo_embed=value).srpo_embed == " ".join(value.split())
