"""Starting from an image: uploaded, sent over from the other tab, or not an image at all."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.visitor import IMAGE, Visitor
from tests.fakes import picture


def file(data: bytes, name: str = "start.png") -> dict[str, Any]:
    return {"name": name, "mimeType": "image/png", "buffer": data}


def test_an_uploaded_picture_is_changed(visitor: Visitor) -> None:
    """Upload, say what it should become, and the result has the size of the upload."""
    visitor.tab("Image to image")
    visitor.upload(file(picture(200, 320, 256)))
    visitor.expect(visitor.page.get_by_text("320 × 256. The result has this size")).to_be_visible()
    visitor.generate("a boat on the sea", IMAGE)
    visitor.expect(visitor.pictures(IMAGE)).to_have_js_property("naturalWidth", 320)
    assert visitor.said(IMAGE).startswith("320 × 256 · seed ")


def test_a_result_is_sent_to_image_to_image(visitor: Visitor) -> None:
    """The image and its prompt arrive in the other tab, ready to generate."""
    visitor.small()
    visitor.generate("a red house on green hills")
    visitor.pictures()
    visitor.press("Use as source")
    visitor.expect(visitor.find(f"#{IMAGE}-image img")).to_be_visible()
    visitor.has(f"{IMAGE}-prompt", "a red house on green hills")
    visitor.generate(task=IMAGE)
    visitor.expect(visitor.pictures(IMAGE, 2)).to_have_js_property("naturalWidth", 256)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"these are just words", "text file"),
        (picture(1)[:60], "cut off"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 64, "HEIC"),
    ],
    ids=["text", "cut", "heic"],
)
def test_a_broken_upload_is_told_at_the_picture(visitor: Visitor, data: bytes, said: str) -> None:
    """At once, in one sentence; no mark of a broken image is left, and the next one is taken."""
    visitor.tab("Image to image")
    visitor.upload(file(data))
    complaint = visitor.page.get_by_role("alert").filter(has_text=re.compile(said))
    visitor.expect(complaint).to_be_visible()
    visitor.expect(visitor.find(f"#{IMAGE}-image img")).to_have_count(0)
    visitor.upload(file(picture(3), "good.png"))
    visitor.expect(visitor.page.get_by_text("64 × 64. The result has this size")).to_be_visible()
    visitor.expect(complaint).to_have_count(0)


def test_without_a_picture_the_form_says_so(visitor: Visitor) -> None:
    """Nothing is submitted without something to start from."""
    visitor.tab("Image to image")
    visitor.generate("a boat", IMAGE)
    visitor.expect(visitor.page.get_by_role("alert")).to_contain_text("no image to start from")


def test_the_uploaded_picture_survives_a_reload(visitor: Visitor) -> None:
    """It is shown again, and still works."""
    kept = "localStorage.getItem('srpo-picture')"
    before = visitor.page.evaluate(kept)
    visitor.tab("Image to image")
    visitor.upload(file(picture(9, 256, 320)))
    visitor.expect(visitor.page.get_by_text("256 × 320. The result has this size")).to_be_visible()
    # What the browser remembers is written a moment after the sentence is drawn.
    visitor.page.wait_for_function(f"(before) => {kept} !== before", arg=before)
    visitor.open()
    visitor.tab("Image to image")
    visitor.expect(visitor.find(f"#{IMAGE}-image img")).to_have_js_property("naturalWidth", 256)
    visitor.generate("a boat", IMAGE)
    visitor.expect(visitor.pictures(IMAGE)).to_have_js_property("naturalWidth", 256)


def test_strength_is_a_direction(visitor: Visitor) -> None:
    """At 0 the image stays what it is."""
    visitor.tab("Image to image")
    visitor.upload(file(picture(200, 256, 256)))
    visitor.expect(visitor.page.get_by_text("256 × 256. The result has this size")).to_be_visible()
    visitor.set(f"{IMAGE}-wavespeed-strength", 0)
    visitor.generate("a night sky", IMAGE)
    colour = visitor.pictures(IMAGE).evaluate(PIXEL)
    assert colour[0] > 150
    assert max(colour[1:]) < 60


PIXEL = """
image => {
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight).getContext('2d');
  canvas.drawImage(image, 0, 0);
  return [...canvas.getImageData(100, 60, 1, 1).data].slice(0, 3);
}
"""


def test_an_upload_that_is_too_large_says_so(visitor: Visitor) -> None:
    """Nobody waits for a file that will be refused."""
    visitor.tab("Image to image")
    visitor.upload(file(b"\x89PNG\r\n\x1a\n" + b"0" * (21 * 1024 * 1024)))
    visitor.expect(visitor.page.get_by_text(re.compile("maximum allowed size"))).to_be_visible()
    visitor.upload(file(picture(3), "good.png"))
    visitor.expect(visitor.page.get_by_text("64 × 64. The result has this size")).to_be_visible()


def test_a_large_source_is_scaled_and_the_page_says_to_what(visitor: Visitor) -> None:
    """The size that is told is the size that comes, for each backend its own."""
    visitor.tab("Image to image")
    visitor.upload(file(picture(5, 3000, 2000), "large.png"))
    visitor.expect(
        visitor.page.get_by_text("3000 × 2000. The result will be 1536 × 1024.")
    ).to_be_visible()
    visitor.generate("a boat on the sea", IMAGE)
    visitor.expect(visitor.pictures(IMAGE)).to_have_js_property("naturalWidth", 1536)
    assert visitor.said(IMAGE).startswith("1536 × 1024 · ")


def test_a_refused_press_ends_with_the_sentence_that_refuses_it(visit: Any) -> None:
    """It does not go on to say that something is sent; no label of the form lies over the bar."""
    visitor = visit(size=(390, 844))
    visitor.tab("Image to image")
    visitor.generate(task=IMAGE)
    visitor.expect(visitor.page.get_by_text("There is no image to start from")).to_be_visible()
    visitor.expect(visitor.find("button.pressed")).to_have_count(0, timeout=3000)
    above = """() => [...document.querySelectorAll('.workbench-form .orders')]
        .filter((bar) => bar.getClientRects().length)
        .map((bar) => [bar, bar.getBoundingClientRect()])
        .map(([bar, { top, bottom }]) => Array.from({ length: 20 }, (_, n) => document
            .elementFromPoint(30, top + 1 + n * (bottom - top - 2) / 19))
            .every((node) => bar.contains(node)))"""
    assert visitor.page.evaluate(above) == [True]
