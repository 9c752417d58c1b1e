"""What stands over the history: links to look at, duplicates, sets, and what goes on behind it."""

from __future__ import annotations

import io
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import PUBLIC
from tests.browser.filled import filled
from tests.browser.test_everywhere import DESKTOP, PHONE, violations
from tests.browser.visitor import Visitor
from tests.core.likeness.images import encoded, scaled, scene
from tests.end_to_end.program import Playground

AXE = os.environ.get("AXE_JS", "")
THUMBS = "#history-grid .thumb"
TOAST = ".hist-toast"
DIALOG = "dialog.hist-wide[open]"
COUNT = 48
SET = """
INSERT INTO sets (id, owner, title, task, base, axes, targets, headings, notes, created_at)
VALUES ('boats', 'local', 'Three boats', 'text-to-image', '{}', '[]', '[]', '[[], [], []]', '[]', 1)
"""


@cache
def file(number: int) -> bytes:
    """Three of one scene, one of them smaller; two of another; all else is different."""
    if number < 3:
        return encoded(scaled(scene("night"), 1 if number < 2 else 0.5), "WEBP", quality=85)
    if number < 5:
        return encoded(scene("sunset"), "WEBP", quality=70 + 10 * number - 30)
    cells = np.random.default_rng(number).integers(0, 256, (6, 6, 3), np.uint8)
    large = Image.fromarray(cells).resize((192, 192), Image.Resampling.NEAREST)
    return encoded(large, "WEBP", quality=80)


def width(number: int) -> int:
    return Image.open(io.BytesIO(file(number))).width


def height(number: int) -> int:
    return Image.open(io.BytesIO(file(number))).height


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """One with images that have no descriptor yet, duplicates, a set and a family."""
    folder = tmp_path_factory.mktemp("lists")
    filled(
        folder / "data",
        COUNT,
        file=file,
        width=width,
        height=height,
        set_id=lambda n: "boats" if 10 <= n < 13 else None,
        parent=lambda n: f"{20:032x}" if n == 21 else None,
    )
    with closing(sqlite3.connect(folder / "data" / "playground.db")) as db:
        db.execute(SET)
        db.commit()
    running = Playground(folder, SRPO_SHARE="1", **PUBLIC)
    yield running
    running.kill()


@pytest.fixture
def visitor(visit: Any, program: Playground) -> Visitor:
    return arrived(visit(home=True, at=program))


def arrived(visitor: Visitor) -> Visitor:
    visitor.tab("History")
    visitor.expect(visitor.find(THUMBS).first).to_be_visible()
    return visitor


def listed(visitor: Visitor, name: str) -> Any:
    """Open a list over the history and return it."""
    visitor.find(".hist-view-of").click()
    visitor.find(".hist-views").get_by_role("button", name=name).first.click()
    return visitor.find(DIALOG)


def named(number: int) -> str:
    return f"{number:032x}"


def described(visitor: Visitor) -> None:
    """Wait until every image can be found by what it shows."""
    visitor.expect(visitor.find(".hist-progress")).to_be_hidden(timeout=60_000)


def test_what_goes_on_in_the_background_is_one_line_until_it_is_done(
    visit: Any, program: Playground
) -> None:
    """Who wonders why a colour finds little sees it; nothing moves for it, and nothing is left."""
    visitor: Visitor = visit(home=True, at=program)
    said = ["Describing colours: 24 images to go", "Describing colours: 8 images to go", ""]
    visitor.page.route("**/gallery/progress", lambda route: route.fulfill(json={"text": said[0]}))
    arrived(visitor)
    line = visitor.find(".hist-progress")
    for _ in range(2):
        visitor.expect(line).to_have_text(said[0])
        said.pop(0)
    there = visitor.find(".hist-pane").bounding_box()
    visitor.expect(line).to_be_hidden()
    assert visitor.find(".hist-pane").bounding_box() == there
    visitor.expect(line).to_have_text("")
    visitor.page.unroute("**/gallery/progress")
    assert visitor.page.evaluate("srpo.history.ask('progress')") == {"text": ""}


