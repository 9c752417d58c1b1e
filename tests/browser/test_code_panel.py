"""The form as programs: opened beside Generate, copied, closed; a wrong form is told instead."""

from __future__ import annotations

import re

from tests.browser.visitor import IMAGE, TEXT, Visitor
from tests.fakes import picture

PANEL = "dialog.code-of[open]"


def test_the_form_as_it_stands_is_shown_as_programs(visitor: Visitor) -> None:
    """Prompt, size and seed are in every one; arrows lead from one to the next, Esc leaves."""
    visitor.small()
    visitor.find(f"#{TEXT}-code").click()
    visitor.shows("body", "The prompt is empty")
    visitor.write("a red house")
    visitor.set(f"{TEXT}-wavespeed-seed", 77)
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.find(f"#{TEXT}-code").click()
    panel = visitor.find(PANEL)
    tabs = panel.get_by_role("tab")
    visitor.expect(tabs).to_have_text(["Python", "curl", "JavaScript", "MCP", "WaveSpeed SDK"])
    visitor.expect(tabs.first).to_be_focused()
    text = panel.locator("pre")
    for _ in range(5):
        for said in ("a red house", "77", "256"):
            visitor.expect(text).to_contain_text(said)
        visitor.page.keyboard.press("ArrowRight")
    visitor.expect(tabs.first).to_be_focused()
    panel.get_by_role("button", name="Copy").click()
    visitor.expect(panel.get_by_role("button", name="Copied")).to_be_visible()
    visitor.page.keyboard.press("Escape")
    visitor.expect(visitor.find(PANEL)).to_have_count(0)
    visitor.expect(visitor.find(f"#{TEXT}-code")).to_be_focused()


def test_a_random_seed_is_drawn_for_the_programs_and_the_source_can_be_saved(
    visitor: Visitor,
) -> None:
    """So that all of them make one image, from the very file that is sent."""
    visitor.tab("Image to image")
    data = picture(9, 320, 256)
    visitor.upload({"name": "sky.png", "mimeType": "image/png", "buffer": data})
    visitor.expect(visitor.page.get_by_text("320 × 256. The result has this")).to_be_visible()
    visitor.write("a teal sea", IMAGE)
    visitor.find(f"#{IMAGE}-code").click()
    panel = visitor.find(PANEL)
    visitor.expect(panel).to_contain_text(re.compile(r"new seed; \d+ was drawn"))
    link = panel.get_by_role("link")
    visitor.expect(link).to_have_text("Save the source image as source.png beside the program")
    assert visitor.fetch(link.get_attribute("href") or "") == data
