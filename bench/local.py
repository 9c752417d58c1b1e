"""What our local backend adds to a bare diffusers call, on a pipeline with random weights.

`python -m bench.local` needs requirements-local.txt. Both paint 1024 x 1024 with the same seeds,
one after the other in turn, in one process; the pixels must be the same. Ours is the whole backend:
events, previews, cancel, the PNG at the end.
"""

import argparse
import asyncio
import io
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PIL import Image, ImageChops

from backends import Settings, local
from backends.local import preview
from core.events import Finished, Preview
from core.parsing import parse
from tools.random_flux import make

PROMPT = "a lighthouse above a teal sea at sunset"
MOST = {"ours, one preview": 1.03, "ours, four previews a second": 1.05}


class Bare:
    """diffusers as its documentation calls it."""

    def __init__(self, folder: Path) -> None:
        from diffusers import FluxPipeline

        self.pipe = FluxPipeline.from_pretrained(folder)
        self.pipe.set_progress_bar_config(disable=True)

    def paint(self, side: int, steps: int, seed: int) -> Image.Image:
        import torch

        return self.pipe(
            PROMPT,
            width=side,
            height=side,
            num_inference_steps=steps,
            guidance_scale=3.5,
            generator=torch.Generator("cpu").manual_seed(seed),
        ).images[0]


class Ours:
    """The backend as the studio drives it, on an event loop of its own."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.backend = local.create(Settings(local_model=str(folder)))
        self.previews = 0
        self.loop.run_until_complete(self.backend.load())

    def paint(self, side: int, steps: int, seed: int) -> Image.Image:
        wish = {"prompt": PROMPT, "width": side, "height": side, "steps": steps, "seed": seed}
        params = parse(self.backend.tasks["text-to-image"], wish)

        async def told() -> list[Any]:
            return [event async for event in self.backend.generate(params)]

        events = self.loop.run_until_complete(told())
        self.previews += sum(isinstance(event, Preview) for event in events)
        assert isinstance(events[-1], Finished)
        return Image.open(io.BytesIO(events[-1].image))


def timed(work: Any) -> tuple[float, float, Any]:
    """Return the seconds on the wall, those of the processor, and what the work made."""
    wall, processor = time.perf_counter(), time.process_time()
    found = work()
    return time.perf_counter() - wall, time.process_time() - processor, found


def race(bare: Bare, ours: Ours, wish: argparse.Namespace, every_s: float) -> tuple[float, float]:
    """Return the medians of ours / bare: seconds on the wall, seconds of the processor."""
    preview.EVERY_S = every_s
    walls, processors = [], []
    for seed in range(wish.rounds):
        order = (bare, ours) if seed % 2 else (ours, bare)
        found = {
            one: timed(lambda one=one, seed=seed: one.paint(wish.side, wish.steps, seed))
            for one in order
        }
        assert ImageChops.difference(found[ours][2], found[bare][2]).getbbox() is None, "pixels"
        walls.append(found[ours][0] / found[bare][0])
        processors.append(found[ours][1] / found[bare][1])
    return statistics.median(walls), statistics.median(processors)


def main() -> None:
    """Race, print, and end with status 1 when a limit is passed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--side", type=int, default=1024)
    arguments.add_argument("--steps", type=int, default=28)
    arguments.add_argument("--rounds", type=int, default=15)
    wish = arguments.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = make(Path(place))
        bare, ours = Bare(folder), Ours(folder)
        for one in (bare, ours):  # the first run pays for what is set up once
            one.paint(wish.side, 1, 0)
        failed = False
        for (name, most), every_s in zip(MOST.items(), (float("inf"), 0.25), strict=True):
            ours.previews = 0
            wall, processor = race(bare, ours, wish, every_s)
            holds = wall <= most
            failed |= not holds
            print(
                f"{'holds' if holds else 'FAILS'}  {name}: {wall:.4f} of the bare call's seconds, "
                f"{processor:.4f} of its processor time (at most {most}); "
                f"{ours.previews / wish.rounds:.1f} previews a picture; the same pixels"
            )
    sys.exit(failed)


if __name__ == "__main__":
    main()
