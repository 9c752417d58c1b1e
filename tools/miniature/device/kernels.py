"""What a GPU's kernels may be asked for: which compute attention, and how large tensors are.

On a Hopper card PyTorch 2.11 lets cuDNN compute attention unless told otherwise. The flow's first
training steps there ended with an illegal memory access, on noise as on scenes, compiled or not:
no index of the data can be at fault. The likeliest cause is cuDNN's backward pass, for rows of 272
or 288 tokens, which no block of 64 or 128 divides; the next is the product of odd width in the
head, the first of that pass. Neither was seen to fail on its own, so both are left out here, and
`python -m tools.miniature.device check` tries each alone and tells.
"""

from __future__ import annotations

import torch
from torch import Tensor

REACH = 2**31
"""A tensor has fewer numbers than this, so that 32 bits count them all."""
EVEN = 8
"""Products in half precision have widths that are multiples of this."""


def attend(*ways: str) -> None:
    """Let attention be computed in these ways alone: `flash`, `efficient`, `math`, `cudnn`."""
    cuda = torch.backends.cuda
    cuda.enable_flash_sdp("flash" in ways)
    cuda.enable_mem_efficient_sdp("efficient" in ways)
    cuda.enable_math_sdp("math" in ways)
    cuda.enable_cudnn_sdp("cudnn" in ways)


def even(width: int) -> int:
    """The width made a multiple of `EVEN`."""
    return -(-width // EVEN) * EVEN


def within(values: Tensor, name: str, *, below: int | None = None) -> Tensor:
    """The tensor itself; raise ValueError where it is too large, not finite or out of bounds.

    With `below` they are whole numbers from 0 to one less.
    """
    if values.numel() >= REACH:
        raise ValueError(f"{name}: {values.numel():,} numbers are too many; take fewer shards")
    if below is None:
        if not all(bool(part.isfinite().all()) for part in values.split(4096)):
            raise ValueError(f"{name}: not all numbers are finite")
    elif len(values):
        least, most = int(values.min()), int(values.max())
        if least < 0 or most >= below:
            raise ValueError(f"{name}: {least} to {most}, not from 0 to {below - 1}")
    return values


def settle(device: str) -> None:
    """Wait for the device, so that what went wrong is told where it did."""
    if device == "cuda":
        torch.cuda.synchronize()
