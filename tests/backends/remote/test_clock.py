"""A service's times, which it writes with any number of digits, as local seconds."""

from __future__ import annotations

import math

import pytest

from backends.remote.clock import Clock


@pytest.mark.parametrize("digits", range(13))
@pytest.mark.parametrize("zone", ["Z", "+00:00", ""])
def test_a_time_is_read_whatever_the_length_of_its_fraction(digits: int, zone: str) -> None:
    """A time that cannot be read would hide a job whose answer was lost."""
    fraction = f".{'250000000000'[:digits]}" if digits else ""
    found = Clock().local(f"2026-01-02T03:04:05{fraction}{zone}")
    assert found == 1767323045 + (float(fraction) if digits else 0.0)


@pytest.mark.parametrize("text", ["", "None", "yesterday", "2026-01-02T03:04:05.x"])
def test_what_is_no_time_is_none(text: str) -> None:
    """Such a job is compared with nothing."""
    assert math.isnan(Clock().local(text))
