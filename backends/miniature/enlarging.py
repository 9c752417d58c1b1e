"""Enlarges the small image with its edges as sharp as if it had been drawn large.

Not part of the model: it comes after what diffusers computes too. Where the colours of a few
neighbouring pixels are far apart there is an edge, and what lies between is moved to one side of
it, all three colours together; the middle of the edge stays where it was. Soft gradients are left
alone.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from backends.miniature.autoencoder import Bytes
from backends.miniature.weights import Floats

REACH = 2  # small pixels around each that are looked at
FAINT, CLEAR = 14.0, 46.0  # of 255: how far apart the colours at an edge are at least, and surely
STEEP = 1.2
"""How steep an edge becomes: 1 takes one large pixel from side to side."""
ROWS = 330_000  # numbers that are worked on at once: they stay in the cache
Box = tuple[float, float, float, float]


def enlarge(small: Bytes, size: tuple[int, int], box: Box) -> Image.Image:
    """The part of a byte image within the box (left, top, right, bottom) at the size."""
    plain = _scaled(small, size, box, Image.Resampling.LANCZOS)
    scale = min(size[0] / (box[2] - box[0]), size[1] / (box[3] - box[1]))
    if scale <= 1:
        return Image.fromarray(plain)
    parts = [_scaled(part, size, box, Image.Resampling.BILINEAR) for part in _edges(small)]
    step = max(16, ROWS // (3 * size[0]))
    for top in range(0, size[1], step):
        rows = slice(top, top + step)
        low, high, rise = (part[rows] for part in parts)
        _sharpen(plain[rows], low, high, rise, np.float32(scale))
    return Image.fromarray(plain)


def _edges(small: Bytes) -> tuple[Bytes, Bytes, Bytes]:
    """The lowest and the highest value around every pixel, and how each colour goes over an edge.

    That is 255 where it rises together with the colour that changes most, 0 where it falls.
    """
    around = _windows(small.astype(np.float32))
    low, high = around.min(axis=(3, 4)), around.max(axis=(3, 4))
    off = around - around.mean(axis=(3, 4), keepdims=True)
    most = (high - low).argmax(axis=2)[..., None, None, None]
    along = (off * np.take_along_axis(off, most, axis=2)).sum(axis=(3, 4))
    strength = np.sqrt((off**2).sum(axis=(3, 4)))
    strength *= np.take_along_axis(strength, most[..., 0, 0], axis=2)
    rise = np.rint(127.5 + 127.5 * along / (strength + np.float32(1e-3)))
    return low.astype(np.uint8), high.astype(np.uint8), np.clip(rise, 0, 255).astype(np.uint8)


def _windows(values: Floats) -> Floats:
    """What is around every pixel (height, width, colours, rows, columns)."""
    padded = np.pad(values, ((REACH, REACH), (REACH, REACH), (0, 0)), "edge")
    sides = 2 * REACH + 1, 2 * REACH + 1
    found: Floats = np.lib.stride_tricks.sliding_window_view(padded, sides, axis=(0, 1))
    return found


def _sharpen(plain: Bytes, lows: Bytes, highs: Bytes, rises: Bytes, scale: np.float32) -> None:
    """Move what is between two colours to one of them, in place."""
    values, low = plain.astype(np.float32), lows.astype(np.float32)
    span = highs.astype(np.float32) - low + np.float32(1e-3)
    rise = rises.astype(np.float32) / np.float32(127.5) - 1
    # How far each pixel is from one side of the edge to the other, by all colours.
    half = ((values - low) / span - np.float32(0.5)) * np.sign(rise)
    weight = span * np.abs(rise)
    share = (half * weight).sum(axis=2, keepdims=True) / (weight.sum(axis=2, keepdims=True) + 1e-3)
    moved = np.clip(share * (scale * np.float32(STEEP)), -0.5, 0.5) - share
    clear = (span.max(axis=2, keepdims=True) - np.float32(FAINT)) / np.float32(CLEAR - FAINT)
    values += moved * np.clip(clear, 0, 1) * span * rise
    plain[:] = np.clip(np.rint(values), 0, 255)


def _scaled(values: Bytes, size: tuple[int, int], box: Box, way: Image.Resampling) -> Bytes:
    """The part within the box at the size, ready to be written to."""
    made: Bytes = np.array(Image.fromarray(values).resize(size, way, box))
    return made
