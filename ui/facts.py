"""What was asked for an image beside what was sent for it, with the differences marked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from core.events import TOLD

Kind = Literal["same", "changed", "added", "unsent"]
NAMES = {
    "num_inference_steps": "steps",
    "guidance_scale": "guidance",
    "enable_safety_checker": "safety_checker",
    "image_url": "image",
    "image_urls": "image",
}
"""What services call our fields, where they call them something else."""
SIZES = ("size", "image_size")
"""What services call width and height together."""
NOT_SENT = ("model",)
"""What some services take in the address of a request instead of its body."""


@dataclass(frozen=True, slots=True)
class Row:
    """A field as it was asked for and as it was sent; "" where it was not.

    "added" is what the service needs and nobody chose, "unsent" what was asked and has no name in
    the request.
    """

    name: str
    asked: Any
    sent: Any
    kind: Kind


def compare(params: Mapping[str, Any], sent: Mapping[str, Any]) -> list[Row]:
    """Return a row for each field, in the order of the request's own form, additions last."""
    ours = dict(_in_our_words(params, sent))
    asked = {name: value for name, value in params.items() if name != "image"}
    rows = [_row(name, value, ours) for name, value in asked.items()]
    added = [name for name in ours if name not in params]
    return rows + [Row(name, "", ours[name], "added") for name in added]


def _row(name: str, asked: Any, ours: Mapping[str, Any]) -> Row:
    if name not in ours:
        return Row(name, asked, "", "same" if name in NOT_SENT else "unsent")
    return Row(name, asked, ours[name], "same" if _equal(asked, ours[name]) else "changed")


def _in_our_words(params: Mapping[str, Any], sent: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what was sent under our names; a size becomes width and height where it has both."""
    for name, value in sent.items():
        if name in TOLD:  # said after the image was made, not sent for it
            continue
        sides = _sides(value) if name in SIZES and "width" in params else None
        if sides:
            yield from zip(("width", "height"), sides, strict=True)
        elif name in SIZES and "width" in params:  # a word of the service for exactly this size
            yield "width", params["width"]
            yield "height", params["height"]
        else:
            yield NAMES.get(name, name), value


def _sides(value: Any) -> tuple[int, int] | None:
    """Return width and height of a size such as 1024*768, 1024x768 or an object with both."""
    if isinstance(value, Mapping):
        wide, high = value.get("width"), value.get("height")
        return (wide, high) if isinstance(wide, int) and isinstance(high, int) else None
    parts = str(value).replace("*", "x").split("x")
    if len(parts) == 2 and all(part.isdecimal() for part in parts):
        return int(parts[0]), int(parts[1])
    return None


def _equal(asked: Any, sent: Any) -> bool:
    if isinstance(asked, bool) or isinstance(sent, bool):
        return asked is sent
    return bool(asked == sent)
