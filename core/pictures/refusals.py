"""Why a file is not taken as an image, in sentences that name what it is and what to do."""

from __future__ import annotations

from codecs import utf_8_decode

from core.words import english

TAKEN = english("images-use-png-jpeg-webp-or")
_SAVE_AS = english("images-save-as-png-or-jpeg")
_PHONE = english("images-on-iphone-settings-camera-formats", save_as=_SAVE_AS)
_MAGICS = (
    (b"GIF8", english("images-kind-gif-file")),
    (b"II*\0", english("images-kind-tiff-or-camera-raw-file")),
    (b"MM\0*", english("images-kind-tiff-or-camera-raw-file")),
    (b"II+\0", english("images-kind-tiff-file")),
    (b"MM\0+", english("images-kind-tiff-file")),
    (b"BM", english("images-kind-bmp-file")),
    (b"8BPS", english("images-kind-photoshop-file")),
    (b"%PDF", english("images-kind-pdf-file")),
    (b"%!PS", english("images-kind-postscript-file")),
    (b"\x00\x00\x01\x00", english("images-kind-icon-file")),
    (b"\xff\x0a", english("images-kind-jpeg-xl-file")),
    (b"\x00\x00\x00\x0cJXL ", english("images-kind-jpeg-xl-file")),
    (b"\x00\x00\x00\x0cjP  ", english("images-kind-jpeg-2000-file")),
    (b"\xff\x4f\xff\x51", english("images-kind-jpeg-2000-file")),
    (b"qoif", english("images-kind-qoi-file")),
    (b"DDS ", english("images-kind-dds-texture")),
    (b"v/1\x01", english("images-kind-openexr-file")),
    (b"PK\x03\x04", english("images-kind-zip-archive")),
    (b"\x1a\x45\xdf\xa3", english("images-kind-video")),
    (b"RIFF", english("images-kind-video-or-sound-file")),
)
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_HEAD = 4_096


class PictureError(ValueError):
    """What was given cannot be used as an image: the message says why, `advice` what to do."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class CutOffPictureError(PictureError):
    """The image's end is missing."""

    def __init__(self) -> None:
        super().__init__(
            english("images-image-cut-off-its-end"), english("images-download-or-save-again")
        )


class DamagedPictureError(PictureError):
    """The image breaks the rules of its own format."""

    def __init__(self) -> None:
        super().__init__(
            english("images-image-damaged-could-not-decoded"),
            english("images-open-in-another-program-save"),
        )


class AnimatedPictureError(PictureError):
    """The file holds several images."""

    def __init__(self) -> None:
        super().__init__(english("images-image-animated"), english("images-save-one-frame-as-png"))


def refusal(data: bytes) -> PictureError:
    """Name a file that is none of the images we take."""
    if not data:
        return PictureError(english("images-file-empty"), english("history-choose-another-image"))
    if data[4:8] == b"ftyp":
        if data[8:12] in _HEIC_BRANDS:
            return PictureError(english("images-heic-image-which-cannot-read"), _PHONE)
        return PictureError(english("images-video-not-image"), TAKEN)
    for magic, name in _MAGICS:
        if data.startswith(magic):
            return PictureError(english("images-which-cannot-used-here", name=name), _SAVE_AS)
    return _text_refusal(data[:_HEAD])


def _text_refusal(head: bytes) -> PictureError:
    lowered = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in lowered:
        return PictureError(english("images-svg-drawing-which-cannot-used"), _SAVE_AS)
    if lowered.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script")):
        return PictureError(
            english("images-web-page-not-image"), english("images-download-image-itself")
        )
    if _is_text(head):
        return PictureError(english("images-text-file-not-image"), TAKEN)
    return PictureError(english("images-file-not-image-can-read"), TAKEN)


def _is_text(head: bytes) -> bool:
    try:
        text, _ = utf_8_decode(head, "strict", False)
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\t\r\n\f" for letter in text)
