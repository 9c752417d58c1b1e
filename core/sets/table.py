"""A table of requests as CSV: columns named like fields, one image a line, errors by line."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.controls import Control, controls
from core.errors import InputError
from core.params import Params
from core.parsing import parse
from core.words import english

MOST_BYTES = 4_000_000
MOST_LINES = 1000
YES, NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of a file: requests with their line numbers, and one sentence a bad line."""

    requests: Sequence[tuple[int, Params]]
    errors: Sequence[tuple[int, str]] = ()
    values: Sequence[Mapping[str, Any]] = ()
    """What the lines of the requests say themselves, by field."""


def read_table(data: bytes, kind: type[Params], base: Mapping[str, Any]) -> Reading:
    """Read requests; what a line leaves empty comes from `base`, then from the backend's defaults.

    Raises InputError when the file as a whole cannot be read: its encoding, its size, its columns.
    """
    if len(data) > MOST_BYTES:
        raise _wrong(
            english("sets-file-larger-than-mb", most_bytes=MOST_BYTES // 1000000),
            english("sets-split"),
        )
    rows = csv.reader(io.StringIO(_text(data), newline=""), strict=True)
    known = {control.name: control for control in controls(kind) if control.name != "image"}
    requests: list[tuple[int, Params]] = []
    errors: list[tuple[int, str]] = []
    said: list[dict[str, Any]] = []
    columns: list[str] = []
    try:
        for row in rows:
            line = rows.line_num
            if not any(cell.strip() for cell in row):
                continue
            if not columns:
                columns = _columns(row, known, base)
            elif len(requests) + len(errors) >= MOST_LINES:
                raise _wrong(
                    english("sets-file-has-more-than-images", most_lines=f"{MOST_LINES:,}"),
                    english("sets-split"),
                )
            else:
                try:
                    own = _given(row, columns, known)
                    requests.append((line, parse(kind, {**base, **own})))
                except InputError as error:
                    errors.append((line, english("sets-line", line=line, reason=error)))
                else:
                    said.append(own)
    except csv.Error as error:
        raise _wrong(
            english("sets-line-quotes-do-not-match", line_num=rows.line_num),
            english("sets-close-every-quote"),
        ) from error
    if not columns:
        raise _wrong(english("sets-file-empty"), english("sets-its-first-line-names-columns"))
    return Reading(requests, errors, said)


def _text(data: bytes) -> str:
    """Decode UTF-8 or UTF-16 with its mark; anything else is refused rather than guessed."""
    marked = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        return data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise _wrong(
            english("sets-file-not-in-utf-8"), english("sets-save-as-csv-in-utf")
        ) from error


def _columns(
    row: Sequence[str], known: Mapping[str, Control], base: Mapping[str, Any]
) -> list[str]:
    titles = {control.label.lower(): name for name, control in known.items()}
    names = [cell.strip().lower() for cell in row]
    columns = [name if name in known else titles.get(name, name) for name in names]
    unknown = [name for name in columns if name not in known]
    if unknown:
        raise _wrong(
            english("sets-there-no-setting-for-column", unknown=unknown[0][:40]),
            english("sets-columns", names=", ".join(known)),
        )
    twice = next((name for name in columns if columns.count(name) > 1), "")
    if twice:
        raise _wrong(english("sets-column-there-twice", twice=twice), english("sets-take-one-away"))
    if "prompt" not in columns and not base.get("prompt"):
        raise _wrong(english("sets-column-prompt-missing"), english("sets-add-or-write-prompt-on"))
    return columns


def _given(
    row: Sequence[str], columns: Sequence[str], known: Mapping[str, Control]
) -> dict[str, Any]:
    """Return what a line says by field; raises InputError when it has too many cells."""
    if len(row) > len(columns):
        raise _wrong(english("sets-there-are-more-cells-than"), english("sets-take-some-away"))
    cells = zip(columns, row, strict=False)
    return {name: _value(cell.strip(), known[name]) for name, cell in cells if cell.strip()}


def _value(text: str, control: Control) -> Any:
    """Return a cell as its field takes it; what cannot be read stays text and is refused later."""
    if control.kind == "toggle":
        return True if text.lower() in YES else False if text.lower() in NO else text
    if control.kind in ("slider", "number"):
        try:
            return int(text)
        except ValueError:
            pass
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _wrong(text: str, advice: str) -> InputError:
    return InputError(text, field="table", advice=advice)
