"""Random scenes for the painter, with every colour, count and relation a prompt can ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from sandbox.painter.composition import NATURAL, complete
from sandbox.painter.scene import Scene, Thing
from sandbox.painter.vocabulary import COLOURS, Colour, Kind, Place, Size, Sky, Tone

T = TypeVar("T")

SIMPLE = 0.4
"""The share of images with little in them: short prompts are the first that anybody tries."""
FULL = 10.0  # a guidance at which the painter leaves nothing out
KINDS: tuple[Kind, ...] = (
    "sun", "moon", "stars", "clouds", "mountains", "hills", "sea", "desert", "snow",
    "house", "tree", "pines", "boat", "balloon", "birds", "flowers",
)  # fmt: skip
SKIES: tuple[Sky, ...] = (
    "blue", "blue", "blue", "pink", "orange", "purple", "grey", "teal", "night", "night", "night",
    "sunset", "sunset", "dawn", "red", "golden", "green", "white", "brown",
)  # fmt: skip
PLACES: tuple[Place, ...] = ("left", "center", "right")
SIZES: tuple[Size, ...] = ("small", "medium", "medium", "big", "big")
SPOTTED: tuple[Kind, ...] = ("sun", "moon", "house", "tree", "boat", "balloon")
COUNTABLE: tuple[Kind, ...] = ("house", "tree", "boat", "balloon")
COLOURLESS: tuple[Kind, ...] = ("stars", "birds", "pines")
LEFT_OUT: frozenset[tuple[Kind, Colour]] = frozenset(
    {
        ("sun", "teal"), ("moon", "brown"), ("mountains", "yellow"), ("hills", "grey"),
        ("sea", "red"), ("house", "purple"), ("boat", "teal"), ("balloon", "brown"),
        ("tree", "blue"),
    }
)  # fmt: skip
"""Pairs that no training image shows: what they look like has to be put together."""
EVERY: tuple[Colour, ...] = tuple(COLOURS)
USUAL: dict[Kind, tuple[Colour, ...]] = {
    "sun": ("yellow", "orange", "red", "white", "pink"),
    "clouds": ("white", "white", "pink", "grey"),
}


def draw_scene(chance: np.random.Generator) -> Scene:
    """A complete scene: one sky, one ground, at most one sun or moon, and things on it."""
    sky = _one(chance, SKIES)
    tone: Tone | None = _one(chance, ("dark", "bright")) if chance.random() < 0.12 else None
    ground: Kind = _one(chance, ("hills", "hills", "hills", "sea", "sea", "sea", "desert", "snow"))
    alone = bool(chance.random() < 0.06)
    if alone:
        kind = _one(chance, _subjects(ground))
        things = [replace(_thing(kind, chance), place=_one(chance, PLACES))]
        things.insert(kind not in ("sun", "moon"), _thing(ground, chance))
    elif chance.random() < SIMPLE:
        things = _simple(sky, ground, chance)
    else:
        things = [*_lights(sky, chance), *_backdrop(chance), _thing(ground, chance)]
        things += _objects(ground, chance)
    things = _clear_of_discs(things, chance)
    kinds = {thing.kind for thing in things}
    absent = tuple(kind for kind in KINDS if kind not in kinds)
    key = f"miniature {int(chance.integers(2**62))}"
    scene = Scene(sky, tuple(things), absent, tone=tone, alone=alone)
    return replace(complete(scene, key, FULL), unknown=())


def scene_of(seed: int) -> Scene:
    """The scene of a training image, or of any other number."""
    return draw_scene(np.random.default_rng((seed, 5)))


def _subjects(ground: Kind) -> tuple[Kind, ...]:
    """What can be the one thing in an image."""
    standing: tuple[Kind, ...] = ("boat",) if ground == "sea" else ("house", "tree")
    return (*standing, *standing, "balloon", "sun", "moon")


def _simple(sky: Sky, ground: Kind, chance: np.random.Generator) -> list[Thing]:
    """Land, at most one light, and one or two kinds of things, each of them once to three times."""
    found = []
    if chance.random() < 0.45:
        night = chance.random() < (0.85 if sky == "night" else 0.14)
        found.append(_thing("moon" if night else "sun", chance))
    if chance.random() < 0.12:
        found.append(_thing("mountains", chance))
    found.append(_thing(ground, chance))
    standing: tuple[Kind, ...] = ("house", "tree", "balloon")
    options = ("boat", "boat", *standing) if ground == "sea" else standing
    amount = int(chance.choice((0, 1, 2), p=(0.1, 0.5, 0.4)))
    chosen = [_one(chance, options) for _ in range(amount)]
    free = [PLACES[int(number)] for number in chance.permutation(3)]
    for kind in dict.fromkeys(chosen):
        count = int(chance.choice((1, 2, 3), p=(0.46, 0.28, 0.26)))
        place = free.pop() if count == 1 else None
        found.append(replace(_thing(kind, chance), count=count, place=place))
    return found


def _lights(sky: Sky, chance: np.random.Generator) -> list[Thing]:
    found = []
    if sky == "night" and chance.random() < 0.6:
        found.append(_thing("stars", chance))
    moon = chance.random() < (0.85 if sky == "night" else 0.14)
    if chance.random() < 0.75:
        disc = _thing("moon" if moon else "sun", chance)
        found.append(replace(disc, low=bool(chance.random() < 0.1)))
    return found


def _backdrop(chance: np.random.Generator) -> list[Thing]:
    found = []
    if chance.random() < 0.22:
        found.append(_thing("clouds", chance))
    if chance.random() < 0.45:
        thing = _thing("mountains", chance)
        found.append(replace(thing, size="medium", snowy=bool(chance.random() < 0.3)))
    return found


def _objects(ground: Kind, chance: np.random.Generator) -> list[Thing]:
    """What stands on the ground or floats, and what flies above."""
    draw = float(chance.random())
    odds: dict[Kind, float]
    if draw < 0.07:
        found = _around(_one(chance, ("house", "tree")), _one(chance, ("tree", "house")), chance)
        odds = {}
    elif draw < 0.14:
        kind: Kind = "boat" if ground == "sea" else _one(chance, ("house", "tree"))
        found, odds = _pair(kind, chance), {}
    elif ground == "sea":
        found, odds = [], {"boat": 0.65, "house": 0.14, "tree": 0.1}
    else:
        found, odds = [], {"house": 0.45, "tree": 0.42, "pines": 0.18, "flowers": 0.06}
    grouped = False
    for kind, odd in odds.items():
        if chance.random() < (odd * 0.3 if grouped and kind in COUNTABLE else odd):
            found.append(_counted(kind, chance))
            grouped = grouped or found[-1].count != 1
    if chance.random() < 0.26:
        found.append(_counted("balloon", chance))
    if chance.random() < 0.08:
        found.append(_thing("birds", chance))
    return found


def _clear_of_discs(things: list[Thing], chance: np.random.Generator) -> list[Thing]:
    """One balloon mostly flies where no sun or moon is."""
    taken = {thing.place for thing in things if thing.kind in ("sun", "moon")}
    free = [place for place in PLACES if place not in taken]
    return [
        replace(thing, place=_one(chance, free))
        if thing.kind == "balloon" and thing.place in taken and chance.random() < 0.8
        else thing
        for thing in things
    ]


def _around(middle: Kind, sides: Kind, chance: np.random.Generator) -> list[Thing]:
    """One thing between two others that look alike."""
    beside = replace(_thing(sides, chance), size="medium")
    return [
        replace(_thing(middle, chance), place="center"),
        replace(beside, place="left"),
        replace(beside, place="right"),
    ]


def _pair(kind: Kind, chance: np.random.Generator) -> list[Thing]:
    """Two things of one kind, each with a place and a colour of its own."""
    first, second = chance.permutation(3)[:2]
    one, other = _thing(kind, chance), _thing(kind, chance)
    return [replace(one, place=PLACES[int(first)]), replace(other, place=PLACES[int(second)])]


def _counted(kind: Kind, chance: np.random.Generator) -> Thing:
    thing = _thing(kind, chance)
    if kind not in COUNTABLE:
        return thing
    count = int(chance.choice((1, 2, 3), p=(0.66, 0.19, 0.15)))
    return thing if count == 1 else replace(thing, count=count, place=None)


def _thing(kind: Kind, chance: np.random.Generator) -> Thing:
    place = _one(chance, PLACES) if kind in SPOTTED else None
    several = kind in ("pines", "birds", "flowers", "clouds", "stars")
    tone: Tone | None = None
    if kind not in COLOURLESS and chance.random() < 0.08:
        tone = _one(chance, ("dark", "bright"))
    colour = _colour(kind, chance)
    return Thing(kind, colour, _one(chance, SIZES), place, None if several else 1, tone=tone)


def _colour(kind: Kind, chance: np.random.Generator) -> Colour:
    """A colour that suits the thing, or any other at all."""
    natural = USUAL.get(kind) or NATURAL[kind]
    if kind in COLOURLESS or chance.random() < (0.9 if kind == "snow" else 0.35):
        options: Sequence[Colour] = natural
    else:
        options = EVERY
    allowed = [colour for colour in options if (kind, colour) not in LEFT_OUT]
    return _one(chance, allowed)


def _one(chance: np.random.Generator, options: Sequence[T]) -> T:
    return options[int(chance.integers(len(options)))]
