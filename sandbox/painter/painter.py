"""Paints landscapes that follow a prompt: the sandbox's stand-in for an image model."""

import math
from dataclasses import dataclass
from typing import TypedDict, Unpack

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sandbox.painter.backdrop import draw_mountains, draw_sky
from sandbox.painter.canvas import Canvas, Floats
from sandbox.painter.composition import complete, dice
from sandbox.painter.ground import draw_ground
from sandbox.painter.objects import draw_objects
from sandbox.painter.scene import read
from sandbox.painter.view import look

CLEAN_STEPS = 20
PLAIN_GUIDANCE = 3.5
BAND = 64  # rows that are finished together, so that they stay in the processor's cache


class Dials(TypedDict, total=False):
    """How to paint: `steps` 1.. (default 28), `guidance` 0.. (3.5), `seed` (0)."""

    steps: int
    guidance: float
    seed: int


@dataclass(frozen=True, slots=True)
class _Settings:
    steps: int = 28
    guidance: float = PLAIN_GUIDANCE
    seed: int = 0


def paint(prompt: str, width: int, height: int, **dials: Unpack[Dials]) -> Image.Image:
    """A new RGB image of exactly this size; the same arguments give the same pixels anywhere."""
    settings = _Settings(**dials)
    wish = read(prompt)
    key = "\x1f".join((str(settings.seed), *wish.unknown))
    canvas = Canvas(width, height)
    view = look(canvas, complete(wish, key, settings.guidance), key)
    draw_sky(view)
    mountains = view.scene.find("mountains")
    if mountains:
        draw_mountains(view, mountains)
    draw_objects(view, draw_ground(view))
    pixels = _unfinished(canvas.pixels, settings, key)
    return _developed(pixels, settings.guidance, key)


def repaint(
    picture: Image.Image, prompt: str, *, strength: float, **dials: Unpack[Dials]
) -> Image.Image:
    """The image changed towards the prompt: strength 0 keeps every pixel, 1 keeps nothing."""
    old = picture.convert("RGB")
    if strength <= 0:
        return old
    new = paint(prompt, old.width, old.height, **dials)
    if strength >= 1:
        return new
    before, after = _planes(old), _planes(new)
    # The new image first borrows the old one's broad colours, then takes over spot by spot.
    borrowed = (_broad(before) - _broad(after)) * np.float32((1 - strength) ** 1.5 * 0.7)
    share = _dissolve(before, after, strength, dice(dials.get("seed", 0), "repaint"))
    mixed = before + (after + borrowed - before) * share
    return _image(np.clip(mixed * 255 + 0.5, 0, 255).astype(np.uint8))


def mark(picture: Image.Image) -> Image.Image:
    """A copy with a small "sandbox" label in the lower right corner."""
    marked = picture.convert("RGB")
    left, top, right, bottom = mark_box(marked.width, marked.height)
    text = _label_height(marked.width, marked.height)
    label = Image.new("RGBA", (4 * (right - left), 4 * (bottom - top)))
    pen = ImageDraw.Draw(label)
    pen.rounded_rectangle(
        (0, 0, label.width - 1, label.height - 1), 2 * (bottom - top), (16, 18, 30, 118)
    )
    font = ImageFont.load_default(4 * text)
    middle = (label.width / 2, label.height / 2)
    pen.text(middle, "sandbox", (255, 255, 255, 235), font, anchor="mm")
    small = label.reduce(4)
    marked.paste(small, (left, top), small)
    return marked


