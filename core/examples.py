"""Examples: real images with the settings that made them, shown at once on the first page.

The ones in the repository are the miniature's. Whoever runs a model of their own makes others with
`python app.py --examples`; they lie in the data folder and take the place of the first.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

from PIL import Image

from core.backend import Backend
from core.errors import BackendError, InputError, NotReadyError
from core.events import Finished
from core.parsing import fitting

NAME = "examples.json"
WEBP = "data:image/webp;base64,"
SIDE = (320, 240)
MOST_BYTES = 2_000_000
PROMPTS = (
    ("A lighthouse on a rocky coast at dusk, warm light in its window, a calm sea", 7),
    ("Portrait of an old fisherman with a grey beard, soft window light, film grain", 3),
    ("A street market in the rain at night, neon signs mirrored in puddles", 12),
    ("A red fox asleep in autumn leaves, shallow depth of field", 5),
    ("A wooden cabin by a mountain lake at sunrise, mist over the water", 9),
    ("Still life of figs and a blue jug on a linen cloth, morning light", 21),
)
"""What is asked of a model of one's own; each with its seed."""


async def make(
    backend: Backend, ideas: Sequence[tuple[str, int]] = PROMPTS, **settings: Any
) -> AsyncIterator[dict[str, Any]]:
    """Yield an example for each prompt and seed, made with a backend that costs nothing.

    Raises NotReadyError when the backend is not ready, InputError when its images are paid for,
    and whatever it raises itself.
    """
    if backend.paid and not backend.sandbox:
        raise InputError(
            f"Images of {backend.label} are paid for, and examples are made without asking.",
            field="SRPO_BACKEND",
            advice="Choose a backend that is free.",
        )
    if problem := backend.problem():
        raise NotReadyError(f"{backend.label} is not ready.", advice=problem)
    for prompt, seed in ideas:
        yield await _made(backend, prompt, seed, settings)


async def _made(
    backend: Backend, prompt: str, seed: int, settings: Mapping[str, Any]
) -> dict[str, Any]:
    kind = backend.tasks["text-to-image"]
    size = {"width": 1024, "height": 768}
    params = fitting(kind, {"prompt": prompt, "seed": seed, **size, **settings})
    async with aclosing(backend.generate(params)) as events:  # type: ignore[type-var]
        async for event in events:
            if isinstance(event, Finished):
                return {
                    "prompt": prompt,
                    "backend": backend.id,
                    "by": backend.label,
                    "params": params.model_dump(
                        mode="json", exclude={"prompt", "image"} | params.idle
                    ),
                    "picture": _small(event.image),
                }
    raise BackendError(f"{backend.label} ended without an image.", advice="Try it again.")


def _small(image: bytes) -> str:
    """Return a small WebP of an image as a data URI."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(image)) as opened:
        small = opened.convert("RGB")
    small.thumbnail(SIDE, Image.Resampling.LANCZOS)
    small.save(file, "WEBP", quality=72, method=6)
    return f"{WEBP}{base64.b64encode(file.getvalue()).decode()}"


def keep(examples: Sequence[Mapping[str, Any]], place: Path) -> None:
    """Write examples down, whole or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_suffix(".new")
    fresh.write_text(json.dumps(examples, indent=1) + "\n", encoding="utf-8")
    fresh.replace(place)


def load(*places: Path) -> list[dict[str, Any]]:
    """Return the examples of the first place that has some that can be read."""
    for place in places:
        with suppress(OSError, ValueError):
            if place.stat().st_size <= MOST_BYTES:
                found = json.loads(place.read_text(encoding="utf-8"))
                if isinstance(found, list) and found and all(map(_is_example, found)):
                    return found
    return []


def _is_example(one: Any) -> bool:
    if not isinstance(one, dict) or not isinstance(one.get("params"), dict):
        return False
    words = ("prompt", "backend", "by", "picture")
    texts = all(isinstance(one.get(name), str) for name in words)
    if not texts or not one["picture"].startswith(WEBP):
        return False
    base64.b64decode(one["picture"].removeprefix(WEBP), validate=True)
    return True
