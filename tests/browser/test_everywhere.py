"""The page on every screen, in both lights, for everybody."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.browser.visitor import IMAGE, TEXT, Visitor
from tests.end_to_end.program import Playground

PHONE, DESKTOP = (390, 844), (1440, 900)
TABS = ("Text to image", "Image to image", "History", "Backends")
AXE = os.environ.get("AXE_JS", "")
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def make(visitor: Visitor) -> None:
    visitor.small()
    visitor.generate("a red house on green hills")
    visitor.pictures()


def test_a_phone_never_scrolls_sideways(visit: Any) -> None:
    """Every tab fits 390 pixels, also with a picture, an error and an entry's details."""
    visitor = visit(size=PHONE)
    visitor.generate()
    visitor.expect(visitor.page.get_by_role("alert")).to_be_visible()
    assert visitor.width_beyond() <= 0
    make(visitor)
    for name in TABS:
        visitor.tab(name)
        if name == "History":
            visitor.find("#history-grid button[data-entry]").first.click()
            visitor.find("#history-details summary").click()
        if name == "Backends":
            visitor.expect(visitor.find("#backends-snippets pre")).to_have_count(3)
        assert visitor.width_beyond() <= 0, name


def test_the_picture_is_seen_on_a_phone_without_searching(visit: Any) -> None:
    """After pressing Generate the progress is in sight, or one swipe away."""
    visitor = visit(size=PHONE)
    make(visitor)
    box = visitor.find(f"#{TEXT}-stage img").first.bounding_box()
    assert box["width"] >= 330


def test_the_backends_tab_tells_how_to_call_this_very_program(visitor: Visitor) -> None:
    """Ready or sandbox, the price, and snippets with the address in the address bar."""
    visitor.tab("Backends")
    cards = visitor.find("#backends-cards section")
    visitor.expect(cards).to_contain_text(["WaveSpeed", "Siraya", "Local"])
    visitor.expect(cards.first).to_contain_text("WAVESPEED_API_KEY")
    snippets = visitor.find("#backends-snippets pre")
    visitor.expect(snippets).to_have_count(3)
    origin = visitor.address.split("/?")[0]
    for index in range(3):
        visitor.expect(snippets.nth(index)).to_contain_text(origin)


def test_a_script_with_the_browsers_token_shares_its_history(
    visitor: Visitor, playground: Playground
) -> None:
    """Copied into a script it is this visitor; renewed, the images stay and the old one is none."""
    make(visitor)
    visitor.tab("Backends")
    code = visitor.find("#backends-token pre")
    old = code.inner_text()
    headers = {"Host": visitor.address.split("/")[2]}
    script = playground.client(headers=headers | {"X-SRPO-Token": old})
    assert len(script.predict(api_name="/history")) == 1
    visitor.expect(visitor.find("#backends-snippets pre").first).to_contain_text(old)
    visitor.press("Renew the token")
    visitor.expect(code).not_to_have_text(old)
    renewed = playground.client(headers=headers | {"X-SRPO-Token": code.inner_text()})
    assert script.predict(api_name="/history") == []
    assert len(renewed.predict(api_name="/history")) == 1
    visitor.page.reload()
    visitor.tab("History")
    visitor.expect(visitor.find("#history-grid button[data-entry]")).to_have_count(1)


@pytest.mark.parametrize("home", [True, False], ids=["this machine", "plain http elsewhere"])
def test_a_snippet_is_copied_with_one_click(visit: Any, home: bool) -> None:
    """Also where the browser offers pages no clipboard, as on http in a local network."""
    visitor = visit(home=home)
    if home:
        visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.tab("Backends")
    button = visitor.page.get_by_role("button", name="Copy: Shell: curl")
    button.click()
    visitor.expect(button).to_have_text("Copied")


@pytest.mark.skipif(not AXE, reason="AXE_JS does not name axe.min.js (npm pack axe-core)")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_everybody_can_use_it(visit: Any, theme: str, size: tuple[int, int]) -> None:
    """axe-core finds no violation of WCAG A or AA, whatever the page shows."""
    visitor = visit(size=size, theme=theme)
    visitor.page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    found = violations(visitor, "empty")
    visitor.generate()
    visitor.expect(visitor.page.get_by_role("alert")).to_be_visible()
    found += violations(visitor, "complaint")
    visitor.generate("fault:run_stuck|a red house")
    visitor.expect(visitor.find(f"#{TEXT}-status [data-state=running]")).to_be_visible()
    found += violations(visitor, "running")
    visitor.page.keyboard.press("Escape")
    visitor.shows(f"#{TEXT}-status", "nothing was spent")
    visitor.details()
    make(visitor)
    found += violations(visitor, "finished")
    visitor.press("Send to image-to-image")
    visitor.expect(visitor.find(f"#{IMAGE}-image img")).to_be_visible()
    visitor.details()
    found += violations(visitor, "image to image")
    visitor.tab("History")
    visitor.find("#history-grid button[data-entry]").first.click()
    visitor.find("#history-details summary").click()
    found += violations(visitor, "history")
    visitor.tab("Backends")
    visitor.expect(visitor.find("#backends-snippets pre")).to_have_count(3)
    found += violations(visitor, "backends")
    assert found == []


def violations(visitor: Visitor, moment: str) -> list[str]:
    """Return what axe-core finds now, a line each."""
    run = "(levels) => axe.run(document, {runOnly: levels})"
    report = visitor.page.evaluate(run, LEVELS)
    return [
        f"{moment}: {rule['id']}: {node['html'][:200]}"
        for rule in report["violations"]
        for node in rule["nodes"]
    ]
