"""The parts of an image file, walked without decoding: chunks of PNG and WebP, segments of JPEG.

What is cut into parts can be put together again, so that metadata comes and goes while the
compressed pixels stay the same bytes. Every walk is bounded by the number of parts.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from core.words import english

Container = Literal["png", "jpeg", "webp"]

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
MAX_PARTS = 20_000
MAX_SEGMENT = 65_533
TRAILER = b""
JPEG_FRAMES = frozenset(bytes([n]) for n in range(0xC0, 0xD0) if n not in (0xC4, 0xC8, 0xCC))
WEBP_EXIF, WEBP_XMP, WEBP_ALPHA = 0x08, 0x04, 0x10
_STANDALONE = frozenset(bytes([n]) for n in (0x01, *range(0xD0, 0xD8)))
_MARKER = re.compile(rb"\xff+([^\x00\xff])")
# Inside a scan FF00 is a byte of data and FFD0..FFD7 are restart marks: neither ends it.
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


class ContainerError(ValueError):
    """The file does not follow its own format."""


class CutOffError(ContainerError):
    """The file ends before its format says that it should."""


@dataclass(frozen=True, slots=True)
class Part:
    """One chunk or segment: its kind and exact bytes, content between `head` and `tail`."""

    kind: bytes
    raw: bytes
    head: int = 0
    tail: int = 0

    @property
    def body(self) -> bytes:
        """The content, without length, kind and checksum."""
        return self.raw[self.head : len(self.raw) - self.tail]


def container_of(data: bytes) -> Container | None:
    """Tell the container by its first bytes; None for everything else."""
    if data.startswith(PNG_MAGIC):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    return None


def parse(data: bytes) -> tuple[Container, list[Part]]:
    """Cut a file into parts; bytes behind its end become one last part of the kind `TRAILER`."""
    match container_of(data):
        case "png":
            return "png", _png_parts(data)
        case "jpeg":
            return "jpeg", _jpeg_parts(data)
        case "webp":
            return "webp", _webp_parts(data)
    raise ContainerError(english("images-not-png-jpeg-or-webp"))


def join(container: Container, parts: Iterable[Part]) -> bytes:
    """Put parts together again; the inverse of `parse`."""
    parts = list(parts)
    body = b"".join(part.raw for part in parts)
    if container == "png":
        return PNG_MAGIC + body
    if container == "jpeg":
        return body
    chunks = sum(len(part.raw) for part in parts if part.kind != TRAILER)
    return b"RIFF" + struct.pack("<I", 4 + chunks) + b"WEBP" + body


def png_chunk(kind: bytes, body: bytes) -> Part:
    """Make one PNG chunk with its checksum."""
    checksum = struct.pack(">I", zlib.crc32(kind + body))
    return Part(kind, struct.pack(">I", len(body)) + kind + body + checksum, 8, 4)


def jpeg_segment(marker: bytes, body: bytes) -> Part:
    """Make one JPEG segment; its content may have `MAX_SEGMENT` bytes."""
    if len(body) > MAX_SEGMENT:
        raise ContainerError(english("images-jpeg-segment-holds-at-most"))
    return Part(marker, b"\xff" + marker + struct.pack(">H", len(body) + 2) + body, 4)


def webp_chunk(kind: bytes, body: bytes) -> Part:
    """Make one WebP chunk, padded to an even length."""
    padding = len(body) % 2
    return Part(kind, kind + struct.pack("<I", len(body)) + body + b"\0" * padding, 8, padding)


def frame_size(container: Container, parts: list[Part]) -> tuple[int, int]:
    """Return the width and height that the header declares."""
    try:
        if container == "png":
            width, height = struct.unpack(">II", parts[0].body[:8])
        elif container == "jpeg":
            (frame,) = (part for part in parts if part.kind in JPEG_FRAMES)
            height, width = struct.unpack(">HH", frame.body[1:5])
        else:
            width, height = _webp_size(parts)
    except (ValueError, IndexError, struct.error) as error:
        raise ContainerError(english("images-size-image-missing-in-its")) from error
    if not width or not height:
        raise ContainerError(english("images-image-has-no-pixels"))
    return width, height


def _png_parts(data: bytes) -> list[Part]:
    parts: list[Part] = []
    at = len(PNG_MAGIC)
    while not parts or parts[-1].kind != b"IEND":
        if len(data) < at + 12:
            raise CutOffError(english("images-png-file-ends-without-its"))
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        end = at + 12 + length
        if end > len(data):
            raise CutOffError(english("images-png-file-ends-inside-chunk"))
        _append(parts, Part(kind, data[at:end], 8, 4))
        at = end
    if parts[0].kind != b"IHDR" or len(parts[0].body) != 13:
        raise ContainerError(english("images-png-file-does-not-start"))
    return parts + _trailer(data, at)


def _jpeg_parts(data: bytes) -> list[Part]:
    parts = [Part(b"\xd8", data[:2])]
    at = 2
    while parts[-1].kind != b"\xd9":
        found = _MARKER.match(data, at)
        if found is None:
            error = CutOffError if at >= len(data) - 1 else ContainerError
            raise error(english("images-jpeg-no-marker"))
        kind, body = found[1], found.end()
        end = body if kind in _STANDALONE or kind == b"\xd9" else _segment_end(data, kind, body)
        head = body - at + (2 if end > body else 0)
        _append(parts, Part(kind, data[at:end], head))
        at = end
    return parts + _trailer(data, at)


def _segment_end(data: bytes, kind: bytes, body: int) -> int:
    """Find where a segment ends; a scan reaches up to the next real marker."""
    length = int.from_bytes(data[body : body + 2], "big")
    if kind == b"\xd8" or (length < 2 and len(data) >= body + 2):
        raise ContainerError(english("images-jpeg-file-has-segment-without"))
    end = body + length
    if end > len(data) or len(data) < body + 2:
        raise CutOffError(english("images-jpeg-file-ends-inside-segment"))
    if kind != b"\xda":
        return end
    after = _AFTER_SCAN.search(data, end)
    if after is None:
        raise CutOffError(english("images-jpeg-file-ends-inside-its"))
    return after.start()


def _webp_parts(data: bytes) -> list[Part]:
    stop = 8 + int.from_bytes(data[4:8], "little")
    if stop > len(data):
        raise CutOffError(english("images-webp-file-shorter-than-its"))
    parts: list[Part] = []
    at = 12
    while at + 8 <= stop:
        kind, length = struct.unpack("<4sI", data[at : at + 8])
        end = at + 8 + length
        if end > stop:
            raise CutOffError(english("images-webp-file-ends-inside-chunk"))
        padding = 1 if length % 2 and end < stop else 0
        _append(parts, Part(kind, data[at : end + padding], 8, padding))
        at = end + padding
    return parts + _trailer(data, at)


def _webp_size(parts: list[Part]) -> tuple[int, int]:
    sizes = [size for part in parts if (size := _webp_chunk_size(part))]
    # A canvas and an image that disagree are a trick to get past the limit.
    if not sizes or len(set(sizes)) > 1:
        raise ContainerError(english("images-webp-file-does-not-have"))
    return sizes[0]


def _webp_chunk_size(part: Part) -> tuple[int, int] | None:
    body = part.body[:10]
    if part.kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if part.kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF
    if part.kind == b"VP8L" and body[:1] == b"\x2f":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _append(parts: list[Part], part: Part) -> None:
    if len(parts) >= MAX_PARTS:
        raise ContainerError(english("images-file-has-more-than-parts", max_parts=f"{MAX_PARTS:,}"))
    parts.append(part)


def _trailer(data: bytes, at: int) -> list[Part]:
    return [Part(TRAILER, data[at:])] if at < len(data) else []
