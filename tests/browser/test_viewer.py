"""The viewer over the page: from one image to the next, closer, beside its source, and back."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.visitor import IMAGE, TEXT, Visitor
from tests.fakes import picture

VIEWER = "dialog.viewer[open]"
PLACE = """() => {
  const sheet = document.querySelector('dialog.viewer .sheet').getBoundingClientRect();
  return [sheet.left, sheet.top, sheet.width];
}"""


def made(visitor: Visitor, prompt: str, count: int) -> None:
    visitor.set(f"{TEXT}-pictures", count)
    visitor.generate(prompt)
    visitor.pictures(count=count)


def opened(visitor: Visitor) -> Any:
    """Open the first image of the history in the viewer, by the keyboard alone."""
    visitor.tab("History")
    thumb = visitor.find("#history-grid .thumb").first
    thumb.focus()
    thumb.press("Enter")
    visitor.expect(thumb).to_have_class("thumb chosen")
    thumb.press("Enter")
    viewer = visitor.find(VIEWER)
    visitor.expect(viewer.locator(".told")).to_contain_text("Asked")
    return viewer


def test_arrows_lead_through_the_images_and_esc_back(visitor: Visitor) -> None:
    """The keyboard stays in the viewer, and nothing of the page behind it hears the keys."""
    visitor.small()
    made(visitor, "a red house", 3)
    viewer = opened(visitor)
    count = viewer.locator(".count")
    visitor.expect(count).to_have_text("1 / 3")
    visitor.page.keyboard.press("ArrowRight")
    visitor.expect(count).to_have_text("2 / 3")
    visitor.expect(viewer.locator("img.result")).to_have_js_property("naturalWidth", 256)
    visitor.page.keyboard.press("ArrowRight")
    visitor.page.keyboard.press("ArrowRight")
    visitor.expect(count).to_have_text("3 / 3")
    visitor.expect(viewer.locator("[data-v=on]")).to_be_disabled()
    for _ in range(24):
        visitor.page.keyboard.press("Tab")
        # Past the last one a browser leaves the page for its own bar, and comes back to it.
        inside = (
            "document.activeElement === document.body || document.activeElement.closest('dialog')"
        )
        assert visitor.page.evaluate(f"Boolean({inside})")
    visitor.page.keyboard.press("Control+Enter")
    viewer.locator(".view").focus()
    visitor.page.keyboard.press("Escape")
    visitor.expect(visitor.find(VIEWER)).to_have_count(0)
    visitor.expect(visitor.find("#history-grid .thumb")).to_have_count(3)
    focused = "document.activeElement.className"
    assert visitor.page.evaluate(focused) == "thumb chosen"


def test_one_pixel_of_the_image_is_one_of_the_screen_and_it_can_be_moved(visitor: Visitor) -> None:
    """At 1:1 a large image is moved by arrows and by the pointer; fitted it lies in the middle."""
    visitor.custom()
    for side in ("width", "height"):
        visitor.set(f"{TEXT}-wavespeed-{side}", 1536)
    visitor.generate("hills")
    visitor.pictures()
    viewer = opened(visitor)
    left, _top, wide = visitor.page.evaluate(PLACE)
    assert wide < 900
    visitor.page.keyboard.press("z")
    visitor.page.wait_for_function(
        "document.querySelector('.viewer .sheet').style.width === '1536px'"
    )
    before = visitor.page.evaluate(PLACE)
    visitor.page.keyboard.press("ArrowRight")
    after = visitor.page.evaluate(PLACE)
    assert after[0] == before[0] - 80
    box = viewer.locator(".view").bounding_box()
    assert box
    visitor.page.mouse.move(box["x"] + 300, box["y"] + 300)
    visitor.page.mouse.down()
    visitor.page.mouse.move(box["x"] + 350, box["y"] + 330, steps=4)
    visitor.page.mouse.up()
    moved = visitor.page.evaluate(PLACE)
    assert (moved[0] - after[0], moved[1] - after[1]) == (50, 30)
    visitor.page.keyboard.press("z")
    assert visitor.page.evaluate(PLACE)[0] == pytest.approx(left, abs=1)
    visitor.page.mouse.wheel(0, -400)
    visitor.page.wait_for_function(
        f"document.querySelector('.viewer .sheet').offsetWidth > {wide} * 1.5"
    )


def test_an_image_is_compared_with_its_source(visitor: Visitor) -> None:
    """The slider uncovers the source over the result, with the keyboard too."""
    visitor.tab("Image to image")
    visitor.upload({"name": "sky.png", "mimeType": "image/png", "buffer": picture(7, 320, 256)})
    visitor.shows("#stage", "appears here")
    visitor.write("a red house", IMAGE)
    visitor.expect(visitor.page.get_by_text("320 × 256. The result has this size.")).to_be_visible()
    visitor.generate(task=IMAGE)
    visitor.pictures(IMAGE)
    visitor.find("#stage .open").click()
    viewer = visitor.find(VIEWER)
    compare = viewer.get_by_role("button", name="Compare")
    visitor.expect(compare).to_be_visible()
    visitor.expect(viewer.locator(".view")).to_be_focused()
    visitor.page.keyboard.press("c")
    source = viewer.locator("img.source")
    visitor.expect(source).to_have_js_property("naturalWidth", 320)
    slider = viewer.get_by_role("slider")
    visitor.expect(slider).to_be_focused()
    slider.press("ArrowRight")
    visitor.expect(slider).to_have_value("51")
    clipped = "getComputedStyle(document.querySelector('.viewer .before')).clipPath"
    assert "49%" in visitor.page.evaluate(clipped).replace("calc(100% - 51%)", "49%")
    compare.click()
    visitor.expect(viewer.locator(".before")).to_be_hidden()


def test_what_can_be_done_with_an_image_is_done_from_the_viewer(visitor: Visitor) -> None:
    """Star, settings, prompt, source, delete: the page and the history follow."""
    visitor.small()
    made(visitor, "a red house", 2)
    visitor.write("something else")
    viewer = opened(visitor)
    star = viewer.get_by_role("button", name="Star")
    star.click()
    visitor.expect(star).to_have_attribute("aria-pressed", "true")
    visitor.expect(visitor.find("#history-grid .thumb .star")).to_have_count(1)
    with visitor.page.expect_download() as saved:
        viewer.get_by_role("link", name="Download").click()
    file: Path = saved.value.path()
    assert file.read_bytes() == visitor.fetch(
        viewer.locator("img.result").get_attribute("src") or ""
    )
    viewer.get_by_role("button", name="Use settings", exact=True).click()
    visitor.expect(visitor.find(VIEWER)).to_have_count(0)
    visitor.has(f"{TEXT}-prompt", "a red house")
    visitor.has(f"{TEXT}-wavespeed-width", 256)
    opened_again = _again(visitor)
    opened_again.get_by_role("button", name="Delete", exact=True).click()
    visitor.shows(".hist-toast", "in the trash")
    visitor.expect(visitor.find(f"{VIEWER} .told")).to_contain_text("Asked")
    visitor.expect(visitor.find("#history-grid .thumb")).to_have_count(1)
    visitor.find(VIEWER).get_by_role("button", name="Use as source").click()
    visitor.expect(visitor.find(f"#{IMAGE}-image img")).to_be_visible()
    visitor.has(f"{IMAGE}-prompt", "a red house")


def _again(visitor: Visitor) -> Any:
    visitor.tab("History")
    visitor.find("#history-grid .thumb.chosen").click()
    viewer = visitor.find(VIEWER)
    visitor.expect(viewer.locator(".told")).to_contain_text("Asked")
    return viewer


def test_a_flagged_image_says_so_and_is_blurred_until_it_is_asked_for(visitor: Visitor) -> None:
    """In the result, in the history and in the viewer."""
    visitor.small()
    visitor.generate("fault:run_flagged|a red house")
    figure = visitor.find("#stage figure[data-entry]")
    visitor.expect(figure).to_contain_text("Flagged by the service's safety check")
    visitor.expect(figure.locator("img")).to_have_css("filter", "blur(24px)")
    visitor.tab("History")
    thumb = visitor.find("#history-grid .thumb")
    visitor.expect(thumb).to_contain_text("flagged")
    visitor.expect(thumb.locator("img")).to_have_css("filter", "blur(24px)")
    viewer = opened(visitor)
    visitor.expect(viewer.locator(".told")).to_contain_text("safety check flagged this image")
    visitor.expect(viewer.locator("img.result")).to_have_css("filter", "blur(24px)")
    viewer.get_by_role("button", name="Flagged").click()
    visitor.expect(viewer.locator("img.result")).to_have_css("filter", "blur(0px)")
    visitor.expect(viewer.locator(".reveal")).to_be_hidden()
    visitor.expect(figure.locator("img")).to_have_css("filter", "blur(0px)")


def test_an_image_is_made_larger_for_nothing_or_made_again(visitor: Visitor) -> None:
    """Each way says what it is and costs before it is pressed, and the result beside its source."""
    visitor.small()
    made(visitor, "a red house", 1)
    viewer = opened(visitor)
    viewer.get_by_text("Enlarge", exact=True).click()
    twice = viewer.get_by_role("button", name="2 × by Lanczos, free")
    visitor.expect(twice).to_have_accessible_description(
        "512 × 512 pixels, resampled on this server. No AI model: there will be no more detail."
    )
    again = viewer.get_by_role("button", name="Refine at 1536 × 1536: WaveSpeed")
    visitor.expect(again).to_contain_text("free")
    visitor.expect(again).to_have_accessible_description(re.compile("Not an upscaler"))
    _is_accessible(visitor)
    twice.click()
    visitor.expect(viewer.locator(".count")).to_have_text("1 / 2")
    visitor.expect(viewer.locator(".told")).to_contain_text("by Lanczos resampling, not by an AI")
    visitor.expect(viewer.locator("img.result")).to_have_js_property("naturalWidth", 512)
    visitor.expect(viewer.locator("img.source")).to_have_js_property("naturalWidth", 256)
    visitor.expect(viewer.get_by_role("slider")).to_be_visible()
    visitor.expect(visitor.find("#history-grid .thumb")).to_have_count(2)
    visitor.page.keyboard.press("PageDown")
    visitor.expect(viewer.locator(".count")).to_have_text("2 / 2")
    again.click()
    visitor.expect(visitor.find(VIEWER)).to_have_count(0)
    visitor.pictures(IMAGE, count=2)
    assert "1536 × 1536" in visitor.latest()


def _is_accessible(visitor: Visitor) -> None:
    """Ask axe-core about the viewer, where it is here."""
    if script := os.environ.get("AXE_JS"):
        visitor.page.add_script_tag(path=script)
        found = visitor.page.evaluate(
            "async () => (await axe.run('dialog.viewer', {runOnly: ['wcag2a', 'wcag2aa']}))"
            ".violations.map(one => one.id + ': ' + one.nodes[0].html)"
        )
        assert found == []
