"""Seconds an image takes a full-size FLUX.1 on a GPU: bare diffusers beside our own speeds.

    python -m bench.gpu           # a GPU with 40 GB; requirements-local.txt; torchao for fp8
    python -m bench.gpu --tiny    # a dry run with a small model, on a CPU too: figures of no use
    python -m bench.gpu --ways "compiled; turbo"    # some of the ways, in the time there is

Transformer and autoencoder have the shapes of FLUX.1 [dev] and random weights, made on the device
in bf16. Timed is one image from embeddings that are there already: every step, the decoder, the
image on the CPU; with ours also the whole backend around it: events, previews, the PNG. The
text encoders are no part of it. Ways that are compared to a hundredth share a process and take
turns; each of the others has one of its own. The first image pays for compilation and is told
apart; the median of the others counts. `start` has the seconds from the start of a process to its
first image, weights made and not loaded; the first way that compiles finds nothing kept by torch.

How many steps `turbo` may skip depends on the weights, and with random ones it skips none: which
are skipped is decreed, as many as others tell of FLUX.1 itself. The table has how many ran whole.
Exits with 1 when a goal is missed on the GPU it is set for, or when `exact` does not paint the
very pixels of diffusers.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from backends.local import machine, source
from bench import full_flux
from bench.apart import ApartError, apart
from bench.figures import chosen, keep
from bench.gpu_ways import GROUPS, WAYS, Measured, Task, measure

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
GOALS = {"compiled": 3.8, "turbo": 2.4}
"""Seconds of the full task on an H200; the best that others tell are 3.73 and 2.38."""
GOALS_OF = "H200"
MOST = {"exact": 1.03, "exact, previews": 1.05}
"""Seconds of ours to those of bare diffusers, on any GPU."""
LIMIT_S = 180.0
HEAD = (
    "way                s/image  slowest    first    start   limit  counted   goal   peak GB"
    "  whole steps"
)


def main() -> None:
    """Measure each way, print the table, and end with status 1 when something is missed."""
    task, limit_s, groups = wished()
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
    for group in groups:
        for name, one in result(group, task, limit_s).items():
            measured[name] = one
            peak = peaks[name.startswith("fp8")] if peaks else float("nan")
            print(row(name, one, estimate / peak, counted / peak), flush=True)
            keep("speed", way=name, gpu=found.name, **asdict(one))
    sys.exit(verdict(measured, task, held_to_goals=GOALS_OF in found.name))


def wished() -> tuple[Task, float, list[tuple[str, ...]]]:
    """Read the command line: the task, the seconds a process may take, and the groups of ways."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu")
    parser.add_argument("--tiny", action="store_true", help="a dry run, without a GPU too")
    for name in ("side", "steps", "rounds"):
        parser.add_argument(f"--{name}", type=int, help=f"{getattr(FULL, name)} if not given")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds for each process")
    parser.add_argument("--ways", default="", help="names of ways, separated by semicolons")
    given = parser.parse_args()
    ways = chosen(given.ways, WAYS)
    usual = TINY if given.tiny else FULL
    task = Task(
        given.side or usual.side,
        given.steps or usual.steps,
        given.rounds or usual.rounds,
        given.tiny,
    )
    groups = [tuple(name for name in group if name in ways) for group in GROUPS]
    return task, given.limit, [group for group in groups if group]


def result(group: tuple[str, ...], task: Task, limit_s: float) -> dict[str, Measured]:
    """Return what came of the ways of a group; when one breaks, the others have their turn."""
    if task.tiny:  # a dry run measures nothing that another way could disturb
        return measure(group, task)
    try:
        return apart(measure, group, task, limit_s=limit_s)
    except ApartError as error:
        return dict.fromkeys(group, Measured(trouble=str(error)))


def row(name: str, one: Measured, limit: float, counted: float) -> str:
    """Return a line of the table."""
    if one.trouble:
        return f"{name:16} {one.trouble}"
    goal = f"{GOALS[name]:6.1f}" if name in GOALS else "      "
    times = f"{one.seconds:9.3f} {one.slowest:8.3f} {one.first:8.2f} {one.start:8.2f}"
    limits = f"{limit:7.2f} {counted:8.2f}"
    line = f"{name:16} {times} {limits} {goal} {one.peak_gb:9.1f} {one.whole:12}  {one.how}"
    return line.replace("nan", "  –")


def verdict(measured: dict[str, Measured], task: Task, *, held_to_goals: bool) -> bool:
    """Print what the figures come to; returns whether something was missed."""
    said = []
    bare = measured.get("bare diffusers")
    if bare and "exact" in measured:
        same = bool(bare.pixels) and measured["exact"].pixels == bare.pixels
        said.append((same, "exact paints the very pixels"))
    for name, most in MOST.items() if bare and not task.tiny else ():
        if name in measured:
            share = measured[name].seconds / bare.seconds
            said.append((share <= most, f"{name}: {share:.4f} of the bare call's seconds ({most})"))
    asked = (task.side, task.steps) == (FULL.side, FULL.steps) and not task.tiny
    for name, goal in GOALS.items() if held_to_goals and asked else ():
        if name in measured:
            said.append((measured[name].seconds <= goal, f"{name} takes at most {goal} s"))
    print()
    for holds, what in said:
        print(f"{'holds' if holds else 'FAILS'}  {what}")
        keep("verdict", holds=holds, what=what)
    return not all(holds for holds, _what in said)


if __name__ == "__main__":
    main()
