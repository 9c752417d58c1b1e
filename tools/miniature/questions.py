"""What can be asked of a scene: the answers that the text encoders are taught to give."""

from __future__ import annotations

from typing import get_args

import numpy as np

from backends.sandbox.scene import Scene, Thing
from backends.sandbox.words import COLOURS, PLACES, SIZES, Sky
from tools.miniature.scenes import KINDS, SPOTTED

COLOURLESS = ("stars", "birds", "pines")
_NO_YES = ("no", "yes")
QUESTIONS: dict[str, tuple[str, ...]] = {
    "sky": get_args(Sky),
    **dict.fromkeys(KINDS, _NO_YES),
    **{f"{kind} colour": tuple(COLOURS) for kind in KINDS if kind not in COLOURLESS},
    **{f"{kind} place": tuple(PLACES) for kind in SPOTTED},
    **{f"{kind} size": tuple(SIZES) for kind in SPOTTED},
    "mountains snowy": _NO_YES,
}


def answer(scene: Scene) -> np.ndarray:
    """The number of the right answer to each question; -1 where it does not apply."""
    things: dict[str, Thing] = {thing.kind: thing for thing in scene.things}
    return np.array([_answer(name, scene, things) for name in QUESTIONS], np.int64)


def _answer(name: str, scene: Scene, things: dict[str, Thing]) -> int:
    kind, _, trait = name.partition(" ")
    thing = things.get(kind)
    if name == "sky":
        return QUESTIONS[name].index(scene.sky or "blue")
    if not trait:
        return int(thing is not None)
    if thing is None:
        return -1
    if trait == "snowy":
        return int(thing.snowy)
    told = getattr(thing, trait)
    return QUESTIONS[name].index(told) if told in QUESTIONS[name] else -1
