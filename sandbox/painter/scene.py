"""What a prompt asks the painter for: words in, a `Scene` out, nothing drawn."""

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import cache

from sandbox.painter.vocabulary import (
    SKY_OF_COLOUR,
    Colour,
    Grammar,
    Kind,
    Meaning,
    Mood,
    Noun,
    Place,
    Size,
    Sky,
    Tone,
    Trait,
    vocabulary,
)

LONGEST_PHRASE = 4
PUNCTUATION = frozenset(",.;:!?()[]\"'-–—/…")


@dataclass(frozen=True, slots=True)
class Thing:
    """Something in the image; None means the prompt leaves it open (for `count`: several)."""

    kind: Kind
    colour: Colour | None = None
    size: Size | None = None
    place: Place | None = None
    count: int | None = 1
    snowy: bool = False
    tone: Tone | None = None
    low: bool = False
    """Whether a sun or moon is half behind the land."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A sky, the things under it, what must not be there, and the words nobody knew."""

    sky: Sky | None = None
    things: tuple[Thing, ...] = ()
    absent: tuple[Kind, ...] = ()
    unknown: tuple[str, ...] = ()
    tone: Tone | None = None
    """How dark or bright the sky is."""
    alone: bool = False
    """Whether nothing may come along that was not asked for."""

    def find(self, *kinds: Kind) -> Thing | None:
        """The first thing of one of the kinds, or None."""
        return next((thing for thing in self.things if thing.kind in kinds), None)


def read(prompt: str) -> Scene:
    """The scene a prompt describes; any text is fine, and what it leaves open stays open."""
    reader = _Reader()
    for word, meaning in _meanings(_tokens(prompt)):
        reader.take(word, meaning)
    return reader.scene()


def unknown(prompt: str) -> list[str]:
    """The words of a prompt that the painter knows nothing about, in order."""
    return list(read(prompt).unknown)


def known_words() -> list[str]:
    """Every word and phrase the painter follows, sorted."""
    return sorted(_vocabulary())


@cache
def _vocabulary() -> dict[str, Meaning]:
    return vocabulary()


