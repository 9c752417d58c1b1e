"""The bench's rulers: a circle is round, a step is sharp, two islands are two."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from bench.miniature_shapes import circularity, count_parts, edge_widths


def disc(dent: float = 0.0) -> np.ndarray:
    """A yellow disc of radius 60 on blue, with a piece missing."""
    image = Image.new("RGB", (400, 400), (60, 90, 200))
    pen = ImageDraw.Draw(image)
    pen.ellipse((140, 140, 260, 260), (250, 210, 90))
    pen.ellipse((190, 190, 205, 205), (190, 160, 70))  # a crater
    if dent:
        pen.ellipse((200 - dent, 130, 200 + dent, 130 + 2 * dent), (60, 90, 200))
    return np.asarray(image)


def test_a_circle_is_round_and_a_dented_one_is_less_so() -> None:
    """Craters do not count; dents do."""
    whole = circularity(disc(), (200, 200), 60)
    assert 0.96 < whole < 1.04
    assert circularity(disc(30), (200, 200), 60) < 0.9 < whole


def test_an_edge_is_as_wide_as_it_was_blurred() -> None:
    """A hard edge takes about a pixel, a soft one its many."""
    hard = np.median(edge_widths(disc(), (100, 100, 300, 300)))
    soft = Image.fromarray(disc()).filter(ImageFilter.GaussianBlur(3))
    wide = np.median(edge_widths(np.asarray(soft), (100, 100, 300, 300)))
    assert hard < 2.5
    assert 6 < wide < 10


def test_two_islands_are_two() -> None:
    """Touching at a corner is apart; a speck is nothing."""
    cells = np.zeros((8, 8), bool)
    cells[:2, :2] = cells[2:4, 2:4] = cells[7, 7] = True
    assert count_parts(cells) == 2
