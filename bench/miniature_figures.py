"""Whether the miniature is round, sharp and obedient: the painter, former weights, these weights.

Every figure is measured alike on the painter's own images, at 1024 x 1024 from its own hand, so
that what the judge gets wrong can be seen beside what the model does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from bench.miniature_colours import colour_of
from bench.miniature_judge import Judge
from bench.miniature_shapes import circularity, edge_widths
from bench.miniature_words import say
from sandbox.painter.composition import complete
from sandbox.painter.palette import SKIES
from sandbox.painter.scene import Scene, Thing
from sandbox.painter.vocabulary import COLOURS, SKY_OF_COLOUR, Colour, Kind, Place
from tools.miniature.scenes import KINDS, LEFT_OUT

Paint = Callable[[Scene, str, int], np.ndarray]
"""A scene, its prompt and a seed become a byte image of 1024 x 1024."""
LARGE = 1024
CELL = LARGE // 64
LOOKED_AT: tuple[Kind, ...] = (
    "sun", "moon", "hills", "mountains", "sea", "house", "boat", "balloon", "tree",
)  # fmt: skip
COUNTED: tuple[Kind, ...] = ("house", "boat", "tree", "balloon")
PAIRS: tuple[tuple[Kind, Kind], ...] = (
    ("house", "boat"), ("house", "tree"), ("boat", "balloon"), ("tree", "balloon"),
    ("house", "balloon"),
)  # fmt: skip
PLAIN: tuple[Colour, ...] = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")
PLACES: tuple[Place, ...] = ("left", "center", "right")


@dataclass(frozen=True, slots=True)
class Asked:
    """A scene in words, and the numbers of the images that are made of it."""

    scene: Scene
    seed: int

    def painted(self, paint: Paint) -> np.ndarray:
        """One image."""
        return paint(self.scene, say(self.scene), self.seed)


def measure(title: str, paint: Paint, judge: Judge, share: float = 1.0) -> None:
    """Print every figure of one painter; a share of the images gives a quick look."""
    print(f"\n{title}")
    _round_and_sharp(paint, judge, max(2, round(200 * share)))
    _colours(paint, judge, max(1, round(2 * share)))
    _skies(paint, max(1, round(3 * share)))
    _counts(paint, judge, max(1, round(20 * share)))
    _pairs(paint, judge, max(2, round(100 * share)))


def _round_and_sharp(paint: Paint, judge: Judge, count: int) -> None:
    rounds, widths = [], {"disc": [], "house": [], "boat": []}  # type: dict[str, list[float]]
    for number, asked in enumerate(_discs(count)):
        picture = asked.painted(paint)
        seen = judge(picture)
        disc = seen.where("sun", "moon")
        if disc.sum() >= 4:
            rows, columns = np.nonzero(disc)
            middle = (columns.mean() + 0.5) * CELL, (rows.mean() + 0.5) * CELL
            rounds.append(circularity(picture, middle, np.sqrt(disc.sum() / np.pi) * CELL))
            widths["disc"] += edge_widths(picture, _window(disc))
        else:
            rounds.append(0.0)  # there is none
        if number < count // 4:
            for kind in ("house", "boat"):
                large = one_thing(kind, "red", number).painted(paint)
                cells = judge(large).where(kind)
                if cells.sum() >= 4:
                    widths[kind] += edge_widths(large, _window(cells))
    low, middle_value = np.quantile(rounds, (0.1, 0.5))
    print(f"  round: median {middle_value:.3f}, lowest tenth below {low:.3f}")
    for name, found in widths.items():
        print(f"  sharp, {name}: median {np.median(found or [np.nan]):.2f} pixels of 1024")


def _colours(paint: Paint, judge: Judge, each: int) -> None:
    """Every colour on every thing."""
    left_out, wrong = [], []
    for kind in LOOKED_AT:
        right = []
        for colour in COLOURS:
            for seed in range(each):
                asked = one_thing(kind, colour, seed)
                picture = asked.painted(paint)
                found = colour_of(picture, judge(picture), asked.scene, kind)
                right.append(found == colour)
                if (kind, colour) in LEFT_OUT:
                    left_out.append(right[-1])
                if not right[-1]:
                    wrong.append(f"{colour} {kind}")
        print(f"  colours of {kind}: {np.mean(right):.1%}", flush=True)
    print(f"  colours of pairs left out: {np.mean(left_out):.1%}")
    print(f"  wrong: {', '.join(dict.fromkeys(wrong))}")


def _skies(paint: Paint, each: int) -> None:
    """The sky of each colour is nearest to the painter's own of that colour."""
    names = {colour: SKY_OF_COLOUR[colour] for colour in COLOURS}
    table = np.array([np.mean(SKIES[sky][:2], axis=0) for sky in names.values()])
    right, wrong = [], []
    for number, sky in enumerate(names.values()):
        for seed in range(each):
            scene = _completed(Scene(sky, (Thing("hills", "green"),)), seed)
            upper = paint(scene, say(scene), seed)[: LARGE // 3].mean(axis=(0, 1)) / 255
            right.append(int(np.abs(table - upper).sum(axis=1).argmin()) == number)
            wrong += [] if right[-1] else [sky]
    print(f"  colours of sky: {np.mean(right):.1%} wrong: {', '.join(dict.fromkeys(wrong))}")


def _counts(paint: Paint, judge: Judge, each: int) -> None:
    for kind in COUNTED:
        told = []
        for count in (1, 2, 3):
            found = []
            for seed in range(each):
                asked = one_thing(kind, PLAIN[seed % len(PLAIN)], seed, count)
                found.append(judge(asked.painted(paint)).number(kind) == count)
            told.append(f"{count}: {np.mean(found):.0%}")
        print(f"  counts of {kind}: {', '.join(told)}", flush=True)


def _pairs(paint: Paint, judge: Judge, count: int) -> None:
    """Two things of different colours in one prompt."""
    right = []
    for number in range(count):
        chance = np.random.default_rng((number, 11))
        kinds = PAIRS[number % len(PAIRS)]
        tints = [PLAIN[int(n)] for n in chance.permutation(len(PLAIN))[:2]]
        places = [PLACES[int(n)] for n in chance.permutation(3)[:2]]
        sea = "boat" in kinds
        ground = Thing("sea", "blue") if sea else Thing("hills", "green")
        things = [
            Thing(kind, tint, "medium", place)
            for kind, tint, place in zip(kinds, tints, places, strict=True)
        ]
        scene = _completed(Scene("blue", (ground, *things)), number)
        picture = paint(scene, say(scene), number)
        seen = judge(picture)
        found = [colour_of(picture, seen, scene, kind) for kind in kinds]
        right.append([one == tint for one, tint in zip(found, tints, strict=True)])
    both = np.array(right)
    print(f"  two objects: both colours {both.all(axis=1).mean():.1%}, each {both.mean():.1%}")


def _discs(count: int) -> Iterator[Asked]:
    """Suns by day and moons by night in front of nothing but sky."""
    for number in range(count):
        chance = np.random.default_rng((number, 7))
        night = bool(number % 2)
        colours: tuple[Colour, ...] = ("white", "yellow", "orange", "red", "pink")
        disc = Thing(
            "moon" if night else "sun",
            colours[int(chance.integers(len(colours) - 2 * night))],
            ("small", "medium", "big")[int(chance.integers(3))],  # type: ignore[arg-type]
            PLACES[int(chance.integers(3))],
        )
        sky = "night" if night else ("blue", "teal", "grey", "dawn")[int(chance.integers(4))]
        ground = Thing(("hills", "sea", "snow")[int(chance.integers(3))])  # type: ignore[arg-type]
        yield Asked(_completed(Scene(sky, (disc, ground)), number), number)  # type: ignore[arg-type]


def one_thing(kind: Kind, colour: Colour, seed: int, count: int = 1) -> Asked:
    """One kind on plain ground under a sky of another colour."""
    sky = "dawn" if colour in ("blue", "white", "grey") else "blue"
    thing = Thing(kind, colour, "medium", None if count > 1 else "center", count)
    if kind in ("hills", "sea"):
        things: tuple[Thing, ...] = (replace(thing, place=None),)
    elif kind == "boat":
        things = (Thing("sea", "teal" if colour == "blue" else "blue"), thing)
    else:
        things = (Thing("hills", "yellow" if colour in ("green", "teal") else "green"), thing)
    return Asked(_completed(Scene(sky, things), seed), seed)  # type: ignore[arg-type]


def _completed(scene: Scene, seed: int) -> Scene:
    """The scene with nothing else in it and nothing left open."""
    kinds = {thing.kind for thing in scene.things}
    absent = tuple(kind for kind in KINDS if kind not in kinds)
    return complete(replace(scene, absent=absent, alone=True), f"figures {seed}", 10.0)


def _window(cells: np.ndarray) -> tuple[int, int, int, int]:
    """The pixels around the cells that show a thing."""
    rows, columns = np.nonzero(cells)
    return (
        max(int(columns.min() - 2) * CELL, 0),
        max(int(rows.min() - 2) * CELL, 0),
        min(int(columns.max() + 3) * CELL, LARGE),
        min(int(rows.max() + 3) * CELL, LARGE),
    )
