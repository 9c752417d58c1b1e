"""Trains transformer and text encoders on the device: the flow, then guidance.

As in `tools.miniature.flow` the transformer also has to tell what the painter put where, and in
which colour; the rims of things count more than their insides, the clearer the image is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sandbox.painter.vocabulary import COLOURS
from tools.miniature.device.clock import Clock, Log
from tools.miniature.device.kernels import even
from tools.miniature.device.muon import StackedMuon
from tools.miniature.device.store import MIDDLE, Batch, Store, for_clip
from tools.miniature.lexicon import vocabulary
from tools.miniature.pictures import SHOWN, SMALL
from tools.miniature.plain import T5, Clip, Flux, Shape, Turns, turns_of
from tools.miniature.words import encode_words

CELLS = 16
KINDS = len(SHOWN) + 1
TINTS = len(COLOURS) + 1
ANSWERS = CELLS * KINDS + TINTS
"""What the head tells of one token."""
LOOKED_AT = 1
"""The single block after which the layout is asked for: early enough to be built upon."""
GUIDANCE = (1.0, 6.0)
SMALL_COUNTS = 3.0  # how much more than sky or land a small thing counts in a layout
EMPTY = 0.1  # share of captions that are empty


@dataclass(frozen=True, slots=True)
class Plan:
    """How the flow is trained."""

    shape: Shape = field(default_factory=Shape)
    batch: int = 512
    peak: float = 3e-3
    text_peak: float = 1e-3
    distil: float = 0.74
    """The share of the time after which half of every batch teaches guidance."""
    settle: float = 0.5
    """The share of the time after which the learning rate falls."""
    small_things: float = 4.0
    rims: float = 2.0
    layout: float = 0.4
    keep: float = 0.998
    """How much of the average stays at each step."""
    log_every: int = 50
    compiled: bool = True


class Learner:
    """The networks, their average over time, and the optimizers."""

    def __init__(self, plan: Plan, device: str, channel_shares: Tensor) -> None:
        torch.manual_seed(0)
        words, width = len(vocabulary()), plan.shape.width
        head = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, even(ANSWERS)),
        )
        nets = nn.ModuleDict(
            {"flux": Flux(plan.shape), "t5": T5(words), "clip": Clip(words), "head": head}
        )
        self.nets = nets.to(device)
        self.mean = copy.deepcopy(self.nets).requires_grad_(False)
        self.plan, self.device, self.step = plan, device, 0
        # As `pack` puts 2 x 2 latents.
        self.visible = channel_shares.repeat_interleave(4).to(device)
        self._turns: dict[tuple[int, int], Turns] = {}
        self._optimizers = _optimizers(self.nets, plan)
        self._peaks = [group["lr"] for one in self._optimizers for group in one.param_groups]
        self._pairs = list(self.mean.parameters()), list(self.nets.parameters())
        if plan.compiled:
            for nets in (self.nets, self.mean):
                for block in _blocks(nets["flux"]):
                    block.compile(dynamic=False)
        self.empty = torch.from_numpy(encode_words("", begins=False)).long().to(device)

    def turns(self, grid: tuple[int, int]) -> Turns:
        """The places of a grid."""
        if grid not in self._turns:
            self._turns[grid] = turns_of(grid, self.device)
        return self._turns[grid]

    def update(self, loss: Tensor, share: float) -> None:
        """One step of the optimizers with a share of their learning rate, and of the average."""
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._pairs[1], 1.0, foreach=True)
        peaks = iter(self._peaks)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = next(peaks) * share
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        keep = min(self.plan.keep, 1 - 10 / (20 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(*self._pairs, 1 - keep)

    def back_to_mean(self) -> None:
        """Go on from the average, after a step that led nowhere."""
        self.nets.load_state_dict(self.mean.state_dict())
        self._optimizers = _optimizers(self.nets, self.plan)


def train(learner: Learner, store: Store, clock: Clock, log: Log, save: Callable[[], None]) -> None:
    """Train until the clock's end; `save` is called after every line of the log."""
    plan, chance = learner.plan, np.random.default_rng(1)
    told, count = torch.zeros(3, device=learner.device), 0
    while (passed := clock.passed()) < 1:
        batch = store.draw(plan.batch, chance)
        loss, parts = loss_of(learner, batch, distilling=passed > plan.distil)
        rise = min(1.0, (learner.step + 1) / 100)
        fall = min(1.0, 0.01 + (1 - passed) / (1 - plan.settle))
        learner.update(loss, rise * fall)
        told, count = told + parts, count + 1
        if learner.step == 1 or learner.step % plan.log_every == 0:
            flow, layout, tints = (float(part) for part in told / count)
            told, count = torch.zeros_like(told), 0
            if not np.isfinite(flow):
                learner.back_to_mean()
            log.say("flow", step=learner.step, passed=passed, loss=flow, layout=layout, tints=tints)
            save()


