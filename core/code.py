"""Programs that make the same image: what a backend shows of its own call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.params import Params


@dataclass(frozen=True, slots=True)
class Code:
    """A program to copy; `title` names what runs it. Keys are never in it."""

    title: str
    text: str


def source_file(params: Params) -> str:
    """Name the file that a program reads its source image from; "" where it starts from words."""
    picture = params.picture
    return f"source.{picture.media_type.rpartition('/')[2]}" if picture else ""


def fields(values: Mapping[str, Any], *, indent: int, raw: Mapping[str, str] | None = None) -> str:
    """Write the entries of a Python dict, a line each; `raw` are expressions as they stand."""
    written = {name: repr(value) for name, value in values.items()} | dict(raw or {})
    return "\n".join(f'{" " * indent}"{name}": {text},' for name, text in written.items())


def arguments(
    values: Mapping[str, Any], *, indent: int, raw: Mapping[str, str] | None = None
) -> str:
    """Write the named arguments of a Python call, a line each; `raw` as in `fields`."""
    written = {name: repr(value) for name, value in values.items()} | dict(raw or {})
    return "\n".join(f"{' ' * indent}{name}={text}," for name, text in written.items())
