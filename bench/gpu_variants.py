"""What makes a step of FLUX.1 quicker on this GPU, each thing by itself: one forward a row.

    python -m bench.gpu_variants           # a GPU with 40 GB
    python -m bench.gpu_variants --tiny    # a dry run with a small model, on a CPU too

First the ceilings: a large matrix product, the shapes FLUX.1 has, a copy, and attention by each of
torch's kernels. Then a step in each way of driving the transformer, and a decoding in each way of
driving the autoencoder. Weights are random and made on the device. What `--limit` seconds do not
reach is named and left out.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from backends.local import machine
from backends.local.embeddings import LONGEST
from bench import full_flux
from bench.figures import keep

ROUNDS = 6
COUNTED_STEPS = 28


@dataclass(frozen=True, slots=True)
class Variant:
    """A way of driving the transformer; without `compiled` it runs as it is."""

    name: str
    attention: str = "native"
    compiled: dict[str, Any] | None = None
    fused: bool = False
    blas: str = ""


def _blocks(**options: Any) -> dict[str, Any]:
    return {"fullgraph": True, **options}


STATIC = _blocks(dynamic=False)
TUNED = {"coordinate_descent_tuning": True, "epilogue_fusion": False}
VARIANTS = (
    Variant("compiled, any size, cuDNN", "_native_cudnn", _blocks(dynamic=True)),
    Variant("the same, q k v in one", "_native_cudnn", _blocks(dynamic=True), fused=True),
    Variant("the same, cuBLASLt", "_native_cudnn", _blocks(dynamic=True), blas="cublaslt"),
    Variant("one size, cuDNN, tuned", "_native_cudnn", _blocks(dynamic=False, options=TUNED)),
    Variant(
        "one size, cuDNN, max-autotune",
        "_native_cudnn",
        _blocks(dynamic=False, mode="max-autotune-no-cudagraphs"),
    ),
    Variant("compiled, one size, cuDNN", "_native_cudnn", STATIC),
    Variant("compiled, any size", compiled=_blocks(dynamic=True)),
    Variant("as it is"),
    Variant("cuDNN", "_native_cudnn"),
    Variant("torch's flash", "_native_flash"),
)
"""First what users get, then what may be quicker and was not measured yet, last what was."""


@dataclass(slots=True)
class Clock:
    """Times work on the device: events there, the wall on a CPU."""

    device: str
    table: list[str] = field(default_factory=list)

    def seconds(self, work: Callable[[], Any], rounds: int = ROUNDS) -> float:
        """Return the median of a few runs, after one that is not counted."""
        work()
        found = []
        for _ in range(rounds):
            self.wait()
            began = time.perf_counter()
            work()
            self.wait()
            found.append(time.perf_counter() - began)
        return statistics.median(found)

    def wait(self) -> None:
        """Wait until the device has done everything."""
        if self.device == "cuda":
            import torch

            torch.cuda.synchronize()

    def say(self, name: str, value: str, **facts: Any) -> None:
        """Print a row and keep it."""
        print(f"{name:34} {value}", flush=True)
        keep("variant", name=name, **facts)


def main() -> None:
    """Print the table; a row that breaks says why and stops no other."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu_variants")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--limit", type=float, default=150.0, help="seconds for all of it")
    given = parser.parse_args()
    ends = time.monotonic() + given.limit
    import torch

    machine.prepare()
    device = machine.detect().device
    clock = Clock(device)
    side = 64 if given.tiny else 1024
    print(f"{machine.detect().name}, torch {torch.__version__}, {side} x {side}")
    with torch.no_grad():
        rate = ceilings(clock, tiny=given.tiny)
        made = full_flux.parts(device, torch.bfloat16, tiny=given.tiny)
        counted = full_flux.operations(side, tiny=given.tiny)[1]
        floor_s = counted / rate
        value = f"{1e3 * floor_s:8.2f} ms a step, {COUNTED_STEPS * floor_s:6.3f} s an image"
        clock.say("floor: counted / measured rate", value, seconds=floor_s)
        decodings(clock, made["vae"], side, device)
        step = forward(made["transformer"], side, device)
        for variant in VARIANTS:
            if time.monotonic() > ends:
                clock.say(variant.name, "not reached in the time", trouble="time")
                continue
            stepped(clock, variant, made["transformer"], step)


