"""Images leave as a zip, a sheet or a file: an owner's own, each as wished, the rest said."""

from __future__ import annotations

import asyncio
import csv
import errno
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bench.exports import measure
from core import metadata
from core.errors import HistoryError, InputError
from core.exports.image import Wish
from core.exports.zips import zipped
from core.history import Entry
from core.parsing import parse
from core.studio import Studio
from tests.conftest import Studios
from tests.fakes import FakeBackend, FakeText

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def make(studio: Studio, owner: str, *prompts: str) -> list[Entry]:
    """Make an image of each prompt, newest last."""
    for seed, prompt in enumerate(prompts, 1):
        wish = parse(FakeText, {"prompt": prompt, "seed": seed})
        job = await studio.submit("fake", wish, owner=owner)
        await studio.result(job.id, owner=owner)
    return (await studio.entries(owner))[::-1]


async def opened(studio: Studio, ids: list[str], wish: Wish, owner: str) -> zipfile.ZipFile:
    parts = [part async for part in zipped(studio.export(ids, wish, owner=owner))]
    archive = zipfile.ZipFile(io.BytesIO(b"".join(parts)))
    assert archive.testzip() is None
    return archive


async def test_a_zip_has_the_images_in_their_order_with_both_manifests(studios: Studios) -> None:
    studio = await studios.open(FakeBackend())
    made = await make(studio, "ann", "a fox", "=1+1, 海", "a boat")
    wish = Wish.of("share", "jpeg", template="{number}-{seed}-{prompt:5}")
    ids = [entry.id for entry in reversed(made)]
    archive = await opened(studio, [*ids, ids[0]], wish, "ann")
    names = ["0001-3-a boa.jpg", "0002-2-=1+1,.jpg", "0003-1-a fox.jpg"]
    assert archive.namelist() == [*names, "manifest.csv", "manifest.json"]
    for name, entry in zip(names, reversed(made), strict=True):
        reading = metadata.read(archive.read(name))
        assert reading is not None and reading.params["prompt"] == entry.prompt
    lines = [*csv.DictReader(io.StringIO(archive.read("manifest.csv").decode("utf-8-sig")))]
    assert [one["file"] for one in lines] == names
    assert lines[1]["prompt"] == "'=1+1, 海" and lines[1]["seed"] == "2"
    told = json.loads(archive.read("manifest.json"))
    assert told["profile"] == "share" and told["images"][1]["prompt"] == "=1+1, 海"
    private = {"request_id", "price_usd", "owner", "created_at", "sent", "thumbnail"}
    assert not private & {key for image in told["images"] for key in image}


async def test_clean_tells_nothing_in_names_or_manifests(studios: Studios) -> None:
    studio = await studios.open(FakeBackend())
    made = await make(studio, "ann", "secret words", "more of them")
    archive = await opened(studio, [one.id for one in made], Wish.of("clean"), "ann")
    assert archive.namelist() == ["image-0001.png", "image-0002.png"]
    assert all(metadata.named_texts(archive.read(name)) == [] for name in archive.namelist())


async def test_what_cannot_be_handed_over_is_said_and_the_rest_comes(
    studios: Studios, tmp_path: Path
) -> None:
    """Another owner's image, one that never was, a file that is gone, one that was changed."""
    studio = await studios.open(FakeBackend())
    made = await make(studio, "ann", "one", "two", "three")
    [other] = await make(studio, "bob", "his")
    (tmp_path / made[0].file).unlink()
    (tmp_path / made[1].file).write_bytes((tmp_path / other.file).read_bytes())
    ids = [*(one.id for one in made), other.id, "never"]
    archive = await opened(studio, ids, Wish.of("full"), "ann")
    assert len(archive.namelist()) == 4
    said = archive.read("problems.txt").decode().splitlines()
    assert said[0] == "4 of 5 images are not in this zip."
    assert [line.partition(":")[0] for line in said[1:]] == [*ids[:2], other.id, "never"]
    assert "is gone" in said[1] and "was changed" in said[2]
    assert said[3].partition(": ")[2] == said[4].partition(": ")[2]  # his is as unknown as none
    assert made[2].prompt in archive.read("manifest.csv").decode()
    with pytest.raises(InputError):
        await studio.export_one(other.id, Wish(), owner="ann")
    with pytest.raises(HistoryError):
        await studio.export_one(made[0].id, Wish(), owner="ann")


