"""The files of the local backend: every pixel comes back, and they are of a size like Pillow's."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from backends.local.png import encoded


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (64, 64), (97, 61), (1344, 768)])
def test_every_pixel_comes_back(size: tuple[int, int]) -> None:
    """Noise and slopes, of one row and of rows that no band divides."""
    width, height = size
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    slope = np.add.outer(np.arange(height), np.arange(width))[..., None] * np.array([1, 3, 7])
    for pixels in (noise, slope.astype(np.uint8), np.full_like(noise, 255)):
        with Image.open(io.BytesIO(encoded(pixels))) as found:
            found.verify()
        with Image.open(io.BytesIO(encoded(pixels))) as found:
            assert (found.format, found.mode, found.size) == ("PNG", "RGB", size)
            assert np.array_equal(np.asarray(found), pixels)


def test_a_photo_is_no_larger_than_with_pillow() -> None:
    """Soft shapes with a little grain."""
    chance = np.random.default_rng(0)
    shapes = Image.fromarray(chance.integers(0, 256, (16, 16, 3), np.uint8)).resize((512, 512))
    pixels = np.asarray(shapes) + chance.normal(0, 3, (512, 512, 3))
    photo = pixels.clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    assert len(encoded(photo)) < 1.02 * len(file.getvalue())
