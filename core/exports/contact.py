"""A contact sheet: small images with captions, as one PNG or as a PDF of A4 pages."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from core import metadata
from core.exports.lettering import Lettering

PAPER, INK, FAINT, EMPTY = "#ffffff", "#1c1f1c", "#5b605a", "#eae7df"
CELL, GAP, CAPTION, HEAD, FOOT = 284, 20, 46, 56, 34
"""Pixels of an image's longer side, between images, of its caption, of the title and the foot."""
A4 = (1240, 1754)
DPI = 150
ACROSS = 4
DOWN = (A4[1] - HEAD - FOOT) // (CELL + CAPTION + GAP)
MOST_ON_ONE = 120
"""Images of a sheet that is one PNG: more of them would need more memory than is left over."""


@dataclass(frozen=True, slots=True)
class Cell:
    """An image of a sheet, small and encoded, and two lines about it; None: it is gone."""

    image: bytes | None
    caption: tuple[str, str] = ("", "")


def png(cells: Sequence[Cell], title: str = "") -> bytes:
    """Return all of a sheet as one PNG; blocking work, call it in a thread."""
    across = max(1, min(len(cells), math.ceil(math.sqrt(len(cells)))))
    down = math.ceil(len(cells) / across)
    size = (
        GAP + across * (CELL + GAP),
        HEAD + down * (CELL + CAPTION + GAP) + FOOT,
    )
    file = io.BytesIO()
    _drawn(cells, size, across, title, Lettering()).save(file, "PNG")
    return metadata.mark(file.getvalue())


class Pdf:
    """A sheet that grows page by page on disk, so that one page at a time is in memory.

    Its methods are blocking work: call them in a thread.
    """

    def __init__(self, folder: Path, title: str = "") -> None:
        self._path = folder / "sheet.pdf"
        self._title = title
        self._letters = Lettering()

    def add(self, cells: Sequence[Cell]) -> None:
        """Add a page, which has `ACROSS * DOWN` cells at most."""
        page = _drawn(cells, A4, ACROSS, self._title, self._letters)
        page.save(
            self._path,
            "PDF",
            append=self._path.exists(),
            resolution=DPI,
            title=self._title or "Contact sheet",
            quality=88,
        )

    def whole(self) -> bytes:
        """Return the PDF."""
        return self._path.read_bytes()


def _drawn(
    cells: Sequence[Cell], size: tuple[int, int], across: int, title: str, letters: Lettering
) -> Image.Image:
    paper = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(paper)
    room = size[0] - 2 * GAP
    letters.write(pen, (GAP, 18), title, 22, INK, room)
    for number, cell in enumerate(cells):
        x = GAP + number % across * (CELL + GAP)
        y = HEAD + number // across * (CELL + CAPTION + GAP)
        image = _small(cell.image)
        if image is None:
            pen.rectangle((x, y, x + CELL - 1, y + CELL - 1), fill=EMPTY)
        else:
            paper.paste(image, (x + (CELL - image.width) // 2, y + (CELL - image.height) // 2))
        letters.write(pen, (x, y + CELL + 4), cell.caption[0], 15, INK, CELL)
        letters.write(pen, (x, y + CELL + 24), cell.caption[1], 13, FAINT, CELL)
    letters.write(pen, (GAP, size[1] - FOOT + 6), letters.note, 13, FAINT, room)
    return paper


def _small(data: bytes | None) -> Image.Image | None:
    if data is None:
        return None
    with Image.open(io.BytesIO(data), formats=["webp"]) as opened:
        opened.thumbnail((CELL, CELL))
        return opened.convert("RGB")