async def test_one_image_is_exported_by_its_template(studios: Studios) -> None:
    studio = await studios.open(FakeBackend())
    [made] = await make(studio, "ann", "a fox: in/snow")
    name, file = await studio.export_one(
        made.id, Wish.of("full", "webp", template="{seed}-{prompt}"), owner="ann"
    )
    assert name == "1-a fox in snow.webp" and metadata.read(file) is not None


async def test_no_images_and_too_many_are_refused_at_once(studios: Studios) -> None:
    studio = await studios.open(FakeBackend())
    for ids in ([], ["x"] * 20_001, [""], ["x" * 33], [7]):
        with pytest.raises(InputError) as caught:
            studio.export(ids, Wish(), owner="ann")  # type: ignore[arg-type]
        assert caught.value.field == "ids" and caught.value.advice


async def test_a_zip_on_disk_is_whole_or_not_there(studios: Studios, tmp_path: Path) -> None:
    """A disk that fills up in the middle, a caller that leaves, nothing to hand over."""
    studio = await studios.open(FakeBackend())
    made = await make(studio, "ann", *"abcdef")
    ids, path = [one.id for one in made], tmp_path / "images.zip"
    await studio.export_file(path, [*ids, "never"], Wish(), owner="ann")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None and "problems.txt" in archive.namelist()
    path.unlink()
    with pytest.raises(InputError):
        await studio.export_file(path, ["never"], Wish(), owner="ann")
    assert not path.exists()
    with pytest.raises(HistoryError, match="The disk is full"):
        await studio.export_file(FullPath(path), ids, Wish(), owner="ann")
    assert not path.exists()
    read, gate = studio.history.storage.read, asyncio.Event()

    async def slow(name: str) -> bytes:
        if name == made[3].file:
            await gate.wait()
        return await read(name)

    studio.history.storage.read = slow  # type: ignore[method-assign]
    work = asyncio.create_task(studio.export_file(path, ids, Wish(), owner="ann"))
    while not path.exists():
        await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not path.exists()


class FullPath(type(Path())):  # type: ignore[misc]
    """A file on a disk that has room for a thousand bytes."""

    def open(self, *arguments: Any, **options: Any) -> Any:
        file = super().open(*arguments, **options)
        return Full(file)


class Full:
    def __init__(self, file: Any) -> None:
        self._file = file
        self._room = 1000

    def __enter__(self) -> Full:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, data: bytes) -> int:
        self._room -= len(data)
        if self._room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return int(self._file.write(data))


@pytest.mark.slow
@pytest.mark.parametrize("stop_after", [None, 200])
async def test_a_zip_of_thousands_needs_no_memory_and_leaves_nothing(
    tmp_path: Path, stop_after: int | None
) -> None:
    """Sent as a whole or stopped in the middle; `python -m bench.exports` measures 5,000."""
    found = await measure(tmp_path, 1_000, Wish.of("share"), stop_after=stop_after)
    assert found.sent_mb > 100
    assert found.peak_mb <= 100
    assert found.left_files == 0


@pytest.mark.parametrize("kind", ["png", "pdf"])
async def test_a_contact_sheet_of_an_owners_images(studios: Studios, kind: str) -> None:
    studio = await studios.open(FakeBackend())
    made = await make(studio, "ann", "a fox", "小船 🦊")
    ids = [*(one.id for one in made), "never"]
    data = await studio.contact_sheet(ids, kind, Wish(), owner="ann", title="All")
    assert data.startswith(b"%PDF" if kind == "pdf" else b"\x89PNG")
    for wrong in ("gif", None):
        with pytest.raises(InputError):
            await studio.contact_sheet(ids, wrong, Wish(), owner="ann")
    with pytest.raises(InputError):
        await studio.contact_sheet([f"{n}" for n in range(121)], "png", Wish(), owner="ann")
