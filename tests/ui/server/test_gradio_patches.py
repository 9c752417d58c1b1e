"""The program does not start on a Gradio on which a patch no longer bites."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import gradio.mcp
import pytest
from gradio import http_server, oauth, processing_utils, route_utils, server_messages
from gradio.routes import App

from core.errors import NotReadyError
from ui.server.gradio_patches import check as checking
from ui.server.gradio_patches import password_login, requests, streams, type_stubs, uploading
from ui.server.gradio_patches.arguments import Patient
from ui.server.gradio_patches.check import check
from ui.server.gradio_patches.fetching import keep_from_fetching
from ui.server.gradio_patches.folder import use_for_mcp

FETCHING = dict(vars(processing_utils))
"""Gradio's functions as other tests found them."""


@pytest.fixture(scope="module")
def built() -> Any:
    """A page with an endpoint whose last argument may be left out."""

    def endpoint(prompt: str, steps: int = 3) -> str:
        return prompt * steps

    with Patient(analytics_enabled=False) as page:
        gr.api(endpoint, api_name="endpoint")
    return page


@pytest.fixture
def page(built: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The page, in a process that is patched until the end of the test."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(gradio.mcp, "DEFAULT_TEMP_DIR", "/tmp/gradio")
    for name, original in FETCHING.items():
        if callable(original):
            monkeypatch.setattr(processing_utils, name, original)
    keep_from_fetching()
    use_for_mcp()
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


GONE = {
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
    "middleware is added inside": (
        other(App, "add_middleware", lambda self, added: self.user_middleware.append(added)),
        "another order",
    ),
    "routes begin otherwise": (other(route_utils, "API_PREFIX", "/api"), "begin in another way"),
    "nonsense ends otherwise": (
        other(requests, "NotFoundError", KeyError),
        "a call of nothing",
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
