"""Trains the judge on the painter's images: what every 4 x 4 pixels show, in which colour.

`bench/miniature_judge.py` has the same network in NumPy.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sandbox.painter.vocabulary import COLOURS
from tools.miniature.device.clock import Clock, Log
from tools.miniature.device.kernels import within
from tools.miniature.device.scenes import SIZES, Shard
from tools.miniature.pictures import SHOWN, SMALL

WIDTHS = (16, 32, 48, 64)
"""Channels at a half, a quarter, an eighth and a sixteenth of the side."""
NAME = "judge.npz"
PEAK = 2e-3
BATCH = 64
HELD_OUT = 64


class Judge(nn.Module):
    """Scores of every kind and every colour for each cell of 4 x 4 pixels."""

    def __init__(self) -> None:
        super().__init__()
        inputs = (3, *WIDTHS[:-1])
        self.down = nn.ModuleList(
            nn.Conv2d(one, other, 3, 2, 1) for one, other in zip(inputs, WIDTHS, strict=True)
        )
        self.deep = nn.ModuleList(nn.Conv2d(WIDTHS[3], WIDTHS[3], 3, 1, 1) for _ in range(2))
        self.up = nn.ModuleList(
            [
                nn.Conv2d(WIDTHS[3] + WIDTHS[2], WIDTHS[2], 3, 1, 1),
                nn.Conv2d(WIDTHS[2] + WIDTHS[1], WIDTHS[2], 3, 1, 1),
            ]
        )
        self.last = nn.Conv2d(WIDTHS[2], WIDTHS[2], 3, 1, 1)
        self.out = nn.Conv2d(WIDTHS[2], len(SHOWN) + 1 + len(COLOURS), 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores (n, kinds and sky, then colours, rows, columns) of images in 0..1."""
        values, kept = 2 * pictures.clamp(0, 1).sqrt() - 1, []
        for layer in self.down:
            values = functional.relu(layer(values))
            kept.append(values)
        for layer in self.deep:
            values = functional.relu(layer(values)) + values
        for layer, skip in zip(self.up, (kept[2], kept[1]), strict=True):
            values = functional.interpolate(values, scale_factor=2.0, mode="nearest")
            values = functional.relu(layer(torch.cat([values, skip], dim=1)))
        scores: Tensor = self.out(functional.relu(self.last(values)))
        return scores


def train(found: list[Shard], device: str, clock: Clock, log: Log, out: Path) -> None:
    """Train on square images until the clock's end and write the weights."""
    torch.manual_seed(0)
    data = _load([shard for shard in found if shard.size == SIZES[0]], device)
    model = Judge().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), PEAK, weight_decay=1e-3)
    kind, step = torch.device(device).type, 0
    count = max(1, len(data[0]) - HELD_OUT)
    while (passed := clock.passed()) < 1:
        optimizer.param_groups[0]["lr"] = PEAK * min(
            1.0, (step + 1) / 50, 0.01 + 1.5 * (1 - passed)
        )
        picks = torch.randint(count, (BATCH,), device=device)
        batch = data[0][picks].permute(0, 3, 1, 2).float().div(255)
        with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
            scores = model(_worn(batch).contiguous(memory_format=torch.channels_last))
        loss = _loss(scores.float(), data[1][picks].long(), data[2][picks].long())
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
    names = ("pictures", "maps", "colours")
    parts = (
        torch.cat([torch.from_numpy(np.load(shard.path(name))).to(device) for shard in found])
        for name in names
    )
    pictures, maps, colours = parts
    return (
        within(pictures, "pictures", below=256),
        within(maps, "maps", below=len(SHOWN) + 1),
        within(colours, "colours", below=len(COLOURS) + 1),
    )


def _worn(pictures: Tensor) -> Tensor:
    """Some of them blurred, all a little noisy: what is there is asked, not how sharp it is."""
    blurred = functional.avg_pool2d(pictures, 3, 1, 1)
    share = torch.rand(len(pictures), 1, 1, 1, device=pictures.device)
    mixed = pictures + (blurred - pictures) * share
    return mixed + 0.02 * torch.randn_like(mixed)


def _loss(scores: Tensor, maps: Tensor, colours: Tensor) -> Tensor:
    kinds, tints = scores.split([len(SHOWN) + 1, len(COLOURS)], dim=1)
    counts = torch.ones(len(SHOWN) + 1, device=scores.device)
    counts[1 : len(SMALL) + 1] = 2.0
    wanted = _tints(maps, colours)
    tint = functional.cross_entropy(tints, wanted, ignore_index=-1, reduction="none")
    small = (maps > 0) & (maps <= len(SMALL))
    weight = (wanted >= 0).float() * (1 + 4 * small)
    return functional.cross_entropy(kinds, maps, counts) + 0.5 * (
        (tint * weight).sum() / weight.sum().clamp(min=1)
    )


def _tints(maps: Tensor, colours: Tensor) -> Tensor:
    """Each cell's colour counted from 0; -1 where there is not one."""
    table = functional.pad(colours, (1, 0)) - 1
    return table.gather(1, maps.flatten(1)).view_as(maps)


@torch.no_grad()
def _right(model: Judge, data: list[Tensor]) -> dict[str, float]:
    pictures, maps, colours = data[0].permute(0, 3, 1, 2).float().div(255), data[1], data[2]
    scores = model(pictures)
    kinds, tints = scores.split([len(SHOWN) + 1, len(COLOURS)], dim=1)
    wanted = _tints(maps.long(), colours.long())
    told = wanted >= 0
    return {
        "kinds": round(float((kinds.argmax(1) == maps).float().mean()), 4),
        "colours": round(float((tints.argmax(1) == wanted)[told].float().mean()), 4),
    }
