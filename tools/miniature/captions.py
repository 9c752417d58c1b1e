"""The many ways to say what is in a scene, in the miniature's own words."""

from __future__ import annotations

from collections import Counter

import numpy as np

from sandbox.painter.scene import Scene, Thing
from sandbox.painter.vocabulary import Kind
from tools.miniature.lexicon import COUNTED, PLAIN_NOUNS
from tools.miniature.scenes import COLOURLESS, SPOTTED

ALWAYS_NAMED: tuple[Kind, ...] = ("house", "tree", "boat", "balloon", "mountains", "sun", "moon")
NUMBERS = {2: "two", 3: "three"}


def describe(scene: Scene, chance: np.random.Generator) -> str:
    """One caption in the miniature's own words: everything, a part, or only a hint."""
    style = float(chance.random())
    keep_trait = 1.0 if style < 0.4 else 0.65
    keep_thing = {"always": 1.0 if style < 0.9 else 0.4, "other": 1.0 if style < 0.4 else 0.6}
    twice = {kind for kind, count in Counter(t.kind for t in scene.things).items() if count > 1}
    phrases = []
    for thing in _unrelated(scene, phrases, chance):
        odds = keep_thing["always" if thing.kind in ALWAYS_NAMED else "other"]
        if thing.kind in twice or chance.random() < odds:
            phrases.append(_phrase(thing, 1.0 if thing.kind in twice else keep_trait, chance))
    if chance.random() < 0.5:
        phrases = [phrases[i] for i in chance.permutation(len(phrases))]
    if chance.random() < (0.95 if style < 0.4 else 0.65):
        phrases.insert(0 if chance.random() < 0.7 else len(phrases), _sky_phrase(scene, chance))
    if scene.alone and chance.random() < 0.8:
        phrases = _alone(scene, keep_trait, phrases, chance)
    elif chance.random() < 0.12 and scene.absent:
        missing = [kind for kind in ALWAYS_NAMED if kind in scene.absent] or ["birds"]
        phrases.append(f"no {noun(missing[int(chance.integers(len(missing)))])}")
    comma = chance.random() < 0.75
    text = "".join(
        (" , " if comma or chance.random() < 0.4 else " ") * (number > 0) + phrase
        for number, phrase in enumerate(phrases)
    )
    return text.strip()


def noun(kind: Kind, count: int | None = 1) -> str:
    """The miniature's word for one or for several of a kind."""
    one = PLAIN_NOUNS.get(kind, kind)
    return COUNTED.get(kind, one) if count != 1 else one


def _unrelated(scene: Scene, phrases: list[str], chance: np.random.Generator) -> list[Thing]:
    """The things that still are to be named, after what is said of two of them at once."""
    left = list(scene.things)
    disc = next((thing for thing in left if thing.low), None)
    if disc and chance.random() < 0.9:
        land = next(t for t in left if t.kind in ("mountains", "hills", "sea", "desert", "snow"))
        phrases.append(f"{_phrase(disc, 0.8, chance)} behind {_phrase(land, 0.8, chance)}")
        left = [thing for thing in left if thing not in (disc, land)]
    broad = [thing for thing in left if thing.kind in ("house", "tree") and thing.count == 1]
    if len(broad) == 3 and chance.random() < 0.9:
        middle, *sides = sorted(broad, key=lambda thing: thing.place != "center")
        several = f"{_traits(sides[0], 0.9, chance)}{noun(sides[0].kind, 2)}"
        inner = f"{_traits(middle, 0.9, chance)}{noun(middle.kind)}"
        phrases.append(f"{inner} between two {several}")
        left = [thing for thing in left if thing not in broad]
    elif chance.random() < 0.06:
        front = next((t for t in left if t.kind in SPOTTED[2:] and t.count == 1), None)
        back = next((t for t in left if t.kind in ("mountains", "pines")), None)
        if front and back:
            phrases.append(f"{_phrase(back, 0.9, chance)} behind {_phrase(front, 0.9, chance)}")
            left = [thing for thing in left if thing not in (front, back)]
    return left


def _alone(scene: Scene, keep: float, phrases: list[str], chance: np.random.Generator) -> list[str]:
    """The same with the one thing said to be alone, in front of its name or after it."""
    subject = next(t for t in scene.things if t.kind in SPOTTED)
    word = noun(subject.kind)
    others = [phrase for phrase in phrases if word not in phrase.split()]
    phrase = _phrase(subject, keep, chance)
    both = f"{phrase} alone" if chance.random() < 0.6 else f"alone {phrase}"
    return [both, *others] if chance.random() < 0.6 else [*others, both]


def _phrase(thing: Thing, keep: float, chance: np.random.Generator) -> str:
    number = f"{NUMBERS[thing.count]} " if thing.kind in COUNTED and thing.count in NUMBERS else ""
    if number and chance.random() < 0.12:
        number = ""
    counted = thing.count if thing.kind in COUNTED else 1
    phrase = f"{number}{_traits(thing, keep, chance)}{noun(thing.kind, counted)}"
    told = thing.place if thing.kind in SPOTTED and thing.count == 1 else None
    if told and chance.random() < keep * 0.85:
        return f"{phrase} {told}" if chance.random() < 0.85 else f"{told} {phrase}"
    return phrase


def _traits(thing: Thing, keep: float, chance: np.random.Generator) -> str:
    """Size, snow, tone and colour, each with a space after it."""
    words: list[str] = []
    if thing.kind in SPOTTED and thing.size in ("small", "big") and chance.random() < keep * 0.7:
        words.append(thing.size)
    if thing.snowy:
        words.append("snowy")
    if thing.tone and thing.kind not in COLOURLESS and chance.random() < 0.95:
        words.append(thing.tone)
    # The colour of snow goes without saying.
    odds = keep * 0.3 if thing.kind == "snow" and thing.colour == "white" else keep
    if thing.colour and thing.kind not in COLOURLESS and chance.random() < odds:
        words.append(thing.colour)
    return "".join(f"{word} " for word in words)


def _sky_phrase(scene: Scene, chance: np.random.Generator) -> str:
    tone = f"{scene.tone} " if scene.tone and chance.random() < 0.95 else ""
    name = {"golden": "yellow"}.get(scene.sky or "", scene.sky)
    if scene.sky == "night" and not scene.find("stars") and chance.random() < 0.25:
        name = "black"
    return f"{tone}{name} sky"
