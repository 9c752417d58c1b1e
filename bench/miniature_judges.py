"""What an image shows, by a small network that was trained on the painter's own images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sandbox.painter.scene import Scene
from sandbox.painter.vocabulary import COLOURS
from tools.miniature.pictures import PATCH

NAME = "miniature_judges.npz"
LARGER = "miniature_judges_192.npz"
"""Judges of the same kind that learned at 192 x 192."""
KERNELS = ((3, 16, 2), (16, 32, 2), (32, 64, 2), (64, 48, 2))
"""Inputs, outputs and stride of each convolution."""
OBJECTS = ("mountains", "tree", "house", "boat", "balloon")
_YES_NO = ("no", "yes")
SKIES = (
    "blue", "pink", "orange", "purple", "grey", "teal",
    "night", "sunset", "dawn", "red", "golden", "green",
)  # fmt: skip
"""The skies there were when they were trained."""
HEADS: dict[str, tuple[str, ...]] = {
    "sky": SKIES,
    "ground": ("hills", "sea", "desert", "snow"),
    "ground colour": tuple(COLOURS),
    "disc": ("none", "sun", "moon"),
    "disc colour": tuple(COLOURS),
    "disc side": ("left", "center", "right"),
    **dict.fromkeys(OBJECTS, _YES_NO),
}


class Judges:
    """Answers every question about square images of the side that they learned at."""

    def __init__(self, folder: Path, name: str = NAME) -> None:
        with np.load(folder / name) as stored:
            self._weights = {name: stored[name].astype(np.float32) for name in stored.files}
        seen = self._weights["out.weight"].shape[1] - len(self._weights["where.weight"])
        places = seen // KERNELS[-1][1] - 1
        self.side = PATCH * round(float(np.sqrt(places)))

    def features(self, picture: np.ndarray) -> np.ndarray:
        """What the network sees: every channel in each of its cells, then its strongest anywhere.

        Last, how sure it is of each kind of thing in the cell where it is surest.
        """
        values = 2 * np.sqrt(picture.astype(np.float32) / np.float32(255)) - 1  # nights, too
        for number, (inputs, outputs, stride) in enumerate(KERNELS):
            kernel = self._weights[f"convolutions.{number}.weight"]
            padded = np.pad(values, ((1, 1), (1, 1), (0, 0)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
            rows = windows[::stride, ::stride]
            high, wide = rows.shape[:2]
            flat = rows.reshape(high * wide, inputs * 9) @ kernel.reshape(outputs, -1).T
            values = np.maximum(flat + self._weights[f"convolutions.{number}.bias"], 0)
            values = values.reshape(high, wide, outputs)
        where = values @ self._weights["where.weight"][:, :, 0, 0].T + self._weights["where.bias"]
        strongest = [values.max(axis=(0, 1)), where.max(axis=(0, 1))]
        return np.concatenate([values.transpose(2, 0, 1).ravel(), *strongest])

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """The number of the likeliest answer to each question of `HEADS`."""
        scores = self._weights["out.weight"] @ self.features(picture) + self._weights["out.bias"]
        edges = np.cumsum([len(names) for names in HEADS.values()])[:-1]
        return np.array([part.argmax() for part in np.split(scores, edges)])


def answers(scene: Scene) -> np.ndarray:
    """The true answers for a complete scene; -1 where a question does not apply."""
    disc = scene.find("sun", "moon")
    ground = next(thing for thing in scene.things if thing.kind in HEADS["ground"])
    told = {
        "sky": scene.sky or "",
        "ground": ground.kind,
        "ground colour": ground.colour or "",
        "disc": disc.kind if disc else "none",
        "disc colour": (disc.colour or "") if disc else "",
        "disc side": (disc.place or "") if disc else "",
    }
    kinds = {thing.kind for thing in scene.things}
    told |= {name: "yes" if name in kinds else "no" for name in OBJECTS}
    return np.array(
        [names.index(told[head]) if told[head] in names else -1 for head, names in HEADS.items()]
    )
