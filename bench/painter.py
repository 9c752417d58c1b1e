"""Prints the milliseconds the sandbox's painter takes for a 1024 x 1024 image on one core."""

import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["OMP_NUM_THREADS"] = "1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

from sandbox.painter.painter import paint

PROMPTS = {
    "plain": "blue sky, green hills",
    "busy": "sunset with clouds and birds, snowy blue mountains, a lake, three sailboats, "
    "a village, a pine forest, two balloons and flowers",
    "night": "starry night, a big moon, mountains, the sea and a red boat",
    "four steps": "a cabin by the lake",
}
RUNS = 10


def main() -> None:
    """Measure every prompt and print the median of its runs."""
    for name, prompt in PROMPTS.items():
        steps = 4 if name == "four steps" else 28
        times = []
        for seed in range(RUNS + 1):
            start = time.perf_counter()
            paint(prompt, 1024, 1024, steps=steps, guidance=5.0, seed=seed)
            times.append(time.perf_counter() - start)
        # The first run pays for imports and caches.
        print(f"{name:10} {statistics.median(times[1:]) * 1000:6.0f} ms")


if __name__ == "__main__":
    main()
