"""Properties of pictures and metadata on random and mutilated input."""

from __future__ import annotations

from typing import Any

import pytest

from core import metadata, pictures
from core.containers import ContainerError
from core.errors import InputError
from tests.core.picture_samples import encoded, exif, texts

pytest.importorskip("hypothesis")

from hypothesis import given, settings
from hypothesis import strategies as st

KINDS = ("png", "jpeg", "webp")
PLAIN = {kind: encoded(kind=kind) for kind in KINDS}
RICH = [
    encoded(kind=kind, exif=exif(6, place=True), xmp=b"<rdf:RDF></rdf:RDF>")
    for kind in (*KINDS, "avif")
]
RICH += [metadata.write(PLAIN[kind], {"params": {"prompt": "a fox"}}) for kind in KINDS]
RICH += [texts(parameters="a\nSteps: 1, Seed: 2, Size: 3x4", Comment_packed='{"uc": 1}')]

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@st.composite
def mutilated(draw: st.DrawFn) -> bytes:
    """A real file with bytes changed, taken out or put in."""
    data = bytearray(draw(st.sampled_from(RICH)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    return bytes(data)


@given(prompt=st.text(st.characters(codec=None), max_size=300), kind=st.sampled_from(KINDS))
@settings(deadline=None)
def test_any_prompt_survives_the_round_trip(prompt: str, kind: str) -> None:
    """Whatever a text may hold, lone surrogates and control letters included."""
    record = {"v": 1, "prompt": prompt, "params": {"prompt": prompt or "x"}}
    reading = metadata.read(metadata.write(PLAIN[kind], record))
    assert reading is not None and reading.record == record


@given(extra=st.dictionaries(st.text(), json_values, max_size=6))
@settings(deadline=None)
def test_any_record_survives_the_round_trip(extra: dict[str, Any]) -> None:
    """Records are JSON of any shape, as long as they have params."""
    record = extra | {"params": extra}
    reading = metadata.read(metadata.write(PLAIN["jpeg"], record))
    assert reading is not None and reading.record == record


@given(data=mutilated() | st.binary(max_size=200))
@settings(deadline=None, max_examples=300)
def test_broken_files_give_a_sentence_or_a_whole_picture(data: bytes) -> None:
    """Nothing but InputError leaves the loader, nothing at all the reader of metadata."""
    metadata.read(data)
    try:
        picture = pictures.load(data)
    except InputError:
        return
    kind, width, height = pictures.inspect(picture.data)
    assert picture.media_type == f"image/{kind}"
    assert (picture.width, picture.height) == (width, height)
    assert pictures.load(picture.data).data == picture.data


@given(data=mutilated() | st.binary(max_size=200))
@settings(deadline=None, max_examples=200)
def test_writing_into_broken_files_fails_in_one_way(data: bytes) -> None:
    """A record is in the file afterwards, or ContainerError says that it is not."""
    try:
        assert metadata.read(metadata.write(data, {"params": {}})) is not None
        assert metadata.read(metadata.strip(data)) is None
    except ContainerError:
        pass
