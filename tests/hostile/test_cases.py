"""The table of adverse cases names tests that exist, and hides nothing that is missing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TABLE = (HERE / "CASES.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TABLE.splitlines()
    if line.startswith("|") and not re.match(r"\| (case|what happens) \||\|---", line)
]
CASES = {int(row[0]): row for row in ROWS if row[0].isdecimal()}
NAMED = re.findall(r"`([a-z_/]+\.py)::(test_\w+)`", TABLE)


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize(("file", "test"), sorted(set(NAMED)))
def test_every_test_that_is_named_exists(file: str, test: str) -> None:
    """A test that is renamed takes its row along."""
    assert test in names_in(HERE.parent / file)


def test_every_case_has_its_test_or_says_that_it_has_none() -> None:
    """All 88, in order; a row without a test says why."""
    assert list(CASES) == list(range(1, 89))
    for number, row in CASES.items():
        assert len(row) == 5, number
        assert row[3].startswith("`") or (row[3] == "–" and row[4]), number


def test_at_least_sixty_cases_are_shown_whole() -> None:
    """With a test, and with nothing left out."""
    whole = [number for number, row in CASES.items() if row[3] != "–" and not row[4]]
    assert len(whole) >= 60, len(whole)


def test_a_test_that_names_a_case_is_in_the_row_of_that_case() -> None:
    """The number in a test's name, or in the id of one of its examples, is that of the table."""
    for file in HERE.glob("test_*.py"):
        source = file.read_text(encoding="utf-8")
        for number in (
            re.findall(r"\bcase[-_](\d+)", source) if file.name != "test_cases.py" else []
        ):
            assert CASES[int(number)][3] != "–", f"{file.name} shows case {number}"
