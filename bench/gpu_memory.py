"""The memory table of the README, row by row: what each plan takes, on a card made that small.

    python -m bench.gpu_memory FOLDER    # a model by bench.full_model, with its GGUF file
    python -m bench.gpu_memory FOLDER --tiny
    python -m bench.gpu_memory FOLDER --rows "16 GB: nf4; 8 GB: nf4"    # some of the rows

Each row has a process of its own in which torch may take no more memory than the row says and our
backend believes the card to be of that size: it plans, loads and paints one image of 1024 x 1024
in four steps as it does for anybody. What does not fit is done once more without the limit, for
the peak it really has. A GB is 10^9 bytes; CUDA's own half GB comes on top, as `free` leaves it
out too.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.apart import ApartError, apart
from bench.figures import chosen, keep
from bench.full_model import GGUF

PROMPT = "a lighthouse above a teal sea at sunset"
SIDE, STEPS = 1024, 4
LIMIT_S = 75.0
FP8_LIMIT_S = 240.0
"""Its blocks take about three times as long to trace: their weights are of another class."""
RAM_GB = 128.0
"""Memory of the machine that the plans are told of; their own is not measured."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is asked of how large a card; `plan` is what the README says becomes of it."""

    name: str
    gb: float
    plan: str
    quant: str = "auto"
    gguf: bool = False

    @property
    def kind(self) -> str:
        """Name the track it runs in: rows that load 34 GB must not do so side by side."""
        if self.quant == "fp8":
            return "fp8"
        return "bf16" if self.plan.startswith("bf16") or not self.plan else "4 bits"


ROWS = (
    Row("16 GB: nf4", 16.0, "nf4, encoders on the CPU"),
    Row("10.5 GB: GGUF, 4 bits", 10.5, "gguf, encoders on the CPU", gguf=True),
    Row("25 GB: each part on its turn", 25.0, "bf16, offloaded"),
    Row("8 GB: GGUF, 4 bits", 8.0, "gguf, offloaded, encoders on the CPU", gguf=True),
    Row("8 GB: nf4", 8.0, "nf4, offloaded, encoders on the CPU"),
    Row("29 GB: encoders on the CPU", 29.0, "bf16, encoders on the CPU"),
    Row("40 GB: all resident", 40.0, "bf16"),
    Row("10.5 GB: nf4", 10.5, "nf4, encoders on the CPU"),
    Row("20.5 GB: nf4, all resident", 20.5, "nf4"),
    Row("6 GB: diffusers, sequential", 6.0, ""),
    Row("16.5 GB: fp8", 16.5, "fp8, encoders on the CPU", quant="fp8"),
)
"""In the order of what is least sure and most wanted; the last but one is no plan of ours, but what
is left below them, and fp8, which may take longest, is no plan that is taken by itself.

A row of as many GB is what the plan asks for, so that the limit shows whether it asks for enough.
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a row came to; memory in GB."""

    plan: str = ""
    how: str = ""
    load_s: float = float("nan")
    paint_s: float = float("nan")
    peak_gb: float = float("nan")
    """Most that tensors took."""
    reserved_gb: float = float("nan")
    """Most that torch held for them: what the limit counts."""
    loading_gb: float = float("nan")
    """Most that torch held until the model was loaded and warm."""
    trouble: str = ""


