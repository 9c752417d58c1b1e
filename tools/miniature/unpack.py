"""Puts the shipped weights back where training goes on from: a new machine need not begin anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from backends.miniature.weights import Weights, load
from tools.miniature import text
from tools.miniature.latents import Components, store_components
from tools.miniature.learner import Learner, Recipe
from tools.miniature.networks import build_autoencoder, build_clip, build_t5


def unpack(assets: Path, folder: Path) -> None:
    """Write encoders, autoencoder and a checkpoint of the flow, as far as eight bits keep them.

    With them go the components of the latents, which the decoder learned to read.
    """
    weights = load(assets)
    words = len(weights.vocabulary)
    t5, clip, autoencoder = build_t5(words), build_clip(words), build_autoencoder()
    for part, net in (("t5", t5), ("clip", clip), ("vae", autoencoder)):
        _fill(net, weights, part)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"t5": t5.state_dict(), "clip": clip.state_dict()}, folder / text.NAME)
    autoencoder.save_pretrained(folder / "autoencoder")
    store_components(folder / "data", Components(**weights.part("preview")))
    learner = Learner(Recipe(), folder)
    for nets in (learner.nets, learner.mean):
        _fill(nets[0], weights, "flux")
    learner.save(folder / "flow.pt")


def _fill(net: torch.nn.Module, weights: Weights, part: str) -> None:
    """Give a network its numbers; raises ValueError for one that the file does not have."""
    found = weights.part(part)
    state = net.state_dict()
    for name in state:
        short = name.removeprefix("text_model.")
        if short.endswith("position_ids"):
            continue
        if short == "encoder.embed_tokens.weight":
            short = "shared.weight"
        if short not in found:
            raise ValueError(f"the weights have no {part}.{short}")
        state[name] = torch.from_numpy(np.ascontiguousarray(found[short]))
    net.load_state_dict(state)
