"""Captions in the miniature's own words as token ids."""

from __future__ import annotations

import numpy as np

from tools.miniature.lexicon import vocabulary

TOKENS = 32
PAD, END, START = 0, 1, 3


def encode_words(text: str, *, begins: bool) -> np.ndarray:
    """Token ids of a caption that is already in the miniature's own words."""
    table = _TABLE
    ids = [table[word] for word in text.split()][: TOKENS - 1 - begins]
    row = [START] * begins + ids + [END]
    return np.array(row + [PAD] * (TOKENS - len(row)), np.uint8)


_TABLE = {word: number for number, word in enumerate(vocabulary())}
