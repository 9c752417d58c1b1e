"""Which colour a thing has: the one the painter itself gives the nearest colour on the canvas.

The painter draws the same scene with the thing in each colour of the vocabulary, so that light,
night and shadow count alike on both sides; and each of these several times, for mountains pale with
the haze the farther they are. No network is asked.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from bench.miniature_judge import SIDE, Seen, reduced
from sandbox.painter.scene import Scene
from sandbox.painter.vocabulary import COLOURS, Colour, Kind
from tools.miniature.pictures import CELL, GROUNDS, SHOWN, paint_scene

TIMES = 6  # that the painter draws each
LEAST = 3  # cells that a thing has to fill for its colour to be told
ALIKE: dict[Kind, tuple[Kind, ...]] = {
    "sun": ("sun", "moon"), "moon": ("sun", "moon"), "hills": GROUNDS, "sea": GROUNDS,
}  # fmt: skip
"""What counts as the kind: white hills and snow look the same, and only the colour is asked."""


def colour_of(picture: np.ndarray, seen: Seen, scene: Scene, kind: Kind) -> Colour | None:
    """The colour of a kind in an image of the scene; None where too little of it is there."""
    cells = seen.where(*ALIKE.get(kind, (kind,)))
    if cells.sum() < LEAST:
        return None
    apart = np.abs(_wanted(scene, kind) - _middle(reduced(picture), cells)).sum(axis=2).min(axis=1)
    names: list[Colour] = list(COLOURS)
    return names[int(apart.argmin())]


@lru_cache(maxsize=512)
def _wanted(scene: Scene, kind: Kind) -> np.ndarray:
    """What the painter makes of each colour (colours, times, 3)."""
    found = []
    for colour in COLOURS:
        things = tuple(replace(t, colour=colour) if t.kind == kind else t for t in scene.things)
        for number in range(TIMES):
            drawn = replace(scene, things=things), (SIDE, SIDE), f"colours {number}"
            painted, shown = paint_scene(*drawn)
            found.append(_middle(painted, shown == SHOWN.index(kind) + 1))
    return np.array(found).reshape(len(COLOURS), TIMES, 3)


def _middle(picture: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """The median of the pixels in the cells, each colour of three for itself, as the eye has it."""
    shares = np.sqrt(picture.astype(np.float32) / np.float32(255))
    rows, columns = cells.shape
    blocks = shares.reshape(rows, CELL, columns, CELL, 3).transpose(0, 2, 1, 3, 4)
    found: np.ndarray = np.median(blocks[cells].reshape(-1, 3), axis=0)
    return found
