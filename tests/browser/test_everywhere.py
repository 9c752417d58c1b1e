"""The page on every screen, in both lights, for everybody."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.browser.visitor import CARDS, IMAGE, TEXT, Visitor
from tests.end_to_end.program import Playground

PHONE, DESKTOP = (390, 844), (1440, 900)
TABS = ("Text to image", "Image to image", "History", "Backends")
VIEWER = "dialog.viewer[open]"
AXE = os.environ.get("AXE_JS", "")
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OF_COLOUR = ["color-contrast", "link-in-text-block"]
"""What axe-core finds in one light and not in the other: all else is the same in both."""
LOOK = """async ([rules, dark]) => {
  const page = document.querySelector('.gradio-container');
  const seen = () => getComputedStyle(page).color;
  const before = [document.body.classList.contains('dark'), seen()];
  const still = document.head.appendChild(document.createElement('style'));
  still.textContent = '* { transition: none !important; }';
  try {
    if (dark !== null) {
      document.body.classList.toggle('dark', dark);
      if (dark !== before[0] && seen() === before[1]) throw new Error('no other light');
    }
    const only = {runOnly: rules, resultTypes: ['violations']};
    return (await axe.run(document, only)).violations.flatMap((rule) =>
      rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 200)}`));
  } finally {
    document.body.classList.toggle('dark', before[0]);
    still.remove();
  }
}"""


def make(visitor: Visitor) -> None:
    visitor.small()
    visitor.generate("a red house on green hills")
    visitor.pictures()


def test_a_phone_never_scrolls_sideways(visit: Any) -> None:
    """Every tab fits 390 pixels, also with an image, an error and an entry's details."""
    visitor = visit(size=PHONE)
    visitor.generate()
    visitor.expect(visitor.page.get_by_role("alert")).to_be_visible()
    assert visitor.width_beyond() <= 0
    make(visitor)
    for name in TABS:
        visitor.tab(name)
        if name == "History":
            visitor.find("#history-grid button[data-entry]").first.click()
            visitor.find(f"{VIEWER} [data-v=about]").click()
            visitor.find(f"{VIEWER} summary").filter(has_text="Raw request").click()
            assert visitor.width_beyond() <= 0
            visitor.page.keyboard.press("Escape")
        if name == "Backends":
            visitor.expect(visitor.find("#backends-snippets pre")).to_have_count(3)
        assert visitor.width_beyond() <= 0, name


def test_the_picture_is_seen_on_a_phone_without_searching(visit: Any) -> None:
    """After pressing Generate the progress is in sight, or one swipe away."""
    visitor = visit(size=PHONE)
    make(visitor)
    box = visitor.find("#stage figure img").bounding_box()
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
    visitor.expect(visitor.find("#live [data-state=running]")).to_be_visible()
    found += violations(visitor, "running")
    visitor.queue()
    found += violations(visitor, "queue")
    visitor.page.keyboard.press("Escape")
    for tool, place in (("Ideas", "ideas"), ("History", "past"), ("Styles", "styles")):
        visitor.press(tool)
        visitor.expect(visitor.find(f"#{TEXT}-{place}")).to_be_visible()
        found += violations(visitor, tool)
        visitor.page.keyboard.press("Escape")
    visitor.find("#live .cancel").click()
    visitor.shows("#queue", "nothing was spent")
    visitor.generate("fault:run_failed_5000|a red house")
    visitor.expect(visitor.find(f"{CARDS} [data-state=failed]")).to_be_visible(timeout=30_000)
    found += violations(visitor, "failed")
    visitor.find(f"{CARDS} button").filter(has_text="Dismiss").click()
    visitor.details()
    make(visitor)
    found += violations(visitor, "finished")
    visitor.write("red")
    visitor.expect(visitor.find("#prompt-completions")).to_be_visible()
    found += violations(visitor, "completions")
    visitor.page.keyboard.press("Escape")
    visitor.find(f"#{TEXT}-code").click()
    visitor.expect(visitor.find("dialog.code-of[open]")).to_be_visible()
    found += violations(visitor, "code panel")
    visitor.page.keyboard.press("Escape")
    visitor.press("Use as source")
    visitor.expect(visitor.find(f"#{IMAGE}-image img")).to_be_visible()
    visitor.details()
    found += violations(visitor, "image to image")
    visitor.tab("History")
    thumb = visitor.find("#history-grid button[data-entry]").first
    thumb.click()
    if size == DESKTOP:
        visitor.find("#history-details summary").click()
        found += violations(visitor, "history")
        thumb.click()
    visitor.expect(visitor.find(f"{VIEWER} .told")).to_contain_text("Asked")
    if size == PHONE:
        visitor.find(f"{VIEWER} [data-v=about]").click()
    visitor.find(f"{VIEWER} summary").filter(has_text="Raw request").click()
    found += violations(visitor, "viewer")
    visitor.find(f"{VIEWER} [data-v=erase]").click()
    visitor.expect(visitor.find(".hist-toast")).to_be_visible()
    found += violations(visitor, "deleted")
    visitor.page.keyboard.press("Escape")
    visitor.tab("Backends")
    visitor.expect(visitor.find("#backends-snippets pre")).to_have_count(3)
    found += violations(visitor, "backends")
    assert found == []


def violations(
    visitor: Visitor, moment: str, rules: Sequence[str] = LEVELS, dark: bool | None = None
) -> list[str]:
    """Return what axe-core finds now, a line each; in another light where `dark` asks for it."""
    return [f"{moment}: {one}" for one in visitor.page.evaluate(LOOK, [rules, dark])]
