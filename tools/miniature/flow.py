"""Trains the transformer and its text encoders: rectified flow, then guidance distillation."""

from __future__ import annotations

import copy
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from tools.miniature.examples import Batch, Examples, encode_words
from tools.miniature.networks import TOKENS, Shape, build_clip, build_t5, build_transformer

GUIDANCE = (1.0, 6.0)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the flow is trained; minutes are of wall time and of this run alone."""

    minutes: float = 180.0
    batch: int = 64
    shape: Shape = field(default_factory=Shape)
    distil_from: int = 800
    """The step after which a third of every batch teaches guidance."""
    settle_minutes: float = 20.0
    """How long before its end the learning rate falls."""
    peak: float = 2e-3
    small_things: float = 2.0
    """How much more the small things count, the clearer the picture already is."""
    device: str = "cpu"
    log_every: int = 25
    save_minutes: float = 3.0


class Learner:
    """The networks, their average over time, and the optimizers; saved and loaded as one."""

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(0)
        parts = [build_transformer(recipe.shape), build_t5(), build_clip()]
        self.nets = torch.nn.ModuleList(parts).to(recipe.device)
        self.mean = copy.deepcopy(self.nets).requires_grad_(False)
        matrices, others = [], []
        for name, weight in self.nets.named_parameters():
            heavy = weight.ndim == 2 and "transformer_blocks" in name and "norm" not in name
            (matrices if heavy else others).append(weight)
        self.optimizers = (
            torch.optim.Muon(
                matrices,
                lr=recipe.peak,
                weight_decay=0.02,
                ns_steps=4,
                adjust_lr_fn="match_rms_adamw",
            ),
            torch.optim.AdamW(others, lr=recipe.peak * 0.75, betas=(0.9, 0.98), weight_decay=0.0),
        )
        self.step = 0
        self.log: list[dict[str, float]] = []

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
        """Take up where a saved one stopped."""
        state = torch.load(path, weights_only=False)
        self.nets.load_state_dict(state["nets"])
        self.mean.load_state_dict(state["mean"])
        for optimizer, stored in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(stored)
        self.step, self.log = state["step"], state["log"]

    def update(self, loss: torch.Tensor, share: float) -> None:
        """One step of the optimizers with a share of their learning rate, and of the average."""
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.nets.parameters(), 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group.setdefault("peak", group["lr"])
                group["lr"] = group["peak"] * share
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        keep = min(0.9995, 1 - 10 / (100 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.mean.parameters()), list(self.nets.parameters()), 1 - keep
            )


class Clock:
    """Tells how long a run still lasts; a file named `settle` makes it end soon."""

    def __init__(self, sign: Path, recipe: Recipe) -> None:
        self.sign = sign
        self.settle = recipe.settle_minutes * 60
        self.end = time.monotonic() + recipe.minutes * 60

    def left(self) -> float:
        """Minutes to the end."""
        if self.sign.exists():
            self.sign.unlink()
            self.end = min(self.end, time.monotonic() + self.settle)
        return (self.end - time.monotonic()) / 60


def train(folder: Path, recipe: Recipe) -> None:
    """Train for the recipe's minutes, from the checkpoint where there is one."""
    torch.set_flush_denormal(True)
    learner, path = Learner(recipe), folder / "flow.pt"
    if path.exists():
        learner.load(path)
    examples = Examples(folder / "data", recipe.device)
    chance = np.random.default_rng((1, learner.step))
    torch.manual_seed(learner.step)
    begun = saved = time.monotonic()
    began_at, losses = learner.step, []
    clock = Clock(folder / "settle", recipe)
    while (left := clock.left()) > 0:
        batch = examples.draw(recipe.batch, 0.1, chance)
        distilling = learner.step >= recipe.distil_from
        with sdpa_kernel(_attention(recipe)):
            loss, plain = _loss(learner, batch, recipe, distilling)
        rise = min(1.0, (learner.step - began_at + 1) / 150)
        learner.update(loss, rise * min(1.0, 0.02 + left / recipe.settle_minutes))
        losses.append(plain)
        if learner.step % recipe.log_every == 0:
            _report(learner, float(np.mean(losses)), (time.monotonic() - begun) / 60, distilling)
            losses = []
        if time.monotonic() - saved > recipe.save_minutes * 60:
            learner.save(path)
            saved = time.monotonic()
    learner.save(path)
    (folder / "flow.json").write_text(json.dumps(learner.log))