def main() -> None:
    """Print the table; a row that breaks says why and stops no other."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu_memory")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tiny", action="store_true", help="a small model, without a GPU too")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds for all of it")
    parser.add_argument("--rows", default="", help="names of rows, separated by semicolons")
    given = parser.parse_args()
    rows = chosen(given.rows, (row.name for row in ROWS))
    ends = time.monotonic() + given.limit
    print(f"{'row':32} {'limit':>6} {'peak':>6} {'held':>6} {'load':>6} {'load s':>7} {'s':>7}")
    for row in (row for row in ROWS if row.name in rows):
        taken = tried(given.folder, row, ends, limited=True, tiny=given.tiny)
        say(row, taken, limited=True)
        if "memory" in taken.trouble:
            say(row, tried(given.folder, row, ends, limited=False, tiny=given.tiny), limited=False)


def tried(folder: Path, row: Row, ends: float, *, limited: bool, tiny: bool) -> Taken:
    """Run a row; what breaks becomes its trouble."""
    left = min(FP8_LIMIT_S if row.quant == "fp8" else LIMIT_S, ends - time.monotonic())
    if left < 10:
        return Taken(trouble="not reached in the time")
    try:
        return apart(take, folder, row, limited, tiny, limit_s=left)
    except ApartError as error:
        return Taken(trouble=str(error))


def say(row: Row, taken: Taken, *, limited: bool) -> None:
    """Print a row and keep it."""
    keep("memory", row=row.name, limit_gb=row.gb if limited else None, **asdict(taken))
    limit = f"{row.gb:6.1f}" if limited else "  none"
    if taken.trouble:
        print(f"{row.name:32} {limit} {taken.trouble}", flush=True)
        return
    other = "" if taken.plan == row.plan or not row.plan else f"  NOT {row.plan}"
    memory = f"{taken.peak_gb:6.1f} {taken.reserved_gb:6.1f} {taken.loading_gb:6.1f}"
    times = f"{taken.load_s:7.1f} {taken.paint_s:7.2f}"
    line = f"{row.name:32} {limit} {memory} {times}  {taken.how}{other}"
    print(line.replace("nan", "  –"), flush=True)


def take(folder: Path, row: Row, limited: bool, tiny: bool) -> Taken:
    """Load and paint in this process, which has done nothing else."""
    import torch

    from backends.local import machine

    machine.prepare()
    cuda = torch.cuda.is_available()
    if limited and cuda:
        torch.cuda.set_per_process_memory_fraction(
            row.gb * machine.GB / torch.cuda.mem_get_info()[1]
        )
    side = 64 if tiny else SIDE
    return ours(folder, row, side) if row.plan else sequential(folder, side)


def ours(folder: Path, row: Row, side: int) -> Taken:
    """Have our backend do it on a card of that size."""
    from backends.local import loading, machine
    from backends.local.order import Order
    from backends.local.source import Source
    from core.events import Finished

    seen = machine.detect()
    small = replace(seen, free_gb=row.gb, ram_gb=RAM_GB)
    machine.detect = lambda: small
    own = str(folder / GGUF) if row.gguf else ""
    began = time.perf_counter()
    wish = loading.Wish(row.quant)
    model = loading.load(Source(str(folder), None, own), wish, lambda _readiness: None)
    loaded = time.perf_counter()
    loading_gb = held()[1]
    told: list[Any] = []
    model.paint(Order(PROMPT, (side, side), STEPS, 3.5, 0), told.append, lambda: False)
    done = time.perf_counter()
    assert isinstance(told[-1], Finished)
    how = ", ".join(f"{name} {value}" for name, value in told[-1].ran.items())
    return Taken(model.plan.summary, how, loaded - began, done - loaded, *held(), loading_gb)


def sequential(folder: Path, side: int) -> Taken:
    """Have diffusers bring every layer to the card alone, as its documentation says."""
    import torch
    from diffusers import FluxPipeline

    began = time.perf_counter()
    pipe = FluxPipeline.from_pretrained(folder, dtype=torch.bfloat16, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    if torch.cuda.is_available():
        pipe.enable_sequential_cpu_offload()
    loaded = time.perf_counter()
    pipe(PROMPT, width=side, height=side, num_inference_steps=2, guidance_scale=3.5)
    done = time.perf_counter()
    how = "diffusers, sequential, 2 steps"
    return Taken("", how, loaded - began, done - loaded, *held(), float("nan"))


def held() -> tuple[float, float]:
    """Return the most that tensors took so far, and the most that torch held, in GB."""
    import torch

    if not torch.cuda.is_available():
        return 0.0, 0.0
    return torch.cuda.max_memory_allocated() / 1e9, torch.cuda.max_memory_reserved() / 1e9


if __name__ == "__main__":
    main()
