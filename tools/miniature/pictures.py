"""Paints the training images, with a map of what is where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from sandbox.painter.backdrop import draw_mountains, draw_sky
from sandbox.painter.canvas import Canvas
from sandbox.painter.ground import draw_ground
from sandbox.painter.objects import draw_each
from sandbox.painter.scene import Scene
from sandbox.painter.view import View, look
from sandbox.painter.vocabulary import Kind
from tools.miniature.captions import describe
from tools.miniature.scenes import draw_scene

BUCKETS = ((192, 192), (240, 144), (144, 240), (304, 128), (128, 304))
"""Widths and heights that are trained."""
SHARES = (0.55, 0.16, 0.13, 0.08, 0.08)
CAPTIONS = 6
PATCH = 16  # pixels along a side of what one token shows
CELL = 4  # pixels along a side of what a map tells apart
CHANGED = 0.04  # how far a colour has to move, of 1, to count as painted over
GROUNDS: tuple[Kind, ...] = ("hills", "sea", "desert", "snow")
SMALL: tuple[Kind, ...] = (
    "sun", "moon", "house", "tree", "pines", "boat", "balloon", "birds", "flowers",
)  # fmt: skip
SHOWN: tuple[Kind, ...] = (*SMALL, "mountains", *GROUNDS)
"""The kinds that maps tell apart, the small ones first."""


def paint_scene(scene: Scene, size: tuple[int, int], key: str) -> tuple[np.ndarray, np.ndarray]:
    """The image (height, width, 3) in bytes, and a map of it in cells of `CELL` pixels.

    A cell of the map has the place in `SHOWN` of the kind at its middle, counted from 1; 0 is sky.
    """
    canvas = Canvas(*size)
    view = look(canvas, scene, key)
    shown = np.zeros((size[1], size[0]), np.uint8)
    draw_sky(view)
    if view.disc:
        rows, columns = (np.mgrid[: size[1], : size[0]] + 0.5) / canvas.unit
        inside = np.hypot(columns - view.disc.x, rows - view.disc.y) < view.disc.scale
        shown[inside] = SHOWN.index("sun" if scene.find("sun") else "moon") + 1
    before = canvas.pixels.copy()
    for kind in _draw_land(view):
        shown[np.abs(canvas.pixels - before).max(axis=0) > CHANGED] = SHOWN.index(kind) + 1
        before = canvas.pixels.copy()
    pixels = np.clip(np.moveaxis(canvas.pixels, 0, 2) * 255 + 0.5, 0, 255).astype(np.uint8)
    return pixels, shown[CELL // 2 :: CELL, CELL // 2 :: CELL]


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
    """One training example: image, map, captions."""
    chance = np.random.default_rng((seed, 5))
    scene = draw_scene(chance)
    pixels, shown = paint_scene(scene, size, f"miniature {seed}")
    return pixels, shown, [describe(scene, chance) for _ in range(CAPTIONS)]


def paint_all(folder: Path, count: int, processes: int) -> None:
    """Write images, maps and captions of every size bucket into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    first = 0
    with Pool(processes) as pool:
        for (width, height), share in zip(BUCKETS, SHARES, strict=True):
            amount = round(count * share)
            jobs = ((seed, (width, height)) for seed in range(first, first + amount))
            results = pool.imap(_job, jobs, chunksize=64)
            pixels = np.empty((amount, height, width, 3), np.uint8)
            maps = np.empty((amount, height // CELL, width // CELL), np.uint8)
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


def cells_of_tokens(maps: np.ndarray) -> np.ndarray:
    """Maps (images, rows, columns) as (images, token rows, token columns, cells of each)."""
    side = PATCH // CELL
    count, rows, columns = maps.shape
    blocks = maps.reshape(count, rows // side, side, columns // side, side)
    return blocks.transpose(0, 1, 3, 2, 4).reshape(
        count, rows // side, columns // side, side * side
    )


def small_things(cells: np.ndarray) -> np.ndarray:
    """The share of each token's cells (last axis) that show a small thing."""
    return ((cells > 0) & (cells <= len(SMALL))).mean(axis=-1, dtype=np.float32)


def discs(cells: np.ndarray) -> np.ndarray:
    """The share of each token's cells (last axis) that show a sun or moon."""
    return np.isin(cells, [SHOWN.index("sun") + 1, SHOWN.index("moon") + 1]).mean(
        axis=-1, dtype=np.float32
    )


def rims(cells: np.ndarray) -> np.ndarray:
    """1 for a token whose cells (last axis) show more than one kind, 0 for any other."""
    return (cells.max(axis=-1) != cells.min(axis=-1)).astype(np.float32)


def _job(job: tuple[int, tuple[int, int]]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    return make_example(*job)
