"""Fills in what a prompt leaves open, from the seed, so that every scene is complete."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar, get_args

import numpy as np

from sandbox.painter.scene import Scene, Thing
from sandbox.painter.vocabulary import Colour, Kind, Place, Size, Sky

T = TypeVar("T")

PLACES: tuple[Place, ...] = get_args(Place)
SIZES: tuple[Size, ...] = get_args(Size)
GROUNDS: tuple[Kind, ...] = ("hills", "desert", "snow")
STANDING: tuple[Kind, ...] = ("house", "tree", "pines", "flowers")
PLENTIFUL: tuple[Kind, ...] = ("pines", "birds", "flowers", "clouds", "stars")
COLOURFUL: tuple[Kind, ...] = ("house", "boat", "balloon", "flowers")
FAITHFUL_GUIDANCE = 3.0  # from here on nothing that was asked for is dropped

CALM_SKIES: tuple[Sky, ...] = (
    "blue", "blue", "dawn", "dawn", "sunset", "golden", "pink", "teal", "purple", "orange",
)  # fmt: skip
NATURAL: dict[Kind, tuple[Colour, ...]] = {
    "moon": ("white", "white", "yellow"),
    "stars": ("white",),
    "mountains": ("blue", "purple", "teal", "grey", "blue"),
    "hills": ("green", "green", "green", "yellow", "teal"),
    "sea": ("blue", "blue", "teal"),
    "desert": ("yellow", "orange", "orange"),
    "snow": ("white",),
    "house": ("white", "red", "yellow", "white"),
    "tree": ("green", "green", "green", "orange", "pink"),
    "pines": ("green",),
    "boat": ("white", "white", "red", "yellow"),
    "balloon": ("red", "orange", "blue", "pink", "yellow"),
    "birds": ("black",),
    "flowers": ("pink", "red", "yellow", "white", "purple"),
}
SUNS: dict[Sky, tuple[Colour, ...]] = {
    "blue": ("yellow", "white"), "pink": ("white", "yellow", "red"), "orange": ("red", "yellow"),
    "purple": ("pink", "orange"), "grey": ("white",), "teal": ("yellow", "orange"),
    "night": ("orange",), "sunset": ("yellow", "orange"), "dawn": ("pink", "yellow", "orange"),
    "red": ("yellow", "orange"), "golden": ("white", "red"), "green": ("yellow", "white"),
    "white": ("red", "orange"), "brown": ("yellow", "white"),
}  # fmt: skip
CLOUDS: dict[Sky, tuple[Colour, ...]] = {
    "sunset": ("pink", "orange"), "dawn": ("white", "pink"), "night": ("grey",),
    "purple": ("pink", "white"), "red": ("orange", "pink"),
}  # fmt: skip


def dice(*key: object) -> np.random.Generator:
    """Random numbers that depend on the key alone: the same in every process."""
    digest = hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16])))


def pick(options: Sequence[T], chance: np.random.Generator) -> T:
    """One of the options."""
    return options[int(chance.integers(len(options)))]


def numbered(things: Iterable[Thing]) -> list[tuple[int, Thing]]:
    """The things, each with how many of its kind came before: a number others do not disturb."""
    seen: Counter[Kind] = Counter()
    pairs = []
    for thing in things:
        pairs.append((seen[thing.kind], thing))
        seen[thing.kind] += 1
    return pairs


def complete(scene: Scene, key: str, guidance: float) -> Scene:
    """The scene with nothing left open but the colours of a mixed group.

    Low guidance may lose some of what was asked for.
    """
    sky = scene.sky or _sky(scene, dice(key, "sky"))
    things = list(_kept(scene.things, key, guidance))
    for kind in _additions(scene, sky, key):
        if kind not in scene.absent and not any(thing.kind == kind for thing in things):
            things.append(Thing(kind, count=None if kind in PLENTIFUL else 1))
    if not any(thing.kind in ("sea", *GROUNDS) for thing in things):
        things.append(Thing(_ground(things, dice(key, "ground"))))
    whole = replace(scene, sky=sky, things=tuple(things))
    settled = tuple(
        _settled(thing, sky, dice(key, thing.kind, number)) for number, thing in numbered(things)
    )
    return replace(whole, things=_placed(settled, dice(key, "places")))


def _kept(things: tuple[Thing, ...], key: str, guidance: float) -> list[Thing]:
    faith = min(max(guidance / FAITHFUL_GUIDANCE, 0.0), 1.0)
    return [
        thing for thing in things if dice(key, "kept", thing.kind).random() <= 0.3 + 0.7 * faith
    ]


def _sky(scene: Scene, chance: np.random.Generator) -> Sky:
    if scene.find("moon", "stars") and not scene.find("sun"):
        return "night"
    return pick(CALM_SKIES, chance)


def _additions(scene: Scene, sky: Sky, key: str) -> list[Kind]:
    """What belongs in an image although the prompt does not mention it."""
    if scene.alone:
        return []
    odds: dict[Kind, float] = {"mountains": 0.6}
    if not scene.find("sun", "moon"):
        light: Kind = "moon" if sky == "night" else "sun"
        odds[light] = 0.2 if sky == "grey" or scene.find("clouds") else 0.75
    if sky == "night" and scene.sky is None:
        odds["stars"] = 1.0
    elif sky == "night":
        odds["stars"] = 0.6
    else:
        odds["clouds"] = 0.5
    asked = sum(thing.kind in (*STANDING, "boat", "balloon") for thing in scene.things)
    if not asked:
        odds |= {"birds": 0.3, "balloon": 0.1}
        sea = scene.find("sea")
        odds |= {"boat": 0.5} if sea else {"tree": 0.35, "pines": 0.5, "house": 0.35}
        if scene.find("desert") or not scene.find(*GROUNDS):
            odds |= {"pines": 0.0, "house": 0.0, "tree": 0.0}
    if not scene.things:
        odds["mountains"] = 0.85  # a prompt of unknown words still deserves a full image
    return [kind for kind, odd in odds.items() if dice(key, "adds", kind).random() < odd]


def _ground(things: list[Thing], chance: np.random.Generator) -> Kind:
    kinds = {thing.kind for thing in things}
    if "boat" in kinds:
        return "sea"
    if kinds & set(STANDING):
        return "hills"
    return pick(("hills", "hills", "sea", "sea", "hills", "desert"), chance)


def _settled(thing: Thing, sky: Sky, chance: np.random.Generator) -> Thing:
    """The thing with a colour, a size and a number."""
    match thing.kind:
        case "sun":
            colours = SUNS[sky]
        case "clouds":
            colours = CLOUDS.get(sky, ("white",))
        case kind:
            colours = NATURAL[kind]
    several = 2 + int(chance.integers(3))
    colour = thing.colour or pick(colours, chance)
    if not thing.colour and thing.kind in COLOURFUL and thing.count != 1:
        colour = None  # each of them gets its own
    return replace(
        thing,
        colour=colour,
        size=thing.size or pick(("medium", "medium", "small", "big"), chance),
        count=thing.count or several,
        snowy=thing.snowy or (thing.kind == "mountains" and chance.random() < 0.35),
    )


def _placed(things: tuple[Thing, ...], chance: np.random.Generator) -> tuple[Thing, ...]:
    """A place for everything, so that neighbours in the sky or on the ground do not collide."""
    taken: dict[str, list[Place]] = {"air": [], "ground": []}
    layer_of: dict[Kind, str] = {"sun": "air", "moon": "air", "balloon": "air"}
    for thing in things:
        if thing.place is not None:
            taken[layer_of.get(thing.kind, "ground")].append(thing.place)
    placed = []
    for thing in things:
        used = taken[layer_of.get(thing.kind, "ground")]
        free = [place for place in PLACES if place not in used] or list(PLACES)
        place = pick(free, chance) if thing.place is None else thing.place
        if not thing.place and thing.kind in (*layer_of, "house", "tree", "boat"):
            used.append(place)
        placed.append(replace(thing, place=place))
    return tuple(placed)
