"""The model in the box: a tiny FLUX of our own that generates landscapes, with NumPy alone."""

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
from backends.miniature.enlarging import enlarge
from backends.miniature.sampling import Flux, Order, Sketch, open_model, size_for
from core import params as fields
from core.backend import Free, Registration
from core.code import Code, arguments, source_file
from core.events import Event, Finished, Preview, Running
from core.params import ImageToImage, Params, Task, TextToImage
from core.pictures import Picture, within
from core.settings import Settings
from core.words import english

FOLDER = Path(__file__).parents[2] / "assets" / "miniature"
LARGEST = 1536
NOTE = english("local-offline-demo-model-landscapes-only")
PROMPTS = (
    "Red sun, blue mountains",
    "House in the snow",
    "Starry night, purple sea",
    "Sunset, orange desert",
    "Pink tree, green hills",
    "White boat, teal lake",
)

ORDERED = {
    *("prompt", "steps", "guidance", "seed", "strength", "variation_seed", "variation_strength")
}
"""What of a request the model itself is told."""

T = TypeVar("T")


class MiniatureText(TextToImage):
    """What the miniature takes for an image from words."""

    width: int = fields.width(1024, low=256, high=LARGEST)
    height: int = fields.height(1024, low=256, high=LARGEST)
    steps: int = fields.steps(20)
    guidance: float = fields.guidance(3.5, high=6.0)
    variation_seed: int = fields.variation_seed()
    variation_strength: float = fields.variation_strength()


class MiniatureImage(ImageToImage):
    """What it takes for changing an image."""

    most_side = LARGEST
    strength: float = fields.strength()
    steps: int = fields.steps(20)
    guidance: float = fields.guidance(3.5, high=6.0)
    variation_seed: int = fields.variation_seed()
    variation_strength: float = fields.variation_strength()


CODE = """# In the folder of the playground, with the Python that runs it.
import asyncio
from pathlib import Path

{imports}
from core.events import Finished

params = {kind}(
{arguments}
)


async def main() -> None:
    async for event in Miniature().generate(params):
        if isinstance(event, Finished):
            Path("image.png").write_bytes(event.image)


asyncio.run(main())
"""


class Miniature(Free):
    """Generates small and enlarges; one image at a time, in a thread of its own."""

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
        """The request, what generates it, and the size that is generated before it is enlarged."""
        shown = params.model_dump(mode="json", exclude={"image"} | params.idle)
        if params.picture:
            shown["image"] = params.picture.describe()
        size = size_for(*_asked_size(params), self._sizes())
        return {"model": self.id, **shown, "painted_size": list(size)}

    def code(self, params: Params) -> Code:
        """A program that generates with the weights in this folder."""
        kind, file = type(params).__name__, source_file(params)
        imports = f"from backends.miniature import Miniature, {kind}"
        raw = {}
        if file:
            imports += "\nfrom core.pictures import load"
            raw = {"image": f'load(Path("{file}"))'}
        written = arguments(params.model_dump(exclude={"image"} | params.idle), indent=4, raw=raw)
        return Code("Miniature", CODE.format(imports=imports, kind=kind, arguments=written))

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        """Yield a step and a preview of where it leads, until the image is done."""
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

    def _sizes(self) -> tuple[tuple[int, int], ...]:
        return self._model.sizes if self._model else weights.sizes(self._folder)

    def _opened(self) -> Flux:
        if self._model is None:
            self._model = open_model(self._folder)
        return self._model

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class _Work:
    """One image under way. Everything here runs in the thread."""

    def __init__(self, model: Flux, params: Params) -> None:
        self._model = model
        self._prompt = params.prompt
        self._size = _asked_size(params)
        wish = params.model_dump(include=ORDERED)
        native = size_for(*self._size, model.sizes)
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
        """What of the prompt is not in the image: words it does not know, or a long end."""
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
        """The image at the asked size, as PNG."""
        if self._kept and self._given:
            return _encoded(self._given.resize(self._size, Image.Resampling.LANCZOS), "PNG")
        if self._last is None:
            raise RuntimeError("there is no sketch yet")
        small = self._model.autoencoder.decode(self._last.latents)
        return _encoded(_enlarged(small, self._size, crop=self._given is None), "PNG")


def create(settings: Settings) -> Miniature:
    """Build it; the weights are read when the first image is asked for."""
    return Miniature()


def _asked_size(params: Params) -> tuple[int, int]:
    """The asked size, or that of the given image within the largest the miniature makes."""
    if isinstance(params, MiniatureImage):
        return within((params.image.width, params.image.height), LARGEST)
    return params.model_dump()["width"], params.model_dump()["height"]


def _enlarged(small: Bytes, size: tuple[int, int], *, crop: bool) -> Image.Image:
    """The small image at the size: cut to its shape, or stretched back to what it was."""
    height, width, _ = small.shape
    if not crop:
        return enlarge(small, size, (0, 0, width, height))
    share = min(width / size[0], height / size[1])
    wide, high = size[0] * share, size[1] * share
    left, top = (width - wide) / 2, (height - high) / 2
    return enlarge(small, size, (left, top, left + wide, top + high))


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


REGISTRATION = Registration(Settings, create, setup="It is in the box")
