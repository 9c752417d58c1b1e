"""Hands out the page's own scripts and styles as files, for browsers to fetch at once and to keep.

Gradio writes both into the page, at every visit, and puts them in place after everything else has
come: scripts one by one, and styles after each rule was given a twin that also wins over those of
its components. Here they are files named by their digests, with the twins made beforehand.

Relies on two places in the page, and on Gradio leaving alone a page without a head and a style
sheet.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from gradio import routes

from ui.server.gradio_patches import template
from ui.server.gradio_patches.assets import END, entry, folder, keep, loads
from ui.server.gradio_patches.promises import Promises

INSIDE = ".gradio-container[class] .contain"
"""In front of a selector it makes that as strong as Gradio makes the twins."""
EMPTY = re.compile(r"async function \w+\(e\)\{(?:e&&\(|if\(e\)\{)")
"""Both functions of the front end do nothing without a style sheet, or a head."""
TOKEN = re.compile(r"/\*.*?\*/|\"[^\"]*\"|'[^']*'|[{}();,]", re.DOTALL)
FIRST, LAST = "<script data-gradio-mode>", f"{END}\n"
SHEETS = (
    '{% if config.components %}<link rel="stylesheet" href="./assets/{{ own_sheet() }}"><link '
    'rel="stylesheet" href="{{ config.root }}/theme.css?v={{ config.theme_hash }}">{% endif %}'
)
"""Ours, then the theme: whoever asks for the theme later takes it for loaded."""


def script(text: str) -> str:
    """Keep a script to be handed out, and return the tag that runs it before Gradio's."""
    return f'<script type="module" src="./assets/{keep("js", text.encode())}"></script>'


def sheet(text: str) -> str:
    """Keep a style sheet to be handed out, with the twins of its rules; return its name."""
    return keep("css", with_twins(text).encode())


def image(address: str) -> str:
    """Keep a WebP image given as a data URI to be handed out; return the address of its file."""
    return f"./assets/{keep('webp', base64.b64decode(address.partition(',')[2]))}"


def name_own_files(styles: str) -> None:
    """Have the page run its own scripts before it is made, and name a sheet of its own styles.

    To be called after `name_assets`: of two rules that are equally strong the later one counts.
    """
    routes.templates.env.globals["own_sheet"] = cache(lambda: sheet(styles))
    scripts = "{{ (config.head or '') | safe }}"
    template.change({FIRST: scripts + FIRST, LAST: SHEETS + LAST})


def with_twins(text: str) -> str:
    """Return a style sheet in which each rule has a twin that is as strong as Gradio makes it.

    Rules that depend on the window have their twins alone, as Gradio leaves them.
    """
    made = []
    for head, body in _blocks(text):
        if head.startswith("@media"):
            inner = "".join(f"{_twin(one)}{{{rest}}}" for one, rest in _blocks(body))
            made.append(f"{head}{{{inner}}}")
        elif head.startswith("@"):
            made.append(f"{head}{{{body}}}")
        else:
            made.append(f"{head}, {_twin(head)}{{{body}}}")
    return "\n".join(made)


def _twin(selectors: str) -> str:
    """Return selectors that reach the same within the page, and are stronger."""
    found = []
    for one in _apart(selectors):
        dark = ".dark " if ".dark" in one else ""
        found.append(f"{dark}{INSIDE} {one.replace('.dark', '', 1).strip()}")
    return ", ".join(found)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield what stands before each pair of braces, and in them, without comments."""
    depth, head, begin = 0, "", 0
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    for token in TOKEN.finditer(text):
        if token[0] == "{":
            if depth == 0:
                head, begin = text[begin : token.start()].strip(), token.end()
            depth += 1
        elif token[0] == "}":
            depth -= 1
            if depth == 0:
                yield head, text[begin : token.start()].strip()
                begin = token.end()


def _apart(selectors: str) -> list[str]:
    """Split selectors at commas that are not in brackets."""
    depth, begin, found = 0, 0, []
    for token in TOKEN.finditer(selectors):
        if token[0] in "()":
            depth += 1 if token[0] == "(" else -1
        elif token[0] == "," and depth == 0:
            found.append(selectors[begin : token.start()])
            begin = token.end()
    return [*found, selectors[begin:]]


def _takes_empty(_page: Any) -> bool:
    """Whether the front end does nothing with an empty head and an empty style sheet."""
    texts = ((folder() / name).read_text("utf-8") for name in loads(entry()))
    return any(len(EMPTY.findall(text)) == 2 for text in texts)


def _stand_in_the_page(_page: Any) -> bool:
    return template.has(FIRST, LAST)


PROMISES: Promises = {
    "its page cannot do without a head and a style sheet": _takes_empty,
    "its page has no place for scripts and styles": _stand_in_the_page,
}
