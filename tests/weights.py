"""Whether the miniature's weights are here: tests that paint with it are skipped without them."""

from __future__ import annotations

import pytest

from backends.flux.weights import NAME
from backends.miniature import FOLDER

needs_weights = pytest.mark.skipif(
    not (FOLDER / NAME).exists(), reason="the miniature has no trained weights yet"
)
