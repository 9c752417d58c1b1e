"""The ways in which `bench.gpu` has images painted: diffusers as it is, and our backend."""

from __future__ import annotations

import asyncio
import hashlib
import io
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Protocol

from PIL import Image

from backends.local import Local, loading, machine, preview
from backends.local.loading import Wish
from backends.local.model import Model, Speed
from backends.local.plan import choose
from backends.local.source import Source
from bench import full_flux
from core.backend import Readiness
from core.errors import NotReadyError
from core.events import Finished
from core.parsing import parse

PROMPT = "a lighthouse above a teal sea at sunset"
GUIDANCE = 3.5
WAYS = {
    "bare diffusers": None,
    "exact": Wish("bf16", "exact"),
    "exact, previews": Wish("bf16", "exact"),
    "compiled": Wish("bf16", "compiled"),
    "turbo": Wish("bf16", "turbo"),
    "fp8, compiled": Wish("fp8", "compiled"),
}
"""Settings of our backend by the name of the way; diffusers itself has none."""
SHOWN_S = dict.fromkeys(WAYS, preview.EVERY_S) | {"exact": float("inf")}
"""Seconds from one preview to the next."""
GROUPS = (
    ("bare diffusers", "exact", "exact, previews"),
    ("compiled",),
    ("turbo",),
    ("fp8, compiled",),
)
"""Ways that share a process, and the same weights."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is painted: a square, so many steps, so many times after the first."""

    side: int
    steps: int
    rounds: int
    tiny: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a way; with `trouble` nothing did."""

    seconds: float = float("nan")
    """The median of the rounds, on the wall."""
    slowest: float = float("nan")
    first: float = float("nan")
    start: float = float("nan")
    """Seconds from the start of the process to the first image; of the first way of a group."""
    peak_gb: float = 0.0
    """Most that tensors took on the GPU while an image was painted; 0 without one."""
    whole: int = 0
    """Steps of the last image in which every block ran."""
    pixels: str = ""
    """A fingerprint of the first image."""
    how: str = ""
    trouble: str = ""


class Way(Protocol):
    """Whatever paints."""

    how: str
    transformer: Any

    def paint(self, task: Task, seed: int) -> Any:
        """Return what was made of a seed; blocks until it is there."""
        ...


class Bare:
    """diffusers as its documentation calls it, with embeddings."""

    how = "weights bf16"

    def __init__(self, made: dict[str, Any], device: str) -> None:
        import torch
        from diffusers import FluxPipeline

        self.transformer = made["transformer"]
        words = full_flux.embedded(self.transformer)
        self._words = {
            "prompt_embeds": words.tokens.to(device, torch.bfloat16),
            "pooled_prompt_embeds": words.pooled.to(device, torch.bfloat16),
        }
        self._pipe = FluxPipeline(**made).to(device)
        self._pipe.set_progress_bar_config(disable=True)

    def paint(self, task: Task, seed: int) -> Any:
        """Return an image of Pillow."""
        import torch

        return self._pipe(
            **self._words,
            width=task.side,
            height=task.side,
            num_inference_steps=task.steps,
            guidance_scale=GUIDANCE,
            generator=torch.Generator("cpu").manual_seed(seed),
        ).images[0]


class Ours:
    """The backend as the studio drives it; only its weights come from no file."""

    def __init__(self, task: Task, wish: Wish, made: dict[str, Any], shown_s: float) -> None:
        self.how = ""
        self.transformer = made["transformer"]
        self._task, self._made, self._shown_s = task, made, shown_s
        look = Readiness("not loaded")
        self._backend = Local(Source("FLUX.1"), wish, lambda: look, self._load)
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._backend.load())
        if problem := self._backend.problem():
            raise NotReadyError(problem)

    def _load(self, _source: Source, wish: Wish, _tell: Callable[[Readiness], None]) -> Model:
        """Do what `loading.load` does, with parts that are there already."""
        found = machine.detect()
        plan = choose(found, 2 * full_flux.parameters(self._made)[1] / 1e9, wish.quant)
        if config := loading.quantization(plan.quant):
            from torchao.quantization import quantize_

            quantize_(self.transformer, config.quant_type)  # as diffusers does while it loads
        if wish.speed == "turbo":
            full_flux.decree(self._task.steps)
        driven = loading.quickened(self.transformer, Speed(wish.speed), found.device, plan.quant)
        model = Model(self._made, plan, found.device, driven)
        model.embeddings.kept[PROMPT] = full_flux.embedded(self.transformer)
        return model

    def paint(self, task: Task, seed: int) -> Any:
        """Return a file."""
        size = {"width": task.side, "height": task.side}
        wish = {"prompt": PROMPT, "steps": task.steps, "guidance": GUIDANCE, "seed": seed, **size}
        params = parse(self._backend.tasks["text-to-image"], wish)
        preview.EVERY_S = self._shown_s

        async def told() -> list[Any]:
            return [event async for event in self._backend.generate(params)]

        last = self._loop.run_until_complete(told())[-1]
        assert isinstance(last, Finished)
        self.how = ", ".join(f"{name} {value}" for name, value in last.ran.items())
        return last.image


def measure(group: tuple[str, ...], task: Task) -> dict[str, Measured]:
    """Paint with the ways of a group in turn; call it in a process that has done nothing else."""
    began = time.perf_counter()
    import torch

    machine.prepare()
    device = machine.detect().device
    made = full_flux.parts(device, torch.bfloat16, tiny=task.tiny)
    ways: dict[str, Way] = {}
    try:
        for name in group:
            wish = WAYS[name]
            ways[name] = Ours(task, wish, made, SHOWN_S[name]) if wish else Bare(made, device)
    except NotReadyError as error:
        return dict.fromkeys(group, Measured(trouble=str(error)))
    ran = counted(made["transformer"])
    seen = {name: _Seen() for name in ways}
    for seed in range(task.rounds + 1):
        for name, way in ways.items():
            ran.clear()
            seen[name].paint(way, task, seed)
            seen[name].whole = len(ran)
            seen[name].start = seen[name].start or time.perf_counter() - began
    return {name: seen[name].measured(way.how) for name, way in ways.items()}


@dataclass(slots=True)
class _Seen:
    """What a way has made so far; the first image is warm-up."""

    seconds: list[float] = field(default_factory=list)
    start: float = 0.0
    whole: int = 0
    pixels: str = ""
    peak_gb: float = 0.0

    def paint(self, way: Way, task: Task, seed: int) -> None:
        """Have one more image painted."""
        peak = Peak()
        took, made = timed(way, task, seed)
        self.seconds.append(took)
        self.peak_gb = max(self.peak_gb, peak.gb())
        self.pixels = self.pixels or fingerprint(made)

    def measured(self, how: str) -> Measured:
        """Return what it comes to."""
        first, *rounds = self.seconds
        return Measured(
            statistics.median(rounds),
            max(rounds),
            first,
            self.start,
            self.peak_gb,
            self.whole,
            self.pixels,
            how,
        )


def counted(transformer: Any) -> list[None]:
    """Return a list that grows whenever the last block runs: what is skipped never gets there."""
    block, ran = transformer.single_transformer_blocks[-1], []
    inner = block.forward

    @wraps(inner)
    def forward(*given: Any, **named: Any) -> Any:
        ran.append(None)
        return inner(*given, **named)

    block.forward = forward
    return ran


def timed(way: Way, task: Task, seed: int) -> tuple[float, Any]:
    """Return the seconds on the wall and what was made."""
    began = time.perf_counter()
    made = way.paint(task, seed)
    return time.perf_counter() - began, made


class Peak:
    """The most memory that tensors took on the GPU since it was made."""

    def __init__(self) -> None:
        import torch

        self._cuda = torch.cuda if torch.cuda.is_available() else None
        if self._cuda:
            self._cuda.reset_peak_memory_stats()

    def gb(self) -> float:
        """Return it in 10^9 bytes; 0 without a GPU."""
        return self._cuda.max_memory_allocated() / machine.GB if self._cuda else 0.0


def fingerprint(made: Any) -> str:
    """Tell images apart by their pixels, whether they come as a file or not."""
    picture = made if isinstance(made, Image.Image) else Image.open(io.BytesIO(made))
    return hashlib.sha256(picture.convert("RGB").tobytes()).hexdigest()
