"""The descriptors of all entries in memory, so that a question takes milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.likeness.colour import Rgb
from core.likeness.descriptor import (
    COLOUR_BYTES,
    COLOURS,
    GRID,
    LAYOUT_BYTES,
    Descriptor,
    Floats,
    oklab,
)

ROWS = 1024
"""Rows that are compared at once, so that they stay in the processor's cache."""
NEAR = 20.0
"""Steps from a colour at which another counts for 60 % of it; at twice as many for 14 %."""
LEAST = 0.08
"""The share of an image from which it is in a colour."""
NEARLY = 24.0
"""How far the layouts of colours may differ where an image was encoded again or scaled."""
LAYOUT_OF_COLOURS = GRID * GRID * 3


@dataclass(frozen=True, slots=True)
class Probe:
    """What entries are compared with: a colour, an image, or both.

    With both, those in the colour are wanted, the most alike first.
    """

    colour: Rgb | None = None
    like: Descriptor | None = None


class Index:
    """One row is an entry's number, its owner and its descriptor: about 370 bytes.

    Rows are added and replaced; those of entries that are gone stay, and whoever asks looks in the
    database which still are. Reading is safe in a thread while rows are added.
    """

    def __init__(self) -> None:
        self._length = 0
        self._numbers = np.zeros(0, np.int64)
        self._owners = np.zeros(0, np.int32)
        self._layouts = np.zeros((0, LAYOUT_BYTES), np.uint8)
        self._squares = np.zeros(0, np.float32)
        self._colours = np.zeros((0, COLOUR_BYTES), np.uint8)
        self._codes: dict[str, int] = {}

    def __len__(self) -> int:
        return self._length

    def put(self, number: int, owner: str, descriptor: Descriptor) -> None:
        """Add an entry, or replace it."""
        known = np.flatnonzero(self._numbers[: self._length] == number)
        row = int(known[0]) if known.size else self._length
        if row == len(self._numbers):
            self._grow()
        self._fill(row, number, owner, descriptor)
        self._length = max(self._length, row + 1)

    def extend(self, rows: list[tuple[int, str, Descriptor]]) -> None:
        """Add entries of which none is known yet."""
        begin, end = self._length, self._length + len(rows)
        while end > len(self._numbers):
            self._grow()
        layouts = np.frombuffer(b"".join(row[2].layout for row in rows), np.uint8)
        colours = np.frombuffer(b"".join(row[2].colours for row in rows), np.uint8)
        self._layouts[begin:end] = layouts.reshape(-1, LAYOUT_BYTES)
        self._colours[begin:end] = colours.reshape(-1, COLOUR_BYTES)
        self._squares[begin:end] = (self._layouts[begin:end].astype(np.float32) ** 2).sum(axis=1)
        self._owners[begin:end] = [self._code(row[1]) for row in rows]
        self._numbers[begin:end] = [row[0] for row in rows]
        self._length = end

    def hand_over(self, old: str, new: str) -> None:
        """Make all of one owner's entries another's."""
        if old in self._codes:
            mine = self._owners == self._codes[old]
            self._owners[mine] = self._code(new)

    def of(self, number: int) -> Descriptor | None:
        """Return the descriptor of an entry; None where there is none."""
        rows = np.flatnonzero(self._numbers[: self._length] == number)
        if not rows.size:
            return None
        row = int(rows[0])
        return Descriptor(self._colours[row].tobytes(), self._layouts[row].tobytes())

    def closest(
        self, owner: str, probe: Probe, *, most: int, among: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], Floats]:
        """Return numbers of an owner's entries and how far each is from the probe, nearest first.

        They are at most `most`, and only some of `among` where that is given. Of two that are
        equally far the newer is first.
        """
        length = self._length
        numbers = self._numbers[:length]
        chosen = self._owners[:length] == self._codes.get(owner, -1)
        if among is not None:
            chosen &= np.isin(numbers, among)
        rows = np.flatnonzero(chosen)
        if probe.colour is not None:
            share = self._in_colour(rows, probe.colour)
            held = share >= LEAST
            rows, far = rows[held], 1 - share[held]
        if probe.like is not None:
            far = self._distances(rows, np.frombuffer(probe.like.layout, np.uint8))
        if len(rows) > most:
            held = far <= np.partition(far, most - 1)[most - 1]
            rows, far = rows[held], far[held]
        order = np.lexsort((-numbers[rows], far))[:most]
        return numbers[rows][order], far[order]

    def layouts(
        self, owner: str, among: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return numbers of some of an owner's entries, and where the colours of each lie.

        Both are copies, the newest entry first.
        """
        numbers = self._numbers[: self._length]
        mine = self._owners[: self._length] == self._codes.get(owner, -1)
        rows = np.flatnonzero(mine & np.isin(numbers, among))
        rows = rows[np.argsort(-numbers[rows])]
        return numbers[rows], self._layouts[rows, :LAYOUT_OF_COLOURS]

    def nearly(self, owner: str, descriptor: Descriptor) -> NDArray[np.int64]:
        """Return an owner's entries whose colours lie as those of an image do, nearest first."""
        length = self._length
        rows = np.flatnonzero(self._owners[:length] == self._codes.get(owner, -1))
        layout = np.frombuffer(descriptor.layout, np.uint8)[:LAYOUT_OF_COLOURS]
        far = np.zeros(len(rows), np.float32)
        for place, some in _parts(rows):
            gap = self._layouts[some, :LAYOUT_OF_COLOURS].astype(np.float32) - layout
            far[place] = np.einsum("ij,ij->i", gap, gap)
        held = far <= NEARLY**2
        numbers = self._numbers[rows[held]]
        found: NDArray[np.int64] = numbers[np.lexsort((-numbers, far[held]))]
        return found

    def _distances(self, rows: NDArray[np.intp], layout: NDArray[np.uint8]) -> Floats:
        """Return how far layouts are from one: the root of the sum of squares."""
        asked = layout.astype(np.float32)
        far = np.empty(len(rows), np.float32)
        part = np.empty((ROWS, LAYOUT_BYTES), np.float32)
        for place, some in _parts(rows):
            held = part[: place.stop - place.start]
            np.copyto(held, self._layouts[some])
            np.dot(held, asked, out=far[place])
        squares = self._squares[rows] - 2 * far + float(asked @ asked)
        distances: Floats = np.sqrt(np.maximum(squares, 0))
        return distances

    def _in_colour(self, rows: NDArray[np.intp], colour: Rgb) -> Floats:
        """Return the share of each image that is in a colour, from 0 to 1."""
        asked = oklab(np.array([colour], np.uint8))[0]
        share = np.empty(len(rows), np.float32)
        for place, some in _parts(rows):
            colours = self._colours[some].reshape(-1, COLOURS, 4).astype(np.float32)
            gap = colours[..., :3] - asked
            near = np.exp(np.einsum("ijk,ijk->ij", gap, gap) / np.float32(-2 * NEAR**2))
            share[place] = np.einsum("ij,ij->i", near, colours[..., 3])
        return share / np.float32(255)

    def _fill(self, row: int, number: int, owner: str, descriptor: Descriptor) -> None:
        layout = np.frombuffer(descriptor.layout, np.uint8)
        self._layouts[row] = layout
        self._colours[row] = np.frombuffer(descriptor.colours, np.uint8)
        self._squares[row] = (layout.astype(np.float32) ** 2).sum()
        self._owners[row] = self._code(owner)
        self._numbers[row] = number

    def _code(self, owner: str) -> int:
        return self._codes.setdefault(owner, len(self._codes))

    def _grow(self) -> None:
        more = max(256, len(self._numbers) // 4)
        for name in ("_numbers", "_owners", "_layouts", "_squares", "_colours"):
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.zeros((more, *old.shape[1:]), old.dtype)]))


def _parts(rows: NDArray[np.intp]) -> Iterator[tuple[slice, slice | NDArray[np.intp]]]:
    """Yield places in what is computed, and the rows for them: those in a row without a copy."""
    whole = bool(rows.size) and int(rows[-1]) - int(rows[0]) + 1 == len(rows)
    for start in range(0, len(rows), ROWS):
        place = slice(start, min(start + ROWS, len(rows)))
        first = int(rows[0])
        yield place, slice(first + start, first + place.stop) if whole else rows[place]
