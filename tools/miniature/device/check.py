"""Tries every stage on noise for a few steps, each in a process of its own, and names what fails.

Kernels run one at a time and the backward pass remembers what it belongs to, so the line that is
printed is the one at fault. The last two parts are not needed: they tell what was left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch.nn import functional

from tools.miniature.device import codec as codecs
from tools.miniature.device import flow, judge
from tools.miniature.device.clock import Clock, Log
from tools.miniature.device.kernels import attend, settle
from tools.miniature.device.run import FAST, noise
from tools.miniature.device.scenes import SIZES
from tools.miniature.pictures import SHOWN
from tools.miniature.plain import HEAD, LATENT_CHANNELS, TOKENS, Shape

STEPS = 20
SECONDS = 60.0
"""That a part may take at most."""
SHOWN_LINES = 14


def run(part: str | None, *, tiny: bool) -> None:
    """Run one part here, or all beside each other; exit with 1 where a needed one fails."""
    device = "cpu" if tiny else "cuda"
    if part:
        torch.autograd.set_detect_anomaly(True)
        attend(*FAST)
        PARTS[part](device)
        settle(device)
        return
    begun = time.monotonic()
    command = [sys.executable, "-m", "tools.miniature.device", "check", *["--tiny"] * tiny]
    begin = [partial(_begun, [*command, "--part", name]) for name in PARTS]
    # A processor has one after the other: they would only wait for each other.
    processes = (start() for start in begin) if tiny else [start() for start in begin]
    failed = [
        name for name, process in zip(PARTS, processes, strict=True) if not _ended(name, process)
    ]
    needed = [name for name in failed if name not in OPTIONAL]
    print(f"{time.monotonic() - begun:.0f} s", flush=True)
    print("go on" if not needed else f"not ready: {', '.join(needed)}", flush=True)
    sys.exit(bool(needed))


def _begun(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own program
        command,
        env={**os.environ, "CUDA_LAUNCH_BLOCKING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _ended(name: str, process: subprocess.Popen[str]) -> bool:
    """Wait for a part and print how it went."""
    try:
        told = process.communicate(timeout=SECONDS)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        told = process.communicate()[0] + f"took more than {SECONDS:.0f} s"
        process.returncode = process.returncode or 1
    good = process.returncode == 0
    print(f"{name}: {'passes' if good else 'FAILS'}", flush=True)
    if not good:
        print("\n".join(f"    {line}" for line in told.splitlines()[-SHOWN_LINES:]), flush=True)
    return good


def _codec(device: str) -> None:
    """A few steps on random images; the clock ends them."""
    side = 64 if device == "cpu" else 256
    pictures = torch.randint(256, (64, side, side, 3), dtype=torch.uint8, device=device)
    plan = codecs.Plan(2, 32, 2) if device == "cpu" else codecs.Plan(log_every=5)
    with TemporaryDirectory() as place:
        log = Log(Path(place) / "log")
        codecs.train(codecs.Codec(device), pictures, Clock(3.0), log, plan)


def _flow(device: str) -> None:
    """Steps of every size that is trained, learning from the painter and teaching guidance."""
    plan = flow.Plan(compiled=False)
    if device == "cpu":
        shape = Shape(heads=2, double_blocks=1, single_blocks=2)
        plan = flow.Plan(shape, batch=2, compiled=False)
    steps, patch = (4, 64) if device == "cpu" else (STEPS, 16)
    learner = flow.Learner(plan, device, torch.ones(LATENT_CHANNELS))
    for step in range(steps):
        width, height = SIZES[step % len(SIZES)]
        batch = noise(plan.batch, (height // patch, width // patch), device)
        loss, _ = flow.loss_of(learner, batch, distilling=step >= steps // 2)
        learner.update(loss, 1e-3)
        print(f"step {step} of {width} x {height}: {float(loss.detach()):.3f}", flush=True)


def _judge(device: str) -> None:
    """Steps of the judge on random images."""
    model = judge.Judge().to(device, memory_format=torch.channels_last)
    kind = torch.device(device).type
    for _ in range(3 if device == "cpu" else STEPS):
        pictures = torch.rand(4 if device == "cpu" else judge.BATCH, 3, 256, 256, device=device)
        with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
            kinds, counts = model(pictures.contiguous(memory_format=torch.channels_last))
        maps = torch.randint(len(SHOWN) + 1, kinds[:, 0].shape, device=device)
        (functional.cross_entropy(kinds.float(), maps) + counts.float().pow(2).mean()).backward()


def _attention(device: str) -> None:
    """Attention by cuDNN alone, forth and back, of the sizes that the networks have."""
    if device == "cpu":
        return
    attend("cudnn")
    for heads, tokens, width in ((7, TOKENS + 256, HEAD), (7, TOKENS + 240, HEAD), (4, TOKENS, 16)):
        shape = 512, tokens, heads, width
        for _ in range(STEPS):
            parts = [
                torch.randn(shape, dtype=torch.bfloat16, device=device, requires_grad=True)
                for _ in range(3)
            ]
            query, key, value = (part.transpose(1, 2) for part in parts)
            mixed = functional.scaled_dot_product_attention(
                query, key, value, is_causal=width < HEAD
            )
            mixed.pow(2).sum().backward()
            settle(device)
        print(f"{heads} heads of {width}, {tokens} tokens: passes", flush=True)


def _odd_product(device: str) -> None:
    """A product of an odd width in half precision, as large as the head's."""
    rows = 64 if device == "cpu" else 512 * 256
    layer = torch.nn.Linear(224, flow.ANSWERS, device=device)
    for _ in range(STEPS):
        values = torch.randn(rows, 224, device=device, requires_grad=True)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=device == "cuda"):
            layer(values).float().pow(2).sum().backward()


PARTS: dict[str, Callable[[str], None]] = {
    "codec": _codec,
    "flow": _flow,
    "judge": _judge,
    "attention by cuDNN": _attention,
    "odd product": _odd_product,
}
OPTIONAL = ("attention by cuDNN", "odd product")
