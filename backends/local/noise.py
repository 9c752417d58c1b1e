"""The noise an image begins with, where that of a variation seed is blended into it."""

from __future__ import annotations

from typing import Any

from backends.local.order import Order
from core.noise import blend_weights


def of_words(order: Order, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return the blended noise of an image from words, (1, channels, height, width) of latents.

    Each seed's noise is the one that the pipeline draws for it.
    """
    return blended(_drawn(order.seed, shape, dtype), order, before=0)


def of_source(noise: Any, order: Order) -> Any:
    """Blend the noise that the pipeline drew for an image with a source."""
    # It draws twice: first the latents of the source, then the noise.
    return blended(noise, order, before=1)


def blended(noise: Any, order: Order, *, before: int) -> Any:
    """Blend a noise with that of the variation seed, which is drawn after `before` others.

    Blended on the CPU, so that a seed means the same on every device.
    """
    other = _drawn(order.variation_seed, tuple(noise.shape), noise.dtype, before).float()
    mine = noise.cpu().float()
    cosine = (mine * other).sum() / (mine.norm() * other.norm())
    own, theirs = blend_weights(float(cosine), order.variation_strength)
    return (own * mine + theirs * other).to(noise.device, noise.dtype)


def _drawn(seed: int, shape: tuple[int, ...], dtype: Any, before: int = 0) -> Any:
    import torch

    generator = torch.Generator("cpu").manual_seed(seed)
    for _ in range(before):
        torch.randn(shape, generator=generator, dtype=dtype)
    return torch.randn(shape, generator=generator, dtype=dtype)
