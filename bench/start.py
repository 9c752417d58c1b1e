"""Seconds from `python app.py` to the page's first HTTP 200, against the smallest Gradio app.

    python -m bench.start [--runs 5]

Both run with the same interpreter and Gradio, one after the other in turns, each in a folder of
its own; the playground begins with an empty data folder every time. The first run of each pays
for cold files and does not count. Exits with 1 when ours takes more than 1.25 times as long.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from bench.delay import free_port

ROOT = Path(__file__).resolve().parents[1]
MOST = 1.25
PATIENCE_S = 120
BARE = """
import gradio as gr

with gr.Blocks() as demo:
    gr.Textbox()
demo.launch()
"""


def main() -> None:
    """Measure both in turns and print the medians and their ratio."""
    parser = argparse.ArgumentParser(prog="python -m bench.start")
    parser.add_argument("--runs", type=int, default=5, help="counted starts of each")
    runs = parser.parse_args().runs
    times: dict[str, list[float]] = {"bare Gradio app": [], "playground": []}
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE, encoding="utf-8")
        programs = {"bare Gradio app": bare, "playground": ROOT / "app.py"}
        for turn in range(runs + 1):
            for name, program in programs.items():
                place = Path(folder) / f"{program.stem}-{turn}"
                place.mkdir()
                seconds = start(program, place)
                if turn:
                    times[name].append(seconds)
    medians = {name: statistics.median(found) for name, found in times.items()}
    for name, found in times.items():
        listed = "  ".join(f"{seconds:.2f}" for seconds in found)
        print(f"{name:16} {medians[name]:5.2f} s   ({listed})")
    ratio = medians["playground"] / medians["bare Gradio app"]
    print(f"ratio            {ratio:5.2f}     (at most {MOST})")
    sys.exit(ratio > MOST)


def start(program: Path, folder: Path) -> float:
    """Start a program in `folder`; return the seconds until its page answered 200."""
    port = free_port()
    names = ("GRADIO_", "SRPO_", "WAVESPEED_", "SIRAYA_", "DATABASE_URL", "STORAGE_URL")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    # Without it Gradio asks the network for its newest version, which is no part of a start.
    quiet = {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": str(folder / "temp")}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, str(program)],
        cwd=folder,
        env=plain | quiet | {"GRADIO_SERVER_PORT": str(port)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        return answered(f"http://127.0.0.1:{port}/", process) - began
    finally:
        process.kill()
        process.wait()


def answered(address: str, process: subprocess.Popen[bytes]) -> float:
    """Return the instant at which the page answered 200."""
    end = time.perf_counter() + PATIENCE_S
    with httpx.Client(timeout=PATIENCE_S) as client:
        while time.perf_counter() < end and process.poll() is None:
            try:
                if client.get(address).status_code == 200:
                    return time.perf_counter()
            except httpx.TransportError:
                time.sleep(0.02)
    raise RuntimeError(f"no page at {address}")


if __name__ == "__main__":
    main()