def ceilings(clock: Clock, *, tiny: bool) -> float:
    """Print what the device does at best; returns the FLOP/s of a large product in bf16."""
    import torch

    def noise(*shape: int) -> Any:
        return torch.randn(*shape, device=clock.device, dtype=torch.bfloat16)

    unit = 64 if tiny else 1
    shapes = {
        "product 8192 x 8192 x 8192": (8192, 8192, 8192),
        "q, k or v: 4608 x 3072 x 3072": (4608, 3072, 3072),
        "single block in: 4608 x 3072 x 12288": (4608, 3072, 12288),
        "single block out: 4608 x 15360 x 3072": (4608, 15360, 3072),
    }
    best = 0.0
    for name, (rows, inner, columns) in shapes.items():
        left, right = noise(rows // unit, inner // unit), noise(columns // unit, inner // unit)
        took = clock.seconds(lambda left=left, right=right: left @ right.T, 20)
        rate = 2.0 * left.numel() * right.shape[0] / took
        best = best or rate
        clock.say(name, f"{rate / 1e12:8.1f} TFLOP/s", flops=rate)
    source = noise(2**20 if tiny else 2**31)
    goal = torch.empty_like(source)
    took = clock.seconds(lambda: goal.copy_(source))
    moved = 2 * source.numel() * source.element_size() / took
    clock.say("copy", f"{moved / 1e12:8.2f} TB/s", bytes_s=moved)
    attentions(clock, noise, 64 if tiny else LONGEST + 4096)
    return best


def attentions(clock: Clock, noise: Callable[..., Any], tokens: int) -> None:
    """Print the rate of each kernel of torch on the tokens of an image, 24 heads of 128."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    query, key, value = (noise(1, 24, tokens, 128) for _ in range(3))
    kernels = {"torch's choice": None, "cuDNN": SDPBackend.CUDNN_ATTENTION}
    kernels["flash"] = SDPBackend.FLASH_ATTENTION
    for name, kernel in kernels.items():
        label = f"attention, {name}"
        try:
            with sdpa_kernel(kernel) if kernel is not None else nullcontext():
                took = clock.seconds(
                    lambda: torch.nn.functional.scaled_dot_product_attention(query, key, value), 20
                )
        except RuntimeError as error:
            clock.say(label, trouble(error), trouble=trouble(error))
        else:
            rate = 4.0 * tokens**2 * 24 * 128 / took
            clock.say(label, f"{rate / 1e12:8.1f} TFLOP/s", flops=rate)


def decodings(clock: Clock, vae: Any, side: int, device: str) -> None:
    """Print the seconds of the decoder, laid out as it is and with channels last."""
    import torch

    latents = torch.randn(1, 16, side // 8, side // 8, device=device, dtype=torch.bfloat16)
    for name, layout in (
        ("decoder", torch.contiguous_format),
        ("decoder, channels last", torch.channels_last),
    ):
        vae.to(memory_format=layout)
        given = latents.to(memory_format=layout)
        took = clock.seconds(lambda given=given: vae.decode(given, return_dict=False))
        clock.say(name, f"{1e3 * took:8.2f} ms", seconds=took)


def forward(transformer: Any, side: int, device: str) -> Callable[[], Any]:
    """Return a step of that size."""
    import torch

    pixels = (side // full_flux.PIXELS) ** 2
    words = full_flux.embedded(transformer)

    def noise(*shape: int) -> Any:
        return torch.randn(*shape, device=device, dtype=torch.bfloat16)

    call = {
        "hidden_states": noise(1, pixels, transformer.config.in_channels),
        "encoder_hidden_states": words.tokens.to(device, torch.bfloat16),
        "pooled_projections": words.pooled.to(device, torch.bfloat16),
        "timestep": torch.full((1,), 0.5, device=device, dtype=torch.bfloat16),
        "guidance": torch.full((1,), 3.5, device=device, dtype=torch.float32),
        "img_ids": torch.zeros(pixels, 3, device=device),
        "txt_ids": torch.zeros(LONGEST, 3, device=device),
    }
    return lambda: transformer(**call)


def stepped(clock: Clock, variant: Variant, transformer: Any, step: Callable[[], Any]) -> None:
    """Drive the transformer in this way, print its seconds, and leave it as it was."""
    import torch

    blocks = [
        one for one in transformer.modules() if type(one).__name__ in transformer._repeated_blocks
    ]
    usual = torch.backends.cuda.preferred_blas_library()
    began = time.perf_counter()
    try:
        transformer.set_attention_backend(variant.attention)
        if variant.fused:
            transformer.fuse_qkv_projections()
        if variant.blas:
            torch.backends.cuda.preferred_blas_library(variant.blas)
        for block in blocks if variant.compiled else ():
            block.forward = torch.compile(block.forward, **variant.compiled)
        step()
        clock.wait()
        first = time.perf_counter() - began
        took = clock.seconds(step)
    except Exception as error:  # noqa: BLE001 - a row that breaks is a finding
        clock.say(variant.name, trouble(error), trouble=trouble(error))
    else:
        image = COUNTED_STEPS * took
        value = f"{1e3 * took:8.2f} ms a step, {image:6.3f} s an image, first in {first:6.1f} s"
        clock.say(variant.name, value, seconds=took, first=first)
    finally:
        for block in blocks:
            block.__dict__.pop("forward", None)
        if variant.fused:
            transformer.unfuse_qkv_projections()
        torch.backends.cuda.preferred_blas_library(usual)
        transformer.set_attention_backend("native")
        torch._dynamo.reset()
        machine.release(clock.device)


def trouble(error: BaseException) -> str:
    """Say in a line what broke."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"[
        :160
    ]


if __name__ == "__main__":
    main()
