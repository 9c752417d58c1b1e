"""How far `turbo` and fp8 are from `exact`: in pixels, and by how much of the structure is kept.

    python -m bench.loss               # the miniature: small, but its weights are trained
    python -m bench.loss --full        # FLUX.1's size on a GPU, random weights
    python -m bench.loss --ways fp8    # some of the ways, beside exact

The miniature is loaded through diffusers and driven by the local backend, 128 x 128 in 28 steps.
Its turbo is the one users get: the first-block cache decides by itself. It has few blocks, so a
skipped step saves less of it and costs other images than with FLUX.1. Random weights of the
full size tell the error of fp8's arithmetic where nothing is trained to be robust, and with
turbo what skipping as often as FLUX.1 does comes to for a network whose steps are not alike: it is
an upper bound rather than what SRPO loses. Neither is a figure of SRPO itself.

`apart` is the mean absolute difference of two images of one seed, of 255; `structure` their mean
SSIM on grey values in windows of 8 x 8, 1 for the same image. Medians over the seeds, and the
worst.
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from backends.local import loading, machine
from backends.local.loading import Wish
from backends.local.order import Order
from backends.local.source import Source
from bench import full_flux
from bench.figures import chosen, keep
from bench.gpu_ways import Ours, Task, counted
from core.errors import NotReadyError
from core.events import Finished

STEPS = 28
WINDOW = 8
PROMPTS = (
    "a lighthouse above a teal sea at sunset",
    "a red house beside a tree on green hills",
    "snowy mountains under a violet sky",
    "a small boat on a blue lake, big yellow sun on the left",
    "a desert at night with a white moon",
)
WISHES = {
    "exact": Wish("auto", "exact"),
    "compiled": Wish("auto", "compiled"),
    "turbo": Wish("auto", "turbo"),
    "fp8": Wish("fp8", "compiled"),
}
Paint = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Loss:
    """What a way loses over the seeds."""

    apart: float
    worst_apart: float
    structure: float
    worst_structure: float


def structure(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean SSIM of two grey images of the same shape, values 0..255."""
    high, wide = (side - side % WINDOW for side in one.shape)
    grids = [
        image[:high, :wide]
        .astype(np.float64)
        .reshape(high // WINDOW, WINDOW, wide // WINDOW, WINDOW)
        .transpose(0, 2, 1, 3)
        .reshape(-1, WINDOW * WINDOW)
        for image in (one, other)
    ]
    means = [grid.mean(1) for grid in grids]
    spreads = [grid.var(1) for grid in grids]
    together = (grids[0] * grids[1]).mean(1) - means[0] * means[1]
    light, contrast = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    bright = (2 * means[0] * means[1] + light) / (means[0] ** 2 + means[1] ** 2 + light)
    return float((bright * (2 * together + contrast) / (spreads[0] + spreads[1] + contrast)).mean())


def lost(exact: list[np.ndarray], other: list[np.ndarray]) -> Loss:
    """Compare images (height, width, 3) of the same seeds in pairs."""
    pairs = list(zip(exact, other, strict=True))
    distances = [float(np.abs(a.astype(int) - b.astype(int)).mean()) for a, b in pairs]
    kept = [structure(grey(a), grey(b)) for a, b in pairs]
    return Loss(statistics.median(distances), max(distances), statistics.median(kept), min(kept))


def grey(image: np.ndarray) -> np.ndarray:
    """Return the brightness as eyes weigh colours."""
    return image @ np.array([0.299, 0.587, 0.114])


def miniature(folder: Path) -> Path:
    """Write the shipped miniature as a diffusers pipeline and return its folder."""
    from backends.miniature import FOLDER
    from tools.miniature.export import pipeline
    from tools.miniature.unpack import unpack

    unpack(FOLDER, folder / "checkpoint")
    pipeline(folder / "checkpoint").save_pretrained(folder / "pipeline")
    return folder / "pipeline"


class Small:
    """The miniature in one of the ways."""

    def __init__(self, folder: Path, wish: Wish, side: int) -> None:
        self._side = side
        self._model = loading.load(Source(str(folder)), wish, lambda _readiness: None)
        self.transformer = self._model._pipes[False].transformer

    def paint(self, seed: int) -> bytes:
        """Return a file."""
        told: list[Any] = []
        order = Order(
            PROMPTS[seed % len(PROMPTS)], (self._side, self._side), STEPS, 3.5, 1000 + seed
        )
        self._model.paint(order, told.append, lambda: False)
        assert isinstance(told[-1], Finished)
        return told[-1].image


class Full:
    """The full size with random weights, which all ways share: fp8 comes last, for it stays."""

    def __init__(self, made: dict[str, Any], wish: Wish, side: int) -> None:
        self._task = Task(side, STEPS, 1, tiny=False)
        self._ours = Ours(self._task, wish, made, float("inf"))
        self.transformer = made["transformer"]

    def paint(self, seed: int) -> bytes:
        """Return a file."""
        return bytes(self._ours.paint(self._task, 1000 + seed))


def race(name: str, ways: dict[str, Callable[[], Any]], seeds: int) -> None:
    """Print what each way loses against the first of them."""
    print(f"\n{name}, {seeds} seeds\n{'way':10} {'apart':>7} {'worst':>7} {'structure':>10} worst")
    exact: list[np.ndarray] = []
    for label, make in ways.items():
        try:
            way = make()
        except NotReadyError as error:
            print(f"{label:10} {error}", flush=True)
            continue
        ran = counted(way.transformer)
        images = [pixels(way.paint(seed)) for seed in range(seeds)]
        whole = len(ran) / seeds
        exact = exact or images
        found = lost(exact, images)
        keep("loss", model=name, way=label, seeds=seeds, whole=whole, **asdict(found))
        print(
            f"{label:10} {found.apart:7.2f} {found.worst_apart:7.2f} {found.structure:10.4f} "
            f"{found.worst_structure:.4f}  {whole:.1f} of {STEPS} steps whole",
            flush=True,
        )


def pixels(file: bytes) -> np.ndarray:
    """Return the image (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))


def main() -> None:
    """Compare the miniature's ways, or those of the full size."""
    parser = argparse.ArgumentParser(prog="python -m bench.loss")
    parser.add_argument("--full", action="store_true", help="a GPU with 40 GB")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--side", type=int, help="128 if not given, 512 with --full")
    parser.add_argument("--ways", default="", help="names of ways, separated by semicolons")
    given = parser.parse_args()
    wishes = {name: WISHES[name] for name in chosen(given.ways, WISHES)}
    wishes = {"exact": WISHES["exact"], **wishes}  # from which the others are measured
    machine.prepare()
    device = machine.detect().device
    if given.full:
        import torch

        made = full_flux.parts(device, torch.bfloat16, tiny=False)
        full = {
            name: (lambda wish=wish: Full(made, wish, given.side or 512))
            for name, wish in wishes.items()
        }
        race("FLUX.1's size, random weights", full, given.seeds)
        return
    with tempfile.TemporaryDirectory() as place:
        folder = miniature(Path(place))
        small = {
            name: (lambda wish=wish: Small(folder, wish, given.side or 128))
            for name, wish in wishes.items()
        }
        race("the miniature, trained", small, given.seeds)


if __name__ == "__main__":
    main()
