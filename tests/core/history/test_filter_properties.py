"""Whatever is wanted of the history is the same after it was written down."""

from __future__ import annotations

import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed (requirements-dev.txt)")

from hypothesis import given
from hypothesis import strategies as some

from core.history import Wanted
from core.history.filters import read, told


@given(some.builds(Wanted))
def test_any_filter_comes_back(wanted: Wanted) -> None:
    """Told and read again, with what does not matter left out."""
    assert read(told(wanted)) == wanted
