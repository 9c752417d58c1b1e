"""All images whose colours lie nearly alike, out of many: without comparing each with each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.likeness.descriptor import Floats
from core.likeness.index import NEARLY, ROWS

AXES = 16
"""Directions along which two images are first compared: most are far apart along a few already."""
SAMPLE = 4096
"""Images that those directions are found from."""
BLOCK = 64
"""Images that are compared with those around them at once."""
STEP = 4_096
"""Images that are compared before anybody else has a turn."""
AT_ONCE = 16_384
"""Others that they are compared with at once, so that memory stays small."""
MOST_NEAR = 64
"""Others that are kept of one image, where a great many lie alike."""
SLACK = 4.0
"""What rounding may add to the square of a distance."""


@dataclass(slots=True)
class Alike:
    """Images with the same colours in the same places, and which of those lie near each other.

    A kind is what images have whose layouts are equal. Blocking work: use it in a thread.
    """

    layouts: NDArray[np.uint8]
    """Where the colours of each image lie, a row each."""
    kinds: NDArray[np.intp] = field(init=False)
    """The kind of each image."""
    near: dict[int, list[tuple[float, int]]] = field(init=False, default_factory=dict)
    """Other kinds near a kind, each with its squared distance; filled by `steps`."""
    _first: NDArray[np.intp] = field(init=False)

    def __post_init__(self) -> None:
        """Find the kinds."""
        weights = np.random.default_rng(1).integers(1, 2**62, self.layouts.shape[1]) | 1
        sums = np.zeros(len(self.layouts), np.int64)
        with np.errstate(over="ignore"):
            for start in range(0, len(sums), ROWS):
                rows = self.layouts[start : start + ROWS].astype(np.int64)
                sums[start : start + ROWS] = (rows * weights).sum(axis=1)
        # Whose sums are equal by chance are told apart later, by their thumbnails.
        _, self._first, self.kinds = np.unique(sums, return_index=True, return_inverse=True)

    def steps(self) -> Iterator[int]:
        """Find the kinds that are near each other; yields how many kinds were compared."""
        kinds = self.layouts[self._first]
        if len(kinds) < 2:
            return
        places = _places(kinds)
        strips = ((places[:, 0] - places[:, 0].min()) // NEARLY).astype(np.intp)
        order = np.lexsort((places[:, 1], strips))
        places, strips = places[order], strips[order]
        squares = np.einsum("ij,ij->i", places, places)
        counts = np.zeros(len(order), np.int32)
        told = 0
        for start, end, left, right in _windows(strips, places[:, 1]):
            far = squares[start:end, None] + squares[left:right]
            far -= 2 * (places[start:end] @ places[left:right].T)
            ones, others = np.nonzero(far <= NEARLY**2 + SLACK)
            ones, others = ones + start, others + left
            held = (others > ones) & (counts[ones] < MOST_NEAR) & (counts[others] < MOST_NEAR)
            self._keep(kinds, order[ones[held]], order[others[held]])
            np.add.at(counts, ones[held], 1)
            if start - told >= STEP:
                told = start
                yield told

    def _keep(
        self, kinds: NDArray[np.uint8], ones: NDArray[np.intp], others: NDArray[np.intp]
    ) -> None:
        """Keep those pairs whose colours really lie nearly alike."""
        for start in range(0, len(ones), ROWS):
            some = slice(start, start + ROWS)
            gap = kinds[ones[some]].astype(np.float32) - kinds[others[some]]
            far = np.einsum("ij,ij->i", gap, gap)
            for place in np.flatnonzero(far <= NEARLY**2).tolist():
                one, other = int(ones[start + place]), int(others[start + place])
                self.near.setdefault(one, []).append((float(far[place]), other))
                self.near.setdefault(other, []).append((float(far[place]), one))

    def members(self) -> Sequence[NDArray[np.intp]]:
        """Return the images of each kind, by their rows."""
        order = np.argsort(self.kinds, kind="stable")
        return np.split(order, np.cumsum(np.bincount(self.kinds))[:-1])


def _windows(
    strips: NDArray[np.intp], along: NDArray[np.float32]
) -> Iterator[tuple[int, int, int, int]]:
    """Yield a few places in the order of strips, and places of others that may lie near them.

    Those lie in the same strip or in the next one, and nearly as far along it.
    """
    begins = np.searchsorted(strips, np.arange(int(strips[-1]) + 3)).tolist()
    for strip in range(len(begins) - 2):
        for start in range(begins[strip], begins[strip + 1], BLOCK):
            end = min(start + BLOCK, begins[strip + 1])
            low, high = float(along[start]) - NEARLY, float(along[end - 1]) + NEARLY
            for other in (strip, strip + 1):
                first, last = begins[other], begins[other + 1]
                left = first + int(np.searchsorted(along[first:last], low, side="left"))
                right = first + int(np.searchsorted(along[first:last], high, side="right"))
                for chunk in range(max(left, start), right, AT_ONCE):
                    yield start, end, chunk, min(chunk + AT_ONCE, right)


def _places(kinds: NDArray[np.uint8]) -> Floats:
    """Return where kinds lie along the directions in which they differ most, the first one first.

    Along orthogonal directions nothing is further apart than it is in truth.
    """
    step = max(1, len(kinds) // SAMPLE)
    sample = kinds[::step].astype(np.float32)
    mean = sample.mean(axis=0)
    sample -= mean
    _, vectors = np.linalg.eigh(sample.T @ sample)
    axes = np.ascontiguousarray(vectors[:, ::-1][:, :AXES], dtype=np.float32)
    places = np.empty((len(kinds), axes.shape[1]), np.float32)
    for start in range(0, len(kinds), ROWS):
        places[start : start + ROWS] = (
            kinds[start : start + ROWS].astype(np.float32) - mean
        ) @ axes
    return places
