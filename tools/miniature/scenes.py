"""Random scenes for the painter, and the many ways to say what is in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sandbox.painter.composition import complete
from sandbox.painter.scene import Scene, Thing
from sandbox.painter.vocabulary import Colour, Kind, Place, Size, Sky
from tools.miniature.lexicon import PLAIN_NOUNS

FULL = 10.0  # a guidance at which the painter leaves nothing out
KINDS: tuple[Kind, ...] = (
    "sun", "moon", "stars", "clouds", "mountains", "hills", "sea", "desert", "snow",
    "house", "tree", "pines", "boat", "balloon", "birds", "flowers",
)  # fmt: skip
SKIES: tuple[Sky, ...] = (
    "blue", "blue", "blue", "pink", "orange", "purple", "grey", "teal", "night", "night",
    "sunset", "sunset", "dawn", "red", "golden", "green",
)  # fmt: skip
SUN_COLOURS = ("red", "orange", "yellow", "white", "pink")
MOON_COLOURS = ("white", "white", "yellow", "orange")
LAND_COLOURS = (
    "green",
    "green",
    "yellow",
    "orange",
    "red",
    "purple",
    "blue",
    "pink",
    "brown",
    "teal",
)
ROCK_COLOURS = ("blue", "purple", "grey", "teal", "green", "red", "brown", "orange", "pink")
SEA_COLOURS = ("blue", "blue", "teal", "purple", "pink", "green", "orange")
BRIGHT = ("red", "yellow", "white", "blue", "orange", "pink", "green", "purple")
LEAVES = ("green", "green", "orange", "pink", "yellow", "red", "white", "purple")
PLACES: tuple[Place, ...] = ("left", "center", "right")
SPOTTED: tuple[Kind, ...] = ("sun", "moon", "house", "tree", "boat", "balloon")
ALWAYS_NAMED: tuple[Kind, ...] = ("house", "tree", "boat", "balloon", "mountains", "sun", "moon")


def draw_scene(chance: np.random.Generator) -> Scene:
    """A complete scene with one light, one ground and up to three things on it."""
    sky = SKIES[int(chance.integers(len(SKIES)))]
    things = [*_lights(sky, chance), *_backdrop(chance)]
    ground = _one(chance, ("hills", "hills", "hills", "sea", "sea", "sea", "desert", "snow"))
    things.append(_thing(ground, _ground_colours(ground), chance))
    things += _objects(ground, chance)
    kinds = {thing.kind for thing in things}
    absent = tuple(kind for kind in KINDS if kind not in kinds)
    key = f"miniature {int(chance.integers(2**62))}"
    return replace(complete(Scene(sky, tuple(things), absent), key, FULL), unknown=())


def scene_of(seed: int) -> Scene:
    """The scene of a training picture, or of any other number."""
    return draw_scene(np.random.default_rng((seed, 5)))


def describe(scene: Scene, chance: np.random.Generator) -> str:
    """One caption in the miniature's own words: everything, a part, or only a hint."""
    style = float(chance.random())
    keep_trait = 1.0 if style < 0.4 else 0.65
    keep_thing = {"always": 1.0 if style < 0.9 else 0.4, "other": 1.0 if style < 0.4 else 0.6}
    phrases = []
    for thing in scene.things:
        odds = keep_thing["always" if thing.kind in ALWAYS_NAMED else "other"]
        if chance.random() < odds:
            phrases.append(_phrase(thing, keep_trait, chance))
    if chance.random() < 0.5:
        phrases = [phrases[i] for i in chance.permutation(len(phrases))]
    if chance.random() < (0.95 if style < 0.4 else 0.65):
        phrases.insert(0 if chance.random() < 0.7 else len(phrases), _sky_phrase(scene))
    if chance.random() < 0.12 and scene.absent:
        missing = _one(chance, [kind for kind in ALWAYS_NAMED if kind in scene.absent] or ["birds"])
        phrases.append(f"no {PLAIN_NOUNS.get(missing, missing)}")
    comma = chance.random() < 0.75
    text = "".join(
        (" , " if comma or chance.random() < 0.4 else " ") * (number > 0) + phrase
        for number, phrase in enumerate(phrases)
    )
    return text.strip()


