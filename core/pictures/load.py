"""The one strict loader for images that come in.

`load` is for images a person gives, `inspect` for those a backend returns. Both go by the
first bytes, never by a name; both check the size from the header before anything is decoded,
and believe an image only when it was decoded to its last pixel. All of it is blocking work:
call it in a thread.
"""

from __future__ import annotations

import struct
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from core.errors import InputError
from core.pictures import normalize
from core.pictures.probe import Header, examine
from core.pictures.refusals import AnimatedPictureError, DamagedPictureError, PictureError, refusal
from core.words import english

__all__ = ["Picture", "PictureError", "inspect", "load", "source_digest", "thumbnail"]

MAX_FILE = 20_000_000
MAX_PIXELS = 40_000_000
MAX_BACKEND_PIXELS = 64_000_000
MIN_SIDE = 16
MAX_ASPECT = 64

_SMALLER = english("service-make-smaller-try-again")
# What Pillow's decoders raise on broken files; headers.py has kept the rest away from them.
DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    RuntimeError,
    OverflowError,
    struct.error,
    Image.DecompressionBombError,
)


class Picture(BaseModel):
    """An image to start from: upright 8-bit RGB without metadata, as PNG or JPEG in `data`.

    `sha256` is that of `data`; `notes` says what was visibly changed, a sentence each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    media_type: str
    width: int
    height: int
    notes: tuple[str, ...] = ()
    data: bytes = Field(exclude=True, repr=False, default=b"")

    def describe(self) -> str:
        """Stand in for the bytes where a request is shown or written down."""
        return f"<{self.media_type}, {len(self.data):,} bytes, sha256 {self.sha256[:16]}>"


def load(source: Path | bytes, *, field: str = "image") -> Picture:
    """Return a person's image, clean; raises `InputError` that names `field` and has advice."""
    try:
        return _picture(examine(_read(source)))
    except PictureError as error:
        raise InputError(str(error), field=field, advice=error.advice) from error


def source_digest(data: bytes) -> str:
    """Return the sha256 that `load` gives an image to start from; "" where it refuses it.

    Most images that backends return need no decoding for that.
    """
    try:
        header = examine(data)
        if header.plain and header.orientation == 1 and not header.icc:
            return sha256(header.bare).hexdigest()
        return _picture(header).sha256
    except PictureError:
        return ""


def inspect(data: bytes) -> tuple[str, int, int]:
    """Return "png", "jpeg" or "webp", width and height of an image that decodes completely.

    For bytes that a backend returned; raises `PictureError`.
    """
    header = examine(data)
    if header.format == "avif":
        raise PictureError(english("images-avif-file-which-no-backend"))
    check_pixels(header, MAX_BACKEND_PIXELS)
    width, height = decoded(header).size
    return header.format, width, height


def thumbnail(data: bytes, side: int = 384) -> bytes:
    """Return a small WebP whose longer side has at most `side` pixels; raises `PictureError`."""
    return encoded_thumbnail(reduced(data, side))


def encoded_thumbnail(small: Image.Image) -> bytes:
    """Return an image that is small already as a WebP."""
    out = BytesIO()
    small.save(out, "WEBP", quality=80, method=2)  # 4 takes 2.4 times as long and saves 3 %
    return out.getvalue()


def reduced(data: bytes, side: int = 384) -> Image.Image:
    """Return an image as upright RGB, its longer side at most `side`; raises `PictureError`."""
    header = examine(data)
    check_pixels(header, MAX_BACKEND_PIXELS)
    try:
        image = _opened(header)
        if header.plain or header.lossy:
            # Shrinking while decoding is four times faster, but only true colours can be shrunk.
            image.thumbnail((side, side), reducing_gap=2.0)
        small, _ = normalize.to_rgb(image, header)
        small.thumbnail((side, side), reducing_gap=2.0)
    except DECODER_ERRORS as error:
        raise DamagedPictureError from error
    return small


def _read(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        size, data = len(source), source
    else:
        try:
            if not source.is_file():
                raise PictureError(
                    english("images-image-s-file-gone"), english("images-choose-image-again")
                )
            size = source.stat().st_size
            data = source.read_bytes() if size <= MAX_FILE else b""
        except OSError as error:
            message = english("images-image-s-file-could-not")
            raise PictureError(message, english("images-choose-image-again")) from error
    if size > MAX_FILE:
        message = english("images-file-has-mb-image-may", size=f"{size / 1000000.0:.0f}")
        raise PictureError(message, _SMALLER)
    if not data:
        raise refusal(data)
    return data


def _picture(header: Header) -> Picture:
    check_pixels(header, MAX_PIXELS)
    _check_shape(header)
    original = decoded(header)
    try:
        image, notes = normalize.to_rgb(original, header)
    except DECODER_ERRORS as error:
        raise DamagedPictureError from error
    untouched = header.plain and image is original
    data, kind = (header.bare, header.format) if untouched else _encoded(image, header)
    return Picture(
        sha256=sha256(data).hexdigest(),
        media_type=f"image/{kind}",
        width=image.width,
        height=image.height,
        notes=notes,
        data=data,
    )


def check_pixels(header: Header, most: int = MAX_BACKEND_PIXELS) -> None:
    """Raise PictureError for an image of more pixels than may be decoded."""
    width, height = header.size
    if width * height > most:
        message = english(
            "images-image-has-x-pixels-at",
            width=f"{width:,}",
            height=f"{height:,}",
            most=most // 1000000,
        )
        raise PictureError(message, _SMALLER)


def _check_shape(header: Header) -> None:
    width, height = header.size
    if min(width, height) < MIN_SIDE:
        message = english(
            "images-image-has-only-x-pixels", width=f"{width:,}", height=f"{height:,}"
        )
        raise PictureError(message, english("images-use-one-with-at-least", min_side=MIN_SIDE))
    if max(width, height) > MAX_ASPECT * min(width, height):
        message = english(
            "images-image-too-narrow-x-pixels", width=f"{width:,}", height=f"{height:,}"
        )
        raise PictureError(message, english("images-crop-at-most-times-as", max_aspect=MAX_ASPECT))


def _opened(header: Header) -> Image.Image:
    return Image.open(BytesIO(header.bare), formats=[header.format])


def decoded(header: Header) -> Image.Image:
    """Decode to the last pixel; the size must be the one that the header promised."""
    try:
        image = _opened(header)
        if getattr(image, "n_frames", 1) > 1:
            raise AnimatedPictureError
        if image.width * image.height > header.size[0] * header.size[1]:
            raise DamagedPictureError
        image.load()
    except PictureError:
        raise
    except DECODER_ERRORS as error:
        raise DamagedPictureError from error
    return image


def _encoded(image: Image.Image, header: Header) -> tuple[bytes, str]:
    """Encode as the source was: a photograph as JPEG, everything else without loss as PNG."""
    out = BytesIO()
    image.info.clear()
    if header.lossy:
        image.save(out, "JPEG", quality=95, subsampling=0)
        return out.getvalue(), "jpeg"
    # Level 1 takes a third of the time of the default for a tenth more bytes.
    image.save(out, "PNG", compress_level=1)
    return out.getvalue(), "png"
