"""Muon in single precision: momentum whose matrices are made orthogonal before they are applied.

After Keller Jordan, https://kellerjordan.github.io/posts/muon/ (2024), with the scale of Liu et
al., https://arxiv.org/abs/2502.16982, that makes it share a learning rate with AdamW. The one in
torch computes in bfloat16, which takes ten times as long where a processor has no instructions
for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ROUNDS = 4
MATCH = 0.2


class Muon(torch.optim.Optimizer):
    """Takes matrices only. Several processes share the work and end with the same weights."""

    def __init__(
        self, weights: Iterable[torch.Tensor], lr: float, decay: float, momentum: float = 0.95
    ) -> None:
        super().__init__(weights, {"lr": lr, "decay": decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Move every matrix by the learning rate."""
        shared = torch.distributed.is_initialized()
        rank = torch.distributed.get_rank() if shared else 0
        world = torch.distributed.get_world_size() if shared else 1
        for group in self.param_groups:
            weights: list[torch.Tensor] = group["params"]
            moves = [torch.zeros_like(weight) for weight in weights]
            for number, weight in enumerate(weights):
                going = self._going(weight, group["momentum"])
                if number % world == rank:
                    moves[number] = _orthogonal(going)
            if shared:
                whole = torch.cat([move.flatten() for move in moves])
                torch.distributed.all_reduce(whole)
                moves = list(whole.split([weight.numel() for weight in weights]))
            for weight, move in zip(weights, moves, strict=True):
                weight.mul_(1 - group["lr"] * group["decay"])
                scale = MATCH * max(weight.shape) ** 0.5
                weight.add_(move.view_as(weight), alpha=-group["lr"] * scale)

    def _going(self, weight: torch.Tensor, momentum: float) -> torch.Tensor:
        """The gradient, looked at one step ahead along its momentum."""
        state: dict[str, Any] = self.state[weight]
        average = state.setdefault("average", torch.zeros_like(weight))
        average.lerp_(weight.grad, 1 - momentum)
        return weight.grad.lerp(average, momentum)


def _orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """The nearest matrix with all singular values near 1, by Newton and Schulz's iteration."""
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    values = matrix.T if tall else matrix
    values = values / values.norm().clamp(min=1e-7)
    for _ in range(ROUNDS):
        square = values @ values.T
        mixed = torch.addmm(square, square, square, beta=b, alpha=c)
        values = torch.addmm(values, mixed, values, beta=a)
    return values.T if tall else values
