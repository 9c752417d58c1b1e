"""The three speeds: `exact` as diffusers does it, `compiled` the same faster, `turbo` nearly so.

`turbo` skips most of a step when its first block changes little; that changes images, so what
was used is kept with each.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

log = logging.getLogger(__name__)

THRESHOLD = 0.08
LEAST_STEPS = 12
"""Below so many steps none is like the one before it, and nothing is skipped."""


def attention(transformer: Any, capability: tuple[int, int]) -> str:
    """Choose the quickest attention that works here and return its name."""
    for name in _candidates(capability):
        try:
            transformer.set_attention_backend(name)
            _tried(transformer)
        except (RuntimeError, ValueError, ImportError, OSError) as error:
            log.info("attention %s is not used: %s", name, error)
        else:
            return name
    transformer.set_attention_backend("native")
    return "native"


def _candidates(capability: tuple[int, int]) -> list[str]:
    """Flash attention 3 is for Hopper alone, 2 from Ampere on; both come as kernels.

    cuDNN's comes with torch itself, for a Hopper without the kernels.
    """
    hub = ["flash_hub"] if find_spec("kernels") and capability >= (8, 0) else []
    if capability[0] == 9:
        return [*(["_flash_3_hub"] if hub else []), "_native_cudnn", *hub]
    return hub


def _tried(transformer: Any) -> None:
    """Attend once to a few tokens: diffusers lets torch's own be set where they do not work.

    Raises RuntimeError where this one does not.
    """
    import torch
    from diffusers.models.attention_dispatch import dispatch_attention_fn

    weight = next(transformer.parameters())
    width = transformer.config.attention_head_dim
    tokens = torch.zeros(1, 128, 2, width, device=weight.device, dtype=torch.bfloat16)
    dispatch_attention_fn(tokens, tokens, tokens)


def compile_blocks(transformer: Any) -> None:
    """Compile one block of each kind for all sizes; the first images take longer for it.

    What is compiled is each block's `forward`, on which diffusers puts its hooks: the first-block
    cache decides outside of it and comes and goes without a second compilation. `Module.compile`
    would take the hooks in, and a decision in the midst of a graph ends it.
    """
    import torch

    for block in transformer.modules():
        if type(block).__name__ in transformer._repeated_blocks:
            block.forward = torch.compile(block.forward, fullgraph=True, dynamic=True)


@contextmanager
def hurrying(transformer: Any, steps: int, *, wanted: bool) -> Iterator[str]:
    """Skip what changes little for one image; yields what is recorded of it, "" for nothing."""
    if not wanted or steps < LEAST_STEPS:
        yield ""
        return
    from diffusers import FirstBlockCacheConfig

    transformer.enable_cache(FirstBlockCacheConfig(threshold=THRESHOLD))
    try:
        yield f"first-block cache {THRESHOLD}"
    finally:
        transformer.disable_cache()
