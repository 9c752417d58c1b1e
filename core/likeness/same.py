"""Whether two files show the same image: encoded again or of another size, but nothing redrawn."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

from core.likeness.descriptor import FORMATS, Floats

STRETCH = 0.03
"""How far the shapes may differ: a size is rounded to whole pixels."""
SIDE = 96
"""Pixels along a side of what is compared; fewer where a thumbnail shows less."""
BLUR = 1 / 24
"""The radius below which something is a detail, as a share of that side."""
STRONGEST = 4.0
"""Steps of grey up to which a detail counts, so that one long edge does not outweigh all others."""
FAINT = 0.25
"""Steps of grey that are no detail."""
ALIKE = 0.7
"""The correlation of details from which two images are the same."""


class SameImage:
    """Compares thumbnails with the one of an image. Blocking work: use it in a thread."""

    def __init__(self, thumbnail: bytes) -> None:
        self._own = _opened(thumbnail)

    def is_shown_by(self, thumbnail: bytes) -> bool:
        """Tell whether another thumbnail shows the same image."""
        own, other = self._own, _opened(thumbnail)
        if abs(own.width * other.height / (own.height * other.width) - 1) > STRETCH:
            return False
        side = max(16, min(SIDE, max(own.size) // 4, max(other.size) // 4))
        return _correlation(_details(own, side), _details(other, side)) >= ALIKE


def _opened(thumbnail: bytes) -> Image.Image:
    with Image.open(BytesIO(thumbnail), formats=FORMATS) as opened:
        return opened.convert("L")


def _details(image: Image.Image, side: int) -> Floats:
    small = image.resize((side, side), Image.Resampling.BOX)
    blurred = small.filter(ImageFilter.BoxBlur(side * BLUR))
    details = np.asarray(small, np.float32) - np.asarray(blurred, np.float32)
    return np.clip(details, -STRONGEST, STRONGEST)


def _correlation(one: Floats, other: Floats) -> float:
    """Return how alike details are, from -1 to 1; images without any are alike."""
    faint = FAINT**2 * one.size
    sums = ((one * one).sum() + faint) * ((other * other).sum() + faint)
    return float(((one * other).sum() + faint) / np.sqrt(sums))
