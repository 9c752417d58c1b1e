"""Where texts live inside an image file, and how they are found.

PNG: text chunks. JPEG: EXIF's UserComment, XMP, comments. WebP: an EXIF and an XMP chunk.
Two texts are ours: the infotext, under the name `parameters`, and the job as JSON, `srpo_job`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from xml.sax.saxutils import unescape

from core.pictures import containers, exif
from core.pictures.containers import Part

JOB = "srpo_job"
INFOTEXT = "parameters"
XMP = "XML:com.adobe.xmp"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's name for images that a trained model made."""
XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"
# A job too long for one segment of XMP travels in comments that start with this.
PIECE = f"{JOB} ".encode()
APP1, COMMENT = b"\xe1", b"\xfe"
_NAMESPACE = "https://huggingface.co/tencent/SRPO/playground/1.0/"
JOB_HEAD = f'<rdf:Description rdf:about="" xmlns:srpo="{_NAMESPACE}"><srpo:job>'
JOB_FOOT = "</srpo:job></rdf:Description>"
JOB_ELEMENT = re.compile(re.escape(JOB_HEAD.encode()) + rb"([^<]*)" + re.escape(JOB_FOOT.encode()))

_MAX_TEXT = 2_000_000
_MAX_TEXTS = 256
_MAX_INFLATED = 8_000_000


def texts(data: bytes) -> dict[str, str]:
    """Return every text an image carries, by its name; the last of equal names wins."""
    jpeg = containers.container_of(data) == "jpeg"
    found: dict[str, str] = {}
    for name, text in named_texts(data):
        if len(text) <= _MAX_TEXT:
            found[name] = found.get(name, "") + text if name == JOB and jpeg else text
    return found


def named_texts(data: bytes) -> list[tuple[str, str]]:
    """Return the first texts of an image, each with its name, as they lie in the file."""
    container, parts = containers.parse(data)
    named = {"png": _png_texts, "jpeg": _jpeg_texts, "webp": _webp_texts}[container](parts)
    return [one for _, one in zip(range(_MAX_TEXTS), named, strict=False)]


def _png_texts(parts: list[Part]) -> Iterator[tuple[str, str]]:
    left = _MAX_INFLATED
    for part in parts:
        if part.kind == b"eXIf":
            yield from exif.texts(part.body).items()
        elif part.kind in (b"tEXt", b"zTXt", b"iTXt"):
            name, text = _png_text(part, left)
            left -= len(text)
            yield name, _decoded(text)


def _png_text(part: Part, room: int) -> tuple[str, bytes]:
    name, _, rest = part.body.partition(b"\0")
    packed = part.kind == b"zTXt"
    if packed:
        rest = rest[1:]
    elif part.kind == b"iTXt":
        packed = rest[:1] == b"\1"
        rest = [*rest[2:].split(b"\0", 2), b"", b""][2]
    return name.decode("latin-1"), _inflated(rest, min(room, _MAX_TEXT)) if packed else rest


def _inflated(packed: bytes, room: int) -> bytes:
    """Unpack at most `room` bytes; a text that is larger or broken counts as empty."""
    reader = zlib.decompressobj()
    try:
        text = reader.decompress(packed, max(room, 1))
    except zlib.error:
        return b""
    return text if reader.eof else b""


def _decoded(text: bytes) -> str:
    """Read text as UTF-8, which many write where the format says Latin-1."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _jpeg_texts(parts: list[Part]) -> Iterator[tuple[str, str]]:
    for part in parts:
        body = part.body if part.kind in (APP1, COMMENT) else b""
        if body.startswith(exif.PREFIX):
            yield from exif.texts(body).items()
        elif body.startswith(XMP_PREFIX):
            yield from _xmp_texts(body[len(XMP_PREFIX) :])
        elif body.startswith(PIECE):
            yield JOB, _decoded(body[len(PIECE) :])
        elif body:
            yield "Comment", _decoded(body)


def _webp_texts(parts: list[Part]) -> Iterator[tuple[str, str]]:
    for part in parts:
        if part.kind == b"EXIF":
            yield from exif.texts(part.body).items()
        elif part.kind == b"XMP ":
            yield from _xmp_texts(part.body)


def _xmp_texts(packet: bytes) -> Iterator[tuple[str, str]]:
    if ours := JOB_ELEMENT.search(packet):
        yield JOB, unescape(_decoded(ours[1]))
    yield XMP, _decoded(packet)
