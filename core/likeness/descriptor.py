"""Describes an image by its colours, their layout and its edges: a few hundred bytes, no model."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]

VERSION = 1
"""Counts up when descriptors of before can no longer be compared with those of now."""
COLOURS = 8
"""How many dominant colours are kept of an image."""
GRID = 8
"""Cells along a side of the layout of colours."""
CELLS = 4
"""Cells along a side of the layout of edges."""
DIRECTIONS = 8
ROUNDS = 5
"""Rounds of k-means."""
COLOUR_BYTES = COLOURS * 4
LAYOUT_BYTES = GRID * GRID * 3 + CELLS * CELLS * DIRECTIONS
EDGES = 6
"""How much edges count beside colours."""
NOISE = 1.0
"""Steps of lightness between two pixels that are no edge: what compression leaves behind."""
FORMATS = ("WEBP", "PNG", "JPEG")
SIDE = 64
"""Pixels along a side of what is looked at."""
LIGHT = 180.0
CHROMA = 400.0
"""Steps a unit of OKLab lightness and of a and b: hue counts for more than light."""

# Ottosson, "A perceptual color space for image processing" (2020): linear sRGB to OKLab.
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)
_LEVELS = np.arange(256, dtype=np.float64) / 255
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What an image looks like, in bytes that are compared as they are.

    `colours`: `COLOURS` times lightness, a, b of OKLab and the share of the image, largest first.
    `layout`: OKLab of `GRID` x `GRID` cells, then the strength of `DIRECTIONS` edge directions in
    `CELLS` x `CELLS` cells.
    """

    colours: bytes
    layout: bytes


def describe(image: Image.Image) -> Descriptor:
    """Describe an upright RGB image of any size; takes about 2 ms for a thumbnail."""
    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    lab = oklab(np.asarray(small))
    return Descriptor(
        _dominant(lab[::2, ::2]), _cells(lab).tobytes() + _edges(lab[..., 0]).tobytes()
    )


def describe_file(data: bytes) -> Descriptor:
    """Describe an image file of this program's own, such as a thumbnail."""
    with Image.open(BytesIO(data), formats=FORMATS) as opened:
        return describe(opened)


def oklab(rgb: NDArray[np.uint8]) -> Floats:
    """Return OKLab of sRGB bytes (..., 3), in the steps that descriptors count in, unrounded."""
    cones = np.cbrt(_LINEAR[rgb] @ _TO_CONES.T)
    lab: Floats = cones @ _TO_LAB.T * np.array([LIGHT, CHROMA, CHROMA], np.float32)
    lab[..., 1:] += 128
    return lab


def _bytes(values: Floats) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.clip(values + 0.5, 0, 255).astype(np.uint8)
    return rounded


def _dominant(lab: Floats) -> bytes:
    """k-means over the pixels, from colours that lie far apart; the same in every process."""
    pixels = lab.reshape(-1, 3)
    centres = _far_apart(pixels)
    for _ in range(ROUNDS):
        nearest = _nearest(pixels, centres)
        counts = np.bincount(nearest, minlength=COLOURS)
        sums = np.stack(
            [np.bincount(nearest, pixels[:, part], minlength=COLOURS) for part in range(3)], axis=1
        )
        held = counts > 0
        centres[held] = (sums[held] / counts[held, None]).astype(np.float32)
    order = np.argsort(-counts, kind="stable")
    shares = counts[order, None] / len(pixels) * 255
    return _bytes(np.hstack([centres[order], shares]).astype(np.float32)).tobytes()


def _far_apart(pixels: Floats) -> Floats:
    """Return `COLOURS` pixels: the one nearest the mean, then each as far as can be from those."""
    chosen = [int(np.argmin(((pixels - pixels.mean(axis=0)) ** 2).sum(axis=1)))]
    gap = np.full(len(pixels), np.inf, np.float32)
    while len(chosen) < COLOURS:
        gap = np.minimum(gap, ((pixels - pixels[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(np.argmax(gap)))
    return pixels[chosen]


def _nearest(pixels: Floats, centres: Floats) -> NDArray[np.intp]:
    nearest: NDArray[np.intp] = np.argmin(
        (centres**2).sum(axis=1) - 2 * (pixels @ centres.T), axis=1
    )
    return nearest


def _cells(lab: Floats) -> NDArray[np.uint8]:
    side = SIDE // GRID
    return _bytes(lab.reshape(GRID, side, GRID, side, 3).mean(axis=(1, 3), dtype=np.float32))


def _edges(light: Floats) -> NDArray[np.uint8]:
    down, across = np.gradient(light)
    strength = np.hypot(down, across)
    turn = np.arctan2(down, across) / np.pi % 1 * DIRECTIONS  # light to dark is as dark to light
    side = SIDE // CELLS
    rows, columns = np.indices(light.shape) // side
    cell = (rows * CELLS + columns) * DIRECTIONS
    first = turn.astype(int) % DIRECTIONS
    rest = turn - np.floor(turn)
    strength = np.maximum(strength - NOISE, 0)
    histogram = np.zeros(CELLS * CELLS * DIRECTIONS)
    for direction, share in ((first, 1 - rest), ((first + 1) % DIRECTIONS, rest)):
        histogram += np.bincount(
            (cell + direction).ravel(), (strength * share).ravel(), minlength=len(histogram)
        )
    # The root lets faint edges count beside strong ones.
    return _bytes(np.sqrt(histogram / side).astype(np.float32) * EDGES)
