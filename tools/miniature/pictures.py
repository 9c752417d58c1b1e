"""Paints the training pictures, with a map of what is where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from backends.flux.sampling import SIZES
from backends.sandbox.backdrop import draw_mountains, draw_sky
from backends.sandbox.canvas import Canvas
from backends.sandbox.ground import draw_ground
from backends.sandbox.objects import draw_each
from backends.sandbox.scene import Scene
from backends.sandbox.view import View, look
from backends.sandbox.words import Kind
from tools.miniature.scenes import describe, draw_scene

BUCKETS = SIZES
SHARES = (0.55, 0.16, 0.13, 0.08, 0.08)
CAPTIONS = 6
PATCH = 16  # pixels along a side of what one token shows
CHANGED = 0.04  # how far a colour has to move, of 1, to count as painted over
GROUNDS: tuple[Kind, ...] = ("hills", "sea", "desert", "snow")
SMALL: tuple[Kind, ...] = (
    "sun", "moon", "house", "tree", "pines", "boat", "balloon", "birds", "flowers",
)  # fmt: skip
SHOWN: tuple[Kind, ...] = (*SMALL, "mountains", *GROUNDS)
"""The kinds that maps tell apart, in the order of a map's channels; the small ones first."""


def paint_scene(scene: Scene, size: tuple[int, int], key: str) -> tuple[np.ndarray, np.ndarray]:
    """The picture (height, width, 3) and each token's share of every kind of `SHOWN`, in bytes."""
    canvas = Canvas(*size)
    view = look(canvas, scene, key)
    areas = np.zeros((len(SHOWN), size[1], size[0]), bool)
    draw_sky(view)
    if view.disc:
        rows, columns = np.mgrid[: size[1], : size[0]] / canvas.unit
        near = np.hypot(columns - view.disc.x, rows - view.disc.y) < view.disc.scale * 1.12
        areas[SHOWN.index("sun" if scene.find("sun") else "moon")] = near
    before = canvas.pixels.copy()
    for kind in _draw_land(view):
        over = np.abs(canvas.pixels - before).max(axis=0) > CHANGED
        areas[:, over] = False
        areas[SHOWN.index(kind), over] = True
        before = canvas.pixels.copy()
    pixels = np.clip(np.moveaxis(canvas.pixels, 0, 2) * 255 + 0.5, 0, 255).astype(np.uint8)
    blocks = areas.reshape(len(SHOWN), size[1] // PATCH, PATCH, size[0] // PATCH, PATCH)
    return pixels, (blocks.mean((2, 4)) * 255).astype(np.uint8).transpose(1, 2, 0)


def _draw_land(view: View) -> Iterator[Kind]:
    """Draw everything below the sky, and tell the kind of each part once it is there."""
    mountains = view.scene.find("mountains")
    if mountains:
        draw_mountains(view, mountains)
        yield "mountains"
    ground = draw_ground(view)
    yield next(thing.kind for thing in view.scene.things if thing.kind in GROUNDS)
    yield from draw_each(view, ground)


def make_example(seed: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """One training example: picture, map, captions."""
    chance = np.random.default_rng((seed, 5))
    scene = draw_scene(chance)
    pixels, shown = paint_scene(scene, size, f"miniature {seed}")
    return pixels, shown, [describe(scene, chance) for _ in range(CAPTIONS)]


def paint_all(folder: Path, count: int, processes: int) -> None:
    """Write pictures, maps and captions of every size bucket into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    first = 0
    with Pool(processes) as pool:
        for (width, height), share in zip(BUCKETS, SHARES, strict=True):
            amount = round(count * share)
            jobs = ((seed, (width, height)) for seed in range(first, first + amount))
            results = pool.imap(_job, jobs, chunksize=64)
            pixels = np.empty((amount, height, width, 3), np.uint8)
            maps = np.empty((amount, height // PATCH, width // PATCH, len(SHOWN)), np.uint8)
            captions: list[list[str]] = []
            for number, (picture, shown, told) in enumerate(results):
                pixels[number], maps[number] = picture, shown
                captions.append(told)
            name = f"{width}x{height}"
            np.save(folder / f"{name}.pictures.npy", pixels)
            np.save(folder / f"{name}.maps.npy", maps)
            (folder / f"{name}.captions.json").write_text(json.dumps(captions))
            first += amount
            print(f"painted {amount} of {name}", flush=True)


def small_things(folder: Path, name: str) -> np.ndarray:
    """Each token's share of small things (pictures, rows, columns), 0..255, of a bucket."""
    maps = np.load(folder / f"{name}.maps.npy", mmap_mode="r")[..., : len(SMALL)]
    return np.minimum(maps.sum(axis=-1, dtype=np.uint16), 255).astype(np.uint8)


def _job(job: tuple[int, tuple[int, int]]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    return make_example(*job)
