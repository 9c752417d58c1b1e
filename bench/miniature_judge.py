"""What each 4 x 4 pixels of an image show and in which colour, by a small network in NumPy.

It was trained on the painter's own images (`tools/miniature/device/judge.py`), for twenty minutes
on one core: of fresh ones it names 82 % of the cells and 84 % of the colours. So what it says of a
model is printed beside what it says of the painter.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from sandbox.painter.vocabulary import COLOURS, Colour, Kind
from tools.miniature.pictures import SHOWN

NAME = "miniature_judge.npz"
SIDE = 256


class Judge:
    """Looks at images at 256 x 256."""

    def __init__(self, folder: Path) -> None:
        with np.load(folder / NAME) as stored:
            self._weights = {name: stored[name].astype(np.float32) for name in stored.files}

    def __call__(self, picture: np.ndarray) -> Seen:
        """What is where in a byte image of any square size."""
        if picture.shape[0] != SIDE:
            resized = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX)
            picture = np.asarray(resized)
        values, kept = 2 * np.sqrt(picture.astype(np.float32) / np.float32(255)) - 1, []
        for number in range(4):
            values = np.maximum(self._convolve(values, f"down.{number}", 2), 0)
            kept.append(values)
        for number in range(2):
            values = np.maximum(self._convolve(values, f"deep.{number}"), 0) + values
        for number, skip in enumerate((kept[2], kept[1])):
            values = values.repeat(2, axis=0).repeat(2, axis=1)
            values = np.concatenate([values, skip], axis=2)
            values = np.maximum(self._convolve(values, f"up.{number}"), 0)
        values = np.maximum(self._convolve(values, "last"), 0)
        scores = values @ self._weights["out.weight"][:, :, 0, 0].T + self._weights["out.bias"]
        kinds = len(SHOWN) + 1
        return Seen(scores[..., :kinds].argmax(axis=2), scores[..., kinds:])

    def _convolve(self, values: np.ndarray, name: str, stride: int = 1) -> np.ndarray:
        kernel = self._weights[f"{name}.weight"]
        padded = np.pad(values, ((1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
        rows = windows[::stride, ::stride]
        flat = rows.reshape(rows.shape[0] * rows.shape[1], -1) @ kernel.reshape(len(kernel), -1).T
        found: np.ndarray = flat + self._weights[f"{name}.bias"]
        return found.reshape(rows.shape[0], rows.shape[1], -1)


class Seen:
    """The kinds (64, 64), counted from 1 with 0 for sky, and the colours' scores (64, 64, 12)."""

    def __init__(self, kinds: np.ndarray, colours: np.ndarray) -> None:
        self.kinds, self._colours = kinds, colours

    def where(self, kind: Kind) -> np.ndarray:
        """The cells that show a kind."""
        found: np.ndarray = self.kinds == SHOWN.index(kind) + 1
        return found

    def colour(self, kind: Kind) -> Colour | None:
        """The colour most of a kind's cells have; None where there are fewer than three."""
        cells = self.where(kind)
        if cells.sum() < 3:
            return None
        scores = self._colours[cells]
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        names: list[Colour] = list(COLOURS)
        return names[int(shares.sum(axis=0).argmax())]
