"""What fal's model pages document, written down apart from our code, to hold requests against.

A field is told by its type and its range or choices; `required` ones have no default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PRESETS: Mapping[str, tuple[int, int]] = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A documented input: what it may be, and what it is when it is left out."""

    kind: type | tuple[type, ...]
    default: Any = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    required: bool = False

    def problem(self, value: Any) -> str:
        """Say why a value is not what the page documents, or return ""."""
        if isinstance(value, bool) and self.kind is not bool:
            return "a truth value"
        if not isinstance(value, self.kind):
            return f"a {type(value).__name__}"
        if self.choices and isinstance(value, str) and value not in self.choices:
            return "no choice of it"
        if self.low is not None and not self.low <= value <= (self.high or 0):
            return "out of range"
        return ""


def _shared(guidance: float, acceleration: str) -> dict[str, Field]:
    speeds = ("none", "regular", "high")
    return {
        "prompt": Field(str, required=True),
        "num_inference_steps": Field(int, 28, 1, 50),
        "seed": Field(int),
        "guidance_scale": Field((int, float), guidance, 1, 20),
        "sync_mode": Field(bool, False),
        "num_images": Field(int, 1, 1, 4),
        "enable_safety_checker": Field(bool, True),
        "output_format": Field(str, "jpeg", choices=("jpeg", "png")),
        "acceleration": Field(str, acceleration, choices=speeds),
    }


def _text(guidance: float, acceleration: str) -> dict[str, Field]:
    size = Field((str, dict), "landscape_4_3", choices=tuple(PRESETS))
    return _shared(guidance, acceleration) | {"image_size": size}


def _image(guidance: float, acceleration: str) -> dict[str, Field]:
    return _shared(guidance, acceleration) | {
        "image_url": Field(str, required=True),
        "strength": Field((int, float), 0.95, 0.01, 1),
        "num_inference_steps": Field(int, 40, 10, 50),
    }


MODELS: Mapping[str, Mapping[str, Field]] = {
    "fal-ai/flux/srpo": _text(4.5, "none"),
    "fal-ai/flux-1/srpo": _text(4.5, "regular"),
    "fal-ai/flux-1/srpo/image-to-image": _image(4.5, "regular"),
    "fal-ai/flux-1/dev": _text(3.5, "regular"),
    "fal-ai/flux-1/dev/image-to-image": _image(3.5, "regular"),
}


def problems(model: str, sent: Mapping[str, Any]) -> list[str]:
    """Return every way in which a body is not what the model's page documents."""
    known = MODELS[model]
    found = [f"{name} is not documented" for name in sent.keys() - known.keys()]
    found += [f"{n} is missing" for n, field in known.items() if field.required and n not in sent]
    for name, field in known.items():
        if name in sent and (said := field.problem(sent[name])):
            found.append(f"{name} is {said}: {sent[name]!r}")
    size = sent.get("image_size")
    if isinstance(size, dict):
        whole = all(type(side) is int and side > 0 for side in size.values())
        if size.keys() != {"width", "height"} or not whole:
            found.append(f"image_size is no size: {size!r}")
    return found


def meant(model: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the service reads out of a body: defaults filled in, a preset as its sides."""
    values = {name: sent.get(name, field.default) for name, field in MODELS[model].items()}
    if isinstance(size := values.get("image_size"), str):
        values["image_size"] = dict(zip(("width", "height"), PRESETS[size], strict=True))
    return values
