"""A small image enlarged: edges get sharp, everything else is as it was."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from backends.miniature.autoencoder import Bytes
from backends.miniature.enlarging import enlarge

RED, SKY = np.array([214, 58, 52]), np.array([70, 140, 214])
SIDE = 32


def shown(small: Bytes, scale: int = 8) -> Bytes:
    high, wide, _ = small.shape
    return np.asarray(enlarge(small, (wide * scale, high * scale), (0, 0, wide, high)))


def plain(small: Bytes, scale: int = 8) -> Bytes:
    high, wide, _ = small.shape
    size = wide * scale, high * scale
    return np.asarray(Image.fromarray(small).resize(size, Image.Resampling.LANCZOS))


def between(share: np.ndarray) -> Bytes:
    """An image whose columns are this much red on sky."""
    row = SKY + share[:, None] * (RED - SKY)
    return np.tile(np.rint(row).astype(np.uint8), (SIDE, 1, 1))


def width(picture: Bytes) -> int:
    """Pixels of one row from 10 to 90 % of red."""
    row = picture[len(picture) // 2].astype(float) - SKY
    share = row @ (RED - SKY) / ((RED - SKY) @ (RED - SKY))
    return int(((share > 0.1) & (share < 0.9)).sum())


@pytest.mark.parametrize("soft", [1, 3])
def test_edges_are_a_few_pixels_wide(soft: int) -> None:
    """They were a small pixel and more, eight large ones."""
    share = np.clip((np.arange(SIDE) - SIDE / 2) / soft, 0, 1)
    assert width(plain(between(share))) >= 5
    assert width(shown(between(share))) <= 5
    assert width(shown(between(share))) <= width(plain(between(share))) - 2


def test_an_edge_stays_where_it_was() -> None:
    """A disc is not smaller or larger afterwards."""
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    share = np.clip(9.5 - np.hypot(rows, columns), 0, 1)[..., None]
    small = np.rint(SKY + share * (RED - SKY)).astype(np.uint8)
    red = shown(small)[..., 0] > (RED[0] + SKY[0]) / 2
    assert abs(red.sum() / (np.pi * (8 * 9) ** 2) - 1) < 0.02


def test_no_colour_appears_that_is_on_neither_side() -> None:
    """All three colours turn at once, also where one rises and another falls."""
    large = shown(between(np.clip((np.arange(SIDE) - SIDE / 2) / 3, 0, 1))).astype(float)
    axis = (RED - SKY) / np.linalg.norm(RED - SKY)
    off = large - SKY
    off -= (off @ axis)[..., None] * axis
    assert np.abs(off).max() < 4


def test_soft_colours_stay_soft() -> None:
    """A sky from blue to red over the whole image."""
    small = between(np.linspace(0, 1, SIDE))
    assert np.abs(shown(small).astype(int) - plain(small)).max() <= 3


def test_making_it_smaller_sharpens_nothing() -> None:
    """Each pixel stands for several then."""
    small = between((np.arange(SIDE) > SIDE / 2).astype(float))
    made = enlarge(small, (16, 16), (0, 0, SIDE, SIDE))
    wanted = Image.fromarray(small).resize((16, 16), Image.Resampling.LANCZOS)
    assert np.array_equal(np.asarray(made), np.asarray(wanted))
