"""Where a local model lies, whether it is whole, and how it is laid into memory: no torch."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from backends import Settings
from backends.local import source
from backends.local.order import Order, fitted, size_of
from backends.local.plan import Machine, choose
from backends.local.source import Source, examine, is_path
from core import pictures
from core.errors import NotReadyError
from tests.fakes import picture

WHOLE = ("transformer", "vae", "text_encoder", "text_encoder_2")


def weights(path: Path, size: int = 64) -> None:
    """Write a safetensors file with one tensor of `size` bytes."""
    facts = {"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    header = json.dumps(facts).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(size))


def pipeline(folder: Path, *, heads: int = 2, kind: str = "FluxPipeline") -> Path:
    """Lay out a folder as diffusers does, with weights of a few bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": kind}))
    for name in WHOLE:
        (folder / name).mkdir()
        config = {"num_attention_heads": heads, "attention_head_dim": 128, "guidance_embeds": True}
        (folder / name / "config.json").write_text(json.dumps(config))
        weights(folder / name / "model.safetensors")
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text('{"shift": 3.0}')
    return folder


def said(folder: Path, *, transformer: str = "", accepted: bool = True) -> str:
    found = examine(Source(str(folder), None, transformer), accepted=accepted)
    return f"{found.stage}: {found.sentence}"


def test_a_whole_folder_is_taken(tmp_path: Path) -> None:
    """Nothing is in the way, and an own small model needs no licence."""
    found = examine(Source(str(pipeline(tmp_path / "own"))), accepted=False)
    assert found.usable


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: (f / "vae" / "model.safetensors").unlink(), "weights of vae are missing"),
        (lambda f: (f / "vae" / "config.json").unlink(), "vae/config.json is missing"),
        (lambda f: (f / "transformer" / "config.json").write_text("{"), "transformer/config.json"),
        (lambda f: (f / "model_index.json").unlink(), "has no model_index.json"),
        (lambda f: (f / "vae" / "x.incomplete").write_bytes(b""), "was interrupted"),
        (
            lambda f: (f / "vae" / "model.safetensors").write_bytes(
                (f / "vae" / "model.safetensors").read_bytes()[:-9]
            ),
            "vae/model.safetensors is not whole",
        ),
        (lambda f: (f / "vae" / "model.safetensors").write_bytes(b""), "is not whole"),
        (
            lambda f: (f / "transformer" / "diffusion.safetensors.index.json").write_text(
                '{"weight_map": {"a": "part-00001.safetensors", "b": "part-00002.safetensors"}}'
            ),
            "weights of transformer are missing: part-00001.safetensors, part-00002.safetensors",
        ),
    ],
)
def test_half_a_download_and_a_wrong_layout_are_named(
    tmp_path: Path, spoil: Any, words: str
) -> None:
    """The sentence names the part, before anything is loaded."""
    folder = pipeline(tmp_path / "own")
    spoil(folder)
    assert said(folder).startswith("no model: ")
    assert words in said(folder)


def test_other_pipelines_files_and_missing_folders_are_told_apart(tmp_path: Path) -> None:
    """Each has its own sentence."""
    other = pipeline(tmp_path / "other", kind="StableDiffusionXLPipeline")
    assert "holds a StableDiffusionXLPipeline" in said(other)
    file = tmp_path / "flux1-dev.safetensors"
    weights(file)
    assert "belongs into LOCAL_TRANSFORMER" in said(file)
    assert "There is no folder" in said(tmp_path / "nothing")
    assert said(Path()).startswith("no model")
    own = pipeline(tmp_path / "own")
    assert "does not exist" in said(own, transformer=str(tmp_path / "gone.gguf"))


def test_a_transformer_of_its_own_replaces_that_of_the_folder(tmp_path: Path) -> None:
    """A base that was downloaded without its transformer is whole with another one."""
    own = pipeline(tmp_path / "base")
    (own / "transformer" / "model.safetensors").unlink()
    file = tmp_path / "srpo.safetensors"
    weights(file)
    assert "weights of transformer" in said(own)
    assert said(own, transformer=str(file)).startswith("not loaded")


def test_the_licence_is_asked_for_weights_of_flux(tmp_path: Path) -> None:
    """A big transformer with guidance, or anything from a repo, needs the owner's consent."""
    big = pipeline(tmp_path / "big", heads=24)
    assert said(big, accepted=False).startswith("licence: ")
    assert "SRPO_ACCEPT_LICENSE=1" in said(big, accepted=False)
    assert said(big, accepted=True).startswith("not loaded")
    repo = Source("Runware/flux.1-dev-SRPO")
    assert examine(repo, accepted=False).stage == "licence"
    assert examine(repo, accepted=True).usable


def test_no_model_is_chosen_at_first() -> None:
    """The sentence names the setting and an example."""
    found = examine(Source.of(Settings()), accepted=True)
    assert (found.stage, found.usable) == ("no model", False)
    assert "LOCAL_MODEL" in found.sentence


def test_paths_and_repos_are_told_apart(tmp_path: Path) -> None:
    """A repo has one slash; a revision may follow; an entry never shows a whole path."""
    assert not is_path("Runware/flux.1-dev-SRPO")
    assert all(is_path(name) for name in ("./x", "/x/y", "~/x", "a/b/c", "x.gguf", str(tmp_path)))
    pinned = Source.of(Settings(local_model="Runware/flux.1-dev-SRPO@abc123"))
    assert (pinned.model, pinned.revision, pinned.folder) == (
        "Runware/flux.1-dev-SRPO",
        "abc123",
        None,
    )
    secret = Source(str(tmp_path / "ann" / "model"), None, str(tmp_path / "srpo.safetensors"))
    assert secret.name == "model with srpo.safetensors"


