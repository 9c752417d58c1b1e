"""Decides where the single things of a scene are, how big, and in which colour."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from sandbox.painter.canvas import Rgb
from sandbox.painter.composition import NATURAL, numbered, pick
from sandbox.painter.ground import Ground
from sandbox.painter.palette import COLOURS, PINE, toned
from sandbox.painter.scene import Thing
from sandbox.painter.view import Spot, View
from sandbox.painter.vocabulary import Kind

Placed: TypeAlias = tuple[Kind, Spot, Rgb]

BROAD: tuple[Kind, ...] = ("house", "tree", "boat")  # they need room around them
OTHERS: tuple[Kind, ...] = ("pines", "balloon", "birds", "flowers")
SIZE_SCALES = {"small": 0.72, "medium": 1.0, "big": 1.35}
ELBOW_ROOM = 0.2
HOUSE_FRONT = 0.11


def place(view: View, ground: Ground) -> list[Placed]:
    """Every single thing with its spot and its plain colour, in no particular order."""
    placed: list[Placed] = []
    things = numbered(view.scene.things)
    for number, thing in sorted(things, key=lambda entry: entry[1].kind not in BROAD):
        if thing.kind not in BROAD + OTHERS:
            continue
        chance = view.dice(f"{thing.kind} {number}")
        spots = _spots(view, ground, thing, chance)
        if thing.kind in BROAD:
            spots = _apart(spots, [spot.x for kind, spot, _ in placed if kind in BROAD])
        elif thing.kind == "pines":
            spots = _beside(spots, [spot for kind, spot, _ in placed if kind == "house"])
        placed += [(thing.kind, spot, _colour(thing, chance)) for spot in spots]
    return placed


def _colour(thing: Thing, chance: np.random.Generator) -> Rgb:
    if thing.kind == "pines" and thing.colour == "green":
        return PINE
    if thing.colour is None:
        return toned(COLOURS[pick(NATURAL[thing.kind], chance)], thing.tone)
    return toned(COLOURS[thing.colour], thing.tone)


def _spots(view: View, ground: Ground, thing: Thing, chance: np.random.Generator) -> list[Spot]:
    match thing.kind:
        case "birds":
            return _flock(view, chance)
        case "balloon":
            return _aloft(view, thing, chance)
        case "boat" if ground.water is not None:
            return [_afloat(view, ground, x, chance) for x in _xs(view, thing, chance)]
        case "pines":
            return _standing(view, ground, (thing, _grove(view, thing, chance)), chance)
        case "flowers":
            return _growing(view, ground, thing, chance)
        case _:
            return _standing(view, ground, (thing, _xs(view, thing, chance)), chance)


def _standing(
    view: View,
    ground: Ground,
    group: tuple[Thing, Sequence[float]],
    chance: np.random.Generator,
) -> list[Spot]:
    """Upright on the ground, the nearer the bigger; groups are a little smaller."""
    thing, xs = group
    room = min((view.canvas.height - view.horizon) / 0.4, 1.2)
    size = SIZE_SCALES[thing.size or "medium"] * room
    if thing.kind == "house" and len(xs) > 1:
        size *= 0.92 - 0.06 * len(xs)
    spots = []
    for x in xs:
        depth = float(chance.uniform(0.1, 1.0))
        y = ground.height(x, view.canvas.unit) + ground.depth * depth * 0.55
        scale = size * (0.86 + 0.3 * depth) * float(chance.uniform(0.92, 1.08))
        spots.append(Spot(x, min(y, view.canvas.height - 0.012), scale))
    return spots


def _growing(view: View, ground: Ground, thing: Thing, chance: np.random.Generator) -> list[Spot]:
    """Flowers all over the foreground, the nearer the bigger."""
    count = int((60 if thing.count == 1 else 110) * view.canvas.width)
    spots = []
    for x in chance.uniform(0, view.canvas.width, count).tolist():
        top = ground.height(x, view.canvas.unit)
        depth = float(chance.uniform(0.04, 1.0)) ** 0.8
        y = top + 0.02 + (view.canvas.height - top - 0.03) * depth
        spots.append(Spot(x, y, (0.45 + 0.85 * depth) * float(chance.uniform(0.85, 1.15))))
    return spots


def _xs(view: View, thing: Thing, chance: np.random.Generator) -> list[float]:
    count = thing.count or 1
    if count == 1:
        return [float(view.place(thing, chance))]
    slots = (np.arange(count) + 0.5 + chance.uniform(-0.22, 0.22, count)) / count
    return [float(x) for x in slots * view.canvas.width]


def _grove(view: View, thing: Thing, chance: np.random.Generator) -> list[float]:
    """Clumps of trees rather than an even row."""
    if thing.count == 1:
        return _xs(view, thing, chance)
    clumps = chance.uniform(0, view.canvas.width, max(4, round(4.2 * view.canvas.width)))
    around = chance.normal(0, 0.09, (len(clumps), 4))
    return [float(x) for x in (clumps[:, None] + around).ravel()]


def _flock(view: View, chance: np.random.Generator) -> list[Spot]:
    x = view.canvas.width * chance.uniform(0.25, 0.7)
    y = view.horizon * chance.uniform(0.3, 0.6)
    steps = chance.uniform(-1, 1, (int(chance.integers(5, 9)), 2)).tolist()
    return [
        Spot(float(x + dx * 0.2), float(y + dy * 0.09), float(chance.uniform(0.6, 1.1)))
        for dx, dy in steps
    ]


def _aloft(view: View, thing: Thing, chance: np.random.Generator) -> list[Spot]:
    size = SIZE_SCALES[thing.size or "medium"]
    spots = []
    for number, x in enumerate(_xs(view, thing, chance)):
        scale = size * chance.uniform(0.9, 1.1) * (1 if number == 0 else chance.uniform(0.5, 0.9))
        y = max(view.horizon * chance.uniform(0.25, 0.5), 0.11 * scale)
        spots.append(Spot(x, float(y), float(scale)))
    return spots


def _afloat(view: View, ground: Ground, x: float, chance: np.random.Generator) -> Spot:
    water = ground.water or 0.0
    room = min(float(ground.line.min()), view.canvas.height) - water
    share = float(chance.uniform(0.3, 0.75))
    return Spot(x, water + room * share, (0.6 + 0.6 * share) * min(room / 0.3, 1.15))


def _apart(spots: list[Spot], taken: list[float]) -> list[Spot]:
    """The spots moved sideways, each just enough to leave room around what is taken."""
    moved = []
    for spot in spots:
        near = next((x for x in taken if abs(x - spot.x) < ELBOW_ROOM), None)
        side = 1 if near is None or spot.x >= near else -1
        moved.append(spot if near is None else replace(spot, x=near + side * ELBOW_ROOM))
    return moved


def _beside(spots: list[Spot], houses: list[Spot]) -> list[Spot]:
    """Only the spots that do not hide the front of a house."""
    return [
        spot
        for spot in spots
        if all(abs(spot.x - h.x) > HOUSE_FRONT * h.scale or spot.y < h.y for h in houses)
    ]
