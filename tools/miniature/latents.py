"""Closed-form latents: the 12 strongest principal components of 8 x 8 pixel patches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tools.miniature.pictures import BUCKETS

NAME = "components.npz"
SIDE = 8
CHANNELS = 12
SAMPLE = 8000  # images the components are computed from
FLATTENING = 0.25  # how much of a component's strength its latent channel keeps (exponent)


@dataclass(frozen=True, slots=True)
class Components:
    """Mean patch, components as columns, and what each is multiplied with to be a latent."""

    mean: np.ndarray
    basis: np.ndarray
    scale: np.ndarray

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """Latents (count, channels, height / 8, width / 8) of byte images."""
        count, height, width, _ = pictures.shape
        rows, columns = height // SIDE, width // SIDE
        patches = pictures.reshape(count, rows, SIDE, columns, SIDE, 3).transpose(0, 1, 3, 2, 4, 5)
        flat = patches.reshape(-1, SIDE * SIDE * 3).astype(np.float32) / 127.5 - 1
        latents = (flat - self.mean) @ self.basis * self.scale
        return latents.reshape(count, rows, columns, -1).transpose(0, 3, 1, 2)

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """Byte images of latents, with the seams that only a trained decoder hides."""
        count, _, rows, columns = latents.shape
        flat = latents.transpose(0, 2, 3, 1).astype(np.float32) / self.scale
        patches = (flat @ self.basis.T + self.mean).reshape(count, rows, columns, SIDE, SIDE, 3)
        joined = patches.transpose(0, 1, 3, 2, 4, 5).reshape(count, rows * SIDE, columns * SIDE, 3)
        pixels: np.ndarray = ((joined + 1) * 127.5).clip(0, 255).astype(np.uint8)
        return pixels


def load_components(folder: Path) -> Components:
    """The components in the folder."""
    stored = np.load(folder / NAME)
    return Components(stored["mean"], stored["basis"], stored["scale"])


def store_components(folder: Path, components: Components) -> None:
    """Put components into the folder, for latents that what was trained with them can read."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / NAME, mean=components.mean, basis=components.basis, scale=components.scale)


def fit(folder: Path) -> None:
    """Write every image's latents beside the images.

    Components that are in the folder are kept: a decoder that learned them reads no others.
    """
    if not (folder / NAME).exists():
        store_components(folder, _strongest(folder))
    components = load_components(folder)
    for width, height in BUCKETS:
        pictures = np.load(folder / f"{width}x{height}.pictures.npy", mmap_mode="r")
        parts = [
            components.encode(pictures[start : start + 500]).astype(np.float16)
            for start in range(0, len(pictures), 500)
        ]
        np.save(folder / f"{width}x{height}.latents.npy", np.concatenate(parts))
    sample = _square(folder)[:64]
    error = (components.decode(components.encode(sample)).astype(float) - sample) / 255
    print(f"closed form {-10 * np.log10((error**2).mean()):.1f} dB", flush=True)


def _strongest(folder: Path) -> Components:
    """The principal components of the square images."""
    width, height = BUCKETS[0]
    pictures = _square(folder)[:SAMPLE]
    patches = (
        pictures.reshape(-1, height // SIDE, SIDE, width // SIDE, SIDE, 3)
        .transpose(0, 1, 3, 2, 4, 5)
        .reshape(-1, SIDE * SIDE * 3)
    )
    # Flat patches say little: every seventh patch is plenty.
    flat = patches[::7].astype(np.float32) / 127.5 - 1
    mean = flat.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(flat - mean, rowvar=False))
    values, basis = values[::-1][:CHANNELS], vectors[:, ::-1][:, :CHANNELS].astype(np.float32)
    strength = values**FLATTENING
    strength /= np.sqrt((strength**2).mean())
    scale = (strength / np.sqrt(values)).astype(np.float32)
    print(f"kept {values.sum() / np.trace(np.cov(flat - mean, rowvar=False)):.4f} of the variance")
    return Components(mean, basis, scale)


def _square(folder: Path) -> np.ndarray:
    width, height = BUCKETS[0]
    pictures: np.ndarray = np.load(folder / f"{width}x{height}.pictures.npy", mmap_mode="r")
    return pictures
