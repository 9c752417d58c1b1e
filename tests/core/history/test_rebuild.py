"""The database made again from images and records: equal, or as near as the files tell."""

from __future__ import annotations

import io
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import backends
from core import metadata, pictures
from core.errors import HistoryError
from core.history import Entry, Wanted, input_name
from core.history.changes import collect, star, tag
from core.history.keeping import Keeping
from core.history.rebuild import Rebuilt, opened, rebuild
from core.jobs.job import STATES, iso
from core.jobs.set_jobs import Wish
from core.params import Task
from core.settings import load
from core.studio import Studio
from tests.conftest import Studios
from tests.core.history.steps import add, all_of, kept_in
from tests.core.test_history import entry
from tests.fakes import FakeBackend, FakeText, picture

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

FORMATS = {"png": "png", "jpeg": "jpg", "webp": "webp"}
OWNERS = ("ann", "user:bob", "browser:" + "a" * 32, "local")
PHOTO = pictures.load(picture(9))
PROMPTS = (
    "hills",
    "夜の海",
    'a "quoted" boat\nat dawn 🎈',
    "Straße, 100% <b>&amp;</b>",
    "x" * 2_000,
)
DATABASE = ("playground.db", "playground.db-wal", "playground.db-shm")


def encoded(kind: str, seed: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 24), (seed % 256, seed // 256 % 256, 90)).save(file, kind.upper())
    return file.getvalue()


def kinds() -> Iterator[tuple[str, Task, bool, str]]:
    """Yield every backend, with its tasks, and every format."""
    for name, backend in backends.create(load(backends.Settings)).items():
        for task in backend.tasks:
            for kind in FORMATS:
                yield name, task, backend.sandbox, kind


def made(number: int, name: str, task: Task, sandbox: bool, kind: str) -> tuple[Entry, bytes]:
    """Return an entry as the program makes it, and its file with its metadata."""
    prompt = PROMPTS[number % len(PROMPTS)]
    params: dict[str, Any] = {"prompt": prompt, "seed": number, "guidance": 3.5}
    if task == "image-to-image":
        params |= {"strength": 0.4, "image": PHOTO.model_dump(mode="json")}
    at = 1_767_225_600.0 + number * 3_600
    day, place = iso(at)[:10], f"{number:05d}-{number}-abc"
    facts: dict[str, Any] = {
        "task": task,
        "backend": name,
        "model": "" if number % 3 else "flux/srpo",
        "sandbox": sandbox,
        "prompt": prompt,
        "params": params,
        "seed": number,
        "width": 32,
        "height": 24,
        "request_id": f"r-{number}" if number % 2 else None,
        "price_usd": (None, 0.0, 0.025)[number % 3],
        "elapsed_s": 1.25,
    }
    one = entry(
        number,
        owner=OWNERS[number % len(OWNERS)],
        created_at=at,
        format=kind,
        flagged=number % 7 == 0,
        sent={"prompt": prompt, "image": "<image>"},
        file=f"images/{day}/{place}.{FORMATS[kind]}",
        thumbnail=f"thumbnails/{day}/{place}.webp",
        **facts,
    )
    record = {"v": 1, **facts, "created_at": iso(one.created_at)}
    return one, metadata.write(encoded(kind, number), record)


async def filled(folder: Path, count: int) -> Keeping:
    """Make images of every backend, task and format, and keep them in every way."""
    keeping = await kept_in(folder)
    history = keeping.history
    await history.storage.write(input_name(PHOTO), PHOTO.data)
    every = [(*one,) for one in kinds()]
    for number in range(count):
        one, file = made(number, *every[number % len(every)])
        small = pictures.thumbnail(file)
        digest = pictures.source_digest(file)
        await history.add(one, file=file, thumbnail=small, also=lambda db: None, source=digest)
    for owner in OWNERS:
        mine = [f"e{number}" for number in range(count) if OWNERS[number % 4] == owner]
        sea = await keeping.create_collection("sea", owner=owner)
        await keeping.change_these(collect(sea.id), mine[::2], owner=owner)
        await keeping.change_these(tag("calm water"), mine[::3], owner=owner)
        await keeping.change_these(star(True), mine[1::2], owner=owner)
        await keeping.describe(mine[0], owner=owner, title="The first", note="Two\nlines “of” it.")
        await keeping.delete(mine[-1], owner=owner)
    return keeping


async def told(keeping: Keeping) -> dict[str, Any]:
    """Return all that is kept of all owners, in the order in which the page shows it."""
    found: dict[str, Any] = {}
    for owner in OWNERS:
        for trash in (False, True):
            page = await keeping.history.page(owner, Wanted(trash=trash), limit=10_000)
            found[f"{owner} {trash}"] = page
        found[f"{owner} tags"] = await keeping.tags(owner)
        found[f"{owner} collections"] = await keeping.collections(owner)
        for one in found[f"{owner} False"]:
            put = await keeping.collections_of(one.id, owner=owner)
            found[one.id] = (put, await keeping.tags_of(one.id, owner=owner))
    return found


async def rebuilt(keeping: Keeping) -> Rebuilt:
    return (await all_of(rebuild(keeping.history)))[-1]


def forget(folder: Path, *more: str) -> None:
    """Lose the database."""
    for name in (*DATABASE, *more):
        path = folder / name
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


@pytest.mark.parametrize("count", [66, pytest.param(2_000, marks=pytest.mark.full_size)])
async def test_what_is_made_again_equals_what_was_lost(tmp_path: Path, count: int) -> None:
    """Of every backend, format, task and owner: each fact, star, tag, title, order, trash."""
    keeping = await filled(tmp_path / "here", count)
    before = await told(keeping)
    await keeping.history.records.write()
    await keeping.history.database.aclose()
    forget(tmp_path / "here", "thumbnails")
    shutil.move(tmp_path / "here", tmp_path / "elsewhere")
    again = await kept_in(tmp_path / "elsewhere")
    done = await rebuilt(again)
    assert (done.done, done.total, done.added, done.unreadable) == (count, count, count, 0)
    assert await told(again) == before
    small = before["ann False"][0].thumbnail
    assert await again.history.storage.read(small)
    assert await rebuilt(again) == Rebuilt(count, count, 0, 0)
    assert await told(again) == before


async def test_without_records_the_images_tell_what_they_can(tmp_path: Path) -> None:
    """How each was made, when, in which order; whose it was is unknown, so it is this machine's."""
    keeping = await filled(tmp_path, 24)
    await keeping.history.database.aclose()
    forget(tmp_path, "records")
    again = await kept_in(tmp_path)
    assert (await rebuilt(again)).added == 24
    page = await again.history.page("local", limit=100)
    assert [one.seed for one in page] == list(range(23, -1, -1))
    for one in page:
        was, _ = made(one.seed, one.backend, one.task, one.sandbox, one.format)
        for name in ("prompt", "params", "model", "created_at", "width", "request_id", "price_usd"):
            assert getattr(one, name) == getattr(was, name), name
    assert (await rebuilt(again)).added == 0


async def test_what_the_database_has_is_kept(tmp_path: Path) -> None:
    """A record that is older than the database changes nothing in it."""
    keeping = await kept_in(tmp_path)
    await add(keeping, 1, 2)
    await keeping.history.records.write()
    await keeping.star("e1", owner="ann", starred=True)
    assert (await rebuilt(keeping)).added == 0
    assert (await keeping.history.get("e1")).starred
    record = (tmp_path / "records/images/2026-01-01/00001.json").read_text()
    assert '"starred":true' in record


async def test_files_that_tell_nothing_or_nonsense_are_counted_and_left(tmp_path: Path) -> None:
    """A damaged record leaves the image to tell; what is no image of ours stays where it is."""
    keeping = await filled(tmp_path, 8)
    await keeping.history.records.write()
    await keeping.history.database.aclose()
    forget(tmp_path)
    day = tmp_path / "images/2026-01-01"
    (day / "stranger.png").write_bytes(picture(3))
    (day / "text.png").write_text("no image")
    (day / "notes.txt").write_text("not ours")
    hostile = {
        "v": 1,
        "task": [],
        "params": {"prompt": 3},
        "seed": "x",
        "price_usd": {},
        "width": {},
    }
    (day / "hostile.png").write_bytes(metadata.write(picture(4), hostile | {"prompt": "x"}))
    records = sorted((tmp_path / "records/images").rglob("*.json"))
    records[0].write_text('{"v": 1, "entry": {"id": ')
    records[1].write_text('{"v": 1, "entry": {"id": 7, "file": "../../x"}, "tags": 3}')
    records[2].write_bytes(b"\xff\xfe")
    again = await kept_in(tmp_path)
    done = await rebuilt(again)
    assert (done.added, done.unreadable) == (8, 3)
    assert (day / "hostile.png").exists()


async def test_a_set_comes_back_with_its_cells(studios: Studios) -> None:
    """Each cell shows its image; the images' jobs are finished, and what they cost is known."""
    studio = await studios.open(FakeBackend(paid=True))
    collection = await studio.create_collection("sea", owner="ann")
    wish = FakeText(prompt="hills", seed=1)
    job = await studio.submit("fake", wish, owner="ann", collection=collection.id)
    await studio.result(job.id, owner="ann")
    axes = [{"field": "seed", "values": [1, 2, 3]}]
    asked = Wish("text-to-image", {"prompt": "hills"}, axes, [{"backend": "fake"}], title="three")
    known = await studio.submit_set(asked, owner="ann")
    for one in known.jobs:
        await studio.result(one.id, owner="ann")
    await studio.pick_one(known.id, row=0, page=0, column=1, owner="ann")
    before = await state(studio, known.id)
    await studio.history.records.write()
    await studio.aclose()
    await studios.databases.pop().aclose()
    forget(studios.folder)
    again = await studios.open(FakeBackend(paid=True))
    assert (await rebuilt(again)).added == 4
    assert await state(again, known.id) == before
    await again.aclose()


async def state(studio: Studio, set_id: str) -> Any:
    found = await studio.set(set_id, owner="ann")
    jobs = await studio.jobs("ann", states=STATES)
    sums = await studio.spending(days=2)
    pages = await studio.entries("ann", wanted=Wanted(set_id=set_id))
    facts = {
        one.id: (one.state, one.charged, one.price_usd, one.entry_id, one.params) for one in jobs
    }
    return found.as_dict(), found.picks, facts, sums, [one.id for one in pages]


async def test_a_damaged_database_is_moved_aside(tmp_path: Path) -> None:
    """It is never removed; another one is made beside it, and later ones too."""
    file = tmp_path / "playground.db"
    address = f"sqlite:///{file}"
    for number in (1, 2):
        file.write_bytes(b"this is no database at all. " * 1000)
        database, aside = await opened(address, None)
        assert aside == tmp_path / f"playground.db.damaged-{number}"
        assert aside.read_bytes().startswith(b"this is no")
        await database.aclose()
    database, aside = await opened(address, None)
    assert aside is None
    await database.aclose()
    with closing(sqlite3.connect(file)) as raw:
        assert raw.execute("SELECT count(*) FROM entries").fetchone() == (0,)


async def test_records_follow_every_change(tmp_path: Path) -> None:
    """Also those that were noted and not yet written when the process ended."""
    keeping = await kept_in(tmp_path)
    await add(keeping, 1)
    sea = await keeping.create_collection("sea", owner="ann")
    await keeping.history.database.aclose()  # nothing was written yet
    keeping = await kept_in(tmp_path)
    assert await keeping.history.records.write() == 2
    record = tmp_path / "records/images/2026-01-01/00001.json"
    assert record.exists()
    await keeping.change_these(collect(sea.id), ["e1"], owner="ann")
    await keeping.history.hand_over("ann", "user:ann")
    await keeping.history.records.write()
    assert '"owner":"user:ann"' in record.read_text()
    assert sea.id in record.read_text()
    assert "user:ann" in (tmp_path / f"records/collections/{sea.id}.json").read_text()
    await keeping.delete_collection(sea.id, owner="user:ann")
    await keeping.history.records.write()
    assert not (tmp_path / f"records/collections/{sea.id}.json").exists()


async def test_a_record_that_cannot_be_written_stays_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk loses nothing: the note stays until the file is there."""
    keeping = await kept_in(tmp_path)
    await add(keeping, 1)

    def refuse(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("core.storage.files._write_durably", refuse)
        with pytest.raises(HistoryError, match="full"):
            await keeping.history.records.write()
    assert await keeping.history.records.write() == 1
