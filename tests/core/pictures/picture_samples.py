"""Small images for the tests, good and bad, and the boxes and chunks to build them from."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image, PngImagePlugin

Colour = tuple[int, ...] | int | str
RED, BLUE = (220, 30, 30), (20, 40, 200)


def drawing(width: int = 64, height: int = 48, *, mode: str = "RGB") -> Image.Image:
    """Return an image whose four corners differ, so that every turn can be told apart."""
    image = Image.new("RGB", (width, height), (240, 240, 230))
    image.paste(RED, (0, 0, width // 2, height // 3))
    image.paste(BLUE, (0, height // 3, width // 3, height))
    image.paste((10, 160, 60), (width // 2, height // 2, width * 3 // 4, height))
    return image.convert(mode)


def encoded(image: Image.Image | None = None, *, kind: str = "png", **options: Any) -> bytes:
    """Encode an image, the drawing if none is given."""
    out = BytesIO()
    (image or drawing()).save(out, kind, **options)
    return out.getvalue()


def decoded(data: bytes) -> Image.Image:
    """Decode with Pillow alone."""
    image = Image.open(BytesIO(data))
    image.load()
    return image


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return one PNG chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    *chunks: bytes, width: int = 16, height: int = 16, depth: int = 8, colour: int = 2
) -> bytes:
    """Return a PNG made of a header, the given chunks and an end."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + b"".join(chunks) + chunk(b"IEND", b"")


def with_chunks(*chunks: bytes, data: bytes | None = None) -> bytes:
    """Put chunks behind the header of a PNG."""
    data = data or encoded()
    return data[:33] + b"".join(chunks) + data[33:]


def with_segments(*segments: tuple[int, bytes], data: bytes | None = None) -> bytes:
    """Put segments (marker, content) at the start of a JPEG."""
    data = data or encoded(kind="jpeg")
    made = (bytes([0xFF, m]) + struct.pack(">H", len(body) + 2) + body for m, body in segments)
    return data[:2] + b"".join(made) + data[2:]


def exif(orientation: int = 1, *, place: bool = False) -> bytes:
    """Return an EXIF block with an orientation and, on request, a GPS position."""
    block = Image.Exif()
    block[0x0112] = orientation
    if place:
        block[0x010F] = "SECRETCAMERA"
        block.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 29: "1999:12:31"})
    return block.tobytes()


def texts(**named: str) -> bytes:
    """Return a PNG with these texts, compressed where the name ends with `_packed`."""
    known = PngImagePlugin.PngInfo()
    for name, text in named.items():
        packed = name.endswith("_packed")
        known.add_text(
            name.removesuffix("_packed").replace("_xmp", "XML:com.adobe.xmp"), text, packed
        )
    return encoded(pnginfo=known)


def heic() -> bytes:
    """Return the start of a HEIC file."""
    return b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
