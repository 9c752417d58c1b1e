"""Everything a GPU is needed for, in two runs of less than 400 s: memory first, then speed.

    OUT=folder python -m bench.device memory --keep    # a GPU with 80 GB or more, 128 GB of RAM
    OUT=folder python -m bench.device speed            # on the same machine, with the same model
    OUT=folder python -m bench.device memory --tiny    # a dry run, without a GPU too

What is timed runs alone; the rest shares the GPU in tracks, each with cores of its own. Every part
has a process and a limit of time of its own; what breaks or is late stops no other. Figures go to
`$OUT/figures.jsonl` as they come, what was said to `$OUT/*.log`, and a summary is printed last.
`--only` takes names of parts of both. `bench/README.md` has how packages come to a machine without
a network, and what was measured so far.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import chosen, keep
from bench.gpu_memory import ROWS

ROOT = Path(__file__).resolve().parents[1]
MODEL_GB = 42.0
"""Of the whole model and its GGUF file."""
LONGEST = 40
"""Lines of a part that are printed in the end."""
WRITTEN = "whole"


@dataclass(slots=True)
class Part:
    """A program with its limit in seconds, and what came of it."""

    name: str
    command: list[str]
    limit_s: float
    log: str
    model: bool = False
    """It needs the whole model on the disk."""
    code: int | None = None
    seconds: float = 0.0
    said: list[str] = field(default_factory=list)

    def run(self, ends: float, out: Path, cores: Sequence[int]) -> None:
        """Run it on these cores until it ends, its limit is over or all the time is."""
        limit_s = min(self.limit_s, ends - time.monotonic())
        if limit_s < 10:
            self.said.append("not reached in the time")
            return
        began = time.monotonic()
        with (out / f"{self.log}.log").open("a", encoding="utf-8") as log:
            log.write(f"\n== {self.name}: {' '.join(self.command[1:])}\n")
            log.flush()
            self._run(limit_s, log.fileno(), out, cores)
        self.seconds = time.monotonic() - began
        keep("part", name=self.name, code=self.code, seconds=self.seconds)
        print(f"{self.name}: ended with {self.code} after {self.seconds:.0f} s", flush=True)

    def _run(self, limit_s: float, log: int, out: Path, cores: Sequence[int]) -> None:
        told = {"OUT": str(out), "PYTHONUNBUFFERED": "1", "EVERY_TEST": "1"}
        told["OMP_NUM_THREADS"] = str(len(cores))
        process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            errors="replace",
            start_new_session=True,
            env={**os.environ, **told},
        )
        with contextlib.suppress(OSError, AttributeError):  # no such call, or ended already
            os.sched_setaffinity(process.pid, cores)
        timer = threading.Timer(limit_s, end, (process.pid,))
        timer.start()
        try:
            assert process.stdout
            for line in process.stdout:
                self.said.append(line.rstrip())
                os.write(log, line.encode())
            self.code = process.wait()
        finally:
            timer.cancel()
            end(process.pid)


def end(group: int) -> None:
    """End a process and all that it started."""
    import signal

    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def parts(folder: Path, *, tiny: bool) -> dict[str, Part]:
    """Return every part by its name; limits are half as long again as the parts took."""
    model, dry = str(folder), ["--tiny"] if tiny else []

    def part(
        name: str,
        limit_s: float,
        log: str,
        *command: str,
        of_model: bool = False,
        dries: bool = True,
    ) -> Part:
        whole = [sys.executable, "-m", *command, *(dry if dries else ())]
        return Part(name, whole, limit_s, log, of_model)

    def race(name: str, limit_s: float, ways: str) -> Part:
        rounds = [] if tiny else ["--rounds", "2", "--limit", f"{limit_s - 5:.0f}"]
        return part(name, limit_s, "alone", "bench.gpu", "--ways", ways, *rounds)

    def rows(name: str, limit_s: float, rows: Sequence[str]) -> Part:
        limit = ["--limit", f"{limit_s - 5:.0f}", "--rows", "; ".join(rows)]
        return part(name, limit_s, name, "bench.gpu_memory", model, *limit, of_model=True)

    tests = ("pytest", "-q", "-p", "no:cacheprovider", "--tb=short", "--show-capture=no")
    seeds = ("--seeds", "2") if tiny else ()
    made = (
        part("model", 110, "first", "bench.full_model", model, "--gguf"),
        part("tests", 110, "first", *tests, "tests/backends/local", dries=False),
        rows("rows in bf16", 270, [row.name for row in ROWS if row.kind == "bf16"]),
        rows("rows in 4 bits", 290, [row.name for row in ROWS if row.kind == "4 bits"]),
        part("serve", 100, "rest", "bench.gpu_serve", model, of_model=True),
        part("behaviour", 90, "rest", "bench.gpu_behaviour", model, of_model=True),
        part("loss", 90, "rest", "bench.loss", "--ways", "turbo", *seeds, dries=False),
        race("compiled", 90, "compiled"),
        race("turbo", 80, "turbo"),
        part("variants", 100, "alone", "bench.gpu_variants", "--limit", "80"),
        race("exact", 100, "bare diffusers; exact; exact, previews"),
        race("fp8", 200, "fp8, compiled"),
        rows("rows in fp8", 150, [row.name for row in ROWS if row.kind == "fp8"]),
        part("loss of fp8", 150, "rest", "bench.loss", "--ways", "fp8", *seeds, dries=False),
        part("loss, full", 150, "rest", "bench.loss", "--full", "--seeds", "10", dries=False),
    )
    return {one.name: one for one in made if not (tiny and one.name == "loss, full")}


CALLS = {
    "memory": (
        (("model",), ("tests",)),
        (("rows in 4 bits",), ("rows in bf16",), ("serve", "behaviour", "loss")),
    ),
    "speed": (
        (("compiled", "turbo", "variants", "exact"),),
        (("fp8",), ("rows in fp8",), ("loss, full",), ("loss of fp8",)),
    ),
}
"""Stages follow each other; the tracks of a stage run side by side.

