"""What is written into an image is read from it, and its pixels stay the same bytes."""

from __future__ import annotations

import json
import struct
import zlib

import pytest

from core import metadata
from core.pictures.containers import ContainerError
from tests.core.metadata.record_samples import PROMPTS, record
from tests.core.pictures.picture_samples import (
    chunk,
    decoded,
    drawing,
    encoded,
    exif,
    png,
    with_chunks,
    with_segments,
)

KINDS = ("png", "jpeg", "webp")


def pixels(data: bytes, *, kind: str) -> bytes:
    """Return the compressed pixels: the IDAT chunks, the scan, or the VP8 chunk."""
    if kind == "png":
        return data[data.index(b"IDAT") - 4 : data.index(b"IEND") - 4]
    return data[data.index({"jpeg": b"\xff\xdb", "webp": b"VP8 "}[kind]) :][
        : len(encoded(kind=kind)) // 2
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PROMPTS)
def test_what_is_written_is_read_and_no_pixel_changes(kind: str, name: str) -> None:
    """The record comes back exactly; the compressed pixels are the same bytes."""
    plain, job = encoded(kind=kind), record(PROMPTS[name], params={"acceleration": "regular"})
    written = metadata.write(plain, job)
    reading = metadata.read(written)
    assert reading is not None
    assert (reading.source, reading.record, reading.params) == (
        "srpo-playground",
        job,
        job["params"],
    )
    assert decoded(written).tobytes() == decoded(plain).tobytes()
    assert pixels(written, kind=kind) == pixels(plain, kind=kind)
    assert metadata.strip(written) == plain


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_to_image_job_in_the_sandbox_comes_back_too(kind: str) -> None:
    """The image it started from is named by its hash, the sandbox says so."""
    start = {
        "image": {"sha256": "9f86d081884c7d659a2f", "notes": []},
        "strength": 0.65,
        "safe": None,
    }
    job = record(params=start, sandbox=True, price_usd=0.0, request_id=None)
    reading = metadata.read(metadata.write(encoded(kind=kind), job))
    assert reading is not None and reading.params == job["params"]
    line = metadata.infotext(job).splitlines()[-1]
    assert (
        "Model: flux.1-srpo, Denoising strength: 0.65, Init image hash: 9f86d081884c7d65, " in line
    )
    assert line.endswith(
        "Cost USD: 0, Created: 2026-08-20T12-33-01Z, Sandbox: yes, Version: srpo-playground 1.0.0"
    )


def test_the_comment_in_a_jpeg_has_the_type_other_readers_expect() -> None:
    """UserComment is UNDEFINED (7), UNICODE and UTF-16BE: type BYTE crashes A1111."""
    data = metadata.write(encoded(kind="jpeg"), record(PROMPTS["emoji"]))
    at = data.index(b"\x92\x86")
    tag, kind, count, offset = struct.unpack(">HHII", data[at : at + 12])
    tiff = data[data.index(b"Exif\0\0") + 6 :]
    assert (tag, kind) == (0x9286, 7)
    assert tiff[offset : offset + 8] == b"UNICODE\0"
    text = tiff[offset + 8 : offset + count].decode("utf-16-be")
    assert text == metadata.infotext(record(PROMPTS["emoji"]))
    assert decoded(data).getexif().get_ifd(0x8769)[0x9286] == tiff[offset : offset + count]


def test_what_a_service_wrote_stays_and_ours_is_added() -> None:
    """Text chunks, EXIF fields and XMP of the provider are still there afterwards."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>KEEP</rdf:RDF></x:xmpmeta>'
    for kind in KINDS:
        before = encoded(kind=kind, exif=exif(1, place=True), xmp=xmp)
        if kind == "png":
            before = with_chunks(chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + xmp), data=before)
        after = metadata.write(before, record())
        reading = metadata.read(after)
        assert reading is not None and reading.record == record()
        assert b"SECRETCAMERA" in after and b"KEEP" in after
        assert decoded(after).getexif().get_ifd(0x8825)[29] == "1999:12:31"


def test_an_exif_block_without_room_and_xmp_without_structure_stay_whole() -> None:
    """Full segments of others are kept as they are; the record still comes back."""
    full = exif(1, place=True).ljust(65_500, b"\1")
    odd = b"http://ns.adobe.com/xap/1.0/\0" + b"odd" * 10_000
    data = with_segments((0xE1, full), (0xE1, odd))
    written = metadata.write(data, record(PROMPTS["long"]))
    assert full in written and odd in written
    reading = metadata.read(written)
    assert reading is not None and reading.record == record(PROMPTS["long"])


@pytest.mark.parametrize("size", [60_000, 200_000])
def test_a_record_longer_than_a_segment_goes_into_several(size: int) -> None:
    """JPEG segments end at 65,533 bytes, records need not; a second one replaces the first."""
    long = record("🦊狐" * (size // 8), note="x" * size)
    written = metadata.write(encoded(kind="jpeg"), long)
    reading = metadata.read(written)
    assert reading is not None and reading.record == long
    again = metadata.read(metadata.write(written, record()))
    assert again is not None and again.record == record()
    with pytest.raises(ContainerError):
        metadata.write(encoded(kind="jpeg"), record(note="x" * 1_000_001))


def test_transparency_survives_in_webp() -> None:
    """A lossless image with alpha keeps it when its file gets a long header."""
    clear = drawing(mode="RGBA")
    clear.putalpha(99)
    plain = encoded(clear, kind="webp", lossless=True)
    written = metadata.write(plain, record())
    assert (
        decoded(written).mode == "RGBA" and decoded(written).tobytes() == decoded(plain).tobytes()
    )


def test_pictures_without_settings_and_other_files_read_as_nothing() -> None:
    """None, never an exception."""
    for data in (
        *(encoded(kind=kind) for kind in KINDS),
        b"",
        b"text",
        encoded(kind="avif"),
        encoded()[:99],
    ):
        assert metadata.read(data) is None


HOSTILE = {
    "deep json": b"[" * 200_000,
    "huge number": b'{"params":{"seed":' + b"9" * 5_000 + b"}}",
    "not a record": b'["params"]',
    "params of another kind": b'{"params":[1,2]}',
    "broken": b'{"params":',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_records_read_as_nothing(name: str) -> None:
    """Malformed JSON of any kind is no metadata."""
    data = with_chunks(chunk(b"iTXt", b"srpo_job" + bytes(5) + HOSTILE[name]))
    assert metadata.read(data) is None


def test_values_of_the_wrong_kind_are_not_offered_as_params() -> None:
    """A crafted record cannot put a list into the prompt or a text into the steps."""
    job = {"params": {"prompt": ["x"], "steps": "many", "width": -5, "seed": 7, "own": {"a": 1}}}
    data = with_chunks(chunk(b"iTXt", b"srpo_job" + bytes(5) + json.dumps(job).encode()))
    reading = metadata.read(data)
    assert reading is not None and reading.params == {"seed": 7}


@pytest.mark.slow
def test_compressed_bombs_are_not_inflated() -> None:
    """A hundred texts that would take gigabytes are read as nothing."""
    packed = zlib.compress(bytes(30_000_000), 9)
    bombs = [
        chunk(b"zTXt", b"parameters\0\0" + packed),
        chunk(b"iTXt", b"srpo_job\0\1\0\0\0" + packed),
    ]
    assert metadata.read(with_chunks(*bombs * 50)) is None
    assert metadata.read(png(*[chunk(b"tEXt", b"a\0b")] * 21_000)) is None
