"""What is to be generated, as plain values: it may travel to another process."""

from __future__ import annotations

import math
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from PIL import Image, ImageFilter, ImageOps

Fit = Literal["crop", "pad"]
Size = tuple[int, int]
UNIT = 16
"""Sides are multiples of this many pixels: eight of the autoencoder, two of the patches."""
LEAST, MOST = 64, 1536
SHAPES: dict[str, Size] = {
    "1:1": (1024, 1024),
    "4:3": (1152, 864),
    "3:4": (864, 1152),
    "16:9": (1344, 768),
    "9:16": (768, 1344),
}


@dataclass(frozen=True, slots=True)
class Order:
    """One image; with `image` it starts from that file, fitted to the size."""

    prompt: str
    size: Size
    steps: int
    guidance: float
    seed: int
    strength: float = 1.0
    image: bytes | None = None
    fit: Fit = "crop"
    variation_seed: int = 0
    variation_strength: float = 0.0
    """How far the noise is from that of the seed, towards that of the variation seed."""

    @property
    def varied(self) -> bool:
        """Whether the noise is another one than that of the seed alone."""
        return self.variation_strength > 0

    @property
    def steps_run(self) -> int:
        """How many steps are really run: the strength's share of them, rounded up.

        diffusers computes steps - int(steps - steps * strength), which is followed to the letter.
        """
        if self.image is None:
            return self.steps
        kept = self.steps - min(self.steps * self.strength, self.steps)
        return self.steps - int(max(kept, 0))

    @property
    def megapixels(self) -> float:
        """Width times height, in millions."""
        return self.size[0] * self.size[1] / 1e6


def size_of(shape: str, given: Size) -> Size:
    """Return the size of the result: that of a shape, or the given one brought within limits."""
    if shape in SHAPES:
        return SHAPES[shape]
    width, height = given
    share = min(1.0, MOST / max(width, height))
    share = max(share, LEAST / min(width, height))
    wide, high = (min(MOST, max(LEAST, _near(side * share))) for side in (width, height))
    return wide, high


def _near(side: float) -> int:
    return UNIT * max(1, math.floor(side / UNIT + 0.5))


def fitted(image: bytes, size: Size, fit: Fit) -> Image.Image:
    """Bring an image to a size without squashing it: cut, or laid on a blurred copy of itself."""
    with Image.open(BytesIO(image)) as opened:
        picture = opened.convert("RGB")
    covering = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
    if fit == "crop" or picture.width * size[1] == picture.height * size[0]:
        return covering
    ground = covering.filter(ImageFilter.GaussianBlur(max(size) / 32))
    inside = ImageOps.contain(picture, size, Image.Resampling.LANCZOS)
    ground.paste(inside, ((size[0] - inside.width) // 2, (size[1] - inside.height) // 2))
    return ground
