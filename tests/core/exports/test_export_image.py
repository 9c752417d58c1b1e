"""An exported image tells what its profile says and nothing else, and is read before it leaves."""

from __future__ import annotations

import dataclasses
import io
import itertools
import zlib
from typing import Any

import pytest
from PIL import Image, ImageCms

from core import metadata, pictures
from core.errors import HistoryError, InputError
from core.exports.image import Wish, made
from core.history import Entry
from core.pictures import containers
from tests.core.metadata.record_samples import PROMPTS
from tests.core.pictures.picture_samples import drawing, encoded, exif

KINDS = ("png", "jpeg", "webp")
SECRETS = {
    "request id": "4f2c9a7be1d84c77",
    "price": "0.0312",
    "owner": "someone@example.org",
    "source": "9f86d081884c7d659a2feaa0c55ad015",
    "path": "/home/someone/models",
    "service's own": "SECRETCAMERA",
    "hash in the infotext": "9f86d081884c7d65",
}


def entry(kind: str = "png", **changes: Any) -> Entry:
    """Return an entry of an image-to-image job with every private fact there is."""
    prompt = changes.get("prompt", "a red fox, in snow")
    params = {
        **{"prompt": prompt, "steps": 28, "guidance": 4.5, "strength": 0.6, "seed": 77},
        **{"acceleration": "regular", "model": f"{SECRETS['path']}/flux-1-srpo"},
        "image": {"sha256": SECRETS["source"] * 2, "media_type": "image/png"},
    }
    facts: dict[str, Any] = {
        **{"id": "e" * 24, "job_id": "j" * 24, "owner": SECRETS["owner"]},
        **{"created_at": 1_790_000_000.5, "task": "image-to-image", "backend": "wavespeed"},
        **{"model": f"{SECRETS['path']}/flux-1-srpo", "sandbox": False, "prompt": prompt},
        **{"params": params, "sent": {"webhook": "https://private.example"}, "seed": 77},
        **{"width": 64, "height": 48, "format": kind, "elapsed_s": 2.5, "price_usd": 0.0312},
        **{"request_id": SECRETS["request id"], "flagged": False},
        **{"file": f"images/2026-11-26/00001-77-abcdef.{kind}", "thumbnail": "thumbnails/a.webp"},
    }
    return Entry(**facts | changes)


def kept(of: Entry, **encoding: Any) -> bytes:
    """Return the file of an entry as the history keeps it, with what a service left in it."""
    plain = encoded(drawing(of.width, of.height), kind=of.format, **encoding)
    return metadata.write(plain, own_record(of))


def own_record(of: Entry) -> dict[str, Any]:
    names = ("task", "backend", "model", "sandbox", "prompt", "params", "seed", "width", "height")
    told = {name: getattr(of, name) for name in (*names, "request_id", "price_usd")}
    return {"v": 1, **told, "created_at": "2026-09-21T13:33:20Z", "owner": of.owner}


def all_bytes(data: bytes) -> bytes:
    """Return a file with all that is compressed in it unpacked beside it, pixels aside."""
    container, parts = containers.parse(data)
    found = [data]
    for part in parts:
        for start in range(min(200, len(part.body))) if part.kind not in (b"IDAT",) else ():
            try:
                found.append(zlib.decompressobj().decompress(part.body[start:], 10_000_000))
            except zlib.error:
                continue
    assert container
    return b"\0".join(found)


