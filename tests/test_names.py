"""One word for one thing: the terms that other programs use, and none that they replaced here."""

from __future__ import annotations

import ast
import functools
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment

ROOT = Path(__file__).parents[1]
ROOMS = "core backends sandbox ui deploy bench tools tests".split()
CLASSES = (
    "Lane Line Run Traceable Recorder Pace Bucket Patience Easel Bodies Desk Shelf Keeper Door "
    "Fleet"
).split()
"""Worker, SendQueue, ActiveJob, ListsJobs, PollSchedule, RateLimiter, Backoff and so on by now."""
WORDS = (
    "lane lanes easel ruins spoiling traceable recorder carriers desk shelf keeper fleet"
).split()
"""What no name contains: none of them has another meaning here."""
MODULES = {
    "core": (
        "lane line run starting trace decisions record embedding headers foreign carriers colours"
    ),
    "backends": "together watch answers addresses download run trace",
    "sandbox": "easel ruins spoiling bodies wire",
    "ui": (
        "make desk shelf keeper money guide draw words wishes inbox media guard bodies fetching "
        "flags"
    ),
    "deploy": "door fleet",
}
ALLOWED = {
    ("core/check.py", "Line"): "a line of text",
    ("tests/deploy/plain.py", "Line"): "a line of a file",
    ("tools/miniature/examples.py", "_Bucket"): "examples of one shape, as training calls them",
}
PATCHES = "ui/server/gradio_patches"
"""Its files are named for what Gradio does: `fetching` is its own."""
PAINTERS = ("sandbox/", "tools/", "bench/", "tests/sandbox/", "tests/tools/", "tests/bench/")
"""Where the sandbox's painter is at home, who has words of its own for what it does."""
CODE = ("Picture",)
"""Names that stand in strings, as in `__all__`."""
PICTURE = re.compile(r"(?<![\w./-])pictures?(?![\w(/]|\.\w)", re.IGNORECASE)
PAINT = re.compile(r"(?<![\w./-])paint(s|ed|ing|ings)?(?![\w(/])", re.IGNORECASE)
PAGE = re.compile(r"\buse all but seed\b|^Earlier$", re.IGNORECASE | re.MULTILINE)
QUOTED = re.compile(r"``?[^`]*``?|^    .*$|```.*?```|<!--.*?-->", re.DOTALL)
MADE = re.compile(r"<!-- made by .*?<!-- end of .*?-->", re.DOTALL)
"""What a document repeats from the code, where it is looked at."""
DOCUMENTS = "README.md ARCHITECTURE.md CONTRIBUTING.md SECURITY.md CHANGELOG.md".split()


def sources() -> list[str]:
    """Return every file of ours, from the top of the repository."""
    found = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    return [str(path.relative_to(ROOT)) for path in [ROOT / "app.py", *found]]


@functools.cache
def tree_of(file: str) -> ast.Module:
    """Return a file, parsed once for all tests."""
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def named(tree: ast.AST) -> Iterator[str]:
    """Yield every name that a module gives to something."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name
            case ast.AsyncFunctionDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def parts(name: str) -> set[str]:
    return {part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


@pytest.mark.slow
def test_code_is_named_in_the_words_of_today() -> None:
    """No class, function, variable or file has a name that was replaced."""
    old = []
    for file in sources():
        tree = tree_of(file)
        classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        old += [
            f"{file}: class {name}"
            for name in classes
            if name.lstrip("_") in CLASSES and (file, name) not in ALLOWED
        ]
        old += [f"{file}: {name}" for name in set(named(tree)) if parts(name) & {*WORDS}]
        room, stem = file.partition("/")[0], Path(file).stem
        if stem in MODULES.get(room, "").split() and not file.startswith(PATCHES):
            old.append(file)
    assert not old


def test_the_pages_sentences_are_in_the_words_of_every_other_tool() -> None:
    """Templates, script and messages say image, generate, Move up; what is in code is no matter."""
    texts = {
        str(path.relative_to(ROOT)): _shown(path.read_text(encoding="utf-8"))
        for path in (ROOT / "ui/templates").glob("*.html")
    }
    for file in sources():
        if file.startswith(("ui/", "core/", "backends/", "deploy/", "app.py")):
            found = _sentences(tree_of(file))
            texts[file] = "\n".join(text for text in found if text not in CODE)
    old = [
        f"{file}: {hit[0]}"
        for file, text in texts.items()
        for pattern in (PICTURE, PAINT, PAGE)
        for hit in pattern.finditer(text)
    ]
    assert not old


def _shown(template: str) -> str:
    """Return what of a template is text: neither tags nor expressions."""
    tokens = Environment(autoescape=True).lex(template)
    text = "".join(value for _line, kind, value in tokens if kind == "data")
    labels = re.findall(r'(?:aria-label|title|alt|placeholder)="([^"]*)"', text)
    return re.sub(r"<[^>]*>", " ", text) + "\n" + "\n".join(labels)


def _sentences(tree: ast.AST) -> Iterator[str]:
    """Yield the strings of a module that a person may read: no docstring, no key of anything."""
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in said and text[:1].isupper():
                yield QUOTED.sub(" ", text)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_in_the_words_of_today(name: str) -> None:
    """What is quoted is code, and keeps its names."""
    text = QUOTED.sub(" ", MADE.sub(" ", (ROOT / name).read_text(encoding="utf-8")))
    rows = [row for row in text.splitlines() if not re.search(r"painter|tools/|assets", row)]
    found = [row for row in rows if PICTURE.search(row) or PAINT.search(row)]
    assert not found


@pytest.mark.slow
def test_docstrings_and_comments_are_in_the_words_of_today() -> None:
    """They are what a newcomer reads first."""
    found = []
    for file in sources():
        patterns = [PICTURE] if file.startswith(PAINTERS) else [PICTURE, PAINT]
        for row, text in _remarks(file):
            text = QUOTED.sub(" ", text)
            found += [f"{file}:{row}: {hit[0]}" for one in patterns for hit in one.finditer(text)]
    assert not found


def _remarks(file: str) -> Iterator[tuple[int, str]]:
    """Yield every docstring and comment with its line."""
    source = (ROOT / file).read_text(encoding="utf-8")
    for node in ast.walk(tree_of(file)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield node.lineno, text
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
