"""The three kinds of Space: what each runs on, what it costs, and what it has to be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from core.errors import InputError

Name = Literal["zero", "cpu", "gpu"]
Quant = Literal["bf16", "nf4", "gguf"]
MODEL = "Runware/flux.1-dev-SRPO"
"""SRPO as a whole pipeline, in diffusers layout and not gated."""
SRPO_FILE = "diffusion_pytorch_model.safetensors"
"""The one file of weights in a repo that holds a transformer alone."""
GATED = "black-forest-labs/"
"""Repos of this owner ask for a token, and the builder has none."""
EXTRA: Mapping[Quant, str] = {
    "bf16": "",
    "nf4": "bitsandbytes==0.50.2",
    "gguf": "gguf==0.19.0",
}
"""The package that reads or makes weights of that kind, if one is needed."""
LICENCE = "SRPO_ACCEPT_LICENSE"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of Space."""

    name: Name
    hardware: str
    """What the hub calls it."""
    python: str
    """The version for the front matter; ZeroGPU has 3.12.12 and 3.10.13 only."""
    paints: bool
    """Whether a model of one's own runs there, through torch."""
    cost: str


CPU = Kind("cpu", "cpu-basic", "3.12", False, "nothing an hour; making the Space needs a paid plan")
ZERO = Kind(
    "zero", "zero-a10g", "3.12.12", True, "nothing; visitors use their own daily GPU minutes"
)
GPU = Kind("gpu", "l40sx1", "3.12", True, "$1.80 an hour as long as it runs")
SMALL_GPU = Kind("gpu", "l4x1", "3.12", True, "$0.80 an hour as long as it runs")
"""For weights of 4 bits."""
HARDWARE = frozenset(one.hardware for one in (CPU, ZERO, GPU, SMALL_GPU))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a Space is to be; raises InputError for what cannot be built."""

    kind: Kind
    accepted: bool = False
    """The owner has accepted the licences of FLUX.1 [dev] and SRPO."""
    quant: Quant = "bf16"
    model: str = MODEL
    transformer: str = ""

    @classmethod
    def of(
        cls,
        name: Name,
        *,
        accepted: bool = False,
        quant: Quant = "bf16",
        model: str = "",
        transformer: str = "",
    ) -> Plan:
        """Read it from the options of the command line."""
        if name == "cpu":
            if accepted or quant != "bf16" or model or transformer:
                raise InputError(
                    "A Space on a CPU works with the miniature and with services, so it takes no "
                    "option about a model.",
                    advice="Leave them out, or choose --kind zero or gpu.",
                )
            return cls(CPU)
        if (quant == "gguf") is not transformer.endswith(".gguf"):
            raise InputError(
                "--quant gguf and a --transformer that ends in .gguf belong together.",
                advice="Name it as owner/name/file.gguf; there is none that we could vouch for.",
            )
        kind = ZERO if name == "zero" else GPU if quant == "bf16" else SMALL_GPU
        return cls(kind, accepted, quant, model or MODEL, transformer)

    @property
    def packages(self) -> tuple[str, ...]:
        """What is installed beside the pins of requirements-local.txt."""
        return tuple(filter(None, [EXTRA[self.quant]])) if self.kind.paints else ()

    @property
    def variables(self) -> dict[str, str]:
        """What the Space is told; the hub shows it to everybody."""
        if not self.kind.paints:
            return {}
        told = {"LOCAL_MODEL": self.model, "LOCAL_QUANT": self.quant}
        if self.transformer:
            told["LOCAL_TRANSFORMER"] = self.transformer
        if self.kind is ZERO:  # nothing is compiled there
            told["LOCAL_SPEED"] = "exact"
        return told | ({LICENCE: "1"} if self.accepted else {})

    @property
    def preloaded(self) -> list[str]:
        """What the builder fetches from the hub, so that no start waits for it.

        Nothing before the licence is accepted. Beside a transformer of its own the base is left
        to the program, which leaves out the part that is replaced.
        """
        if not (self.kind.paints and self.accepted):
            return []
        repo, _, _revision = self.model.partition("@")
        if not self.transformer:
            return [] if repo.startswith(GATED) else [repo]
        parts = self.transformer.split("/")
        return [f"{'/'.join(parts[:2])} {'/'.join(parts[2:]) or SRPO_FILE}"]

    @property
    def secrets(self) -> dict[str, str]:
        """What the owner may add in the Space's settings, and what for."""
        paid = "then set the variable SRPO_BUDGET_DAY_USD, without which nobody can spend"
        named = {
            "WAVESPEED_API_KEY": f"SRPO on WaveSpeed, at your expense; {paid}",
            "FAL_KEY": f"SRPO on fal, at your expense; {paid}",
            "SIRAYA_API_KEY": f"SRPO on Siraya, at your expense; {paid}, and SIRAYA_PRICE_USD",
            "SRPO_AUTH": "user:password pairs, if only they are to come in",
        }
        if self.kind.paints:
            named["HF_TOKEN"] = "a token that can read the model, if its repo is gated"  # noqa: S105
        return named