def secrets_in(data: bytes) -> list[str]:
    whole = all_bytes(data)
    return [
        name
        for name, secret in SECRETS.items()
        if any(secret.encode(code) in whole for code in ("utf-8", "utf-16-be", "utf-16-le"))
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_search_finds_what_is_private(kind: str) -> None:
    """Otherwise it would prove nothing of the profiles: *full* has all of it."""
    data = kept(entry(kind), exif=exif(1, place=True))
    assert set(secrets_in(made(data, entry(kind), Wish("full")))) == set(SECRETS)


@pytest.mark.parametrize(
    ("kind", "to", "profile", "longest"),
    [
        (*one, longest)
        for one in itertools.product(KINDS, (None, *KINDS), ("share", "clean"))
        for longest in (0, 32)
    ],
)
def test_nothing_private_is_in_what_is_shared(
    kind: str, to: Any, profile: Any, longest: int
) -> None:
    """In no byte of the file, in clear, in UTF-16 or compressed."""
    data = kept(entry(kind), exif=exif(1, place=True))
    file = made(data, entry(kind), Wish(profile, to, longest=longest, mark=True))
    assert secrets_in(file) == []
    assert pictures.inspect(file) == (to or kind, *((32, 24) if longest else (64, 48)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PROMPTS)
def test_share_tells_what_other_programs_read(kind: str, name: str) -> None:
    """Prompt, seed, size, steps, guidance, model; and not a word more."""
    one = entry(kind, prompt=PROMPTS[name])
    file = made(kept(one), one, Wish("share"))
    reading = metadata.read(file)
    assert reading is not None
    assert reading.record == {
        **{"v": 1, "task": "image-to-image", "backend": "wavespeed", "model": "flux-1-srpo"},
        **{"sandbox": False, "prompt": PROMPTS[name], "seed": 77, "width": 64, "height": 48},
        "params": {
            **{"prompt": PROMPTS[name], "steps": 28, "guidance": 4.5, "strength": 0.6},
            **{"seed": 77, "model": "flux-1-srpo"},
        },
    }


@pytest.mark.parametrize("kind", KINDS)
def test_clean_is_the_pixels_alone_and_marked_by_choice(kind: str) -> None:
    """The same compressed pixels; with the mark one text is in it, and that says one thing."""
    data = kept(entry(kind), exif=exif(1, place=True))
    bare = metadata.strip(data)
    assert made(data, entry(kind), Wish.of("clean")) == bare
    assert metadata.named_texts(bare) == []
    marked = made(data, entry(kind), Wish.of("clean", mark=True))
    [(name, text)] = metadata.named_texts(marked)
    assert name == "XML:com.adobe.xmp"
    assert text.count("digitalsourcetype/trainedAlgorithmicMedia") == 1
    assert metadata.strip(marked) == bare


@pytest.mark.parametrize("kind", KINDS)
def test_full_is_everything_and_marked(kind: str) -> None:
    """What the service wrote stays, our record stays, the pixels stay, the mark is new."""
    one = entry(kind, title="Best", note="for Ann", starred=True)
    data = kept(one, exif=exif(1, place=True))
    file = made(data, one, Wish.of("full", mark=False))
    reading = metadata.read(file)
    assert reading is not None and own_record(one).items() <= reading.record.items()
    assert [reading.record[name] for name in ("title", "note", "starred")] == [
        *("Best", "for Ann", True)
    ]
    assert metadata.marked(file) and not metadata.marked(data)
    assert metadata.strip(file) == metadata.strip(data)
    again = made(data, one, Wish("full", "webp"))
    reading = metadata.read(again)
    assert reading is not None and own_record(one).items() <= reading.record.items()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("to", KINDS)
def test_colours_keep_their_profile_in_every_encoding(kind: str, to: Any) -> None:
    """An ICC profile is part of the pixels: without it they would look different."""
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = kept(entry(kind), icc_profile=icc)
    for profile in ("full", "share", "clean"):
        file = made(data, entry(kind), Wish(profile, to))
        assert Image.open(io.BytesIO(file)).info["icc_profile"] == icc


def test_transparency_stays_or_becomes_white() -> None:
    clear = drawing(64, 48, mode="RGBA")
    clear.putalpha(0)
    one = entry("png")
    data = metadata.write(encoded(clear, kind="png"), own_record(one))
    for to, expected in (("webp", (0,)), ("png", (0,)), ("jpeg", (255, 255, 255))):
        file = made(data, one, Wish("clean", to, longest=32, quality=100))  # type: ignore[arg-type]
        assert Image.open(io.BytesIO(file)).getpixel((5, 5))[-len(expected) :] == expected  # type: ignore[index]


def test_an_image_that_lies_on_its_side_stays_upright_without_its_exif() -> None:
    """The turn was in the EXIF, which *clean* takes away: the pixels are turned instead."""
    one = entry("jpeg")
    data = metadata.write(encoded(drawing(64, 48), kind="jpeg", exif=exif(6)), own_record(one))
    assert pictures.inspect(made(data, one, Wish("clean")))[1:] == (48, 64)
    assert pictures.inspect(made(data, one, Wish("full")))[1:] == (64, 48)


def test_quality_decides_how_large_a_file_becomes() -> None:
    one = entry("png", width=512, height=512)
    image = Image.effect_noise((512, 512), 60).convert("RGB")
    data = metadata.write(encoded(image, kind="png"), own_record(one))
    for to in ("jpeg", "webp"):
        sizes = [
            len(made(data, one, Wish("clean", to, quality=quality)))  # type: ignore[arg-type]
            for quality in (30, 75, 95)
        ]
        assert sizes == sorted(sizes) and sizes[0] * 1.5 < sizes[2]
    lossless = made(data, one, Wish("clean", "webp", quality=100))
    assert Image.open(io.BytesIO(lossless)).convert("RGB").tobytes() == image.tobytes()


@pytest.mark.parametrize("profile", ["full", "share", "clean"])
@pytest.mark.parametrize("spoilt", ["cut", "other image", "other seed", "no image"])
def test_a_file_that_was_changed_behind_our_back_is_refused(profile: Any, spoilt: str) -> None:
    """In one sentence with advice; nothing of it is handed out."""
    one = entry("png")
    data = kept(one)
    files = {
        "cut": data[:-40],
        "other image": encoded(drawing(80, 80), kind="png"),
        "other seed": kept(dataclasses.replace(one, seed=78)),
        "no image": b"hello",
    }
    with pytest.raises(HistoryError) as caught:
        made(files[spoilt], one, Wish(profile))
    assert "not handed over" in str(caught.value) and caught.value.advice


def test_a_writer_that_adds_or_loses_something_is_found_out(monkeypatch: Any) -> None:
    """Every file is read again: one that tells more than it may, or less, never leaves."""
    one = entry("png")
    data = kept(one)
    write = metadata.write
    monkeypatch.setattr(metadata, "write", lambda file, told: write(file, {**told, "owner": "x"}))
    with pytest.raises(HistoryError, match="does not read as it was written"):
        made(data, one, Wish("share"))
    monkeypatch.setattr(metadata, "write", write)
    monkeypatch.setattr(metadata, "mark", lambda file: file)
    with pytest.raises(HistoryError, match="does not read as it was written"):
        made(data, one, Wish("share"))


def test_an_old_mark_is_not_written_twice() -> None:
    for kind in KINDS:
        once = metadata.mark(encoded(kind=kind))
        assert metadata.mark(once) == once
        assert metadata.strip(once) == encoded(kind=kind)


@pytest.mark.parametrize("kind", KINDS)
def test_the_mark_joins_what_a_service_wrote(kind: str) -> None:
    """Other XMP stays beside it, and Pillow's reader finds both in one packet."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>KEEP</rdf:RDF></x:xmpmeta>'
    if kind == "png":
        return  # Pillow writes no XMP into PNG
    found = Image.open(io.BytesIO(metadata.mark(encoded(kind=kind, xmp=xmp)))).info["xmp"]
    assert b"KEEP" in found and b"trainedAlgorithmicMedia" in found


@pytest.mark.parametrize(
    ("field", "wish"),
    [
        ("profile", {"profile": "private"}),
        ("profile", {"profile": None}),
        ("format", {"format": "gif"}),
        ("quality", {"quality": 0}),
        ("quality", {"quality": 101}),
        ("quality", {"quality": "high"}),
        ("quality", {"quality": float("nan")}),
        ("quality", {"quality": True}),
        ("longest", {"longest": -1}),
        ("longest", {"longest": 10**9}),
        ("longest", {"longest": 10.5}),
        ("template", {"template": "../{seed}"}),
        ("template", {"template": "{owner}"}),
        ("template", {"template": "{seed"}),
    ],
)
def test_a_wish_that_cannot_be_met_is_one_sentence_at_its_field(
    field: str, wish: dict[str, Any]
) -> None:
    with pytest.raises(InputError) as caught:
        Wish.of(**wish)
    assert caught.value.field == field and caught.value.advice


def test_names_of_clean_files_tell_nothing() -> None:
    assert Wish.of("clean").names == "image-{number}"
    assert Wish.of("clean", format="jpg").format == "jpeg"
    assert not Wish.of("clean").mark and Wish.of("share", mark=False).mark
