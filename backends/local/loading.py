"""From a source to a model that generates: plan the memory, load the parts, warm up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.local import fetch, machine, space, speed
from backends.local.model import Model, Speed
from backends.local.order import Order
from backends.local.plan import FULL_GB, Machine, Plan, choose
from backends.local.source import Source, folder_troubles, weight_bytes
from core.backend import Readiness
from core.errors import NotReadyError
from core.words import english

log = logging.getLogger(__name__)

Tell = Callable[[Readiness], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What settings ask for; `token` is for gated repos."""

    quant: str = "auto"
    speed: str = ""
    token: str | None = None


def load(source: Source, wish: Wish, tell: Tell) -> Model:
    """Load a model and warm it up; blocks for long, so call it in a thread.

    Raises NotReadyError when it cannot be had or does not fit, with the numbers.
    """
    tell(Readiness("loading", english("local-loading-torch-diffusers")))
    machine.prepare()
    found = machine.lent(space.MEMORY_GB) if space.is_zero_gpu() else machine.detect()
    tell(Readiness("loading", english("local-looking-for", name=source.name)))

    def downloading(share: float) -> None:
        tell(Readiness("loading", english("local-downloading", name=source.name), share))

    folder = fetch.pipeline_folder(source, wish.token, downloading)
    for trouble in folder_troubles(folder, own_transformer=bool(source.transformer)):
        raise NotReadyError(trouble)
    own = fetch.transformer_file(source, wish.token)
    gguf = own is not None and own.suffix == ".gguf"
    plan = choose(found, weights_gb(folder, own), wish.quant, gguf=gguf)
    log.info("local model %s: %s %s", source.name, plan.summary, plan.why)
    loader = _Loader(folder, own, plan, found, tell)
    model = loader.model(_speed(wish.speed, found))
    if found.lent:
        return model
    tell(Readiness("warming", english("local-model-loaded-generates-its-first")))
    model.paint(Order("", (256, 256), 2, 3.5, 0), lambda _event: None, lambda: False)
    return model


def weights_gb(folder: Path, own: Path | None) -> float:
    """Return the size of the whole model in bf16, judged by the shapes its headers tell."""
    sizes = weight_bytes(folder)
    transformer = _bf16_bytes(folder / "transformer")
    if own is not None:
        transformer = 0 if own.suffix == ".gguf" else _bf16_bytes(own)
    if not transformer:  # a GGUF file does not tell; the base it belongs to is FLUX.1
        transformer = round(FULL_GB * 1e9) - sum(sizes.values())
    rest = sum(_bf16_bytes(folder / part) for part in sizes if part != "transformer")
    return (transformer + rest) / 1e9


def _bf16_bytes(place: Path) -> int:
    """Count two bytes for every number in a safetensors file or a folder of them."""
    from safetensors import safe_open

    files = sorted(place.glob("*.safetensors")) if place.is_dir() else [place]
    count = 0
    for file in files:
        with safe_open(file, "pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - it is no mapping
                size = 1
                for side in tensors.get_slice(name).get_shape():
                    size *= side
                count += size
    return 2 * count


def _speed(wanted: str, found: Machine) -> Speed:
    if found.lent:  # what was compiled there is forgotten with its process
        return Speed("turbo" if wanted == "turbo" else "exact")
    return Speed(wanted or ("compiled" if found.device == "cuda" else "exact"))


def quickened(transformer: Any, wanted: Speed, device: str, quant: str) -> Speed:
    """Set the attention and compile the blocks on a GPU; returns what is really in force."""
    if wanted.name == "exact" or device != "cuda":
        return wanted
    import torch

    chosen = speed.attention(transformer, torch.cuda.get_device_capability())
    if quant == "gguf":  # its tensors are of a class that torch.compile cannot follow
        return Speed(wanted.name, chosen)
    speed.compile_blocks(transformer)
    return Speed(wanted.name, chosen, compiled=True)


def quantization(quant: str) -> Any:
    """Return how diffusers is told to quantize a transformer, or None."""
    match quant:
        case "nf4":
            import torch
            from diffusers import BitsAndBytesConfig

            return BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_compute_dtype=torch.bfloat16,
            )
        case "fp8":
            from diffusers import TorchAoConfig
            from torchao.quantization import Float8DynamicActivationFloat8WeightConfig

            return TorchAoConfig(Float8DynamicActivationFloat8WeightConfig())
        case "gguf":
            import torch
            from diffusers import GGUFQuantizationConfig

            return GGUFQuantizationConfig(compute_dtype=torch.bfloat16)
    return None


