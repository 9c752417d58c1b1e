"""What a dropped image says about itself, sorted into what can be used and what is only shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_SEEDS = (0, 2**31 - 1)
_WHOLE = {
    "width": (1, 65_535),
    "height": (1, 65_535),
    "steps": (1, 1_000),
    "seed": _SEEDS,
    "variation_seed": _SEEDS,
}
_REAL = {"strength": (0.0, 1.0), "guidance": (0.0, 100.0), "variation_strength": (0.0, 1.0)}
_TEXT = ("prompt", "model", "output_format")
_MAX_NUMBER = 40
_MAX_EXTRAS = 100
_MAX_EXTRA = 4_000


@dataclass(frozen=True, slots=True)
class Reading:
    """Settings found in an image: `params` in our words, `extra` to be shown but not used.

    `record` is our whole job when the image is ours, otherwise empty.
    """

    source: str
    params: dict[str, Any]
    record: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, str] = field(default_factory=dict)


def foreign(source: str, wanted: Mapping[str, object], extra: Mapping[str, object]) -> Reading:
    """Make the reading of another program's image; what our words cannot hold is shown."""
    params: dict[str, Any] = {}
    shown: dict[str, object] = {}
    for word, value in wanted.items():
        if (known := understood(word, value)) is not None:
            params[word] = known
        else:
            shown[word] = value
    return Reading(source, params, {}, _shown(shown | dict(extra)))


def understood(word: str, value: object) -> Any:
    """Return the value as our word has it; None when it is of another kind or out of range."""
    if word in _WHOLE:
        low, high = _WHOLE[word]
        number = _number(value)
        whole = number is not None and number == number // 1 and low <= number <= high
        return int(number) if whole and number is not None else None
    if word in _REAL:
        least, most = _REAL[word]
        number = _number(value)
        return number if number is not None and least <= number <= most else None
    return value if word in _TEXT and isinstance(value, str) and value else None


def _number(value: object) -> float | None:
    """Return a number or the number a short text spells, without a detour for whole ones."""
    if isinstance(value, str) and len(value) <= _MAX_NUMBER:
        try:
            return float(value)
        except ValueError:
            return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _shown(extra: Mapping[str, object]) -> dict[str, str]:
    said = {key: value for key, value in extra.items() if value not in (None, "", [], {})}
    return {
        str(key)[:_MAX_NUMBER]: _sentence(value) for key, value in list(said.items())[:_MAX_EXTRAS]
    }


def _sentence(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:_MAX_EXTRA]
