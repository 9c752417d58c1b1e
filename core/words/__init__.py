"""The catalogue of sentences: each has a key, and a wording in every language the page speaks.

The sentences are in `core/words/<language>/*.ftl`, in the format of Project Fluent. To add one:

1. Write it into a file of `en/`, and its translation into the same file of `zh-CN/`:

       images-made = { $count ->
           [one] One image was made.
          *[other] { $count } images were made.
       }

2. On the page, `say("images-made", count=3)` returns it in the language of whoever is asking; in a
   template it is `{{ say("images-made", count=3) }}`. What a script says stands in `script.ftl`,
   without plurals: `srpo.say("script-made", { count: 3 })`.
3. In `core/` and `backends/`, whose sentences are also kept and told to programs,
   `english("images-made", count=3)` returns it in English, and the page tells it to a person with
   `told(text)`, which finds the sentence again by its wording. It stands in a file `core-*.ftl`,
   and each form of its plural names the number.

A whole number chooses the plural; what is to be rounded is handed over as text. A sentence is never
put together from halves: other languages have another order. `tests/core/test_words.py` compares
the languages, and finds keys and variables that do not exist and sentences outside the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache

from core.words.catalogue import Catalogue

ENGLISH = "en"
LANGUAGES: Mapping[str, str] = {ENGLISH: "English", "zh-CN": "简体中文"}
"""What each language calls itself, by its tag."""
_TAGS = {"en": ENGLISH, "zh": "zh-CN", "zh-cn": "zh-CN", "zh-sg": "zh-CN", "zh-hans": "zh-CN"}
"""Which language is shown to whoever asks for one of these, or for a region of it."""
_MOST = 12
"""Sentences of a text that are looked at."""
_SENTENCES = re.compile(r"(?<=[.?:;]) ")
_spoken: ContextVar[str] = ContextVar("spoken", default=ENGLISH)


@cache
def catalogue(language: str) -> Catalogue:
    """Return the sentences of a language."""
    return Catalogue(language)


def language() -> str:
    """Return the language of whoever is asking; English where nobody is."""
    return _spoken.get()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Say everything in a language meanwhile."""
    before = _spoken.set(language if language in LANGUAGES else ENGLISH)
    try:
        yield
    finally:
        _spoken.reset(before)


def say(key: str, /, **values: object) -> str:
    """Return a sentence in the language of whoever is asking.

    Raises KeyError for a key that is in no catalogue.
    """
    if language() != ENGLISH and key in catalogue(language()):
        return catalogue(language()).say(key, values)
    return catalogue(ENGLISH).say(key, values)


def has(key: str) -> bool:
    """Whether there is a sentence with this key."""
    return key in catalogue(ENGLISH)


def keys(file: str) -> list[str]:
    """Return the keys of a file, named without its ending, in their order."""
    return catalogue(ENGLISH).keys(file)


def variables(key: str) -> list[str]:
    """Return the names of a sentence's values; raises KeyError."""
    return catalogue(ENGLISH).variables(key)


def english(key: str, /, **values: object) -> str:
    """Return a sentence in English, as it is kept and told to programs; `told` finds it again.

    Raises KeyError for a key that is in no catalogue.
    """
    return catalogue(ENGLISH).say(key, values)


def told(text: str) -> str:
    """Say in the language of whoever is asking what `english` made.

    It may be several sentences; what is not of the catalogue, as a service's own words, is left
    as it is.
    """
    return text if language() == ENGLISH else _told(text, language())


@lru_cache(maxsize=4096)
def _told(text: str, language: str) -> str:
    """Look for the longest sentences first: one may end with what a service said, in several."""
    pieces = _SENTENCES.split(text, _MOST)
    said: list[str] = []
    foreign = False
    while pieces:
        for length in range(len(pieces), 0, -1):
            if found := _found(" ".join(pieces[:length])):
                key, values = found
                inner = {name: _told(value, language) for name, value in values.items()}
                said.append(catalogue(language).say(key, inner))
                foreign = False
                break
        else:
            length = 1
            said[-1:] = [f"{said[-1]} {pieces[0]}"] if foreign else [*said[-1:], pieces[0]]
            foreign = True
        pieces = pieces[length:]
    return catalogue(language).say("sentence-break", {}).join(said)


def _found(text: str) -> tuple[str, dict[str, str]] | None:
    """Return the key and the values of a sentence; a label may stand in one in small letters."""
    known = catalogue(ENGLISH)
    return known.find(text) or (known.find(text.capitalize()) if text.islower() else None)


def choose(wanted: str, accepted: str) -> str:
    """Choose a language: the one that was `wanted` with the switch, or the browser's first.

    `accepted` is the header Accept-Language.
    """
    if wanted in LANGUAGES:
        return wanted
    for tag in _by_preference(accepted[:1000]):
        parts = tag.lower().split("-")
        for known in ("-".join(parts[:2]), parts[0] if parts[0] != "zh" else ""):
            if known in _TAGS:
                return _TAGS[known]
    return ENGLISH


def _by_preference(accepted: str) -> list[str]:
    """Return the languages of the header, the liked ones first."""
    found = []
    for part in accepted.split(","):
        tag, _, weight = part.partition(";")
        try:
            liked = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            liked = 0.0
        if liked > 0:
            found.append((-liked, tag.strip()))
    return [tag for _, tag in sorted(found, key=lambda one: one[0])]
