"""`--check` makes and changes nothing: no file, no folder, no table, not even a time."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text

from backends import Settings
from core import check
from core.history import History
from core.jobs.ledger import Ledger
from core.storage.database import Database
from core.storage.files import Storage
from core.storage.migrations import MIGRATIONS
from core.studio import Studio
from tests.fakes import FakeService, FakeText

pytestmark = pytest.mark.anyio

Tree = dict[str, tuple[int, int, str]]


def tree(folder: Path) -> Tree:
    """Return names, sizes, times and contents of all that lies in a folder, and of itself."""
    found = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        facts = path.lstat()
        content = sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (facts.st_size, facts.st_mtime_ns, content)
    return found


async def checked(folder: Path, address: str | None = None) -> str:
    settings = Settings(_env_file=None, srpo_data_dir=folder / "data", database_url=address)
    return "\n".join(said for _, said in await check.check(settings, {}))


async def lived(folder: Path, file: Path) -> None:
    """Make an image in a data folder, and leave its database as a killed process leaves it."""
    database = Database(f"sqlite:///{file}")
    await database.migrate()
    history = History(database, Storage(str(folder)))
    studio = Studio({"fake": FakeService(paid=True)}, Ledger(database), history)
    job = await studio.submit("fake", FakeText(prompt="x", seed=1), owner="ann")
    await studio.result(job.id, owner="ann")
    copies = file.with_name("killed")
    copies.mkdir()
    for part in file.parent.glob(f"{file.name}*"):
        shutil.copy(part, copies)
    await studio.aclose()
    await database.aclose()
    for part in file.parent.glob(f"{file.name}*"):
        part.unlink()
    for part in copies.iterdir():
        part.rename(file.with_name(part.name))
    copies.rmdir()


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("log", ["there", "without its index", "gone"])
async def test_a_check_of_a_file_changes_nothing(
    tmp_path: Path, *, elsewhere: bool, log: str
) -> None:
    """In the data folder or elsewhere, after a clean end and after a kill."""
    data, other = tmp_path / "data", tmp_path / "other"
    data.mkdir()
    other.mkdir()
    file = other / "p.db" if elsewhere else data / "playground.db"
    await lived(data, file)
    index = file.with_name(file.name + "-shm")
    if log == "without its index":
        index.unlink()
    if log == "gone":
        database = Database(f"sqlite:///{file}")
        await database.run(lambda db: db.execute(text("SELECT count(*) FROM jobs")).scalar())
        await database.aclose()
        assert not index.exists()
    before = tree(tmp_path)
    said = await checked(tmp_path, f"sqlite:///{file}" if elsewhere else None)
    assert "Jobs: 1 finished." in said
    assert "1 newest images, 0 without their files." in said
    assert "can be written" in said
    assert tree(tmp_path) == before


async def test_a_check_of_what_is_not_there_makes_nothing(tmp_path: Path) -> None:
    """Neither the data folder nor the folder of a database elsewhere."""
    before = tree(tmp_path)
    assert "no database yet" in await checked(tmp_path)
    assert "no database yet" in await checked(tmp_path, f"sqlite:///{tmp_path}/far/away/p.db")
    assert tree(tmp_path) == before


async def test_a_check_of_an_older_file_leaves_it_old(tmp_path: Path) -> None:
    """It says so, and still counts; of a newer one it says that too."""
    file = tmp_path / "p.db"
    address = f"sqlite:///{file}"
    database = Database(address)
    await database.migrate(MIGRATIONS[:1])
    await database.aclose()
    before = tree(tmp_path)
    said = await checked(tmp_path, address)
    assert "brings it up to date" in said
    assert "Jobs: none." in said
    assert tree(tmp_path) == before
    database = Database(address)
    await database.migrate()
    newer = f"INSERT INTO migrations VALUES ({len(MIGRATIONS) + 1})"
    await database.run(lambda db: db.execute(text(newer)))
    await database.aclose()
    before = tree(tmp_path)
    assert "newer version" in await checked(tmp_path, address)
    assert tree(tmp_path) == before


async def test_a_check_sees_what_a_running_program_has_just_written(tmp_path: Path) -> None:
    """It reads the log too, and the program goes on."""
    address = f"sqlite:///{tmp_path}/p.db"
    database = Database(address)
    await database.migrate()
    ledger, backend = Ledger(database), FakeService(paid=True)
    for count in (1, 2):
        await ledger.add_all(backend, [FakeText(prompt="x", seed=count)], owner="ann")
        assert f"Jobs: {count} waiting." in await checked(tmp_path, address)
    await database.aclose()
