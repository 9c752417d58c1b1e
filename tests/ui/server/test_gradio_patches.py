"""The program does not start on a Gradio on which a patch no longer bites."""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import gradio.mcp
import pytest
from gradio import http_server, oauth, processing_utils, route_utils, routes, server_messages
from gradio.routes import App
from gradio.state_holder import SessionState
from jinja2 import DictLoader

from core.errors import NotReadyError
from ui.launch import in_every_language
from ui.server.gradio_patches import (
    assets,
    light_page,
    own_files,
    password_login,
    requests,
    spared_work,
    streams,
    template,
    type_stubs,
    uploading,
)
from ui.server.gradio_patches import check as checking
from ui.server.gradio_patches.arguments import Patient
from ui.server.gradio_patches.assets import name_assets
from ui.server.gradio_patches.check import check
from ui.server.gradio_patches.fetching import keep_from_fetching
from ui.server.gradio_patches.folder import use_for_mcp
from ui.server.gradio_patches.languages import name_language
from ui.server.gradio_patches.light_page import lighten_page
from ui.server.gradio_patches.mcp_calls import answer_without_progress
from ui.server.gradio_patches.own_files import name_own_files
from ui.server.gradio_patches.sessions import keep_numbers
from ui.server.gradio_patches.slow_start import allow_slow_start

FETCHING = dict(vars(processing_utils))
"""Gradio's functions as other tests found them."""
PUT = inspect.unwrap(SessionState.__setitem__)
"""How Gradio puts a component into its place in a session."""
START = inspect.unwrap(http_server.Server.run_in_thread)
"""How Gradio starts its server."""


@pytest.fixture(scope="module")
def built() -> Any:
    """A page with an endpoint whose last argument may be left out."""

    def endpoint(prompt: str, steps: int = 3) -> str:
        return prompt * steps

    def build() -> Any:
        with Patient(analytics_enabled=False) as page:
            gr.api(endpoint, api_name="endpoint")
        return page

    return in_every_language(build, str)


