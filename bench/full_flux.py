"""FLUX.1 in its full size with random weights, made on the device itself: nothing is downloaded.

The transformer has 11.9 billion parameters. There are no text encoders: prompts come as embeddings.
"""

from __future__ import annotations

import itertools
from typing import Any

from backends.local.embeddings import LONGEST, Embedded
from backends.local.model import ENCODERS
from tools import random_flux

PIXELS = 16
"""Of a side of the image, to one token."""
WHOLE = 18 / 28
"""Share of steps that turbo runs whole on FLUX.1 itself: with a first-block cache of this threshold
ParaAttention's documentation tells 17.0 s instead of 26.36, at 28 steps."""


def parts(device: str, dtype: Any, *, tiny: bool) -> dict[str, Any]:
    """Return the parts of a pipeline in that precision; the same weights every time."""
    import torch

    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            transformer = random_flux.transformer(2) if tiny else _transformer()
            vae = random_flux.autoencoder() if tiny else _autoencoder()
    finally:
        torch.set_default_dtype(before)
    painters = {"transformer": transformer.eval(), "vae": vae.eval()}
    return {**dict.fromkeys(ENCODERS), **painters, "scheduler": random_flux.scheduler()}


def _transformer() -> Any:
    from diffusers import FluxTransformer2DModel

    return FluxTransformer2DModel(guidance_embeds=True)  # every other default is FLUX.1's


def _autoencoder() -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        latent_channels=16,
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        use_quant_conv=False,
        use_post_quant_conv=False,
        scaling_factor=0.3611,
        shift_factor=0.1159,
    )


def embedded(transformer: Any) -> Embedded:
    """Return a prompt as the encoders would give it, of noise: zeros would take less power."""
    import torch

    noise = torch.Generator("cpu").manual_seed(0)
    width, pooled = transformer.config.joint_attention_dim, transformer.config.pooled_projection_dim
    tokens = torch.randn(1, LONGEST, width, generator=noise)
    return Embedded(tokens, torch.randn(1, pooled, generator=noise))


def parameters(made: dict[str, Any]) -> tuple[int, int]:
    """Return how many numbers the transformer has, and how many all parts have."""
    counts = {
        name: sum(one.numel() for one in made[name].parameters()) for name in ("transformer", "vae")
    }
    return counts["transformer"], sum(counts.values())


def operations(side: int, *, tiny: bool) -> tuple[float, float]:
    """Return the operations of a step: 2 * parameters * tokens, and those of its products.

    The first is the usual estimate. It is too high for FLUX, where modulations see one token and
    half of the double blocks' parameters only the words; the second is counted, attention included.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    made = parts("meta", torch.bfloat16, tiny=tiny)
    transformer, pixels = made["transformer"], (side // PIXELS) ** 2

    def blank(*shape: int) -> Any:
        return torch.empty(*shape, device="meta", dtype=torch.bfloat16)

    words = embedded(transformer)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        transformer(
            hidden_states=blank(1, pixels, transformer.config.in_channels),
            encoder_hidden_states=blank(*words.tokens.shape),
            pooled_projections=blank(*words.pooled.shape),
            timestep=blank(1),
            guidance=blank(1),
            img_ids=blank(pixels, 3),
            txt_ids=blank(LONGEST, 3),
        )
    estimate = 2.0 * parameters(made)[0] * (pixels + LONGEST)
    return estimate, float(counter.get_total_flops())


def decree(steps: int) -> None:
    """Let the first-block cache skip as often as with trained weights, whatever it finds.

    With random ones no step is near enough to the one before, and it would skip none.
    """
    from diffusers.hooks.first_block_cache import FBCHeadBlockHook

    finds = FBCHeadBlockHook._should_compute_remaining_blocks
    asked = itertools.count()
    whole = round(steps * WHOLE)

    def decides(hook: Any, residual: Any) -> bool:
        finds(hook, residual)  # which takes its time
        step = next(asked) % steps
        return step * whole // steps != (step - 1) * whole // steps

    FBCHeadBlockHook._should_compute_remaining_blocks = decides
