"""Images move from one installation to another, whole; bad files cost a sentence each."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core import metadata, pictures
from core.errors import HistoryError, InputError
from core.history import backup
from core.history.backup import back_up
from core.history.keeping import Keeping
from core.history.moving import Moved, export_to, import_from
from core.history.rebuild import rebuild
from core.parsing import parse
from core.storage.files import Storage
from core.storage.tables import jobs
from tests.conftest import Studios
from tests.core.history.steps import all_of, kept_in
from tests.core.history.test_rebuild import OWNERS, filled, forget, told
from tests.core.test_sharing import made_set
from tests.fakes import FakeBackend, FakeText, picture

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def moved_out(keeping: Keeping, folder: Path, owner: str | None = None) -> list[Moved]:
    return await all_of(export_to(keeping.history, folder, owner=owner))


async def moved_in(keeping: Keeping, folder: Path, owner: str | None = None) -> list[Moved]:
    return await all_of(import_from(keeping.history, folder, owner=owner))


def said(steps: list[Moved]) -> list[str]:
    return [sentence for step in steps for sentence in step.said]


@pytest.mark.parametrize("count", [66, pytest.param(2_000, marks=pytest.mark.full_size)])
async def test_what_moved_equals_what_was_here_also_when_it_is_made_again(
    tmp_path: Path, count: int
) -> None:
    """Every backend, format, task and owner: export, import elsewhere, lose the rows, rebuild."""
    here = await filled(tmp_path / "here", count)
    before = await told(here)
    out = await moved_out(here, tmp_path / "folder")
    assert (out[-1].done, out[-1].images, said(out)) == (count, count, [])
    elsewhere = await kept_in(tmp_path / "elsewhere")
    came = await moved_in(elsewhere, tmp_path / "folder")
    assert (came[-1].images, said(came)) == (count, [])
    assert await told(elsewhere) == before
    for one in before["ann False"][:5]:
        for name in (one.file, one.thumbnail):
            kept = await elsewhere.history.storage.read(name)
            assert kept == await here.history.storage.read(name)
        source = await here.history.source_of(one)
        assert await elsewhere.history.source_of(one) == source
    again = await moved_in(elsewhere, tmp_path / "folder")
    assert again[-1].images == 0
    assert len(said(again)) == count and all("is here already" in one for one in said(again))
    assert await told(elsewhere) == before
    await elsewhere.history.database.aclose()
    forget(tmp_path / "elsewhere", "thumbnails")
    made_again = await kept_in(tmp_path / "elsewhere")
    await all_of(rebuild(made_again.history))
    assert await told(made_again) == before


async def test_one_owner_moves_alone_and_may_become_another(tmp_path: Path) -> None:
    here = await filled(tmp_path / "here", 24)
    out = await moved_out(here, tmp_path / "folder", owner="user:bob")
    assert out[-1].images == 6
    elsewhere = await kept_in(tmp_path / "elsewhere")
    await moved_in(elsewhere, tmp_path / "folder", owner="local")
    before, after = await told(here), await told(elsewhere)
    assert after["user:bob False"] == []
    for trash in ("False", "True"):
        old, new = before[f"user:bob {trash}"], after[f"local {trash}"]
        assert [one.id for one in new] == [one.id for one in old]
        assert [(one.title, one.starred) for one in new] == [(o.title, o.starred) for o in old]
    assert after["local tags"] == before["user:bob tags"]
    assert [one.title for one in after["local collections"]] == ["sea"]
    with pytest.raises(InputError) as caught:
        await moved_out(here, tmp_path / "other", owner="nobody")
    assert "user:bob" in caught.value.advice and not (tmp_path / "other").exists()


async def test_a_set_moves_with_its_images_and_without_another_owners(
    studios: Studios, tmp_path: Path
) -> None:
    """A record that names another's job cannot show it."""
    studio = await studios.open(FakeBackend())
    set_id = await made_set(studio, "ann")
    await moved_out(studio, tmp_path / "folder")
    (tmp_path / "new").mkdir()
    other = await Studios(tmp_path / "new").open(FakeBackend())
    job = await other.submit("fake", parse(FakeText, {"prompt": "secret", "seed": 9}), owner="bob")
    await other.result(job.id, owner="bob")
    path = tmp_path / f"folder/records/sets/{set_id}.json"
    record = json.loads(path.read_text())
    record["cells"][0][3] = job.id
    path.write_text(json.dumps(record))
    assert said(await moved_in(other, tmp_path / "folder")) == []
    found = await other.set(set_id, owner="ann")
    assert found.title == "Three boats" and len(found.cells) == 2
    assert {cell.job.owner for cell in found.cells} == {"ann"}
    entries = await other.entries_of(found.jobs)
    assert len(entries) == 2 and all(one.set_id == set_id for one in entries.values())
    await other.aclose()


