"""Every sentence is in the catalogue, and all of the catalogue is used and rightly so."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from core.words import ENGLISH, LANGUAGES, catalogue, keys, variables
from core.words.catalogue import FOLDER

ROOT = Path(__file__).parents[1]
CODE = sorted(
    [*ROOT.glob("ui/**/*.py"), *ROOT.glob("core/**/*.py"), *ROOT.glob("backends/**/*.py")]
)
PAGE = [path for path in CODE if path.is_relative_to(ROOT / "ui")]
KEEPS = [path for path in CODE if not path.is_relative_to(ROOT / "ui")]
TEMPLATES = sorted(ROOT.glob("ui/templates/*.html"))
SCRIPTS = sorted(ROOT.glob("assets/*.js"))
STYLES = sorted(ROOT.glob("assets/*.css"))
OTHERS = [language for language in LANGUAGES if language != ENGLISH]
SAYS = ("say", "english")
OUTSIDE = {
    "ui/api.py": "descriptions of the API, for programs",
    "ui/api_arguments.py": "descriptions of the API, for programs",
    "ui/set_api.py": "descriptions of the API, for programs",
    "ui/keep_api.py": "descriptions of the API, for programs",
    "ui/cli.py": "the command line",
    "ui/generate/snippets.py": "programs to copy",
    "ui/backends_tab.py": "programs to copy",
    "ui/launch.py": "settings that are wrong, told on the command line",
    "ui/server/gradio_patches/check.py": "told on the command line",
    "ui/server/connections.py": "told on the command line",
    "ui/server/open_routes.py": "why routes are open, for whoever reads the code",
    "ui/server/sessions.py": "words of Gradio, by which the page knows what is meant",
    "ui/server/gradio_patches/hub_login.py": "words of Gradio, which the page's own replace",
    "ui/server/gradio_patches/uploading.py": "words of Gradio",
    "ui/theme.py": "names of fonts",
    "core/check.py": "told on the command line",
    "core/live_check.py": "told on the command line",
    "core/history/moving.py": "told on the command line",
    "core/history/open_jobs.py": "told on the command line",
    "core/history/backup.py": "told on the command line",
    "core/examples.py": "prompts, and what the command line tells",
    "core/settings.py": "settings, told in README and on the command line",
    "backends/remote/expectations.py": "what the live check tells on the command line",
    "backends/wavespeed/expected.py": "what the live check tells on the command line",
}
"""Files whose texts nobody reads on the page, and what those are."""
NAMES = {
    "Ctrl + Enter",
    "</>",
    "UTC",
    "Esc",
}
"""What is the same in every language."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def parents(path: Path) -> dict[ast.AST, ast.AST]:
    return {child: node for node in ast.walk(tree_of(path)) for child in ast.iter_child_nodes(node)}


def above(path: Path, node: ast.AST) -> Iterator[ast.AST]:
    """Yield what a node is part of, the nearest first."""
    up = parents(path)
    while node in up:
        node = up[node]
        yield node


def called(node: ast.AST) -> str:
    """Return the last part of the name of what is called."""
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def texts(path: Path) -> Iterator[tuple[ast.AST, str]]:
    """Yield the texts of a module with what is filled in as “7”, without its docstrings."""
    up = parents(path)
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.JoinedStr):
            parts = (one.value if isinstance(one, ast.Constant) else "7" for one in node.values)
            yield node, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and not isinstance(up[node], ast.JoinedStr | ast.Expr):
            yield node, node.value if isinstance(node.value, str) else ""


def is_sentence(text: str) -> bool:
    """Whether people read this: some words that end, or begin, as sentences do."""
    words = re.findall(r"[A-Za-z]{2,}", text)
    begins = re.match(r"[A-Z“7][\w’' ,:·-]*[a-z]", text) is not None
    return len(words) > 1 and " " in text.strip() and "\n" not in text and begins


# --- What is used -------------------------------------------------------------------------------


def said() -> Iterator[tuple[str, str, set[str] | None]]:
    """Yield where a sentence is said, its key or how its key begins (`key-*`), and its values."""
    for path in CODE:
        for node in ast.walk(tree_of(path)):
            if called(node) not in SAYS or not isinstance(node, ast.Call) or not node.args:
                continue
            given = {one.arg for one in node.keywords if one.arg}
            whole = all(one.arg for one in node.keywords)
            first = node.args[0]
            for one in [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]:
                if isinstance(one, ast.Constant):
                    yield name_of(path), str(one.value), given if whole else None
                elif isinstance(one, ast.JoinedStr) and isinstance(one.values[0], ast.Constant):
                    yield name_of(path), f"{one.values[0].value}*", None
    for path in TEMPLATES:
        text = path.read_text(encoding="utf-8")
        for key, joined, rest in re.findall(r'say\("([a-z0-9-]+)"( ~)?([^}]*)', text):
            given = set(re.findall(r"(\w+)=", rest.split(") }}")[0].split("say(")[0]))
            yield name_of(path), f"{key}*" if joined else key, None if joined else given
    for path in SCRIPTS:
        text = path.read_text(encoding="utf-8")
        for mark, key in re.findall(r'srpo\.say\((["`])([a-z0-9-]+)', text):
            yield name_of(path), f"{key}*" if mark == "`" else key, None


SAID = list(said())


def test_what_is_said_is_in_the_catalogue_with_its_values() -> None:
    """A key that is not there ends in an error on the page, a missing value in a hole."""
    for where, key, given in SAID:
        if key.endswith("*"):
            assert any(one.startswith(key[:-1]) for one in catalogue(ENGLISH)), (where, key)
            continue
        assert key in catalogue(ENGLISH), (where, key)
        if given is not None:
            assert {*variables(key)} <= given, (where, key, given)