def _attention(recipe: Recipe) -> list[SDPBackend]:
    """On a CPU plain products are faster than flash attention for so few tokens."""
    if recipe.device == "cpu":
        return [SDPBackend.MATH]
    return [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


def velocity(
    nets: torch.nn.ModuleList,
    noisy: torch.Tensor,
    grid: tuple[int, int],
    wish: tuple[torch.Tensor, ...],
) -> torch.Tensor:
    """What the transformer answers; `wish` is sigma, guidance, text states and pooled state."""
    sigma, guidance, states, pooled = wish
    rows, columns = grid
    places = torch.zeros(rows * columns, 3, device=noisy.device)
    places[:, 1] = torch.arange(rows, device=noisy.device).repeat_interleave(columns)
    places[:, 2] = torch.arange(columns, device=noisy.device).repeat(rows)
    answer = nets[0](
        hidden_states=noisy,
        timestep=sigma,
        guidance=guidance,
        pooled_projections=pooled,
        encoder_hidden_states=states,
        txt_ids=torch.zeros(TOKENS, 3, device=noisy.device),
        img_ids=places,
        return_dict=False,
    )
    return answer[0].float()


def read_text(
    nets: torch.nn.ModuleList, t5: torch.Tensor, clip: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """T5's states and CLIP's pooled state."""
    return nets[1](t5)[0], nets[2](clip).pooler_output


def _loss(
    learner: Learner, batch: Batch, recipe: Recipe, distilling: bool
) -> tuple[torch.Tensor, float]:
    count, device = len(batch.latents), recipe.device
    sigma = torch.sigmoid(0.35 + 1.1 * torch.randn(count, device=device))
    noise = torch.randn_like(batch.latents)
    level = sigma[:, None, None]
    noisy = (1 - level) * batch.latents + level * noise
    target, guidance = noise - batch.latents, torch.ones(count, device=device)
    taught = count // 3 if distilling else 0
    kind = torch.device(device).type
    if taught:
        low, high = GUIDANCE
        guidance[:taught] = low + (high - low) * torch.rand(taught, device=device)
        with torch.no_grad(), torch.autocast(kind, torch.bfloat16):
            target[:taught] = _guided(learner, batch, (noisy[:taught], sigma, guidance))
    with torch.autocast(kind, torch.bfloat16):
        states, pooled = read_text(learner.nets, batch.t5, batch.clip)
        answer = velocity(learner.nets, noisy, batch.grid, (sigma, guidance, states, pooled))
    error = (answer - target).pow(2).mean(2)
    # Only where the picture is already clear: in pure noise the weight would invite extra suns.
    weight = 1 + recipe.small_things * batch.weights * (1 - sigma)[:, None]
    loss = (error * weight).sum() / weight.sum()
    return loss, float(error[taught:].detach().mean())


def _guided(learner: Learner, batch: Batch, state: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Classifier-free guidance by the averaged networks: what the student shall answer at once."""
    noisy, sigma, guidance = state
    taught = len(noisy)
    empty = [
        torch.from_numpy(encode_words("", begins=begins)).long().to(noisy.device)[None]
        for begins in (False, True)
    ]
    t5, clip = torch.cat([batch.t5[:taught], empty[0]]), torch.cat([batch.clip[:taught], empty[1]])
    states, pooled = read_text(learner.mean, t5, clip)
    plain = torch.ones(2 * taught, device=noisy.device)
    both = torch.cat([states[:taught], states[taught:].expand(taught, -1, -1)])
    pools = torch.cat([pooled[:taught], pooled[taught:].expand(taught, -1)])
    wish = (sigma[:taught].repeat(2), plain, both, pools)
    told, free = velocity(learner.mean, noisy.repeat(2, 1, 1), batch.grid, wish).chunk(2)
    return free + guidance[:taught, None, None] * (told - free)


def _report(learner: Learner, loss: float, minutes: float, distilling: bool) -> None:
    entry = {"step": learner.step, "minutes": round(minutes, 2), "loss": round(loss, 4)}
    learner.log.append({**entry, "distilling": float(distilling)})
    print(json.dumps(learner.log[-1]), flush=True)
