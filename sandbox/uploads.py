"""Images that clients put into the sandbox's media store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit
from uuid import uuid4

LARGEST_UPLOAD = 200 * 1024 * 1024
ROOM = 2 * LARGEST_UPLOAD


@dataclass(frozen=True, slots=True)
class Upload:
    """A promised or stored file."""

    name: str
    size: int
    content_type: str
    body: bytes | None = None
    """None until it was PUT."""


class Uploads:
    """Files by an unguessable token, which is part of their address."""

    def __init__(self) -> None:
        self._files: dict[str, Upload] = {}

    def add(self, upload: Upload) -> str:
        """Keep a promise or a file; returns its path."""
        token = uuid4().hex
        self._files[token] = upload
        self._make_room()
        return f"uploads/{token}/{_safe(upload.name)}"

    def get(self, token: str) -> Upload | None:
        """Return what is known under a token."""
        return self._files.get(token)

    def put(self, token: str, body: bytes) -> None:
        """Keep the file that was promised; the oldest files make room for it."""
        self._files[token] = replace(self._files[token], body=body)
        self._make_room()

    def at(self, url: str) -> bytes | None:
        """Return the file at one of our own addresses; None for any other address."""
        parts = urlsplit(url).path.split("/")
        if len(parts) < 3 or parts[-3] != "uploads":
            return None
        upload = self._files.get(parts[-2])
        return upload.body if upload else None

    def _make_room(self) -> None:
        while sum(len(one.body or b"") for one in self._files.values()) > ROOM:
            del self._files[next(iter(self._files))]


def _safe(name: str) -> str:
    kept = "".join(
        letter for letter in name if letter.isascii() and (letter.isalnum() or letter in ".-_")
    )
    return kept[-60:].lstrip(".") or "file"
