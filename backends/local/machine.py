"""What this machine has to generate with, as torch and the operating system tell it."""

from __future__ import annotations

import importlib
import logging
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from backends.local.plan import EXTRAS, Machine

GB = 1e9


def prepare() -> None:
    """Import what takes seconds to import, and keep it from talking to the console."""
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    for name in ("diffusers", "transformers"):
        talk = importlib.import_module(f"{name}.utils.logging")
        talk.set_verbosity_error()
        talk.disable_progress_bar()
    importlib.import_module("diffusers.pipelines.flux")


def detect() -> Machine:
    """Look at the first GPU torch can use, and at the memory that is free."""
    import torch

    installed = frozenset(name for name in EXTRAS.values() if find_spec(name))
    ram = free_ram_gb()
    if torch.cuda.is_available():
        free, _total = torch.cuda.mem_get_info()
        return Machine(
            "cuda",
            torch.cuda.get_device_name(),
            free / GB,
            ram,
            fp8=torch.cuda.get_device_capability() >= (8, 9),
            installed=installed,
        )
    if torch.xpu.is_available():
        name, total = torch.xpu.get_device_name(), torch.xpu.get_device_properties().total_memory
        return Machine("xpu", name, total / GB, ram, installed=installed)
    if torch.backends.mps.is_available():
        # Memory is shared with the system; half of what is free is safe to take.
        return Machine("mps", "Apple GPU", ram / 2, ram, installed=installed)
    return Machine("cpu", "CPU", 0.0, ram, installed=installed, idle=_idle_gpu())


def lent(memory_gb: float) -> Machine:
    """Return what a Space lends, without a look at it: here that GPU must not be touched."""
    installed = frozenset(name for name in EXTRAS.values() if find_spec(name))
    return Machine("cuda", "ZeroGPU", memory_gb, free_ram_gb(), installed=installed, lent=True)


def device() -> str:
    """Name what this process computes on."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _idle_gpu() -> str:
    """Name a GPU that is there although this torch cannot use it."""
    if Path("/proc/driver/nvidia").exists() or Path("/dev/nvidia0").exists():
        return "the NVIDIA GPU of this machine"
    return "the AMD GPU of this machine" if Path("/dev/kfd").exists() else ""


def free_ram_gb() -> float:
    """Return the memory that programs can still take, in GB."""
    import psutil

    return float(psutil.virtual_memory().available) / GB


def release(device: str) -> None:
    """Give back what torch keeps for later."""
    import gc

    import torch

    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()


def out_of_memory() -> tuple[type[BaseException], ...]:
    """Return what torch raises when memory is short."""
    import torch

    return (torch.OutOfMemoryError,)


def fenced(device: str) -> Any:
    """Return a function to call after every step that keeps the CPU at most one step ahead.

    A GPU works through a queue: without this, progress would be told and a cancel be heard long
    before the steps were made. Waiting for the step before the last leaves no gap in the queue.
    """
    import torch

    if device != "cuda":
        return lambda: None
    events: list[Any] = []

    def wait() -> None:
        events.append(torch.cuda.Event())
        events[-1].record()
        if len(events) > 1:
            events.pop(0).synchronize()

    return wait
