"""Seconds a picture takes a full-size FLUX.1 on a GPU: bare diffusers beside our own speeds.

    python -m bench.gpu           # a GPU with 40 GB; requirements-local.txt; torchao for fp8
    python -m bench.gpu --tiny    # a dry run with a small model, on a CPU too: figures of no use

Transformer and autoencoder have the shapes of FLUX.1 [dev] and random weights, made on the device
in bf16. Timed is one picture from embeddings that are there already: every step, the decoder, the
picture on the CPU; with ours also the whole backend around it: events, previews, the PNG. The
text encoders are no part of it. Each way has a process of its own, so that its peak of memory is
its own. Its first picture pays for compilation and is told apart; the median of the others counts.

How many steps `turbo` may skip depends on the weights, and with random ones it skips none: which
are skipped is decreed, as many as others tell of FLUX.1 itself. The table has how many ran whole.
Exits with 1 when a goal is missed on the GPU it is set for, or when `exact` does not paint the
very pixels of diffusers.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context

from backends.local import machine, source
from bench import full_flux
from bench.gpu_ways import WAYS, Measured, Task, measure

PEAKS = {
    "H200": (989.0, 1979.0),
    "H100 PCIe": (756.0, 1513.0),
    "H100": (989.0, 1979.0),
    "A100": (312.0, 312.0),
    "L40S": (362.0, 733.0),
    "RTX 4090": (165.2, 330.3),
}
"""Dense TFLOP/s in bf16 and in fp8 as the makers tell them; the first name that fits counts."""
FULL = Task(side=1024, steps=28, rounds=5, tiny=False)
TINY = Task(side=64, steps=12, rounds=1, tiny=True)
"""As few steps as turbo takes."""
GOALS = {"compiled": 3.7, "turbo": 2.4}
"""Seconds of the full task on an H200; the best that others tell are 3.73 and 2.38."""
GOALS_OF = "H200"
HEAD = "way              s/picture  slowest    first   limit  counted   goal   peak GB  whole steps"


def main() -> None:
    """Measure each way, print the table, and end with status 1 when something is missed."""
    task = wished()
    if trouble := source.missing():
        sys.exit(trouble.sentence)
    found = machine.detect()
    if found.device != "cuda" and not task.tiny:
        sys.exit("bench.gpu needs a GPU that torch can use; --tiny is a dry run without one.")
    machine.prepare()
    peaks = next((both for name, both in PEAKS.items() if name in found.name), None)
    estimate, counted = (
        task.steps * one / 1e12 for one in full_flux.operations(task.side, tiny=task.tiny)
    )
    print(f"{found.name}, {task.side} x {task.side}, {task.steps} steps, {task.rounds} rounds")
    print(f"limit: {estimate:.4g} TFLOP by 2 * parameters * tokens * steps")
    print(f"counted: {counted:.4g} TFLOP of matrix products, attention included")
    print(f"goal: on an {GOALS_OF}\n\n{HEAD}")
    measured = {}
    # A dry run measures nothing that another way could disturb.
    most = None if task.tiny else 1
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=most) as processes:
        for name in WAYS:
            measured[name] = result(processes.submit(measure, name, task))
            peak = peaks[name.startswith("fp8")] if peaks else float("nan")
            print(row(name, measured[name], estimate / peak, counted / peak), flush=True)
    sys.exit(verdict(measured, held_to_goals=GOALS_OF in found.name and task == FULL))


def wished() -> Task:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu")
    parser.add_argument("--tiny", action="store_true", help="a dry run, without a GPU too")
    for name in ("side", "steps", "rounds"):
        parser.add_argument(f"--{name}", type=int, help=f"{getattr(FULL, name)} if not given")
    given = parser.parse_args()
    usual = TINY if given.tiny else FULL
    return Task(
        given.side or usual.side,
        given.steps or usual.steps,
        given.rounds or usual.rounds,
        given.tiny,
    )


def result(work: Future[Measured]) -> Measured:
    """Wait for what came of a way; when one breaks, the others still have their turn."""
    error = work.exception()
    return Measured(trouble=f"{type(error).__name__}: {error}") if error else work.result()


def row(name: str, one: Measured, limit: float, counted: float) -> str:
    """Return a line of the table."""
    if one.trouble:
        return f"{name:15} {one.trouble}"
    goal = f"{GOALS[name]:6.1f}" if name in GOALS else "      "
    times = f"{one.seconds:11.3f} {one.slowest:8.3f} {one.first:8.2f} {limit:7.2f} {counted:8.2f}"
    line = f"{name:15}{times} {goal} {one.peak_gb:9.1f} {one.whole:12}  {one.how}"
    return line.replace("nan", "  –")


def verdict(measured: dict[str, Measured], *, held_to_goals: bool) -> bool:
    """Print what the figures come to; returns whether something was missed."""
    pixels = measured["bare diffusers"].pixels
    same = bool(pixels) and measured["exact"].pixels == pixels
    print(f"\n{'holds' if same else 'FAILS'}  exact paints the very pixels of bare diffusers")
    missed = [name for name, goal in GOALS.items() if not measured[name].seconds <= goal]
    for name, goal in GOALS.items() if held_to_goals else ():
        print(f"{'FAILS' if name in missed else 'holds'}  {name} takes at most {goal} s")
    return not same or (held_to_goals and bool(missed))


if __name__ == "__main__":
    main()
