"""A small preference test: columns without names in a drawn order, picks, and honest intervals."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Z95 = 1.959964
"""Two-sided 95 % point of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Share:
    """How often a target was picked, with a 95 % interval of its share (0..1)."""

    target: str
    picks: int
    of: int
    low: float
    high: float


def wilson(picks: int, of: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (E. B. Wilson, 1927); (0, 1) of nothing."""
    if of == 0:
        return 0.0, 1.0
    share, square = picks / of, Z95 * Z95
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = Z95 * math.sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def shuffled(count: int, secret: str, row: int, page: int) -> list[int]:
    """Return the order in which a row shows its `count` columns; each row has an order of its own.

    The same secret gives the same order, so that a reload does not shuffle again.
    """
    order = list(range(count))
    random.Random(f"blind {secret} {row} {page}").shuffle(order)
    return order


def shares(picks: Mapping[tuple[int, int], int], targets: Sequence[str]) -> list[Share]:
    """Count the picks by target; `picks` are columns by row and page."""
    found, of = [], len(picks)
    for column, target in enumerate(targets):
        count = sum(picked == column for picked in picks.values())
        found.append(Share(target, count, of, *wilson(count, of)))
    return found
