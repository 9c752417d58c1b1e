"""Making pictures: write, watch, cancel, four at once; nothing typed is lost."""

from __future__ import annotations

import re

from tests.browser.visitor import TEXT, Visitor

STUCK = "fault:run_stuck|a red house"
"""A prompt whose job never ends, so that a test can look at it in peace."""


def test_a_prompt_becomes_a_picture(visitor: Visitor) -> None:
    """Ctrl+Enter shows progress at once, then the picture with its size, seed, time and price."""
    visitor.small()
    visitor.set(f"{TEXT}-wavespeed-seed", 41)
    visitor.write("a red house on green hills")
    visitor.page.keyboard.press("Control+Enter")
    visitor.expect(visitor.find(f"#{TEXT}-status [data-state]")).to_be_visible(timeout=3000)
    picture = visitor.pictures()
    visitor.expect(picture).to_have_js_property("naturalWidth", 256)
    assert re.fullmatch(r"256 × 256 · seed 41 · \d+\.\d s · free · sandbox", visitor.said())
    visitor.expect(visitor.find(f"#{TEXT}-generate")).to_have_text("Generate · free")
    visitor.expect(visitor.find(f"#{TEXT}-generate")).to_be_enabled()


def test_cancel_and_escape_say_that_nothing_was_spent(visitor: Visitor) -> None:
    """The button and the key both stop the job, and both tell the truth about the money."""
    for stop in ("button", "key"):
        visitor.generate(STUCK)
        visitor.expect(visitor.find(f"#{TEXT}-status [data-state=running]")).to_be_visible()
        if stop == "button":
            visitor.find(f"#{TEXT}-cancel").click()
        else:
            visitor.page.keyboard.press("Escape")
        visitor.shows(f"#{TEXT}-status", "nothing was spent")
        visitor.expect(visitor.find(f"#{TEXT}-cancel")).to_be_hidden()
        visitor.expect(visitor.find(f"#{TEXT}-generate")).to_be_enabled()


def test_the_picture_before_stays_while_the_next_is_made(visitor: Visitor) -> None:
    """Nobody looks at an empty place while waiting."""
    visitor.small()
    visitor.generate("hills")
    before = visitor.pictures().get_attribute("src")
    visitor.generate(STUCK)
    visitor.expect(visitor.find(f"#{TEXT}-status [data-state=running]")).to_be_visible()
    assert visitor.pictures().get_attribute("src") == before
    visitor.find(f"#{TEXT}-cancel").click()
    visitor.shows(f"#{TEXT}-status", "nothing was spent")


def test_four_pictures_have_seeds_that_count_up(visitor: Visitor) -> None:
    """One click, four jobs, each with a seed of its own."""
    visitor.small()
    visitor.set(f"{TEXT}-wavespeed-seed", 7)
    visitor.set(f"{TEXT}-pictures", 4)
    visitor.generate("a boat on the sea")
    visitor.pictures(count=4)
    captions = visitor.find(f"#{TEXT}-stage figcaption").all_inner_texts()
    seeds = [int(re.search(r"seed (\d+)", caption)[1]) for caption in captions]  # type: ignore[index]
    assert seeds == [7, 8, 9, 10]


def test_a_bad_wish_is_answered_where_it_was_made(visitor: Visitor) -> None:
    """An empty prompt is said at the prompt, a service's refusal in the status."""
    visitor.generate()
    visitor.expect(visitor.page.get_by_role("alert")).to_have_text(re.compile("prompt is empty"))
    visitor.generate("fault:submit_402|a boat")
    visitor.shows(f"#{TEXT}-status", "has no credit left")
    visitor.expect(visitor.find(f"#{TEXT}-generate")).to_be_enabled()
    visitor.expect(visitor.page.get_by_text("prompt is empty")).to_have_count(0)


def test_reuse_last_brings_the_drawn_seed_back(visitor: Visitor) -> None:
    """The seed that was drawn can be used again with one click, and given up with another."""
    visitor.small()
    visitor.generate("hills")
    visitor.pictures()
    seed = re.search(r"seed (\d+)", visitor.said())[1]  # type: ignore[index]
    visitor.press("Reuse last")
    visitor.has(f"{TEXT}-wavespeed-seed", seed)
    visitor.press("Random")
    visitor.has(f"{TEXT}-wavespeed-seed", -1)


def test_sizes_come_from_presets_swap_and_keep_their_ratio(visitor: Visitor) -> None:
    """Two numbers that are set together."""
    width, height = f"{TEXT}-wavespeed-width", f"{TEXT}-wavespeed-height"
    visitor.choose(f"{TEXT}-wavespeed-preset", "Landscape 1024 × 768")
    visitor.has(width, 1024)
    visitor.has(height, 768)
    visitor.press("Swap")
    visitor.has(width, 768)
    visitor.has(height, 1024)
    visitor.page.get_by_label("Keep ratio").and_(visitor.find(":visible")).check()
    visitor.set(width, 384)
    visitor.has(height, 512)


def test_an_example_becomes_the_prompt(visitor: Visitor) -> None:
    """A click on one of the pictures below is a start."""
    example = visitor.page.locator("button[data-prompt]").and_(visitor.find(":visible")).first
    example.click()
    visitor.has(f"{TEXT}-prompt", example.get_attribute("data-prompt"))
