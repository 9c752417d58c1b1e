"""The strict loader: every odd image is converted with a note or refused with a sentence."""

from __future__ import annotations

import zlib
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageOps

from core import pictures
from tests.core.pictures.picture_samples import (
    BLUE,
    RED,
    chunk,
    decoded,
    drawing,
    encoded,
    exif,
    png,
    with_chunks,
    with_segments,
)

SECRETS = (b"Exif", b"GPS", b"SECRETCAMERA", b"1999:12:31", b"xpacket", b"remark", b"ICC_PROFILE")


def near(image: Image.Image, at: tuple[int, int], colour: tuple[int, ...], *, by: int = 12) -> bool:
    found = image.getpixel(at)
    assert isinstance(found, tuple)
    return all(abs(a - b) <= by for a, b in zip(found, colour, strict=True))


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "avif"])
def test_each_format_becomes_rgb_that_names_its_own_bytes(kind: str, tmp_path: Path) -> None:
    """PNG, JPEG, WebP and AVIF load from a file and from bytes, with the same result."""
    file = tmp_path / "picture.bin"
    file.write_bytes(encoded(kind=kind))
    picture = pictures.load(file)
    assert picture == pictures.load(file.read_bytes())
    assert (picture.width, picture.height, picture.notes) == (64, 48, ())
    assert picture.sha256 == sha256(picture.data).hexdigest()
    assert decoded(picture.data).mode == "RGB"
    assert near(decoded(picture.data), (4, 4), RED)
    assert "data" not in picture.model_dump() and "data" not in repr(picture)


def test_lossless_sources_stay_lossless_and_photographs_stay_photographs() -> None:
    """PNG and lossless WebP end as PNG with equal pixels, lossy WebP and AVIF as JPEG."""
    for data in (encoded(), encoded(kind="webp", lossless=True), encoded(drawing(mode="P"))):
        picture = pictures.load(data)
        assert picture.media_type == "image/png"
        assert decoded(picture.data).tobytes() == decoded(data).convert("RGB").tobytes()
    for kind in ("webp", "avif"):
        assert pictures.load(encoded(kind=kind)).media_type == "image/jpeg"


