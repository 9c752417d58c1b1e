"""Every route of the program was judged, and none of its pages repeats what a caller sent."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio.routes import App

import backends
from backends import Settings
from core.history import History
from core.jobs.ledger import Ledger
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio
from core.tokens import Tokens
from ui import launch, page
from ui.server.open_routes import is_open

pytestmark = pytest.mark.anyio
CLOSED = {
    "/gradio_api/component_server/?": "functions of components; ours have none",
    "/gradio_api/custom_component/.*": "components that are installed apart; we have none",
    "/svelte/.*": "parts of components that are installed apart",
    "/gradio_api/deep_link": "keeps all that a session holds on the server",
    "/gradio_api/dev/reload": "for whoever edits the program",
    "/gradio_api/file/.*": "the same as file= by an older name",
    "/gradio_api/openapi.json": "the named API once more; info has it",
    "/openapi.json": "FastAPI's description of Gradio's routes",
    "/gradio_api/process_recording": "converts videos",
    "/gradio_api/proxy=.*": "fetches addresses for the caller",
    "/gradio_api/queue/status": "how much everybody has waiting",
    "/gradio_api/runs/?": "a history in the browser that is switched off",
    "/gradio_api/stream/.*": "audio and video",
    "/gradio_api/(token|user)/?": "hands a script what a cookie keeps from it",
    "/gradio_api/(undo-)?vibe-.*": "edits the program",
    "/gradio_api/mcp/(sse|messages)": "an older way of MCP clients",
    "/monitoring.*": "everybody's calls",
    "/pwa_icon/.+": "makes the icon as large as the caller likes",
}
"""Patterns of routes that nothing here needs, each with what it would do."""
EVERY_TEST = "EVERY_TEST" in os.environ
MARK = "</script><script>mark(1)</script>\"'><img src=x onerror=mark(2)>"
SENT = (
    "host x-forwarded-host x-forwarded-proto x-forwarded-for x-forwarded-prefix forwarded referer "
    "user-agent accept-language accept cookie x-gradio-user x-srpo-token x-srpo-caller via"
).split()


@pytest.fixture(scope="module", params=["open", "sign-in"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The program as it is launched, without a socket."""
    folder: Path = tmp_path_factory.mktemp("routes")
    auth = "ann:one" if request.param == "sign-in" else None
    settings = Settings(srpo_data_dir=folder, srpo_auth=auth, _env_file=None)  # type: ignore
    database = Database(settings.database)
    history = History(database, Storage(settings.storage))
    studio = Studio(backends.create(settings), Ledger(database), history)

    @asynccontextmanager
    async def life(_app: object) -> Any:
        yield

    tokens = Tokens(database)
    demo = page.build(studio, tokens, "miniature", [], login=launch.login(settings))
    demo.auth = settings.users or None
    options = launch.options(studio, tokens, settings, life)
    demo.run_history = demo.enable_monitoring = False
    yield App.create_app(demo, app_kwargs=options["app_kwargs"], mcp_server=True)


def routes(found: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Yield method and path of every route, whatever it is mounted or included in."""
    for route in found:
        path = before + str(getattr(route, "path", ""))
        router = getattr(route, "original_router", None) or getattr(route, "app", None)
        inner = getattr(route, "routes", None) or getattr(router, "routes", None)
        if inner:
            yield from routes(inner, path if type(route).__name__ == "Mount" else before)
        methods = getattr(route, "methods", None) or (["GET", "POST"] if not inner else [])
        yield from ((method, path) for method in methods)


def sample(path: str) -> str:
    """Return an address that the template of a route matches."""
    filled = re.sub(r"{\w+:path}", "a/b.png", path)
    return re.sub(r"{\w+}", "a", filled)


def judged(path: str) -> str | None:
    return next((why for pattern, why in CLOSED.items() if re.fullmatch(pattern, path)), None)


def test_every_route_was_judged(app: App) -> None:
    """One that an update of Gradio brings is closed, and this says that somebody must look."""
    found = set(routes(app.routes))
    assert len(found) > 70
    assert {"/gradio_api/mcp/schema", "/media/{entry}/{part}/{signature}/{name}"} <= {
        path for _method, path in found
    }
    stream = httpx.Headers({"accept": "text/event-stream"})
    for method, path in sorted(found):
        if method == "HEAD" and ("GET", path) in found:
            continue  # it follows its GET
        if path == "/gradio_api/mcp":
            continue  # a mount; its routes come by themselves
        opened = is_open(method, sample(path), stream) or is_open(method, sample(path) + "/")  # type: ignore[arg-type]
        assert opened != bool(judged(path)), (method, path)


def test_what_is_judged_closed_exists() -> None:
    """No pattern of the list is stale or so wide that it holds what is open."""
    for pattern in CLOSED:
        assert not is_open("GET", pattern.replace(".*", "a").replace("?", ""))


@pytest.mark.slow
async def test_no_page_repeats_what_a_caller_sent(
    app: App, record_property: Callable[[str, object], None]
) -> None:
    """Every route with markers in its path, its query and every header that servers believe."""
    asked = echoed = 0
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860") as http:
        for method, path in sorted(set(routes(app.routes))):
            filled = re.sub(r"{\w+(:path)?}", MARK, path)
            for address in {path, filled, f"{path}/{MARK}", f"{path}/{MARK}/gradio_api/mcp"}:
                for name in ("", *(SENT if EVERY_TEST else SENT[:2])):
                    if "/heartbeat/" in address or "startup" in address:
                        continue  # streams without an end
                    value = f"{MARK}, text/event-stream" if name == "accept" else MARK
                    url = httpx.URL(f"http://127.0.0.1:7860/?mark={MARK}").copy_with(path=address)
                    headers = {name: value} if name else {"accept": "text/html"}
                    answer = await http.request(method, url, headers=headers)
                    asked += 1
                    kind = answer.headers.get("content-type", "")
                    if "html" in kind or "svg" in kind or not kind:
                        echoed += "<script>mark" in answer.text or "<img src=x" in answer.text
    record_property("requests", asked)
    assert asked > (3_000 if EVERY_TEST else 500)
    assert echoed == 0
