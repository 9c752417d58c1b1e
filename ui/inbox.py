"""Pictures that come in: checked at once, kept by content, and found again after a reload."""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from core import pictures
from core.errors import InputError, PlaygroundError
from core.pictures import Picture
from core.starting import input_name
from ui.media import Media

ADVICE = "Add a PNG, JPEG, WebP or AVIF picture."


@dataclass(frozen=True, slots=True)
class Inbox:
    """Loads what browsers upload through the one strict loader."""

    media: Media

    async def picture(self, upload: Any) -> Picture:
        """Return the clean picture of an upload, a Gradio file value.

        Raises InputError for the field `image` when there is none or it cannot be used.
        """
        return await asyncio.to_thread(pictures.load, uploaded(upload))

    async def load(self, data: bytes) -> Picture:
        """Return the clean picture of bytes we hold."""
        return await asyncio.to_thread(pictures.load, data)

    async def keep(self, picture: Picture, owner: str) -> dict[str, str]:
        """Store a picture and return a note that only its owner can redeem."""
        name = input_name(picture)
        await self.media.history.storage.write(name, picture.data)
        return {"name": name, "seal": await self.media.sign(owner, name)}

    async def redeem(self, note: Any, owner: str) -> str | None:
        """Return the path of a picture kept for `owner`, for a Gradio component, or None."""
        if not isinstance(note, dict):
            return None
        name, seal = str(note.get("name", "")), str(note.get("seal", ""))
        if not hmac.compare_digest(seal.encode(), (await self.media.sign(owner, name)).encode()):
            return None
        try:
            return await self.to_cache(name)
        except PlaygroundError:
            return None

    async def to_cache(self, name: str) -> str:
        """Copy a stored file to where Gradio serves files from, and return its path."""
        data = await self.media.history.storage.read(name)
        return await asyncio.to_thread(
            save_bytes_to_cache, data, Path(name).name, str(get_upload_folder())
        )


def uploaded(upload: Any) -> Path:
    """Return the path of an upload; only files that Gradio itself stored are taken."""
    path = upload.get("path") if isinstance(upload, dict) else upload
    if not path:
        raise InputError("There is no picture to start from.", field="image", advice=ADVICE)
    found = Path(str(path)).resolve()
    if not found.is_relative_to(Path(get_upload_folder()).resolve()) or not found.is_file():
        raise InputError("This picture is no longer there.", field="image", advice=ADVICE)
    return found