@pytest.mark.parametrize("progressive", [False, True])
def test_an_upright_jpeg_keeps_its_compressed_pixels(progressive: bool) -> None:
    """Only its metadata go: the rest of the file is the same bytes."""
    plain = encoded(kind="jpeg", progressive=progressive)
    loaded = with_segments((0xE1, exif(place=True)), (0xFE, b"remark"), data=plain) + b"trailer"
    assert pictures.load(loaded).data == plain == pictures.load(plain).data


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_applied_exactly_once(kind: str, orientation: int) -> None:
    """The result is what a viewer shows, says so, and asks for no further turn."""
    data = encoded(kind=kind, exif=exif(orientation))
    picture = pictures.load(data)
    upright = ImageOps.exif_transpose(decoded(data))
    result = decoded(picture.data)
    assert result.size == upright.size == (picture.width, picture.height)
    assert near(result, (4, 4), upright.getpixel((4, 4)))  # type: ignore[arg-type]
    assert near(result, (4, result.height - 4), upright.getpixel((4, upright.height - 4)))  # type: ignore[arg-type]
    assert bool(picture.notes) == (orientation > 1)
    assert 0x0112 not in result.getexif()


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "avif"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_no_word_about_place_camera_or_author_leaves(kind: str, orientation: int) -> None:
    """GPS, serial numbers, XMP, comments and profiles are gone from the very bytes."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(
        kind=kind, exif=exif(orientation, place=True), xmp=b"<x xpacket>", icc_profile=profile
    )
    if kind == "png":
        data = with_chunks(chunk(b"tEXt", b"Comment\0remark"), data=data)
    if kind == "jpeg":
        data = with_segments((0xFE, b"remark"), data=data)
    clean = pictures.load(data).data
    assert [secret for secret in SECRETS if secret in clean] == []


def test_see_through_parts_are_laid_on_white_and_noted() -> None:
    """RGBA, grey with alpha and a palette with a clear colour: white where nothing was."""
    clear = drawing(mode="RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 8, 8))
    palette = drawing().quantize(8)
    grey = drawing(mode="LA")
    grey.paste((0, 0), (0, 0, 8, 8))
    sources = [encoded(clear), encoded(clear, kind="webp"), encoded(grey)]
    sources.append(encoded(palette, transparency=palette.getpixel((2, 2))))
    for source in sources:
        picture = pictures.load(source)
        assert picture.notes == ("Transparent parts were filled with white.",)
        assert near(decoded(picture.data), (2, 2), (255, 255, 255))
    assert pictures.load(encoded(drawing(mode="RGBA"))).notes == ()


def test_sixteen_bits_are_reduced_and_noted() -> None:
    """Grey and colour keep their brightness when they lose their lower bits."""
    grey = Image.new("I;16", (16, 16), 0x8000)
    rows = b"".join(b"\0" + b"\xff\xff\x80\x00\x00\x00" * 16 for _ in range(16))
    colour = png(chunk(b"IDAT", zlib.compress(rows)), depth=16)
    for data, expected in ((encoded(grey), (128, 128, 128)), (colour, (255, 128, 0))):
        picture = pictures.load(data)
        assert picture.notes == ("16-bit colours were reduced to 8-bit.",)
        assert near(decoded(picture.data), (8, 8), expected, by=1)


def test_print_colours_are_converted_and_noted() -> None:
    """A CMYK JPEG becomes RGB of about the same look."""
    picture = pictures.load(encoded(drawing(mode="CMYK"), kind="jpeg", quality=95))
    assert picture.notes == ("Print colours (CMYK) were converted to RGB.",)
    assert near(decoded(picture.data), (4, 40), BLUE, by=24)


def test_a_grey_jpeg_becomes_rgb() -> None:
    """Backends get three channels, whatever came in."""
    picture = pictures.load(encoded(drawing(mode="L"), kind="jpeg"))
    assert (picture.media_type, decoded(picture.data).mode) == ("image/jpeg", "RGB")


def test_a_foreign_profile_is_converted_and_a_broken_one_ignored() -> None:
    """Numbers change when they meant other colours; garbage changes nothing."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (b"garbage" * 40, lab):
        data = encoded(icc_profile=profile)
        assert decoded(pictures.load(data).data).tobytes() == drawing().tobytes()
    swapped = encoded(icc_profile=swapped_profile())
    assert near(decoded(pictures.load(swapped).data), (4, 4), (RED[2], RED[1], RED[0]), by=40)


def swapped_profile() -> bytes:
    """Return sRGB under another name, its red and blue exchanged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for old, new in ((b"s\0R\0G\0B", b"o\0d\0d\0!"), (b"rXYZ", b"...."), (b"bXYZ", b"rXYZ")):
        profile = profile.replace(old, new)
    return profile.replace(b"....", b"bXYZ")


def test_inspect_names_format_and_size_or_raises() -> None:
    """What a backend returned is believed only when all of it decodes; AVIF is no answer."""
    for kind in ("png", "jpeg", "webp"):
        assert pictures.inspect(encoded(kind=kind)) == (kind, 64, 48)
    huge = png(chunk(b"IDAT", bytes(9)), width=9_000, height=9_000)
    for data in (b"<html>", encoded()[:-4], encoded(kind="avif"), huge):
        with pytest.raises(pictures.PictureError):
            pictures.inspect(data)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_thumbnails_are_small_webp_of_the_same_shape(kind: str) -> None:
    """The longer side has 384 pixels, smaller images keep their size, bytes repeat."""
    data = encoded(drawing(1024, 768), kind=kind)
    small = pictures.thumbnail(data)
    assert pictures.inspect(small) == ("webp", 384, 288)
    assert small == pictures.thumbnail(data)
    assert pictures.inspect(pictures.thumbnail(encoded(kind=kind)))[1:] == (64, 48)
    assert decoded(pictures.thumbnail(encoded(Image.new("I;16", (500, 32))))).size == (384, 25)
