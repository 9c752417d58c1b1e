"""Figures as they come, one JSON object a line, in the folder that `OUT` names; else nowhere."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

NAME = "figures.jsonl"


def keep(kind: str, **facts: Any) -> None:
    """Add a line; each is on disk before the next is measured."""
    if not (folder := os.environ.get("OUT")):
        return
    told = {name: _plain(value) for name, value in facts.items()}
    with (Path(folder) / NAME).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"kind": kind, **told}) + "\n")


def chosen(names: str, every: Iterable[str]) -> list[str]:
    """Return those of `every` that a command line names, separated by semicolons; all for "".

    Raises SystemExit for a name that there is not.
    """
    known = list(every)
    asked = [name.strip() for name in names.split(";") if name.strip()]
    if unknown := [name for name in asked if name not in known]:
        raise SystemExit(f"There is no {unknown[0]!r}; there are: {'; '.join(known)}.")
    return [name for name in known if name in asked] if asked else known


def _plain(value: Any) -> Any:
    """JSON has no number for what could not be measured."""
    if isinstance(value, float):
        return round(value, 5) if math.isfinite(value) else None
    return value
