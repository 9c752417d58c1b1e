"""A small image of what is being generated, from the estimate of its end: no decoder.

Colours are linear in FLUX's 16 latent channels to a good degree: 16 × 3 weights and a bias as
published with ComfyUI (`comfy/latent_formats.py`, class Flux).
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image

FACTORS = (
    (-0.0346, 0.0244, 0.0681),
    (0.0034, 0.0210, 0.0687),
    (0.0275, -0.0668, -0.0433),
    (-0.0174, 0.0160, 0.0617),
    (0.0859, 0.0721, 0.0329),
    (0.0004, 0.0383, 0.0115),
    (0.0405, 0.0861, 0.0915),
    (-0.0236, -0.0185, -0.0259),
    (-0.0245, 0.0250, 0.1180),
    (0.1008, 0.0755, -0.0421),
    (-0.0515, 0.0201, 0.0011),
    (0.0428, -0.0012, -0.0036),
    (0.0817, 0.0765, 0.0749),
    (-0.1264, -0.0522, -0.1103),
    (-0.0280, -0.0881, -0.0499),
    (-0.1262, -0.0982, -0.0778),
)
BIAS = (-0.0329, -0.0718, -0.0851)
EVERY_S = 0.25
"""Least seconds from one preview to the next."""
LARGEST = 256
"""Longest side of a preview, in pixels."""
SMALL = 32
"""Longest side of latents for which a tiny decoder is quick enough to be asked itself."""


def drawn(vae: Any, latents: Any, *, at_once: bool) -> Any:
    """Return pixels (height, width, 3) of latents (1, 16, height, width), on the CPU.

    Latents are in the model's own space. Without `at_once` the pixels are only on their way from
    the device when this returns, so that it never waits for what is queued there.
    """
    import torch

    if type(vae).__name__ == "AutoencoderTiny" and max(latents.shape[2:]) <= SMALL:
        scaled = latents / vae.config.scaling_factor + vae.config.shift_factor
        colours = vae.decode(scaled.to(vae.dtype), return_dict=False)[0][0]
    else:
        mixed = torch.tensor((*FACTORS, BIAS), dtype=latents.dtype)
        mixed = mixed.to(latents.device, non_blocking=True)
        colours = (latents[0].permute(1, 2, 0) @ mixed[:-1] + mixed[-1]).permute(2, 0, 1)
    pixels = ((colours.float() + 1) * 127.5).round().clamp(0, 255).byte()
    return pixels.permute(1, 2, 0).contiguous().to("cpu", non_blocking=not at_once)


def encoded(pixels: Any) -> bytes:
    """Return a small WebP of pixels."""
    picture = Image.fromarray(pixels.numpy())
    picture.thumbnail((LARGEST, LARGEST))
    file = BytesIO()
    picture.save(file, "WEBP", quality=70)
    return file.getvalue()
