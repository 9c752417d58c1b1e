"""Paints the scenes on every core beforehand, in shards that a second run goes on from."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from sandbox.painter.scene import Scene
from sandbox.painter.vocabulary import COLOURS, Kind
from tools.miniature.captions import describe
from tools.miniature.pictures import CAPTIONS, CELL, SHOWN, paint_scene
from tools.miniature.scenes import draw_scene
from tools.miniature.words import encode_words

SIZES = ((256, 256), (320, 192), (192, 320), (384, 160), (160, 384))
"""Widths and heights that are trained."""
TURN = (0, 1, 0, 2, 0, 3, 0, 1, 0, 4, 0, 2, 0)
"""Which size each shard has, over and over."""
SHARD = 256
PARTS = ("pictures", "maps", "colours", "words")


@dataclass(frozen=True, slots=True)
class Shard:
    """One file for each part, all of one size."""

    folder: Path
    number: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its images."""
        return SIZES[TURN[self.number % len(TURN)]]

    def path(self, part: str) -> Path:
        """Where a part is."""
        return self.folder / f"{self.number:05}.{part}.npy"

    @property
    def done(self) -> bool:
        """Whether it is whole: the images are written last."""
        return self.path(PARTS[0]).exists()


def paint_shards(folder: Path, count: int, processes: int, seconds: float) -> int:
    """Write shards until there are `count` images or the time is over; tell how many."""
    folder.mkdir(parents=True, exist_ok=True)
    end = time.time() + seconds
    wanted = [Shard(folder, number) for number in range(-(-count // SHARD))]
    jobs = ((shard, end) for shard in wanted if not shard.done)
    with get_context("fork").Pool(processes) as pool:
        for made, _ in enumerate(pool.imap_unordered(_job, jobs), 1):
            if made % 40 == 0:
                print("shards", made, round(time.time() - end + seconds), "s", flush=True)
    return sum(shard.done for shard in wanted) * SHARD


def shards(folder: Path) -> list[Shard]:
    """The whole shards in the folder, in order."""
    numbers = sorted(int(path.name.split(".")[0]) for path in folder.glob("*.pictures.npy"))
    return [Shard(folder, number) for number in numbers]


def _job(job: tuple[Shard, float]) -> None:
    shard, end = job
    if time.time() < end:
        _write(shard)


def _write(shard: Shard) -> None:
    rows = list(_examples(shard))
    for part, values in reversed(list(zip(PARTS, zip(*rows, strict=True), strict=True))):
        fresh = shard.path(part).with_suffix(f".{os.getpid()}")
        with fresh.open("wb") as file:
            np.save(file, np.stack(values))
        fresh.replace(shard.path(part))


def _examples(shard: Shard) -> Iterator[tuple[np.ndarray, ...]]:
    """Image, map, colours of the kinds, and the captions' token ids."""
    for seed in range(shard.number * SHARD, (shard.number + 1) * SHARD):
        chance = np.random.default_rng((seed, 5))
        scene = draw_scene(chance)
        pixels, shown = paint_scene(scene, shard.size, f"miniature {seed}")
        told = [encode_words(describe(scene, chance), begins=False) for _ in range(CAPTIONS)]
        yield pixels, shown, colours_of(scene), np.stack(told)


def colours_of(scene: Scene) -> np.ndarray:
    """The colour of each kind in `SHOWN`, counted from 1; 0 where there is not one."""
    found = np.zeros(len(SHOWN), np.uint8)
    seen: set[Kind] = set()
    for thing in scene.things:
        if thing.kind not in SHOWN:
            continue
        place = SHOWN.index(thing.kind)
        one = thing.colour is not None and thing.kind not in seen
        found[place] = list(COLOURS).index(thing.colour) + 1 if one and thing.colour else 0
        seen.add(thing.kind)
    return found


def check(folder: Path) -> str:
    """What is there, in words."""
    whole = shards(folder)
    return f"{len(whole) * SHARD} pictures in cells of {CELL} pixels"
