"""Contact sheets: every image in its place, captions in any script, a note where that fails."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from core import metadata
from core.exports import contact
from core.exports.lettering import FONTS, UNKNOWN, Lettering


def small(colour: str, size: tuple[int, int] = (384, 288)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "WEBP", lossless=True)
    return file.getvalue()


def test_a_png_shows_each_image_and_a_gap_for_one_that_is_gone() -> None:
    cells = [contact.Cell(small(one)) for one in ("red", "lime", "blue")]
    data = contact.png([*cells[:2], contact.Cell(None), cells[2]])
    found = Image.open(io.BytesIO(data))
    step = contact.CELL + contact.GAP
    middle = contact.GAP + contact.CELL // 2
    top = contact.HEAD + contact.CELL // 2
    down = contact.CELL + contact.CAPTION + contact.GAP
    places = [
        (middle, top),
        (middle + step, top),
        (middle, top + down),
        (middle + step, top + down),
    ]
    assert [found.getpixel(place) for place in places] == [
        (255, 0, 0),
        (0, 255, 0),
        (234, 231, 223),
        (0, 0, 255),
    ]
    assert metadata.marked(data)


def test_a_pdf_has_a_page_for_each_batch(tmp_path: Path) -> None:
    sheet = contact.Pdf(tmp_path, "Everything")
    per_page = contact.ACROSS * contact.DOWN
    assert per_page >= 12
    for _ in range(3):
        sheet.add([contact.Cell(small("red"), ("a fox", "seed 1"))] * per_page)
    data = sheet.whole()
    assert data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF")
    assert re.findall(rb"/Count (\d+)", data)[-1] == b"3"  # the last table of pages counts
    assert b"/MediaBox [ 0 0 595.2 841.92 ]" in data  # A4
    assert len([*tmp_path.iterdir()]) == 1


def ink(text: str, letters: Lettering) -> bytes:
    image = Image.new("L", (200, 40), "white")
    letters.write(ImageDraw.Draw(image), (2, 2), text, 20, "black", 190)
    return image.tobytes()


def test_letters_without_a_font_are_boxes_and_are_told() -> None:
    """On a machine with Western fonts alone; nothing is silently lost."""
    bare = Lettering(())
    assert bare.note == ""
    boxes = ink("小船 fox", bare)
    assert bare.missing == {"小", "船"} and bare.note
    assert boxes == ink(UNKNOWN * 2 + " fox", Lettering(())) or boxes == ink("?? fox", bare)


@pytest.mark.skipif(
    not any("Noto" in n or "wqy" in n for n in map(str, [f.path for f in Lettering()._found])),
    reason="no font with Chinese letters on this machine",
)
def test_letters_of_other_scripts_take_a_font_that_has_them() -> None:
    letters = Lettering(FONTS)
    assert ink("小", letters) != ink("船", letters)
    assert not letters.missing


def test_a_line_that_is_too_long_ends_in_dots_within_its_width() -> None:
    letters = Lettering(())
    image = Image.new("L", (400, 40), "white")
    letters.write(ImageDraw.Draw(image), (0, 2), "wide " * 100, 20, "black", 150)
    assert Image.eval(image, lambda value: 255 - value).getbbox()[2] <= 152  # type: ignore[index]
    assert isinstance(ImageFont.load_default(20), ImageFont.FreeTypeFont)
    letters.write(ImageDraw.Draw(image), (0, 2), "a\u200d\u0301\x07\ud83e b", 20, "black", 150)
    assert not letters.missing
