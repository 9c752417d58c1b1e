"""The front matter of a Space's README: read, written, and held to what the hub takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from core.errors import InputError

COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
KEYS = frozenset(
    "title emoji colorFrom colorTo sdk sdk_version python_version app_file header "
    "short_description suggested_hardware license hf_oauth hf_oauth_expiration_minutes models "
    "tags preload_from_hub".split()
)
SHORT = 60
"""Characters of a short description."""

Front = dict[str, Any]


def read(readme: Path) -> Front:
    """Return the front matter of a README; raises InputError without one."""
    try:
        parts = readme.read_text(encoding="utf-8").split("---\n", 2)
        found = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0] else None
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"The front matter of {readme} cannot be read: {error}.") from error
    if not isinstance(found, dict):
        raise InputError(f"{readme} does not begin with a front matter between lines of ---.")
    return found


def write(front: Mapping[str, Any], body: str) -> str:
    """Return a README with this front matter; keys stay in their order."""
    told = yaml.safe_dump(dict(front), sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{told}---\n\n{body}"


def troubles(front: Front, folder: Path) -> Iterator[str]:
    """Say what the hub would not take, or would take for something else; it never says so."""
    for key in front.keys() - KEYS:
        yield f"The front matter has the key {key}, which the hub does not know."
    for key in ("title", "emoji", "sdk_version", "python_version", "app_file", "short_description"):
        if not isinstance(front.get(key), str):
            yield f"{key} in the front matter is no text: put it between quotes."
    for key in ("colorFrom", "colorTo"):
        if front.get(key) not in COLOURS:
            yield f"{key} in the front matter is none of the hub's colours."
    if front.get("sdk") != "gradio":
        yield "sdk in the front matter is not gradio."
    if len(str(front.get("short_description", ""))) > SHORT:
        yield f"short_description in the front matter has more than {SHORT} characters."
    if not (folder / str(front.get("app_file"))).is_file():
        yield f"app_file in the front matter names {front.get('app_file')}, which is not there."
