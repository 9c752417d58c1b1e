"""Names, zips, sheets and manifests: parsed again by other code than made them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from core.errors import InputError
from core.exports import manifest, names
from core.exports.sheet import Sheet, drawn
from core.exports.zips import zipped
from tests.fakes import picture

FACTS = {"date": "2026-11-26", "seed": 7, "prompt": "a/../b: “海” *?\u202egpj.exe. "}


def test_a_name_is_filled_cut_and_made_safe() -> None:
    taken: set[str] = set()
    made = names.name("{date}-{seed}-{prompt:10}", FACTS, ".png", taken)
    assert made == "2026-11-26-7-a .. b “海”.png"
    assert names.name("{prompt}", FACTS, ".png", taken) == "a .. b “海” gpj.exe.png"


def test_names_that_would_be_the_same_are_counted() -> None:
    taken: set[str] = set()
    found = [names.name("{prompt}", {"prompt": text}, ".png", taken) for text in ("A", "a", "A")]
    assert found == ["A.png", "a-2.png", "A-3.png"]


@pytest.mark.parametrize("text", ["con", "NUL.txt", "lpt1", "Com9"])
def test_names_of_devices_are_avoided(text: str) -> None:
    assert names.name("{prompt}", {"prompt": text}, ".png", set()).startswith("_")


def test_a_name_of_nothing_is_still_a_name() -> None:
    assert names.name("{prompt}", {"prompt": "../.."}, ".png", set()) == "image.png"
    long = names.name("{prompt}", {"prompt": "x" * 4000}, ".png", set())
    assert len(long) == names.MOST + 4


@pytest.mark.parametrize(
    "template", ["../{seed}", "a/{seed}", "{seed}\\b", "{nothing}", "{seed", "", "x" * 121]
)
def test_a_bad_template_is_one_sentence(template: str) -> None:
    with pytest.raises(InputError) as caught:
        names.check(template, ["seed", "prompt"])
    assert caught.value.field == "template"
    assert caught.value.advice


def test_the_usual_template_is_good() -> None:
    names.check(names.USUAL, ["date", "time", "seed", "prompt"])


@pytest.mark.anyio
async def test_a_zip_is_streamed_and_whole(anyio_backend: str) -> None:
    async def files() -> AsyncIterator[tuple[str, bytes]]:
        for number in range(5):
            yield f"{number}-海.png", picture(number)

    parts = [part async for part in zipped(files())]
    assert len(parts) >= 6
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"{number}-海.png" for number in range(5)]
        assert archive.read("3-海.png") == picture(3)


def test_a_sheet_shows_each_image_in_its_place() -> None:
    """Colours of the images are found where their cells are; an empty cell has its own."""
    images = {(0, 0): picture(0x0000FF), (1, 1): picture(0x00FF00, 64, 32)}
    sheet = Sheet("A set", ["one", "two"], ["1", "2"], images, {(0, 1): "Queued"}, "A note")
    found = Image.open(io.BytesIO(drawn(sheet, side=64)))
    colours = {colour for _, colour in found.getcolors(1 << 20) or []}
    assert {(255, 0, 0), (0, 255, 0), (234, 231, 223)} <= colours
    left = found.crop((0, 0, found.width // 2, found.height))
    assert (0, 255, 0) not in {colour for _, colour in left.getcolors(1 << 20) or []}


@pytest.mark.slow
def test_a_sheet_of_a_thousand_stays_within_its_limits() -> None:
    sheet = Sheet("x" * 400, ["c"] * 40, ["r" * 99] * 25, {}, {})
    found = Image.open(io.BytesIO(drawn(sheet, side=2000)))
    assert max(found.size) <= 9000


def test_a_manifest_is_read_again_and_is_no_formula() -> None:
    rows = [{"prompt": '=1+1, "a"\n海', "seed": 3, "starred": True}, {"prompt": "b", "price": None}]
    text = manifest.as_csv(rows).decode("utf-8-sig")
    first, second = csv.DictReader(io.StringIO(text, newline=""))
    assert first == {"prompt": '\'=1+1, "a"\n海', "seed": "3", "starred": "yes", "price": ""}
    assert second["prompt"] == "b"
    assert json.loads(manifest.as_json({"a": "海"})) == {"a": "海"}
