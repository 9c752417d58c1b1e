"""Images of known scenes for tests, and the encodings and sizes they come in."""

from __future__ import annotations

import io
from functools import cache

from PIL import Image

from sandbox.painter.painter import paint

SCENES = {
    "night": "starry night, a big moon, mountains, the sea and a red boat",
    "sunset": "orange sunset over a desert, a big red sun",
    "meadow": "blue sky, green hills, a white house and two trees",
    "snow": "white sky, snow, a pine forest",
}


@cache
def scene(name: str, seed: int = 1) -> Image.Image:
    return paint(SCENES[name], 320, 240, seed=seed)


def plain(colour: str, size: tuple[int, int] = (96, 64)) -> Image.Image:
    return Image.new("RGB", size, colour)


def encoded(image: Image.Image, kind: str = "PNG", **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def scaled(image: Image.Image, share: float) -> Image.Image:
    size = (round(image.width * share), round(image.height * share))
    return image.resize(size, Image.Resampling.LANCZOS)
