"""The page is made once for each language and address, and anew for everything else."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from core.words import language
from ui.server.kept_page import MOST, KeptPage
from ui.server.language import Spoken


@pytest.fixture
def client() -> TestClient:
    """A page that tells how often pages were made, in which language and for whom."""
    numbers = itertools.count(1)

    async def page(request: Request) -> Response:
        host = request.headers["host"]
        status = 503 if host == "broken" else 200
        return HTMLResponse(f"<p>{next(numbers)} {language()} {host}</p>", status)

    app = Starlette(routes=[Route("/{rest:path}", page, methods=["GET", "POST"])])
    app.add_middleware(KeptPage)
    app.add_middleware(Spoken)
    return TestClient(app)


def test_a_page_is_made_once(client: TestClient) -> None:
    """Compressed or not, it is the same."""
    first = client.get("/", headers={"accept-encoding": "identity"})
    packed = client.get("/", headers={"accept-encoding": "gzip, br"})
    assert first.text == packed.text == "<p>1 en testserver</p>"
    assert "content-encoding" not in first.headers
    assert packed.headers["content-encoding"] == "br"
    assert packed.headers["content-type"] == "text/html; charset=utf-8"
    assert packed.headers["vary"] == "Accept-Encoding, Cookie, Accept-Language"
    assert client.get("/?__theme=dark").text == first.text


@pytest.mark.parametrize(
    "more",
    [
        {"headers": {"accept-language": "zh-CN"}},
        {"headers": {"host": "other"}},
        {"headers": {"x-forwarded-host": "other"}},
        {"headers": {"x-forwarded-proto": "https"}},
    ],
)
def test_another_language_or_address_has_a_page_of_its_own(client: TestClient, more: Any) -> None:
    """And each of them is kept beside the others."""
    client.get("/")
    other = client.get("/", **more).text
    assert other.startswith("<p>2")
    assert (client.get("/").text, client.get("/", **more).text) == ("<p>1 en testserver</p>", other)


@pytest.mark.parametrize("path", ["/?deep_link=x", "/?page=x", "/?prompt=x", "/other"])
def test_whatever_else_is_asked_for_is_made_anew(client: TestClient, path: str) -> None:
    """Gradio knows what that means."""
    assert client.get("/").text != client.get(path).text != client.get(path).text
    assert client.post("/").text != client.post("/").text


def test_a_failure_is_not_kept(client: TestClient) -> None:
    """Whoever comes next may have more luck."""
    found = [client.get("/", headers={"host": "broken"}) for _ in range(2)]
    assert [one.status_code for one in found] == [503, 503]
    assert found[0].text != found[1].text


def test_only_so_many_pages_are_kept(client: TestClient) -> None:
    """Whoever makes up addresses fills no memory."""
    first = client.get("/").text
    for number in range(MOST):
        client.get("/", headers={"host": f"host-{number}"})
    assert client.get("/").text != first
