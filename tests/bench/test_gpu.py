"""The race on a GPU: all of it runs here with a small model, and it counts what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench import full_flux
from bench.gpu_ways import WAYS, counted

torch = pytest.importorskip("torch", reason="needs requirements-local.txt")
pytest.importorskip("diffusers", reason="needs requirements-local.txt")

ROOT = Path(__file__).parents[2]


def race(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.gpu", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)


def test_every_way_is_measured_in_a_dry_run() -> None:
    """Nobody rents a GPU to find that the race breaks; exact paints the pixels of diffusers."""
    done = race("--tiny")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {
        name: line
        for name in WAYS
        for line in done.stdout.split("\n")
        if re.match(rf"{name}  ", line) or line.startswith(f"{name:16} ")
    }
    assert list(rows) == list(WAYS)
    assert re.search(r" 12  weights bf16, speed exact", rows["exact"])
    assert re.search(r" 8  weights bf16, speed turbo,.* first-block cache", rows["turbo"])
    assert torch.cuda.is_available() or "needs a GPU" in rows["fp8, compiled"]
    assert "holds  exact paints the very pixels" in done.stdout


def test_some_of_the_ways_can_be_measured_again() -> None:
    """A machine is lent for minutes: what was measured is left out, and is not missed."""
    done = race("--tiny", "--ways", "exact; compiled")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line[:16].strip() for line in done.stdout.split("\n") if "weights bf16" in line]
    assert rows == ["exact", "compiled"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_one_sentence_says_so() -> None:
    """And no figure of a CPU passes for one of a GPU."""
    done = race()
    assert done.returncode == 1
    assert done.stderr.strip().split("\n") == [
        "bench.gpu needs a GPU that torch can use; --tiny is a dry run without one."
    ]
    assert done.stdout == ""


def test_the_model_has_the_size_of_flux() -> None:
    """11.9 billion parameters; what a step computes is counted, and less than the estimate."""
    made = full_flux.parts("meta", torch.bfloat16, tiny=False)
    transformer, everything = full_flux.parameters(made)
    assert transformer == 11_901_408_320
    assert everything == transformer + 83_819_683
    assert {one.dtype for one in made["transformer"].parameters()} == {torch.bfloat16}
    estimate, products = full_flux.operations(1024, tiny=False)
    assert estimate == 2 * transformer * (4096 + 512)
    assert products == pytest.approx(74.4e12, rel=0.01)


def test_a_step_that_is_skipped_is_not_counted() -> None:
    """Only what reaches the last block ran whole."""
    block = SimpleNamespace(forward=lambda tokens: tokens + 1)
    ran = counted(SimpleNamespace(single_transformer_blocks=[None, block]))
    assert [block.forward(1), block.forward(2)] == [2, 3]
    assert len(ran) == 2
