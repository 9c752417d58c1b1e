"""Trains the judges of adherence on the painter's own images, for `bench/miniature.py`.

Beside the questions they learn to tell what each 16 x 16 pixels show, and answer by that too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch.nn.functional import avg_pool2d, interpolate
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from bench.miniature_judges import HEADS, KERNELS, LARGER, answers
from tools.miniature.pictures import BUCKETS, PATCH, SHOWN, cells_of_tokens
from tools.miniature.plain import half_is_fast
from tools.miniature.questions import loss as loss_of
from tools.miniature.scenes import scene_of

SAMPLE = 24_000
EPOCHS = 5
BATCH = 64
PLACES = (BUCKETS[0][0] // PATCH) * (BUCKETS[0][1] // PATCH)
WHERE = 20.0
"""How much telling what is where counts beside the questions."""
Named: TypeAlias = dict[str, torch.Tensor]


class _Judges(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolutions = torch.nn.ModuleList(
            torch.nn.Conv2d(inputs, outputs, 3, stride, 1) for inputs, outputs, stride in KERNELS
        )
        channels = KERNELS[-1][1]
        self.out = torch.nn.Linear(
            (PLACES + 1) * channels + len(SHOWN), sum(len(names) for names in HEADS.values())
        )
        self.where = torch.nn.Conv2d(channels, len(SHOWN), 1)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores of all answers, and of every kind in each place."""
        values = pictures
        for convolution in self.convolutions:
            values = torch.relu(convolution(values))
        where = self.where(values)
        seen = torch.cat([values.flatten(1), values.amax((2, 3))], dim=1)
        seen = torch.nn.functional.dropout(seen, 0.2, self.training)
        return self.out(torch.cat([seen, where.amax((2, 3))], dim=1)), where


def train(folder: Path, target: Path) -> None:
    """Train on square images and write the judges' weights beside the bench."""
    torch.manual_seed(0)
    width, height = BUCKETS[0]
    pictures = np.load(folder / "data" / f"{width}x{height}.pictures.npy", mmap_mode="r")
    shown = _shown(np.load(folder / "data" / f"{width}x{height}.maps.npy"))
    known = np.array([answers(scene_of(seed)) for seed in range(min(SAMPLE, len(pictures)))])
    model = _Judges().to(memory_format=torch.channels_last)
    chance = np.random.default_rng(0)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=1e-2)
    total = EPOCHS * len(known) // BATCH
    plan = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total, pct_start=0.1)
    for step in range(total):
        picks = chance.integers(0, len(known), BATCH)
        batch, right, cells = _prepared(pictures[picks]), known[picks], shown[picks]
        if step % 3 == 0:
            batch = _blurred(batch)
        if step % 2:
            batch, right, cells = batch.flip(3), _mirrored(right), cells[..., ::-1].copy()
        with torch.autocast("cpu", torch.bfloat16, enabled=half_is_fast("cpu")):
            scores, places = model(batch + 0.03 * torch.randn_like(batch))
        loss = loss_of(scores.float(), torch.from_numpy(right), HEADS) + WHERE * bce(
            places.float(), torch.from_numpy(cells).float()
        )
        loss.backward()
        optimizer.step()
        plan.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 250 == 0:
            print("judges", step, total, round(float(loss.detach()), 4), flush=True)
    model.eval()
    arrays = {name: value.numpy().astype(np.float16) for name, value in model.state_dict().items()}
    np.savez(target / LARGER, **arrays)  # type: ignore[arg-type]


def _prepared(pictures: np.ndarray) -> torch.Tensor:
    shares = torch.from_numpy(np.asarray(pictures)).permute(0, 3, 1, 2).float() / 255
    return 2 * shares.sqrt() - 1


def _blurred(pictures: torch.Tensor) -> torch.Tensor:
    """As from half as many pixels: what is there is asked, not how sharp it is."""
    return interpolate(avg_pool2d(pictures, 2), scale_factor=2.0, mode="bilinear")


def _shown(maps: np.ndarray) -> np.ndarray:
    """Which kinds (images, kinds, rows, columns) each token's cells show."""
    cells = cells_of_tokens(maps)
    kinds = [(cells == number + 1).any(axis=3) for number in range(len(SHOWN))]
    return np.stack(kinds, axis=1)


def _mirrored(known: np.ndarray) -> np.ndarray:
    """The answers for the same images seen in a mirror: left and right change places."""
    mirrored, column = known.copy(), list(HEADS).index("disc side")
    sides = HEADS["disc side"]
    for side, other in (("left", "right"), ("right", "left")):
        mirrored[known[:, column] == sides.index(side), column] = sides.index(other)
    return mirrored