def mark_box(width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the only pixels that `mark` changes."""
    text = _label_height(width, height)
    margin = text * 2 // 3
    across, down = round(text * 5.2), round(text * 1.7)
    return width - margin - across, height - margin - down, width - margin, height - margin


def _label_height(width: int, height: int) -> int:
    return max(10, round(math.sqrt(width * height) * 0.016))


def _unfinished(pixels: Floats, settings: _Settings, key: str) -> Floats:
    """What few steps leave behind: blur and noise, both gone at `CLEAN_STEPS`."""
    lack = min(max((CLEAN_STEPS - settings.steps) / (CLEAN_STEPS - 1), 0.0), 1.0)
    if not lack:
        return pixels
    rows, columns = pixels.shape[1:]
    coarse = max(1.0, math.sqrt(rows * columns) / 1024 * (1 + 15 * lack**3))
    chance = dice(key, "noise")
    blurred = np.stack(
        [
            _scaled(_scaled(plane, rows / coarse, columns / coarse), rows, columns)
            for plane in pixels
        ]
    )
    fine = chance.standard_normal((rows, columns), np.float32)
    blotches = chance.standard_normal((3, rows // 8 + 1, columns // 8 + 1), np.float32)
    level = np.float32(0.1 * lack**2)
    spots = np.stack([_scaled(plane, rows, columns) for plane in blotches])
    softness = np.float32(min(1.0, 1.2 * lack))
    noisy: Floats = (
        pixels + (blurred - pixels) * softness + (fine + spots * np.float32(0.8)) * level
    )
    return noisy


def _developed(pixels: Floats, guidance: float, key: str) -> Image.Image:
    """Contrast by guidance, a breath of grain against banding, and whole numbers."""
    contrast = np.float32(_contrast(guidance))
    mean = np.float32(pixels.mean())
    rows, columns = pixels.shape[1:]
    grain = dice(key, "grain").integers(0, 256, (rows, columns), np.uint8)
    finished = np.empty(pixels.shape, np.uint8)
    for top in range(0, rows, BAND):
        band = pixels[:, top : top + BAND]
        if contrast != 1:
            band = _vivid(band, mean, contrast)
        values = band * np.float32(255) + grain[top : top + BAND] * np.float32(1 / 128)
        values -= np.float32(0.5)
        finished[:, top : top + BAND] = np.clip(values, 0, 255, out=values)
    return _image(finished)


def _contrast(guidance: float) -> float:
    if guidance < PLAIN_GUIDANCE:
        lack = 1 - max(guidance, 0.0) / PLAIN_GUIDANCE
        return 1 - 0.42 * lack * math.sqrt(lack)
    return 1 + 0.4 * (1 - math.exp((PLAIN_GUIDANCE - guidance) / 7))


def _vivid(band: Floats, mean: np.float32, contrast: np.float32) -> Floats:
    """Colours stretched away from grey and from the image's mean, or drawn towards them."""
    grey = band.mean(axis=0)
    spread: Floats = (grey - mean) * contrast + mean + (band - grey) * contrast
    return spread


def _dissolve(
    before: Floats, after: Floats, strength: float, chance: np.random.Generator
) -> Floats:
    """How much of the new image each pixel shows: soft patches that grow with strength.

    Patches start where old and new already agree, so that their edges hardly show.
    """
    rows, columns = before.shape[1:]
    cloud = np.zeros((rows, columns), np.float32)
    for cells, weight in ((3, 1.0), (6, 0.45), (14, 0.2)):
        grid = chance.standard_normal((cells, cells), np.float32)
        cloud += _scaled(grid, rows, columns) * np.float32(weight)
    contrast = _broad(np.abs(after - before).mean(axis=0)[None])[0]
    order = cloud / cloud.std() + np.float32(0.4) * contrast / (contrast.std() + np.float32(1e-6))
    edges = np.quantile(order[::4, ::4], np.linspace(0, 1, 65))
    rank = np.interp(order, edges, np.linspace(0, 1, 65)).astype(np.float32)
    softness = 0.5
    share: Floats = np.clip((strength * (1 + softness) - rank) / softness, 0, 1)
    return share * share * (3 - 2 * share)


def _broad(planes: Floats) -> Floats:
    """Only the coarse structure: about 24 cells along the longer side."""
    rows, columns = planes.shape[1:]
    cell = max(rows, columns) / 24
    return np.stack(
        [_scaled(_scaled(plane, rows / cell, columns / cell), rows, columns) for plane in planes]
    )


def _scaled(plane: Floats, rows: float, columns: float) -> Floats:
    image = Image.fromarray(np.ascontiguousarray(plane))
    size = (max(1, round(columns)), max(1, round(rows)))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR), np.float32)


def _planes(picture: Image.Image) -> Floats:
    return np.ascontiguousarray(np.moveaxis(np.asarray(picture, np.float32), 2, 0)) / np.float32(
        255
    )


def _image(planes: np.ndarray) -> Image.Image:
    return Image.merge("RGB", [Image.fromarray(plane) for plane in planes])
