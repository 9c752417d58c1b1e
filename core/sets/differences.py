"""What was really sent differs between targets: by name, what each was sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ABSENT = "–"
"""Stands for what a target was not sent at all."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that was not the same for all; `values` are in the order of the targets."""

    name: str
    values: tuple[str, ...]


def differences(sent: Mapping[str, Mapping[str, Any]]) -> list[Difference]:
    """Compare what targets were sent, by their headings; what all were sent alike is left out."""
    names = dict.fromkeys(name for facts in sent.values() for name in facts)
    rows = [
        Difference(name, tuple(_shown(facts.get(name, ABSENT)) for facts in sent.values()))
        for name in names
    ]
    return [row for row in rows if len(set(row.values)) > 1]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(inner)}" for name, inner in value.items())
    return str(value)