def _tokens(prompt: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", prompt).casefold()
    return re.findall(r"[^\W_]+|[^\w\s]|_", plain)


def _meanings(tokens: list[str]) -> list[tuple[str, Meaning | None]]:
    """The tokens as the longest known phrases; None for a word that is not known.

    A hyphen inside a phrase counts as a space ("snow-capped").
    """
    book = _vocabulary()
    found: list[tuple[str, Meaning | None]] = []
    start = 0
    while start < len(tokens):
        length, phrase = 1, tokens[start]
        for reach in range(2, 2 * LONGEST_PHRASE):
            words = [word for word in tokens[start : start + reach] if word != "-"]
            candidate = " ".join(words)
            if tokens[start] != "-" and candidate in book and start + reach <= len(tokens):
                length, phrase = reach, candidate
        found.append((phrase, book.get(phrase)))
        start += length
    return found


class _Reader:
    """Collects things left to right; traits wait for the next noun or belong to the last one."""

    def __init__(self) -> None:
        self.sky: Sky | None = None
        self.things: list[Thing] = []
        self.absent: list[Kind] = []
        self.unknown: list[str] = []
        self.waiting = Trait()
        self.snowy = self.negated = self.describing = False
        self.last: int | None = None  # index of the clause's last thing
        self.sky_is_last = False
        self.tone: Tone | None = None
        self.alone = False
        self.sides: list[Place] = []  # where the next things go: around one that is between

    def take(self, word: str, meaning: Meaning | None) -> None:
        match meaning:
            case Noun():
                self._noun(meaning)
            case Mood():
                self._mood(meaning)
            case Trait():
                self._trait(meaning)
            case None if word in PUNCTUATION:
                self._end_clause()
            case None:
                self.unknown.append(word)
            case _:
                self._grammar(meaning)

    def scene(self) -> Scene:
        self._end_clause()
        absent = tuple(dict.fromkeys(self.absent))
        things = tuple(thing for thing in self.things if thing.kind not in absent)
        return Scene(self.sky, things, absent, tuple(self.unknown), self.tone, self.alone)

    def _noun(self, noun: Noun) -> None:
        if self.negated:
            self.absent.append(noun.kind)
            self._drop_traits()
            return
        waiting = self.waiting
        count = waiting.count if waiting.count != 1 or not noun.several else None
        if count is None and not noun.several:
            count = 1
        thing = Thing(
            noun.kind, waiting.colour, waiting.size, waiting.place, count, tone=waiting.tone
        )
        if self.snowy and noun.kind == "mountains":
            thing, self.snowy = replace(thing, snowy=True), False
        self._around(thing) if self.sides else self._add(thing)
        self._drop_traits()
        self.waiting = Trait()

    def _mood(self, mood: Mood) -> None:
        # "blue night sky" is a night, but a "pink sunset" is pink.
        if mood.sky and self.sky != "night":
            colour = None if mood.sky == "night" else self.waiting.colour
            self.sky = SKY_OF_COLOUR[colour] if colour else mood.sky
        self.waiting = Trait()
        for kind in mood.brings:
            if not any(thing.kind == kind for thing in self.things):
                self._add(Thing(kind))
        self.sky_is_last = True

    def _trait(self, trait: Trait) -> None:
        if trait.count is not None:
            self._drop_traits()
            self.waiting = replace(self.waiting, count=trait.count)
        elif trait.place is not None and self.last is not None:
            self.things[self.last] = replace(self.things[self.last], place=trait.place)
        elif trait.place is not None:
            self.waiting = replace(self.waiting, place=trait.place)
        elif trait.colour is not None and self.describing:
            self._colour_last(trait.colour)
        elif trait.colour is not None:
            self.waiting = replace(self.waiting, colour=trait.colour)
        elif trait.tone is not None:
            self.waiting = replace(self.waiting, tone=trait.tone)
        else:
            self.waiting = replace(self.waiting, size=trait.size)

    def _grammar(self, role: Grammar) -> None:
        match role:
            case "sky":
                self.sky_is_last, self.last = True, None
                self._colour_last(self.waiting.colour)
                self.tone = self.waiting.tone or self.tone
                self._drop_traits()
            case "snowy":
                self.snowy = True
            case "snowy after":
                self._snow_on_last()
            case "not":
                self.negated = True
            case "is":
                self.describing = True
            case "part":
                self._colour_last(self.waiting.colour)
            case "alone":
                self.alone = True
            case "behind" | "between":
                self._relate(role)
            case "break":
                self._drop_traits()
            case "filler":
                pass

    def _colour_last(self, colour: Colour | None) -> None:
        if colour is None:
            return
        if self.sky_is_last:
            self.sky = self.sky if self.sky == "night" else SKY_OF_COLOUR[colour]
        elif self.last is not None:
            self.things[self.last] = replace(self.things[self.last], colour=colour)

    def _relate(self, role: Grammar) -> None:
        """A sun behind the land is low; what is between has the next things around it."""
        self._drop_traits()
        if self.last is None:
            return
        thing = self.things[self.last]
        if role == "between":
            self.things[self.last] = replace(thing, place="center")
            self.sides = ["left", "right"]
        elif thing.kind in ("sun", "moon"):
            self.things[self.last] = replace(thing, low=True)

    def _around(self, thing: Thing) -> None:
        """One thing on the next side, or two on both."""
        for _ in range(min(thing.count or 2, len(self.sides))):
            self._add(replace(thing, place=self.sides.pop(0), count=1))

    def _snow_on_last(self) -> None:
        if self.last is not None and self.things[self.last].kind == "mountains":
            self.things[self.last] = replace(self.things[self.last], snowy=True)
        else:
            self._add(Thing("snow"))

    def _add(self, thing: Thing) -> None:
        self.things.append(thing)
        self.last, self.sky_is_last = len(self.things) - 1, False

    def _drop_traits(self) -> None:
        """Forget what described one noun; a place still waits for the next."""
        if self.snowy and not any(thing.kind == "snow" for thing in self.things):
            self.things.append(Thing("snow"))
        self.snowy = False
        self.waiting = Trait(place=self.waiting.place)
        self.negated = self.describing = False

    def _end_clause(self) -> None:
        self._drop_traits()
        self.last, self.sky_is_last, self.sides = None, False, []