def test_a_set_is_chosen_by_its_title(visitor: Visitor) -> None:
    """Also where a link of the viewer brought somebody to it before the menu was ever opened."""
    visitor.find(".hist-filters-of").click()
    visitor.find(".hist-filters [name=set_id] option").nth(1).wait_for(state="attached")
    visitor.find(".hist-filters [name=set_id]").select_option("Three boats")
    visitor.expect(visitor.find(".hist-count")).to_have_text("3 images")
    visitor.press("Show")
    chip = visitor.find(".hist-chips .hist-chip")
    visitor.expect(chip).to_have_text("Set: Three boats×")
    visitor.page.reload()
    visitor.page.wait_for_function("document.body.dataset.restored")
    visitor.tab("History")
    visitor.expect(visitor.find(".hist-count")).to_have_text("3 images")
    visitor.expect(chip).to_have_text("Set: Three boats×")
    visitor.page.evaluate("srpo.history.want({set_id: 'unknown'})")
    visitor.expect(visitor.find("#history-grid .note")).to_have_text(
        "No image matches this search."
    )
    visitor.find(".hist-filters-of").click()
    visitor.find(".hist-filters [name=shape]").select_option("square")
    visitor.expect(visitor.find(".hist-chips .hist-chip")).to_have_count(2)
    visitor.press("Clear all")
    visitor.expect(visitor.find(".hist-count")).to_have_text(f"{COUNT} images")


def share(visitor: Visitor, number: int) -> str:
    """Make a link in the viewer."""
    visitor.page.evaluate("(id) => srpo.view(id)", named(number))
    viewer = visitor.find("dialog.viewer[open]")
    if not viewer.locator("aside").is_visible():
        viewer.locator("[data-v=about]").click()
    viewer.get_by_role("button", name="Share link").click()
    shown = viewer.locator(".shared input")
    visitor.expect(shown).to_have_value(re.compile("http://.*/s/.{32}$"))
    address: str = shown.input_value()
    visitor.page.keyboard.press("Escape")
    return address


def test_links_are_listed_copied_opened_and_revoked(visitor: Visitor) -> None:
    """What is shared and since when; one is revoked, then all, and only after a question."""
    visitor.page.evaluate("srpo.copy = async (text) => { window.copied = text; }")
    made = [share(visitor, number) for number in (30, 31, 32)]
    dialog = listed(visitor, "Shared links")
    lines = dialog.locator(".hist-link")
    visitor.expect(lines).to_have_count(3)
    visitor.expect(dialog.get_by_role("status")).to_contain_text("3 links are open")
    visitor.expect(lines.first).to_contain_text("hills 32")
    visitor.expect(lines.first).to_contain_text("Image · since ")
    visitor.expect(lines.first.locator("img")).to_have_js_property("naturalWidth", 192)
    lines.nth(1).get_by_role("button", name="Copy link").click()
    visitor.expect(lines.nth(1)).to_contain_text("Copied")
    assert visitor.page.evaluate("window.copied") == made[1]
    with visitor.page.expect_popup() as opened:
        lines.first.get_by_role("link", name="Open").click()
    visitor.expect(opened.value).to_have_title("hills 32")
    lines.first.get_by_role("button", name="Revoke").click()
    visitor.expect(lines).to_have_count(2)
    opened.value.reload()
    visitor.expect(opened.value.locator("h1")).to_contain_text("was revoked")
    opened.value.close()

    lines.first.locator("button.small").click()
    visitor.expect(visitor.find("dialog.viewer[open]")).to_be_visible()
    visitor.page.keyboard.press("Delete")
    visitor.page.keyboard.press("Escape")
    visitor.page.keyboard.press("Escape")
    visitor.expect(dialog).to_have_count(0)
    dialog = listed(visitor, "Shared links")
    lines = dialog.locator(".hist-link")
    visitor.expect(lines.first).to_contain_text("What it showed was deleted")
    visitor.expect(lines.first.get_by_role("link", name="Open")).to_have_count(0)
    dialog.get_by_role("button", name="Revoke all").click()
    visitor.answer(yes=False)
    visitor.expect(lines).to_have_count(2)
    dialog.get_by_role("button", name="Revoke all").click()
    visitor.answer(yes=True)
    visitor.expect(dialog.get_by_role("status")).to_contain_text("Nothing is shared.")
    visitor.expect(lines).to_have_count(0)
    visitor.page.keyboard.press("Escape")
    visitor.page.evaluate("(id) => srpo.history.restore([id])", named(31))
    visitor.expect(visitor.find(".hist-count")).to_have_text(f"{COUNT} images")


