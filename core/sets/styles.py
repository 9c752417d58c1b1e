"""Styles: named words before and after a prompt, in the format of A1111's `styles.csv`."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.errors import InputError
from core.words import english

MOST_STYLES = 2000
MOST_BYTES = 2_000_000
MIDDLE = "{prompt}"
"""Where the prompt goes in a style; one without it follows the prompt after a comma."""


@dataclass(frozen=True, slots=True)
class Style:
    """A style; `dropped` is what was in its file and no backend here reads."""

    name: str
    prompt: str
    dropped: str = ""

    def applied(self, prompt: str) -> str:
        """Return a prompt in this style."""
        if MIDDLE in self.prompt:
            return self.prompt.replace(MIDDLE, prompt)
        return ", ".join(part for part in (prompt.strip(" ,"), self.prompt.strip(" ,")) if part)

    @property
    def around(self) -> tuple[str, str]:
        """The words before and after the prompt; a second place for it stays where it is."""
        if MIDDLE not in self.prompt:
            return "", f", {self.prompt.strip(' ,')}"
        before, _, after = self.prompt.partition(MIDDLE)
        return before, after


@dataclass(frozen=True, slots=True)
class StylesFile:
    """What came of a file: its styles, and one sentence for each line that gives none."""

    styles: Sequence[Style]
    errors: Sequence[tuple[int, str]] = ()


def read_styles(data: bytes) -> StylesFile:
    """Read a `styles.csv`: name, prompt and negative prompt; the last is only named as dropped.

    Raises InputError when the file as a whole cannot be read: its encoding, its size, its columns.
    """
    if len(data) > MOST_BYTES:
        raise _wrong(
            english("sets-file-larger-than-mb-2", most_bytes=MOST_BYTES // 1000000),
            english("sets-split"),
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _wrong(
            english("sets-styles-file-not-in-utf"), english("sets-save-as-utf-8")
        ) from error
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: list[str] = []
    found: dict[str, Style] = {}
    errors: list[tuple[int, str]] = []
    try:
        for row in rows:
            if not columns:
                columns = _columns(row)
                continue
            cells = dict(zip(columns, (cell.strip() for cell in row), strict=False))
            if not any(cells.values()):
                continue
            if said := _lacking(cells):
                errors.append(
                    (rows.line_num, english("sets-line", line=rows.line_num, reason=said))
                )
                continue
            name = cells["name"]
            found[name] = Style(name, cells["prompt"], cells.get("negative_prompt", ""))
            if len(found) > MOST_STYLES:
                raise _wrong(
                    english("sets-file-has-more-than-styles", most_styles=f"{MOST_STYLES:,}"),
                    english("sets-split"),
                )
    except csv.Error as error:
        raise _wrong(
            english("sets-line-quotes-do-not-match", line_num=rows.line_num),
            english("sets-close-every-quote"),
        ) from error
    if not columns:
        raise _wrong(
            english("images-file-empty"), english("sets-choose-styles-csv-another-program")
        )
    return StylesFile(list(found.values()), errors)


def _columns(row: Sequence[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in row]
    if not {"name", "prompt"} <= set(columns):
        raise _wrong(
            english("sets-no-styles-file-its-first"),
            english("sets-export-again-from-program-comes"),
        )
    return columns


def _lacking(cells: Mapping[str, str]) -> str:
    """Say what keeps a line from being a style; "" when it is one."""
    if not cells.get("name"):
        return english("sets-style-unnamed")
    if cells.get("prompt"):
        return ""
    if cells.get("negative_prompt"):
        return english("sets-has-negative-prompt-alone-which", name=cells["name"][:40])
    return english("sets-has-no-words", name=cells["name"][:40])


def _wrong(text: str, advice: str) -> InputError:
    return InputError(text, field="styles", advice=advice)
