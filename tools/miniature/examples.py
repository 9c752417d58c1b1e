"""Feeds training examples: random batches of one size bucket, with captions as token ids."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tools.miniature.latents import load_components
from tools.miniature.lexicon import COUNTED
from tools.miniature.pictures import (
    BUCKETS,
    CAPTIONS,
    SHARES,
    SHOWN,
    cells_of_tokens,
    discs,
    rims,
    small_things,
)
from tools.miniature.words import encode_words

HELD_OUT = 64  # the last images of each bucket are never trained on
OFTENER = {
    "house": 3.0,
    "balloon": 2.0,
    "tree": 1.5,
    "boat": 1.5,
    "mountains": 1.0,
    "sun": 1.0,
    "moon": 1.0,
}
"""How much likelier each makes that an image is drawn: what is hard to paint is seen often."""
SEVERAL = 1.5
"""The same for two or three of a kind; with much more of it things come that nobody asked for."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Packed latents (n, tokens, numbers), maps (n, tokens, cells of each), and the rest.

    The grid is rows and columns of tokens; t5 and clip are the captions' token ids.
    """

    latents: torch.Tensor
    small: torch.Tensor
    """Each token's share of small things (n, tokens)."""
    rims: torch.Tensor
    """1 for a token that shows more than one kind, and so the rim of something (n, tokens)."""
    discs: torch.Tensor
    """Each token's share of a sun or moon (n, tokens)."""
    maps: torch.Tensor
    visible: torch.Tensor
    """How much each of a token's numbers counts: as it moves the image, 1 on average.

    Shapes are in the first few, which are large; most of the others are texture.
    """
    grid: tuple[int, int]
    t5: torch.Tensor
    clip: torch.Tensor


class Examples:
    """The painted images' latents and captions, ready to be drawn from."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self.device = device
        self.parts = [_Bucket(folder, f"{width}x{height}") for width, height in BUCKETS]
        moved = torch.from_numpy(1 / load_components(folder).scale)
        # As `pack` puts 2 x 2 latents.
        self.visible = (moved / moved.mean()).repeat_interleave(4).to(device)
        self.empty = encode_words("", begins=False), encode_words("", begins=True)

    def draw(self, size: int, empty_share: float, chance: np.random.Generator) -> Batch:
        """A batch from one bucket; a share of its captions is empty."""
        bucket = self.parts[int(chance.choice(len(BUCKETS), p=SHARES))]
        picks = chance.choice(len(bucket.odds), size, p=bucket.odds)
        # The longer of two: what a caption leaves unsaid would come unasked for.
        told = chance.integers(0, CAPTIONS, (size, 2))
        words = np.take_along_axis((bucket.t5[picks] > 0).sum(axis=2), told, axis=1)
        told = told[np.arange(size), words.argmax(axis=1)]
        t5, clip = bucket.t5[picks, told], bucket.clip[picks, told]
        silent = chance.random(size) < empty_share
        t5[silent], clip[silent] = self.empty
        latents = torch.from_numpy(bucket.latents[picks].astype(np.float32))
        rows, columns = latents.shape[2] // 2, latents.shape[3] // 2
        maps = bucket.maps[picks].reshape(size, rows * columns, -1)
        return Batch(
            pack(latents).to(self.device),
            torch.from_numpy(small_things(maps)).to(self.device),
            torch.from_numpy(rims(maps)).to(self.device),
            torch.from_numpy(discs(maps)).to(self.device),
            torch.from_numpy(maps).long().to(self.device),
            self.visible,
            (rows, columns),
            torch.from_numpy(t5).long().to(self.device),
            torch.from_numpy(clip).long().to(self.device),
        )


class _Bucket:
    def __init__(self, folder: Path, name: str) -> None:
        self.latents = np.load(folder / f"{name}.latents.npy")
        self.maps = cells_of_tokens(np.load(folder / f"{name}.maps.npy"))
        captions = json.loads((folder / f"{name}.captions.json").read_text())
        trained = len(captions) - HELD_OUT
        self.odds = _odds(self.maps[:trained], captions[:trained])
        self.t5 = np.array([[encode_words(text, begins=False) for text in row] for row in captions])
        self.clip = np.array(
            [[encode_words(text, begins=True) for text in row] for row in captions]
        )


def _odds(maps: np.ndarray, captions: list[list[str]]) -> np.ndarray:
    """How likely each image is drawn, by what it shows: the hard things more often."""
    odds = np.ones(len(maps))
    for kind, more in OFTENER.items():
        odds += more * (maps == SHOWN.index(kind) + 1).any(axis=(1, 2, 3))
    plurals = set(COUNTED.values())
    odds += SEVERAL * np.array([not plurals.isdisjoint(" ".join(row).split()) for row in captions])
    shares: np.ndarray = odds / odds.sum()
    return shares


def pack(latents: torch.Tensor) -> torch.Tensor:
    """FLUX's packing: 2 x 2 latents become one token of four times as many numbers."""
    count, channels, rows, columns = latents.shape
    blocks = latents.view(count, channels, rows // 2, 2, columns // 2, 2)
    return blocks.permute(0, 2, 4, 1, 3, 5).reshape(count, rows * columns // 4, channels * 4)


def unpack(tokens: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """The inverse of `pack` for a grid of rows x columns tokens."""
    count, _, width = tokens.shape
    blocks = tokens.view(count, *grid, width // 4, 2, 2).permute(0, 3, 1, 4, 2, 5)
    return blocks.reshape(count, width // 4, grid[0] * 2, grid[1] * 2)
