"""How a model is laid into the memory there is: pure arithmetic over what parts take.

A GB is 10^9 bytes, of which a card that is sold as 24 GB has 25.8. What lies on the card together
is added up: for FLUX.1 the transformer 23.8 GB in bf16, 11.9 in fp8, 6.7 in 4 bits, the text
encoders 9.8, the autoencoder 0.2; and on top the decoder's 2.7 for 1024 × 1024, or 0.6 for a step
where everything else is away. README tells which of the sums were measured on a card.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.errors import NotReadyError
from core.words import english

Quant = Literal["bf16", "fp8", "nf4", "gguf"]
Device = Literal["cuda", "xpu", "mps", "cpu"]
FULL_GB = 33.75
"""Weights of the whole model in bf16, rounded up: those of FLUX.1 are 33.741."""
WORK_GB = 2.7
"""What an image of 1024 × 1024 needs on top; the decoder has the most of it."""
OFFLOAD_RAM_GB = 40.0
SMALL_GB = 2.0
"""Up to here a model runs on a CPU too."""
MADE_ON_GPU = ("fp8", "nf4")
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
    lent: bool = False
    """The GPU is lent for one image at a time, to another process; here it is never touched."""


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


WAYS = {
    "bf16": (
        _Way("bf16", 40.0),
        _Way("bf16", 29.0, encoders_on_cpu=True),
        _Way("bf16", 25.0, offload=True),
    ),
    "fp8": (
        _Way("fp8", 26.0),
        _Way("fp8", 16.5, encoders_on_cpu=True),
        _Way("fp8", 13.6, offload=True),
    ),
    "nf4": (
        _Way("nf4", 20.5),
        _Way("nf4", 10.5, encoders_on_cpu=True),
        _Way("nf4", 8.0, offload=True, encoders_on_cpu=True),
    ),
    "gguf": (
        _Way("gguf", 20.5),
        _Way("gguf", 10.5, encoders_on_cpu=True),
        _Way("gguf", 8.0, offload=True, encoders_on_cpu=True),
    ),
}
"""With what has to be free on the card: the sum, and a twentieth or more for what torch holds."""
AUTO = ("bf16", "nf4")
"""fp8 has to be asked for: it has not been seen to make an image yet."""


def choose(machine: Machine, weights_gb: float, quant: str, *, gguf: bool = False) -> Plan:
    """Return the best plan that fits, or raise NotReadyError with the numbers.

    `weights_gb` is the whole model in bf16; `gguf` says that the transformer is a GGUF file.
    """
    if machine.device == "cpu":
        return _on_cpu(machine, weights_gb, quant)
    wanted = "gguf" if gguf else quant
    if quant == "gguf" and not gguf:
        raise NotReadyError(
            english("local-local-quant-gguf-needs-gguf"),
            advice=english("local-name-in-local-transformer"),
        )
    if machine.lent and wanted in MADE_ON_GPU:
        raise NotReadyError(
            english("local-weights-in-are-made-on", wanted=wanted),
            advice=english("local-set-local-quant-bf16-which"),
        )
    if wanted != "auto":
        _insist(machine, wanted)
    kinds = AUTO if wanted == "auto" else (wanted,)
    ways = [way for kind in kinds if not _lacking(machine, kind) for way in WAYS[kind]]
    for way in ways:
        if machine.free_gb >= _need(way, weights_gb) and _held(way, machine, weights_gb):
            return Plan(way.quant, _why(way, machine, weights_gb), way.offload, way.encoders_on_cpu)
    raise _refused(machine, weights_gb, min(_need(way, weights_gb) for way in ways))


def _need(way: _Way, weights_gb: float) -> float:
    """Scale the figures of the full model to another size of weights."""
    return WORK_GB + (way.least_gb - WORK_GB) * weights_gb / FULL_GB


def _lacking(machine: Machine, quant: str) -> str:
    """Return the package for weights of this kind if it is not installed, else ""."""
    extra = EXTRAS.get(quant, "")
    return "" if extra in machine.installed else extra


def _insist(machine: Machine, quant: str) -> None:
    """Say what is missing for a kind of weights that was asked for; raises NotReadyError."""
    if extra := _lacking(machine, quant):
        raise NotReadyError(
            english("local-weights-need-package-which-not", quant=quant, extra=extra),
            advice=english("local-install", extra=extra),
        )
    if quant == "fp8" and not machine.fp8:
        raise NotReadyError(
            english("local-does-not-compute-in-fp8", name=machine.name),
            advice=english("local-set-local-quant-auto"),
        )


def _held(way: _Way, machine: Machine, weights_gb: float) -> bool:
    """Whether the machine has the memory for what is not on the card."""
    needed = OFFLOAD_RAM_GB * weights_gb / FULL_GB
    return not (way.offload and way.quant == "bf16" and machine.ram_gb < needed)


def _why(way: _Way, machine: Machine, weights_gb: float) -> str:
    how = Plan(way.quant, "", way.offload, way.encoders_on_cpu).summary
    return english(
        "local-fits",
        name=machine.name,
        free_gb=f"{machine.free_gb:.1f}",
        weights_gb=f"{weights_gb:.1f}",
        need=f"{_need(way, weights_gb):.1f}",
        how=how,
    )


def _on_cpu(machine: Machine, weights_gb: float, quant: str) -> Plan:
    if weights_gb > SMALL_GB:
        advice = english("local-use-machine-with-gpu-smaller")
        if machine.idle:
            advice = english("local-idle-gpu", name=machine.idle)
        raise NotReadyError(
            english("local-there-no-gpu-torch-can", weights_gb=f"{weights_gb:.0f}"),
            advice=advice,
        )
    if quant not in ("auto", "bf16"):
        raise NotReadyError(
            english("local-local-quant-needs-gpu", quant=quant),
            advice=english("local-set-local-quant-auto"),
        )
    kind: Literal["bf16", "fp32"] = "bf16" if quant == "bf16" else "fp32"
    size = f"{weights_gb:.1f} GB" if weights_gb >= 0.1 else f"{1000 * weights_gb:.1f} MB"
    return Plan(kind, english("local-there-no-gpu-model-runs", size=size))


def _refused(machine: Machine, weights_gb: float, least_gb: float) -> NotReadyError:
    advice = english("local-free-some-use-smaller-model")
    if machine.free_gb >= _need(WAYS["nf4"][-1], weights_gb):
        package = _lacking(machine, "nf4")
        advice = english("local-nf4-fits")
        if package:
            advice = english("local-nf4-fits-with", package=package)
    return NotReadyError(
        english(
            "local-needs-gb-ram" if machine.ram_gb < 40 else "local-needs-gb",
            name=machine.name,
            free_gb=f"{machine.free_gb:.1f}",
            weights_gb=f"{weights_gb:.1f}",
            least_gb=f"{least_gb:.1f}",
            ram=f"{machine.ram_gb:.0f}",
        ),
        advice=advice,
    )
