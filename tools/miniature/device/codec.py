"""Trains the autoencoder so that its latents are easy to generate.

It begins near the closed form, the strongest principal components of 8 x 8 pixels, and is let go
from there. Three things are asked besides drawing the image again: the decoder gets its latents
noisy, so that small errors of the flow do not show (l-DeTok, 2025); latents that are turned and
made smaller must give the image turned and made smaller (EQ-VAE, 2025); and there are half as
many channels as FLUX has.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tools.miniature.device.clock import Clock, Log
from tools.miniature.plain import LATENT_BOUND, LATENT_CHANNELS, Autoencoder

PEAK = 2e-3
MOST_NOISE = 0.4
BLOTCHES = 0.12
"""The strongest noise that is the same over 2 x 2 latents."""
RIMS = 6.0
"""How much more a pixel counts for each step of brightness to its neighbour."""
LET_GO = (0.1, 0.5)
"""Between these shares of the time the closed form counts less and less."""
HELD = 0.01
"""How much it counts in the end."""
SIDE = 8
FLATTENING = 0.15  # how much of a component's strength its latent channel keeps (exponent)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is trained on at once."""

    batch: int = 64
    crop: int = 128
    log_every: int = 100


class Codec:
    """The autoencoder while it learns, its average, and the closed form it begins at."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.model = Autoencoder().to(device, memory_format=torch.channels_last)
        self.mean = copy.deepcopy(self.model).requires_grad_(False)
        self.form: tuple[Tensor, Tensor] | None = None

    def folded(self) -> Autoencoder:
        """The average, whose `encode` gives latents divided by the bound, as diffusers has them."""
        model = copy.deepcopy(self.mean).float()
        last = model.encoder["layers"][-1]
        last.weight.div_(LATENT_BOUND)
        last.bias.div_(LATENT_BOUND)
        return model

    def state(self) -> dict[str, Tensor]:
        """What a later run goes on from."""
        kept = dict(self.mean.state_dict())
        if self.form:
            kept |= {"form.kernel": self.form[0], "form.bias": self.form[1]}
        return kept

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a state."""
        nets = {name: value for name, value in state.items() if not name.startswith("form.")}
        for model in (self.model, self.mean):
            model.load_state_dict(nets)
        if len(nets) < len(state):
            kernel, bias = (state[f"form.{name}"].to(self.device) for name in ("kernel", "bias"))
            self.form = kernel, bias


