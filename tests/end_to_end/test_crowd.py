"""A crowd of strangers on a public instance: exactly the limits, and nothing without a budget."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.end_to_end.crowd import (
    crowd,
    nothing_without_a_budget,
    only_so_much_waits,
    paid,
    wait_until,
)
from tests.end_to_end.program import Playground, SandboxProcess

PUBLIC = {"GRADIO_SERVER_NAME": "0.0.0.0", "SRPO_LOCAL_OWNER": "0"}


@pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="starts the program four times; .ci/run sets EVERY_TEST"
)
def test_200_submits_by_20_strangers_get_exactly_the_limits(tmp_path: Path) -> None:
    """Without a budget nothing; then by what waits, by the hour across a restart, by the budget."""
    sandbox = SandboxProcess(tmp_path, latency=600)
    programs: list[Playground] = []

    def start(**limits: str) -> Playground:
        for program in programs[-1:]:
            program.kill()
        programs.append(Playground(tmp_path / "p", **paid(sandbox) | PUBLIC | limits))
        return programs[-1]

    try:
        nothing_without_a_budget(start(), sandbox)
        program = start(SRPO_BUDGET_DAY_USD="100", WAVESPEED_MAX_CONCURRENCY="2")
        only_so_much_waits(program, sandbox)

        hour = {"SRPO_LIMIT_PAID_PER_ADDRESS_HOUR": "5", "SRPO_LIMIT_WAITING_STRANGER": "500"}
        quick = {"SRPO_BUDGET_DAY_USD": "100", "WAVESPEED_MAX_CONCURRENCY": "500"}
        program = start(**quick | hour)
        taken, said = crowd(program, each=4)
        assert taken == 40
        assert all("can ask for 5 paid images an hour here; the next is" in one for one in said)
        wait_until(lambda: sandbox.stats()["charges"] == 102)

        program = start(**quick | {"SRPO_BUDGET_DAY_USD": "2.60"})
        taken, said = crowd(program, each=1)
        assert taken == 2
        assert all("less than that is left of today's budget" in one for one in said)
        wait_until(lambda: sandbox.stats()["charges"] == 104)
    finally:
        for program in programs[-1:]:
            program.kill()
        sandbox.kill()
