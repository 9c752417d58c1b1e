"""What can be asked of a scene, and how wrong answers are counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import numpy as np
import torch

from sandbox.painter.scene import Scene, Thing
from sandbox.painter.vocabulary import COLOURS, PLACES, SIZES, TONES, Sky
from tools.miniature.scenes import COLOURLESS, COUNTABLE, KINDS, SPOTTED

_NO_YES = ("no", "yes")
QUESTIONS: dict[str, tuple[str, ...]] = {
    "sky": get_args(Sky),
    **dict.fromkeys(KINDS, _NO_YES),
    **{f"{kind} colour": tuple(COLOURS) for kind in KINDS if kind not in COLOURLESS},
    **{f"{kind} place": tuple(PLACES) for kind in SPOTTED},
    **{f"{kind} size": tuple(SIZES) for kind in SPOTTED},
    **{f"{kind} count": ("1", "2", "3") for kind in COUNTABLE},
    **{f"{kind} tone": tuple(TONES) for kind in KINDS if kind not in COLOURLESS},
    "sky tone": tuple(TONES),
    "mountains snowy": _NO_YES,
}


def answer(scene: Scene) -> np.ndarray:
    """The number of the right answer to each question; -1 where it does not apply."""
    kinds = [thing.kind for thing in scene.things]
    things: dict[str, Thing] = {thing.kind: thing for thing in scene.things}
    for kind in set(kinds):
        if kinds.count(kind) > 1:  # there is no one colour, place or size of both
            things[kind] = Thing(kind, count=kinds.count(kind))
    return np.array([_answer(name, scene, things) for name in QUESTIONS], np.int64)


def loss(
    scores: torch.Tensor, known: torch.Tensor, questions: Mapping[str, tuple[str, ...]]
) -> torch.Tensor:
    """Cross entropy of every question that applies (-1: it does not), summed over the questions."""
    parts = scores.split([len(names) for names in questions.values()], dim=1)
    losses = [
        torch.nn.functional.cross_entropy(part, known[:, number], ignore_index=-1)
        for number, part in enumerate(parts)
    ]
    return torch.stack(losses).nan_to_num(0.0).sum()


def _answer(name: str, scene: Scene, things: dict[str, Thing]) -> int:
    kind, _, trait = name.partition(" ")
    thing = things.get(kind)
    if name == "sky":
        return QUESTIONS[name].index(scene.sky or "blue")
    if name == "sky tone":
        return list(TONES).index(scene.tone) if scene.tone else -1
    if not trait:
        return int(thing is not None)
    if thing is None:
        return -1
    if trait == "snowy":
        return int(thing.snowy)
    told = str(getattr(thing, trait))
    return QUESTIONS[name].index(told) if told in QUESTIONS[name] else -1
