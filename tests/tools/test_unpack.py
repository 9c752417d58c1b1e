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
from tools.miniature import text  # noqa: E402
from tools.miniature.flow import train  # noqa: E402
from tools.miniature.learner import Learner, Recipe  # noqa: E402
from tools.miniature.lexicon import vocabulary  # noqa: E402
from tools.miniature.networks import build_clip, build_t5, build_tokenizer  # noqa: E402
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


def test_older_weights_read_prompts_as_they_learned_to() -> None:
    """The vocabulary has grown since; what they do not know must not get an id of theirs."""
    weights, lexicon = load(FOLDER), open_model(FOLDER).lexicon
    known = len(weights.vocabulary)
    assert vocabulary(known) == list(weights.vocabulary)
    for begins in (False, True):
        tokenizer = build_tokenizer(begins=begins, words=known)
        for prompt in (
            "Two red houses and three pine trees behind a dark lake",
            "a lone boat between bright balloons, villages, no snow",
            "Starry night over snow-capped mountains, golden hour",
        ):
            ids = tokenizer(prompt, padding="max_length", max_length=32, truncation=True)
            wanted = lexicon.tokens(prompt, begins=begins).tolist()
            assert ids["input_ids"] == wanted, prompt
            assert max(wanted) < known


def test_the_flow_is_not_trained_on_words_its_encoders_lack(tmp_path: Path) -> None:
    """It says which stage comes first."""
    few = len(vocabulary()) - 1
    stored = {"t5": build_t5(few).state_dict(), "clip": build_clip(few).state_dict()}
    torch.save(stored, tmp_path / text.NAME)
    with pytest.raises(ValueError, match="train `text`"):
        train(tmp_path, Recipe())
