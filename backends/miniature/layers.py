"""The small pieces that all of FLUX's networks are made of, in NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backends.miniature.weights import Floats

Named = dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Linear:
    """A matrix, ready to be multiplied from the right, and what is added."""

    matrix: Floats
    bias: Floats | None = None

    def __call__(self, values: Floats) -> Floats:
        """The values of shape (rows, inputs) as (rows, outputs)."""
        result: Floats = values @ self.matrix
        if self.bias is not None:
            result += self.bias
        return result


def linear(weights: Named, *names: str) -> Linear:
    """One layer of the layers of these names, side by side."""
    matrix = np.concatenate([weights[f"{name}.weight"] for name in names])
    biases = [weights[f"{name}.bias"] for name in names if f"{name}.bias" in weights]
    bias = np.concatenate(biases) if biases else None
    return Linear(np.ascontiguousarray(matrix.T), bias)


def normalize(values: Floats, epsilon: float = 1e-6) -> Floats:
    """Mean 0 and variance 1 over the last axis."""
    centred: Floats = values - values.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    centred /= np.sqrt(variance + np.float32(epsilon))
    return centred


def scale_to_unit(values: Floats, gain: Floats) -> Floats:
    """Root mean square 1 over the last axis, then the gain."""
    power = np.square(values).mean(axis=-1, keepdims=True)
    result: Floats = values / np.sqrt(power + np.float32(1e-6))
    result *= gain
    return result


def softmax(scores: Floats) -> Floats:
    """Shares that sum to 1 over the last axis; overwrites the scores."""
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def silu(values: Floats) -> Floats:
    """X times its sigmoid."""
    result: Floats = values / (1 + np.exp(-values))
    return result


def gelu(values: Floats) -> Floats:
    """The tanh form of GELU; overwrites the values."""
    inner = np.square(values)
    inner *= np.float32(0.044715 * 0.7978845608028654)
    inner += np.float32(0.7978845608028654)
    inner *= values
    np.tanh(inner, out=inner)
    inner += 1
    inner *= values
    inner *= np.float32(0.5)
    return inner


def split_heads(values: Floats, heads: int) -> Floats:
    """(tokens, width) as (heads, tokens, width / heads)."""
    return values.reshape(len(values), heads, -1).transpose(1, 0, 2)


def join_heads(values: Floats) -> Floats:
    """The inverse of `split_heads`."""
    return values.transpose(1, 0, 2).reshape(values.shape[1], -1)
