"""Muon for a GPU: matrices of one shape are made orthogonal together, in half precision.

What it does is told in `tools.miniature.muon`.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from tools.miniature.muon import COEFFICIENTS, MATCH

ROUNDS = 5


class StackedMuon(torch.optim.Optimizer):
    """Takes matrices only."""

    def __init__(
        self, weights: Iterable[Tensor], lr: float, decay: float, momentum: float = 0.95
    ) -> None:
        super().__init__(weights, {"lr": lr, "decay": decay, "momentum": momentum})
        self._averages: list[Tensor] = []

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Move every matrix by the learning rate."""
        group = self.param_groups[0]
        weights: list[Tensor] = group["params"]
        grads = [weight.grad for weight in weights]
        if not self._averages:
            self._averages = [torch.zeros_like(weight) for weight in weights]
        torch._foreach_lerp_(self._averages, grads, 1 - group["momentum"])
        going = torch._foreach_lerp(grads, self._averages, group["momentum"])
        torch._foreach_mul_(weights, 1 - group["lr"] * group["decay"])
        for shape in {weight.shape for weight in weights}:
            chosen = [n for n, weight in enumerate(weights) if weight.shape == shape]
            moves = _orthogonal(torch.stack([going[n] for n in chosen]))
            scale = -group["lr"] * MATCH * max(shape) ** 0.5
            torch._foreach_add_([weights[n] for n in chosen], list(moves.unbind()), alpha=scale)


def _orthogonal(matrices: Tensor) -> Tensor:
    """The nearest matrices (n, rows, columns) with all singular values near 1."""
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    values = matrices.mT if tall else matrices
    values = values / values.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    kind = torch.bfloat16 if values.is_cuda else torch.float32
    values = values.to(kind)
    for _ in range(ROUNDS):
        square = values @ values.mT
        values = a * values + (b * square + c * square @ square) @ values
    values = values.float()
    return values.mT if tall else values
