"""Images made to do harm, and images that know too much; the numbers are those of CASES.md."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from gradio.utils import get_upload_folder
from PIL import Image

from core import pictures
from core.errors import InputError
from core.params import Task
from tests.backends.services import Recording, siraya, siraya_ok, wavespeed, wavespeed_ok
from tests.core.pictures.picture_samples import chunk, drawing, encoded, exif, png, with_segments
from ui.server.uploads import Uploads, uploaded

pytestmark = pytest.mark.anyio

KINDS = (
    "gif bmp tiff ppm pcx tga ico icns eps dds sgi im jpeg2000 pdf mpo qoi xbm msp spider"
).split()
MAGICS = {
    "psd": b"8BPS\0\1" + bytes(40),
    "fli": b"\0\0\0\0\x11\xaf" + bytes(130),
    "fits": b"SIMPLE  =                    T" + bytes(80),
    "wmf": b"\xd7\xcd\xc6\x9a\0\0" + bytes(60),
    "emf": b"\1\0\0\0" + bytes(36) + b" EMF" + bytes(40),
    "gbr": b"\0\0\0\x20\0\0\0\2" + bytes(40),
    "dcx": b"\xb1\x68\xde\x3a" + bytes(40),
    "cur": b"\0\0\2\0\1\0" + bytes(40),
    "xpm": b"/* XPM */ static char *a[] = {",
    "mpeg": b"\0\0\1\xb3" + bytes(40),
    "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(40),
    "grib": b"GRIB\0\0\0\1" + bytes(40),
    "bufr": b"BUFR" + bytes(40),
    "webp without an image": b"RIFF\x04\0\0\0WEBP",
    "jpeg without an image": b"\xff\xd8\xff\xd9",
    "png without an image": png(),
    "avif without an image": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf",
}


def sample(kind: str) -> bytes:
    if kind in MAGICS:
        return MAGICS[kind]
    mode = {"msp": "1", "xbm": "1", "spider": "F"}.get(kind, "RGB")
    options: dict[str, Any] = {"save_all": True, "append_images": [drawing()]}
    try:
        return encoded(drawing(mode=mode), kind=kind, **(options if kind == "mpo" else {}))
    except (KeyError, OSError, ValueError):
        pytest.skip(f"this Pillow cannot write {kind}")


@pytest.mark.parametrize("kind", [*KINDS, *MAGICS])
def test_case_64_other_formats_never_reach_a_decoder(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow has more than forty decoders; a stranger's file reaches four of them."""
    data = sample(kind)
    opened: list[Any] = []
    real = Image.open

    def watched(file: Any, mode: Any = "r", formats: Any = None) -> Image.Image:
        opened.append(formats)
        return real(file, mode, formats)

    monkeypatch.setattr(Image, "open", watched)
    if kind == "mpo":  # a JPEG with another behind it: the first is an image like any other
        assert pictures.load(data).width == 64
    else:
        with pytest.raises(InputError) as caught:
            pictures.load(data)
        assert caught.value.advice
    assert opened in ([], [["jpeg"]])


@pytest.mark.parametrize("service", [wavespeed, siraya])
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif"])
async def test_case_66_nothing_private_is_in_what_is_sent(service: Any, kind: str) -> None:
    """A place, a camera, a comment go in with an image; the very bytes that leave have none."""
    xmp = b"<x:xmpmeta>SECRETPLACE</x:xmpmeta>"
    data = encoded(kind=kind, exif=exif(1, place=True), xmp=xmp)
    if kind == "jpeg":
        data = with_segments(
            (0xFE, b"SECRETREMARK"), (0xED, b"Photoshop 3.0\0SECRETAUTHOR"), data=data
        )
        data += b"SECRETTRAILER"
    assert b"SECRET" in data
    recording = Recording(wavespeed_ok if service is wavespeed else siraya_ok)
    backend = service(recording.transport)
    task: Task = "image-to-image"
    wish = backend.tasks[task](prompt="a boat", image=pictures.load(data))
    async for _ in backend.generate(wish.with_seed(1)):
        pass
    body = json.loads(recording.posts[0].content)
    address = body.get("image") or body["image_urls"][0]
    sent = base64.b64decode(address.partition(",")[2])
    assert pictures.inspect(sent)[1:] == (64, 48)
    for secret in (b"SECRET", b"GPS", b"1999:12:31", b"Exif", b"xmpmeta"):
        assert secret not in sent


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "avif"])
def test_case_61_what_hides_behind_a_picture_is_cut_off(kind: str) -> None:
    """A page, a program or an archive after the last pixel does not travel on."""
    tail = b"<html><script>alert(1)</script>PK\x05\x06" + bytes(18)
    try:
        clean = pictures.load(encoded(kind=kind) + tail).data
    except InputError:
        assert kind == "avif"  # whose boxes leave no room for it
        return
    assert b"<script>" not in clean


@pytest.mark.parametrize(
    ("size", "said"),
    [((1, 1), "only 1 x 1"), ((65_500, 1), "only 65,500 x 1"), ((65_500, 20), "too narrow")],
)
def test_case_68_specks_and_threads_are_refused_by_their_header(
    size: tuple[int, int], said: str
) -> None:
    """With the numbers, before anything is decoded."""
    data = png(chunk(b"IDAT", b""), width=size[0], height=size[1])
    with pytest.raises(InputError, match=said):
        pictures.load(data)


async def test_a_decoder_that_never_ends_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a sentence after the deadline, the program goes on, and images are still taken."""
    stuck, real = threading.Event(), pictures.load

    def load(source: Any, *, field: str = "image") -> pictures.Picture:
        if source == b"trap":
            stuck.wait(30)
        return real(source, field=field)

    monkeypatch.setattr(pictures, "load", load)
    uploads = Uploads(None, patience_s=0.1)  # type: ignore[arg-type]
    begun = time.monotonic()
    try:
        answers = await asyncio.gather(
            uploads.load(b"trap"), uploads.load(encoded()), return_exceptions=True
        )
    finally:
        stuck.set()
    assert time.monotonic() - begun < 2
    assert isinstance(answers[0], InputError)
    assert "too long to decode" in str(answers[0])
    assert isinstance(answers[1], pictures.Picture)


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "x" * 300, "x" * 5000, "a\0b", "CON", "/dev/zero", "/proc/self/environ"],
    ids=["up", "long", "too-long", "nul", "device", "endless", "environment"],
)
def test_case_71_a_name_opens_nothing_outside_the_uploads(name: str) -> None:
    """As a path, inside the folder of uploads, or as an address of ours: a sentence."""
    folder = get_upload_folder()
    for given in (name, f"{folder}/{name}", f"http://h/gradio_api/file={folder}/../{name}"):
        for upload in (given, {"path": given}, {"url": given}):
            with pytest.raises(InputError, match="no longer there"):
                uploaded(upload)


@pytest.mark.parametrize("upload", [None, {}, "", {"path": None}, {"path": []}, [], 0])
def test_no_picture_is_a_sentence(upload: Any) -> None:
    """Whatever stands in its place."""
    with pytest.raises(InputError, match="There is no image"):
        uploaded(upload)
