"""An axis of a set: a field of the request and the values that it takes one after the other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import InputError
from core.params import MAX_SEED
from core.words import english

MOST_AXES = 3
LINES = "lines"
"""The axis of a table of requests: each value is what one line says, by field."""
MOST_VALUES = 1000
"""Values of one axis; a set has no more images than that either."""
SIZE = re.compile(r"(\d{1,5})\s*[x×*]\s*(\d{1,5})")
ALTERNATIVES = re.compile(r"\{([^{}|]*(?:\|[^{}|]*)+)\}")
"""`{calm|stormy}` in a prompt."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Values of a field and their names; `replace` is the part of the prompt that they replace."""

    field: str
    values: tuple[Any, ...]
    labels: tuple[str, ...]
    replace: str = ""

    def applied(self, values: Mapping[str, Any], number: int) -> dict[str, Any]:
        """Return a request with the value of that number, counted from 0."""
        value = self.values[number]
        if self.field == LINES:
            return {**values, **value}
        if self.field == "size":
            return {**values, "width": value[0], "height": value[1]}
        if self.replace:
            return {**values, "prompt": str(values["prompt"]).replace(self.replace, value)}
        return {**values, self.field: value}

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a request that it sets."""
        if self.field == LINES:
            return tuple(dict.fromkeys(name for value in self.values for name in value))
        return ("width", "height") if self.field == "size" else (self.field,)

    def as_dict(self) -> dict[str, Any]:
        """Return it in the form of the named API."""
        values = [list(value) if isinstance(value, tuple) else value for value in self.values]
        found: dict[str, Any] = {"field": self.field, "values": values}
        return found | ({"replace": self.replace} if self.replace else {})


def axes_of(given: Any, prompt: str) -> list[Axis]:
    """Read axes in the form of the named API, and the alternatives that a prompt names.

    Raises InputError with one sentence; its field is "axes".
    """
    if given is None:
        given = []
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise _wrong(english("sets-axes-must-list"))
    axes = [_axis(one, prompt) for one in given]
    whole = any("prompt" in axis.fields and not axis.replace for axis in axes)
    if not whole:
        axes += alternatives(prompt)
    if len(axes) > MOST_AXES:
        raise _wrong(english("sets-set-has-at-most-axes", most_axes=MOST_AXES, axes=len(axes)))
    taken = [name for axis in axes for name in ([] if axis.replace else axis.fields)]
    twice = next((name for name in taken if taken.count(name) > 1), "")
    if twice:
        raise _wrong(english("sets-two-axes-set", twice=twice))
    return axes


def alternatives(prompt: str) -> list[Axis]:
    """Return an axis for each `{calm|stormy}` in a prompt."""
    found = []
    for match in ALTERNATIVES.finditer(prompt):
        words = tuple(dict.fromkeys(word.strip() for word in match[1].split("|")))
        labels = tuple(word or "(nothing)" for word in words)
        found.append(Axis("prompt", words, labels, replace=match[0]))
    return list({axis.replace: axis for axis in found}.values())


def _axis(given: Any, prompt: str) -> Axis:
    if not isinstance(given, Mapping):
        raise _wrong(english("sets-each-axis-must-object-with"))
    unknown = set(given) - {"field", "values", "replace"}
    if unknown:
        raise _wrong(english("sets-axis-has-no", unknown=str(min(unknown, key=str))[:40]))
    field, values = str(given.get("field", ""))[:40], given.get("values")
    replace = given.get("replace") or ""
    if not field:
        raise _wrong(english("sets-axis-needs-name-field"))
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        raise _wrong(english("sets-axis-needs-list-values", field=field))
    if len(values) > MOST_VALUES:
        raise _wrong(
            english(
                "sets-axis-has-values-most",
                field=field,
                values=f"{len(values):,}",
                most_values=f"{MOST_VALUES:,}",
            )
        )
    if field == "image":
        raise _wrong(english("sets-image-cannot-axis"))
    if field == LINES:
        return _lines(values)
    if replace:
        return _replacing(field, values, str(replace), prompt)
    plain = [_size(value) if field == "size" else value for value in values]
    for value in plain:
        if not isinstance(value, str | int | float | bool | tuple):
            raise _wrong(english("sets-value-axis-no-number-text", field=field))
    once = list(dict.fromkeys(_key(value) for value in plain))
    unique = [next(value for value in plain if _key(value) == key) for key in once]
    return Axis(field, tuple(unique), tuple(label(field, value) for value in unique))


def _lines(values: Sequence[Any]) -> Axis:
    """Read a table of requests; two lines that say the same are two places with one image."""
    for line in values:
        plain = isinstance(line, Mapping) and line and "image" not in line
        if not plain or not all(isinstance(one, str | int | float | bool) for one in line.values()):
            raise _wrong(english("sets-each-line-must-object-fields"))
    lines = tuple(dict(line) for line in values)
    return Axis(LINES, lines, tuple(_line_label(n, line) for n, line in enumerate(lines, 1)))


def _line_label(number: int, line: Mapping[str, Any]) -> str:
    words = " ".join(str(line.get("prompt", "")).split())
    short = words if len(words) <= 40 else words[:39].rstrip() + "…"
    return f"{number} · {short}" if short else str(number)


def _key(value: Any) -> tuple[str, Any]:
    return ("bool" if isinstance(value, bool) else "", value)


def _replacing(field: str, values: Sequence[Any], replace: str, prompt: str) -> Axis:
    if field != "prompt":
        raise _wrong(english("sets-only-parts-prompt-can-replaced"))
    if replace not in prompt:
        raise _wrong(english("sets-prompt-does-not-contain", replace=replace[:60]))
    words = tuple(dict.fromkeys(str(value) for value in values))
    return Axis("prompt", words, tuple(word or "(nothing)" for word in words), replace=replace)


def _size(value: Any) -> tuple[int, int]:
    match = SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match:
        return int(match[1]), int(match[2])
    pair = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2
    if pair and all(isinstance(side, int) and not isinstance(side, bool) for side in value):
        return value[0], value[1]
    raise _wrong(
        english("sets-no-size", value=str(value)[:40]),
        advice=english("sets-write-sizes-like-1024-768"),
    )


def label(field: str, value: Any) -> str:
    """Return what a value is called in a heading."""
    if field == "size":
        return f"{value[0]} × {value[1]}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if field in ("seed", "variation_seed") and value == -1:
        return "new seed"
    return str(value)


def seeds(first: int, count: int) -> list[int]:
    """Return `count` seeds that count up from `first`, beginning again after the largest."""
    return [(first + offset) % (MAX_SEED + 1) for offset in range(count)]


def _wrong(text: str, advice: str = english("sets-change-axis")) -> InputError:
    return InputError(text, field="axes", advice=advice)
