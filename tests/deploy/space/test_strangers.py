"""Strangers on the built Space, as `check` runs it: they meet nobody's things and spend nothing."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.space.replay import RELOAD_PORT, Environment, Running, closed_reload
from tests.end_to_end.crowd import nothing_without_a_budget, only_so_much_waits, paid, through
from tests.end_to_end.program import SandboxProcess
from tests.isolation import programs
from tests.isolation.table import SPACE
from tests.isolation.walk import report

QUICK = {"SRPO_BACKEND": "wavespeed", "SRPO_SANDBOX_LATENCY": "0.3"}


class Spaces:
    """Starts the built Space with settings; the one before is ended."""

    def __init__(self, environment: Environment, folder: Path) -> None:
        self._environment, self._folder = environment, folder
        self._running: Running | None = None

    def start(
        self, _folder: Path | None = None, settings: Mapping[str, str] | None = None
    ) -> Running:
        self.end()
        found = Running(
            self._environment,
            self._folder / "container",
            self._folder / "bucket",
            QUICK | dict(settings or {}),
        )
        self._running = found
        found.first_page()
        with pytest.raises(OSError):  # where a Space takes new code from its owner
            socket.create_connection(("127.0.0.1", RELOAD_PORT), 1)
        return found

    def end(self) -> None:
        if self._running:
            self._running.__exit__(None, None, None)


@pytest.fixture
def spaces(
    environment: Environment, open_folder: Path, request: pytest.FixtureRequest
) -> Iterator[Spaces]:
    made = Spaces(environment, open_folder / request.node.name)
    with closed_reload(), ExitStack() as stack:
        stack.callback(made.end)
        yield made


def test_nobody_meets_anothers_things_on_the_space(spaces: Spaces, tmp_path: Path) -> None:
    """The table of tests/isolation for a Space, walked on the folder that is published."""
    with programs.running(SPACE, tmp_path, start=spaces.start) as walk:
        walk.everything()
    sys.stdout.write(report([walk]))
    assert not walk.departures


def test_strangers_spend_nothing_there_that_its_owner_did_not_allow(
    spaces: Spaces, tmp_path: Path
) -> None:
    """With a key alone it is closed; with a budget each has three images waiting."""
    sandbox = SandboxProcess(tmp_path, latency=600)
    door = through(programs.SPACE_HEADERS | {"Host": "somebody-playground.hf.space"})
    try:
        nothing_without_a_budget(spaces.start(settings=paid(sandbox)), sandbox, door)
        open_ = {"SRPO_BUDGET_DAY_USD": "100", "WAVESPEED_MAX_CONCURRENCY": "2"}
        only_so_much_waits(spaces.start(settings=paid(sandbox) | open_), sandbox, door)
    finally:
        sandbox.kill()