def test_of_all_duplicates_what_is_checked_stays(visitor: Visitor) -> None:
    """The largest is proposed; another choice holds; the rest comes back with Undo."""
    described(visitor)
    dialog = listed(visitor, "Duplicates")
    groups = dialog.locator("section")
    visitor.expect(groups).to_have_count(2)
    visitor.expect(dialog.locator("p[role=status]").first).to_contain_text("2 groups")
    sunset, night = groups.nth(0), groups.nth(1)
    visitor.expect(night.locator(".duplicate")).to_have_count(3)
    visitor.expect(night.locator(".duplicate small")).to_contain_text(
        [
            re.compile("^320 × 240 WEBP.*same file$", re.S),
            "same file",
            re.compile("^160 × 120 WEBP[^f]*$"),
        ]
    )
    checks = night.get_by_role("checkbox", name="Keep")
    assert [checks.nth(n).is_checked() for n in range(3)] == [True, False, False]
    visitor.expect(dialog.get_by_role("button", name="Delete all 3 duplicates")).to_be_enabled()
    checks.nth(0).uncheck()
    act = night.locator("> button")
    visitor.expect(act).to_have_text("Check one to keep")
    visitor.expect(act).to_be_disabled()
    visitor.expect(dialog.get_by_role("button", name="Delete 1 duplicate")).to_be_enabled()
    checks.nth(1).check()
    visitor.expect(act).to_have_text("Delete the other 2")
    act.click()
    visitor.expect(groups).to_have_count(1)
    visitor.expect(dialog.locator(TOAST)).to_contain_text("2 images are in the trash.")
    visitor.expect(visitor.find(".hist-count")).to_have_text(f"{COUNT - 2} images")
    left = "(ids) => ids.filter((id) => srpo.history.state.order.includes(id))"
    ids = [named(number) for number in range(5)]
    assert visitor.page.evaluate(left, ids) == [ids[1], ids[3], ids[4]]
    dialog.locator(TOAST).get_by_role("button", name="Undo").click()
    visitor.expect(groups).to_have_count(2)
    visitor.expect(visitor.find(".hist-count")).to_have_text(f"{COUNT} images")

    dialog.get_by_role("button", name="Delete all 3 duplicates").click()
    assert "checked stays" in visitor.answer(yes=False)
    visitor.expect(groups).to_have_count(2)
    sunset.get_by_role("checkbox", name="Keep").nth(1).check()
    visitor.expect(sunset.locator("> button")).to_have_text("All are kept")
    dialog.get_by_role("button", name="Delete all 2 duplicates").click()
    visitor.answer(yes=True)
    visitor.expect(groups).to_have_count(1)
    assert visitor.page.evaluate(left, ids) == [ids[0], ids[3], ids[4]]
    dialog.locator(TOAST).get_by_role("button", name="Undo").click()
    visitor.expect(groups).to_have_count(2)


