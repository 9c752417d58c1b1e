"""Images that come in: checked at once, kept by content, and found again after a reload."""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from pydantic import ValidationError

from core import metadata, pictures
from core.errors import InputError, PlaygroundError
from core.metadata.reading import Reading
from core.params import Edit, Params
from core.pictures import Picture
from core.words import english
from ui.server.gradio_patches import folder
from ui.server.gradio_patches.requests import PREFIX
from ui.server.routes import Media

ADVICE = english("uploads-add-png-jpeg-webp-or")
INSTEAD = english("uploads-upload-image-instead-assistant-may")
OWN = f"{PREFIX}/file="
S = TypeVar("S")
T = TypeVar("T")
PATIENCE_S = 10.0
LONGEST_PATH = 4_000
"""Letters; a longer one takes very long to follow, and no file can have it."""
DECODERS = 4
"""Images that are decoded at once; one that takes too long keeps its place until it ends."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """Loads what browsers upload through the one strict loader."""

    media: Media
    patience_s: float = PATIENCE_S
    decoders: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(DECODERS, thread_name_prefix="decoder")
    )

    async def picture(self, upload: Any) -> Picture:
        """Return the clean image of an upload, a Gradio file value.

        Raises InputError for the field `image` when there is none or it cannot be used.
        """
        return await self._decode(uploaded(upload))

    async def fitted(self, picture: Picture, *kinds: type[Params]) -> Picture:
        """Return an image as it is sent for requests of those kinds: no larger than of use."""
        sides = [kind.most_side if issubclass(kind, Edit) else None for kind in kinds]
        known = [side for side in sides if side is not None]
        if not known or len(known) < len(sides):
            return picture
        small = await self._patiently(partial(pictures.scaled, most=max(known)), picture)
        if small is not picture:
            await self.media.studio.same_source(picture, small)
        return small

    async def load(self, data: bytes) -> Picture:
        """Return the clean image of bytes we hold."""
        return await self._decode(data)

    async def settings(self, upload: Any) -> Reading | None:
        """Return what an uploaded file tells of how it was made, or None."""
        return await self._patiently(_read, uploaded(upload))

    async def _decode(self, source: Path | bytes) -> Picture:
        return await self._patiently(pictures.load, source)

    async def _patiently(self, read: Callable[[S], T], source: S) -> T:
        """Read in a thread; a decoder that takes too long goes on alone, and nobody waits."""
        work = asyncio.get_running_loop().run_in_executor(self.decoders, read, source)
        try:
            async with asyncio.timeout(self.patience_s):
                return await work
        except TimeoutError:
            raise InputError(
                english("uploads-image-takes-too-long-decode"),
                field="image",
                advice=english("uploads-save-as-plain-png-or"),
            ) from None

    async def keep(self, picture: Picture, owner: str) -> dict[str, str]:
        """Store an image and return a note that only its owner can redeem."""
        name = await self.media.studio.keep_source(picture)
        return {"name": name, "seal": await self.media.sign(owner, name)}

    async def redeem(self, note: Any, owner: str) -> str | None:
        """Return the path of an image kept for `owner`, for a Gradio component, or None."""
        if not isinstance(note, dict):
            return None
        name, seal = str(note.get("name", "")), str(note.get("seal", ""))
        if not hmac.compare_digest(seal.encode(), (await self.media.sign(owner, name)).encode()):
            return None
        try:
            return await self.to_cache(name)
        except PlaygroundError:
            return None

    async def again(self, told: Mapping[str, Any], owner: str) -> str:
        """Return the path of an image that an entry or a file tells of, if it is the owner's.

        Raises InputError when nothing of the owner's began with it.
        """
        try:
            picture = Picture(**told)
        except (TypeError, ValidationError):
            raise no_longer_there() from None
        name = await self.media.studio.source(picture, owner=owner)
        if name is None:
            raise no_longer_there()
        return await self.to_cache(name)

    async def to_cache(self, name: str) -> str:
        """Copy a stored file to where Gradio serves files from, and return its path."""
        data = await self.media.studio.file(name)
        return await asyncio.to_thread(folder.keep, data, Path(name).name)


def _read(file: Path) -> Reading | None:
    return metadata.read(file.read_bytes())


def uploaded(upload: Any) -> Path:
    """Return the path of an upload; only files that Gradio itself stored are taken.

    The address of such a file is as good as its path; no address is ever fetched.
    """
    named = upload.get("path") or upload.get("url") if isinstance(upload, dict) else upload
    if not named:
        raise InputError(english("value-there-no-image-start-from"), field="image", advice=ADVICE)
    path = str(named)
    if OWN in path:
        path = unquote(path.partition(OWN)[2])
    elif "://" in path:
        raise InputError(
            english("uploads-addresses-images-are-not-fetched"), field="image", advice=INSTEAD
        )
    try:
        if len(path) > LONGEST_PATH:
            raise ValueError(path[:20])
        found = Path(path).resolve()
        ours = found.is_relative_to(folder.folder().resolve()) and found.is_file()
    except (OSError, ValueError, RuntimeError):  # no file can have this name
        ours = False
    if not ours:
        raise no_longer_there()
    with suppress(OSError):
        os.utime(found)  # what is used again is not removed as old
    return found


def no_longer_there() -> InputError:
    """Say that an upload cannot be found, whatever it was called."""
    return InputError(english("uploads-image-no-longer-there"), field="image", advice=ADVICE)
