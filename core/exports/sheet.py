"""A contact sheet: a table of images as one PNG, with its headings drawn above and beside."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from core.exports.lettering import Lettering

PAPER, INK, FAINT, EMPTY = "#faf9f5", "#1c1f1c", "#6b6f69", "#eae7df"
GAP, TITLE, HEAD, SIDE = 12, 40, 30, 150
"""Pixels between images, of the title, of the headings and of the column of row names."""
MOST_SIDE = 9000
"""Pixels of a side of the sheet; cells become smaller before it would be passed."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table to draw: encoded images by (row, column), and a word for each cell without one."""

    title: str
    columns: Sequence[str]
    rows: Sequence[str]
    images: Mapping[tuple[int, int], bytes]
    words: Mapping[tuple[int, int], str]
    note: str = ""


def drawn(sheet: Sheet, side: int = 320) -> bytes:
    """Return a sheet as PNG; `side` is the longest side of a cell in pixels."""
    left = SIDE + GAP if any(sheet.rows) else GAP
    side = min(
        side,
        (MOST_SIDE - left) // max(1, len(sheet.columns)) - GAP,
        (MOST_SIDE - TITLE - HEAD) // max(1, len(sheet.rows)) - GAP,
    )
    side = max(side, 16)
    opened = {place: _small(data, side) for place, data in sheet.images.items()}
    tall = max((image.height for image in opened.values()), default=side * 3 // 4)
    wide = max((image.width for image in opened.values()), default=side)
    width = left + len(sheet.columns) * (wide + GAP)
    top = TITLE + HEAD
    height = top + len(sheet.rows) * (tall + GAP) + (HEAD if sheet.note else 0)
    paper = Image.new("RGB", (max(width, 360), height), PAPER)
    pen, letters = ImageDraw.Draw(paper), Lettering()
    letters.write(pen, (GAP, 12), sheet.title, 18, INK, paper.width - 2 * GAP)
    for number, text in enumerate(sheet.columns):
        letters.write(pen, (left + number * (wide + GAP), TITLE + 6), text, 13, INK, wide)
    for row, text in enumerate(sheet.rows):
        y = top + row * (tall + GAP)
        letters.write(pen, (GAP, y + tall // 2 - 8), text, 13, INK, SIDE - GAP)
        for column in range(len(sheet.columns)):
            x, image = left + column * (wide + GAP), opened.get((row, column))
            if image:
                paper.paste(image, (x + (wide - image.width) // 2, y + (tall - image.height) // 2))
                continue
            pen.rectangle((x, y, x + wide - 1, y + tall - 1), fill=EMPTY)
            word = sheet.words.get((row, column), "")
            letters.write(pen, (x + 8, y + tall // 2 - 8), word, 13, FAINT, wide - 16)
    if sheet.note:
        letters.write(pen, (GAP, height - HEAD + 4), sheet.note, 12, FAINT, paper.width - 2 * GAP)
    file = io.BytesIO()
    paper.save(file, "PNG")
    return file.getvalue()


def _small(data: bytes, side: int) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.thumbnail((side, side))
    return image.convert("RGB")
