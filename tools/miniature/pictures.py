"""Paints the training pictures, with a map of where their small things are."""

from __future__ import annotations

import json
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from backends.flux.sampling import SIZES
from backends.sandbox.backdrop import draw_mountains, draw_sky
from backends.sandbox.canvas import Canvas
from backends.sandbox.ground import draw_ground
from backends.sandbox.objects import draw_objects
from backends.sandbox.scene import Scene
from backends.sandbox.view import look
from tools.miniature.scenes import describe, draw_scene

BUCKETS = SIZES
SHARES = (0.55, 0.16, 0.13, 0.08, 0.08)
CAPTIONS = 6
PATCH = 16  # pixels along a side of what one token shows


def paint_scene(scene: Scene, size: tuple[int, int], key: str) -> tuple[np.ndarray, np.ndarray]:
    """The picture (height, width, 3) in bytes, and each token's share of small things (0..255)."""
    canvas = Canvas(*size)
    view = look(canvas, scene, key)
    draw_sky(view)
    mountains = scene.find("mountains")
    if mountains:
        draw_mountains(view, mountains)
    ground = draw_ground(view)
    before = canvas.pixels.copy()
    draw_objects(view, ground)
    mask = np.abs(canvas.pixels - before).max(axis=0) > 0.04
    if view.disc:
        rows, columns = np.mgrid[: size[1], : size[0]] / canvas.unit
        mask |= np.hypot(columns - view.disc.x, rows - view.disc.y) < view.disc.scale * 1.12
    pixels = np.clip(np.moveaxis(canvas.pixels, 0, 2) * 255 + 0.5, 0, 255).astype(np.uint8)
    blocks = mask.reshape(size[1] // PATCH, PATCH, size[0] // PATCH, PATCH).mean((1, 3))
    return pixels, (blocks * 255).astype(np.uint8)


def make_example(seed: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """One training example: picture, map of small things, captions."""
    chance = np.random.default_rng((seed, 5))
    scene = draw_scene(chance)
    pixels, mask = paint_scene(scene, size, f"miniature {seed}")
    return pixels, mask, [describe(scene, chance) for _ in range(CAPTIONS)]


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
            masks = np.empty((amount, height // PATCH, width // PATCH), np.uint8)
            captions: list[list[str]] = []
            for number, (picture, mask, told) in enumerate(results):
                pixels[number], masks[number] = picture, mask
                captions.append(told)
            name = f"{width}x{height}"
            np.save(folder / f"{name}.pictures.npy", pixels)
            np.save(folder / f"{name}.masks.npy", masks)
            (folder / f"{name}.captions.json").write_text(json.dumps(captions))
            first += amount
            print(f"painted {amount} of {name}", flush=True)


def _job(job: tuple[int, tuple[int, int]]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    return make_example(*job)