def _lights(sky: Sky, chance: np.random.Generator) -> list[Thing]:
    if sky == "night":
        found = [_thing("stars", ("white",), chance)] if chance.random() < 0.6 else []
        if chance.random() < 0.75:
            found.append(_thing("moon", MOON_COLOURS, chance))
        return found
    if chance.random() < 0.72:
        return [_thing("sun", SUN_COLOURS, chance)]
    return [_thing("moon", MOON_COLOURS, chance)] if chance.random() < 0.1 else []


def _backdrop(chance: np.random.Generator) -> list[Thing]:
    found = []
    if chance.random() < 0.25:
        found.append(_thing("clouds", ("white", "white", "pink", "grey", "orange"), chance))
    if chance.random() < 0.5:
        thing = _thing("mountains", ROCK_COLOURS, chance)
        found.append(replace(thing, size="medium", snowy=bool(chance.random() < 0.3)))
    return found


def _ground_colours(ground: Kind) -> tuple[str, ...]:
    match ground:
        case "sea":
            return SEA_COLOURS
        case "desert":
            return ("yellow", "orange", "orange", "red", "pink")
        case "snow":
            return ("white",)
        case _:
            return LAND_COLOURS


def _objects(ground: Kind, chance: np.random.Generator) -> list[Thing]:
    found = []
    if ground == "sea":
        if chance.random() < 0.6:
            found.append(_thing("boat", BRIGHT, chance))
    else:
        if chance.random() < 0.42:
            found.append(_thing("house", BRIGHT, chance))
        if chance.random() < 0.42:
            found.append(_thing("tree", LEAVES, chance))
        if chance.random() < 0.2:
            found.append(_thing("pines", ("green",), chance))
        if chance.random() < 0.08:
            found.append(_thing("flowers", ("pink", "red", "yellow", "white", "purple"), chance))
    if chance.random() < 0.25:
        found.append(_thing("balloon", BRIGHT, chance))
    if chance.random() < 0.1:
        found.append(_thing("birds", ("black",), chance))
    return found


def _thing(kind: Kind, colours: tuple[str, ...], chance: np.random.Generator) -> Thing:
    colour: Colour = _one(chance, colours)
    size: Size = _one(chance, ("small", "medium", "medium", "big", "big"))
    place = _one(chance, PLACES) if kind in SPOTTED else None
    several = kind in ("pines", "birds", "flowers", "clouds", "stars")
    return Thing(kind, colour, size, place, None if several else 1)


def _phrase(thing: Thing, keep: float, chance: np.random.Generator) -> str:
    noun = PLAIN_NOUNS.get(thing.kind, thing.kind)
    before: list[str] = []
    if thing.kind in SPOTTED and thing.size in ("small", "big") and chance.random() < keep * 0.7:
        before.append(thing.size)
    if thing.snowy:
        before.append("snowy")
    if (
        thing.colour
        and thing.kind not in ("stars", "birds", "pines")
        and _told(thing, keep, chance)
    ):
        before.append(thing.colour)
    phrase = " ".join([*before, noun])
    if thing.kind in SPOTTED and thing.place and chance.random() < keep * 0.85:
        return f"{phrase} {thing.place}" if chance.random() < 0.85 else f"{thing.place} {phrase}"
    return phrase


def _told(thing: Thing, keep: float, chance: np.random.Generator) -> bool:
    """Whether the colour is named; that of snow goes without saying."""
    return bool(chance.random() < (keep * 0.3 if thing.kind == "snow" else keep))


def _sky_phrase(scene: Scene) -> str:
    return f"{'yellow' if scene.sky == 'golden' else scene.sky} sky"


def _one(chance: np.random.Generator, options):  # type: ignore[no-untyped-def]
    return options[int(chance.integers(len(options)))]