async def test_a_folder_that_has_something_in_it_is_not_exported_to(tmp_path: Path) -> None:
    here = await filled(tmp_path / "here", 4)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        await moved_out(here, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError):
        await moved_out(here, tmp_path / "file")
    with pytest.raises(InputError, match="There is no folder"):
        await moved_in(here, tmp_path / "nowhere")


async def test_an_image_whose_file_is_gone_is_said_and_the_rest_moves(tmp_path: Path) -> None:
    here = await filled(tmp_path / "here", 8)
    entry = (await here.history.page("ann", limit=1))[0]
    (tmp_path / "here" / entry.file).unlink()
    out = await moved_out(here, tmp_path / "folder")
    assert out[-1].images == 7
    assert said(out) == [f"{entry.file}: The file of this image is gone. It is left out."]


async def test_images_of_download_all_come_in_by_their_own_settings(tmp_path: Path) -> None:
    """Without records: whose they were is not in them, so they become this machine's, or one's."""
    here = await filled(tmp_path / "here", 12)
    shutil.copytree(tmp_path / "here/images", tmp_path / "zip")
    elsewhere = await kept_in(tmp_path / "elsewhere")
    came = await moved_in(elsewhere, tmp_path / "zip", owner="user:ann")
    assert (came[-1].images, said(came)) == (12, [])
    page = await elsewhere.history.page("user:ann", limit=100)
    assert [one.seed for one in page] == list(range(11, -1, -1))
    assert await here.history.database.run(lambda db: True)


