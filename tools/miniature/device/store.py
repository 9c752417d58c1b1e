"""Holds everything that is trained on in the device's memory: latents, maps, captions."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sandbox.painter.vocabulary import COLOURS
from tools.miniature.device.codec import encoded
from tools.miniature.device.kernels import settle, within
from tools.miniature.device.scenes import SIZES, Shard
from tools.miniature.lexicon import vocabulary
from tools.miniature.pictures import SHOWN, SMALL, cells_of_tokens
from tools.miniature.plain import Autoencoder, pack
from tools.miniature.words import END, START

HELD_OUT = 64  # the last images of each size are never trained on
OFTENER = {"balloon": 2.0, "house": 2.5, "tree": 1.0, "boat": 1.0, "sun": 0.7, "moon": 0.7}
"""How much likelier each makes that an image is drawn: what is hard to paint is seen often."""
SHARES = (0.6, 0.12, 0.12, 0.08, 0.08)
"""How often each of the sizes is drawn."""
MIDDLE = 5  # of a token's 4 x 4 cells, the one whose colour is asked for
READERS = 6


@dataclass(frozen=True, slots=True)
class Batch:
    """Packed latents (n, tokens, numbers), what its cells show, and the captions' token ids."""

    latents: Tensor
    maps: Tensor
    """The kind in each of a token's cells (n, tokens, 16), counted from 1; 0 is sky."""
    colours: Tensor
    """The colour in the middle of each token (n, tokens), counted from 1; 0: not one."""
    small: Tensor
    """Each token's share of small things (n, tokens)."""
    rims: Tensor
    """Whether a token shows more than one thing (n, tokens)."""
    grid: tuple[int, int]
    t5: Tensor
    clip: Tensor


class OneSize:
    """The images of one size."""

    def __init__(self, parts: list[tuple[Tensor, Tensor, Tensor, Tensor]]) -> None:
        latents, maps, colours, words = (torch.cat(part) for part in zip(*parts, strict=True))
        self.latents = within(latents, "latents")
        self.maps = within(maps, "maps", below=len(SHOWN) + 1)
        self.colours = within(colours, "colours", below=len(COLOURS) + 1)
        self.words = within(words, "words", below=len(vocabulary()))
        self.grid = latents.shape[2] // 2, latents.shape[3] // 2
        odds = torch.ones(len(latents), device=latents.device)
        for kind, more in OFTENER.items():
            odds += more * (maps == SHOWN.index(kind) + 1).flatten(1).any(1)
        odds[len(odds) - min(HELD_OUT, len(odds) // 4) :] = 0
        self.odds = odds.cumsum(0) / odds.sum()

    def draw(self, size: int) -> Batch:
        """A batch of random images, each with one of its captions."""
        device = self.latents.device
        picks = torch.searchsorted(self.odds, torch.rand(size, device=device))
        picks = picks.clamp(max=len(self.odds) - 1)
        told = torch.randint(self.words.shape[1], (size,), device=device)
        maps = self.maps[picks].long()
        colours = torch.cat([torch.zeros_like(self.colours[:1, :1]).expand(size, 1),
                             self.colours[picks]], dim=1).long()  # fmt: skip
        t5 = self.words[picks, told].long()
        return Batch(
            pack(self.latents[picks].float()),
            maps,
            colours.gather(1, maps[:, :, MIDDLE]),
            ((maps > 0) & (maps <= len(SMALL))).float().mean(2),
            (maps != maps[:, :, :1]).any(2).float(),
            self.grid,
            t5,
            for_clip(t5),
        )


class Store:
    """One bucket for each size that there are images of."""

    def __init__(self, buckets: list[OneSize], shares: list[float]) -> None:
        self.buckets = buckets
        self._shares = np.array(shares) / sum(shares)

    def draw(self, size: int, chance: np.random.Generator) -> Batch:
        """A batch of one size."""
        return self.buckets[int(chance.choice(len(self.buckets), p=self._shares))].draw(size)


def for_clip(t5: Tensor) -> Tensor:
    """The other encoder's token ids: the same after a first token, and one fewer at most."""
    clip = torch.cat([torch.full_like(t5[:, :1], START), t5[:, :-1]], dim=1)
    full = t5[:, -1] == END
    clip[:, -1] = torch.where(full, torch.full_like(clip[:, -1], END), clip[:, -1])
    return clip


def read_pictures(found: list[Shard], size: tuple[int, int], count: int, device: str) -> Tensor:
    """Byte images (n, height, width, 3) of one size, at least one shard of them."""
    chosen = [shard for shard in found if shard.size == size]
    parts: list[Tensor] = []
    for shard in chosen:
        parts.append(_read(shard, "pictures").to(device))
        if sum(map(len, parts)) >= count:
            break
    return within(torch.cat(parts), "pictures", below=256)


def fill(found: list[Shard], model: Autoencoder, device: str) -> Store:
    """Read and encode the shards, and let the images go."""
    buckets, shares = [], []
    for size, share in zip(SIZES, SHARES, strict=True):
        chosen = [shard for shard in found if shard.size == size]
        if chosen:
            parts = [
                (encoded(model, pictures.to(device)), *(part.to(device) for part in rest))
                for pictures, *rest in _read_ahead(chosen)
            ]
            buckets.append(OneSize(parts))
            shares.append(share)
            settle(device)
    return Store(buckets, shares)


def _read_ahead(chosen: list[Shard]) -> Iterator[tuple[Tensor, ...]]:
    """Shards as they are read by several threads, in order, never many in memory."""
    with ThreadPoolExecutor(READERS) as pool:
        waiting = []
        for shard in chosen:
            waiting.append(pool.submit(_shard, shard))
            if len(waiting) > 2 * READERS:
                yield waiting.pop(0).result()
        for last in waiting:
            yield last.result()


def _shard(shard: Shard) -> tuple[Tensor, ...]:
    maps = cells_of_tokens(np.load(shard.path("maps")))
    flat = torch.from_numpy(np.ascontiguousarray(maps.reshape(len(maps), -1, maps.shape[-1])))
    return _read(shard, "pictures"), flat, _read(shard, "colours"), _read(shard, "words")


def _read(shard: Shard, part: str) -> Tensor:
    return torch.from_numpy(np.load(shard.path(part)))
