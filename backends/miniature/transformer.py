"""FLUX's transformer in NumPy: what to change in a noisy image, given a prompt."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from backends.miniature.blocks import HEAD, DoubleBlock, SingleBlock, Turns, modulated
from backends.miniature.layers import Named, linear, silu
from backends.miniature.weights import Floats

AXES = (8, 12, 12)
WAVES = 256


@dataclass(frozen=True, slots=True)
class Wish:
    """A prompt as the transformer takes it: token states and the part of every modulation."""

    context: Floats
    pooled: Floats
    turns: Turns


class Transformer:
    """`prepare` once for a prompt and `modulations` once for a schedule, then one call a step."""

    def __init__(self, weights: Named) -> None:
        width = weights["x_embedder.weight"].shape[0]
        self._heads = width // HEAD
        self._into = linear(weights, "x_embedder")
        self._context = linear(weights, "context_embedder")
        self._out = linear(weights, "proj_out")
        self._embedders = {
            name: _Embedder(weights, f"time_text_embed.{name}_embedder")
            for name in ("timestep", "guidance", "text")
        }
        doubles = _count(weights, "transformer_blocks")
        singles = _count(weights, "single_transformer_blocks")
        names = [
            f"transformer_blocks.{number}.{norm}.linear"
            for number in range(doubles)
            for norm in ("norm1", "norm1_context")
        ]
        names += [f"single_transformer_blocks.{number}.norm.linear" for number in range(singles)]
        self._modulation = linear(weights, *names, "norm_out.linear")
        self._doubles = [
            DoubleBlock(weights, f"transformer_blocks.{number}") for number in range(doubles)
        ]
        self._singles = [
            SingleBlock(weights, f"single_transformer_blocks.{number}") for number in range(singles)
        ]

    def prepare(self, states: Floats, pooled: Floats, grid: tuple[int, int]) -> Wish:
        """What depends on the prompt and the image's rows and columns of tokens alone."""
        turns = _turns(len(states), grid)
        return Wish(self._context(states), self._embedders["text"](pooled[None]), turns)

    def modulations(self, wish: Wish, sigmas: Floats, guidance: float) -> Floats:
        """(steps, all shifts, scales and gates) for every noise level at once."""
        moment = self._embedders["timestep"](_waves(sigmas * np.float32(1000)))
        pull = self._embedders["guidance"](_waves(np.array([guidance * 1000], np.float32)))
        return self._modulation(silu(moment + pull + wish.pooled))

    def __call__(self, picture: Floats, wish: Wish, modulation: Floats) -> Floats:
        """The velocity of packed latents (tokens, 64), under one row of `modulations`."""
        parts = iter(modulation.reshape(-1, self._heads * HEAD))
        image, context = self._into(picture), wish.context
        for double in self._doubles:
            image, context = double(image, context, (take(parts, 6), take(parts, 6)), wish.turns)
        both = np.concatenate([context, image])
        for single in self._singles:
            both = single(both, take(parts, 3), wish.turns)
        scale, shift = take(parts, 2)
        return self._out(modulated(both[len(context) :], shift, scale))


class _Embedder:
    def __init__(self, weights: Named, name: str) -> None:
        self._first = linear(weights, f"{name}.linear_1")
        self._second = linear(weights, f"{name}.linear_2")

    def __call__(self, values: Floats) -> Floats:
        return self._second(silu(self._first(values)))


def _count(weights: Named, name: str) -> int:
    found = {key.split(".")[1] for key in weights if key.startswith(f"{name}.")}
    return len(found)


def _waves(moments: Floats) -> Floats:
    """Sinusoids of each number, as in the first transformer: cosines, then sines."""
    half = WAVES // 2
    pitches = np.exp(-math.log(10_000) * np.arange(half, dtype=np.float32) / half)
    angles = moments[:, None] * pitches.astype(np.float32)
    waves: Floats = np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    return waves


def _turns(words: int, grid: tuple[int, int]) -> Turns:
    rows, columns = grid
    places = np.zeros((words + rows * columns, 3))
    places[words:, 1] = np.repeat(np.arange(rows), columns)
    places[words:, 2] = np.tile(np.arange(columns), rows)
    angles = np.concatenate(
        [
            places[:, axis : axis + 1] / 10_000 ** (np.arange(0, width, 2) / width)
            for axis, width in enumerate(AXES)
        ],
        axis=1,
    )
    return Turns(np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32))


def take(parts: Iterator[Floats], count: int) -> list[Floats]:
    """The next so many of the parts."""
    return [next(parts) for _ in range(count)]