@torch.no_grad()
def closed_form(pictures: Tensor, channels: int) -> tuple[Tensor, Tensor]:
    """A kernel and a bias whose convolution by whole steps gives components as latents."""
    flat = _patches(pictures).flatten(0, 1)
    flat = flat[:: max(1, len(flat) // 200_000)].double()
    mean = flat.mean(0)
    values, vectors = torch.linalg.eigh((flat - mean).T @ (flat - mean) / len(flat))
    values, basis = values.flip(0)[:channels], vectors.flip(1)[:, :channels]
    strength = values**FLATTENING
    scale = strength / strength.pow(2).mean().sqrt() / values.sqrt()
    kernel = (basis * scale).T
    return kernel.float(), -(kernel @ mean).float()


def _patches(pictures: Tensor) -> Tensor:
    """The 8 x 8 pixels (n, places, 192) of images (n, 3, height, width)."""
    return functional.unfold(pictures, SIDE, stride=SIDE).transpose(1, 2)


def train(codec: Codec, pictures: Tensor, clock: Clock, log: Log, plan: Plan) -> None:
    """Train on byte images (n, height, width, 3) until the clock's end; the average is kept."""
    weights = list(codec.model.parameters())
    optimizer = torch.optim.AdamW(weights, PEAK, betas=(0.9, 0.98), weight_decay=1e-5)
    chance, step, ease = np.random.default_rng(0), 0, 1.0
    some = pictures[:: max(1, len(pictures) // 400)].permute(0, 3, 1, 2).float().div(255)
    codec.form = codec.form or closed_form(some, LATENT_CHANNELS)
    kept = copy.deepcopy(codec.state())
    while (passed := clock.passed()) < 1:
        rise = min(1.0, (step + 1) / 200)
        share = rise * min(1.0, 0.01 + 1.6 * (1 - passed)) * ease
        optimizer.param_groups[0]["lr"] = PEAK * share
        loss = _loss(codec, _crops(pictures, plan, chance), passed, chance)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        step += 1
        with torch.no_grad():
            rate = max(0.002, 9 / (10 + step))
            torch._foreach_lerp_(list(codec.mean.parameters()), weights, rate)
        if step % plan.log_every == 0:
            value = float(loss.detach())
            log.say("codec", step=step, loss=value, passed=passed)
            if np.isfinite(value):
                kept = copy.deepcopy(codec.state())
            else:
                codec.load(kept)
                ease *= 0.5
    log.say("codec", step=step, decibels=decibels(codec, pictures[:16]))


def _crops(pictures: Tensor, plan: Plan, chance: np.random.Generator) -> Tensor:
    """Squares of random images, 0..1."""
    _, height, width, _ = pictures.shape
    side = min(plan.crop, height, width)
    picks = torch.from_numpy(chance.integers(0, len(pictures), plan.batch)).to(pictures.device)
    top = 8 * int(chance.integers(0, (height - side) // 8 + 1))
    left = 8 * int(chance.integers(0, (width - side) // 8 + 1))
    squares = pictures[:, top : top + side, left : left + side].index_select(0, picks)
    return squares.permute(0, 3, 1, 2).float().div(255)


def _loss(codec: Codec, pictures: Tensor, passed: float, chance: np.random.Generator) -> Tensor:
    """How far the decoder is from the image, or from what has become of it."""
    kind = torch.device(codec.device).type
    with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
        found = codec.model.encode(pictures.contiguous(memory_format=torch.channels_last))
        latents, wanted = found.float(), pictures
        reined = _reined(codec, latents, pictures, passed)
        if chance.random() < 0.5:
            latents, wanted = _moved(latents, wanted, chance)
        latents = _noisy(latents) / LATENT_BOUND
        painted = codec.model.decode(latents.contiguous(memory_format=torch.channels_last))
    off = painted.float() - wanted
    down, across = wanted.diff(dim=2).abs().amax(1), wanted.diff(dim=3).abs().amax(1)
    rims = functional.pad(down, (0, 0, 0, 1)) + functional.pad(across, (0, 1))
    weight = 1 + RIMS * functional.max_pool2d(rims[:, None], 3, 1, 1).clamp(max=1)
    edges = off.diff(dim=2).abs().mean() + off.diff(dim=3).abs().mean()
    return (weight * (off.abs() + 2 * off.pow(2))).mean() + edges + reined


def _reined(codec: Codec, latents: Tensor, pictures: Tensor, passed: float) -> Tensor:
    """How far the latents are from the closed form, and from mean 0 and strength 1."""
    if codec.form is None:
        raise ValueError("the closed form is not known yet")
    kernel, bias = codec.form
    closed = (_patches(pictures) @ kernel.T + bias).transpose(1, 2).view_as(latents)
    begin, end = LET_GO
    held = max(HELD, 1 - max(0.0, passed - begin) / (end - begin))
    power = latents.pow(2).mean() - 1
    return held * (latents - closed).pow(2).mean() + 0.1 * power.pow(2)


def _moved(latents: Tensor, pictures: Tensor, chance: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Both turned by right angles and made smaller alike."""
    turns = int(chance.integers(0, 4))
    latents, pictures = (torch.rot90(part, turns, (2, 3)) for part in (latents, pictures))
    side = latents.shape[2]
    small = int(chance.choice((4, 5, 6, 7, 8))) * side // 8
    if small < side:
        latents = _smaller(latents, small)
        pictures = _smaller(pictures, 8 * small)
    return latents, pictures


def _smaller(values: Tensor, side: int) -> Tensor:
    return functional.interpolate(
        values.float(), (side, side), mode="bilinear", antialias=True, align_corners=False
    )


def _noisy(latents: Tensor) -> Tensor:
    """Noise of another level for every image; a quarter of them stays clean."""
    count, channels, rows, columns = latents.shape
    level = torch.rand(count, 1, 1, 1, device=latents.device) * MOST_NOISE
    level = level * (torch.rand_like(level) > 0.25)
    size = (count, channels, -(-rows // 2), -(-columns // 2))
    broad = torch.randn(size, device=latents.device)
    broad = broad.repeat_interleave(2, 2).repeat_interleave(2, 3)[:, :, :rows, :columns]
    fine = torch.randn_like(latents)
    return latents + level * (fine + BLOTCHES / MOST_NOISE * broad)


@torch.no_grad()
def encoded(model: Autoencoder, pictures: Tensor, batch: int = 256) -> Tensor:
    """Latents (n, channels, rows, columns) of byte images, of strength 1 on average."""
    kind = pictures.device.type
    parts = []
    for some in pictures.split(batch):
        shares = some.permute(0, 3, 1, 2).float().div(255)
        with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
            found = model.encode(shares.contiguous(memory_format=torch.channels_last))
        parts.append((found.float() * LATENT_BOUND).to(_kept(kind)))
    return torch.cat(parts)


def _kept(kind: str) -> torch.dtype:
    return torch.float16 if kind == "cuda" else torch.float32


@torch.no_grad()
def decibels(codec: Codec, pictures: Tensor) -> dict[str, float]:
    """How near the images come back, from clean latents and from noisy ones."""
    model = codec.folded()
    wanted = pictures.permute(0, 3, 1, 2).float().div(255)
    latents = model.encode(wanted)
    found = {}
    for level in (0.0, 0.1, 0.2, 0.4):
        noisy = latents + level * torch.randn_like(latents) / LATENT_BOUND
        off = model.decode(noisy).clamp(0, 1) - wanted
        found[str(level)] = round(-10 * float(off.pow(2).mean().log10()), 2)
    return found


@torch.no_grad()
def shares_of_channels(model: Autoencoder, pictures: Tensor) -> Tensor:
    """How much each latent channel moves the image, 1 on average, within 0.5 and 2."""
    wanted = pictures.permute(0, 3, 1, 2).float().div(255)
    latents = model.encode(wanted)
    plain = model.decode(latents)
    moved = []
    for channel in range(latents.shape[1]):
        other = latents.clone()
        other[:, channel] += 0.3 / LATENT_BOUND * torch.randn_like(other[:, channel])
        moved.append((model.decode(other) - plain).pow(2).mean().sqrt())
    found = torch.stack(moved)
    found = (found / found.mean()).clamp(0.5, 2.0)
    return found / found.mean()