@pytest.fixture
def page(built: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The page, in a process that is patched until the end of the test."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(gradio.mcp, "DEFAULT_TEMP_DIR", "/tmp/gradio")
    for name, original in FETCHING.items():
        if callable(original):
            monkeypatch.setattr(processing_utils, name, original)
    monkeypatch.setattr(assets, "_needed", inspect.unwrap(assets._needed))
    keep_from_fetching()
    use_for_mcp()
    monkeypatch.setattr(http_server.Server, "run_in_thread", START)
    allow_slow_start()
    answer_without_progress()
    monkeypatch.setattr(SessionState, "__setitem__", PUT)
    keep_numbers()
    name_language()
    lighten_page()
    name_assets()
    name_own_files(".a {}")
    return built


def broken(page: Any) -> str:
    with pytest.raises(NotReadyError) as refused:
        check(page)
    assert gr.__version__ in str(refused.value)
    assert "requirements.lock" in refused.value.advice
    return str(refused.value)


@pytest.mark.slow
def test_every_patch_bites_on_the_gradio_that_is_installed(page: Any) -> None:
    """Twice, since a check changes nothing."""
    before = sorted(vars(page))
    check(page)
    check(page)
    assert sorted(vars(page)) == before


FETCHES = (
    "async_ssrf_protected_download",
    "async_ssrf_protected_get",
    "ssrf_protected_download",
    "save_url_to_cache",
    "unsafe_download",
)


@pytest.mark.parametrize("name", FETCHES)
def test_a_download_that_is_gradios_own_stops_the_start(
    page: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it was put back or has another name; nothing is fetched to find out."""
    ours = getattr(processing_utils, name)
    monkeypatch.setattr(processing_utils, name, lambda address, cache_dir="": "fetched")
    assert "not all that downloads is kept from it" in broken(page)
    monkeypatch.setattr(processing_utils, name, ours)
    monkeypatch.setattr(processing_utils, "other_download", print, raising=False)
    assert "not all that downloads is kept from it" in broken(page)


def without(owner: Any, name: str) -> Callable[[pytest.MonkeyPatch, Any], None]:
    return lambda patch, _page: patch.delattr(owner, name)


def other(owner: Any, name: str, value: Any) -> Callable[[pytest.MonkeyPatch, Any], None]:
    return lambda patch, _page: patch.setattr(owner, name, value)


def unqueued(patch: pytest.MonkeyPatch, page: Any) -> None:
    patch.setattr(page.app.get_blocks(), "_queue", SimpleNamespace())


def active(self: Any) -> None:
    self.load_event_to_attach = ("a click of its own",)


def chosen() -> None:
    """A server that names its protocol."""
    http_server.uvicorn.Config(app=None, log_level="warning", http="h11")


async def moved(*_values: Any, **_options: Any) -> None:
    return None


def kept(data: bytes, file_name: str, cache_dir: str) -> str:
    path = Path(cache_dir) / file_name
    path.write_bytes(data)
    return str(path)


async def textual(_server: Any, job: Any) -> list[Any]:
    return [job.result()]


GONE = {
    "a slow start fails": (
        other(http_server.Server, "run_in_thread", moved),
        "a start of more than five seconds fails",
    ),
    "components are numbered anew": (
        other(SessionState, "__setitem__", PUT),
        "a session remembers every value",
    ),
    "stubs are written": (
        other(type_stubs, "without_stubs", nullcontext),
        "it writes type stubs",
    ),
    "components fetch by themselves": (
        other(gr.Image, "move_resource_to_block_cache", lambda _self, address: address),
        "the address of a picture is fetched",
    ),
    "events fetch by themselves": (
        other(gr.Image, "async_move_resource_to_block_cache", moved),
        "the address of a picture is fetched",
    ),
    "files are not looked at": (
        other(processing_utils, "async_move_files_to_cache", moved),
        "files that were not uploaded",
    ),
    "values are not counted": (without(Patient, "validate_inputs"), "too few values"),
    "defaults are not filled in": (without(Patient, "validate_inputs"), "last arguments"),
    "there is no queue": (unqueued, "streams that are open"),
    "a lost session is told otherwise": (
        other(streams, "UnexpectedErrorMessage", server_messages.HeartbeatMessage),
        "does not notice that its session is gone",
    ),
    "the folder is another": (
        lambda patch, _page: patch.setenv("GRADIO_TEMP_DIR", ""),
        "another than GRADIO_TEMP_DIR",
    ),
    "the folder of MCP is another": (
        other(gradio.mcp, "DEFAULT_TEMP_DIR", "/tmp/gradio"),
        "files of MCP clients",
    ),
    "a cut upload is kept": (
        other(uploading, "cut", lambda: OSError("cut")),
        "an upload that was cut stays",
    ),
    "a cut upload is told otherwise": (
        other(uploading, "CUT", "This is too large."),
        "not answered as too large",
    ),
    "passwords are kept elsewhere": (
        other(App, "configure_app", lambda *_: None),
        "signed in with a password",
    ),
    "cookies have other names": (
        other(password_login, "COOKIES", ("access-", "access-unsecure-")),
        "signed in with a password",
    ),
    "a variable of the login has another name": (
        without(oauth, "OAUTH_SCOPES"),
        "signs in with Hugging Face in another way",
    ),
    "the login has no session": (
        other(oauth, "attach_oauth", lambda _app: None),
        "signs in with Hugging Face in another way",
    ),
    "requests hide the session": (
        other(gr.Request, "__init__", lambda self, _request: self.__dict__.update(request=None)),
        "who has signed in with Hugging Face",
    ),
    "buttons for signing in do more": (
        other(gr.LoginButton, "render", active),
        "shows up in the API",
    ),
    "MCP calls lose their headers": (
        other(gradio.mcp.GradioMCPServer, "_prepare_tool_call_args", lambda *_: ("", [], {}, None)),
        "the calls of MCP clients",
    ),
    "MCP calls are waited for otherwise": (
        other(gradio.mcp.GradioMCPServer, "_execute_tool_without_progress", textual),
        "get text for an image",
    ),
    "middleware is added inside": (
        other(App, "add_middleware", lambda self, added: self.user_middleware.append(added)),
        "another order",
    ),
    "routes begin otherwise": (other(route_utils, "API_PREFIX", "/api"), "begin in another way"),
    "nonsense ends otherwise": (
        other(requests, "NotFoundError", KeyError),
        "a call of nothing",
    ),
    "the page is told otherwise": (
        lambda patch, _page: patch.setitem(routes.templates.env.filters, "toorjson", str),
        "is not made of less",
    ),
    "all is observed": (other(light_page, "OBSERVES", re.compile("observes")), "is observed"),
    "files lie elsewhere": (other(App, "create_app", lambda: None), "front end lie elsewhere"),
    "files are listed otherwise": (other(assets, "LOADED", re.compile("(loads)(it)")), "not known"),
    "scripts are others": (
        other(spared_work, "SPARED", {"core-": {"nobody writes this": ""}}),
        "its scripts do other work",
    ),
    "an empty head is filled in": (
        other(own_files, "EMPTY", re.compile("nobody writes this")),
        "without a head and a style sheet",
    ),
    "the head ends otherwise": (other(own_files, "LAST", "</head><body>"), "no place for scripts"),
    "the template is another": (
        other(routes.templates.env, "loader", DictLoader({template.NAME: "<html>"})),
        "the template of its page",
    ),
    "the protocol is chosen": (other(http_server, "start_server", chosen), "another protocol"),
}


@pytest.mark.parametrize("what", GONE)
def test_a_patch_that_no_longer_bites_stops_the_start(
    page: Any, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence says which one and on which release."""
    take, said = GONE[what]
    take(monkeypatch, page)
    assert said in broken(page)


def test_a_file_that_is_kept_by_its_name_stops_the_start(
    page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing would ever remove it."""
    monkeypatch.setattr("ui.server.gradio_patches.folder.save_bytes_to_cache", kept)
    assert "never removed" in broken(page)


def test_every_patch_is_checked() -> None:
    """A new file beside the others is in the list and promises something."""
    there = {path.stem for path in Path(checking.__file__).parent.glob("*.py")}
    names = {one.__name__.rpartition(".")[2] for one in checking.ALL}
    assert names == there - {"__init__", "check", "promises"}
    assert all(one.PROMISES for one in checking.ALL)


class Starting:
    """A server as Gradio starts it: ready after a while, or ended without ever having been."""

    def __init__(self, seconds: float, *, ends: bool = False) -> None:
        self.seconds, self.ends, self.started, self.reloader = seconds, ends, False, None

    def run(self) -> None:
        time.sleep(self.seconds)
        self.started = not self.ends


@pytest.mark.slow
def test_a_start_may_take_longer_than_gradio_waits(page: Any) -> None:
    """Else a Space with a slow bucket would end with the words that its port is in use."""
    server = Starting(5.2)
    http_server.Server.run_in_thread(server)
    assert server.started
    ended = Starting(0, ends=True)
    with pytest.raises(http_server.ServerFailedToStartError):
        http_server.Server.run_in_thread(ended)
