"""Real trouble with the data folder: no space, no write access, another program's lock, damage."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.errors import HistoryError
from core.history import History
from core.jobs.ledger import Ledger
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio
from sandbox import Options, create_app
from tests.backends.services import params_of, wavespeed

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        "EVERY_TEST" not in os.environ, reason="waits for locks; .ci/run sets EVERY_TEST"
    ),
]


class Place:
    """A data folder with a sandbox that counts."""

    def __init__(self, folder: Path, latency: float = 0.05) -> None:
        self.folder = folder
        self.app = create_app(Options(latency=latency, picture="fixed"))
        self.backend: Any = None

    @property
    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = self.app.state.sandbox.stats()
        return found

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Studio]:
        database = Database(f"sqlite:///{self.folder / 'playground.db'}")
        await database.migrate()
        self.backend = wavespeed(httpx.ASGITransport(app=self.app))
        history = History(database, Storage(str(self.folder)))
        studio = Studio({"wavespeed": self.backend}, Ledger(database), history)
        await studio.start()
        try:
            yield studio
        finally:
            await studio.aclose()
            await database.aclose()

    def wish(self) -> Any:
        return params_of(self.backend, "text-to-image", width=512, height=512)


def mounted(*arguments: str) -> str:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte and a half."""
    folder = tmp_path / "small"
    folder.mkdir()
    if why := mounted("-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(folder)):
        pytest.skip(f"nothing can be mounted here: {why}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave not one byte free."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            return ballast
    raise AssertionError("the disk has no end")


async def test_a_full_disk_refuses_before_anything_is_sent(small_disk: Path) -> None:
    """With the reason in a sentence; with space again it works, and nothing was charged between."""
    place = Place(small_disk)
    async with place.opened() as studio:
        ballast = fill(small_disk)
        with pytest.raises(HistoryError, match="disk is full"):
            for _ in range(200):  # until the database has used up the space it holds already
                await studio.submit("wavespeed", place.wish(), owner="ann")
        posts = place.stats["posts"]
        with pytest.raises(HistoryError, match="disk is full"):
            await studio.submit("wavespeed", place.wish(), owner="ann")
        assert place.stats["posts"] == posts
        ballast.unlink()
        job = await studio.submit("wavespeed", place.wish(), owner="ann")
        assert job.state == "waiting"


async def test_a_disk_that_fills_up_meanwhile_delays_a_paid_picture(small_disk: Path) -> None:
    """It stays on its way with its reason, is stored when there is space, and was charged once."""
    place = Place(small_disk, latency=0.5)
    async with place.opened() as studio:
        job = await studio.submit("wavespeed", place.wish(), owner="ann")
        while (await studio.ledger.get(job.id)).request_id is None:
            await asyncio.sleep(0.01)
        ballast = fill(small_disk)
        await asyncio.sleep(2)
        told = await studio.ledger.get(job.id)
        assert (told.state, told.charged) == ("running", "yes")
        ballast.unlink()
        end = await asyncio.wait_for(studio.result(job.id, owner="ann"), 30)
        assert (end.job.state, end.entry is not None) == ("finished", True)
        assert (place.stats["posts"], place.stats["charges"]) == (1, 1)


async def test_a_folder_that_cannot_be_written_is_named(small_disk: Path) -> None:
    """A read-only mount after a fault of the disk: a sentence, and what was made is still there."""
    place = Place(small_disk)
    async with place.opened() as studio:
        job = await studio.submit("wavespeed", place.wish(), owner="ann")
        entry = (await studio.result(job.id, owner="ann")).entry
        assert entry
    if why := mounted("-o", "remount,ro", str(small_disk)):
        pytest.skip(f"nothing can be mounted again here: {why}")
    with pytest.raises(HistoryError, match="cannot be written"):
        async with place.opened() as studio:
            await studio.submit("wavespeed", place.wish(), owner="ann")
    assert (small_disk / entry.file).stat().st_size > 0
    assert place.stats["posts"] == 1


async def test_a_locked_database_is_named_and_comes_back(tmp_path: Path) -> None:
    """While another program holds it nothing is sent; afterwards everything works."""
    place = Place(tmp_path)
    async with place.opened() as studio:
        with closing(sqlite3.connect(tmp_path / "playground.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(HistoryError, match="locked"):
                await studio.submit("wavespeed", place.wish(), owner="ann")
            assert place.stats["posts"] == 0
            other.execute("ROLLBACK")
        job = await studio.submit("wavespeed", place.wish(), owner="ann")
        assert (await studio.result(job.id, owner="ann")).job.state == "finished"
        assert place.stats["charges"] == 1


@pytest.mark.parametrize("harm", ["its head", "its middle", "everything"])
async def test_a_damaged_database_is_named_and_not_overwritten(tmp_path: Path, harm: str) -> None:
    """Whoever starts on it is told, and can still repair it or restore a backup."""
    place = Place(tmp_path)
    async with place.opened() as studio:
        job = await studio.submit("wavespeed", place.wish(), owner="ann")
        await studio.result(job.id, owner="ann")
    file = tmp_path / "playground.db"
    whole = bytearray(file.read_bytes())
    size = len(whole)
    start, end = {"its head": (0, 200), "its middle": (4096, size), "everything": (0, size)}[harm]
    whole[start:end] = b"\xa5" * (end - start)
    file.write_bytes(whole)
    with pytest.raises(HistoryError, match="damaged; nothing was overwritten"):
        async with place.opened() as studio:
            await studio.submit("wavespeed", place.wish(), owner="ann")
    assert file.read_bytes() == bytes(whole)
    assert place.stats["posts"] == 1


async def test_one_picture_can_be_stored_by_many_at_once(tmp_path: Path) -> None:
    """Two tabs that start from the same image write the same name."""
    storage = Storage(str(tmp_path))
    data = os.urandom(3_000_000)
    for round_number in range(5):
        name = f"inputs/{round_number}/same.png"
        await asyncio.gather(*(storage.write(name, data) for _ in range(12)))
        assert await storage.read(name) == data
