"""An image is shown to others by a link: made in the viewer, opened by anybody, revoked again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser.conftest import PUBLIC, Visit
from tests.browser.visitor import Visitor
from tests.end_to_end.program import Playground


@pytest.fixture(scope="module")
def sharing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    folder = tmp_path_factory.mktemp("sharing")
    program = Playground(folder, SRPO_SANDBOX_LATENCY="0.2", SRPO_SHARE="1", **PUBLIC)
    yield program
    program.kill()


def viewed(visitor: Visitor, prompt: str) -> Any:
    """Make an image and open it in the viewer."""
    visitor.small()
    visitor.generate(prompt)
    visitor.pictures(count=1)
    entry = visitor.find("figure[data-entry]").first.get_attribute("data-entry")
    visitor.page.evaluate("(entry) => srpo.view(entry, [entry])", entry)
    viewer = visitor.find("dialog.viewer[open]")
    visitor.expect(viewer.locator("[data-v=settings]")).to_be_enabled()
    return viewer


def test_a_link_shows_an_image_to_anybody_until_it_is_revoked(
    visit: Visit, sharing: Playground, chromium: Any, tmp_path: Path
) -> None:
    """Whoever opens it has never been here; it is shown once, and a reload tells how many are."""
    visitor = visit(at=sharing)
    viewer = viewed(visitor, "a red fox <b>in</b> snow")
    viewer.get_by_role("button", name="Share link").click()
    shown = viewer.locator(".shared input")
    visitor.expect(shown).to_have_value(re.compile("http://.*/s/.{32}$"))
    visitor.expect(viewer.locator(".shared .open")).to_contain_text("1 link shows this image.")
    address = shown.input_value()
    other = chromium.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = other.new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.goto(address)
    visitor.expect(page).to_have_title("a red fox <b>in</b> snow")
    image = page.locator("main img")
    visitor.expect(image).to_have_js_property("naturalWidth", 256)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("script").count() == 0 and troubles == []
    page.screenshot(path=str(tmp_path / "shared.png"))
    preview = page.locator("meta[property='og:image']").get_attribute("content")
    host = preview.removeprefix("http://").partition("/")[0]
    local = preview.replace(host, f"127.0.0.1:{sharing.port}")
    assert httpx.get(local).headers["content-type"] == "image/jpeg"
    viewer.get_by_role("button", name="Revoke").click()
    visitor.expect(viewer.locator(".shared")).to_be_hidden()
    page.reload()
    visitor.expect(page.locator("h1")).to_have_text("This link was revoked by whoever made it.")
    other.close()


def test_where_links_are_off_there_is_no_button(visitor: Visitor) -> None:
    viewer = viewed(visitor, "a red fox")
    visitor.expect(viewer.locator("[data-v=share]")).to_be_hidden()
    visitor.expect(viewer.locator(".shared")).to_be_hidden()
    viewer.press("Escape")
    visitor.tab("Compare")
    visitor.expect(visitor.find("#compare-more")).to_be_attached()
    visitor.expect(visitor.find("#compare-more [data-cmp=publish]")).to_have_count(0)


def test_a_link_to_settings_fills_the_form_elsewhere(visit: Visit) -> None:
    """Copied from the viewer, opened by somebody else: shown, and nothing starts."""
    visitor = visit()
    visitor.page.evaluate("srpo.copy = (text) => { window.copied = text; }")
    viewer = viewed(visitor, "a boat & a sea, 85%")
    viewer.get_by_role("button", name="Copy link to settings").click()
    address = visitor.page.evaluate("window.copied")
    assert "prompt=a+boat+%26+a+sea%2C+85%25" in address and "seed=" in address
    other = visit()
    other.page.goto(address)
    field = other.find("#text-to-image-prompt textarea")
    other.expect(field).to_have_value("a boat & a sea, 85%")
    other.expect(other.find("figure[data-entry]")).to_have_count(0)
    other.page.wait_for_url(lambda url: "prompt=" not in url)


def test_an_image_is_deleted_at_its_service_only_after_a_question(visitor: Visitor) -> None:
    """Here it stays; the sandbox does as the service would."""
    viewer = viewed(visitor, "a red fox")
    viewer.get_by_role("button", name="Delete at the service").click()
    question = visitor.find("dialog.ask[open]")
    question.locator(".no").click()
    viewer.get_by_role("button", name="Delete at the service").click()
    question.locator(".yes").click()
    visitor.expect(visitor.page.get_by_text("The service has deleted it.")).to_be_visible()
    visitor.expect(viewer.locator("img.result")).to_have_js_property("naturalWidth", 256)
