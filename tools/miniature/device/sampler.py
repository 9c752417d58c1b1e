"""Paints a sheet on the device, to see at a glance what has been learned."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tools.miniature.captions import describe
from tools.miniature.device.flow import Learner
from tools.miniature.device.store import for_clip
from tools.miniature.plain import LATENT_BOUND, Autoencoder, unpack
from tools.miniature.scenes import scene_of
from tools.miniature.words import encode_words

PROMPTS = (
    "blue sky , big yellow sun left , green hill , red house right",
    "red sky , white sun center , blue mountain , black sea",
    "sunset sky , small red sun right , purple sea , white boat left",
    "night sky , star , big white moon center , blue hill , yellow house left",
    "pink sky , two red houses , green hill",
    "blue sky , three white boats , blue sea",
    "blue sky , red house left , green tree right , yellow hill",
    "dawn sky , blue sea , red boat left , yellow boat right",
    "green sun center , blue sky , white snow",
    "house between two trees , yellow sky",
    "red balloon alone , blue sky , green hill",
    "orange desert , purple mountain , blue sky , big orange sun right",
    "teal sky , pink tree , brown hill",
    "white sky , black house , white snow",
    "dark blue sky , bright yellow moon left , grey mountain",
    "three balloons , blue sky , green hill",
    "red sun behind mountain , orange sky",
    "snowy blue mountain , pine , snow",
)
HELD_OUT = 90_000_000
COLUMNS = 6


@torch.no_grad()
def paint(
    learner: Learner, captions: list[str], size: tuple[int, int], guidance: float, steps: int = 20
) -> Tensor:
    """Latents (n, channels, rows, columns) of captions, by the averaged networks."""
    device, mean = learner.device, learner.mean
    rows, columns = size[1] // 16, size[0] // 16
    t5 = torch.from_numpy(np.stack([encode_words(text, begins=False) for text in captions]))
    t5 = t5.long().to(device)
    states, pooled = mean["t5"](t5), mean["clip"](for_clip(t5))
    chance = torch.Generator().manual_seed(0)
    shape = (len(captions), rows * columns, mean["flux"].x_embedder.in_features)  # type: ignore[union-attr]
    tokens = torch.randn(shape, generator=chance).to(device)
    plain = torch.ones(len(captions), device=device)
    sigmas = _schedule(steps, rows * columns)
    for now, then in pairwise(sigmas):
        wish = now * plain, guidance * plain, states, pooled
        velocity = mean["flux"](tokens, wish, learner.turns((rows, columns)), -1)[0]
        tokens = tokens + (then - now) * velocity.float()
    return unpack(tokens, (rows, columns))


@torch.no_grad()
def draw_sheet(learner: Learner, codec: Autoencoder, path: Path, side: int) -> None:
    """Write the prompts' images, guided, and below them those of drawn captions."""
    drawn = [describe(scene_of(HELD_OUT + n), np.random.default_rng(n)) for n in range(COLUMNS)]
    latents = paint(learner, [*PROMPTS, *drawn], (side, side), 3.5)
    shares = codec.decode(latents / LATENT_BOUND).clamp(0, 1).mul(255).round()
    pictures = shares.permute(0, 2, 3, 1).to(torch.uint8).cpu().numpy()
    rows = [np.concatenate(list(pictures[n : n + COLUMNS]), axis=1)
            for n in range(0, len(pictures), COLUMNS)]  # fmt: skip
    Image.fromarray(np.concatenate(rows, axis=0)).save(path, quality=88)


def _schedule(steps: int, tokens: int) -> list[float]:
    """FLUX's noise levels, one more than steps."""
    shift = math.exp(0.5 + (1.15 - 0.5) / (4096 - 256) * (tokens - 256))
    even = [1 - number / steps for number in range(steps)]
    return [*(shift / (shift + (1 / level - 1)) for level in even), 0.0]
