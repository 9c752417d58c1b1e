"""The page in a frame of another site whose cookies the browser does not keep, as on the hub."""

from __future__ import annotations

import os
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import CHROMIUM, SWITCHES
from tests.browser.visitor import IMAGE, TEXT, Visitor
from tests.end_to_end.program import Playground, SandboxProcess, free_port
from tests.identity import Provider, serving, tls

pytestmark = pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="starts a program of its own; .ci/run sets EVERY_TEST"
)
KEY = "wsk-CANARY-5d0c9b7a61e2f384"
BLOCKED = '{"profile": {"cookie_controls_mode": 1, "block_third_party_cookies": true}}'
COOKIE = """() => {
  document.cookie = 'probe=1; SameSite=None; Secure';
  return document.cookie;
}"""
BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Hub:
    """A page of another site with the playground in a frame."""

    def __init__(self, inside: str) -> None:
        page = (
            "<!doctype html><title>Hub</title><style>*{margin:0}iframe{border:0;width:100%;"
            f"height:100vh}}</style><iframe src='{inside}/?__theme=dark'></iframe>"
        ).encode()

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_arguments: Any) -> None:
                return None

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://hub.test:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, Provider]]:
    """A Space behind TLS, in the frame of a hub."""
    folder, port = tmp_path_factory.mktemp("framed"), free_port()
    with ExitStack() as stack:
        provider = stack.enter_context(serving(Provider()))
        service = SandboxProcess(folder, latency=0.3)
        stack.callback(service.kill)
        hub = Hub(f"https://localhost:{port}")
        stack.callback(hub.close)
        settings = provider.environment(f"localhost:{port}") | {"SRPO_PUBLIC_SPENDING": "1"}
        settings["GRADIO_ROOT_PATH"] = f"https://localhost:{port}"
        settings |= {"SRPO_EMBED": hub.address, "WAVESPEED_BASE_URL": service.address}
        program = Playground(folder / "space", **settings)
        stack.callback(program.kill)
        stack.enter_context(tls(folder, program.port, port))
        yield hub, provider


@pytest.fixture
def browser(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    """A browser that keeps no cookies of sites inside of others."""
    (tmp_path / "Default").mkdir()
    (tmp_path / "Default" / "Preferences").write_text(BLOCKED)
    context = chromium.browser_type.launch_persistent_context(
        tmp_path,
        executable_path=str(CHROMIUM),
        # A download asks for itself, and would not know that the certificate is the tests' own.
        args=[*(one.replace("|", " ") for one in SWITCHES.split()), "--ignore-certificate-errors"],
        ignore_https_errors=True,
        reduced_motion="reduce",
        viewport={"width": 1100, "height": 700},
    )
    context.set_default_timeout(30_000)
    troubles: list[str] = []
    context.on("weberror", lambda error: troubles.append(str(error.error)))
    yield context
    context.close()
    assert not troubles


class Framed(Visitor):
    """A visitor of the hub; what it does on the page it does inside of the frame."""

    def open(self) -> Framed:
        """Load the hub's page and wait until what this browser remembers is back in the frame."""
        self.outside = self.outside if hasattr(self, "outside") else self.page
        self.outside.goto(self.address)
        self.outside.wait_for_selector("iframe")
        self.page = next(one for one in self.outside.frames if one.parent_frame)
        self.expect(self.find(f"#{TEXT}-generate")).to_be_visible()
        self.page.wait_for_function("document.body.dataset.restored")
        return self


def thumbs(visitor: Visitor, count: int) -> None:
    visitor.tab("History")
    visitor.expect(visitor.find("#history-grid button[data-entry]")).to_have_count(count)


def test_everything_works_in_the_hubs_frame_without_its_cookies(browser: Any, space: Any) -> None:
    """Both tabs, history, restoring, an own key; signing in opens a window of its own."""
    hub, provider = space
    provider.user = ("64f0aa", "ann")
    visitor = Framed(browser, hub.address).open()
    assert visitor.page.evaluate(COOKIE) == ""
    visitor.expect(visitor.find("body")).to_have_class("dark")

    visitor.details()
    visitor.small()
    visitor.generate("a red house in the hills")
    visitor.pictures()
    address = visitor.find("#stage figure img").get_attribute("src")
    visitor.write("something else")
    visitor.tab("Backends")
    visitor.drop("image.jpeg", address)
    visitor.press("Read its settings")
    visitor.press("Use settings")
    visitor.has(f"{TEXT}-prompt", "a red house in the hills")
    thumbs(visitor, 1)
    visitor.find("#history-grid button[data-entry]").click()
    visitor.press("Send to image-to-image")
    visitor.expect(visitor.find(f"#{IMAGE}-image img")).to_be_visible()
    visitor.generate("a blue house in the hills", IMAGE)
    visitor.pictures(IMAGE)
    thumbs(visitor, 2)
    visitor.press("More")
    with visitor.outside.expect_download() as download:
        visitor.press("Download all")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert len(archive.namelist()) == 2

    visitor.tab("Backends")
    box = visitor.page.get_by_label("WaveSpeed key", exact=True)
    box.fill(KEY)
    box.press("Enter")
    visitor.shows("#own-key-wavespeed-said", "This key works")
    visitor.tab("Text to image")
    visitor.write("what was typed stays")

    visitor.open()
    visitor.expect(visitor.find(f"#{TEXT}-prompt textarea")).to_have_value("what was typed stays")
    thumbs(visitor, 2)
    visitor.tab("Backends")
    visitor.shows("#own-key-wavespeed-said", re.compile("your.* key", re.IGNORECASE))

    with browser.expect_page() as opened:
        visitor.press("Sign in with Hugging Face")
    alone = Visitor.__new__(Visitor)
    alone.expect, alone.context, alone.page = visitor.expect, browser, opened.value
    alone.expect(alone.find("#sign-in")).to_have_text("Sign out (ann)")
    assert "probe=1" in alone.page.evaluate(COOKIE)  # in a window of its own it is no stranger


@pytest.mark.parametrize("width", [390, 820, 1100])
def test_a_frame_of_any_size_is_filled_and_scrolls_up_and_down(
    browser: Any, space: Any, width: int
) -> None:
    """Nothing is wider than the frame, and what is below can be reached."""
    visitor = Framed(browser, space[0].address)
    visitor.page.set_viewport_size({"width": width, "height": 500})
    visitor.open()
    assert visitor.page.evaluate(BEYOND) <= 0
    foot = visitor.find(".licence:visible").first
    foot.scroll_into_view_if_needed()
    visitor.expect(foot).to_be_in_viewport()