def loss_of(learner: Learner, batch: Batch, *, distilling: bool) -> tuple[Tensor, Tensor]:
    """What to go down, and its parts: the flow's plain error, the layout's, the colours'."""
    plan, nets, kind = learner.plan, learner.nets, torch.device(learner.device).type
    count = len(batch.latents)
    silent = torch.rand(count, device=learner.device) < EMPTY
    t5 = torch.where(silent[:, None], learner.empty, batch.t5)
    clip = torch.where(silent[:, None], for_clip(learner.empty[None]), batch.clip)
    sigma = torch.sigmoid(0.3 + 1.1 * torch.randn(count, device=learner.device))
    noise = torch.randn_like(batch.latents)
    level = sigma[:, None, None]
    noisy = (1 - level) * batch.latents + level * noise
    target, guidance = noise - batch.latents, torch.ones_like(sigma)
    turns, taught = learner.turns(batch.grid), count // 2 if distilling else 0
    with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
        if taught:
            low, high = GUIDANCE
            guidance[:taught] = low + (high - low) * torch.rand_like(guidance[:taught])
            state = noisy[:taught], sigma[:taught], guidance[:taught]
            target[:taught] = _guided(
                learner, (batch.t5[:taught], batch.clip[:taught]), state, turns
            )
        wish = sigma, guidance, nets["t5"](t5), nets["clip"](clip)
        answer, seen = nets["flux"](noisy, wish, turns, LOOKED_AT)
        scores = nets["head"](seen)
    errors = (answer.float() - target).pow(2)
    clear = (1 - sigma)[:, None]
    weight = 1 + (plan.small_things * batch.small + plan.rims * batch.rims) * clear
    flow = ((errors * learner.visible).mean(2) * weight).sum() / weight.sum()
    layout, tints = _layout(scores.float(), batch)
    parts = torch.stack([errors[taught:].mean(), layout, tints]).detach()
    return flow + plan.layout * (layout + 0.3 * tints), parts


def _layout(scores: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """How wrong the transformer is about what each cell shows, and about colours."""
    kinds, tints = scores[:, :, :ANSWERS].split([CELLS * KINDS, TINTS], dim=2)
    counts = torch.ones(KINDS, device=scores.device)
    counts[1 : len(SMALL) + 1] = SMALL_COUNTS
    layout = functional.cross_entropy(
        kinds.unflatten(2, (CELLS, KINDS)).flatten(0, 2), batch.maps.flatten(), counts
    )
    small = (batch.maps[:, :, MIDDLE] > 0) & (batch.maps[:, :, MIDDLE] <= len(SMALL))
    losses = functional.cross_entropy(
        tints.flatten(0, 1), batch.colours.flatten(), reduction="none"
    )
    weight = (batch.colours > 0).float() * (1 + SMALL_COUNTS * small)
    return layout, (losses * weight.flatten()).sum() / weight.sum().clamp(min=1)


@torch.no_grad()
def _guided(
    learner: Learner, words: tuple[Tensor, Tensor], state: tuple[Tensor, ...], turns: Turns
) -> Tensor:
    """Classifier-free guidance by the averaged networks: what the student shall answer at once."""
    noisy, sigma, guidance = state
    mean, taught = learner.mean, len(noisy)
    empty = learner.empty[None].expand(taught, -1)
    states = mean["t5"](torch.cat([words[0], empty]))
    pooled = mean["clip"](torch.cat([words[1], for_clip(empty)]))
    wish = sigma.repeat(2), torch.ones_like(sigma).repeat(2), states, pooled
    told, free = mean["flux"](noisy.repeat(2, 1, 1), wish, turns, -1)[0].float().chunk(2)
    return free + guidance[:, None, None] * (told - free)


def _blocks(flux: nn.Module) -> list[nn.Module]:
    return [*flux.transformer_blocks, *flux.single_transformer_blocks]  # type: ignore[misc, list-item]


def _optimizers(nets: nn.ModuleDict, plan: Plan) -> tuple[torch.optim.Optimizer, ...]:
    """Muon for the blocks' matrices, AdamW for everything else."""
    matrices, others, texts = [], [], []
    for name, weight in nets.named_parameters():
        if name.startswith(("t5", "clip")):
            texts.append(weight)
        elif weight.ndim == 2 and "transformer_blocks" in name and "norm" not in name:
            matrices.append(weight)
        else:
            others.append(weight)
    fused = others[0].is_cuda
    return (
        StackedMuon(matrices, plan.peak, 0.02),
        torch.optim.AdamW(
            others, plan.peak * 0.5, betas=(0.9, 0.98), weight_decay=0.0, fused=fused
        ),
        torch.optim.AdamW(texts, plan.text_peak, betas=(0.9, 0.98), weight_decay=0.0, fused=fused),
    )