def test_the_last_of_its_kind_is_never_deleted_as_a_duplicate(visitor: Visitor) -> None:
    """Nor where the one to keep was deleted elsewhere, or in the viewer over the list."""
    described(visitor)
    dialog = listed(visitor, "Duplicates")
    groups = dialog.locator("section")
    visitor.expect(groups).to_have_count(2)
    change = "(id) => srpo.history.change('delete', [id])"
    night = groups.nth(1).locator(".small").first.get_attribute("data-entry")
    visitor.page.evaluate(change, night)  # as another tab would
    groups.nth(0).locator(".small").first.click()
    visitor.expect(visitor.find("dialog.viewer[open] .told dl")).to_have_count(1)
    visitor.page.keyboard.press("Delete")
    visitor.expect(groups).to_have_count(1)
    visitor.page.keyboard.press("Escape")
    dialog.get_by_role("button", name="Delete all 2 duplicates").click()
    visitor.answer(yes=True)
    visitor.expect(groups).to_have_count(0)
    visitor.expect(visitor.find(".hist-count")).to_have_text(f"{COUNT - 3} images")
    ids = [named(number) for number in range(5)]
    left = "(ids) => ids.filter((id) => srpo.history.state.order.includes(id))"
    assert len(visitor.page.evaluate(left, ids)) == 2
    visitor.page.evaluate("(ids) => srpo.history.restore(ids)", ids)
    visitor.expect(visitor.find(".hist-count")).to_have_text(f"{COUNT} images")


def test_a_source_in_the_trash_is_said_to_be_there_and_comes_back(visitor: Visitor) -> None:
    """Not that the image was made from a file."""
    visitor.page.evaluate("(id) => srpo.history.change('delete', [id])", named(20))
    visitor.page.evaluate("(id) => srpo.view(id)", named(21))
    kin = visitor.find("dialog.viewer[open] .kin")
    visitor.expect(kin).to_contain_text("Made from an image that is in the trash")
    visitor.expect(kin.locator("img")).to_have_js_property("naturalWidth", 192)
    visitor.expect(kin.locator("button[data-entry]")).to_have_count(0)
    kin.get_by_role("button", name="Restore").click()
    visitor.expect(kin.locator("h3")).to_have_text("Made from")
    visitor.expect(kin.locator(f"button[data-entry='{named(20)}']")).to_be_visible()


def test_where_links_are_off_no_list_of_them_is_offered(visit: Any) -> None:
    """A list that must stay empty is no help."""
    off = visit()
    off.tab("History")
    off.find(".hist-view-of").click()
    off.expect(off.find(".hist-views").get_by_role("button", name="Trash")).to_be_visible()
    off.expect(off.find(".hist-views").get_by_role("button", name="Shared links")).to_have_count(0)


@pytest.mark.skipif(not AXE, reason="AXE_JS does not name axe.min.js (npm pack axe-core)")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_everybody_can_use_the_lists(
    visit: Any, program: Playground, theme: str, size: tuple[int, int], tmp_path: Path
) -> None:
    """axe-core finds nothing in links and duplicates, and nothing is too wide."""
    visitor = arrived(visit(size=size, theme=theme, home=True, at=program))
    visitor.page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    described(visitor)
    share(visitor, 40)
    share(visitor, 41)
    dialog = listed(visitor, "Shared links")
    visitor.expect(dialog.locator(".hist-link").nth(1)).to_be_visible()
    found = violations(visitor, "links")
    assert visitor.width_beyond() <= 0
    visitor.page.screenshot(path=str(tmp_path / "links.png"))
    dialog.get_by_role("button", name="Revoke all").click()
    visitor.answer(yes=True)
    visitor.page.keyboard.press("Escape")
    visitor.expect(visitor.find(".hist-view-of")).to_be_visible()
    dialog = listed(visitor, "Duplicates")
    visitor.expect(dialog.locator("section")).to_have_count(2)
    visitor.expect(dialog.locator(".duplicate img").first).to_have_js_property("complete", True)
    found += violations(visitor, "duplicates")
    assert visitor.width_beyond() <= 0
    visitor.page.screenshot(path=str(tmp_path / "duplicates.png"))
    assert found == []
