"""One language's sentences, read from its files of Project Fluent when they are first asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from babel import Locale
from fluent.runtime import FluentBundle, FluentResource
from fluent.runtime.types import fluent_number
from fluent.syntax import FluentParser, ast
from fluent.syntax.visitor import Visitor

FOLDER = Path(__file__).parent
KEPT = "core"
"""How the names of those files begin whose sentences are kept in English and found again."""
_KEY = re.compile(r"^(-?[a-z][a-z0-9-]*) *=", re.MULTILINE)


class Catalogue:
    """The sentences of one language by their keys.

    To parse all of them would take a fifth of a second at every start, so that only the keys are
    looked for then, and a sentence is parsed when it is said first.
    """

    def __init__(self, language: str, folder: Path = FOLDER) -> None:
        self.language = language
        self._sources: dict[str, str] = {}
        self._files: dict[str, list[str]] = {}
        for file in sorted((folder / language).glob("*.ftl")):
            for key, source in _entries(file.read_text(encoding="utf-8")):
                if key in self._sources:
                    raise ValueError(f"{file.name} has a second {key}.")
                self._sources[key] = source
                self._files.setdefault(file.stem, []).append(key)
        self._bundle = FluentBundle(
            [language], functions={"ORDINAL": self._ordinal}, use_isolating=False
        )

    def _ordinal(self, number: Any) -> Any:
        """Which kind of ordinal a number is: `one` of 1st and 21st, in English."""
        return Locale.parse(self.language, sep="-").ordinal_form(int(number))

    def __contains__(self, key: str) -> bool:
        return key in self._sources

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def source(self, key: str) -> str:
        """Return a sentence as it stands in its file; raises KeyError."""
        return self._sources[key]

    def keys(self, file: str) -> list[str]:
        """Return the keys of a file, named without its ending; raises KeyError."""
        return self._files[file]

    def variables(self, key: str) -> list[str]:
        """Return the names of a sentence's values, sorted; raises KeyError."""
        found = _Variables()
        found.visit(_parsed(self._sources[key]))
        return sorted(found.names)

    def say(self, key: str, values: Mapping[str, object]) -> str:
        """Return a sentence with its values filled in; raises KeyError."""
        if not self._bundle.has_message(key):
            self._bundle.add_resource(FluentResource(self._sources[key]))
        pattern = self._bundle.get_message(key).value
        if pattern is None:
            raise KeyError(key)
        text, _ = self._bundle.format_pattern(pattern, {n: _value(v) for n, v in values.items()})
        return str(text)

    def find(self, text: str) -> tuple[str, dict[str, str]] | None:
        """Return the key and the values of a sentence of `core/` that was said; None of another.

        Where several fit it is the one with the most of its own words.
        """
        best: tuple[int, str, dict[str, str]] | None = None
        for words, key, longest, pattern in self._patterns:
            better = longest in text and (best is None or words > best[0])
            if better and (match := pattern.fullmatch(text)):
                best = words, key, match.groupdict()
        return best[1:] if best else None

    @cached_property
    def _patterns(self) -> list[tuple[int, str, str, re.Pattern[str]]]:
        """Every form of every sentence of `core/`: its length, its key, its longest part."""
        found = []
        kept = [key for name, keys in self._files.items() if name.startswith(KEPT) for key in keys]
        for key in kept:
            for parts in _forms(_parsed(self._sources[key])):
                literals = [part for part in parts if isinstance(part, str)]
                if any(re.search(r"\w\w", part) for part in literals):
                    pattern = re.compile(_regular(parts), re.DOTALL)
                    found.append((sum(map(len, literals)), key, max(literals, key=len), pattern))
        return found


class _Variables(Visitor):
    """Collects the variables of a pattern."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def visit_VariableReference(self, node: ast.VariableReference) -> None:  # noqa: N802
        self.names.add(node.id.name)


def _parsed(source: str) -> ast.Pattern:
    """Return the pattern of a message."""
    message = FluentParser().parse_entry(source)
    if not isinstance(message, ast.Message) or message.value is None:
        raise ValueError(f"not a sentence: {source}")
    return message.value


def _forms(pattern: ast.Pattern) -> list[list[str | ast.VariableReference]]:
    """Return a pattern once for each way through its plurals, as texts and variables."""
    forms: list[list[str | ast.VariableReference]] = [[]]
    for element in pattern.elements:
        ways: list[list[str | ast.VariableReference]]
        inner = element.expression if isinstance(element, ast.Placeable) else None
        if isinstance(element, ast.TextElement):
            ways = [[element.value]]
        elif isinstance(inner, ast.StringLiteral):
            ways = [[str(inner.parse()["value"])]]
        elif isinstance(inner, ast.VariableReference):
            ways = [[inner]]
        elif isinstance(inner, ast.SelectExpression):
            ways = [form for one in inner.variants for form in _forms(one.value)]
        else:
            raise ValueError(f"cannot be found again: {element}")
        forms = [form + way for form in forms for way in ways]
    return forms


def _regular(parts: list[str | ast.VariableReference]) -> str:
    """Return the regular expression of a form; a variable that comes twice is the same twice."""
    seen: set[str] = set()
    found = ""
    # What stands inside a sentence neither spans several nor is one.
    whole = not isinstance(parts[-1], str) or parts[-1][-1] in _ENDS
    anything = ".+?" if whole else "(?:(?![.?:;] |[.?]$).)+?"
    for part in parts:
        if isinstance(part, str):
            found += re.escape(part)
        elif part.id.name in seen:
            found += f"(?P={part.id.name})"
        else:
            seen.add(part.id.name)
            found += f"(?P<{part.id.name}>{anything})"
    return found


_ENDS = ".?:”"
"""What sentences end with."""


def _value(value: object) -> object:
    """Return a value as Fluent takes it: 1024 pixels are not "1,024"."""
    return fluent_number(value, useGrouping=False) if type(value) is int else str(value)


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Yield each key of a file with its source."""
    found = list(_KEY.finditer(text))
    for one, following in zip(found, [*found[1:], None], strict=True):
        yield one[1], text[one.start() : following.start() if following else len(text)]
