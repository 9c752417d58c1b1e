"""Writes the trained miniature twice: a diffusers folder, and the one small file that ships."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny, FluxPipeline

from backends.miniature.weights import CHECKSUM, NAME, SCALE
from tools.miniature import lexicon
from tools.miniature.latents import load_components
from tools.miniature.learner import Recipe, build_networks
from tools.miniature.networks import build_scheduler, build_tokenizer
from tools.miniature.pictures import BUCKETS

SMALLEST = 2000  # numbers; smaller arrays stay in half precision


def export(folder: Path, assets: Path) -> None:
    """Write `pipeline/` into the folder and the shipped file with its checksum into the assets.

    Both hold the same rounded weights, so that they paint the same images.
    """
    parts = _networks(folder)
    arrays = {
        f"{part}.{name.removeprefix('text_model.')}": value.numpy()
        for part, net in parts.items()
        for name, value in net.state_dict().items()
        if not name.endswith(("position_ids", "encoder.embed_tokens.weight"))
    }
    components = load_components(folder / "data")
    for name in ("mean", "basis", "scale"):
        arrays[f"preview.{name}"] = getattr(components, name)
    stored = compact(arrays)
    write(stored, assets, BUCKETS)
    round_to(parts, stored)
    assembled(parts).save_pretrained(folder / "pipeline")
    for name in ("text.json", "flow.json", "autoencoder.json"):
        if (folder / name).exists():
            (assets / name).write_bytes((folder / name).read_bytes())
    print(f"{(assets / NAME).stat().st_size:,} bytes", flush=True)


def pipeline(folder: Path) -> FluxPipeline:
    """Return the checkpoint in a folder as a pipeline of diffusers, its numbers as they are."""
    return assembled(_networks(folder))


def _networks(folder: Path) -> dict[str, torch.nn.Module]:
    state = torch.load(folder / "flow.pt", weights_only=False, map_location="cpu")
    words = len(state["mean"]["1.shared.weight"])
    nets = build_networks(Recipe().shape, words)
    nets.load_state_dict(state["mean"])
    vae = AutoencoderTiny.from_pretrained(folder / "autoencoder")
    return {"flux": nets[0], "t5": nets[1], "clip": nets[2], "vae": vae}


def compact(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Large arrays as int8 rows with a float16 scale each, small ones as float16."""
    stored: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if array.ndim < 2 or array.size < SMALLEST or name.startswith("preview"):
            stored[name] = array.astype(np.float16)
            continue
        rows = array.reshape(len(array), -1)
        scale = (np.abs(rows).max(axis=1) / 127 + 1e-7).astype(np.float16)
        levels = np.rint(rows / scale.astype(np.float32)[:, None])
        stored[name] = np.clip(levels, -127, 127).astype(np.int8).reshape(array.shape)
        stored[f"{name}{SCALE}"] = scale
    return stored


def write(stored: dict[str, np.ndarray], assets: Path, sizes: tuple[tuple[int, int], ...]) -> None:
    """Write the shipped file with the notes that the program reads, and its checksum."""
    notes = {
        "vocabulary": lexicon.vocabulary(),
        "translations": lexicon.translations(),
        "tidyings": lexicon.tidyings(),
        "fillers": lexicon.fillers(),
        "sizes": sizes,
    }
    text = np.frombuffer(json.dumps(notes).encode(), np.uint8)
    assets.mkdir(parents=True, exist_ok=True)
    np.savez(assets / NAME, notes=text, **stored)
    digest = hashlib.sha256((assets / NAME).read_bytes()).hexdigest()
    (assets / CHECKSUM).write_text(f"{digest}  {NAME}\n", encoding="ascii")


def round_to(parts: dict[str, torch.nn.Module], stored: dict[str, np.ndarray]) -> None:
    """Give the networks the very numbers that the shipped file holds."""
    with torch.no_grad():
        for part, net in parts.items():
            for name, value in net.state_dict().items():
                short = f"{part}.{name.removeprefix('text_model.')}"
                if short not in stored:
                    continue
                array = stored[short].astype(np.float32)
                if f"{short}{SCALE}" in stored:
                    scale = stored[f"{short}{SCALE}"].astype(np.float32)
                    array *= scale.reshape(-1, *[1] * (array.ndim - 1))
                value.copy_(torch.from_numpy(array))


def assembled(parts: dict[str, torch.nn.Module]) -> FluxPipeline:
    """The networks as the folder that diffusers loads."""
    logging.getLogger("diffusers").setLevel(logging.ERROR)
    words = len(parts["t5"].shared.weight)  # type: ignore[arg-type, union-attr]
    return FluxPipeline(
        scheduler=build_scheduler(),
        vae=parts["vae"],
        text_encoder=parts["clip"],
        tokenizer=build_tokenizer(begins=True, words=words),
        text_encoder_2=parts["t5"],
        tokenizer_2=build_tokenizer(begins=False, words=words),
        transformer=parts["flux"],
    )
