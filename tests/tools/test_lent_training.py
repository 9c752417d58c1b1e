"""What is run on a lent GPU, small and on a processor: the same networks, the same stages."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs requirements-local.txt")

from tools.miniature import plain  # noqa: E402
from tools.miniature.device import __main__ as program  # noqa: E402
from tools.miniature.device import check, flow, kernels, run, sampler, scenes, store  # noqa: E402
from tools.miniature.device import codec as codecs  # noqa: E402
from tools.miniature.device.clock import Clock, Log  # noqa: E402
from tools.miniature.lexicon import vocabulary  # noqa: E402
from tools.miniature.words import encode_words  # noqa: E402

slow = pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="takes minutes; .ci/run sets EVERY_TEST"
)
GRID = (4, 4)
STEPS = 250


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds of a lent machine are seconds of computing here, where others have the processor."""
    monkeypatch.setattr("tools.miniature.device.clock.time.monotonic", time.process_time)


@pytest.fixture
def ids() -> torch.Tensor:
    torch.manual_seed(0)
    found = torch.randint(4, len(vocabulary()), (3, plain.TOKENS))
    found[:, 10], found[:, 11:] = plain.END, 0
    return found


@torch.no_grad()
def test_the_transformer_is_that_of_diffusers() -> None:
    """The same weights give the same velocity."""
    diffusers = pytest.importorskip("diffusers", reason="needs requirements-local.txt")
    torch.manual_seed(0)
    shape = plain.Shape(heads=2, double_blocks=1, single_blocks=2)
    ours = plain.Flux(shape)
    for weight in ours.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    theirs = diffusers.FluxTransformer2DModel(
        patch_size=1,
        in_channels=4 * shape.channels,
        num_layers=1,
        num_single_layers=2,
        attention_head_dim=plain.HEAD,
        num_attention_heads=2,
        joint_attention_dim=plain.TEXT_WIDTH,
        pooled_projection_dim=plain.POOLED_WIDTH,
        guidance_embeds=True,
        axes_dims_rope=plain.AXES,
    )
    theirs.load_state_dict(ours.state_dict())
    noisy, states = torch.randn(2, 15, 4 * shape.channels), torch.randn(2, 32, plain.TEXT_WIDTH)
    sigma, guidance, pooled = torch.rand(2), 6 * torch.rand(2), torch.randn(2, plain.POOLED_WIDTH)
    places = torch.zeros(15, 3)
    places[:, 1], places[:, 2] = torch.arange(15) // 5, torch.arange(15) % 5
    wish = sigma, guidance, states, pooled
    found = ours(noisy, wish, plain.turns_of((3, 5), "cpu"), 0)[0]
    wanted = theirs(
        hidden_states=noisy,
        timestep=sigma,
        guidance=guidance,
        pooled_projections=pooled,
        encoder_hidden_states=states,
        txt_ids=torch.zeros(32, 3),
        img_ids=places,
        return_dict=False,
    )[0]
    assert float(wanted.std()) > 0.1
    assert torch.allclose(found, wanted, atol=1e-5)


@torch.no_grad()
def test_the_text_encoders_are_those_of_transformers(ids: torch.Tensor) -> None:
    """Their weights go over, and what is told about a caption is the same."""
    pytest.importorskip("diffusers", reason="needs requirements-local.txt")
    from tools.miniature import networks

    t5, clip = plain.T5(len(vocabulary())), plain.Clip(len(vocabulary()))
    theirs, other = networks.build_t5(), networks.build_clip()
    state = t5.state_dict()
    theirs.load_state_dict(state | {"encoder.embed_tokens.weight": state["shared.weight"]})
    other.load_state_dict(clip.state_dict(), strict=False)
    assert torch.allclose(t5(ids), theirs(ids)[0], atol=1e-5)
    assert torch.allclose(clip(ids), other(ids).pooler_output, atol=1e-5)


def test_the_second_encoder_reads_the_same_caption() -> None:
    """Its ids are made from the other's, and end where they must, however long the caption is."""
    for text in ("", "red sun , blue sky", " ".join(["red"] * 30), " ".join(["red"] * 40)):
        one = torch.from_numpy(encode_words(text, begins=False)).long()[None]
        assert store.for_clip(one)[0].tolist() == encode_words(text, begins=True).tolist(), text


