"""Weights are trained on with words, scenes and things that the former training did not have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs requirements-local.txt")
pytest.importorskip("diffusers", reason="needs requirements-local.txt")

from backends.miniature import FOLDER  # noqa: E402
from backends.miniature.sampling import open_model  # noqa: E402
from tools.miniature import text  # noqa: E402
from tools.miniature.examples import Examples  # noqa: E402
from tools.miniature.flow import Clock  # noqa: E402
from tools.miniature.latents import CHANNELS, fit, load_components  # noqa: E402
from tools.miniature.learner import Learner, Recipe  # noqa: E402
from tools.miniature.lexicon import vocabulary  # noqa: E402
from tools.miniature.networks import build_clip, build_t5  # noqa: E402
from tools.miniature.pictures import make_example, paint_all  # noqa: E402
from tools.miniature.unpack import unpack  # noqa: E402
from tools.miniature.words import encode_words  # noqa: E402

FEW = 44
"""Words of the first shipped vocabulary."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with encoders of few words."""
    torch.manual_seed(0)
    stored = {"t5": build_t5(FEW).state_dict(), "clip": build_clip(FEW).state_dict()}
    torch.save(stored, tmp_path / text.NAME)
    return tmp_path


def read(caption: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The caption's token ids for both encoders."""
    rows = (encode_words(caption, begins=begins) for begins in (False, True))
    t5, clip = (torch.from_numpy(row).long()[None] for row in rows)
    return t5, clip


@torch.no_grad()
def test_grown_encoders_say_the_same_of_what_they_knew(folder: Path) -> None:
    """A plural begins as its singular; only captions that could be read before are compared."""
    reader = text.Reader()
    former = text._former(folder, reader)
    assert former is not None and former.words == FEW < len(vocabulary())
    ids = read("red house left , blue sky")
    assert former.apart(*ids, reader(*ids)[1]) == 0
    one, several = vocabulary().index("house"), vocabulary().index("houses")
    assert torch.equal(reader.t5.shared.weight[one], reader.t5.shared.weight[several])
    reader.t5.shared.weight += 0.1
    assert former.apart(*ids, reader(*ids)[1]) > 0
    ids = read("two houses , blue sky")
    assert former.apart(*ids, reader(*ids)[1]) == 0


def test_encoders_are_made_anew_where_there_are_none(tmp_path: Path) -> None:
    """The recipe from nothing has none to take up."""
    assert text._former(tmp_path, text.Reader()) is None


def test_the_flow_is_taken_up_beside_encoders_that_have_grown(folder: Path) -> None:
    """The checkpoint's transformer goes on; its encoders of few words do not come back."""
    unpack(FOLDER, folder)
    shipped = torch.load(folder / "flow.pt", weights_only=False)["mean"]
    torch.save(
        {"t5": build_t5().state_dict(), "clip": build_clip().state_dict()}, folder / text.NAME
    )
    learner = Learner(Recipe(), folder)
    learner.load(folder / "flow.pt")
    assert learner.mean[1].shared.num_embeddings == len(vocabulary())
    for name, value in learner.nets.state_dict().items():
        if name.startswith("0."):
            assert torch.equal(value, shipped[name]), name


def test_new_images_get_latents_that_the_shipped_decoder_reads(tmp_path: Path) -> None:
    """The components come with the weights and are not looked for anew."""
    unpack(FOLDER, tmp_path)
    data = tmp_path / "data"
    before = load_components(data)
    picture = make_example(3, (128, 128))[0]
    latents = before.encode(picture[None])[0]
    decoded = open_model(FOLDER).autoencoder.decode(latents.astype(np.float32))
    error = (decoded.astype(float) - picture) / 255
    assert -10 * np.log10((error**2).mean()) > 26
    paint_all(data, 1000, 1)
    fit(data)
    assert np.array_equal(load_components(data).basis, before.basis)
    examples = Examples(data)
    batch = examples.draw(4, 0.1, np.random.default_rng(0))
    assert batch.latents.shape[2] == 4 * CHANNELS
    counted = [
        number
        for number, row in enumerate(examples.parts[0].t5)
        if set(map(vocabulary().index, ("houses", "trees", "boats", "balloons"))) & set(row.ravel())
    ]
    odds = examples.parts[0].odds
    kept = [number for number in counted if number < len(odds)]
    assert odds[kept].mean() > 1.2 * odds.mean()


def test_a_run_of_so_many_steps_counts_no_time(tmp_path: Path) -> None:
    """A machine that is busy or stopped does not cut short the end, where the rate falls."""
    clock = Clock(tmp_path / "settle", Recipe(minutes=8.0, steps=4, settle_minutes=1.0))
    assert [clock.left() for _ in range(3)] == [8.0, 6.0, 4.0]
    (tmp_path / "settle").touch()
    assert [clock.left() for _ in range(2)] == [1.0, -1.0]


def test_encoders_too_are_trained_for_so_many_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two steps of no minutes at all still leave encoders that know every word."""
    monkeypatch.setattr(text, "SCENES", 80)
    monkeypatch.setattr(text, "HELD_OUT", 8)
    text.train(tmp_path, minutes=0.0, steps=2)
    stored = torch.load(tmp_path / text.NAME, weights_only=True)
    assert len(stored["t5"]["shared.weight"]) == len(vocabulary())
