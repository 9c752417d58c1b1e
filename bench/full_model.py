"""Writes a whole FLUX.1 in diffusers layout with random weights: 34 GB, encoders included.

    python -m bench.full_model FOLDER [--gguf] [--tiny]

What `LOCAL_MODEL` takes, so that a machine without a network can be tried with all it has. The
transformer, T5-XXL, CLIP-L and the autoencoder have their full shapes and are made on the GPU; the
tokenizers know letters alone. `--gguf` adds `FOLDER/transformer.gguf`, the same shapes in Q4_0:
its blocks are noise too. `--tiny` writes the model of 0.7 MB, and its GGUF file.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import full_flux
from tools import random_flux

GGUF = "transformer.gguf"
VALUES, BLOCK_BYTES = 32, 18
"""Of a Q4_0 block: a scale in half precision, then two values to a byte."""


def write(folder: Path, device: str, *, tiny: bool) -> Path:
    """Write the pipeline into `folder` and return it."""
    import torch
    from diffusers import FluxPipeline

    if tiny:
        return random_flux.make(folder)
    parts = full_flux.parts(device, torch.bfloat16, tiny=False)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            encoders = _encoders()
    finally:
        torch.set_default_dtype(before)
    FluxPipeline(**{**parts, **encoders}).save_pretrained(folder, max_shard_size="3GB")
    return folder


def _encoders() -> dict[str, Any]:
    """T5-XXL and CLIP-L as FLUX.1 has them, with tokenizers of letters."""
    from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

    small = {**random_flux._clip(), **random_flux._t5(full_flux.LONGEST)}
    clip = small["text_encoder"].config.to_dict() | {
        "vocab_size": 49_408,
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "projection_dim": 768,
    }
    t5 = T5Config(
        vocab_size=32_128,
        d_model=4096,
        d_kv=64,
        d_ff=10_240,
        num_layers=24,
        num_heads=64,
        feed_forward_proj="gated-gelu",
        is_encoder_decoder=False,
        use_cache=False,
    )
    return {
        "tokenizer": small["tokenizer"],
        "tokenizer_2": small["tokenizer_2"],
        "text_encoder": CLIPTextModel(CLIPTextConfig(**clip)).eval(),
        "text_encoder_2": T5EncoderModel(t5).eval(),
    }


def write_gguf(file: Path, *, tiny: bool) -> Path:
    """Write a transformer of four bits under the names diffusers uses; returns the file."""
    import numpy as np
    import torch
    from gguf import GGMLQuantizationType, GGUFWriter

    made = full_flux.parts("meta", torch.bfloat16, tiny=tiny)["transformer"]
    noise = np.random.default_rng(0).integers(0, 256, 2**22, np.uint8)
    writer = GGUFWriter(file, "flux")
    for name, tensor in made.state_dict().items():
        if tensor.ndim == 2 and tensor.shape[1] % VALUES == 0:
            raw = _blocks(noise, tuple(tensor.shape))
            writer.add_tensor(name, raw, raw_dtype=GGMLQuantizationType.Q4_0)
        else:
            full = np.ones if "norm" in name else np.zeros
            writer.add_tensor(name, full(tuple(tensor.shape), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def _blocks(noise: Any, shape: tuple[int, int]) -> Any:
    """Return bytes (rows, columns / 32 * 18): nibbles of noise, and scales for a variance of 1 / n.

    A nibble stands for -8 to 7, whose standard deviation is 4.6.
    """
    import numpy as np

    rows, columns = shape
    raw = np.resize(noise, (rows, columns // VALUES, BLOCK_BYTES))
    scale = np.array([1 / (4.6 * columns**0.5)], np.float16).view(np.uint8)
    raw[:, :, :2] = scale
    return raw.reshape(rows, -1)


def sizes(folder: Path) -> Iterator[tuple[str, float]]:
    """Yield each part of a model and the GB of its weights."""
    for kind in ("*/*.safetensors", "*.gguf"):
        for file in sorted(folder.glob(kind)):
            yield str(file.relative_to(folder)), file.stat().st_size / 1e9


def main() -> None:
    """Write what the command line asks for and tell its size."""
    parser = argparse.ArgumentParser(prog="python -m bench.full_model")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gguf", action="store_true")
    parser.add_argument("--tiny", action="store_true")
    given = parser.parse_args()
    from backends.local import machine

    began = time.perf_counter()
    machine.prepare()
    write(given.folder, machine.detect().device, tiny=given.tiny)
    if given.gguf:
        write_gguf(given.folder / GGUF, tiny=given.tiny)
    for name, size in sizes(given.folder):
        print(f"{name:50} {size:8.3f} GB")
    print(f"written in {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