@torch.no_grad()
def test_the_encoder_that_ships_gives_what_the_flow_learned() -> None:
    """diffusers multiplies by the bound; the flow's latents come out."""
    torch.manual_seed(0)
    codec, pictures = codecs.Codec("cpu"), torch.rand(2, 3, 64, 64)
    found = codec.folded().encode(pictures) * plain.LATENT_BOUND
    assert torch.allclose(found, codec.mean.encode(pictures), atol=1e-5)


def test_the_closed_form_tells_pictures_apart() -> None:
    """Its channels have nothing to do with each other, and their strength is 1 on average."""
    torch.manual_seed(0)
    pictures = torch.rand(40, 3, 4, 4).repeat_interleave(8, 2).repeat_interleave(8, 3)
    pictures = pictures + 0.1 * torch.rand_like(pictures)
    kernel, bias = codecs.closed_form(pictures, 4)
    latents = (codecs._patches(pictures) @ kernel.T + bias).flatten(0, 1)
    spread = torch.cov(latents.T)
    assert torch.allclose(spread, torch.diag(spread.diagonal()), atol=0.02)
    assert abs(float(spread.diagonal().mean()) - 1) < 0.1


@pytest.mark.parametrize("part", ["latents", "maps", "colours", "words"])
def test_what_a_kernel_would_read_beyond_is_named_before_it_runs(part: str) -> None:
    """A device tells of an index out of bounds late, in another place, and is lost to the run."""
    sound = {
        "latents": torch.zeros(8, plain.LATENT_CHANNELS, 4, 4),
        "maps": torch.zeros(8, 4, flow.CELLS, dtype=torch.uint8),
        "colours": torch.zeros(8, 14, dtype=torch.uint8),
        "words": torch.zeros(8, 1, plain.TOKENS, dtype=torch.uint8),
    }
    store.OneSize([tuple(sound.values())])
    sound[part].view(-1)[-1] = float("nan") if part == "latents" else len(vocabulary())
    with pytest.raises(ValueError, match=part):
        store.OneSize([tuple(sound.values())])


def test_no_tensor_is_larger_than_kernels_can_count() -> None:
    """An empty row repeated takes no memory here; on the device it would."""
    with pytest.raises(ValueError, match="too many"):
        kernels.within(torch.zeros(1, 1).expand(2**16, 2**15), "pictures", below=256)


def test_products_have_even_widths() -> None:
    """The head tells an odd number of things."""
    assert flow.ANSWERS % kernels.EVEN
    learner = flow.Learner(flow.Plan(compiled=False), "cpu", torch.ones(plain.LATENT_CHANNELS))
    widths = {
        (name, layer.in_features, layer.out_features)
        for name, layer in learner.nets.named_modules()
        if isinstance(layer, torch.nn.Linear)
    }
    odd = {found for found in widths if any(width % kernels.EVEN for width in found[1:])}
    assert len(widths) > 20 and not odd


def test_attention_is_not_computed_by_cudnn_unless_asked_for() -> None:
    """PyTorch prefers it on the cards that are lent."""
    try:
        for ways in (run.FAST, run.CAREFUL):
            kernels.attend(*ways)
            assert not torch.backends.cuda.cudnn_sdp_enabled()
            assert torch.backends.cuda.math_sdp_enabled()
        assert not torch.backends.cuda.flash_sdp_enabled()
    finally:
        kernels.attend("flash", "efficient", "math", "cudnn")


def test_a_part_that_fails_is_shown_with_its_last_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """A process that dies takes no other with it."""
    command = [sys.executable, "-c", "raise ValueError('at this line')"]
    assert not check._ended("flow", check._begun(command))
    shown = capsys.readouterr().out
    assert "flow: FAILS" in shown and "at this line" in shown
    assert check._ended("codec", check._begun([sys.executable, "-c", "pass"]))


@slow
@pytest.mark.usefixtures("computed")
def test_the_check_tries_every_stage() -> None:
    """On a processor too."""
    with pytest.raises(SystemExit) as ended:
        check.run(None, tiny=True)
    assert not ended.value.code