async def test_a_hostile_folder_costs_a_sentence_a_file(tmp_path: Path) -> None:
    """Links, pipes, other names, other programs, too much, lies: refused; what is good comes."""
    here = await filled(tmp_path / "here", 12)
    folder, day = tmp_path / "folder", "2026-01-01"
    await moved_out(here, folder)
    secret = tmp_path / "secret.png"
    secret.write_bytes(picture(7))
    images, records = folder / "images" / day, folder / "records/images" / day
    names = sorted(path.stem for path in images.iterdir())
    victims = {name: next(images.glob(f"{name}.*")) for name in names}

    def alter(name: str, **changes: Any) -> None:
        path = records / f"{name}.json"
        record = json.loads(path.read_text())
        entry, more = changes.pop("entry", {}), changes
        path.write_text(json.dumps(record | more | {"entry": record["entry"] | entry}))

    alter(names[0], entry={"id": "../../x"})
    alter(names[1], entry={"price_usd": -5.0})
    alter(names[2], entry={"owner": "a\nb"})
    alter(names[3], entry={"width": 9_999})
    alter(names[4], tags=["x" * 65])
    alter(names[5], entry={"created_at": 1e12})
    alter(
        names[8], tags=["sea", "sea"], collections=[["x", 1.0], ["x", 2.0]], sources=["a" * 64] * 2
    )
    victims[names[6]].write_bytes(victims[names[6]].read_bytes()[:-30])
    victims[names[7]].unlink()
    (images / "00099-link.png").symlink_to(secret)
    (folder / "images/2026-01-09").symlink_to(tmp_path)
    os.mkfifo(images / "00098-pipe.png")
    (images / "00097-stranger.png").write_bytes(picture(3))
    (images / "00096-text.png").write_text("no image")
    (images / "00095-other.webp").write_bytes(picture(4))
    with (images / "00094-huge.png").open("wb") as file:
        file.truncate(metadata.MAX_FILE + 1)
    (images / "bad\nname.png").write_bytes(picture(5))
    (folder / "setup.exe").write_bytes(b"MZ")
    (folder / "records/sets").mkdir()
    (folder / "records/sets/abc.json").write_text("[" * 100_000)
    (folder / "records/collections/abc.json").write_text('{"id": "abc", "title": 7}')
    elsewhere = await kept_in(tmp_path / "elsewhere")
    came = await moved_in(elsewhere, folder)
    told_all = said(came)
    for name, sentence in (
        *((names[n], "its record tells what cannot be") for n in (0, 1, 2, 4, 5)),
        (names[3], "another size"),
        (names[6], "is left out"),
        ("00099-link.png", "is a link"),
        ("2026-01-09", "is a link"),
        ("00098-pipe.png", "is no file"),
        ("00097-stranger.png", "made by another program"),
        ("00096-text.png", "is left out"),
        ("00095-other.webp", "by another name"),
        ("00094-huge.png", "more than 64 MB"),
        ("bad?name.png", "is not part of an export"),
        ("setup.exe", "is not part of an export"),
        ("sets/abc.json", "is damaged"),
        ("collections/abc.json", "is damaged"),
    ):
        found = [one for one in told_all if name in one]
        assert len(found) == 1 and sentence in found[0], (name, found)
    assert len(told_all) == 18
    assert came[-1].images == 12 - 8
    stored = {path.name for path in (tmp_path / "elsewhere/images").rglob("*") if path.is_file()}
    assert len(stored) == 4 and not any("secret" in one for one in stored)


async def test_what_is_here_is_never_overwritten(tmp_path: Path) -> None:
    """An image of the same file name gets another; one of the same id is passed over."""
    here = await filled(tmp_path / "here", 8)
    await moved_out(here, tmp_path / "folder")
    elsewhere = await kept_in(tmp_path / "elsewhere")
    own = (await here.history.page("ann", limit=1))[0]
    await elsewhere.history.storage.write(own.file, b"somebody's")
    came = await moved_in(elsewhere, tmp_path / "folder")
    assert came[-1].images == 8
    assert await elsewhere.history.storage.read(own.file) == b"somebody's"
    entry = await elsewhere.history.get(own.id)
    assert entry.file != own.file
    assert await elsewhere.history.storage.read(entry.file) == await here.history.storage.read(
        own.file
    )


async def test_a_disk_that_fills_up_stops_with_a_sentence_and_leaves_whole_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await filled(tmp_path / "here", 8)
    await moved_out(here, tmp_path / "folder")
    elsewhere = await kept_in(tmp_path / "elsewhere")
    write, room = elsewhere.history.storage.write, [9]

    async def small(name: str, data: bytes) -> None:
        room[0] -= 1
        if room[0] < 0:
            raise HistoryError("The disk is full.", advice="Free some space and try again.")
        await write(name, data)

    monkeypatch.setattr(elsewhere.history.storage, "write", small)
    with pytest.raises(HistoryError, match="The disk is full"):
        await moved_in(elsewhere, tmp_path / "folder")
    monkeypatch.setattr(elsewhere.history.storage, "write", write)
    for owner in OWNERS:
        for one in await elsewhere.history.page(owner, limit=100):
            assert await elsewhere.history.storage.read(one.file)
    await moved_in(elsewhere, tmp_path / "folder")
    found = [len(await elsewhere.history.page(owner, limit=100)) for owner in OWNERS]
    assert sum(found) == sum([len(await here.history.page(o, limit=100)) for o in OWNERS])


