"""Encodes an image anew: as PNG, JPEG or WebP, upright, at most so large, in its own colours."""

from __future__ import annotations

from io import BytesIO
from typing import Literal

from PIL import Image

from core.pictures import normalize
from core.pictures.load import DECODER_ERRORS, check_pixels, decoded
from core.pictures.probe import Header, examine
from core.pictures.refusals import DamagedPictureError
from core.pictures.scale import Size, within

Encoding = Literal["png", "jpeg", "webp"]
WITHOUT_LOSS = 100
"""The quality at which WebP loses nothing."""
_KEPT = ("RGB", "RGBA", "L")


def converted(data: bytes, kind: Encoding, *, quality: int = 90, longest: int = 0) -> bytes:
    """Return an image without metadata in another encoding; its ICC profile stays with it.

    `longest` is the most pixels of its longer side, 0 for as many as it has; nothing is enlarged.
    Transparency stays in PNG and WebP, and becomes white in JPEG. 16-bit and print colours become
    8-bit sRGB. Raises PictureError. Blocking work: call it in a thread.
    """
    header = examine(data)
    check_pixels(header)
    image = decoded(header)
    try:
        image, icc = _coloured(image, header)
        image = image.transpose(turn) if (turn := normalize.turn(header.orientation)) else image
        size: Size = within(image.size, longest) if longest else image.size
        if size != image.size:
            image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        return _saved(image, kind, quality, icc)
    except DECODER_ERRORS as error:
        raise DamagedPictureError from error


def _coloured(image: Image.Image, header: Header) -> tuple[Image.Image, bytes]:
    """Return the image in a mode that all encodings know, and the profile of its colours."""
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if not header.deep and image.mode in _KEPT and "transparency" not in image.info:
        return image, header.icc
    upright = Header(header.format, header.size, b"", icc=header.icc, deep=header.deep)
    return normalize.to_rgb(image, upright)[0], b""


def _saved(image: Image.Image, kind: Encoding, quality: int, icc: bytes) -> bytes:
    file = BytesIO()
    image.info.clear()
    if kind == "png":
        image.save(file, "PNG", icc_profile=icc or None)
    elif kind == "jpeg":
        flat, _ = normalize.flattened(image)
        colours = 0 if quality >= 90 else 2  # as many colours as pixels, or a quarter of them
        flat.save(file, "JPEG", quality=quality, subsampling=colours, icc_profile=icc or None)
    else:
        lossless = quality >= WITHOUT_LOSS
        image.save(
            file,
            "WEBP",
            quality=quality if not lossless else 75,  # of a lossless file: effort, not quality
            lossless=lossless,
            icc_profile=icc or None,
        )
    return file.getvalue()
