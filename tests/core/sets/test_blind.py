"""The preference test: published intervals, and orders that are truly drawn."""

from __future__ import annotations

from collections import Counter

import pytest

from core.sets.blind import shares, shuffled, wilson


@pytest.mark.parametrize(
    ("picks", "of", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3: the score interval.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_are_the_published_ones(picks: int, of: int, low: float, high: float) -> None:
    found = wilson(picks, of)
    assert found == pytest.approx((low, high), abs=5e-5)


def test_nothing_picked_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_orders_are_drawn_evenly_and_stay_for_one_secret() -> None:
    """Over 6,000 rows each of the 6 orders of 3 columns comes 1,000 times, within 5 sigma."""
    counts = Counter(tuple(shuffled(3, f"set-{n}", n % 7, 0)) for n in range(6000))
    assert len(counts) == 6
    assert all(abs(count - 1000) < 5 * 29 for count in counts.values())
    assert shuffled(3, "a", 1, 0) == shuffled(3, "a", 1, 0)


def test_picks_are_counted_by_target() -> None:
    first, second = shares({(0, 0): 1, (1, 0): 1, (2, 0): 0}, ["a", "b"])
    assert (first.picks, second.picks, second.of) == (1, 2, 3)
    assert second.low < 2 / 3 < second.high