# Backups


async def copied(studio: Any, target: Path) -> Path:
    """Back up while the studio runs, and unpack it elsewhere."""
    address = str(studio.history.database._engine.url)
    storage = studio.history.storage
    await all_of(back_up(address, storage, target))
    folder = target.with_suffix("")
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    return folder


async def test_a_backup_of_a_running_installation_opens_elsewhere(
    studios: Studios, tmp_path: Path
) -> None:
    """Everything is there; what was waiting is not sent a second time."""
    backend = FakeBackend(paid=True, open_gate=False)
    studio = await studios.open(backend)
    wishes = [parse(FakeText, {"prompt": f"n{n}", "seed": n}) for n in range(6)]
    backend.gate.set()
    for wish in wishes[:3]:
        job = await studio.submit("fake", wish, owner="ann")
        await studio.result(job.id, owner="ann")
    backend.gate.clear()
    for wish in wishes[3:]:
        await studio.submit("fake", wish, owner="ann")
    while len(backend.started) < 5:
        await asyncio.sleep(0.01)
    before = await studio.entries("ann")
    folder = await copied(studio, tmp_path / "backup.zip")
    elsewhere = FakeBackend(paid=True)
    again = await Studios(folder).open(elsewhere)
    assert await again.entries("ann") == before
    for one in before:
        assert await again.file(one.file) == await studio.file(one.file)
    assert elsewhere.started == []
    left = await again.jobs("ann", states=["cancelled"])
    assert [one.error for one in left] == [
        "It was waiting when this backup was made, and was left out of it."
    ]
    assert [one.state for one in await studio.jobs("ann", states=["waiting"])] == ["waiting"]
    assert not [
        path for path in tmp_path.iterdir() if "part" in path.name or ".backup" in path.name
    ]
    assert (tmp_path / "backup.zip").stat().st_mode & 0o077 == 0
    await again.aclose()
    await studio.aclose()


async def test_a_backup_is_whole_or_not_there(
    studios: Studios, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = await studios.open(FakeBackend())
    job = await studio.submit("fake", parse(FakeText, {"prompt": "x", "seed": 1}), owner="ann")
    await studio.result(job.id, owner="ann")
    address, storage = str(studio.history.database._engine.url), studio.history.storage
    (tmp_path / "there.zip").write_text("mine")
    with pytest.raises(InputError, match="already"):
        await all_of(back_up(address, storage, tmp_path / "there.zip"))
    assert (tmp_path / "there.zip").read_text() == "mine"
    target = tmp_path / "out/backup.zip"
    target.parent.mkdir()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(HistoryError, match="The disk is full"):
        await all_of(back_up(address, storage, target))
    assert [*target.parent.iterdir()] == []
    with pytest.raises(HistoryError):
        await all_of(back_up(address, storage, tmp_path / "nowhere/backup.zip"))
    with pytest.raises(HistoryError, match="no database"):
        await all_of(back_up(f"sqlite:///{tmp_path}/none.db", storage, target))


async def test_the_files_of_an_installation_with_a_server_make_it_again(tmp_path: Path) -> None:
    """Its database is not in the backup; images and records are, and `--rebuild` takes them."""
    here = await filled(tmp_path / "here", 12)
    before = await told(here)
    await here.history.records.write()
    steps = await all_of(
        back_up("postgresql://host/play", Storage(str(tmp_path / "here")), tmp_path / "b.zip")
    )
    assert not steps[-1].database and steps[-1].files >= 36
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert backup.DATABASE not in archive.namelist()
        archive.extractall(tmp_path / "elsewhere")
    again = await kept_in(tmp_path / "elsewhere")
    await all_of(rebuild(again.history))
    assert await told(again) == before
    assert await again.history.database.run(lambda db: db.execute(select(jobs.c.n)).first())
    assert pictures.MAX_PIXELS
