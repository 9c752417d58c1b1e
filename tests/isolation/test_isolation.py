"""Nobody meets another's things: the table, walked on the running program in every set-up."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.isolation import programs
from tests.isolation.table import SETUPS, SetUp
from tests.isolation.walk import report


@pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="asks for minutes; .ci/run sets EVERY_TEST"
)
@pytest.mark.parametrize("setup", SETUPS, ids=lambda one: one.name)
def test_nobody_meets_anothers_things(setup: SetUp, tmp_path: Path) -> None:
    """Who may see, cancel, star and delete what is what the table says, without exception.

    `pytest -rP` prints the figure.
    """
    if reason := programs.missing(setup):
        pytest.skip(reason)
    with programs.running(setup, tmp_path) as walk:
        walk.everything()
    sys.stdout.write(report([walk]))
    assert not walk.departures
