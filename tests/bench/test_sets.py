"""How the bench of sets tells memory that grows from memory that jumped once."""

from __future__ import annotations

import pytest

from bench.sets import growth


def test_a_jump_is_no_growth_and_growth_is_seen_through_noise() -> None:
    assert growth([100, 100, 108, 108, 108, 108]) == 0
    assert growth([100, 103, 103, 107, 108, 110]) == pytest.approx(1.5)
    assert growth([100, 100, 101, 101, 102, 102]) == pytest.approx(0.25)
    assert growth([100, 99, 100, 98, 99, 98]) < 0
