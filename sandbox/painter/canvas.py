"""An anti-aliased float canvas; it thinks in units, so that one drawing fits every size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Rgb: TypeAlias = tuple[float, float, float]
Point: TypeAlias = tuple[float, float]
Floats: TypeAlias = NDArray[np.float32]

OVERSAMPLING = 4


@dataclass(frozen=True, slots=True)
class Polygon:
    """A filled outline."""

    points: tuple[Point, ...]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom."""
        xs, ys = zip(*self.points, strict=True)
        return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True, slots=True)
class Oval:
    """A filled ellipse around (x, y)."""

    x: float
    y: float
    rx: float
    ry: float

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom."""
        return self.x - self.rx, self.y - self.ry, self.x + self.rx, self.y + self.ry


Shape: TypeAlias = Polygon | Oval


@dataclass(frozen=True, slots=True)
class Wash:
    """A vertical gradient from `top` at height `start` to `bottom` at height `end`."""

    top: Rgb
    bottom: Rgb
    start: float
    end: float


Paint: TypeAlias = Rgb | Wash


def box(left: float, top: float, right: float, bottom: float) -> Polygon:
    """An upright rectangle."""
    return Polygon(((left, top), (right, top), (right, bottom), (left, bottom)))


@dataclass(frozen=True, slots=True)
class _Region:
    """A block of pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def empty(self) -> bool:
        return self.right <= self.left or self.bottom <= self.top


