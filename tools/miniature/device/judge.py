"""Trains the judge on the painter's images: what every 4 x 4 pixels show, and how many there are.

`bench/miniature_judge.py` has the same network in NumPy.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tools.miniature.device.clock import Clock, Log
from tools.miniature.device.kernels import within
from tools.miniature.device.scenes import SHARD, SIZES, Shard
from tools.miniature.pictures import SHOWN, SMALL
from tools.miniature.plain import half_is_fast
from tools.miniature.scenes import COUNTABLE, scene_of

WIDTHS = (16, 32, 64, 96)
"""Channels at a half, a quarter, an eighth and a sixteenth of the side."""
UP = (64, 40)
"""Channels at an eighth and at a quarter on the way back."""
COUNTERS = 48
COUNTS = 4
"""How many of a kind there are: none, one, two, three."""
NAME = "judge.npz"
PEAK = 2e-3
BATCH = 32
HELD_OUT = 256
LEAST = 0.45
"""The smallest side that images are reduced to, and enlarged again, as a share of it."""


class Judge(nn.Module):
    """Scores of every kind for each cell of 4 x 4 pixels, and of how many there are of some."""

    def __init__(self) -> None:
        super().__init__()
        inputs = (3, *WIDTHS[:-1])
        self.down = nn.ModuleList(
            nn.Conv2d(one, other, 3, 2, 1) for one, other in zip(inputs, WIDTHS, strict=True)
        )
        self.deep = nn.ModuleList(nn.Conv2d(WIDTHS[3], WIDTHS[3], 3, 1, 1) for _ in range(2))
        self.up = nn.ModuleList(
            [
                nn.Conv2d(WIDTHS[3] + WIDTHS[2], UP[0], 3, 1, 1),
                nn.Conv2d(UP[0] + WIDTHS[1], UP[1], 3, 1, 1),
            ]
        )
        self.last = nn.Conv2d(UP[1], UP[1], 3, 1, 1)
        self.out = nn.Conv2d(UP[1], len(SHOWN) + 1, 1)
        self.counter = nn.Conv2d(UP[0], COUNTERS, 3, 1, 1)
        self.count = nn.Linear(2 * COUNTERS, COUNTS * len(COUNTABLE))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (n, kinds and sky, rows, columns) and (n, countable kinds x `COUNTS`).

        Of images in 0..1.
        """
        values, kept = 2 * pictures.clamp(0, 1).sqrt() - 1, []
        for layer in self.down:
            values = functional.relu(layer(values))
            kept.append(values)
        for layer in self.deep:
            values = functional.relu(layer(values)) + values
        eighth = self._larger(0, values, kept[2])
        quarter = self._larger(1, eighth, kept[1])
        scores: Tensor = self.out(functional.relu(self.last(quarter)))
        found = functional.relu(self.counter(eighth)).float()
        # What is there twice adds up to twice as much.
        seen = torch.cat([16 * found.mean((2, 3)), found.amax((2, 3))], dim=1)
        return scores, self.count(seen)

    def _larger(self, number: int, values: Tensor, skip: Tensor) -> Tensor:
        """Twice as large, with what was there on the way down."""
        values = functional.interpolate(values, scale_factor=2.0, mode="nearest")
        return functional.relu(self.up[number](torch.cat([values, skip], dim=1)))


def train(found: list[Shard], device: str, clock: Clock, log: Log, out: Path) -> None:
    """Train on square images until the clock's end and write the weights."""
    torch.manual_seed(0)
    data = _load([shard for shard in found if shard.size == SIZES[0]], device)
    model = Judge().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), PEAK, weight_decay=1e-3)
    kind, step = torch.device(device).type, 0
    half = half_is_fast(kind)
    count = max(1, len(data[0]) - HELD_OUT)
    while (passed := clock.passed()) < 1:
        optimizer.param_groups[0]["lr"] = PEAK * min(
            1.0, (step + 1) / 50, 0.01 + 1.5 * (1 - passed)
        )
        picks = torch.randint(count, (BATCH,), device=device)
        pictures, maps, counts = (part[picks] for part in data)
        batch = pictures.permute(0, 3, 1, 2).float().div(255)
        if step % 2:
            batch, maps = batch.flip(3), maps.flip(2)
        with torch.autocast(kind, torch.bfloat16, enabled=half):
            scores = model(_worn(batch).contiguous(memory_format=torch.channels_last))
        loss = _loss(scores, maps.long(), counts)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        step += 1
        if step % 100 == 0:
            log.say("judge", step=step, loss=float(loss.detach()))
    log.say("judge", step=step, right=_right(model, [part[-HELD_OUT:] for part in data]))
    state = {name: value.half().cpu().numpy() for name, value in model.state_dict().items()}
    np.savez(out / NAME, **state)  # type: ignore[arg-type]


def _load(found: list[Shard], device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Images, maps, and how many there are of each countable kind."""
    pictures, maps = (
        torch.cat([torch.from_numpy(np.load(shard.path(name))).to(device) for shard in found])
        for name in ("pictures", "maps")
    )
    seeds = (shard.number * SHARD + number for shard in found for number in range(SHARD))
    counts = torch.tensor([counts_of(seed) for seed in seeds][: len(pictures)], device=device)
    return (
        within(pictures, "pictures", below=256),
        within(maps, "maps", below=len(SHOWN) + 1),
        within(counts, "counts", below=COUNTS),
    )


def counts_of(seed: int) -> list[int]:
    """How many of each countable kind the scene of a training image has."""
    things = scene_of(seed).things
    return [
        min(sum(thing.count or 1 for thing in things if thing.kind == kind), COUNTS - 1)
        for kind in COUNTABLE
    ]


def _worn(pictures: Tensor) -> Tensor:
    """Reduced and enlarged again, a little noisy: what is there is asked, not how sharp it is."""
    side = pictures.shape[2]
    small = round(side * (LEAST + (1 - LEAST) * float(torch.rand(()))))
    reduced = functional.interpolate(pictures, (small, small), mode="bilinear", antialias=True)
    worn = functional.interpolate(reduced, (side, side), mode="bilinear")
    return worn + 0.02 * torch.randn_like(worn)


def _loss(scores: tuple[Tensor, Tensor], maps: Tensor, counts: Tensor) -> Tensor:
    kinds, numbers = scores
    weights = torch.ones(len(SHOWN) + 1, device=kinds.device)
    weights[1 : len(SMALL) + 1] = 2.0
    numbers = numbers.unflatten(1, (len(COUNTABLE), COUNTS)).float()
    return functional.cross_entropy(kinds.float(), maps, weights) + 0.5 * functional.cross_entropy(
        numbers.flatten(0, 1), counts.flatten()
    )


@torch.no_grad()
def _right(model: Judge, data: list[Tensor]) -> dict[str, float]:
    """The shares of cells, and of numbers where there is one at all, that are right."""
    kinds, numbers, maps, counts = [], [], data[1], data[2]
    for pictures in data[0].split(BATCH):
        scores = model(pictures.permute(0, 3, 1, 2).float().div(255))
        kinds.append(scores[0].argmax(1))
        numbers.append(scores[1].unflatten(1, (len(COUNTABLE), COUNTS)).argmax(2))
    right = (torch.cat(numbers) == counts)[counts > 0]
    return {
        "kinds": round(float((torch.cat(kinds) == maps).float().mean()), 4),
        "counts": round(float(right.float().mean()), 4),
    }
