"""What is trained: the transformer beside its finished text encoders, their average, the steps."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path

import torch

from tools.miniature import text
from tools.miniature.muon import Muon
from tools.miniature.networks import HEAD, Shape, build_clip, build_t5, build_transformer
from tools.miniature.pictures import CELL, PATCH, SHOWN

CELLS = (PATCH // CELL) ** 2
KINDS = len(SHOWN) + 1
LOOKED_AT = 1
"""The single block after which the layout is asked for: early enough to be built upon."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the flow is trained; minutes are of wall time and of this run alone."""

    minutes: float = 180.0
    steps: int = 0
    """Where it is given, so many steps make up the minutes, however long they take."""
    batch: int = 64
    shape: Shape = field(default_factory=Shape)
    distil_minutes: float = 22.0
    """How long before the end half of every batch begins to teach guidance."""
    settle_minutes: float = 60.0
    """How long before its end the learning rate falls."""
    peak: float = 2e-3
    small_things: float = 6.0
    """How much more the small things count, the clearer the image already is."""
    rims: float = 4.0
    """The same for what is at a rim."""
    discs: float = 4.0
    """The same for suns and moons beside: nothing else is so soon seen to be crooked."""
    layout: float = 0.5
    """How much the layout counts beside the flow itself."""
    compiled: bool = False
    device: str = "cpu"
    log_every: int = 25
    save_minutes: float = 3.0


class Learner:
    """The networks, their average over time, and the optimizers; saved and loaded as one."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        torch.manual_seed(0)
        stored = torch.load(folder / text.NAME, weights_only=True)
        words = len(stored["t5"]["shared.weight"])
        self.nets = build_networks(recipe.shape, words).to(recipe.device)
        self.nets[1].load_state_dict(stored["t5"])
        self.nets[2].load_state_dict(stored["clip"])
        self.nets[1:3].requires_grad_(False)
        self.mean = copy.deepcopy(self.nets).requires_grad_(False)
        self.trained = [weight for weight in self.nets.parameters() if weight.requires_grad]
        self.optimizers = _optimizers(self.nets, recipe.peak)
        self.step = 0
        self.log: list[dict[str, float]] = []
        self._seen: list[torch.Tensor] = []
        if recipe.compiled:
            for block in (
                *self.nets[0].transformer_blocks,
                *self.nets[0].single_transformer_blocks,
            ):
                block.forward = torch.compile(block.forward, fullgraph=True, dynamic=False)
        watched = self.nets[0].single_transformer_blocks[LOOKED_AT]
        watched.register_forward_hook(lambda *called: self._seen.append(called[2][1]))

    def layout(self) -> torch.Tensor:
        """Scores (images, tokens, cells, kinds) of what the last answer would put where."""
        seen, self._seen = self._seen[-1], []
        return self.nets[3](seen.float()).unflatten(-1, (CELLS, KINDS))

    def save(self, path: Path) -> None:
        """Write everything; an old file is only replaced by a whole new one."""
        state = {
            "nets": self.nets.state_dict(),
            "mean": self.mean.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "log": self.log,
        }
        fresh = path.with_suffix(".new")
        torch.save(state, fresh)
        fresh.replace(path)

    def load(self, path: Path) -> None:
        """Take up where a saved one stopped, but for the encoders, which are the folder's."""
        state = torch.load(path, weights_only=False)
        for nets, stored in ((self.nets, state["nets"]), (self.mean, state["mean"])):
            learned = {
                name: value for name, value in stored.items() if not name.startswith(("1.", "2."))
            }
            nets.load_state_dict({**nets.state_dict(), **learned})
        for optimizer, stored in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(stored)
        self.step, self.log = state["step"], state["log"]

    def update(self, loss: torch.Tensor, share: float) -> None:
        """One step of the optimizers with a share of their learning rate, and of the average."""
        loss.backward()
        agree([weight.grad for weight in self.trained])
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group.setdefault("peak", group["lr"])
                group["lr"] = group["peak"] * share
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        keep = min(0.9985, 1 - 10 / (100 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.mean.parameters()), list(self.nets.parameters()), 1 - keep
            )


def agree(values: list[torch.Tensor]) -> None:
    """Put the mean over all processes in the place of each process's own values."""
    if not torch.distributed.is_initialized():
        return
    whole = torch.cat([value.flatten() for value in values])
    torch.distributed.all_reduce(whole)
    whole /= torch.distributed.get_world_size()
    for value, part in zip(values, whole.split([value.numel() for value in values]), strict=True):
        value.copy_(part.view_as(value))


def build_networks(shape: Shape, words: int | None = None) -> torch.nn.ModuleList:
    """Transformer, T5, CLIP, and the head that tells a layout, which is not shipped.

    A new head knows nothing yet and must not disturb a transformer that does: it starts at zero.
    """
    width = HEAD * shape.heads
    head = torch.nn.Sequential(
        torch.nn.LayerNorm(width),
        torch.nn.Linear(width, width),
        torch.nn.GELU(),
        torch.nn.Linear(width, CELLS * KINDS),
    )
    torch.nn.init.zeros_(head[3].weight)
    return torch.nn.ModuleList([build_transformer(shape), build_t5(words), build_clip(words), head])


def _optimizers(nets: torch.nn.ModuleList, peak: float) -> tuple[torch.optim.Optimizer, ...]:
    """Muon for the blocks' matrices, AdamW for everything else."""
    matrices, others = [], []
    for name, weight in nets.named_parameters():
        if weight.requires_grad:
            heavy = weight.ndim == 2 and "transformer_blocks" in name and "norm" not in name
            (matrices if heavy else others).append(weight)
    return (
        Muon(matrices, peak, 0.02),
        torch.optim.AdamW(others, lr=peak * 0.75, betas=(0.9, 0.98), weight_decay=0.0),
    )
