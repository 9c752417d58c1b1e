"""Words of a text, and how a search is read."""

from __future__ import annotations

import random

import pytest

from core.errors import InputError
from core.history.words import MOST_WORDS, Term, as_tsvector, terms_of, words_in, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A Red-House, at_night (1.2)", "a red house at night 1 2"),
        ("Straße ＡＢＣ", "strasse abc"),
        ("cafe\u0301", "café"),
        ("夜の海 and 月", "夜 の 海 and 月"),
        ("100% 🎈❤\ufe0f", "100 % 🎈 ❤"),
        ("हिन्दी", "हिन्दी"),
        ("“quoted” \x00\n\u2028 ...", "quoted"),
        ("soft\u00adhyphen", "softhyphen"),
    ],
)
def test_words_of_a_text(text: str, words: str) -> None:
    """Letters keep their marks; signs and characters of unspaced scripts are words themselves."""
    assert words_in(text) == words.split()


def test_a_search_is_read_as_it_is_written() -> None:
    """Words, beginnings, phrases, and what must not be there; the last word may go on."""
    assert terms_of('Red hou* "Old Mill" -car -"big dog" sun') == [
        Term("Red", ("red",)),
        Term("hou", ("hou",), begins=True),
        Term("Old Mill", ("old", "mill")),
        Term("car", ("car",), excluded=True),
        Term("big dog", ("big", "dog"), excluded=True),
        Term("sun", ("sun",), begins=True),
    ]
    assert terms_of("cat --ar 16:9 -- ")[1:] == [Term("--ar", ("ar",)), Term("16:9", ("16", "9"))]
    assert terms_of('"old mi')[0] == Term("old mi", ("old", "mi"), begins=True)
    assert terms_of('-"old mi')[0] == Term("old mi", ("old", "mi"), excluded=True)
    assert terms_of("sun ") == [Term("sun", ("sun",))]
    assert terms_of("state-of-the-art ")[0].words == ("state", "of", "the", "art")


@pytest.mark.parametrize("query", ["", " ", '"', '""', "-", "*", "-*", '-"', "(", "...", "\x00"])
def test_what_has_no_word_asks_for_nothing(query: str) -> None:
    """Half a phrase that is being typed does not empty the page."""
    assert terms_of(query) == []


def test_too_many_words_are_refused() -> None:
    """Nothing is left out of a search silently."""
    assert len(terms_of("a " * MOST_WORDS)) == MOST_WORDS
    for query in ("a " * (MOST_WORDS + 1), "夜" * (MOST_WORDS + 1), '"' + "b " * 5_000):
        with pytest.raises(InputError, match=f"at most {MOST_WORDS} words"):
            terms_of(query)


def test_no_phrase_reaches_from_one_text_into_another() -> None:
    """Between a prompt and a title stands what nobody can search for."""
    assert words_of("a b", "c", "") == ["a", "b", "\ue000", "c"]
    assert words_in("\ue000") == []
    assert as_tsvector(["a", "b", "a"]) == "'a':1,3 'b':2"


def test_no_text_is_too_odd() -> None:
    """Words have no sign that an index of words would take for its own."""
    drawn = random.Random(5)
    for _ in range(2_000):
        text = "".join(chr(drawn.randrange(0x3000)) for _ in range(20))
        for word in words_in(text):
            assert not {*word} & {*"'\"\\ :*()!-\t\n\x00"}, text
