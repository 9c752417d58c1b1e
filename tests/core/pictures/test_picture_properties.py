"""Properties of images and metadata on random and mutilated input.

How many examples are tried is the profile's business: tests/conftest.py has them.
"""

from __future__ import annotations

import sys
import time
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed (requirements-dev.txt)")

from hypothesis import given
from hypothesis import strategies as st

from core import metadata, pictures
from core.errors import InputError
from core.metadata.infotext import infotext, parse
from core.metadata.reading import Reading
from core.pictures.containers import ContainerError
from tests.core.pictures.picture_samples import chunk, drawing, encoded, exif, png, texts

KINDS = ("png", "jpeg", "webp")
SMALL = drawing(24, 18)
PLAIN = {kind: encoded(SMALL, kind=kind) for kind in KINDS}
RICH = [
    encoded(SMALL, kind=kind, exif=exif(6, place=True), xmp=b"<rdf:RDF></rdf:RDF>")
    for kind in (*KINDS, "avif")
]
RICH += [metadata.write(PLAIN[kind], {"params": {"prompt": "a fox"}}) for kind in KINDS]
RICH += [texts(parameters="a\nSteps: 1, Seed: 2, Size: 3x4", Comment_packed='{"uc": 1}')]
RICH += [encoded(drawing(24, 18, mode=mode)) for mode in ("P", "LA", "I;16")]
RICH += [encoded(drawing(24, 18, mode="CMYK"), kind="jpeg", progressive=True)]
MOST_BYTES = 700_000_000
"""What decoding may add to the process: the largest image that is allowed, a few times over."""
MOST_SECONDS = 10.0
TEXT_KEYS = (
    "parameters Comment prompt workflow invokeai_metadata fooocus_scheme Software Description "
    "XML:com.adobe.xmp srpo:job UserComment"
).split()
LINES = st.sampled_from(
    [
        "Steps: 20",
        "Seed: 1",
        "Size: 64x64",
        "CFG scale: 3",
        "Negative prompt: x",
        '{"sui_image_params": {"seed": 1e999}}',
        '{"metadata_scheme": "fooocus", "resolution": "(1, 2)"}',
        '{"1": {"class_type": "KSampler", "inputs": {"positive": ["1", 0], "seed": []}}}',
        '{"uc": "", "seed": -0.0, "steps": "\u0663"}',
        ", ",
        "\n",
        '"',
        "\\",
        "[" * 2000,
        "NaN",
    ]
)

LEAF = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
NAME = st.text(max_size=8)
JSON = LEAF | st.lists(LEAF, max_size=3) | st.dictionaries(NAME, LEAF | st.lists(LEAF), max_size=3)


