"""A zip that is made while it is sent: no file of it lies on disk or as a whole in memory."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

Files = AsyncIterator[tuple[str, bytes]]
"""Names in the zip and their content, one after the other."""


class _Outbox(io.RawIOBase):
    """What the zip writes until somebody takes it; it can't be wound back, so nothing is kept."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: object, /) -> int:
        """Take a part."""
        part = bytes(data)  # type: ignore[call-overload]
        self._parts.append(part)
        return len(part)

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data


async def zipped(files: Files) -> AsyncIterator[bytes]:
    """Yield the bytes of a zip; images are stored as they are, for they are compressed already."""
    box = _Outbox()
    now = datetime.now(UTC).timetuple()[:6]
    with zipfile.ZipFile(box, "w", zipfile.ZIP_STORED) as archive:
        async for name, data in files:
            info = zipfile.ZipInfo(name, now)
            info.external_attr = 0o644 << 16
            await asyncio.to_thread(archive.writestr, info, data)
            for part in _in_parts(box.taken()):
                yield part
    yield box.taken()


def _in_parts(data: bytes, size: int = 1 << 20) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]
