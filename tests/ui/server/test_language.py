"""Which language requests, events and the page itself are answered in."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from core.words import language, say, speaking
from ui.server.gradio_patches.languages import Multilingual
from ui.server.language import Spoken, language_of

CHINESE = {"accept-language": "zh-CN,zh;q=0.9"}


async def answer(request: Request) -> Response:
    kind = HTMLResponse if request.url.path == "/" else PlainTextResponse
    return kind(language())


@pytest.fixture
def client() -> TestClient:
    app = Starlette(routes=[Route("/{rest:path}", answer)])
    app.add_middleware(Spoken)
    return TestClient(app)


def test_a_request_is_answered_in_its_language(client: TestClient) -> None:
    """The page is told apart by caches; the switch wins over the browser."""
    found = client.get("/", headers=CHINESE)
    assert found.text == found.headers["content-language"] == "zh-CN"
    assert found.headers["vary"] == "Cookie, Accept-Language"
    assert client.get("/", headers={**CHINESE, "cookie": "srpo-lang=en"}).text == "en"
    assert "vary" not in client.get("/assets/x.js", headers=CHINESE).headers


@pytest.mark.parametrize("path", ["call/submit", "run/submit", "mcp/", "info", "call/v2/submit/4"])
def test_programs_are_answered_in_english(client: TestClient, path: str) -> None:
    """What a script compares does not depend on where its machine stands."""
    assert client.get(f"/gradio_api/{path}", headers=CHINESE).text == "en"
    assert client.get("/gradio_api/queue/join", headers=CHINESE).text == "zh-CN"


@pytest.mark.parametrize("cookie", ["srpo-lang=zh-CN", "a=b; srpo-lang=zh-CN", 'srpo-lang="zh-CN"'])
def test_the_switch_is_read_among_other_cookies(cookie: str) -> None:
    """Gradio's own stand beside it."""
    assert language_of({"cookie": cookie}) == "zh-CN"
    assert language_of({"cookie": "\x00=;;;srpo-lang"}) == "en"


def build() -> Multilingual:
    with Multilingual() as page:
        text = gr.Textbox(label=say("page-language"))
        heard = gr.Textbox()
        text.change(lambda: language(), None, heard, api_visibility="private")
        text.submit(lambda: language(), None, heard, api_name="asked")
    return page


@pytest.fixture
def page() -> Multilingual:
    page = build()
    page.tell("zh-CN", lambda: (build(), "<script>1</script>"))
    return page


def test_one_page_is_shown_in_every_language(page: Multilingual) -> None:
    """The components are the same ones: an event names the same whoever sent it."""
    english = page.config
    with speaking("zh-CN"):
        chinese = page.config
    assert [one["id"] for one in english["components"]] == [
        one["id"] for one in chinese["components"]
    ]
    labels = [one["components"][0]["props"]["label"] for one in (english, chinese)]
    assert labels == ["Language", "语言"]
    assert (english["head"], chinese["head"]) == (None, "<script>1</script>")


@pytest.mark.anyio
async def test_an_event_speaks_the_language_of_its_request(page: Multilingual) -> None:
    """And a call of the named API English, from wherever."""
    state: Any = {}
    request = gr.Request(headers=CHINESE)
    said = [
        (await page.process_api(number, [], state, request=request))["data"][0] for number in (0, 1)
    ]
    assert said == ["zh-CN", "en"]
