"""Blends of two noises: the way between them on which noise stays noise."""

from __future__ import annotations

import math

PARALLEL = 1e-4
"""Radians between two noises below which they are one."""


def blend_weights(cosine: float, strength: float) -> tuple[float, float]:
    """Return what each of two noises weighs in their blend, by spherical interpolation.

    `cosine` is that of the angle between them, `strength` (0..1) how far the blend is from the
    first. A straight mean would be weaker than noise is, and its image washed out. Source: K.
    Shoemake, Animating rotation with quaternion curves, SIGGRAPH 1985.
    """
    angle = math.acos(max(-1.0, min(1.0, cosine)))
    if not PARALLEL < angle < math.pi - PARALLEL:
        return 1.0 - strength, strength
    whole = math.sin(angle)
    return math.sin((1.0 - strength) * angle) / whole, math.sin(strength * angle) / whole
