"""Why a file is not taken as a picture, in sentences that name what it is and what to do."""

from __future__ import annotations

from codecs import utf_8_decode

TAKEN = "Use a PNG, JPEG, WebP or AVIF file."
_SAVE_AS = "Save it as PNG or JPEG and try again."
_PHONE = f"{_SAVE_AS} On an iPhone: Settings, Camera, Formats, Most Compatible."
_MAGICS = (
    (b"GIF8", "a GIF file"),
    (b"II*\0", "a TIFF or camera raw file"),
    (b"MM\0*", "a TIFF or camera raw file"),
    (b"II+\0", "a TIFF file"),
    (b"MM\0+", "a TIFF file"),
    (b"BM", "a BMP file"),
    (b"8BPS", "a Photoshop file"),
    (b"%PDF", "a PDF file"),
    (b"%!PS", "a PostScript file"),
    (b"\x00\x00\x01\x00", "an icon file"),
    (b"\xff\x0a", "a JPEG XL file"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL file"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 file"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 file"),
    (b"qoif", "a QOI file"),
    (b"DDS ", "a DDS texture"),
    (b"v/1\x01", "an OpenEXR file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1a\x45\xdf\xa3", "a video"),
    (b"RIFF", "a video or sound file"),
)
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_HEAD = 4_096


class PictureError(ValueError):
    """What was given cannot be used as a picture: the message says why, `advice` what to do."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class CutOffPictureError(PictureError):
    """The picture's end is missing."""

    def __init__(self) -> None:
        super().__init__("This image is cut off: its end is missing.", "Download or save it again.")


class DamagedPictureError(PictureError):
    """The picture breaks the rules of its own format."""

    def __init__(self) -> None:
        super().__init__(
            "This image is damaged: it could not be decoded.",
            "Open it in another program, save it as PNG and try again.",
        )


class AnimatedPictureError(PictureError):
    """The file holds several pictures."""

    def __init__(self) -> None:
        super().__init__("This image is animated.", "Save one frame as PNG or JPEG and use that.")


def refusal(data: bytes) -> PictureError:
    """Name a file that is none of the pictures we take."""
    if not data:
        return PictureError("This file is empty.", "Choose another image.")
    if data[4:8] == b"ftyp":
        if data[8:12] in _HEIC_BRANDS:
            return PictureError("This is a HEIC image, which cannot be read here.", _PHONE)
        return PictureError("This is a video, not an image.", TAKEN)
    for magic, name in _MAGICS:
        if data.startswith(magic):
            return PictureError(f"This is {name}, which cannot be used here.", _SAVE_AS)
    return _text_refusal(data[:_HEAD])


def _text_refusal(head: bytes) -> PictureError:
    lowered = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in lowered:
        return PictureError("This is an SVG drawing, which cannot be used here.", _SAVE_AS)
    if lowered.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script")):
        return PictureError("This is a web page, not an image.", "Download the image itself.")
    if _is_text(head):
        return PictureError("This is a text file, not an image.", TAKEN)
    return PictureError("This file is not an image that can be read here.", TAKEN)


def _is_text(head: bytes) -> bool:
    try:
        text, _ = utf_8_decode(head, "strict", False)
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\t\r\n\f" for letter in text)
