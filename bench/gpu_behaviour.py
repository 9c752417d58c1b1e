"""What a GPU is asked besides speed: cancel, memory that stays flat, a card that is full, a reload.

    python -m bench.gpu_behaviour FOLDER    # a model by bench.full_model
    python -m bench.gpu_behaviour FOLDER --tiny

The backend as the studio drives it, at speed `exact`. Exits with 1 when something does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import io
import sys
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from backends.local import Local, machine
from backends.local.loading import Wish
from backends.local.source import Source
from bench.figures import keep
from bench.gpu_ways import fingerprint
from core.backend import Readiness
from core.errors import BackendError
from core.events import Finished, Running
from core.parsing import parse
from core.pictures import load as picture_of

PROMPT = "a lighthouse above a teal sea at sunset"
SPARE = 64 * 2**20
"""Bytes that torch may still take on a card that is full."""
FLAT_GB = 0.01
LEFT_GB = 0.1
"""What may stay on the card when a model is let go."""


@dataclass(slots=True)
class Bench:
    """A loaded backend, and what was found of it."""

    folder: Path
    side: int
    steps: int
    backend: Local = field(init=False)
    failed: bool = False

    async def load(self) -> float:
        """Load the model; returns the seconds."""
        look = Readiness("not loaded")
        self.backend = Local(Source(str(self.folder)), Wish(speed="exact"), lambda: look)
        began = time.perf_counter()
        await self.backend.load()
        if problem := self.backend.problem():
            raise SystemExit(problem)
        return time.perf_counter() - began

    def check(self, holds: bool, what: str) -> None:
        """Print and keep a finding."""
        self.failed |= not holds
        print(f"{'holds' if holds else 'FAILS'}  {what}", flush=True)
        keep("behaviour", holds=holds, what=what)

    async def paint(
        self, on_step: Callable[[Running], Any] = lambda _event: None, **wish: Any
    ) -> tuple[Finished, int]:
        """Return what came of a wish, and how many steps were told."""
        task = "image-to-image" if "image" in wish else "text-to-image"
        kind = self.backend.tasks[task]
        steps = 0
        async with aclosing(self.backend.generate(parse(kind, {"prompt": PROMPT, **wish}))) as told:
            async for event in told:
                if isinstance(event, Running) and event.step:
                    steps = event.step
                    on_step(event)
                if isinstance(event, Finished):
                    return event, steps
        raise RuntimeError("it ended without an image")

    def square(self, steps: int, seed: int = 0, side: int = 0) -> dict[str, Any]:
        """Return a wish for a square from words."""
        size = side or self.side
        return {"width": size, "height": size, "steps": steps, "guidance": 3.5, "seed": seed}


async def changes(bench: Bench) -> None:
    """Image to image: the size of the given image, the steps of the strength."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize((bench.side, bench.side * 3 // 4)).convert("RGB").save(
        file, "PNG"
    )
    given = picture_of(file.getvalue())
    found = {}
    for strength in (0.3, 0.5, 1.0):
        wish = {"image": given, "strength": strength, "steps": 8, "guidance": 3.5, "seed": 1}
        finished, steps = await bench.paint(**wish)
        size = Image.open(io.BytesIO(finished.image)).size
        found[strength] = (size, steps, fingerprint(finished.image))
    size = (bench.side, bench.side * 3 // 4)
    told = [(one[0], one[1]) for one in found.values()]
    right = told == [(size, 3), (size, 4), (size, 8)]
    bench.check(right, f"image to image: strength 0.3, 0.5 and 1 of 8 steps: {told}")
    bench.check(len({one[2] for one in found.values()}) == 3, "each strength has its own pixels")


async def cancels(bench: Bench) -> None:
    """A visitor who leaves frees the GPU within a step."""
    await bench.paint(**bench.square(2))
    before = memory()[0]
    began = time.perf_counter()
    await bench.paint(**bench.square(bench.steps))
    step_s = (time.perf_counter() - began) / bench.steps
    stream = bench.backend.generate(
        parse(bench.backend.tasks["text-to-image"], {"prompt": PROMPT, **bench.square(28)})
    )
    async for event in stream:
        if isinstance(event, Running) and event.step == 3:
            break
    began = time.perf_counter()
    await stream.aclose()  # type: ignore[attr-defined]
    await bench.backend._worker.run(lambda: None)
    free_s = time.perf_counter() - began
    # One step is under way when the cancel comes, and one more is in the GPU's queue.
    said = f"cancel frees the GPU after {free_s:.3f} s; a step takes {step_s:.3f} s"
    bench.check(free_s <= 2 * step_s + 0.1, said)
    gc.collect()
    bench.check(abs(memory()[0] - before) <= FLAT_GB, "and nothing of it stays in memory")


async def stays_flat(bench: Bench, images: int) -> None:
    """Many images one after another: memory does not grow."""
    seen = []
    for seed in range(images):
        await bench.paint(**bench.square(2, seed, min(bench.side, 256)))
        if seed + 1 in (10, images):
            gc.collect()
            seen.append(memory())
    grown = [after - before for before, after in zip(*seen, strict=True)]
    said = "tensors {:+.3f} GB, torch holds {:+.3f} GB, process {:+.3f} GB".format(*grown)
    bench.check(grown[0] <= FLAT_GB and grown[1] <= FLAT_GB and grown[2] <= LEFT_GB, said)
    print(f"       from image 10 to image {images}")


async def survives(bench: Bench) -> None:
    """A card that fills up in the midst of an image: one sentence, and the next image works.

    Filled is what torch may take in this process: others may be measured on the same card.
    """
    import torch

    wish = bench.square(4, 5)
    before = fingerprint((await bench.paint(**wish))[0].image)
    total = torch.cuda.mem_get_info()[1]

    def fill(_event: Running) -> None:
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(
            min(1.0, (torch.cuda.memory_reserved() + SPARE) / total)
        )

    try:
        finished, _steps = await bench.paint(fill, **wish)
        bench.check(
            True, f"a full card: it fitted all the same, tiled: {finished.ran.get('tiled')}"
        )
    except BackendError as error:
        said = f"{error} {error.advice}"
        bench.check("memory is too small" in said, f"a full card: {said}")
    torch.cuda.set_per_process_memory_fraction(1.0)
    after = fingerprint((await bench.paint(**wish))[0].image)
    bench.check(after == before, "the next image has the same pixels as before")


async def lets_go(bench: Bench) -> None:
    """A model that is let go leaves the card, and can be loaded again."""
    wish = bench.square(4, 6)
    before = fingerprint((await bench.paint(**wish))[0].image)
    await bench.backend.aclose()
    gc.collect()
    machine.release(machine.detect().device)
    left = memory()[0]
    bench.check(left <= LEFT_GB, f"after it is let go {left:.3f} GB are left on the card")
    took = await bench.load()
    again = fingerprint((await bench.paint(**wish))[0].image)
    bench.check(again == before, f"loaded again in {took:.1f} s it paints the same pixels")


def memory() -> tuple[float, float, float]:
    """Return what tensors take, what torch holds, and what the process has in RAM, in GB."""
    import torch

    own = psutil.Process().memory_info().rss / 1e9
    if not torch.cuda.is_available():
        return 0.0, 0.0, own
    return torch.cuda.memory_allocated() / 1e9, torch.cuda.memory_reserved() / 1e9, own


async def run(bench: Bench, images: int) -> None:
    """Check one thing after another; what breaks is a finding and stops no other."""
    import torch

    print(f"loaded in {await bench.load():.1f} s: {bench.backend.readiness().sentence}")
    checks: list[Callable[[], Any]] = [
        lambda: changes(bench),
        lambda: cancels(bench),
        lambda: stays_flat(bench, images),
        lambda: survives(bench),
        lambda: lets_go(bench),
    ]
    if not torch.cuda.is_available():
        del checks[3]
        print("       a full card needs a GPU")
    for check in checks:
        try:
            await check()
        except Exception as error:  # noqa: BLE001 - it is a finding
            bench.check(False, f"{type(error).__name__}: {error}"[:300])


def main() -> None:
    """Read the command line, check everything."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu_behaviour")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--images", type=int, default=100)
    given = parser.parse_args()
    bench = Bench(given.folder, 128 if given.tiny else 1024, 8)
    asyncio.run(run(bench, given.images))
    sys.exit(bench.failed)


if __name__ == "__main__":
    main()
