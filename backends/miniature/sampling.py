"""Runs the miniature: FLUX's schedule, text-to-image and image-to-image, step by step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backends.miniature import weights as files
from backends.miniature.autoencoder import Autoencoder, Bytes
from backends.miniature.encoders import T5, Clip
from backends.miniature.lexicon import Lexicon
from backends.miniature.transformer import Transformer
from backends.miniature.weights import Floats
from core.noise import blend_weights

Sizes = tuple[tuple[int, int], ...]
PATCH = 16  # pixels along a side of one token


@dataclass(frozen=True, slots=True)
class Order:
    """One image at the model's own size; with `picture`, `strength` tells how far to leave it.

    `variation_strength` tells how far its noise is from the seed's, towards the variation seed's.
    """

    prompt: str
    size: tuple[int, int]
    steps: int = 20
    guidance: float = 3.5
    seed: int = 0
    picture: Bytes | None = None
    strength: float = 1.0
    variation_seed: int = 0
    variation_strength: float = 0.0


@dataclass(frozen=True, slots=True)
class Sketch:
    """After a step: which it was, of how many, and the latents the image is heading for."""

    step: int
    total: int
    latents: Floats


class Flux:
    """The whole model. It keeps no state between images."""

    def __init__(self, weights: files.Weights) -> None:
        self.lexicon = Lexicon(weights)
        self.sizes = weights.sizes
        self.autoencoder = Autoencoder(weights.part("vae"), weights.part("preview"))
        self._t5 = T5(weights.part("t5"))
        self._clip = Clip(weights.part("clip"))
        self._transformer = Transformer(weights.part("flux"))

    def sketch(self, order: Order, noise: Floats | None = None) -> Iterator[Sketch]:
        """Denoise step by step; the last sketch is the finished image's latents."""
        width, height = order.size
        grid = height // PATCH, width // PATCH
        sigmas = schedule(order.steps, grid[0] * grid[1])
        shape = (self.autoencoder.channels, 2 * grid[0], 2 * grid[1])
        if noise is None:
            noise = noise_of(order, shape)
        if order.picture is None:
            first, latents = 0, noise
        else:
            first = int(max(order.steps - min(order.steps * order.strength, order.steps), 0))
            given, level = self.autoencoder.encode(order.picture), sigmas[first]
            latents = level * noise + (1 - level) * given
        yield from self._denoise(order, (pack(latents), grid), sigmas[first:])

    def _denoise(
        self, order: Order, start: tuple[Floats, tuple[int, int]], sigmas: Floats
    ) -> Iterator[Sketch]:
        tokens, grid = start
        total = len(sigmas) - 1
        if not total:
            yield Sketch(0, 0, unpack(tokens, grid))
            return
        states = self._t5(self.lexicon.tokens(order.prompt, begins=False))
        pooled = self._clip(self.lexicon.tokens(order.prompt, begins=True))
        wish = self._transformer.prepare(states, pooled, grid)
        modulations = self._transformer.modulations(wish, sigmas[:-1], order.guidance)
        for step in range(total):
            velocity = self._transformer(tokens, wish, modulations[step])
            aim = tokens - sigmas[step] * velocity
            tokens = tokens + (sigmas[step + 1] - sigmas[step]) * velocity
            last = step == total - 1
            yield Sketch(step + 1, total, unpack(tokens if last else aim, grid))

    def paint(self, order: Order, noise: Floats | None = None) -> Bytes:
        """The finished image at the model's own size."""
        *_, last = self.sketch(order, noise)
        return self.autoencoder.decode(last.latents)


def open_model(folder: Path) -> Flux:
    """The model from its files; raises `NotReadyError`."""
    weights = files.load(folder)
    try:
        return Flux(weights)
    except (LookupError, ValueError) as error:  # an array is missing or of another shape
        raise files.other_version() from error


def size_for(width: int, height: int, sizes: Sizes) -> tuple[int, int]:
    """The trained size whose shape is nearest."""
    wanted = math.log(width / height)
    return min(sizes, key=lambda size: abs(math.log(size[0] / size[1]) - wanted))


def noise_of(order: Order, shape: tuple[int, ...]) -> Floats:
    """Draw the noise an image begins with, and blend that of the variation seed into it."""
    noise = np.random.default_rng(order.seed).standard_normal(shape, np.float32)
    if order.variation_strength <= 0:
        return noise
    other = np.random.default_rng(order.variation_seed).standard_normal(shape, np.float32)
    lengths = float(np.linalg.norm(noise) * np.linalg.norm(other))
    own, theirs = blend_weights(float(np.vdot(noise, other)) / lengths, order.variation_strength)
    return (np.float32(own) * noise + np.float32(theirs) * other).astype(np.float32)


def schedule(steps: int, tokens: int) -> Floats:
    """FLUX's noise levels, one more than steps: shifted towards noise for large images."""
    shift = math.exp(0.5 + (1.15 - 0.5) / (4096 - 256) * (tokens - 256))
    even = np.linspace(1.0, 1 / steps, steps)
    sigmas = shift / (shift + (1 / even - 1))
    return np.append(sigmas, 0).astype(np.float32)


def pack(latents: Floats) -> Floats:
    """2 x 2 latents become one token of four times as many numbers."""
    channels, rows, columns = latents.shape
    blocks = latents.reshape(channels, rows // 2, 2, columns // 2, 2).transpose(1, 3, 0, 2, 4)
    return np.ascontiguousarray(blocks.reshape(rows * columns // 4, channels * 4))


def unpack(tokens: Floats, grid: tuple[int, int]) -> Floats:
    """The inverse of `pack` for rows x columns of tokens."""
    blocks = tokens.reshape(*grid, -1, 2, 2).transpose(2, 0, 3, 1, 4)
    return np.ascontiguousarray(blocks.reshape(-1, 2 * grid[0], 2 * grid[1]))
