"""Trains the judges of adherence on the painter's own pictures, for `bench/miniature.py`."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch

from bench.miniature_judges import HEADS, KERNELS, NAME, answers
from tools.miniature.pictures import BUCKETS
from tools.miniature.questions import loss as loss_of
from tools.miniature.scenes import scene_of

SAMPLE = 24_000
EPOCHS = 10
BATCH = 64
Named: TypeAlias = dict[str, torch.Tensor]


class _Judges(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolutions = torch.nn.ModuleList(
            torch.nn.Conv2d(inputs, outputs, 3, stride, 1) for inputs, outputs, stride in KERNELS
        )
        channels = KERNELS[-1][1]
        self.out = torch.nn.Linear(
            (8 * 8 + 1) * channels, sum(len(names) for names in HEADS.values())
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        values = pictures
        for convolution in self.convolutions:
            values = torch.relu(convolution(values))
        seen = torch.cat([values.flatten(1), values.amax((2, 3))], dim=1)
        return self.out(torch.nn.functional.dropout(seen, 0.2, self.training))


def train(folder: Path, target: Path) -> None:
    """Train on square pictures and write the judges' weights beside the bench."""
    torch.manual_seed(0)
    width, height = BUCKETS[0]
    pictures = np.load(folder / "data" / f"{width}x{height}.pictures.npy", mmap_mode="r")
    known = np.array([answers(scene_of(seed)) for seed in range(min(SAMPLE, len(pictures)))])
    model, chance = _Judges(), np.random.default_rng(0)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=1e-2)
    total = EPOCHS * len(known) // BATCH
    plan = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total, pct_start=0.1)
    for step in range(total):
        picks = chance.integers(0, len(known), BATCH)
        batch, right = _prepared(pictures[picks]), torch.from_numpy(known[picks])
        if step % 2:
            batch, right = batch.flip(3), _mirrored(right)
        loss = loss_of(model(batch + 0.03 * torch.randn_like(batch)), right, HEADS)
        loss.backward()
        optimizer.step()
        plan.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 250 == 0:
            print("judges", step, total, round(float(loss.detach()), 4), flush=True)
    model.eval()
    arrays = {name: value.numpy().astype(np.float16) for name, value in model.state_dict().items()}
    np.savez(target / NAME, **arrays)


def _prepared(pictures: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def _mirrored(known: torch.Tensor) -> torch.Tensor:
    """The answers for the same pictures seen in a mirror: left and right change places."""
    mirrored, column = known.clone(), list(HEADS).index("disc side")
    sides = HEADS["disc side"]
    for side, other in (("left", "right"), ("right", "left")):
        mirrored[known[:, column] == sides.index(side), column] = sides.index(other)
    return mirrored
