"""What each 4 x 4 pixels of an image show, and how many there are, by a small network in NumPy.

It was trained on the painter's own images (`python -m tools.miniature.device judge`). What it gets
wrong there is printed beside what it says of a model. Which colour a thing has it does not say:
that is measured (`bench/miniature_colours.py`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from bench.miniature_shapes import count_parts
from sandbox.painter.vocabulary import Kind
from tools.miniature.pictures import SHOWN
from tools.miniature.scenes import COUNTABLE

NAME = "miniature_judge.npz"
SIDE = 256


class Judge:
    """Looks at images at 256 x 256."""

    def __init__(self, folder: Path) -> None:
        with np.load(folder / NAME) as stored:
            self._weights = {name: stored[name].astype(np.float32) for name in stored.files}

    def __call__(self, picture: np.ndarray) -> Seen:
        """What is where in a byte image of any square size, and how many there are."""
        small = reduced(picture)
        values, kept = 2 * np.sqrt(small.astype(np.float32) / np.float32(255)) - 1, []
        for number in range(4):
            values = np.maximum(self._convolve(values, f"down.{number}", 2), 0)
            kept.append(values)
        for number in range(2):
            values = np.maximum(self._convolve(values, f"deep.{number}"), 0) + values
        ups = []
        for number, skip in enumerate((kept[2], kept[1])):
            values = values.repeat(2, axis=0).repeat(2, axis=1)
            values = np.concatenate([values, skip], axis=2)
            values = np.maximum(self._convolve(values, f"up.{number}"), 0)
            ups.append(values)
        values = np.maximum(self._convolve(values, "last"), 0)
        scores = values @ self._weights["out.weight"][:, :, 0, 0].T + self._weights["out.bias"]
        found = np.maximum(self._convolve(ups[0], "counter"), 0)
        seen = np.concatenate([16 * found.mean(axis=(0, 1)), found.max(axis=(0, 1))])
        counts = self._weights["count.weight"] @ seen + self._weights["count.bias"]
        numbers = counts.reshape(len(COUNTABLE), -1).argmax(axis=1)
        return Seen(scores.argmax(axis=2), dict(zip(COUNTABLE, numbers.tolist(), strict=True)))

    def _convolve(self, values: np.ndarray, name: str, stride: int = 1) -> np.ndarray:
        kernel = self._weights[f"{name}.weight"]
        padded = np.pad(values, ((1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
        rows = windows[::stride, ::stride]
        flat = rows.reshape(rows.shape[0] * rows.shape[1], -1) @ kernel.reshape(len(kernel), -1).T
        found: np.ndarray = flat + self._weights[f"{name}.bias"]
        return found.reshape(rows.shape[0], rows.shape[1], -1)


class Seen:
    """The kinds (64, 64), counted from 1 with 0 for sky, and how many there are of some."""

    def __init__(self, kinds: np.ndarray, counts: dict[Kind, int]) -> None:
        self.kinds, self._counts = kinds, counts

    def number(self, kind: Kind) -> int:
        """How many there are: of what flies clear of all others by its parts, else as learned."""
        return count_parts(self.where(kind)) if kind == "balloon" else self._counts[kind]

    def where(self, *kinds: Kind) -> np.ndarray:
        """The cells that show one of the kinds."""
        found: np.ndarray = np.isin(self.kinds, [SHOWN.index(kind) + 1 for kind in kinds])
        return found


def reduced(picture: np.ndarray) -> np.ndarray:
    """A square byte image at the size that is looked at."""
    if picture.shape[0] == SIDE:
        return picture
    return np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX))
