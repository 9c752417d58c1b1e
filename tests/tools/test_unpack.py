"""The shipped weights can be trained on: they come back as the networks they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs requirements-local.txt")
pytest.importorskip("diffusers", reason="needs requirements-local.txt")

from backends.miniature import FOLDER  # noqa: E402
from backends.miniature.encoders import T5, Clip  # noqa: E402
from backends.miniature.sampling import open_model  # noqa: E402
from backends.miniature.weights import load  # noqa: E402
from tools.miniature.learner import Learner, Recipe  # noqa: E402
from tools.miniature.unpack import unpack  # noqa: E402


@torch.no_grad()
def test_unpacked_weights_answer_like_the_shipped_ones(tmp_path: Path) -> None:
    """Both encoders and the transformer, as a checkpoint that the flow goes on from."""
    unpack(FOLDER, tmp_path)
    learner = Learner(Recipe(), tmp_path)
    learner.load(tmp_path / "flow.pt")
    weights, lexicon = load(FOLDER), open_model(FOLDER).lexicon
    ids = lexicon.tokens("a red sun on the left, blue sky", begins=False)
    states = learner.mean[1](torch.from_numpy(ids)[None])[0][0].numpy()
    assert np.abs(states - T5(weights.part("t5"))(ids)).max() < 1e-4
    ids = lexicon.tokens("a red sun on the left, blue sky", begins=True)
    pooled = learner.mean[2](torch.from_numpy(ids)[None]).pooler_output[0].numpy()
    assert np.abs(pooled - Clip(weights.part("clip"))(ids)).max() < 1e-4
    flux = dict(learner.mean[0].named_parameters())
    for name, array in weights.part("flux").items():
        assert np.array_equal(flux[name].numpy(), array), name
