"""The page is drawn from templates: every text is escaped, and no markup stands in the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from tests.ui.page_parts import PARTS
from ui import markup

UI = Path(markup.__file__).parent
TEMPLATES = sorted((UI / "templates").iterdir())
TAG = re.compile(r"<[a-z/!]", re.IGNORECASE)
HOSTILE = "<i>&\"'</script>"
GRADIO_S_OWN = {
    "layout.py": 1,  # the name of the button that shows code
    "assets.py": 2,  # likewise
    "template.py": 2,
    "languages.py": 2,  # what is put into Gradio's own template
    "light_page.py": 2,
    "own_files.py": 4,
}
"""How many texts with tags a file needs, because Gradio takes them as texts."""


def texts(path: Path) -> Iterator[str]:
    """Yield the texts of a module, except its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Forget the loaded templates, and stand in another folder than the program's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(markup.TEMPLATES, "cache", dict[Any, Any]())
    return markup.TEMPLATES.cache


def test_every_template_is_tried_with_hostile_texts_from_any_folder(fresh: Any) -> None:
    """A template that no part of `page_parts` draws would be one nobody has looked at."""
    for draw in PARTS.values():
        assert HOSTILE not in draw(HOSTILE)
        assert "<i>" not in draw(HOSTILE)
    assert sorted(name for _, name in fresh) == [path.name for path in TEMPLATES]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_turns_escaping_off(path: Path) -> None:
    """What is marked as safe once is trusted for ever; attributes without quotes hold nothing."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe|autoescape|=\{\{|\son\w+=|<script|\{\{[^}]*\bMarkup", text)
    assert all(len(line) <= 100 for line in text.splitlines())


@pytest.mark.parametrize("path", sorted(UI.rglob("*.py")), ids=lambda path: path.name)
def test_no_markup_stands_outside_templates(path: Path) -> None:
    """A tag in an f-string is a place where somebody has to think of escaping."""
    found = [text for text in texts(path) if TAG.search(text)]
    assert len(found) == GRADIO_S_OWN.get(path.name, 0), found
    assert not re.search(r"\bescape\(|import escape|markupsafe|Markup\(", path.read_text("utf-8"))


def test_a_value_that_a_template_does_not_get_is_an_error() -> None:
    """It would be nothing on the page, and nobody would see that it is missing."""
    with pytest.raises(UndefinedError, match="kind"):
        markup.render("notice", text="A sentence.")


def test_a_line_break_in_a_template_is_no_space_and_one_in_a_text_stays() -> None:
    """Buttons side by side keep their distance; code keeps its lines."""
    drawn = markup.snippets({"curl": "<a>\n  b"})
    assert drawn.startswith('<section class="card"><h3>curl<button type="button"')
    assert drawn.endswith('</h3><pre tabindex="0">&lt;a&gt;\n  b</pre></section>')
