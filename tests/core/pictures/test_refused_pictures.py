"""What is no usable image is refused with one sentence, at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PIL import Image

from core import pictures
from core.errors import InputError
from tests.core.pictures.picture_samples import (
    chunk,
    drawing,
    encoded,
    heic,
    png,
    with_chunks,
    with_segments,
)


def refused(data: bytes | Path, *, field: str = "image") -> InputError:
    with pytest.raises(InputError) as caught:
        pictures.load(data, field=field)
    assert caught.value.field == field
    assert caught.value.advice.endswith(".")
    return caught.value


BAD = {
    "This file is empty.": b"",
    "This is a text file, not an image.": "Grüße aus dem Schnee".encode(),
    "This is a web page, not an image.": b" <!DOCTYPE html><html>",
    "This is an SVG drawing, which cannot be used here.": b"<?xml version='1.0'?><svg/>",
    "This is a GIF file, which cannot be used here.": b"GIF89a" + bytes(20),
    "This is a TIFF or camera raw file, which cannot be used here.": b"II*\0" + bytes(20),
    "This is a Photoshop file, which cannot be used here.": b"8BPS" + bytes(20),
    "This is a PDF file, which cannot be used here.": b"%PDF-1.7",
    "This is a HEIC image, which cannot be read here.": heic(),
    "This is a video, not an image.": b"\0\0\0\x18ftypisom" + bytes(20),
    "This file is not an image that can be read here.": b"\x89PN",
}


@pytest.mark.parametrize("sentence", BAD)
def test_what_is_not_a_picture_is_named(sentence: str) -> None:
    """Each kind of file gets its own sentence, with advice and the name of the field."""
    assert str(refused(BAD[sentence], field="start")) == sentence


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "avif"])
def test_a_picture_without_its_end_is_refused(kind: str) -> None:
    """Half a file and a file without its last byte are both cut off, and said to be."""
    data = encoded(kind=kind)
    for length in (len(data) // 2, len(data) - 1):
        assert "cut off" in str(refused(data[:length]))


def test_damage_inside_is_noticed() -> None:
    """Flipped bytes in pixels and boxes that lead nowhere do not pass as an image."""
    data = bytearray(encoded())
    data[len(data) // 2] ^= 0xFF
    assert "damaged" in str(refused(bytes(data)))
    assert "damaged" in str(refused(encoded(kind="avif").replace(b"iloc", b"free")))
    assert "damaged" in str(refused(encoded(kind="webp", lossless=True).replace(b"\x2f", b"\0", 1)))


def test_a_huge_picture_is_refused_by_its_header() -> None:
    """60,000 x 60,000 pixels are refused in milliseconds, nothing is decoded."""
    data = png(chunk(b"IDAT", bytes(1000)), width=60_000, height=60_000)
    start = time.perf_counter()
    assert "60,000 x 60,000" in str(refused(data))
    assert time.perf_counter() - start < 0.05


def test_animated_pictures_are_refused() -> None:
    """APNG, animated WebP and animated AVIF get the same sentence."""
    frames = [drawing(), drawing().transpose(Image.Transpose.ROTATE_180)]
    for kind in ("png", "webp", "avif"):
        data = encoded(frames[0], kind=kind, save_all=True, append_images=frames[1:])
        assert str(refused(data)) == "This image is animated."


def test_slivers_and_specks_are_refused() -> None:
    """Below 16 pixels or beyond 1:64 no backend can work."""
    assert "only 15 x 100" in str(refused(encoded(drawing(15, 100))))
    assert "too narrow" in str(refused(encoded(drawing(16, 1025))))
    assert pictures.load(encoded(drawing(16, 1024))).height == 1024


def test_a_file_of_100_mb_is_not_even_read(tmp_path: Path) -> None:
    """The size on disk decides; bytes beyond 20 MB are refused too."""
    file = tmp_path / "large.png"
    with file.open("wb") as out:
        out.truncate(100_000_000)
    assert str(refused(file)) == "This file has 100 MB; an image may have up to 20 MB."
    assert "up to 20 MB" in str(refused(bytes(21_000_000)))
    assert "gone" in str(refused(tmp_path / "missing.png"))


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_an_exif_bomb_costs_nothing(kind: str) -> None:
    """160,000 nested EXIF headers, which stall Pillow's own reader for seconds, take no time."""
    bomb = b"Exif\0\0" * 160_000
    if kind == "png":
        data = with_chunks(chunk(b"eXIf", bomb))
    elif kind == "webp":
        data = webp_with_exif(bomb)
    else:
        data = with_segments(*((0xE1, bomb[:65_000]) for _ in range(14)))
    start = time.process_time()
    assert pictures.load(data).width == 64
    assert time.process_time() - start < 0.25


def webp_with_exif(block: bytes) -> bytes:
    plain = encoded(kind="webp")
    body = b"WEBP" + b"VP8X" + b"\x0a\0\0\0\x08\0\0\0\x3f\0\0\x2f\0\0" + plain[12:]
    body += b"EXIF" + len(block).to_bytes(4, "little") + block
    return b"RIFF" + len(body).to_bytes(4, "little") + body
