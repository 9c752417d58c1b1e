"""The trash when its process is killed: no row points at nothing, and no file is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("images", "step", "instants"),
    [
        pytest.param(12, 3, 12, marks=pytest.mark.slow),
        pytest.param(18, 4, 10_000, marks=pytest.mark.full_size),
        pytest.param(1_000, 100, 30, marks=pytest.mark.full_size),
    ],
)
def test_a_kill_in_any_step_leaves_nothing_and_loses_nothing(
    tmp_path: Path, images: int, step: int, instants: int
) -> None:
    """Right after it and when another process has gone on: `killed.py` says what is judged."""
    asked = [str(one) for one in (tmp_path, images, step, instants)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.core.history.killed", *asked],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=1_800,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    assert "steps killed" in done.stdout
