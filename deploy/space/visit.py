"""A visitor of a running Space who makes an image by the page's own API, and looks it up again."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from core.errors import InputError
from deploy.space.replay import get

TOKEN = "5ace" * 8
"""What this visitor's scripts are known by."""
WISH = {"prompt": "a white sailboat on a teal sea at sunset", "width": 512, "height": 384}
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Image:
    """An image that was made: who made it, its bytes, and the seconds it took."""

    entry: str
    backend: str
    data: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who comes through the hub; `address` is where the Space runs on this machine."""

    address: str

    def image(self) -> Image:
        """Make an image with the backend that is chosen at first, and fetch its file."""
        began = time.monotonic()
        file, entry = self._call("text_to_image", WISH)
        data = self._get(urlsplit(file["url"]).path)
        if not data.startswith(PNG):
            raise InputError("The image that was made is no PNG file.")
        return Image(entry["id"], entry["backend"], data, time.monotonic() - began)

    def kept(self, image: Image) -> bool:
        """Whether the history still has that image, and its file the same bytes."""
        (entries,) = self._call("history", {})
        files = [one["file"] for one in entries if one["id"] == image.entry]
        return len(files) == 1 and self._get(urlsplit(files[0]).path) == image.data

    def labels(self) -> list[str]:
        """Return what is written on the buttons of the page."""
        parts = json.loads(self._get("/config"))["components"]
        return [str(one["props"].get("value")) for one in parts if one["type"] == "button"]

    def _call(self, name: str, values: Mapping[str, Any]) -> list[Any]:
        """Call an endpoint by its name; raises InputError with what it says instead of a result."""
        body = json.dumps(values).encode()
        event = json.loads(self._get(f"/gradio_api/call/v2/{name}", body))["event_id"]
        heard = self._get(f"/gradio_api/call/{name}/{event}").decode()
        *_, last = heard.strip().split("event: ")
        kind, _, data = last.partition("\ndata: ")
        found = json.loads(data)
        if kind.strip() != "complete":
            raise InputError(f"/{name} failed: {found}.")
        return list(found)

    def _get(self, path: str, body: bytes | None = None) -> bytes:
        return get(self.address + path, {"X-SRPO-Token": TOKEN}, body)
