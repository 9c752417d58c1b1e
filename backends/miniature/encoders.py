"""The two text encoders, T5-style and CLIP-style, for one prompt at a time."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from backends.miniature.layers import (
    Named,
    gelu,
    join_heads,
    linear,
    normalize,
    scale_to_unit,
    softmax,
    split_heads,
)
from backends.miniature.lexicon import END
from backends.miniature.weights import Floats

HEADS = 4
BUCKETS = 32
FAR = 64


class T5:
    """States for every token, which the image attends to."""

    def __init__(self, weights: Named) -> None:
        self._weights = weights
        self._layers = sum(name.endswith("SelfAttention.q.weight") for name in weights)

    def __call__(self, ids: NDArray[np.int64]) -> Floats:
        """(tokens, width) states of the token ids."""
        weights = self._weights
        states = weights["shared.weight"][ids]
        table = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        bias = weights[table][_distances(len(ids))].transpose(2, 0, 1)
        for number in range(self._layers):
            name = f"encoder.block.{number}.layer"
            states = states + self._attention(f"{name}.0", states, bias)
            inner = scale_to_unit(states, weights[f"{name}.1.layer_norm.weight"])
            gate = gelu(linear(weights, f"{name}.1.DenseReluDense.wi_0")(inner))
            gate *= linear(weights, f"{name}.1.DenseReluDense.wi_1")(inner)
            states = states + linear(weights, f"{name}.1.DenseReluDense.wo")(gate)
        return scale_to_unit(states, weights["encoder.final_layer_norm.weight"])

    def _attention(self, name: str, states: Floats, bias: Floats) -> Floats:
        inner = scale_to_unit(states, self._weights[f"{name}.layer_norm.weight"])
        query, key, value = (
            split_heads(linear(self._weights, f"{name}.SelfAttention.{letter}")(inner), HEADS)
            for letter in "qkv"
        )
        mixed = softmax(query @ key.transpose(0, 2, 1) + bias) @ value
        return linear(self._weights, f"{name}.SelfAttention.o")(join_heads(mixed))


class Clip:
    """One pooled state for the whole prompt, which modulates every block."""

    def __init__(self, weights: Named) -> None:
        self._weights = weights
        self._layers = sum(name.endswith("self_attn.q_proj.weight") for name in weights)

    def __call__(self, ids: NDArray[np.int64]) -> Floats:
        """The state (width,) at the first end token."""
        weights, count = self._weights, len(ids)
        states = weights["embeddings.token_embedding.weight"][ids]
        states = states + weights["embeddings.position_embedding.weight"][:count]
        future = np.triu(np.full((count, count), -1e9, np.float32), 1)
        for number in range(self._layers):
            name = f"encoder.layers.{number}"
            inner = self._norm(f"{name}.layer_norm1", states)
            query, key, value = (
                split_heads(linear(weights, f"{name}.self_attn.{letter}_proj")(inner), HEADS)
                for letter in "qkv"
            )
            scores = query @ key.transpose(0, 2, 1) / np.float32(math.sqrt(query.shape[-1]))
            mixed = join_heads(softmax(scores + future) @ value)
            states = states + linear(weights, f"{name}.self_attn.out_proj")(mixed)
            inner = linear(weights, f"{name}.mlp.fc1")(self._norm(f"{name}.layer_norm2", states))
            inner = inner / (1 + np.exp(np.float32(-1.702) * inner))
            states = states + linear(weights, f"{name}.mlp.fc2")(inner)
        pooled: Floats = self._norm("final_layer_norm", states)[int(np.argmax(ids == END))]
        return pooled

    def _norm(self, name: str, states: Floats) -> Floats:
        return (
            normalize(states, 1e-5) * self._weights[f"{name}.weight"]
            + self._weights[f"{name}.bias"]
        )


def _distances(count: int) -> NDArray[np.int64]:
    """T5's buckets of how far apart two tokens are: near ones exactly, far ones by logarithm."""
    places = np.arange(count)
    apart = places[None] - places[:, None]
    half = BUCKETS // 2
    exact = half // 2
    size = np.abs(apart)
    rough = np.log(np.maximum(size, 1) / exact) / math.log(FAR / exact) * (half - exact)
    limiter = np.where(size < exact, size, np.minimum(exact + rough.astype(np.int64), half - 1))
    shifted: NDArray[np.int64] = (apart > 0) * half + limiter
    return shifted
