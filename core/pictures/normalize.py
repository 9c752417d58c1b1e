"""Brings any decoded image to upright 8-bit RGB in sRGB, and says what was visibly changed."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageCms

from core.pictures import exif
from core.pictures.probe import Header
from core.words import english

WHITE_BELOW = english("images-transparent-parts-were-filled-with")
REDUCED = english("images-16-bit-reduced")
FROM_PRINT = english("images-print-colours-cmyk-were-converted")
UPRIGHT = english("images-turned-upright-as-its-camera")

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TO_8_BIT = 1 / 257


def to_rgb(image: Image.Image, header: Header) -> tuple[Image.Image, tuple[str, ...]]:
    """Return the image as upright sRGB with the notes; the same object if nothing changed."""
    notes = []
    # AVIF keeps both where only its decoder finds them; of others the decoder sees neither.
    orientation, icc = header.orientation, header.icc
    if header.format == "avif":
        orientation = exif.orientation(image.info.get("exif", b""))
        icc = image.info.get("icc_profile", b"")
    if header.deep:
        image = _reduced(image)
        notes.append(REDUCED)
    if image.mode == "CMYK":
        notes.append(FROM_PRINT)
    image, filled = flattened(image)
    notes += [WHITE_BELOW] if filled else []
    image = _in_srgb(image, icc)
    image = image if image.mode == "RGB" else image.convert("RGB")
    if orientation in _TURNS:
        image = image.transpose(_TURNS[orientation])
        notes.append(UPRIGHT)
    return image, tuple(notes)


def turn(orientation: int) -> Image.Transpose | None:
    """Return the turn that brings an image with this EXIF orientation upright."""
    return _TURNS.get(orientation)


def flattened(image: Image.Image) -> tuple[Image.Image, bool]:
    """Lay an image on white; the second value tells whether anything was see-through."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return (image.convert("RGB") if image.mode in ("P", "1") else image), False
    clear = image.convert("RGBA")
    lowest, _ = clear.getchannel("A").getextrema()
    if lowest == 255:
        return clear.convert("RGB"), False
    white = Image.new("RGBA", clear.size, "white")
    white.alpha_composite(clear)
    return white.convert("RGB"), True


def _reduced(image: Image.Image) -> Image.Image:
    """Reduce what Pillow left at 16 bits, with the transparent colour that belongs to it."""
    clear = image.info.get("transparency")
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * _TO_8_BIT + 0.5).convert("L")
    if isinstance(clear, int):
        image.info["transparency"] = clear >> 8
    elif isinstance(clear, tuple):
        image.info["transparency"] = tuple(value >> 8 for value in clear)
    return image


def _in_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    """Convert from an embedded profile; one that is sRGB already, broken or unfit is ignored."""
    if not icc:
        return image
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(icc))
        if "sRGB" in (source.profile.profile_description or ""):
            return image
        if source.profile.xcolor_space.strip() == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    return converted or image
