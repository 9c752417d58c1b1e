"""The History tab: every image is there, and everything in it can be used again."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PUBLIC
from tests.browser.filled import filled
from tests.browser.visitor import IMAGE, TEXT, Visitor
from tests.end_to_end.program import Playground

THUMBS = "#history-grid button[data-entry]"


def make(visitor: Visitor, prompt: str, seed: int) -> None:
    visitor.set(f"{TEXT}-wavespeed-seed", seed)
    visitor.generate(prompt)
    visitor.shows("#stage figcaption", f"seed {seed}")


def test_pictures_are_found_starred_reused_and_deleted(visitor: Visitor) -> None:
    """Newest first; search; star; details; back into the form; deleted and restored."""
    visitor.small()
    visitor.details()
    visitor.set(f"{TEXT}-wavespeed-steps", 11)
    make(visitor, "a red house", 51)
    make(visitor, "a blue boat", 52)
    visitor.write("something else")
    visitor.tab("History")
    thumbs = visitor.find(THUMBS)
    visitor.expect(thumbs).to_have_count(2)
    visitor.expect(thumbs.first).to_have_attribute("title", "a blue boat")
    visitor.expect(thumbs.first.locator("img")).to_have_js_property("complete", True)

    visitor.set("history-search", "house")
    visitor.expect(thumbs).to_have_count(1)
    thumbs.first.click()
    details = visitor.find("#history-details")
    visitor.expect(details).to_contain_text("51")
    visitor.expect(details).to_contain_text("256 × 256")
    details.locator("summary").click()
    visitor.expect(details.locator("pre")).to_contain_text('"seed": 51')

    visitor.press("Star")
    visitor.expect(visitor.find("#history-star")).to_have_text("Unstar")
    visitor.set("history-search", "")
    visitor.expect(thumbs).to_have_count(2)
    visitor.find("#history-starred input").check()
    visitor.expect(thumbs).to_have_count(1)
    visitor.expect(thumbs.first).to_have_attribute("title", "a red house")

    visitor.press("Use all settings")
    visitor.expect(visitor.find(f"#{TEXT}-prompt textarea")).to_be_visible()
    visitor.has(f"{TEXT}-prompt", "a red house")
    visitor.has(f"{TEXT}-wavespeed-seed", 51)
    visitor.has(f"{TEXT}-wavespeed-steps", 11)

    visitor.tab("History")
    visitor.press("Delete")
    visitor.expect(thumbs).to_have_count(0)
    visitor.press("Undo")
    visitor.expect(thumbs).to_have_count(1)
    thumbs.first.click()
    visitor.expect(details).to_contain_text("51")
    visitor.press("Delete")
    visitor.expect(thumbs).to_have_count(0)
    visitor.find("#history-starred input").uncheck()
    visitor.expect(thumbs).to_have_count(1)
    visitor.expect(thumbs.first).to_have_attribute("title", "a blue boat")


def test_an_entry_gives_its_prompt_or_all_but_its_seed_or_its_picture(visitor: Visitor) -> None:
    """The three lighter ways to go on from an image."""
    visitor.small()
    make(visitor, "a red house", 61)
    visitor.write("else")
    visitor.set(f"{TEXT}-wavespeed-seed", 5)

    visitor.tab("History")
    visitor.find(THUMBS).first.click()
    visitor.press("Use prompt only")
    visitor.has(f"{TEXT}-prompt", "a red house")
    visitor.has(f"{TEXT}-wavespeed-seed", 5)

    visitor.tab("History")
    visitor.press("Use settings with a new seed")
    visitor.has(f"{TEXT}-wavespeed-seed", "")
    visitor.has(f"{TEXT}-wavespeed-width", 256)

    visitor.tab("History")
    visitor.press("Send to image-to-image")
    visitor.expect(visitor.find(f"#{IMAGE}-image img")).to_be_visible()
    visitor.has(f"{IMAGE}-prompt", "a red house")


def test_a_file_of_ours_that_is_dropped_fills_the_form(visitor: Visitor) -> None:
    """Downloaded today, dropped next year: prompt, size, steps and seed are back."""
    visitor.small()
    visitor.details()
    visitor.set(f"{TEXT}-wavespeed-steps", 9)
    make(visitor, "a red house, “quoted”\nsecond line 雪", 71)
    address = visitor.find("#stage figure img").get_attribute("src")
    visitor.write("something else")
    visitor.set(f"{TEXT}-wavespeed-seed", 1)
    visitor.set(f"{TEXT}-wavespeed-steps", 20)
    visitor.set(f"{TEXT}-wavespeed-width", 512)
    visitor.tab("Backends")
    visitor.drop("picture.jpeg", address)
    visitor.press("Read its settings")
    visitor.press("Use settings")
    visitor.expect(visitor.find(f"#{TEXT}-prompt textarea")).to_be_visible()
    visitor.has(f"{TEXT}-prompt", "a red house, “quoted”\nsecond line 雪")
    visitor.has(f"{TEXT}-wavespeed-seed", 71)
    visitor.has(f"{TEXT}-wavespeed-steps", 9)
    visitor.has(f"{TEXT}-wavespeed-width", 256)


MANY = """
() => {
  const carried = new DataTransfer();
  for (let n = 0; n < 2000; n += 1) carried.items.add(new File(['x'], `${n}.png`));
  document.body.dispatchEvent(
    new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: carried}));
}
"""


def test_thousands_of_files_at_once_get_one_sentence(visitor: Visitor) -> None:
    """No question and no upload for any of them."""
    visitor.write("keep me")
    visitor.page.evaluate(MANY)
    visitor.shows(".hist-toast", "2,000 files were dropped. Drop one image at a time")
    visitor.expect(visitor.find("dialog[open]")).to_have_count(0)
    visitor.has(f"{TEXT}-prompt", "keep me")


def test_a_file_that_tells_nothing_says_so(visitor: Visitor) -> None:
    """Dropping something else changes nothing and explains itself."""
    visitor.write("keep me")
    visitor.drop("icon.svg", "/favicon.ico")
    visitor.press("Read its settings")
    visitor.expect(
        visitor.page.get_by_text(re.compile("No generation settings found"))
    ).to_be_visible()
    visitor.has(f"{TEXT}-prompt", "keep me")


def test_a_downloaded_file_is_the_one_that_was_made(visitor: Visitor) -> None:
    """The button saves the file itself, byte for byte."""
    visitor.small()
    visitor.generate("hills")
    address = visitor.pictures().get_attribute("src")
    with visitor.page.expect_download() as saved:
        visitor.page.get_by_role("link", name="Download").first.click()
    assert saved.value.path().read_bytes() == visitor.fetch(address)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Playground]:
    """One that has 60 images."""
    filled(tmp_path / "data", 60)
    running = Playground(tmp_path, **PUBLIC)
    yield running
    running.kill()


PLACES = """() => Object.fromEntries(
  [...document.querySelectorAll('#history-grid .cell[data-entry]')].map(
    (one) => [one.dataset.entry, Math.round(one.getBoundingClientRect().top)],
  ),
)"""
SCROLL = "(pane, top) => { pane.scrollTop = top; }"


def test_the_history_keeps_its_place_and_hears_of_what_is_made(
    visit: Any, program: Playground
) -> None:
    """Choosing reflows nothing; Star, Delete and new images keep place and choice."""
    visitor: Visitor = visit(size=(1440, 600), home=True, at=program)
    visitor.tab("History")
    thumbs = visitor.find(THUMBS)
    visitor.shows(".hist-count", "60 images")
    pane = visitor.find(".hist-pane")
    pane.evaluate(SCROLL, 500)
    visitor.page.wait_for_function("document.querySelector('#history-grid .cell').dataset.entry")
    visitor.page.wait_for_timeout(300)
    before = visitor.page.evaluate(PLACES)
    chosen = next(one for one, top in before.items() if 150 < top < 420)
    thumb = visitor.find(f'#history-grid button[data-entry="{chosen}"]')
    thumb.click()
    visitor.expect(visitor.find("#history-details article")).to_have_attribute("data-entry", chosen)
    assert visitor.page.evaluate(PLACES) == before

    visitor.press("Star")
    visitor.expect(visitor.find("#history-star")).to_have_text("Unstar")
    visitor.expect(thumb.locator(".star")).to_be_visible()
    visitor.expect(visitor.find(f"{THUMBS}.chosen")).to_have_attribute("data-entry", chosen)
    assert visitor.page.evaluate(PLACES) == before

    order = visitor.page.evaluate("srpo.history.state.order")
    next_one = order[order.index(chosen) + 1]
    visitor.press("Delete")
    visitor.shows(".hist-count", "59 images")
    visitor.expect(visitor.find(f"{THUMBS}.chosen")).to_have_attribute("data-entry", next_one)
    after = visitor.page.evaluate(PLACES)
    above = {one: top for one, top in before.items() if top < before[chosen] and one in after}
    assert above
    assert above.items() <= after.items()

    # Made elsewhere while somebody looks at the middle: it comes on top, and nothing moves.
    _make(program)
    visitor.page.evaluate("srpo.history.refresh()")
    visitor.shows(".hist-count", "60 images")
    assert (
        visitor.page.evaluate(PLACES).items()
        >= {one: top for one, top in after.items() if 0 < top < 600}.items()
    )

    visitor.tab("Text to image")
    visitor.small()
    visitor.generate("a teal sea")
    visitor.tab("History")
    visitor.shows(".hist-count", "61 images")
    visitor.page.wait_for_timeout(300)
    now = visitor.page.evaluate(PLACES)
    assert {one: now.get(one) for one, top in after.items() if 0 < top < 600} == {
        one: top for one, top in after.items() if 0 < top < 600
    }
    pane.evaluate(SCROLL, 0)
    visitor.expect(thumbs.and_(visitor.find("[title='a teal sea']"))).to_be_visible()
    first = visitor.page.evaluate("srpo.history.state.order[0]")
    cell = visitor.find(f'#history-grid .cell[data-entry="{first}"]')
    visitor.expect(cell).to_have_attribute("aria-posinset", "1")
    visitor.expect(cell).to_have_css("left", "0px")


def test_a_reload_opens_where_it_was_left(visit: Any, program: Playground) -> None:
    """The same images at the same height, with the same search."""
    visitor: Visitor = visit(size=(1440, 600), home=True, at=program)
    visitor.tab("History")
    visitor.shows(".hist-count", "60 images")
    visitor.find(".hist-pane").evaluate(SCROLL, 740)
    visitor.page.wait_for_timeout(600)
    before = visitor.page.evaluate(PLACES)
    visitor.page.reload()
    visitor.page.wait_for_function("document.body.dataset.restored")
    visitor.tab("History")
    visitor.shows(".hist-count", "60 images")
    visitor.page.wait_for_timeout(600)
    seen = {one: top for one, top in before.items() if 0 < top < 600}
    assert len(seen) >= 6
    assert seen.items() <= visitor.page.evaluate(PLACES).items()


def test_only_what_is_visible_is_in_the_page_and_keys_lead_through_all(
    visit: Any, program: Playground
) -> None:
    """Arrows, pages, Home and End; the focus stays with its image, whatever is drawn anew."""
    visitor: Visitor = visit(size=(1440, 500), home=True, at=program)
    visitor.tab("History")
    visitor.shows(".hist-count", "60 images")
    drawn = visitor.find("#history-grid .cell")
    assert drawn.count() < 45
    order = visitor.page.evaluate("srpo.history.state.order")
    focused = "document.activeElement.dataset.entry"
    columns = visitor.page.evaluate("srpo.history.state.columns")
    visitor.find("#history-search input").focus()
    visitor.page.keyboard.press("ArrowDown")
    for key, place in (
        ("ArrowRight", 1),
        ("ArrowDown", 1 + columns),
        ("ArrowLeft", columns),
        ("ArrowUp", 0),
        ("End", 59),
        ("ArrowRight", 59),
        ("Home", 0),
    ):
        visitor.page.keyboard.press(key)
        assert visitor.page.evaluate(focused) == order[place], key
    visitor.page.keyboard.press("PageDown")
    place = order.index(visitor.page.evaluate(focused))
    assert place >= columns
    assert place % columns == 0
    box = visitor.page.evaluate("document.activeElement.getBoundingClientRect().toJSON()")
    assert box["top"] >= 0
    assert box["bottom"] <= 500
    visitor.find(".hist-pane").evaluate(SCROLL, 1000)
    visitor.page.wait_for_timeout(300)
    assert visitor.page.evaluate(focused) == order[place]
    last = visitor.find("#history-grid .cell[aria-posinset='60']")
    visitor.expect(last).to_have_attribute("aria-setsize", "60")
    visitor.page.keyboard.press("PageUp")
    assert order.index(visitor.page.evaluate(focused)) < place


def test_an_image_whose_file_is_gone_says_so_and_the_rest_works(
    visit: Any, program: Playground
) -> None:
    """A file that was deleted behind the program's back takes nothing else with it."""
    for file in sorted((program.data / "thumbnails").rglob("*.webp"))[:1]:
        file.unlink()
    visitor: Visitor = visit(home=True, at=program)
    visitor.tab("History")
    visitor.shows(".hist-count", "60 images")
    visitor.find(".hist-pane").evaluate(SCROLL, 9999)
    visitor.expect(visitor.find("#history-grid .lost-of")).to_have_text(["The file is gone"])
    visitor.find(".hist-pane").evaluate(SCROLL, 0)
    visitor.find(THUMBS).first.click()
    visitor.expect(visitor.find("#history-details article")).to_be_visible()


def _make(program: Playground) -> None:
    """Make an image by a script, as whoever sits at this machine."""
    client = program.client()
    before = len(client.predict(limit=500, api_name="/history"))
    wish = {"prompt": "hills", "width": 256, "height": 256, "seed": 3}
    client.predict("text-to-image", "wavespeed", wish, api_name="/submit")
    end = time.monotonic() + 60
    while len(client.predict(limit=500, api_name="/history")) == before:
        assert time.monotonic() < end, "it is not made"
