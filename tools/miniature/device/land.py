"""Turns what came back from the device into the shipped file and the folder diffusers loads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny, FluxTransformer2DModel

from tools.miniature import plain
from tools.miniature.device.scenes import SIZES
from tools.miniature.export import assembled, compact, round_to, write
from tools.miniature.networks import build_clip, build_t5
from tools.miniature.pictures import paint_scene
from tools.miniature.scenes import scene_of

SAMPLE = 48  # images that the closed form of previews is computed from
FIRST = 70_000_000
SIDE = 8


def land(out: Path, assets: Path, folder: Path) -> None:
    """Write the newest weights into the assets, and `pipeline/` into the folder."""
    slot = newest(out)
    arrays: dict[str, np.ndarray] = {}
    for name in ("flow", "rest"):
        with np.load(out / f"{name}-{slot}.npz") as stored:
            step = int(stored["step"])
            found = {key: stored[key].astype(np.float32) for key in stored.files if key != "step"}
        arrays |= found
    arrays |= preview(arrays)
    kept = compact(arrays)
    write(kept, assets, SIZES)
    parts = networks(arrays)
    round_to(parts, kept)
    assembled(parts).save_pretrained(folder / "pipeline")
    size = (assets / "weights.npz").stat().st_size
    print(f"step {step}, {size:,} bytes", flush=True)


def newest(out: Path) -> int:
    """The slot whose pair of files is whole and has the most steps behind it."""
    steps = {}
    for slot in range(2):
        pair = [out / f"{name}-{slot}.npz" for name in ("flow", "rest")]
        if all(path.exists() for path in pair):
            found = {int(np.load(path)["step"]) for path in pair}
            if len(found) == 1:
                steps[slot] = found.pop()
    if not steps:
        raise ValueError(f"no whole pair of weights in {out}")
    return max(steps, key=lambda slot: steps[slot])


def networks(arrays: dict[str, np.ndarray]) -> dict[str, torch.nn.Module]:
    """Each part as the class of diffusers or transformers, with its weights."""
    clip, t5 = build_clip(), build_t5()
    nets = {"flux": _flux(arrays), "t5": t5, "clip": clip, "vae": _autoencoder(arrays)}
    for part, net in nets.items():
        state = {
            name.removeprefix(f"{part}."): torch.from_numpy(array)
            for name, array in arrays.items()
            if name.startswith(f"{part}.")
        }
        missing = net.load_state_dict(state, strict=False).missing_keys
        missing = [
            name for name in missing if "position_ids" not in name and "embed_tokens" not in name
        ]
        if missing:
            raise ValueError(f"the weights have no {missing}")
    return nets


def _flux(arrays: dict[str, np.ndarray]) -> FluxTransformer2DModel:
    width, numbers = arrays["flux.x_embedder.weight"].shape
    counts = {
        kind: len({name.split(".")[2] for name in arrays if name.startswith(f"flux.{kind}.")})
        for kind in ("transformer_blocks", "single_transformer_blocks")
    }
    return FluxTransformer2DModel(
        patch_size=1,
        in_channels=numbers,
        num_layers=counts["transformer_blocks"],
        num_single_layers=counts["single_transformer_blocks"],
        attention_head_dim=plain.HEAD,
        num_attention_heads=width // plain.HEAD,
        joint_attention_dim=plain.TEXT_WIDTH,
        pooled_projection_dim=plain.POOLED_WIDTH,
        guidance_embeds=True,
        axes_dims_rope=plain.AXES,
    )


def _autoencoder(arrays: dict[str, np.ndarray]) -> AutoencoderTiny:
    default = plain.Autoencoder()
    down, up = default.widths
    return AutoencoderTiny(
        encoder_block_out_channels=(down,) * 4,
        decoder_block_out_channels=(up,) * 4,
        num_encoder_blocks=default.blocks[0],
        num_decoder_blocks=default.blocks[1],
        latent_channels=arrays["vae.decoder.layers.0.weight"].shape[1],
        scaling_factor=plain.LATENT_BOUND,
        shift_factor=0.0,
    )


@torch.no_grad()
def preview(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The closed form of previews: the 8 x 8 pixels that a latent most likely stands for."""
    model = plain.Autoencoder()
    model.load_state_dict(
        {
            name[4:]: torch.from_numpy(array)
            for name, array in arrays.items()
            if name.startswith("vae.")
        }
    )
    rows, patches = [], []
    for number in range(SAMPLE):
        picture = paint_scene(scene_of(FIRST + number), SIZES[0], f"preview {number}")[0]
        shares = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
        latents = model.encode(shares)[0].numpy() * plain.LATENT_BOUND
        high, wide = latents.shape[1:]
        tiles = picture.reshape(high, SIDE, wide, SIDE, 3).transpose(0, 2, 1, 3, 4)
        patches.append(tiles.reshape(high * wide, -1).astype(np.float32) / 127.5 - 1)
        rows.append(latents.transpose(1, 2, 0).reshape(high * wide, -1))
    known, wanted = np.concatenate(rows), np.concatenate(patches)
    known = np.concatenate([known, np.ones((len(known), 1), np.float32)], axis=1)
    found = np.linalg.lstsq(known, wanted, rcond=None)[0].astype(np.float32)
    ones = np.ones(known.shape[1] - 1, np.float32)
    return {"preview.basis": found[:-1].T, "preview.mean": found[-1], "preview.scale": ones}