def test_the_token_is_a_secret() -> None:
    """It is among what is never written down."""
    assert "hf_CANARY" in Settings(hf_token="hf_CANARY").secrets()  # type: ignore[arg-type]


FLUX_GB = 33.741
"""What the headers of FLUX.1's files come to."""
ALL = frozenset({"torchao", "bitsandbytes", "gguf"})


def gpu(free_gb: float, ram_gb: float = 64, **more: Any) -> Machine:
    return Machine("cuda", "a GPU", free_gb, ram_gb, **({"fp8": True, "installed": ALL} | more))


@pytest.mark.parametrize(
    ("free_gb", "summary"),
    [
        (80, "bf16"),
        (40, "bf16"),
        (39, "bf16, encoders on the CPU"),
        (25.2, "bf16, offloaded"),
        (24, "nf4"),
        (16, "nf4, encoders on the CPU"),
        (8, "nf4, offloaded, encoders on the CPU"),
    ],
)
def test_auto_takes_the_best_that_fits(free_gb: float, summary: str) -> None:
    """The whole model in bf16 where it fits, then step by step less."""
    plan = choose(gpu(free_gb), FLUX_GB, "auto")
    assert plan.summary == summary
    assert f"{free_gb:.1f} GB free" in plan.why


def test_auto_minds_memory_packages_and_hardware() -> None:
    """Offloading needs the machine's memory, nf4 and GGUF each their package."""
    assert choose(gpu(25.2, ram_gb=16), 33.7, "auto").summary == "nf4"
    assert choose(gpu(24), 33.7, "auto", gguf=True).summary == "gguf"
    assert choose(gpu(12), 33.7, "auto", gguf=True).summary == "gguf, encoders on the CPU"
    small = choose(gpu(8), 33.7, "auto", gguf=True)
    assert small.summary == "gguf, offloaded, encoders on the CPU"
    with pytest.raises(NotReadyError, match=r"20.0 GB free.* needs at least 25.0 GB") as caught:
        choose(gpu(20, installed=frozenset()), 33.7, "auto")
    assert caught.value.advice == "With LOCAL_QUANT=nf4 it fits: pip install bitsandbytes"


def test_a_big_model_on_a_small_card_is_refused_with_the_numbers() -> None:
    """What there is, what it needs, what can be done."""
    with pytest.raises(NotReadyError) as caught:
        choose(gpu(5.8), 33.7, "auto")
    assert "5.8 GB free" in str(caught.value)
    assert "33.7 GB needs at least 8.0 GB" in str(caught.value)
    assert caught.value.advice
    assert choose(gpu(5.8), 0.01, "auto").summary == "bf16"


def test_a_forced_choice_is_followed_or_refused() -> None:
    """Nothing is replaced silently."""
    assert choose(gpu(80), 33.7, "nf4").summary == "nf4"
    assert choose(gpu(80), 33.7, "fp8").summary == "fp8"
    for machine, quant, words in (
        (gpu(80, installed=frozenset()), "nf4", "bitsandbytes"),
        (gpu(80, fp8=False), "fp8", "does not compute in fp8"),
        (gpu(80), "gguf", "needs a GGUF file"),
        (gpu(12), "bf16", "needs at least 25.0 GB"),
    ):
        with pytest.raises(NotReadyError, match=words):
            choose(machine, 33.7, quant)


def test_a_cpu_takes_small_models_only() -> None:
    """And a GPU that torch cannot use is pointed out."""
    cpu = Machine("cpu", "CPU", 0, 32)
    assert choose(cpu, 0.01, "auto").summary == "fp32"
    assert choose(cpu, 0.01, "bf16").summary == "bf16"
    with pytest.raises(NotReadyError, match="too slow on a CPU"):
        choose(cpu, 33.7, "auto")
    with pytest.raises(NotReadyError) as caught:
        choose(Machine("cpu", "CPU", 0, 32, idle="the NVIDIA GPU of this machine"), 33.7, "auto")
    assert "cannot use the NVIDIA GPU" in caught.value.advice
    with pytest.raises(NotReadyError, match="needs a GPU"):
        choose(cpu, 0.01, "nf4")


@pytest.mark.parametrize(
    ("steps", "strength", "run"), [(28, 0.6, 17), (10, 0.75, 8), (28, 0.05, 2), (28, 1.0, 28)]
)
def test_strength_decides_how_many_steps_are_run(steps: int, strength: float, run: int) -> None:
    """Rounded up, as diffusers does it."""
    order = Order("x", (64, 64), steps, 3.5, 1, strength, b"")
    assert order.steps_run == run


def test_sizes_follow_the_picture_within_limits() -> None:
    """Multiples of 16, the ratio kept, neither too large nor too small."""
    assert size_of("as the image", (1000, 700)) == (1008, 704)
    assert size_of("as the image", (4000, 3000)) == (1536, 1152)
    assert size_of("as the image", (40, 30)) == (80, 64)
    assert size_of("as the image", (6000, 100)) == (1536, 64)
    assert size_of("16:9", (10, 10)) == (1344, 768)


def test_a_picture_is_cut_or_laid_on_a_border_but_never_squashed() -> None:
    """The middle of a wide image stays what it was in both ways."""
    wide = picture(1, 256, 64)
    for fit in ("crop", "pad"):
        made = fitted(wide, (64, 64), fit)  # type: ignore[arg-type]
        assert made.size == (64, 64)
    same = fitted(wide, (256, 64), "pad")
    kind, *size = pictures.inspect(wide)
    assert (kind, tuple(size)) == ("png", same.size)


def test_missing_packages_are_named() -> None:
    """Either they are all there, or the sentence says how to install them."""
    found = source.missing()
    assert found is None or "requirements-local.txt" in found.sentence
