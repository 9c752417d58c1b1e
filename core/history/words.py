"""Words of prompts, titles and notes, and what a search asks of them; the same on every database.

A word is a run of letters and digits; each sign (`%`, an emoji) and each character of a script that
puts no spaces between words (Chinese, Japanese, Korean, Thai and others) is a word of its own.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from core.errors import InputError
from core.words import english

MOST_WORDS = 64
"""The most words a search may have."""
LONGEST = 200
"""The characters by which a word is known; PostgreSQL takes 2,046 bytes."""
FIELD = "\ue000"
"""Stands between two texts, so that no phrase reaches from one into the other."""
SIGNS = "#%&@"
UNSPACED = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x2E80, 0x9FFF),
    (0xA960, 0xA97F),
    (0xAC00, 0xD7FF),
    (0xF900, 0xFAFF),
    (0x1B000, 0x1B16F),
    (0x20000, 0x3FFFF),
)
"""Thai and Lao, Burmese, Khmer, Chinese, Japanese and Korean."""
NO_TEXT = re.compile("[\0\ud800-\udfff]")
TERM = re.compile(r'((?:-(?!-))?)(?:"([^"]*)("?)|(\S+))')


class _Spacing(dict[int, str]):
    """What each character becomes: itself, a space, itself between spaces, or nothing."""

    def __missing__(self, code: int) -> str:
        self[code] = spaced = _spaced(chr(code))
        return spaced


def _spaced(character: str) -> str:
    kind = unicodedata.category(character)
    code = ord(character)
    if kind == "Cf" or 0xFE00 <= code <= 0xFE0F:  # joins what stands around it
        return ""
    if kind[0] == "S" or character in SIGNS:
        return f" {character} "
    if kind[0] not in "LMN":
        return " "
    return f" {character} " if any(a <= code <= b for a, b in UNSPACED) else character


_SPACING = _Spacing()


def words_in(text: str) -> list[str]:
    """Return the words of a text in their order, without upper case and forms of letters."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return [word[:LONGEST] for word in plain.translate(_SPACING).split()]


def words_of(*texts: str) -> list[str]:
    """Return the words of several texts, with a sign between them that nobody can search for."""
    found = words_in(texts[0])
    for text in texts[1:]:
        if words := words_in(text):
            found += [FIELD, *words]
    return found


def storable(text: str) -> str:
    """Return a text as a database can hold it; what none can hold is no text that it has."""
    return NO_TEXT.sub("\ufffd", text)


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that a search asks for: words that follow each other."""

    text: str
    words: tuple[str, ...]
    begins: bool = False
    """Whether the last word may go on."""
    excluded: bool = False


def terms_of(query: str) -> list[Term]:
    """Read a search: `word`, `beginn*`, `"a phrase"`, `-without`; all of them must be so.

    The last word may go on, also that of an open phrase, as somebody may still be typing it. What
    has no letter, digit or sign in it asks for nothing. Raises InputError when there are too many
    words.
    """
    found = []
    query = NO_TEXT.sub(" ", query)
    for match in TERM.finditer(query):
        minus, quoted, closed, plain = match.groups()
        text = (quoted if plain is None else plain).strip()
        words = tuple(words_in(text))
        if not words:
            continue
        typing = not minus and not closed and match.end() == len(query)
        begins = typing or (plain is not None and plain.endswith("*"))
        found.append(Term(text.removesuffix("*"), words, begins, bool(minus)))
    if sum(len(term.words) for term in found) > MOST_WORDS:
        raise InputError(
            english("too-many-words", most=MOST_WORDS),
            field="query",
            advice=english("fewer-words"),
        )
    return found


def in_fts5(term: Term) -> str:
    """Write a term for SQLite's index of words."""
    return f'"{" ".join(term.words)}"' + " *" * term.begins


def in_tsquery(term: Term) -> str:
    """Write a term for PostgreSQL's index of words."""
    return " <-> ".join(f"'{word}'" for word in term.words) + ":*" * term.begins


def as_tsvector(words: list[str]) -> str:
    """Write words with their places for PostgreSQL."""
    places: dict[str, list[str]] = {}
    for place, word in enumerate(words, start=1):
        places.setdefault(word, []).append(str(min(place, 16_383)))
    return " ".join(f"'{word}':{','.join(at[:255])}" for word, at in places.items())
