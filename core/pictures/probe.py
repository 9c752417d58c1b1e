"""What an image file says about itself before a single pixel is decoded.

The decoder later sees only `bare`: a file without EXIF, XMP, comments, profiles and trailers,
so that none of Pillow's readers for these ever meets a stranger's bytes.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from typing import Literal

from core.pictures import containers, exif
from core.pictures.containers import (
    JPEG_FRAMES,
    WEBP_ALPHA,
    ContainerError,
    CutOffError,
    Part,
    jpeg_segment,
    webp_chunk,
)
from core.pictures.refusals import (
    AnimatedPictureError,
    CutOffPictureError,
    DamagedPictureError,
    refusal,
)

Format = Literal["png", "jpeg", "webp", "avif"]

_MAX_PROFILE = 4_000_000
# Every scan of a progressive JPEG is a pass over all pixels: thousands of them are an attack.
_MAX_SCANS = 100
_MAX_BOXES = 100
_PLAIN_JPEG_FRAMES = (b"\xc0", b"\xc1", b"\xc2")
_JPEG_TABLES = {bytes([n]) for n in (0xC4, 0xCC, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD)}
_ICC_PREFIX = b"ICC_PROFILE\0"
_RGB_8 = b"\x08\x02"
_EXTENT = re.compile(rb"ispe\0\0\0\0(.{4})(.{4})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Header:
    """An image before decoding: what it claims, and the bytes that a decoder may see.

    `plain` means that `bare` is an 8-bit RGB file whose pixels need no change but a turn or
    another profile; `lossy`, that it was compressed as a photograph.
    """

    format: Format
    size: tuple[int, int]
    bare: bytes
    orientation: int = 1
    icc: bytes = b""
    deep: bool = False
    plain: bool = False
    lossy: bool = True


def examine(data: bytes) -> Header:
    """Read a file's header; raises `PictureError` for what is no image, cut off or animated."""
    try:
        if _is_avif(data):
            return _avif(data)
        if containers.container_of(data) is None:
            raise refusal(data)
        container, parts = containers.parse(data)
        size = containers.frame_size(container, parts)
        return {"png": _png, "jpeg": _jpeg, "webp": _webp}[container](parts, size)
    except CutOffError as error:
        raise CutOffPictureError from error
    except ContainerError as error:
        raise DamagedPictureError from error


def _png(parts: list[Part], size: tuple[int, int]) -> Header:
    found = {part.kind: part.body for part in reversed(parts)}
    if int.from_bytes(found.get(b"acTL", b"")[:4], "big") > 1:
        raise AnimatedPictureError
    kept = [part for part in parts if part.kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")]
    if b"IDAT" not in found or any(zlib.crc32(p.raw[4:-4]) != _checksum(p) for p in kept):
        raise DamagedPictureError
    depth_and_colour = found[b"IHDR"][8:10]
    return Header(
        format="png",
        size=size,
        bare=containers.join("png", kept),
        orientation=exif.orientation(found.get(b"eXIf", b"")),
        icc=_png_profile(found.get(b"iCCP", b"")),
        deep=depth_and_colour[0] == 16,
        plain=depth_and_colour == _RGB_8 and b"tRNS" not in found,
        lossy=False,
    )


def _checksum(part: Part) -> int:
    return int.from_bytes(part.raw[-4:], "big")


def _png_profile(body: bytes) -> bytes:
    reader = zlib.decompressobj()
    try:
        profile = reader.decompress(body.partition(b"\0")[2][1:], _MAX_PROFILE)
    except zlib.error:
        return b""
    return profile if reader.eof else b""


def _jpeg(parts: list[Part], size: tuple[int, int]) -> Header:
    (frame,) = (part for part in parts if part.kind in JPEG_FRAMES)
    if sum(part.kind == b"\xda" for part in parts) > _MAX_SCANS:
        raise DamagedPictureError
    blocks = (p.body for p in parts if p.kind == b"\xe1" and p.body.startswith(exif.PREFIX))
    kept = [part for part in map(_clean_segment, parts) if part]
    precision, components = frame.body[0], frame.body[5:6]
    return Header(
        format="jpeg",
        size=size,
        bare=containers.join("jpeg", kept),
        orientation=exif.orientation(next(blocks, b"")),
        icc=_jpeg_profile(parts),
        plain=frame.kind in _PLAIN_JPEG_FRAMES and precision == 8 and components == b"\x03",
    )


def _clean_segment(part: Part) -> Part | None:
    """Return what the pixels need of a segment: JFIF without its thumbnail, Adobe's colour code."""
    if part.kind == b"\xe0" and part.body.startswith(b"JFIF\0"):
        return jpeg_segment(b"\xe0", part.body[:12].ljust(12, b"\0") + b"\0\0")
    if part.kind == b"\xee" and part.body.startswith(b"Adobe"):
        return jpeg_segment(b"\xee", part.body[:12])
    return part if part.kind in _JPEG_TABLES | JPEG_FRAMES else None


def _jpeg_profile(parts: list[Part]) -> bytes:
    """Put a colour profile together from its numbered pieces."""
    start = len(_ICC_PREFIX) + 2
    pieces = {
        part.body[start - 2]: part.body[start:]
        for part in parts
        if part.kind == b"\xe2" and part.body.startswith(_ICC_PREFIX) and len(part.body) > start
    }
    profile = b"".join(pieces[number] for number in sorted(pieces))
    return profile if len(profile) <= _MAX_PROFILE else b""


def _webp(parts: list[Part], size: tuple[int, int]) -> Header:
    found = {part.kind: part.body for part in reversed(parts)}
    if b"ANIM" in found or b"ANMF" in found:
        raise AnimatedPictureError
    kept = [part for part in parts if part.kind in (b"ALPH", b"VP8 ", b"VP8L")]
    if not kept:
        raise DamagedPictureError
    if b"VP8X" in found:
        flags = bytes([found[b"VP8X"][0] & WEBP_ALPHA])
        kept.insert(0, webp_chunk(b"VP8X", flags + found[b"VP8X"][1:]))
    icc = found.get(b"ICCP", b"")
    return Header(
        format="webp",
        size=size,
        bare=containers.join("webp", kept),
        orientation=exif.orientation(found.get(b"EXIF", b"")),
        icc=icc if len(icc) <= _MAX_PROFILE else b"",
        lossy=b"VP8 " in found,
    )


def _is_avif(data: bytes) -> bool:
    length = min(int.from_bytes(data[:4], "big"), 256)
    return data[4:8] == b"ftyp" and (data[8:12] in (b"avif", b"avis") or b"avif" in data[16:length])


def _avif(data: bytes) -> Header:
    """Read the size from the boxes; hide EXIF from Pillow, which would parse it while opening."""
    start, end = _meta_box(data)
    meta = data[start:end]
    sizes = [struct.unpack(">II", b"".join(pair)) for pair in _EXTENT.findall(meta)]
    if not sizes:
        raise DamagedPictureError
    bare = data[:start] + meta.replace(b"Exif", b"none") + data[end:]
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return Header("avif", (width, height), bare)


def _meta_box(data: bytes) -> tuple[int, int]:
    at, found = 0, (0, 0)
    for _ in range(_MAX_BOXES):
        if at == len(data):
            break
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        end = at + length if length else len(data)
        if end > len(data) or len(kind) < 4:
            raise CutOffPictureError
        if end < at + 8:
            raise DamagedPictureError
        found = (at, end) if kind == b"meta" and not found[1] else found
        at = end
    if not found[1]:
        raise DamagedPictureError
    return found
