"""Making images: write, watch, cancel, four at once; nothing typed is lost."""

from __future__ import annotations

import re

from tests.browser.visitor import TEXT, Visitor

STUCK = "fault:run_stuck|a red house"
"""A prompt whose job never ends, so that a test can look at it in peace."""


def test_a_prompt_becomes_a_picture(visitor: Visitor) -> None:
    """Ctrl+Enter shows progress at once, then the image with its size, seed, time and price."""
    visitor.small()
    visitor.set(f"{TEXT}-wavespeed-seed", 41)
    visitor.write("a red house on green hills")
    visitor.page.keyboard.press("Control+Enter")
    visitor.expect(visitor.find("#live [data-state]")).to_be_visible(timeout=3000)
    picture = visitor.pictures()
    visitor.expect(picture).to_have_js_property("naturalWidth", 256)
    assert re.fullmatch(r"256 × 256 · seed 41 · \d+\.\d s · free · sandbox", visitor.said())
    visitor.expect(visitor.find(f"#{TEXT}-generate")).to_have_text("Generate · free")
    visitor.expect(visitor.find(f"#{TEXT}-generate")).to_be_enabled()


def test_cancel_says_that_nothing_was_spent_and_escape_cancels_nothing(visitor: Visitor) -> None:
    """The button stops the job and tells the truth about the money; a key alone never does."""
    running = visitor.find("#live [data-state=running]")
    visitor.generate(STUCK)
    visitor.expect(running).to_be_visible()
    visitor.page.keyboard.press("Escape")
    visitor.find(f"#{TEXT}-backend input").click()
    visitor.page.keyboard.press("Escape")
    visitor.page.wait_for_timeout(300)
    visitor.expect(running).to_be_visible()
    visitor.find("#live .cancel").click()
    visitor.shows("#queue", "nothing was spent")
    visitor.expect(visitor.find("#live .cancel")).to_be_hidden()
    visitor.expect(visitor.find(f"#{TEXT}-generate")).to_be_enabled()


def test_the_picture_before_stays_while_the_next_is_made(visitor: Visitor) -> None:
    """Nobody looks at an empty place while waiting."""
    visitor.small()
    visitor.generate("hills")
    before = visitor.pictures().get_attribute("src")
    visitor.generate(STUCK)
    visitor.expect(visitor.find("#live [data-state=running]")).to_be_visible()
    assert visitor.pictures().get_attribute("src") == before
    visitor.find("#live .cancel").click()
    visitor.shows("#queue", "nothing was spent")


def test_four_pictures_have_seeds_that_count_up(visitor: Visitor) -> None:
    """One click, four jobs, each with a seed of its own."""
    visitor.small()
    visitor.set(f"{TEXT}-wavespeed-seed", 7)
    visitor.set(f"{TEXT}-pictures", 4)
    visitor.generate("a boat on the sea")
    visitor.pictures(count=4)
    captions = visitor.find("#shots .facts").all_text_contents()
    seeds = [int(re.search(r"seed (\d+)", caption)[1]) for caption in captions]  # type: ignore[index]
    assert seeds == [7, 8, 9, 10]


def test_a_bad_wish_is_answered_where_it_was_made(visitor: Visitor) -> None:
    """An empty prompt is said at the prompt, a service's refusal in the status."""
    visitor.generate()
    visitor.expect(visitor.page.get_by_role("alert")).to_have_text(re.compile("prompt is empty"))
    visitor.generate("fault:submit_402|a boat")
    visitor.shows("#live .troubles", "has no credit left")
    visitor.expect(visitor.find(f"#{TEXT}-generate")).to_be_enabled()
    visitor.expect(visitor.page.get_by_text("prompt is empty")).to_have_count(0)


def test_a_batch_can_be_repeated_as_a_whole(visitor: Visitor) -> None:
    """Its first seed and its number of images come back with one click; an empty field draws."""
    visitor.small()
    visitor.has(f"{TEXT}-wavespeed-seed", "")
    visitor.press("More images")
    visitor.generate("hills")
    visitor.pictures(count=2)
    seed = re.search(r"seed (\d+)", visitor.latest())[1]  # type: ignore[index]
    visitor.press("Fewer images")
    visitor.press("Reuse last")
    visitor.has(f"{TEXT}-wavespeed-seed", seed)
    visitor.has(f"{TEXT}-pictures", 2)
    visitor.press("New seed")
    box = visitor.find(f"#{TEXT}-wavespeed-seed input")
    visitor.expect(box).to_have_value(re.compile(r"\d+"))
    visitor.expect(box).not_to_have_value(seed)


def test_sizes_come_from_chips_swap_and_keep_their_ratio(visitor: Visitor) -> None:
    """A chip sets both numbers; others are typed, swapped, held to a ratio and to what is legal."""
    width, height = f"{TEXT}-wavespeed-width", f"{TEXT}-wavespeed-height"
    chips = visitor.find(f"#{TEXT}-wavespeed-ratio")
    chips.get_by_text("4:3").click()
    visitor.expect(chips).to_contain_text("1152 × 864")
    visitor.custom()
    visitor.has(width, 1152)
    visitor.has(height, 864)
    visitor.press("Swap")
    visitor.has(width, 864)
    visitor.has(height, 1152)
    visitor.page.get_by_label("Keep ratio").and_(visitor.find(":visible")).check()
    visitor.set(width, 384)
    visitor.has(height, 512)
    visitor.page.get_by_label("Keep ratio").and_(visitor.find(":visible")).uncheck()
    visitor.set(width, 9999)
    visitor.has(width, 1536)


def test_an_example_fills_the_form_with_what_made_it(visitor: Visitor) -> None:
    """Its words, its backend and its settings: the same image can be had at once."""
    example = visitor.find("#stage .starts button").first
    example.click()
    visitor.has(f"{TEXT}-prompt", example.get_attribute("data-prompt"))
    visitor.has(f"{TEXT}-backend", "Miniature")
    visitor.details()
    assert int(visitor.value(f"{TEXT}-miniature-seed")) >= 0
