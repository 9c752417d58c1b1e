"""Brings weights back from the device: few small files, an old one replaced only by a whole one."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tools.miniature.device.codec import Codec
from tools.miniature.device.flow import Learner

SLOTS = 2
CODEC = "codec.pt"
"""In the scratch folder: what a second run goes on from."""


class Checkpoints:
    """Writes the averaged networks in turn into two slots, each small enough to be brought back."""

    def __init__(self, out: Path, scratch: Path, every: float) -> None:
        self.out, self.scratch, self.every = out, scratch, every
        self._saved, self._number = time.monotonic(), 0
        out.mkdir(parents=True, exist_ok=True)

    def save(self, learner: Learner, codec: Codec, *, now: bool = False) -> None:
        """Write if it is time, or in any case."""
        if not now and time.monotonic() - self._saved < self.every:
            return
        slot = self._number % SLOTS
        mean = learner.mean
        rest = {"vae": codec.folded(), "t5": mean["t5"], "clip": mean["clip"]}
        self._write(f"flow-{slot}", {"flux": mean["flux"]}, learner.step)
        self._write(f"rest-{slot}", rest, learner.step)
        self._saved, self._number = time.monotonic(), self._number + 1

    def save_codec(self, codec: Codec) -> None:
        """Write the autoencoder alone, before there is a flow, and what a run goes on from."""
        self._write("rest-0", {"vae": codec.folded()}, 0)
        torch.save(codec.state(), self.scratch / CODEC)

    def _write(self, name: str, parts: dict[str, torch.nn.Module], step: int) -> None:
        arrays = {
            f"{part}.{key}": _half(value)
            for part, net in parts.items()
            for key, value in net.state_dict().items()
        }
        path = self.scratch / f"{name}.npz"
        np.savez(path, step=np.array(step), **arrays)  # type: ignore[arg-type]
        final = self.out / path.name
        fresh = final.with_name(f"{path.name}.new")
        fresh.write_bytes(path.read_bytes())
        fresh.replace(final)


def _half(value: Tensor) -> np.ndarray:
    array: np.ndarray = value.detach().to(torch.float16).cpu().numpy()
    return array
