"""The model in the box: a tiny FLUX of our own that paints landscapes, with NumPy alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from backends.miniature import weights
from backends.miniature.autoencoder import Bytes
from backends.miniature.sampling import Flux, Order, Sketch, open_model, size_for
from core import params as fields
from core.backend import Free, Registration
from core.events import Event, Finished, Preview, Running
from core.params import ImageToImage, Params, Task, TextToImage
from core.pictures import Picture
from core.settings import Settings

FOLDER = Path(__file__).parents[2] / "assets" / "miniature"
LARGEST = 1536
NOTE = (
    "A tiny model of our own, in the box. It paints landscapes: sky, sun and moon, mountains, "
    "hills, sea, trees, houses, boats and balloons, in any colour. It is not FLUX.1 SRPO."
)
PROMPTS = (
    "Red sun, blue mountains",
    "House in the snow",
    "Starry night, purple sea",
    "Sunset, orange desert",
    "Pink tree, green hills",
    "White boat, teal lake",
)

T = TypeVar("T")


class MiniatureText(TextToImage):
    """What the miniature takes for a picture from words."""

    width: int = fields.width(1024, low=256, high=LARGEST)
    height: int = fields.height(1024, low=256, high=LARGEST)
    steps: int = fields.steps(20)
    guidance: float = fields.guidance(3.5, high=6.0)


class MiniatureImage(ImageToImage):
    """What it takes for changing a picture."""

    strength: float = fields.strength()
    steps: int = fields.steps(20)
    guidance: float = fields.guidance(3.5, high=6.0)


class Miniature(Free):
    """Paints small and enlarges; one picture at a time, in a thread of its own."""

    id = "miniature"
    label = "Miniature"
    max_concurrency = 1
    tasks: Mapping[Task, type[Params]] = {
        "text-to-image": MiniatureText,
        "image-to-image": MiniatureImage,
    }
    note = NOTE
    prompts = PROMPTS

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="miniature")
        self._model: Flux | None = None
        self._seen: tuple[object, str] = (None, "")

    def problem(self) -> str:
        """What is wrong with the weights; they are only read again when they change."""
        if self._model:
            return ""
        state = _state(self._folder)
        if self._seen[0] != state:
            self._seen = state, weights.problem(self._folder)
        return self._seen[1]

    def sent(self, params: Params) -> dict[str, Any]:
        """The request, who paints it, and the size that is painted before it is enlarged."""
        shown = params.model_dump(mode="json", exclude={"image"})
        if params.picture:
            shown["image"] = params.picture.describe()
        return {"model": self.id, **shown, "painted_size": list(size_for(*_asked_size(params)))}

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        """Yield a step and a preview of where it leads, until the picture is done."""
        work = await self._run(lambda: _Work(self._opened(), params))
        while (sketch := await self._run(work.step)) is not None:
            if sketch.total:
                yield Running(sketch.step / sketch.total, sketch.step, sketch.total)
                yield Preview(await self._run(work.preview))
        yield Finished(await self._run(work.finish), ran=work.unread())

    async def aclose(self) -> None:
        """Let the thread go after the step it is at."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._model = None

    def _opened(self) -> Flux:
        if self._model is None:
            self._model = open_model(self._folder)
        return self._model

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class _Work:
    """One picture under way. Everything here runs in the thread."""

    def __init__(self, model: Flux, params: Params) -> None:
        self._model = model
        self._prompt = params.prompt
        self._size = _asked_size(params)
        wish = params.model_dump(include={"prompt", "steps", "guidance", "seed", "strength"})
        native = size_for(*self._size)
        self._kept = params.picture is not None and wish["strength"] <= 0
        self._given = _decoded(params.picture) if params.picture else None
        start = (
            np.asarray(self._given.resize(native, Image.Resampling.LANCZOS))
            if self._given
            else None
        )
        order = Order(size=native, picture=start, **wish)
        self._sketches: Iterator[Sketch] = iter(()) if self._kept else model.sketch(order)
        self._last: Sketch | None = None

    def unread(self) -> dict[str, Any]:
        """What of the prompt is not in the picture: words it does not know, or a long end."""
        if self._kept:
            return {}
        lexicon = self._model.lexicon
        found = {
            "painted_without": lexicon.unknown(self._prompt),
            "prompt_read_until": lexicon.read_until(self._prompt),
        }
        return {name: value for name, value in found.items() if value}

    def step(self) -> Sketch | None:
        """The next sketch, or None after the last."""
        sketch = next(self._sketches, None)
        self._last = sketch or self._last
        return sketch

    def preview(self) -> bytes:
        """The last sketch as a small WebP."""
        if self._last is None:
            raise RuntimeError("there is no sketch yet")
        return _encoded(
            Image.fromarray(self._model.autoencoder.preview(self._last.latents)), "WEBP"
        )

    def finish(self) -> bytes:
        """The picture at the asked size, as PNG."""
        if self._kept and self._given:
            return _encoded(self._given.resize(self._size, Image.Resampling.LANCZOS), "PNG")
        if self._last is None:
            raise RuntimeError("there is no sketch yet")
        small = self._model.autoencoder.decode(self._last.latents)
        return _encoded(_enlarged(small, self._size, crop=self._given is None), "PNG")


def create(settings: Settings) -> Miniature:
    """Build it; the weights are read when the first picture is asked for."""
    return Miniature()


def _asked_size(params: Params) -> tuple[int, int]:
    """The asked size, or that of the given picture within the largest the miniature makes."""
    if not params.picture:
        return params.model_dump()["width"], params.model_dump()["height"]
    width, height = params.picture.width, params.picture.height
    share = min(1.0, LARGEST / max(width, height))
    return max(1, round(width * share)), max(1, round(height * share))


def _enlarged(small: Bytes, size: tuple[int, int], *, crop: bool) -> Image.Image:
    """The small picture at the size: cut to its shape, or stretched back to what it was."""
    picture = Image.fromarray(small)
    if not crop:
        return picture.resize(size, Image.Resampling.LANCZOS)
    share = min(picture.width / size[0], picture.height / size[1])
    wide, high = size[0] * share, size[1] * share
    left, top = (picture.width - wide) / 2, (picture.height - high) / 2
    box = (left, top, left + wide, top + high)
    return picture.resize(size, Image.Resampling.LANCZOS, box)


def _decoded(picture: Picture) -> Image.Image:
    with Image.open(BytesIO(picture.data)) as image:
        return image.convert("RGB")


def _encoded(picture: Image.Image, kind: str) -> bytes:
    file = BytesIO()
    options = {"quality": 82} if kind == "WEBP" else {"compress_level": 4}
    picture.save(file, kind, **options)
    return file.getvalue()


def _state(folder: Path) -> tuple[tuple[int, int], ...]:
    found = []
    for name in (weights.NAME, weights.CHECKSUM):
        try:
            entry = (folder / name).stat()
            found.append((entry.st_size, entry.st_mtime_ns))
        except OSError:
            found.append((0, 0))
    return tuple(found)


REGISTRATION = Registration(Settings, create)
