"""Paints the same images with diffusers and with NumPy, and tells how far they differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import FluxImg2ImgPipeline, FluxPipeline
from PIL import Image

from backends.miniature.sampling import Flux, Order, pack, schedule

STRENGTHS = (0.2, 0.5, 0.8, 0.95)


def compare(model: Flux, folder: Path, prompts: list[str]) -> None:
    """Print the largest difference of any pixel, of 255, for both tasks."""
    words = FluxPipeline.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    changes = FluxImg2ImgPipeline(**words.components)
    worst = {"text-to-image": 0, "image-to-image": 0}
    for number, prompt in enumerate(prompts):
        size = model.sizes[number % len(model.sizes)]
        noise = np.random.default_rng(number).standard_normal(
            (model.autoencoder.channels, size[1] // 8, size[0] // 8), np.float32
        )
        ours = model.paint(Order(prompt, size, seed=number))
        theirs = _painted(words, prompt, size, latents=_tensor(pack(noise)))
        worst["text-to-image"] = max(worst["text-to-image"], _apart(ours, theirs))
        order = Order(
            prompts[number - 1], size, seed=number, picture=ours, strength=STRENGTHS[number % 4]
        )
        start = _noised(changes, order, noise)
        theirs = _painted(
            changes, order.prompt, size,
            image=Image.fromarray(ours), strength=order.strength, latents=start,
        )  # fmt: skip
        worst["image-to-image"] = max(worst["image-to-image"], _apart(model.paint(order), theirs))
    for task, difference in worst.items():
        print(f"against diffusers, {task}: at most {difference} of 255 ({len(prompts)} prompts)")


def _noised(pipeline: FluxImg2ImgPipeline, order: Order, noise: np.ndarray) -> torch.Tensor:
    """What diffusers' own encoder makes of the image, with our noise on it."""
    if order.picture is None:
        raise ValueError("an order without a picture")
    sigmas = schedule(order.steps, noise.shape[1] * noise.shape[2] // 4)
    level = sigmas[int(max(order.steps - min(order.steps * order.strength, order.steps), 0))]
    picture = torch.from_numpy(order.picture.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)
    with torch.no_grad():
        given = pipeline.vae.encode(picture[None]).latents[0].numpy()
    return _tensor(pack(level * noise + (1 - level) * given * pipeline.vae.config.scaling_factor))


def _painted(pipeline, prompt: str, size: tuple[int, int], **more) -> np.ndarray:  # type: ignore[no-untyped-def]
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(
        prompt=prompt,
        width=size[0],
        height=size[1],
        num_inference_steps=20,
        guidance_scale=3.5,
        max_sequence_length=32,
        **more,
    )
    return np.asarray(made.images[0])


def _tensor(tokens: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(tokens, np.float32))[None]


def _apart(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())
