"""Trains the decoder to paint latents without seams, and the encoder to find them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny

from tools.miniature.latents import SIDE
from tools.miniature.networks import LATENT_BOUND, build_autoencoder
from tools.miniature.pictures import BUCKETS, cells_of_tokens, small_things
from tools.miniature.plain import half_is_fast

CROP = 96
BATCH = 8
PEAK = 2.5e-3
HELD_OUT = 64
SAVE_EVERY = 1000
MOST_NOISE = 0.25  # what the flow leaves of it, the decoder has to live with


@dataclass(frozen=True, slots=True)
class _Crops:
    pictures: np.ndarray
    latents: np.ndarray
    small: np.ndarray

    def draw(self, chance: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Images in -1..1 and their latents, both cut to the same squares."""
        cells = CROP // SIDE
        pictures, latents = [], []
        for number in chance.integers(0, len(self.latents) - HELD_OUT, BATCH):
            y, x = self._corner(int(number), cells, chance)
            top, left = y * SIDE, x * SIDE
            pictures.append(self.pictures[number, top : top + CROP, left : left + CROP])
            latents.append(self.latents[number, :, y : y + cells, x : x + cells])
        picture = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
        return picture, torch.from_numpy(np.stack(latents)).float()

    def _corner(self, number: int, cells: int, chance: np.random.Generator) -> tuple[int, int]:
        """Of two squares the one with more small things in it."""
        rows, columns = self.latents.shape[2:]
        best, most = (0, 0), -1.0
        for y, x in chance.integers(0, (rows - cells + 1, columns - cells + 1), (2, 2)).tolist():
            # A token is two latents wide.
            square = self.small[number, y // 2 : (y + cells) // 2, x // 2 : (x + cells) // 2]
            if square.sum() > most:
                best, most = (y, x), float(square.sum())
        return best


def train(folder: Path, minutes: float, device: str) -> None:
    """Train for the given minutes of wall time, from `autoencoder/` in the folder if it is there.

    Written there again at the end.
    """
    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    path = folder / "autoencoder"
    made = AutoencoderTiny.from_pretrained(path) if path.exists() else build_autoencoder()
    model = made.train().to(device, memory_format=torch.channels_last)
    mean = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), PEAK, betas=(0.9, 0.98), weight_decay=1e-5)
    crops, chance = _crops(folder / "data"), np.random.default_rng(0)
    begun, step, log = time.monotonic(), 0, []
    while (passed := (time.monotonic() - begun) / 60 / minutes) < 1:
        share = min(1.0, (step + 1) / 100) * (0.5 + 0.5 * float(np.cos(np.pi * passed))) + 0.004
        optimizer.param_groups[0]["lr"] = PEAK * share
        picture, latents = (part.to(device) for part in crops.draw(chance))
        losses = _losses(model, picture, latents)
        sum(losses).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        with torch.no_grad():
            for name, value in model.state_dict().items():
                mean[name].lerp_(value, max(0.005, 9 / (10 + step)))
        if step % 100 == 0:
            entry = [step, round(passed * minutes, 2), *(round(float(part), 4) for part in losses)]
            log.append(entry)
            print("autoencoder", *entry, flush=True)
        if step % SAVE_EVERY == 0:
            _saved(mean, path)
    measured = _measure(_saved(mean, path), folder / "data")
    (folder / "autoencoder.json").write_text(json.dumps({"log": log, "decibels": measured}))
    print(measured, flush=True)


def _saved(mean: dict[str, torch.Tensor], path: Path) -> AutoencoderTiny:
    """The averaged networks, written to the folder."""
    model = build_autoencoder()
    model.load_state_dict({name: value.cpu() for name, value in mean.items()})
    model.save_pretrained(path)
    return model.eval()


def _crops(folder: Path) -> _Crops:
    name = f"{BUCKETS[0][0]}x{BUCKETS[0][1]}"
    pictures = np.load(folder / f"{name}.pictures.npy", mmap_mode="r")
    latents = np.load(folder / f"{name}.latents.npy", mmap_mode="r")
    maps = np.load(folder / f"{name}.maps.npy")
    return _Crops(pictures, latents, small_things(cells_of_tokens(maps)))


def _losses(
    model: AutoencoderTiny, picture: torch.Tensor, latents: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """How far the decoder is from the image, and the encoder from the latents."""
    level = torch.rand(len(latents), 1, 1, 1, device=latents.device) * MOST_NOISE
    noisy = latents + level * torch.randn_like(latents)
    kind = latents.device.type
    with torch.autocast(kind, torch.bfloat16, enabled=half_is_fast(kind)):
        painted = model.decoder(
            (noisy / LATENT_BOUND).contiguous(memory_format=torch.channels_last)
        ).float()
        # diffusers' encoder takes images in -1..1 and its decoder gives them back so.
        found = model.encoder(picture.contiguous(memory_format=torch.channels_last)).float()
    off = painted - picture
    edges = off.diff(dim=2).abs().mean() + off.diff(dim=3).abs().mean()
    decoding = off.abs().mean() + off.pow(2).mean() + 0.5 * edges
    return decoding, (found * LATENT_BOUND - latents).pow(2).mean()


@torch.no_grad()
def _measure(model: AutoencoderTiny, folder: Path) -> dict[str, float]:
    """Decibels on images that were never trained on: decoded, and encoded and decoded."""
    crops = _crops(folder)
    picture = torch.from_numpy(np.asarray(crops.pictures[-HELD_OUT:])).permute(0, 3, 1, 2)
    wanted = picture.float() / 127.5 - 1
    latents = torch.from_numpy(np.asarray(crops.latents[-HELD_OUT:])).float()
    decoded = model.decode(latents / LATENT_BOUND).sample
    again = model.decode(model.encode(wanted).latents).sample
    return {"decoded": _decibels(decoded, wanted), "both ways": _decibels(again, wanted)}


def _decibels(found: torch.Tensor, wanted: torch.Tensor) -> float:
    error = (found.clamp(-1, 1) - wanted) / 2
    return round(-10 * float(error.pow(2).mean().log10()), 2)
