"""Two processes on one database: the second refuses, and without its lock nothing is paid twice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import postgresql, two_processes

pytestmark = pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="starts many processes; .ci/run sets EVERY_TEST"
)
SERVER = pytest.param(
    "postgresql",
    marks=pytest.mark.skipif(not postgresql.PROGRAMS, reason="needs a PostgreSQL server"),
)


@pytest.mark.parametrize("kind", ["sqlite", SERVER])
def test_of_two_programs_on_one_database_one_refuses(tmp_path: Path, kind: str) -> None:
    """It ends with a sentence that names the other, and shows no page."""
    [race] = two_processes.series(two_processes.locked, ["siraya"], tmp_path, kind, 1)
    assert "already uses the database" in race.refused
    assert "process " in race.refused
    assert "Traceback" not in race.refused
    assert race.charged_once, race


@pytest.mark.parametrize("service", two_processes.SERVICES)
@pytest.mark.parametrize("kind", ["sqlite", SERVER])
def test_without_the_lock_each_job_is_charged_once(tmp_path: Path, kind: str, service: str) -> None:
    """Three processes carry the same six jobs; one of them starts in the middle."""
    [race] = two_processes.series(two_processes.unlocked, [service], tmp_path, kind, 1)
    assert race.charged_once, race
