"""What an exported image tells of itself: everything, what other programs read, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Literal, get_args

Profile = Literal["full", "share", "clean"]
PROFILES: tuple[Profile, ...] = get_args(Profile)

PUBLIC = ("v", "task", "backend", "model", "sandbox", "prompt", "seed", "width", "height")
"""What *share* tells of a record."""
PUBLIC_PARAMS = frozenset(
    {
        *("prompt", "width", "height", "strength", "steps", "guidance", "seed"),
        *("output_format", "model"),
    }
)
"""What *share* tells of the params: what other programs have a word for, and nothing else."""


def shared(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what *share* tells: no request id, price, owner, time, source or path."""
    params = record.get("params")
    params = params if isinstance(params, Mapping) else {}
    public = {name: record[name] for name in PUBLIC if name in record}
    public["params"] = {name: params[name] for name in params if name in PUBLIC_PARAMS}
    for facts in (public, public["params"]):
        if isinstance(facts.get("model"), str):
            facts["model"] = model_named(facts["model"])
    return public


def model_named(model: str) -> str:
    """Return a model's name; of a folder on somebody's disk the last part alone."""
    folder = PureWindowsPath(model)
    if model.startswith(("/", "~", ".")) or folder.drive or folder.root:
        return folder.name or PurePosixPath(model).name
    return model
