"""The History tab: every picture is there, and everything in it can be used again."""

from __future__ import annotations

import re

from tests.browser.visitor import IMAGE, TEXT, Visitor

THUMBS = "#history-grid button[data-entry]"


def make(visitor: Visitor, prompt: str, seed: int) -> None:
    visitor.set(f"{TEXT}-wavespeed-seed", seed)
    visitor.generate(prompt)
    visitor.shows(f"#{TEXT}-stage figcaption", f"seed {seed}")


def test_pictures_are_found_starred_reused_and_deleted(visitor: Visitor) -> None:
    """Newest first; search; star; details; back into the form; gone for good."""
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
    visitor.page.once("dialog", lambda dialog: dialog.dismiss())
    visitor.press("Delete")
    visitor.expect(thumbs).to_have_count(1)
    visitor.page.once("dialog", lambda dialog: dialog.accept())
    visitor.press("Delete")
    visitor.expect(thumbs).to_have_count(0)
    visitor.find("#history-starred input").uncheck()
    visitor.expect(thumbs).to_have_count(1)
    visitor.expect(thumbs.first).to_have_attribute("title", "a blue boat")


def test_an_entry_gives_its_prompt_or_all_but_its_seed_or_its_picture(visitor: Visitor) -> None:
    """The three lighter ways to go on from a picture."""
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
    visitor.press("Use settings, new seed")
    visitor.has(f"{TEXT}-wavespeed-seed", -1)
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
    address = visitor.find(f"#{TEXT}-stage figure img").get_attribute("src")
    visitor.write("something else")
    visitor.set(f"{TEXT}-wavespeed-seed", 1)
    visitor.set(f"{TEXT}-wavespeed-steps", 20)
    visitor.set(f"{TEXT}-wavespeed-width", 512)
    visitor.tab("Backends")
    visitor.drop("picture.jpeg", address)
    visitor.expect(visitor.find(f"#{TEXT}-prompt textarea")).to_be_visible()
    visitor.has(f"{TEXT}-prompt", "a red house, “quoted”\nsecond line 雪")
    visitor.has(f"{TEXT}-wavespeed-seed", 71)
    visitor.has(f"{TEXT}-wavespeed-steps", 9)
    visitor.has(f"{TEXT}-wavespeed-width", 256)


def test_a_file_that_tells_nothing_says_so(visitor: Visitor) -> None:
    """Dropping something else changes nothing and explains itself."""
    visitor.write("keep me")
    visitor.drop("icon.svg", "/favicon.ico")
    visitor.expect(visitor.page.get_by_text(re.compile("nothing to restore"))).to_be_visible()
    visitor.has(f"{TEXT}-prompt", "keep me")


def test_a_downloaded_file_is_the_one_that_was_made(visitor: Visitor) -> None:
    """The button saves the file itself, byte for byte."""
    visitor.small()
    visitor.generate("hills")
    address = visitor.pictures().get_attribute("src")
    with visitor.page.expect_download() as saved:
        visitor.page.get_by_role("link", name="Download").first.click()
    assert saved.value.path().read_bytes() == visitor.fetch(address)
