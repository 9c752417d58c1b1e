"""The files of the front end are answered as they are, sooner, and named beforehand."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from ui.server.gradio_patches.assets import AT_ONCE, Assets, folder, needed
from ui.server.gradio_patches.light_page import light
from ui.server.gradio_patches.spared_work import SPARED, spare

PAGE = {"components": [{"type": "textbox"}, {"type": "html"}, {"type": "tabs"}]}


async def other(_request: Request) -> Response:
    return PlainTextResponse("other")


@pytest.fixture
def client() -> TestClient:
    app = Starlette(routes=[Route("/{rest:path}", other)])
    app.get_blocks = lambda: SimpleNamespace(config=PAGE)  # type: ignore[attr-defined]
    app.add_middleware(Assets)
    return TestClient(app)


def untouched(suffix: str) -> str:
    names = [one.name for one in folder().glob(f"Index-????????.{suffix}")]
    return next(name for name in sorted(names) if not name.startswith(tuple(SPARED)))


@pytest.mark.parametrize("suffix", ["js", "css"])
@pytest.mark.parametrize("packed", ["br", "identity"])
def test_a_file_is_answered_as_it_is_and_kept(client: TestClient, suffix: str, packed: str) -> None:
    """Compressed for those who can take it."""
    name = untouched(suffix)
    found = client.get(f"/assets/{name}", headers={"accept-encoding": packed})
    said = AT_ONCE if suffix == "js" else ""
    assert found.text == said + (folder() / name).read_text("utf-8")
    assert found.headers.get("content-encoding", "identity") == packed
    assert "immutable" in found.headers["cache-control"]
    assert found.headers["content-type"].startswith("text/")


@pytest.mark.parametrize(
    "path",
    ["/assets/none-12345678.js", "/assets/..%2findex-12345678.js", "/assets/icon.svg", "/x.js"],
)
def test_everything_else_is_passed_on(client: TestClient, path: str) -> None:
    """Gradio says what is not there."""
    assert client.get(path).text == "other"
    assert client.post(f"/assets/{untouched('js')}").status_code == 405


def test_one_sheet_has_the_styles_of_all_components(client: TestClient) -> None:
    """Under a name that another page's is not."""
    wanted = needed(PAGE)
    assert wanted
    found = client.get(f"/assets/{wanted.sheet}")
    assert all((folder() / name).read_text("utf-8") in found.text for name in wanted.styles)
    assert client.get("/assets/styles-0123456789abcdef.css").text == "other"


def test_what_is_named_grows_with_the_kinds_of_components() -> None:
    """Whoever is not signed in is not told."""
    some, more = needed(PAGE), needed({"components": [*PAGE["components"], {"type": "image"}]})
    assert some and more and set(some.scripts) < set(more.scripts)
    assert set(some.styles) < set(more.styles) and some.sheet != more.sheet
    assert needed({"components": []}) is None


def test_a_script_is_spared_work_and_stays_a_script() -> None:
    """Only what is listed is another text."""
    for begin, texts in SPARED.items():
        for old, new in texts.items():
            [path] = [p for p in folder().glob(f"{begin}*.js") if old in p.read_text("utf-8")]
            text = path.read_text("utf-8")
            assert new in spare(path.name, text)
            assert spare(f"other-{path.name}", text) == text


def test_the_page_is_made_without_what_only_programs_need() -> None:
    """Neither in the layout nor beside it; what programs ask for stays whole."""

    def part(number: int, kind: str) -> dict[str, Any]:
        return {"id": number, "type": kind, "props": {"value": kind}, "api_info": {}}

    layout = {"id": 0, "children": [{"id": 1}, {"id": 2, "children": [{"id": 3}, {"id": 4}]}]}
    config = {
        "title": "Page",
        "head": "<script>1</script>",
        "css": ".a {}",
        "components": [part(1, "api"), part(2, "column"), part(3, "textbox"), part(4, "api")],
        "dependencies": [
            {"id": 0, "show_progress": "hidden", "show_progress_on": None},
            {"id": 1, "show_progress": "full", "show_progress_on": None},
        ],
        "layout": layout,
        "page": {"": {"components": [1, 2, 3, 4], "layout": layout, "dependencies": [0, 1]}},
    }
    before = repr(config)
    made = light(config)
    assert (made["head"], made["css"]) == (None, None)  # the page has them as files
    left = {"id": 0, "children": [{"id": 2, "children": [{"id": 3}]}]}
    assert made["layout"] == made["page"][""]["layout"] == left
    assert [one["id"] for one in made["components"]] == made["page"][""]["components"] == [2, 3]
    assert all("api_info" not in one and one["props"] for one in made["components"])
    assert [one["show_progress_on"] for one in made["dependencies"]] == [[], None]
    assert made["page"][""]["dependencies"] == [0, 1] and made["title"] == "Page"
    assert repr(config) == before
    assert not re.search("'api'", repr(made))
