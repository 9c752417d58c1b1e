"""The catalogue of sentences: whole in every language, and chosen by whoever asks."""

from __future__ import annotations

import pytest

from core.words import (
    ENGLISH,
    LANGUAGES,
    catalogue,
    choose,
    english,
    keys,
    language,
    say,
    speaking,
    told,
    variables,
)
from core.words.catalogue import FOLDER

OTHERS = [name for name in LANGUAGES if name != ENGLISH]
FILES = [file.stem for file in (FOLDER / ENGLISH).glob("*.ftl")]


@pytest.mark.parametrize(
    ("wanted", "accepted", "chosen"),
    [
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("", "zh-Hans-SG", "zh-CN"),
        ("", "zh-TW,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("", "zh-TW,en;q=0.8", "en"),
        ("", "en;q=0.5, zh-CN;q=0.9", "zh-CN"),
        ("", "de-DE,de;q=0.9,en;q=0.8,zh;q=0.1", "en"),
        ("", "zh;q=0, en;q=x", "en"),
        ("", ",,;;q=" * 1000, "en"),
        ("en", "zh-CN", "en"),
        ("zh-CN", "en", "zh-CN"),
        ("../../etc", "zh", "zh-CN"),
    ],
)
def test_the_switch_comes_before_the_browser(wanted: str, accepted: str, chosen: str) -> None:
    """Whoever chose a language has it everywhere; nonsense is English."""
    assert choose(wanted, accepted) == chosen


def test_a_sentence_is_said_in_the_language_of_whoever_asks() -> None:
    """And in English again afterwards, whatever happened meanwhile."""
    with pytest.raises(ZeroDivisionError), speaking("zh-CN"):
        assert (language(), say("page-language")) == ("zh-CN", "语言")
        raise ZeroDivisionError
    assert (language(), say("page-language")) == ("en", "Language")


def test_stars_and_collections_have_different_names_in_chinese() -> None:
    """Who reads one word for both looks for a star among the collections."""
    told = catalogue("zh-CN")
    starring = {key for key in told if {"star", "starred", "unstarred"} & {*key.split("-")}}
    assert {"image-star", "image-named-starred", "gallery-starred"} <= starring
    for key in told:
        sentence = told.source(key).partition("=")[2]
        assert sentence.count("收藏") == sentence.count("收藏集"), key
        assert key not in starring or "星标" in sentence, key


@pytest.mark.parametrize("other", OTHERS)
def test_every_language_has_every_sentence(other: str) -> None:
    """A page in two languages at once is in none."""
    assert {*catalogue(other)} == {*catalogue(ENGLISH)}


def test_a_sentence_that_is_not_there_is_a_mistake_of_ours() -> None:
    """It is seen in a test and not on the page."""
    with pytest.raises(KeyError):
        say("no-such-sentence")


def test_places_are_written_as_people_write_them() -> None:
    """11th and 21st; another language has a form of its own."""
    places = [say("tile-queued-at", place=place) for place in (1, 2, 3, 4, 11, 21, 112)]
    wanted = "Queued 1st|Queued 2nd|Queued 3rd|Queued 4th|Queued 11th|Queued 21st|Queued 112th"
    assert places == wanted.split("|")
    with speaking("zh-CN"):
        assert say("tile-queued-at", place=21) == "排队 · 第 21 位"


KEPT = [key for file in FILES if file.startswith("core") for key in keys(file)]


@pytest.mark.parametrize("other", OTHERS)
def test_every_kept_sentence_is_found_again_by_its_wording(other: str) -> None:
    """Stored in English, an error of last year is told in the language of whoever looks now."""
    with speaking(other):
        for key in KEPT:
            values = dict.fromkeys(variables(key), "7")
            assert told(english(key, **values)) == catalogue(other).say(key, values), key


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        (
            "This image costs $0.10 and today's budget is $1.00, of which $0.95 is spent or "
            "reserved. Nothing was sent. Press Retry.",
            "这张图像需要 $0.10，而今日预算为 $1.00，其中 $0.95 已花费或预留。没有发送任何内容。"
            "请点击“重试”。",
        ),
        (
            "WaveSpeed refused the request. It says: no boats. None at all.",
            "WaveSpeed 拒绝了请求。其说明：no boats. None at all.",
        ),
        ("The prompt is empty.", "提示词为空。"),
        ("Steps must be a whole number from 1 to 50.", "步数必须是 1 到 50 之间的整数。"),
        ("Something else (status 7).", "Something else (status 7)."),
        ("", ""),
    ],
)
def test_what_was_stored_is_told_sentence_by_sentence(stored: str, said: str) -> None:
    """Values and sentences inside others too; a service's own words stay as they are."""
    assert told(stored) == stored
    with speaking("zh-CN"):
        assert told(stored) == said