class Canvas:
    """Colour planes (3, rows, columns) in 0..1; y grows downwards from the top edge."""

    def __init__(self, columns: int, rows: int) -> None:
        """Open a black canvas of the given size in pixels."""
        self.columns, self.rows = columns, rows
        # A unit follows the area but never dwarfs the short side: wide and tall images keep
        # objects of a sensible size.
        self.unit = min(math.sqrt(columns * rows), 1.3 * min(columns, rows))
        self.width, self.height = columns / self.unit, rows / self.unit
        self.pixels: Floats = np.zeros((3, rows, columns), np.float32)

    @property
    def xs(self) -> Floats:
        """The x of every column's middle, in units."""
        return ((np.arange(self.columns) + 0.5) / self.unit).astype(np.float32)

    def sweep(self, stops: tuple[Rgb, Rgb, Rgb], end: float) -> None:
        """Cover everything with a smooth three-colour gradient that ends at height `end`."""
        t = np.clip((np.arange(self.rows) + 0.5) / (end * self.unit), 0, 1)
        weights = np.stack([(1 - t) ** 2, 2 * t * (1 - t), t**2])
        rows = np.asarray(stops, np.float64).T @ weights
        self.pixels[:] = rows.astype(np.float32)[:, :, None]

    def draw(
        self,
        shapes: Sequence[Shape],
        paint: Paint,
        opacity: float = 1.0,
        within: Sequence[Shape] | None = None,
    ) -> None:
        """Paint the union of the shapes, kept inside the union of `within` where that is given."""
        region = self._region(shapes)
        if region.empty:
            return
        mask = self._mask(shapes, region)
        if within is not None:
            mask *= self._mask(within, region)
        if opacity != 1.0:
            mask *= np.float32(opacity)
        self._fill(region, mask, paint)

    def land(self, line: Floats, paint: Paint) -> None:
        """Paint everything below `line`, which holds one height for each column."""
        edge = line * np.float32(self.unit)
        # Dividing by the slope's length turns the vertical distance into the true one.
        softness = np.sqrt(1 + np.gradient(edge) ** 2).astype(np.float32)
        reach = float(softness.max())
        top = int(np.clip(math.floor(edge.min() - reach), 0, self.rows))
        solid = int(np.clip(math.ceil(edge.max() + reach), top, self.rows))
        band = _Region(0, top, self.columns, solid)
        if not band.empty:
            middles = np.arange(top, solid, dtype=np.float32)[:, None] + np.float32(0.5)
            mask = (middles - edge) / softness + np.float32(0.5)
            self._fill(band, np.clip(mask, 0, 1, out=mask), paint)
        below = self._colours(paint, solid, self.rows)
        self.pixels[:, solid:] = below

    def glow(self, x: float, y: float, radius: float, light: tuple[Rgb, float]) -> None:
        """Add a soft round light; `light` is its colour and its strength in the middle."""
        colour, strength = light
        region = self._region([Oval(x, y, radius * 2.6, radius * 2.6)])
        if region.empty:
            return
        across = self._bell(region.left, region.right, x, radius)
        down = self._bell(region.top, region.bottom, y, radius) * np.float32(strength)
        self._fill(region, down[:, None] * across, colour)

    def reflect(self, horizon: float, shifts: Floats, opacity: tuple[float, float]) -> None:
        """Mirror what is above `horizon` below it, each row moved sideways by its shift in units.

        `opacity` is that of the first mirrored row and of the last, at the bottom edge.
        """
        edge = min(round(horizon * self.unit), self.rows)
        count = self.rows - edge
        source = np.clip(edge - 1 - np.arange(count), 0, None)
        moves = np.rint(np.resize(shifts, count) * self.unit).astype(np.intp)
        columns = np.clip(np.arange(self.columns) + moves[:, None], 0, self.columns - 1)
        share = np.linspace(*opacity, max(count, 1), dtype=np.float32)[:count, None]
        for plane in self.pixels:
            water = plane[edge:]
            water += (plane[source[:, None], columns] - water) * share

    def _bell(self, first: int, last: int, middle: float, radius: float) -> Floats:
        distance = (np.arange(first, last) + 0.5) / self.unit - middle
        bell = np.exp(-((distance / radius) ** 2))
        # Lowered to reach zero at the region's edge, where a cut would show.
        lowered: Floats = np.clip((bell - 0.0012) / 0.9988, 0, 1).astype(np.float32)
        return lowered

    def _region(self, shapes: Sequence[Shape]) -> _Region:
        lefts, tops, rights, bottoms = zip(*(shape.bounds for shape in shapes), strict=True)
        return _Region(
            max(math.floor(min(lefts) * self.unit) - 1, 0),
            max(math.floor(min(tops) * self.unit) - 1, 0),
            min(math.ceil(max(rights) * self.unit) + 1, self.columns),
            min(math.ceil(max(bottoms) * self.unit) + 1, self.rows),
        )

    def _mask(self, shapes: Sequence[Shape], region: _Region) -> Floats:
        size = (region.right - region.left, region.bottom - region.top)
        image = Image.new("L", (size[0] * OVERSAMPLING, size[1] * OVERSAMPLING))
        pen = ImageDraw.Draw(image)
        scale = self.unit * OVERSAMPLING
        dx, dy = region.left * OVERSAMPLING + 0.5, region.top * OVERSAMPLING + 0.5
        for shape in shapes:
            match shape:
                case Polygon(points):
                    pen.polygon([(x * scale - dx, y * scale - dy) for x, y in points], fill=255)
                case Oval():
                    left, top, right, bottom = shape.bounds
                    corners = (left * scale - dx, top * scale - dy)
                    pen.ellipse((*corners, right * scale - dx, bottom * scale - dy), fill=255)
        return np.asarray(image.reduce(OVERSAMPLING), np.float32) / np.float32(255)

    def _colours(self, paint: Paint, top: int, bottom: int) -> Floats:
        """The paint of the given rows, ready to broadcast: (3, rows or 1, 1)."""
        if not isinstance(paint, Wash):
            return np.asarray(paint, np.float32)[:, None, None]
        heights = (np.arange(top, bottom) + 0.5) / self.unit
        t = np.clip((heights - paint.start) / max(paint.end - paint.start, 1e-6), 0, 1)
        first, last = np.asarray(paint.top)[:, None], np.asarray(paint.bottom)[:, None]
        gradient: Floats = (first + (last - first) * t).astype(np.float32)[:, :, None]
        return gradient

    def _fill(self, region: _Region, mask: Floats, paint: Paint) -> None:
        colours = self._colours(paint, region.top, region.bottom)
        rows, columns = slice(region.top, region.bottom), slice(region.left, region.right)
        for plane, colour in zip(self.pixels, colours, strict=True):
            target = plane[rows, columns]
            target += (colour - target) * mask
