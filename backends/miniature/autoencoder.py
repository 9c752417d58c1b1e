"""Pictures to latents and back, by the trained networks and by the closed form of previews."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backends.miniature.layers import Named
from backends.miniature.weights import Floats

LATENT_CHANNELS = 16
BOUND = np.float32(3.0)  # the decoder squeezes latents into this range; also their scaling factor
SIDE = 8
ENCODER = (0, 1, 1, 1)
DECODER = (2, 2, 2, 1)

Bytes = NDArray[np.uint8]


class Autoencoder:
    """Byte pictures (height, width, 3) and latents (16, height / 8, width / 8)."""

    def __init__(self, weights: Named, preview: Named) -> None:
        self._weights = weights
        self._kernels = {
            name: np.ascontiguousarray(array.transpose(2, 3, 1, 0).reshape(-1, array.shape[0]))
            for name, array in weights.items()
            if array.ndim == 4
        }
        self._preview = preview

    def encode(self, picture: Bytes) -> Floats:
        """The latents of a picture whose sides are multiples of 16."""
        # The network's own first step, x / 2 + 1/2 of a picture in -1..1, gives 0..1.
        values, number = picture.astype(np.float32) / np.float32(255), 0
        for stage, blocks in enumerate(ENCODER):
            values = self._convolve(values, f"encoder.layers.{number}", 2 if stage else 1)
            values, number = self._blocks(values, "encoder", number + 1, blocks)
        latents = self._convolve(values, f"encoder.layers.{number}")
        return np.ascontiguousarray(latents.transpose(2, 0, 1)) * BOUND

    def decode(self, latents: Floats) -> Bytes:
        """The picture of latents."""
        values = np.tanh(latents.transpose(1, 2, 0) / BOUND / BOUND) * BOUND
        values = np.maximum(self._convolve(values, "decoder.layers.0"), 0)
        number = 2
        for stage, blocks in enumerate(DECODER):
            values, number = self._blocks(values, "decoder", number, blocks)
            if stage < len(DECODER) - 1:
                values, number = values.repeat(2, axis=0).repeat(2, axis=1), number + 1
            values = self._convolve(values, f"decoder.layers.{number}")
            number += 1
        pixels: Bytes = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
        return pixels

    def preview(self, latents: Floats) -> Bytes:
        """The picture of latents by the closed form: at once, with faint seams."""
        _, rows, columns = latents.shape
        flat = latents.transpose(1, 2, 0) / self._preview["scale"]
        patches = flat @ self._preview["basis"].T + self._preview["mean"]
        tiles = patches.reshape(rows, columns, SIDE, SIDE, 3).transpose(0, 2, 1, 3, 4)
        pixels = (tiles.reshape(rows * SIDE, columns * SIDE, 3) + 1) * np.float32(127.5)
        return np.clip(pixels, 0, 255).astype(np.uint8)

    def _blocks(self, values: Floats, part: str, number: int, count: int) -> tuple[Floats, int]:
        for _ in range(count):
            inner = values
            for layer in (0, 2, 4):
                inner = self._convolve(inner, f"{part}.layers.{number}.conv.{layer}")
                if layer < 4:
                    np.maximum(inner, 0, out=inner)
            inner += values
            values, number = np.maximum(inner, 0, out=inner), number + 1
        return values, number

    def _convolve(self, values: Floats, name: str, stride: int = 1) -> Floats:
        """3 x 3 with a border of zeros, over (height, width, channels)."""
        rows, columns, channels = values.shape
        padded = np.zeros((rows + 2, columns + 2, channels), np.float32)
        padded[1:-1, 1:-1] = values
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
        windows = windows[::stride, ::stride].transpose(0, 1, 3, 4, 2)
        high, wide = windows.shape[:2]
        result: Floats = (
            windows.reshape(high * wide, 9 * channels) @ self._kernels[f"{name}.weight"]
        )
        bias = self._weights.get(f"{name}.bias")
        if bias is not None:
            result += bias
        return result.reshape(high, wide, -1)