@dataclass(frozen=True, slots=True)
class _Loader:
    """Loads the parts one after the other, so that progress can be told."""

    folder: Path
    own: Path | None
    plan: Plan
    found: Machine
    tell: Tell

    def model(self, wanted: Speed) -> Model:
        """Load all parts, put them where the plan says, and set the speed."""
        from diffusers import FluxPipeline

        self._say("the transformer", 0.0)
        transformer = self._transformer()
        self._say("the text encoders", 0.6)
        parts = FluxPipeline.from_pretrained(
            self.folder, transformer=transformer, dtype=self._dtype(), local_files_only=True
        ).components
        self._say("everything onto " + self.found.name, 0.9)
        if self.found.lent:
            model = Model(parts, self.plan, "cpu", wanted, lent=True)
        else:
            driven = quickened(transformer, wanted, self.found.device, self.plan.quant)
            model = Model(parts, self.plan, self.found.device, driven)
        self._say("", 1.0)
        return model

    def _say(self, what: str, share: float) -> None:
        self.tell(Readiness("loading", english("local-loading", what=what), share))

    def _dtype(self) -> Any:
        import torch

        return torch.float32 if self.plan.quant == "fp32" else torch.bfloat16

    def _transformer(self) -> Any:
        """Load the transformer; a file of another precision is never held whole beside it."""
        from diffusers import FluxTransformer2DModel

        options: dict[str, Any] = {"dtype": self._dtype()}
        if config := quantization(self.plan.quant):
            options["quantization_config"] = config
        if self.own is None:
            place: dict[str, Any] = {"subfolder": "transformer", "local_files_only": True}
            return FluxTransformer2DModel.from_pretrained(self.folder, **place, **options)
        if self.own.is_dir():
            return FluxTransformer2DModel.from_pretrained(self.own, **options)
        if config:
            return FluxTransformer2DModel.from_single_file(
                str(self.own), config=str(self.folder), subfolder="transformer", **options
            )
        return self._streamed()

    def _streamed(self) -> Any:
        """Fill an empty transformer tensor by tensor, each cast on its way."""
        from accelerate import init_empty_weights
        from accelerate.utils import set_module_tensor_to_device
        from diffusers import FluxTransformer2DModel
        from safetensors import safe_open

        config = FluxTransformer2DModel.load_config(self.folder, subfolder="transformer")
        with init_empty_weights():
            empty = FluxTransformer2DModel.from_config(config)
        resident = self.plan.quant == "bf16" and not self.plan.offload and not self.found.lent
        device = self.found.device if resident else "cpu"
        with safe_open(str(self.own), "pt") as tensors:
            names = list(tensors.keys())
            lacking = sorted({name for name, _ in empty.named_parameters()} - set(names))
            if lacking:
                raise NotReadyError(
                    english(
                        "local-does-not-fit-model-in",
                        value=self.own.name if self.own else "",
                        name=self.folder.name,
                        lacking=len(lacking),
                        lacking2=lacking[0],
                    ),
                    advice=english("local-local-transformer-takes-file-with"),
                )
            for number, name in enumerate(names):
                value = tensors.get_tensor(name)
                set_module_tensor_to_device(empty, name, device, value, dtype=self._dtype())
                self._say("the transformer", 0.6 * number / len(names))
        return empty.eval()
