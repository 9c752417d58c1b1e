"""Turns prompts into the miniature's tokens, and tells which words it does not know."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
from numpy.typing import NDArray

from backends.miniature.weights import Weights

TOKENS = 32
PAD, END, START = 0, 1, 3
LONGEST = 8_000
SHOWN = 6  # words that show where the reading ended
POSSESSIVE = re.compile(r"['’]s\b")


class Lexicon:
    """The rules that came with the weights, ready to be applied."""

    def __init__(self, weights: Weights) -> None:
        self._ids = {word: number for number, word in enumerate(weights.vocabulary)}
        self._translations = [(re.compile(one), text) for one, text in weights.translations]
        self._tidyings = [(re.compile(one), text) for one, text in weights.tidyings]
        self._fillers = weights.fillers

    def tokens(self, prompt: str, *, begins: bool) -> NDArray[np.int64]:
        """Exactly `TOKENS` ids; a text encoder that `begins` gets a first token of its own."""
        ids = [self._ids[word] for word in self._tidied(prompt)][: TOKENS - 1 - begins]
        row = [START] * begins + ids + [END]
        return np.array(row + [PAD] * (TOKENS - len(row)))

    def unknown(self, prompt: str) -> list[str]:
        """The words of a prompt that the model generates nothing for, in order, each once."""
        words = self._translated(POSSESSIVE.sub("", prompt)).replace(",", " ").split()
        known = self._ids.keys() | self._fillers
        return list(dict.fromkeys(word for word in words if word not in known))

    def read_until(self, prompt: str) -> str:
        """The last words that fit when a prompt is too long; "" when all of it does."""
        words = self._tidied(prompt)
        if len(words) < TOKENS:
            return ""
        return " ".join(words[: TOKENS - 1][-SHOWN:]).replace(" ,", ",").strip(", ")

    def _tidied(self, prompt: str) -> list[str]:
        text = self._translated(prompt)
        for pattern, replacement in self._tidyings:
            text = pattern.sub(replacement, text)
        return text.split()

    def _translated(self, prompt: str) -> str:
        # One letter can become eighteen; no prompt that is meant comes near the limit.
        text = unicodedata.normalize("NFKC", prompt).lower()[:LONGEST]
        for pattern, replacement in self._translations:
            text = pattern.sub(replacement, text)
        return text
