"""How a model is laid into the memory there is: pure arithmetic over published peaks.

Peaks are those of FLUX.1-dev at 1024 × 1024, batch 1 (dataset
`derekl35/diffusers-quantization-benchmarks`): 36.2 GB bf16 resident, 23.3 offloaded, 21.5 fp8,
17.3 nf4, 12.4 nf4 offloaded, 9.2 GGUF Q4 offloaded. A GB is 10^9 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.errors import NotReadyError

Quant = Literal["bf16", "fp8", "nf4", "gguf"]
Device = Literal["cuda", "xpu", "mps", "cpu"]
FULL_GB = 33.7
"""Weights of the whole model in bf16."""
WORK_GB = 4.7
"""What a picture of 1024 × 1024 needs on top; the decoder has the most of it."""
OFFLOAD_RAM_GB = 40.0
SMALL_GB = 2.0
"""Up to here a model is painted with on a CPU too."""
EXTRAS = {"fp8": "torchao", "nf4": "bitsandbytes", "gguf": "gguf"}


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to compute with; memory in GB that is free now."""

    device: Device
    name: str
    free_gb: float
    ram_gb: float
    fp8: bool = False
    """Whether it multiplies in fp8."""
    installed: frozenset[str] = frozenset()
    """Which of the packages for quantized weights there are."""
    idle: str = ""
    """A GPU that is there and that torch cannot use."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done, and why in one sentence."""

    quant: Quant | Literal["fp32"]
    why: str
    offload: bool = False
    encoders_on_cpu: bool = False

    @property
    def summary(self) -> str:
        """A few words for a history entry."""
        extras = [", offloaded" * self.offload, ", encoders on the CPU" * self.encoders_on_cpu]
        return self.quant + "".join(extras)


@dataclass(frozen=True, slots=True)
class _Way:
    quant: Quant
    least_gb: float
    offload: bool = False
    encoders_on_cpu: bool = False


WAYS = (
    _Way("bf16", 44.0),
    _Way("bf16", 32.0, encoders_on_cpu=True),
    _Way("bf16", 24.0, offload=True),
    _Way("fp8", 24.0),
    _Way("nf4", 16.0),
    _Way("gguf", 10.0, offload=True),
)
FORCED = {
    "bf16": (_Way("bf16", 40.0), _Way("bf16", 32.0, False, True), _Way("bf16", 24.0, True)),
    "fp8": (_Way("fp8", 23.6), _Way("fp8", 13.6, True)),
    "nf4": (_Way("nf4", 19.0), _Way("nf4", 13.6, True)),
    "gguf": (_Way("gguf", 23.4), _Way("gguf", 10.0, True)),
}


def choose(machine: Machine, weights_gb: float, quant: str, *, gguf: bool = False) -> Plan:
    """Return the best plan that fits, or raise NotReadyError with the numbers.

    `weights_gb` is the whole model in bf16; `gguf` says that the transformer is a GGUF file.
    """
    if machine.device == "cpu":
        return _on_cpu(machine, weights_gb, quant)
    wanted = "gguf" if gguf else quant
    if quant == "gguf" and not gguf:
        raise NotReadyError(
            "LOCAL_QUANT=gguf needs a GGUF file.", advice="Name it in LOCAL_TRANSFORMER."
        )
    ways = WAYS if wanted == "auto" else FORCED[wanted]
    for way in ways:
        if way.quant == "gguf" and not gguf:
            continue
        if machine.free_gb >= _need(way, weights_gb) and _possible(
            way, machine, wanted, weights_gb
        ):
            return Plan(way.quant, _why(way, machine, weights_gb), way.offload, way.encoders_on_cpu)
    raise _refused(machine, weights_gb, min(_need(way, weights_gb) for way in ways))


def _need(way: _Way, weights_gb: float) -> float:
    """Scale the figures of the full model to another size of weights."""
    return WORK_GB + (way.least_gb - WORK_GB) * weights_gb / FULL_GB


def _possible(way: _Way, machine: Machine, wanted: str, weights_gb: float) -> bool:
    """Whether memory, packages and hardware allow it; a forced choice says what is missing."""
    extra = EXTRAS.get(way.quant, "")
    if extra and extra not in machine.installed:
        if wanted == "auto":
            return False
        raise NotReadyError(
            f"{way.quant} weights need the package {extra}, which is not installed.",
            advice=f"Install it with: pip install {extra}",
        )
    if way.quant == "fp8" and not machine.fp8:
        if wanted == "auto":
            return False
        raise NotReadyError(
            f"{machine.name} does not compute in fp8.", advice="Set LOCAL_QUANT=auto."
        )
    needed = OFFLOAD_RAM_GB * weights_gb / FULL_GB
    return not (way.offload and way.quant == "bf16" and machine.ram_gb < needed)


def _why(way: _Way, machine: Machine, weights_gb: float) -> str:
    how = f" with {Plan(way.quant, '', way.offload, way.encoders_on_cpu).summary}"
    return (
        f"{machine.name} has {machine.free_gb:.1f} GB free; the model is {weights_gb:.1f} GB in "
        f"bf16, and {_need(way, weights_gb):.1f} GB are enough{how}."
    )


def _on_cpu(machine: Machine, weights_gb: float, quant: str) -> Plan:
    if weights_gb > SMALL_GB:
        advice = "Use a machine with a GPU, a smaller model, or one of the other backends."
        if machine.idle:
            advice = f"torch cannot use {machine.idle}: install the torch build for it."
        raise NotReadyError(
            f"There is no GPU that torch can use, and a model of {weights_gb:.0f} GB is too slow "
            "on a CPU.",
            advice=advice,
        )
    if quant not in ("auto", "bf16"):
        raise NotReadyError(f"LOCAL_QUANT={quant} needs a GPU.", advice="Set LOCAL_QUANT=auto.")
    kind: Literal["bf16", "fp32"] = "bf16" if quant == "bf16" else "fp32"
    size = f"{weights_gb:.1f} GB" if weights_gb >= 0.1 else f"{1000 * weights_gb:.1f} MB"
    return Plan(kind, f"There is no GPU; a model of {size} runs on the CPU.")


def _refused(machine: Machine, weights_gb: float, least_gb: float) -> NotReadyError:
    more = f" and the machine {machine.ram_gb:.0f} GB of memory" if machine.ram_gb < 40 else ""
    advice = "Free some of it, use a smaller model, or choose one of the other backends."
    if machine.free_gb >= 16 and "bitsandbytes" not in machine.installed:
        advice = "With nf4 weights it fits: pip install bitsandbytes"
    elif machine.free_gb >= 10:
        advice = "With a GGUF file of 4 bits in LOCAL_TRANSFORMER it fits."
    return NotReadyError(
        f"{machine.name} has {machine.free_gb:.1f} GB free{more}; a model of {weights_gb:.1f} GB "
        f"needs at least {least_gb:.1f} GB.",
        advice=advice,
    )
