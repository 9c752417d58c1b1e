"""A page of another site leads a visitor's browser here; nothing of it runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.end_to_end.program import Playground

EVIL = "http://evil.test/"
SCRIPT = (
    "window.ran = 1;"
    "fetch(location.origin + '/gradio_api/call/v2/text_to_image', {method: 'POST',"
    "headers: {'Content-Type': 'application/json'}, body: JSON.stringify({prompt: 'foreign'})});"
    f"new Image().src = '{EVIL}ran';"
)
BREAK_OUT = f"</script><script>{SCRIPT}</script>"
ADDRESSES = (
    "/gradio_api/mcp/{}/gradio_api/mcp",
    "/gradio_api/mcp/{}/gradio_api/mcp/",
    "/gradio_api/mcp/{}/gradio_api/mcp/http/",
    "/gradio_api/mcp//{}/gradio_api/mcp",
    "/gradio_api/mcp/http/{}/gradio_api/mcp",
    "//gradio_api/mcp/{}/gradio_api/mcp",
    "/gradio_api/mcp/{}",
    "/gradio_api/mcp/?{}",
    "/gradio_api/mcp?tools={}",
    "/gradio_api/mcp/schema/{}",
    "/gradio_api/mcp/messages/{}",
    "/gradio_api/runs/{}",
    "/gradio_api/file={}.html",
    "/static/{}",
    "/media/{}/file/x/x.html",
    "/?__theme={}",
    "/?deep_link={}",
    "/login?{}",
    "/{}",
)
DEEDS = f"{EVIL}ran"


@pytest.fixture
def window(chromium: Any) -> Iterator[Any]:
    """A browser whose first page belongs to another site; it counts what scripts do."""
    context = chromium.new_context()
    context.set_default_timeout(20_000)
    context.deeds = []
    page = "<!doctype html><title>Elsewhere</title><a id=go>Go</a>"

    def answer(route: Any) -> None:
        if route.request.url == DEEDS:
            context.deeds.append(route.request.headers.get("referer", "a script"))
        route.fulfill(content_type="text/html", body=page)

    context.route(f"{EVIL}**", answer)
    yield context
    context.close()


def test_addresses_from_elsewhere_run_no_script(window: Any, playground: Playground) -> None:
    """On this machine, as its own person: followed as a link, in the window's own place."""
    from playwright.sync_api import Error

    page = window.new_page()
    before = playground.client().predict(api_name="/jobs")
    ran = []
    for pattern in ADDRESSES:
        address = playground.address + pattern.replace("{}", quote(BREAK_OUT, safe="/"))
        page.goto(EVIL)
        page.evaluate("url => { document.getElementById('go').href = url; }", address)
        # An answer without a body ends in a page of the browser's own, which is an error here.
        with suppress(Error), page.expect_navigation(wait_until="load"):
            page.click("#go")
        assert not page.url.startswith(EVIL)
        if page.evaluate("window.ran"):
            ran.append(pattern)
    assert ran == []
    assert window.deeds == []
    assert playground.client().predict(api_name="/jobs") == before


@pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="starts a program of its own; .ci/run sets EVERY_TEST"
)
def test_a_link_elsewhere_signs_nobody_out(window: Any, tmp_path: Path) -> None:
    """It ends at a page of ours that asks; whoever follows the link there means it."""
    program = Playground(tmp_path, SRPO_AUTH="ann:one")
    page = window.new_page()

    def asked() -> int:
        status: int = window.request.get(f"{program.address}/config").status
        return status

    try:
        window.request.post(f"{program.address}/login", form={"username": "ann", "password": "one"})
        assert asked() == 200
        page.goto(EVIL)
        page.evaluate(
            "url => { document.getElementById('go').href = url; }", program.address + "/logout"
        )
        page.click("#go")
        sign_out = page.get_by_role("link", name="Sign out")
        sign_out.wait_for()
        assert asked() == 200
        sign_out.click()
        page.wait_for_url(f"{program.address}/")
        assert asked() == 401
    finally:
        program.kill()
