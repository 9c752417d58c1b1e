"""The recipe from its first stage to its last, with too little of everything to learn a thing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs requirements-local.txt")
pytest.importorskip("diffusers", reason="needs requirements-local.txt")

from backends.miniature.sampling import Order, open_model  # noqa: E402
from bench.miniature_judges import HEADS, LARGER, Judges  # noqa: E402

pytestmark = pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="takes a minute; .ci/run sets EVERY_TEST"
)
LITTLE = ("--pictures", "1000", "--text-minutes", "0.03", "--autoencoder-minutes", "0.05")
SHORT = ("--minutes", "0.1", "--batch", "8")


def remake(folder: Path, *stages: str) -> None:
    places = {"--folder": folder, "--assets": folder / "assets", "--judges": folder}
    options = [str(part) for pair in places.items() for part in pair]
    command = [sys.executable, "-m", "tools.miniature", *stages, *options, *LITTLE, *SHORT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-2000:]


def taken(folder: Path) -> int:
    """How many steps the flow's checkpoint has behind it."""
    return int(torch.load(folder / "flow.pt", weights_only=False)["step"])


def test_every_stage_runs_and_the_flow_is_taken_up_again(tmp_path: Path) -> None:
    """Weights that paint, their checksum, judges, sheets; a second run goes on from the first."""
    remake(tmp_path)
    assets = tmp_path / "assets"
    picture = open_model(assets).paint(Order("a red sun, blue sky", (240, 144), 2, seed=1))
    assert picture.shape == (144, 240, 3)
    assert (assets / "weights.npz").stat().st_size < 10_000_000
    assert Judges(tmp_path, LARGER)(np.zeros((192, 192, 3), np.uint8)).shape == (len(HEADS),)
    written = {path.name for path in assets.iterdir()}
    assert {"prompts.webp", "dials.webp", "drawn.webp", "text.json"} <= written
    before = taken(tmp_path)
    assert before > 0
    remake(tmp_path, "flow")
    assert taken(tmp_path) > before
