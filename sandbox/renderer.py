"""Turns orders into image files, in threads, and keeps the files for a while."""

from __future__ import annotations

import asyncio
import io
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from PIL import Image, PngImagePlugin, UnidentifiedImageError

Format = Literal["jpeg", "png"]

COMMENT = "Painted by the sandbox of the SRPO playground; no image model was used."
LONGEST_SIDE = 1536
MOST_PIXELS = 64_000_000
READABLE = ("PNG", "JPEG", "WEBP")


class UnreadableError(Exception):
    """The image to start from cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Order:
    """What an image shall be; the same order gives the same pixels."""

    model: str
    prompt: str
    width: int = 1024
    height: int = 1024
    steps: int = 28
    guidance: float = 3.5
    seed: int = 0
    strength: float = 0.8
    format: Format = "jpeg"
    resized: bool = False
    """Whether an image to start from is brought to that width and height first."""


class Renderer:
    """Paints at most two images at once, so that an app around it keeps its threads."""

    def __init__(self, store_bytes: int) -> None:
        self.store_bytes = store_bytes
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._fixed: dict[tuple[int, int, Format], bytes] = {}
        self._room = asyncio.Semaphore(2)

    async def paint(self, order: Order, source: bytes | None) -> bytes:
        """Return the finished file; raises UnreadableError."""
        async with self._room:
            return await asyncio.to_thread(painted, order, source)

    async def fixed(self, order: Order) -> bytes:
        """Return a file of the right size that does not depend on the rest of the order."""
        key = (order.width, order.height, order.format)
        if key not in self._fixed:
            self._fixed[key] = await asyncio.to_thread(_prebuilt, order)
        return self._fixed[key]

    def keep(self, name: str, file: bytes) -> None:
        """Store a file; the oldest ones expire when there are too many bytes."""
        self._files[name] = file
        while sum(map(len, self._files.values())) > self.store_bytes and len(self._files) > 1:
            self._files.popitem(last=False)

    def file(self, name: str) -> bytes | None:
        """Return a stored file, or None when it expired or never existed."""
        return self._files.get(name)

    def clear(self) -> None:
        """Forget every stored file."""
        self._files.clear()


def painted(order: Order, source: bytes | None) -> bytes:
    """Paint an order and encode it; blocking. Raises UnreadableError."""
    # numpy and the painter load with the first image, not with the page.
    from sandbox.painter import painter

    old = None if source is None else opened(source)
    if old is None:
        new = painter.paint(
            order.prompt, order.width, order.height,
            steps=order.steps, guidance=order.guidance, seed=order.seed,
        )  # fmt: skip
    else:
        if order.resized:
            old = old.resize((order.width, order.height), Image.Resampling.LANCZOS)
        new = painter.repaint(
            old, order.prompt, strength=order.strength,
            steps=order.steps, guidance=order.guidance, seed=order.seed,
        )  # fmt: skip
    return encoded(painter.mark(new), order.format)


def sides(source: bytes) -> tuple[int, int]:
    """Return about how large an image made from this one is; raises UnreadableError."""
    try:
        with Image.open(io.BytesIO(source), formats=READABLE) as picture:
            width, height = picture.size
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise UnreadableError("the image cannot be decoded") from error
    except Image.DecompressionBombError as error:
        raise UnreadableError("the image has too many pixels") from error
    scale = min(1.0, LONGEST_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def opened(source: bytes) -> Image.Image:
    """Decode the image to start from, fitted into the largest output; blocking."""
    try:
        with Image.open(io.BytesIO(source), formats=READABLE) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise UnreadableError("the image has too many pixels")
            plain = picture.convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise UnreadableError("the image cannot be decoded") from error
    except Image.DecompressionBombError as error:
        raise UnreadableError("the image has too many pixels") from error
    plain.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return plain


def encoded(picture: Image.Image, kind: Format) -> bytes:
    """Encode an image with a comment that names the sandbox."""
    file = io.BytesIO()
    if kind == "jpeg":
        picture.save(file, "JPEG", quality=92, comment=COMMENT)
    else:
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Comment", COMMENT)
        picture.save(file, "PNG", compress_level=1, pnginfo=notes)
    return file.getvalue()


def _prebuilt(order: Order) -> bytes:
    from sandbox.painter import painter

    ramp = Image.linear_gradient("L").resize((order.width, order.height))
    rest = Image.new("L", ramp.size, 160)
    return encoded(painter.mark(Image.merge("RGB", (ramp, rest, rest))), order.format)
