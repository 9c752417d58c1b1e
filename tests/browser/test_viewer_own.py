"""What a person keeps with an image, in the viewer: title, note, tags, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PUBLIC
from tests.browser.filled import filled
from tests.browser.visitor import Visitor
from tests.end_to_end.program import Playground

VIEWER = "dialog.viewer[open]"


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Playground]:
    """One with an image and three that were made from it."""
    filled(tmp_path / "data", 4, parent=lambda n: f"{0:032x}" if n else None)
    running = Playground(tmp_path, **PUBLIC)
    yield running
    running.kill()


def test_title_note_and_tags_are_kept_and_the_lineage_is_walked(
    visit: Any, program: Playground
) -> None:
    """Found again by their words; from a child to its parent and on to another child."""
    visitor: Visitor = visit(home=True, at=program)
    visitor.tab("History")
    thumbs = visitor.find("#history-grid .thumb")
    visitor.expect(thumbs).to_have_count(4)
    thumbs.first.click()
    thumbs.first.click()
    own = visitor.find(f"{VIEWER} .own")
    visitor.expect(own).to_be_visible()
    own.locator("[name=title]").fill("The third hill")
    own.locator("[name=title]").press("Enter")
    own.locator("[name=note]").fill("For the kitchen wall")
    own.locator(".add input").fill("Kitchen")
    own.locator(".add input").press("Enter")
    visitor.expect(own.locator(".kept .hist-chip")).to_have_text(["#kitchen×"])
    visitor.expect(own.locator("[name=note]")).to_have_value("For the kitchen wall")

    line = own.locator(".kin .line button")
    visitor.expect(own.locator(".kin h3")).to_have_text(["Made from"])
    line.first.click()
    visitor.expect(own.locator(".kin h3")).to_have_text(["Made into"])
    visitor.expect(line).to_have_count(3)
    visitor.expect(own.locator("[name=title]")).to_have_value("")
    line.nth(1).click()
    visitor.expect(own.locator(".kin h3")).to_have_text(["Made from"])
    visitor.expect(visitor.find(f"{VIEWER} .count")).to_have_text("3 / 4")
    visitor.page.keyboard.press("ArrowLeft")
    visitor.expect(visitor.find(f"{VIEWER} .count")).to_have_text("2 / 4")
    visitor.expect(own.locator("[name=title]")).to_have_value("The third hill")

    own.get_by_role("button", name="More like this").click()
    visitor.expect(visitor.find(VIEWER)).to_have_count(0)
    visitor.shows(".hist-chips", "More like one image")
    visitor.find(".hist-chips .off").click()
    visitor.find("#history-search input").fill("kitchen wall")
    visitor.expect(thumbs).to_have_count(1)
    visitor.page.reload()
    visitor.page.wait_for_function("document.body.dataset.restored")
    visitor.tab("History")
    visitor.expect(thumbs).to_have_count(1)
    visitor.has("history-search", "kitchen wall")