@st.composite
def mutilated(draw: st.DrawFn) -> bytes:
    """A real file with bytes changed, taken out or put in."""
    data = bytearray(draw(st.sampled_from(RICH)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    return bytes(data)


@st.composite
def altered(draw: st.DrawFn) -> bytes:
    """A real file of the same length with other bytes inside, which gets as far as a decoder."""
    data = bytearray(draw(st.sampled_from(RICH)))
    for _ in range(draw(st.integers(1, 3))):
        data[draw(st.integers(12, len(data) - 1))] = draw(st.integers(0, 255))
    return mended(bytes(data))


def mended(data: bytes) -> bytes:
    """Return a PNG with the checksums its chunks should have; other files as they are."""
    if not data.startswith(b"\x89PNG"):
        return data
    out, at = data[:8], 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        out += chunk(data[at + 4 : at + 8], data[at + 8 : end])
        at = end + 4
    return out


HARMED = mutilated() | altered() | altered()


@given(prompt=st.text(st.characters(codec=None), max_size=300), kind=st.sampled_from(KINDS))
def test_any_prompt_survives_the_round_trip(prompt: str, kind: str) -> None:
    """Whatever a text may hold, lone surrogates and control letters included."""
    record = {"v": 1, "prompt": prompt, "params": {"prompt": prompt or "x"}}
    reading = metadata.read(metadata.write(PLAIN[kind], record))
    assert reading is not None and reading.record == record


@given(extra=st.dictionaries(NAME, JSON, max_size=4))
def test_any_record_survives_the_round_trip(extra: dict[str, Any]) -> None:
    """Records are JSON of any shape, as long as they have params."""
    record = extra | {"params": extra}
    reading = metadata.read(metadata.write(PLAIN["jpeg"], record))
    assert reading is not None and reading.record == record


@pytest.fixture(scope="module", autouse=True)
def bounded() -> Iterator[None]:
    """Nothing that is tried here makes the process grow beyond a few of the largest images."""
    resource = pytest.importorskip("resource", reason="this system tells no peak of memory")
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * unit < MOST_BYTES


def load(data: bytes) -> None:
    """Load whatever it is: in time, a whole image within the limits or a sentence."""
    begun = time.perf_counter()
    try:
        picture = pictures.load(data)
    except InputError as error:
        assert str(error).endswith(".")
        return
    finally:
        assert time.perf_counter() - begun < MOST_SECONDS
    assert picture.width * picture.height <= pictures.MAX_PIXELS
    kind, width, height = pictures.inspect(picture.data)
    assert picture.media_type == f"image/{kind}"
    assert (picture.width, picture.height) == (width, height)
    assert pictures.load(picture.data).data == picture.data


@given(data=HARMED | st.binary(max_size=200))
def test_broken_files_give_a_sentence_or_a_whole_picture(data: bytes) -> None:
    """Nothing but InputError leaves the loader, and only PictureError what looks at answers."""
    load(data)
    try:
        pictures.inspect(data)
    except pictures.PictureError as error:
        assert str(error)


@st.composite
def forged(draw: st.DrawFn) -> bytes:
    """A PNG whose chunks are correct and whose contents are anything."""
    kinds = st.sampled_from(
        [b"PLTE", b"tRNS", b"gAMA", b"iCCP", b"eXIf", b"acTL", b"IDAT", b"tEXt"]
    )
    body = st.binary(max_size=80) | st.binary(max_size=400).map(zlib.compress)
    chunks = [chunk(draw(kinds), draw(body)) for _ in range(draw(st.integers(0, 4)))]
    if draw(st.integers(0, 3)):
        chunks.append(chunk(b"IDAT", zlib.compress(bytes(draw(st.integers(0, 30_000))))))
    side = (
        st.integers(16, 64)
        | st.integers(16, 24)
        | st.sampled_from([0, 1, 6_000, 65_535, 2**31 - 1, 2**32 - 1])
    )
    depth, colour = st.sampled_from([0, 1, 2, 4, 8, 16, 255]), st.integers(0, 7)
    return png(*chunks, width=draw(side), height=draw(side), depth=draw(depth), colour=draw(colour))


@given(data=forged())
def test_forged_headers_and_chunks_do_no_harm(data: bytes) -> None:
    """Sizes, depths, palettes and profiles that do not fit each other, with right checksums."""
    load(data)


@given(data=HARMED | st.binary(max_size=300))
def test_no_file_breaks_the_reader_of_settings(data: bytes) -> None:
    """What is found is of a kind that forms can take; the rest reads as nothing."""
    check(metadata.read(data))


@given(key=st.sampled_from(TEXT_KEYS), parts=st.lists(LINES | st.text(max_size=30), max_size=8))
def test_no_text_breaks_the_reader_of_settings(key: str, parts: list[str]) -> None:
    """Whatever stands where other programs leave their settings."""
    text = "".join(parts).encode("utf-8", "replace")
    body = key.encode() + bytes(5) + text
    check(metadata.read(png(chunk(b"iTXt", body), chunk(b"IDAT", b""))))


def check(reading: Reading | None) -> None:
    if reading is None:
        return
    for word, value in reading.params.items():
        assert isinstance(value, str | int | float | dict) or value is None, word
    assert all(isinstance(text, str) for text in reading.extra.values())
    assert len(reading.extra) <= 110


@given(
    prompt=st.lists(LINES | st.text(max_size=30), max_size=5).map("".join),
    steps=st.integers(1, 1000),
    seed=st.integers(0, 2**31 - 1),
    guidance=st.floats(0.001, 100).map(lambda value: round(value, 3)),
    size=st.tuples(st.integers(1, 65_535), st.integers(1, 65_535)),
)
def test_no_prompt_changes_the_settings_beside_it(
    prompt: str, steps: int, seed: int, guidance: float, size: tuple[int, int]
) -> None:
    """The infotext that other programs read says the same numbers, whatever the prompt claims."""
    params = {"steps": steps, "guidance": guidance}
    record = {"prompt": prompt, "params": params, "seed": seed, "width": size[0], "height": size[1]}
    reading = parse(infotext(record))
    assert reading is not None
    found = {name: reading.params.get(name) for name in ("steps", "seed", "guidance")}
    assert found == {"steps": steps, "seed": seed, "guidance": guidance}
    assert (reading.params["width"], reading.params["height"]) == size


@given(data=HARMED | st.binary(max_size=200))
def test_writing_into_broken_files_fails_in_one_way(data: bytes) -> None:
    """A record is in the file afterwards, or ContainerError says that it is not."""
    try:
        assert metadata.read(metadata.write(data, {"params": {}})) is not None
        assert metadata.read(metadata.strip(data)) is None
    except ContainerError:
        pass
