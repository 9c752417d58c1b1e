"""The run on a lent GPU: its rows, its limits of time, and what its distances mean."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

FLUX_GB = 33.741
"""What the headers of the model by `bench.full_model` come to, as of FLUX.1 itself."""

np = pytest.importorskip("numpy")

from bench import gpu_memory  # noqa: E402
from bench.apart import ApartError, apart  # noqa: E402
from bench.device import CALLS, Part, parts, run  # noqa: E402
from bench.figures import chosen  # noqa: E402


def test_structure_is_one_for_the_same_and_less_for_noise() -> None:
    """SSIM: the same image, a little light, and other noise."""
    from bench.loss import lost, structure

    noise = np.random.default_rng(0)
    one, other = (noise.uniform(0, 255, (64, 72)) for _ in range(2))
    assert structure(one, one) == pytest.approx(1.0)
    assert structure(one, other) < 0.2
    assert structure(one, other) < structure(one, one + 20) < 1.0
    image = noise.integers(0, 200, (64, 64, 3)).astype(np.uint8)
    found = lost([image, image], [image, image + 3])
    assert (found.apart, found.worst_apart) == (1.5, 3.0)
    assert found.worst_structure < found.structure < 1.0


@pytest.mark.slow
def test_work_that_hangs_or_dies_is_told_and_stops_nothing() -> None:
    """A GPU is lent for minutes: a way that breaks must not take the others along."""
    assert apart(max, 3, 4, limit_s=60) == 4
    with pytest.raises(ApartError, match="ValueError"):
        apart(int, "x", limit_s=60)
    with pytest.raises(ApartError, match="took more than 2 s"):
        apart(time.sleep, 60, limit_s=2)
    with pytest.raises(ApartError, match="SystemExit"):
        apart(sys.exit, 3, limit_s=60)


def test_every_row_is_what_the_plan_makes_of_such_a_card() -> None:
    """The rows are those of the README, and measured is what users get."""
    from backends.local.plan import EXTRAS, Machine, choose

    every = frozenset(EXTRAS.values())
    for row in gpu_memory.ROWS:
        if row.plan:
            card = Machine("cuda", "", row.gb, gpu_memory.RAM_GB, fp8=True, installed=every)
            assert choose(card, FLUX_GB, row.quant, gguf=row.gguf).summary == row.plan


@pytest.mark.slow
def test_a_part_that_is_late_is_ended_and_named(tmp_path: Path) -> None:
    """With what it had said till then."""
    script = "print('began', flush=True); import time; time.sleep(60)"
    part = Part("x", [sys.executable, "-c", script], 11.0, "x")
    part.run(time.monotonic() + 12, tmp_path, [0])
    assert (part.code, part.said) == (-9, ["began"])
    assert "began" in (tmp_path / "x.log").read_text()
    late = Part("x", [sys.executable], 60.0, "x")
    late.run(time.monotonic() + 5, tmp_path, [0])
    assert late.said == ["not reached in the time"]


def test_every_part_has_its_turn() -> None:
    """None is forgotten or done twice, each is a program that there is, and no row is left out."""
    made = parts(Path("model"), tiny=False)
    turns = [one for call in CALLS.values() for stage in call for track in stage for one in track]
    assert sorted(made) == sorted(turns)
    rows = [
        part.command[part.command.index("--rows") + 1]
        for part in made.values()
        if "rows" in part.name
    ]
    assert sorted("; ".join(rows).split("; ")) == sorted(row.name for row in gpu_memory.ROWS)


def test_a_call_ends_within_the_time_that_a_machine_is_lent_for_it() -> None:
    """What is measured alone is through before the time is over, even if all of it is late."""
    made = parts(Path("model"), tiny=False)
    alone = CALLS["speed"][0][0]
    assert sum(made[name].limit_s for name in alone) <= 390


@pytest.mark.slow
def test_a_part_that_needs_the_model_is_not_tried_without_it(tmp_path: Path) -> None:
    """It says what to do; the others of its track have their turn, on the cores of the track."""
    script = "import os; print(os.environ['OMP_NUM_THREADS'], sorted(os.sched_getaffinity(0)))"
    needs = Part("x", [sys.executable, "-c", "print('began')"], 60.0, "x", model=True)
    other = Part("y", [sys.executable, "-c", script], 60.0, "y")
    model = Part("model", [sys.executable, "-c", "print('began')"], 60.0, "z")
    cores = sorted(os.sched_getaffinity(0))
    run([[needs, other]], time.monotonic() + 60, tmp_path, model=False)
    assert needs.said == ["there is no model: run the part of that name first, with --keep"]
    assert other.said == [f"{len(cores)} {cores}"]
    run([[model, needs]], time.monotonic() + 60, tmp_path, model=True)
    assert (model.code, needs.said[1:]) == (None, ["began"])


def test_a_name_that_there_is_not_is_told_before_anything_runs() -> None:
    """A machine that is lent for minutes runs nothing else by mistake."""
    assert chosen("", "ab") == ["a", "b"]
    assert chosen(" b ;a", "abc") == ["a", "b"]
    with pytest.raises(SystemExit, match="There is no 'd'; there are: a; b"):
        chosen("a; d", "ab")
