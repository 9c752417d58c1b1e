"""The blocks that FLUX's transformer is a row of: attention between words and image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from backends.miniature.layers import (
    Linear,
    Named,
    gelu,
    join_heads,
    linear,
    normalize,
    scale_to_unit,
    softmax,
    split_heads,
)
from backends.miniature.weights import Floats

HEAD = 32
# Both halves of every rotated pair apart, so that turning them is four plain products.
_APART = np.concatenate([np.arange(0, HEAD, 2), np.arange(1, HEAD, 2)])


@dataclass(frozen=True, slots=True)
class Turns:
    """The rotary embedding of every place: cosines and sines, (tokens, half a head)."""

    cosine: Floats
    sine: Floats

    def __call__(self, values: Floats) -> Floats:
        """Queries or keys (heads, tokens, head), turned."""
        half = HEAD // 2
        even, odd = values[..., :half], values[..., half:]
        turned = np.empty_like(values)
        turned[..., :half] = even * self.cosine - odd * self.sine
        turned[..., half:] = even * self.sine + odd * self.cosine
        return turned


class _Projection:
    """Queries, keys and values in one product; queries and keys come out at unit scale."""

    def __init__(self, weights: Named, names: tuple[str, str, str], norms: tuple[str, str]) -> None:
        fused = linear(weights, *names)
        width = fused.matrix.shape[1] // 3
        heads = width // HEAD
        order = (np.arange(heads)[:, None] * HEAD + _APART).ravel()
        order = np.concatenate([order, order + width, np.arange(2 * width, 3 * width)])
        bias = None if fused.bias is None else fused.bias[order]
        self.layer = Linear(np.ascontiguousarray(fused.matrix[:, order]), bias)
        self.heads = heads
        self._query = weights[norms[0]][_APART] * np.float32(1 / math.sqrt(HEAD))
        self._key = weights[norms[1]][_APART]

    def __call__(self, values: Floats) -> tuple[Floats, Floats, Floats]:
        return self.split(self.layer(values))

    def split(self, fused: Floats) -> tuple[Floats, Floats, Floats]:
        """The three parts of what the layer gave, by heads."""
        query, key, value = (split_heads(part, self.heads) for part in np.split(fused, 3, axis=1))
        return scale_to_unit(query, self._query), scale_to_unit(key, self._key), value


class DoubleBlock:
    """Words and image with weights of their own, attending to each other."""

    def __init__(self, weights: Named, name: str) -> None:
        attention = f"{name}.attn"
        self._image = _Projection(
            weights,
            (f"{attention}.to_q", f"{attention}.to_k", f"{attention}.to_v"),
            (f"{attention}.norm_q.weight", f"{attention}.norm_k.weight"),
        )
        self._words = _Projection(
            weights,
            (f"{attention}.add_q_proj", f"{attention}.add_k_proj", f"{attention}.add_v_proj"),
            (f"{attention}.norm_added_q.weight", f"{attention}.norm_added_k.weight"),
        )
        self._outs = (
            linear(weights, f"{attention}.to_out.0"),
            linear(weights, f"{attention}.to_add_out"),
        )
        self._feeds = tuple(
            (linear(weights, f"{name}.{feed}.net.0.proj"), linear(weights, f"{name}.{feed}.net.2"))
            for feed in ("ff", "ff_context")
        )

    def __call__(
        self, image: Floats, words: Floats, parts: tuple[list[Floats], list[Floats]], turns: Turns
    ) -> tuple[Floats, Floats]:
        of_words = self._words(modulated(words, parts[1][0], parts[1][1]))
        of_image = self._image(modulated(image, parts[0][0], parts[0][1]))
        query, key, value = (
            np.concatenate(pair, axis=1) for pair in zip(of_words, of_image, strict=True)
        )
        mixed = _attend(query, key, value, turns)
        return (
            self._advance(image, mixed[len(words) :], 0, parts[0]),
            self._advance(words, mixed[: len(words)], 1, parts[1]),
        )

    def _advance(self, stream: Floats, seen: Floats, number: int, parts: list[Floats]) -> Floats:
        """One stream after what it has seen, and after its feed-forward layers."""
        _, _, gate, shift, scale, last = parts
        after = stream + gate * self._outs[number](seen)
        first, second = self._feeds[number]
        after += last * second(gelu(first(modulated(after, shift, scale))))
        return after


class SingleBlock:
    """Words and image as one row of tokens; attention and feed-forward side by side."""

    def __init__(self, weights: Named, name: str) -> None:
        attention = f"{name}.attn"
        self._project = _Projection(
            weights,
            (f"{attention}.to_q", f"{attention}.to_k", f"{attention}.to_v"),
            (f"{attention}.norm_q.weight", f"{attention}.norm_k.weight"),
        )
        self._feed = linear(weights, f"{name}.proj_mlp")
        self._out = linear(weights, f"{name}.proj_out")

    def __call__(self, tokens: Floats, parts: list[Floats], turns: Turns) -> Floats:
        shift, scale, gate = parts
        inner = modulated(tokens, shift, scale)
        seen = _attend(*self._project(inner), turns)
        return tokens + gate * self._out(np.concatenate([seen, gelu(self._feed(inner))], axis=1))


def _attend(query: Floats, key: Floats, value: Floats, turns: Turns) -> Floats:
    scores = turns(query) @ turns(key).transpose(0, 2, 1)
    return join_heads(softmax(scores) @ value)


def modulated(values: Floats, shift: Floats, scale: Floats) -> Floats:
    """The values normalized, then scaled and shifted."""
    result = normalize(values)
    result *= 1 + scale
    result += shift
    return result
