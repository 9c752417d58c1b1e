"""Images to latents and back, by the trained networks and by the closed form of previews."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backends.miniature.layers import Named
from backends.miniature.weights import Floats

BOUND = np.float32(3.0)  # the decoder squeezes latents into this range; also their scaling factor
SIDE = 8
STRIP = 4_000_000  # numbers that one product of a convolution reads at most: they stay in the cache

Bytes = NDArray[np.uint8]


class Autoencoder:
    """Byte images (height, width, 3) and latents (channels, height / 8, width / 8)."""

    def __init__(self, weights: Named, preview: Named) -> None:
        self._weights = weights
        self._kernels = {
            name: np.ascontiguousarray(array.transpose(2, 3, 1, 0).reshape(-1, array.shape[0]))
            for name, array in weights.items()
            if array.ndim == 4
        }
        self._lengths = {part: _length(weights, part) for part in ("encoder", "decoder")}
        self._preview = preview
        self.channels: int = weights["decoder.layers.0.weight"].shape[1]

    def encode(self, picture: Bytes) -> Floats:
        """The latents of an image whose sides are multiples of 16."""
        # The network's own first step, x / 2 + 1/2 of an image in -1..1, gives 0..1.
        values = picture.astype(np.float32) / np.float32(255)
        for number in range(self._lengths["encoder"]):
            name = f"encoder.layers.{number}"
            if f"{name}.weight" not in self._kernels:
                values = self._block(values, name)
            else:  # those that halve the size have no bias
                values = self._convolve(values, name, 1 if f"{name}.bias" in self._weights else 2)
        return np.ascontiguousarray(values.transpose(2, 0, 1)) * BOUND

    def decode(self, latents: Floats) -> Bytes:
        """The image of latents."""
        values = np.tanh(latents.transpose(1, 2, 0) / BOUND / BOUND) * BOUND
        values = np.maximum(self._convolve(values, "decoder.layers.0"), 0)
        for number in range(2, self._lengths["decoder"]):
            name = f"decoder.layers.{number}"
            if f"{name}.conv.0.weight" in self._kernels:
                values = self._block(values, name)
            elif f"{name}.weight" in self._kernels:
                values = self._convolve(values, name)
            else:
                values = values.repeat(2, axis=0).repeat(2, axis=1)
        pixels: Bytes = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
        return pixels

    def preview(self, latents: Floats) -> Bytes:
        """The image of latents by the closed form: at once, with faint seams."""
        _, rows, columns = latents.shape
        flat = latents.transpose(1, 2, 0) / self._preview["scale"]
        patches = flat @ self._preview["basis"].T + self._preview["mean"]
        tiles = patches.reshape(rows, columns, SIDE, SIDE, 3).transpose(0, 2, 1, 3, 4)
        pixels = (tiles.reshape(rows * SIDE, columns * SIDE, 3) + 1) * np.float32(127.5)
        return np.clip(pixels, 0, 255).astype(np.uint8)

    def _block(self, values: Floats, name: str) -> Floats:
        inner = values
        for layer in (0, 2, 4):
            inner = self._convolve(inner, f"{name}.conv.{layer}")
            if layer < 4:
                np.maximum(inner, 0, out=inner)
        inner += values
        return np.maximum(inner, 0, out=inner)

    def _convolve(self, values: Floats, name: str, stride: int = 1) -> Floats:
        """3 x 3 with a border of zeros, over (height, width, channels), some rows at a time."""
        rows, columns, channels = values.shape
        kernel = self._kernels[f"{name}.weight"]
        padded = np.zeros((rows + 2, columns + 2, channels), np.float32)
        padded[1:-1, 1:-1] = values
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
        windows = windows[::stride, ::stride].transpose(0, 1, 3, 4, 2)
        high, wide = windows.shape[:2]
        result = np.empty((high, wide, kernel.shape[1]), np.float32)
        strip = max(1, STRIP // (wide * len(kernel)))
        for top in range(0, high, strip):
            some = windows[top : top + strip]
            flat = result[top : top + strip].reshape(-1, kernel.shape[1])
            np.matmul(some.reshape(-1, len(kernel)), kernel, out=flat)
        bias = self._weights.get(f"{name}.bias")
        if bias is not None:
            result += bias
        return result


def _length(weights: Named, part: str) -> int:
    """How many layers a part has."""
    numbers = [int(name.split(".")[2]) for name in weights if name.startswith(f"{part}.layers.")]
    return max(numbers) + 1
