"""The database: a journal that fits the file system, old installations, another's content."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text

from core.errors import HistoryError
from core.jobs.ledger import Ledger
from core.storage.database import Database
from core.storage.migrations import MIGRATIONS
from tests.fakes import FakeService, FakeText

pytestmark = pytest.mark.anyio


async def pragma(database: Database, name: str) -> str:
    return str(await database.run(lambda db: db.execute(text(f"PRAGMA {name}")).scalar()))


@pytest.mark.parametrize(
    ("kind", "journal", "locking"),
    [
        ("ext4", "wal", "normal"),
        ("fuse.hf-mount", "delete", "exclusive"),
        ("nfs4", "delete", "exclusive"),
    ],
)
async def test_a_mounted_folder_has_another_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, journal: str, locking: str
) -> None:
    """A bucket or network folder has no shared memory for a write-ahead log, and weak locks."""
    mounts = f"/dev/root / ext4 rw 0 0\nbucket {tmp_path} {kind} rw 0 0\n"
    real = Path.read_text

    def told(self: Path, *arguments: object, **options: object) -> str:
        return mounts if str(self) == "/proc/mounts" else real(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "read_text", told)
    database = Database(f"sqlite:///{tmp_path / 'playground.db'}")
    assert (await pragma(database, "journal_mode"), await pragma(database, "locking_mode")) == (
        journal,
        locking,
    )
    await database.aclose()


async def test_a_migration_that_was_killed_after_any_statement_goes_on(tmp_path: Path) -> None:
    """What lies on the disk after each statement is what a kill at that moment leaves."""
    file = tmp_path / "playground.db"
    left: list[Path] = []

    def copied(*_: object) -> None:
        left.append(tmp_path / str(len(left)))
        left[-1].mkdir()
        for part in tmp_path.glob("playground.db*"):
            shutil.copyfile(part, left[-1] / part.name)

    def tables(path: Path) -> list[tuple[str, str]]:
        with closing(sqlite3.connect(path)) as database:
            return database.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()

    event.listen(Engine, "after_cursor_execute", copied)
    try:
        database = Database(f"sqlite:///{file}")
        await database.migrate()
        await database.aclose()
    finally:
        event.remove(Engine, "after_cursor_execute", copied)
    assert len(left) > len(MIGRATIONS)
    for folder in left:
        again = Database(f"sqlite:///{folder / file.name}")
        await again.migrate()
        await again.aclose()
        assert tables(folder / file.name) == tables(file), folder.name


async def test_jobs_of_an_older_release_are_still_understood(tmp_path: Path) -> None:
    """The first release's table gets what is new, and its rows keep what they had."""
    database = Database(f"sqlite:///{tmp_path / 'playground.db'}")
    await database.migrate(MIGRATIONS[:1])
    names = "id owner backend task model state params sent charged error advice day".split()
    old = dict.fromkeys(names, "") | {"id": "a", "params": "{}", "sent": "{}", "state": "running"}
    old |= {"owner": "ann", "backend": "fake", "request_id": "r1"}
    numbers = dict.fromkeys("sandbox seed work price_micros created_at updated_at".split(), 0)
    row = old | numbers
    insert = f"INSERT INTO jobs ({', '.join(row)}) VALUES ({', '.join(':' + n for n in row)})"
    await database.run(lambda db: db.execute(text(insert), row))
    await database.migrate()
    ledger = Ledger(database)
    job = await ledger.get("a", owner="ann")
    assert (job.request_id, job.outputs, job.candidates, job.place) == ("r1", "", (), 1.0)
    assert await ledger.owned("fake", ["r1", "r2"]) == {"r1"}
    await database.aclose()


async def test_what_an_older_release_set_aside_is_still_known_to_lie_here(tmp_path: Path) -> None:
    """It was told by the name of the file alone; an address of a service is none."""
    database = Database(f"sqlite:///{tmp_path / 'playground.db'}")
    await database.migrate(MIGRATIONS[:5])
    names = "owner backend task model params sent charged error advice day state".split()
    old = dict.fromkeys(names, "") | {"params": "{}", "sent": "{}"}
    old |= dict.fromkeys("sandbox seed work price_micros created_at updated_at".split(), 0)
    for job_id, outputs in (("a", "received/a.bin"), ("b", "https://media.example/received/1")):
        row = old | {"id": job_id, "outputs": outputs}
        insert = f"INSERT INTO jobs ({', '.join(row)}) VALUES ({', '.join(':' + n for n in row)})"
        await database.run(lambda db, row=row, insert=insert: db.execute(text(insert), row))
    await database.migrate()
    ledger = Ledger(database)
    assert [(await ledger.get(one)).set_aside for one in ("a", "b")] == [True, False]
    await database.aclose()


async def test_a_copy_is_read_and_a_damaged_file_is_not_believed(tmp_path: Path) -> None:
    """The copy has the rows; the file it came from is not changed by a byte."""
    file = tmp_path / "playground.db"
    database = Database(f"sqlite:///{file}")
    await database.migrate()
    (job,) = await Ledger(database).add_all(
        FakeService(paid=True), [FakeText(prompt="x", seed=1)], owner="a"
    )
    await database.aclose()
    before = file.read_bytes()
    copy = Database("sqlite://")
    await copy.copy(file)
    assert (await Ledger(copy).get(job.id)).owner == "a"
    assert file.read_bytes() == before
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("PRAGMA journal_mode=DELETE")
    file.write_bytes(before[:2000] + b"\xff" * 3000 + before[5000:])
    with pytest.raises(HistoryError, match="damaged"):
        await Database("sqlite://").copy(file)