@slow
@pytest.mark.usefixtures("computed")
def test_a_failed_flow_is_tried_once_more_with_the_codec_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own, carefully."""
    commands: list[list[str]] = []

    def replaced(program: str, command: list[str]) -> None:
        commands.append(command)
        raise SystemExit

    def broken(*_: object) -> None:
        raise RuntimeError("an illegal memory access was encountered")

    monkeypatch.setattr(scenes, "SHARD", 8)
    monkeypatch.setattr(run, "LEAST_AGAIN", 1.0)
    scenes.paint_shards(tmp_path, 16, 1, 60)
    order = run.Order(tmp_path, tmp_path / "out", None, 60, 2, 0, 45, 4, 2, tiny=True)
    with monkeypatch.context() as failing:
        failing.setattr(os, "execv", replaced)
        failing.setattr(flow, "train", broken)
        with pytest.raises(SystemExit):
            run.train(order)
    command = commands[0]
    assert "--careful" in command
    command[command.index("--seconds") + 1] = "15"
    monkeypatch.setattr(sys, "argv", command[2:])
    program.main()
    log = [json.loads(line) for line in (order.out / "log.jsonl").read_text().splitlines()]
    second = log[[entry["stage"] for entry in log].index("begun", 1) :]
    assert not [entry for entry in second if "failed" in entry]
    assert "codec" not in {entry["stage"] for entry in second}
    assert next(entry["step"] for entry in second if entry["stage"] == "saved") > 0


class Steps(Clock):
    """A clock that steps move on, so that a busy machine learns as much as an idle one."""

    def __init__(self, learner: flow.Learner, most: int) -> None:
        super().__init__(1.0)
        self.learner, self.most = learner, most

    def passed(self) -> float:
        return min(1.0, self.learner.step / self.most)


@slow
def test_the_flow_learns_what_captions_ask_for(tmp_path: Path) -> None:
    """Two captions and two patterns: after STEPS steps each gives its own."""
    torch.manual_seed(0)
    patterns = torch.randn(2, plain.LATENT_CHANNELS, 8, 8)
    words = torch.from_numpy(
        np.stack([[encode_words(text, begins=False)] for text in ("red sun", "blue sea")])
    )
    bucket = store.OneSize(
        [
            (
                patterns.repeat(64, 1, 1, 1),
                torch.ones(128, 16, flow.CELLS, dtype=torch.uint8),
                torch.ones(128, 14, dtype=torch.uint8),
                words.repeat(64, 1, 1),
            )
        ]
    )
    plan = flow.Plan(
        plain.Shape(heads=2, double_blocks=1, single_blocks=2), 16, distil=2.0, compiled=False
    )
    learner = flow.Learner(plan, "cpu", torch.ones(plain.LATENT_CHANNELS))
    log = Log(tmp_path / "log")
    clock = Steps(learner, STEPS)
    flow.train(learner, store.Store([bucket], [1.0]), clock, log, lambda: None)
    found = sampler.paint(learner, ["red sun", "blue sea"], (64, 64), 1.0)
    apart = (found[:, None] - patterns[None]).pow(2).mean((2, 3, 4))
    assert apart.argmin(1).tolist() == [0, 1], apart
    assert float(apart.diagonal().max()) < 0.3, apart


@slow
@pytest.mark.usefixtures("computed")
def test_every_stage_leaves_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenes that a second call goes on from; then weights, log, sheet and judge in one run."""
    monkeypatch.setattr(scenes, "SHARD", 8)
    assert scenes.paint_shards(tmp_path, 32, 2, 60) == 32
    assert scenes.paint_shards(tmp_path, 40, 2, 60) == 40
    order = run.Order(tmp_path, tmp_path / "out", None, 25, 3, 2, 45, 4, 4, tiny=True)
    run.train(order)
    log = [json.loads(line) for line in (order.out / "log.jsonl").read_text().splitlines()]
    assert log[-1]["stage"] == "done"
    assert not [entry for entry in log if "failed" in entry]
    assert next(entry["step"] for entry in log if entry["stage"] == "saved") > 0
    names = {path.name for path in order.out.iterdir()}
    assert {"flow-0.npz", "rest-0.npz", "judge.npz", "sheet.jpg"} <= names