fp8 comes last and in company: it was not through after 100 s, and shows first whether it works."""


def main() -> None:
    """Run what was asked for and print what it said."""
    parser = argparse.ArgumentParser(prog="python -m bench.device")
    parser.add_argument("call", choices=sorted(CALLS))
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--limit", type=float, default=390.0, help="seconds for all of it")
    parser.add_argument("--only", default="", help="names of parts, separated by semicolons")
    parser.add_argument("--keep", action="store_true", help="leave the model for another run")
    given = parser.parse_args()
    ends = time.monotonic() + given.limit
    out = Path(os.environ.get("OUT") or tempfile.mkdtemp(prefix="device-"))
    out.mkdir(parents=True, exist_ok=True)
    os.environ["OUT"] = str(out)
    folder = place(tiny=given.tiny)
    every = parts(folder, tiny=given.tiny)
    stages = [
        [[every[one] for one in track if one in every] for track in stage]
        for stage in CALLS[given.call]
    ]
    wanted = chosen(
        given.only, (part.name for stage in stages for track in stage for part in track)
    )
    try:
        for stage in stages:
            here = (folder / WRITTEN).exists()
            tracks = [[part for part in track if part.name in wanted] for track in stage]
            run(tracks, ends, out, model=here)
            if not here and every["model"].code == 0:
                (folder / WRITTEN).touch()
    finally:
        if not given.keep:
            shutil.rmtree(folder, ignore_errors=True)
        for line in summary([every[name] for name in every if name in wanted]):
            print(line)


def run(tracks: Sequence[Sequence[Part]], ends: float, out: Path, *, model: bool) -> None:
    """Run tracks side by side and wait for them; `model` says whether it is there already."""

    def through(track: Sequence[Part], cores: Sequence[int]) -> None:
        for part in track:
            if part.model and not model:
                part.said.append("there is no model: run the part of that name first, with --keep")
            elif part.name == "model" and model:
                part.said.append("it is there already")
            else:
                part.run(ends, out, cores)

    busy = [track for track in tracks if track]
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    shares = [cores[number :: len(busy)] or cores for number in range(len(busy))]
    threads = [
        threading.Thread(target=through, args=pair) for pair in zip(busy, shares, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def place(*, tiny: bool) -> Path:
    """Return a folder for the model: in memory if there is room for it, else on the disk."""
    if tiny:
        return Path(tempfile.gettempdir()) / "bench-device-tiny"
    shared = Path("/dev/shm")
    if os.geteuid() == 0:
        grow = ["mount", "-o", f"remount,size={MODEL_GB + 8:.0f}G", str(shared)]
        subprocess.run(grow, check=False, capture_output=True)
    for folder in (shared, Path(tempfile.gettempdir())):
        if folder.is_dir() and shutil.disk_usage(folder).free > MODEL_GB * 1e9:
            return folder / "bench-device"
    return Path(tempfile.gettempdir()) / "bench-device"


def summary(made: Sequence[Part]) -> Iterator[str]:
    """Yield what each part said, its last lines if those are many."""
    for part in made:
        yield f"\n== {part.name} ({part.seconds:.0f} s, ended with {part.code})"
        yield from part.said[-LONGEST:]


if __name__ == "__main__":
    main()
