"""Many images of the history at once: filters, collections, selection, trash, downloads."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PUBLIC
from tests.browser.filled import filled
from tests.browser.test_everywhere import DESKTOP, PHONE, violations
from tests.browser.visitor import Visitor
from tests.end_to_end.program import Playground

AXE = os.environ.get("AXE_JS", "")
THUMBS = "#history-grid .thumb"
TOAST = ".hist-toast"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """One with 250 images of two backends, every tenth of them a portrait."""
    folder = tmp_path_factory.mktemp("many")
    filled(
        folder / "data",
        250,
        backend=lambda n: "fal" if n % 5 == 0 else "wavespeed",
        height=lambda n: 512 if n % 10 == 0 else 256,
        prompt=lambda n: f"a {'red boat' if n % 2 else 'green hill'} {n}",
    )
    running = Playground(folder, **PUBLIC)
    yield running
    running.kill()


@pytest.fixture
def visitor(visit: Any, program: Playground) -> Visitor:
    visitor: Visitor = visit(home=True, at=program)
    visitor.tab("History")
    visitor.expect(visitor.find(THUMBS).first).to_be_visible()
    return visitor


def count(visitor: Visitor, number: int) -> None:
    visitor.expect(visitor.find(".hist-count")).to_have_text(
        f"{number} images" if number > 1 else "1 image" if number else ""
    )


def view(visitor: Visitor, name: str) -> None:
    visitor.find(".hist-view-of").click()
    visitor.find(".hist-views").get_by_role("button", name=name).first.click()


def test_filters_combine_are_seen_as_chips_and_can_be_saved(visitor: Visitor) -> None:
    """Words and facts together; a chip takes one back; a saved filter brings all again."""
    count(visitor, 250)
    visitor.find("#history-search input").fill("hill -120")
    count(visitor, 124)
    visitor.find(".hist-filters-of").click()
    visitor.find(".hist-filters [name=backend] option").nth(3).wait_for(state="attached")
    visitor.find(".hist-filters [name=backend]").select_option("fal")
    count(visitor, 24)
    visitor.find(".hist-filters [name=shape]").select_option("portrait")
    count(visitor, 24)
    visitor.find(".hist-filters [name=shape]").select_option("square")
    count(visitor, 0)
    visitor.shows("#history-grid .note", "No image matches")
    visitor.find(".hist-filters [name=shape]").select_option("portrait")
    visitor.find(".hist-filters [name=title]").fill("Hills of fal")
    visitor.press("Save filter")
    visitor.expect(visitor.find(".hist-filters .saved .hist-chip")).to_have_count(1)
    visitor.press("Clear all")
    count(visitor, 250)
    visitor.press("Hills of fal")
    count(visitor, 24)
    visitor.press("Show")
    visitor.expect(visitor.find(".hist-filters")).to_be_hidden()
    chips = visitor.find(".hist-chips .hist-chip")
    visitor.expect(chips).to_have_count(3)
    chips.filter(has_text="hill").get_by_role("button").click()
    count(visitor, 25)
    visitor.find(".hist-sort select").select_option("oldest")
    visitor.expect(visitor.find(f"{THUMBS}[title='a green hill 0']")).to_be_visible()
    visitor.find(".hist-sort select").select_option("")
    visitor.find("#history-search input").fill("x" * 10_000)
    visitor.expect(visitor.find("#history-grid .note")).to_be_visible()
    visitor.press("Clear all")
    count(visitor, 250)


def test_a_range_goes_to_a_collection_and_all_of_it_to_the_trash_and_back(
    visitor: Visitor,
) -> None:
    """By pointer: click, Ctrl, Shift, select all; progress; undo; for good only with a yes."""
    thumbs = visitor.find(THUMBS)
    thumbs.nth(2).click(modifiers=["Control"])
    thumbs.nth(9).click(modifiers=["Shift"])
    visitor.shows(".hist-selection b", "8 selected")
    visitor.find("[data-act=collect]").click()
    visitor.find(".hist-above input").fill("Boats")
    visitor.find(".hist-above [type=submit]").click()
    visitor.shows(TOAST, "8 images added to “Boats”")
    visitor.find("[data-act=tag]").click()
    visitor.find(".hist-above input").fill("Sea")
    visitor.page.keyboard.press("Enter")
    visitor.shows(TOAST, "8 images tagged “Sea”")
    view(visitor, "Boats")
    count(visitor, 8)
    visitor.expect(visitor.find(".hist-selection")).to_be_hidden()
    thumbs.first.locator("xpath=..").locator(".tick").click(force=True)
    visitor.press("Take out")
    count(visitor, 7)

    view(visitor, "All images")
    count(visitor, 250)
    visitor.find("#history-search input").fill("boat")
    count(visitor, 125)
    thumbs.first.click(modifiers=["Control"])
    visitor.press("Select all 125")
    visitor.shows(".hist-selection b", "125 selected")
    visitor.find(".hist-selection [data-act=delete]").click()
    visitor.shows(TOAST, "125 images are in the trash")
    count(visitor, 0)
    visitor.press("Undo")
    visitor.shows(TOAST, "125 images are back")
    count(visitor, 125)

    thumbs.nth(1).click(modifiers=["Control"])
    visitor.page.keyboard.press("Delete")
    count(visitor, 124)
    view(visitor, "Trash")
    count(visitor, 1)
    visitor.press("Empty the trash")
    assert "cannot be undone" in visitor.answer(yes=False)
    count(visitor, 1)
    thumbs.first.click()
    visitor.find(".hist-selection [data-act=erase]").click()
    visitor.answer(yes=True)
    visitor.shows("#history-grid .note", "The trash is empty")
    view(visitor, "All images")
    count(visitor, 249)


def test_a_selection_is_made_and_downloaded_by_the_keyboard_alone(visitor: Visitor) -> None:
    """Arrows, Space, Shift; the download has what was wished for; a wrong wish is told."""
    keys = visitor.page.keyboard
    visitor.find("#history-search input").focus()
    keys.press("ArrowDown")
    keys.press("Space")
    keys.press("ArrowRight")
    visitor.shows(".hist-selection b", "1 selected")
    keys.press("Shift+ArrowRight")
    visitor.shows(".hist-selection b", "3 selected")
    visitor.page.wait_for_function("srpo.history.state.whole")
    order = visitor.page.evaluate("srpo.history.state.order")
    assert visitor.page.evaluate("document.activeElement.dataset.entry") == order[2]
    visitor.find("[data-act=download]").focus()
    keys.press("Enter")
    dialog = visitor.find("dialog.hist-download[open]")
    visitor.expect(dialog).to_contain_text("Download 3 images")
    dialog.locator("[name=template]").fill("{owner}")
    keys.press("Enter")
    visitor.expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.locator("[name=template]").fill("{seed}")
    dialog.locator("[name=profile]").select_option("clean")
    with visitor.page.expect_download() as saved:
        keys.press("Enter")
    path: Path = saved.value.path()
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".webp")]
        assert sorted(names) == sorted(f"{int(one, 16)}.webp" for one in order[:3])
    visitor.expect(dialog).to_have_count(0)
    visitor.find(THUMBS).first.focus()
    keys.press("Control+a")
    visitor.shows(".hist-selection b", f"{len(order)} selected")
    keys.press("Escape")
    visitor.expect(visitor.find(".hist-selection")).to_be_hidden()


@pytest.mark.skipif(not AXE, reason="AXE_JS does not name axe.min.js (npm pack axe-core)")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_everybody_can_use_the_history(
    visit: Any, program: Playground, theme: str, size: tuple[int, int]
) -> None:
    """axe-core finds nothing in filters, views, selection and download, and nothing is too wide."""
    visitor: Visitor = visit(size=size, theme=theme, home=True, at=program)
    visitor.page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    visitor.tab("History")
    visitor.expect(visitor.find(THUMBS).first).to_be_visible()
    visitor.find("#history-search input").fill("boat")
    found = violations(visitor, "grid")
    visitor.find(".hist-filters-of").click()
    visitor.find(".hist-filters [name=backend] option").nth(3).wait_for(state="attached")
    found += violations(visitor, "filters")
    assert visitor.width_beyond() <= 0
    visitor.page.keyboard.press("Escape")
    visitor.expect(visitor.find(".hist-filters-of")).to_be_focused()
    visitor.find(".hist-view-of").click()
    visitor.expect(visitor.find(".hist-views").get_by_role("button", name="Trash")).to_be_visible()
    found += violations(visitor, "views")
    visitor.page.keyboard.press("Escape")
    visitor.find(THUMBS).first.click(modifiers=["Control"])
    visitor.find("[data-act=collect]").click()
    found += violations(visitor, "selection")
    visitor.page.keyboard.press("Escape")
    visitor.find("[data-act=download]").click()
    found += violations(visitor, "download")
    assert visitor.width_beyond() <= 0
    visitor.page.keyboard.press("Escape")
    assert found == []
