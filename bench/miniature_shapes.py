"""How round, how sharp and how many: measured on pixels alone, with no network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Window = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels."""
PROFILE = 14  # pixels to each side of an edge that are looked at
EDGES = 60  # profiles of one window
STRONG = 40.0  # of 255: what counts as an edge


def circularity(picture: Bytes, middle: tuple[float, float], radius: float) -> float:
    """4 pi A / P² of the disc around the middle (x, y): 1 for a circle, less for anything else."""
    reach = int(radius * 1.7)
    left, top = max(int(middle[0]) - reach, 0), max(int(middle[1]) - reach, 0)
    part = picture[top : int(middle[1]) + reach, left : int(middle[0]) + reach].astype(float)
    rows, columns = np.mgrid[: part.shape[0], : part.shape[1]]
    away = np.hypot(rows - middle[1] + top, columns - middle[0] + left) / radius
    inside = np.median(part[away < 0.6], axis=0)
    outside = np.median(part[(away > 1.3) & (away < 1.6)], axis=0)
    axis = inside - outside
    share = ((part - outside) @ axis) / max(float(axis @ axis), 1e-6)
    disc = np.clip((share - 0.35) / 0.3, 0, 1)
    disc = np.where(_enclosed(disc < 0.5), 1.0, disc)
    smooth = _blurred(disc)
    down, across = np.gradient(smooth)
    rim = float(np.hypot(down, across).sum())
    return float(4 * np.pi * disc.sum() / max(rim**2, 1e-6))


def edge_widths(picture: Bytes, window: Window) -> list[float]:
    """How many pixels the strongest edges of a window take from 10 to 90 %."""
    left, top, right, bottom = window
    grey = picture[top:bottom, left:right].astype(float).mean(axis=2)
    if min(grey.shape) < 4 * PROFILE:
        return []
    down, across = np.gradient(_blurred(grey))
    steep = np.hypot(down, across)
    edge = slice(PROFILE, -PROFILE)
    order = np.argsort(steep[edge, edge], axis=None)[::-1][: 40 * EDGES : 40]
    rows, columns = np.unravel_index(order, steep[edge, edge].shape)
    widths = []
    for y, x in zip(rows + PROFILE, columns + PROFILE, strict=True):
        normal = np.array([down[y, x], across[y, x]]) / max(steep[y, x], 1e-6)
        steps = np.arange(-PROFILE, PROFILE + 0.01, 0.25)
        profile = _sampled(grey, y + steps * normal[0], x + steps * normal[1])
        width = _width(profile) / 4
        if width > 0:
            widths.append(width)
    return widths


def count_parts(shown: NDArray[np.bool_], least: int = 3) -> int:
    """How many connected parts of at least so many cells there are; corners do not connect."""
    left, found = shown.copy(), 0
    while left.any():
        row, column = np.argwhere(left)[0]
        waiting, size = [(int(row), int(column))], 0
        left[row, column] = False
        while waiting:
            y, x = waiting.pop()
            size += 1
            for near in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if (
                    min(near) >= 0
                    and near[0] < len(left)
                    and near[1] < left.shape[1]
                    and left[near]
                ):
                    left[near] = False
                    waiting.append(near)
        found += size >= least
    return found


def _width(profile: Floats) -> float:
    """Samples from 10 to 90 % of the step in the middle of a profile; 0 where there is none."""
    middle = len(profile) // 2
    start = end = middle
    while start > 0 and profile[start - 1] <= profile[start] + 0.05:
        start -= 1
    while end < len(profile) - 1 and profile[end + 1] >= profile[end] - 0.05:
        end += 1
    low, high = profile[start], profile[end]
    if high - low < STRONG:
        return 0.0
    share = (profile[start : end + 1] - low) / (high - low)
    return float((np.argmax(share >= 0.9)) - (np.argmax(share >= 0.1)))


def _sampled(grey: Floats, ys: Floats, xs: Floats) -> Floats:
    """Values between pixels, linearly."""
    top, left = np.floor(ys).astype(int), np.floor(xs).astype(int)
    top, left = np.clip(top, 0, len(grey) - 2), np.clip(left, 0, grey.shape[1] - 2)
    dy, dx = ys - top, xs - left
    upper = grey[top, left] * (1 - dx) + grey[top, left + 1] * dx
    lower = grey[top + 1, left] * (1 - dx) + grey[top + 1, left + 1] * dx
    mixed: Floats = upper * (1 - dy) + lower * dy
    return mixed


def _blurred(values: Floats) -> Floats:
    """A little, alike in all directions, so that a slanted rim is not counted as stairs."""
    for axis in (0, 1):
        for _ in range(2):
            values = (np.roll(values, 1, axis) + 2 * values + np.roll(values, -1, axis)) / 4
    return values


def _enclosed(empty: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The empty places that cannot be reached from the corner: a moon's craters."""
    image = Image.fromarray(np.pad(np.where(empty, 0, 255).astype(np.uint8), 1)).copy()
    ImageDraw.floodfill(image, (0, 0), 128)
    reached = np.asarray(image)[1:-1, 1:-1]
    return reached == 0
