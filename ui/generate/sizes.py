"""The sizes behind the aspect chips: for each ratio the best one that a backend takes."""

from __future__ import annotations

from collections.abc import Mapping

from core.controls import Control

RATIOS = ("1:1", "3:2", "2:3", "4:3", "3:4", "16:9", "9:16", "21:9")
CUSTOM = "custom"
LEAST_SHARE = 0.84
"""Of the area that a form starts with; a chip gives at least so much of it, and never more."""

Size = tuple[int, int]
"""Width and height in pixels."""


def sizes(width: Control, height: Control) -> Mapping[str, Size]:
    """Return a legal size for each ratio; a ratio that a backend cannot come near is left out.

    The area stays at or just below that of the form's first size, because services charge by it.
    """
    area = int(width.default) * int(height.default)
    found = {ratio: _best(ratio, area, width, height) for ratio in RATIOS}
    return {ratio: size for ratio, size in found.items() if size}


def ratio_of(known: Mapping[str, Size], width: int, height: int) -> str:
    """Return the chip whose size this is, or that of any other size."""
    return next((name for name, size in known.items() if size == (width, height)), CUSTOM)


def _best(ratio: str, area: int, width: Control, height: Control) -> Size | None:
    """Return the size on the grid that is nearest to the ratio, the largest of equals."""
    across, down = map(int, ratio.split(":"))
    step = int(width.step or 16)
    legal = []
    for wide in range(int(width.low or step), int(width.high or area) + 1, step):
        exact = wide * down / across
        high = round(exact / step) * step
        fits = (height.low or 1) <= high <= (height.high or area)
        if fits and LEAST_SHARE * area <= wide * high <= area:
            legal.append((abs(exact - high) / exact, -wide * high, (wide, high)))
    return min(legal)[2] if legal else None