def test_every_sentence_of_the_catalogue_is_said() -> None:
    """Nobody translates what nobody reads."""
    everything = "\n".join(
        path.read_text(encoding="utf-8") for path in [*CODE, *TEMPLATES, *SCRIPTS]
    )
    literal = set(re.findall(r"""["'`]([a-z][a-z0-9-]+)["'`]""", everything))
    begun = {key[:-1] for _, key, _ in SAID if key.endswith("*")}
    begun |= set(re.findall(r"""["'`]([a-z][a-z-]+-)(?:["']|[{$])""", everything))
    whole = {key for file in ("gallery", "script") for key in keys(file)}  # see ui/messages.py
    for key in catalogue(ENGLISH):
        used = key in literal or key in whole or any(key.startswith(one) for one in begun)
        assert used, key


@pytest.mark.parametrize("other", OTHERS)
def test_every_language_has_every_sentence_with_the_same_values(other: str) -> None:
    """A page in two languages at once is in none; a plural may be without its number."""
    assert {*catalogue(other)} == {*catalogue(ENGLISH)}
    for key in catalogue(ENGLISH):
        theirs, ours = catalogue(other).variables(key), variables(key)
        assert {*ours} - {*theirs} <= {"count"}, key
        assert {*theirs} <= {*ours}, key
    for file in (FOLDER / ENGLISH).glob("*.ftl"):
        assert {*catalogue(other).keys(file.stem)} == {*keys(file.stem)}


def test_what_scripts_say_has_no_plural() -> None:
    """They fill in texts, and count nothing."""
    for key in keys("script"):
        assert "->" not in catalogue(ENGLISH).source(key)


# --- What is outside ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGE, ids=name_of)
def test_no_sentence_of_the_page_stands_in_its_code(path: Path) -> None:
    """It would be English in every language."""
    if name_of(path) in OUTSIDE:
        return
    for node, text in texts(path):
        calls = {called(one) for one in above(path, node)}
        program = calls & {*SAYS, "TypeError", "ValueError", "RuntimeError", "warning", "compile"}
        if is_sentence(text) and not program and text not in NAMES:
            table = any(isinstance(one, ast.Dict) for one in above(path, node))
            promise = table and "gradio_patches" in name_of(path)  # told on the command line
            assert promise, f"{name_of(path)}:{node.lineno} {text!r}"  # type: ignore[attr-defined]


LABELS = ("label", "info", "placeholder", "title", "description", "advice")
DRAWN = ("gr.Button", "gr.Tab", "gr.Accordion", "gr.Checkbox")


@pytest.mark.parametrize("path", PAGE, ids=name_of)
def test_no_label_of_the_page_stands_in_its_code(path: Path) -> None:
    """One word is a sentence, too, on a button."""
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.Call) or name_of(path) in OUTSIDE:
            continue
        labels = [one.value for one in node.keywords if one.arg in LABELS]
        labels += node.args[:1] if ast.unparse(node.func) in DRAWN else []
        for one in labels:
            word = one.value if isinstance(one, ast.Constant) else ""
            assert word in NAMES or not word, f"{name_of(path)}:{node.lineno} {word!r}"


@pytest.mark.parametrize("path", KEEPS, ids=name_of)
def test_no_error_and_no_label_of_a_setting_stands_in_the_code(path: Path) -> None:
    """What `core/` and `backends/` say is found again by the page, by its wording."""
    if name_of(path) in OUTSIDE:
        return
    for node, text in texts(path):
        if not is_sentence(text) or not text.rstrip().endswith((".", "?", ".”")):
            continue
        calls = {called(one) for one in above(path, node)}
        inside = calls & {*SAYS, "TypeError", "ValueError", "RuntimeError", "Field", "compile"}
        logged = calls & {"warning", "info", "exception", "error", "debug"}
        assert inside or logged, f"{name_of(path)}:{node.lineno} {text!r}"  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_no_word_of_the_page_stands_in_a_template(path: Path) -> None:
    """Neither between the tags nor in what is read aloud."""
    text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", " ", path.read_text("utf-8"), flags=re.DOTALL)
    text = re.sub(r"<style>.*?</style>|<!doctype html>", " ", text, flags=re.DOTALL)
    read = re.findall(r'\b(?:aria-label|placeholder|title|alt)="([^"]*)"', text)
    for one in [*re.sub(r"<[^>]*>", "\n", text).split("\n"), *read]:
        words = one.strip().strip("·★×–‹›()")
        assert words in NAMES or not re.search(r"[A-Za-z]{2}", words), words


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_no_sentence_of_the_page_stands_in_a_script(path: Path) -> None:
    """A script asks for its sentences with `srpo.say`."""
    code = re.sub(r"/\*.*?\*/|(?m:^\s*//.*$)", "", path.read_text("utf-8"), flags=re.DOTALL)
    shown = re.findall(
        r"(?:textContent|title|label|ariaLabel|body|text|yes|no): [\"`]([A-Za-z][^\"`]*)", code
    )
    shown += re.findall(r"['\"](?:aria-label|title)['\"], [\"`]([A-Za-z][^\"`]*)", code)
    for text in [*re.findall(r'"([A-Z][a-z]+ [^"\n]*)"|`([A-Z][a-z]+ [^`\n]*)`', code), *shown]:
        words = "".join(text)
        assert not re.search(r"[A-Za-z]{2}", re.sub(r"\$\{[^}]*\}", "", words)), words


@pytest.mark.parametrize("path", STYLES, ids=name_of)
def test_no_word_of_the_page_stands_in_a_style_sheet(path: Path) -> None:
    """What a style sheet draws comes from the page."""
    assert not re.search(r"content:\s*\"[^\"\\]*[A-Za-z]{2}", path.read_text("utf-8"))
