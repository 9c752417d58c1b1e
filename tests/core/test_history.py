"""The history: paged by key, searched, and never pointing at nothing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import HistoryError, InputError
from core.history import Entry, History, Wanted
from core.history.changes import star, tag, throw_away
from core.storage.database import Database
from core.storage.files import Storage
from tests.fakes import picture

pytestmark = pytest.mark.anyio


def entry(number: int, *, owner: str = "ann", prompt: str = "hills", **more: Any) -> Entry:
    facts: dict[str, Any] = {
        "id": f"e{number}",
        "job_id": f"j{number}",
        "owner": owner,
        "created_at": 1_700_000_000.0 + number,
        "task": "text-to-image",
        "backend": "fake",
        "model": "",
        "sandbox": True,
        "prompt": prompt,
        "params": {"prompt": prompt, "seed": number},
        "sent": {"prompt": prompt},
        "seed": number,
        "width": 64,
        "height": 64,
        "format": "png",
        "elapsed_s": 1.5,
        "price_usd": 0.0,
        "request_id": None,
        "flagged": False,
        "file": f"images/2026-01-01/{number:05d}.png",
        "thumbnail": f"thumbnails/2026-01-01/{number:05d}.webp",
    }
    return Entry(**facts | more)


async def opened(folder: Path) -> History:
    database = Database(f"sqlite:///{folder / 'h.db'}")
    await database.migrate()
    return History(database, Storage(str(folder)))


async def add(history: History, *entries: Entry) -> None:
    for one in entries:
        await history.add(one, file=picture(one.seed), thumbnail=b"small", also=lambda db: None)


async def test_pages_follow_each_other_without_gap_or_repeat(tmp_path: Path) -> None:
    """Every entry appears once, newest first, however new ones arrive meanwhile."""
    history = await opened(tmp_path)
    await add(history, *(entry(n) for n in range(7)))
    first = await history.page("ann", limit=3)
    await add(history, entry(7))
    rest = await history.page("ann", limit=10, before=first[-1].id)
    assert [one.id for one in first + rest] == ["e6", "e5", "e4", "e3", "e2", "e1", "e0"]


async def test_search_finds_every_word_in_any_order_and_case(tmp_path: Path) -> None:
    """Words are searched literally: a percent sign is no wildcard."""
    history = await opened(tmp_path)
    prompts = ["A RED house", "red hills", "100% snow", "Straße bei Nacht", "夜の海"]
    await add(history, *(entry(n, prompt=text) for n, text in enumerate(prompts)))
    asked = {"house red": ["e0"], "red": ["e1", "e0"], "%": ["e2"], "STRASSE": ["e3"], "海": ["e4"]}
    for query, ids in asked.items():
        assert [one.id for one in await history.page("ann", Wanted(query=query))] == ids


async def test_only_starred_ones_on_request(tmp_path: Path) -> None:
    """A star is kept, and can be taken back."""
    history = await opened(tmp_path)
    await add(history, entry(1), entry(2))
    await history.change(star(True), ["e1"], owner="ann")
    assert [one.id for one in await history.page("ann", Wanted(starred=True))] == ["e1"]
    await history.change(star(False), ["e1"], owner="ann")
    assert await history.page("ann", Wanted(starred=True)) == []


async def test_owners_never_meet(tmp_path: Path) -> None:
    """Reading, starring and deleting another owner's entry is as if it were not there."""
    history = await opened(tmp_path)
    await add(history, entry(1))
    assert await history.page("bob") == []
    with pytest.raises(InputError):
        await history.get("e1", owner="bob")
    with pytest.raises(InputError):
        await history.check_known(["e1"], owner="bob")
    for change in (star(True), throw_away(), tag("mine")):
        assert await history.change(change, ["e1"], owner="bob") == 0
    assert (await history.get("e1", owner="ann")).starred is False


async def test_an_entry_comes_back_as_it_went_in(tmp_path: Path) -> None:
    """Every fact survives the database, prompts with quotes and emoji included."""
    history = await opened(tmp_path)
    put = entry(1, prompt='line\nbreak "quoted" 🎈 \u2028 Steps: 3', flagged=True, request_id="r/1")
    await add(history, put)
    assert await history.get("e1") == put


async def test_a_row_never_points_at_nothing(tmp_path: Path) -> None:
    """When the file cannot be stored there is no row."""
    history = await opened(tmp_path)
    (tmp_path / "images").write_text("in the way")
    with pytest.raises(HistoryError):
        await add(history, entry(1))
    assert await history.page("ann") == []


async def test_row_and_job_are_one_transaction(tmp_path: Path) -> None:
    """If closing the job fails, the entry is not there either."""
    history = await opened(tmp_path)

    def fail(_db: object) -> None:
        raise HistoryError("no")

    with pytest.raises(HistoryError):
        await history.add(entry(1), file=picture(1), thumbnail=b"x", also=fail)
    assert await history.page("ann") == []


async def test_an_api_dict_is_json_and_names_no_owner(tmp_path: Path) -> None:
    """The public dict has the named keys and nothing private."""
    shown = entry(1).as_dict()
    json.dumps(shown)
    names = (
        "id created_at task backend model sandbox prompt params sent seed width height format "
        "elapsed_s price_usd request_id flagged file thumbnail"
    )
    assert set(shown) == set(names.split())


async def test_the_installation_keeps_its_secret(tmp_path: Path) -> None:
    """Addresses signed before a restart are valid after it."""
    first = await (await opened(tmp_path)).secret("media")
    assert first == await (await opened(tmp_path)).secret("media")
    assert first != await (await opened(tmp_path / "other")).secret("media")


async def test_a_newer_database_is_not_touched(tmp_path: Path) -> None:
    """An older program refuses to write into a newer schema."""
    database = Database(f"sqlite:///{tmp_path / 'h.db'}")
    await database.migrate()
    with pytest.raises(HistoryError, match="newer version"):
        await database.migrate([])


async def test_migrations_apply_once_and_in_order(tmp_path: Path) -> None:
    """A second start applies only what is new."""
    from sqlalchemy import text

    steps = [(f"CREATE TABLE step{n} (x {{number}})",) for n in (1, 2)]
    database = Database(f"sqlite:///{tmp_path / 'm.db'}")
    await database.migrate(steps[:1])
    await database.migrate(steps)
    count = await database.run(
        lambda db: db.execute(text("SELECT count(*) FROM migrations")).scalar()
    )
    assert count == 2


async def test_a_damaged_database_is_a_sentence_and_stays_as_it_is(tmp_path: Path) -> None:
    """Nothing is overwritten; the person is told what to do."""
    file = tmp_path / "h.db"
    file.write_bytes(b"this is not a database, " * 400)
    with pytest.raises(HistoryError, match="damaged") as caught:
        await opened(tmp_path)
    assert caught.value.advice
    assert file.read_bytes().startswith(b"this is not")


async def test_a_database_locked_by_another_program_is_a_sentence(tmp_path: Path) -> None:
    """A second writer that holds the file makes the change fail with its cause."""
    import sqlite3

    history = await opened(tmp_path)
    other = sqlite3.connect(tmp_path / "h.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    other.execute("PRAGMA busy_timeout=0")
    try:
        with pytest.raises(HistoryError, match="locked"):
            await history.database.run(_impatient)
    finally:
        other.execute("ROLLBACK")
        other.close()


def _impatient(db: Any) -> None:
    from sqlalchemy import text

    db.execute(text("PRAGMA busy_timeout=0"))
    db.execute(text("INSERT INTO secrets (name, value) VALUES ('a', 'b')"))


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "images/../../x", "images\\x", "x", ""])
async def test_names_outside_the_storage_are_refused(tmp_path: Path, name: str) -> None:
    """Only names this program could have written are touched."""
    storage = Storage(str(tmp_path))
    for attempt in (storage.read(name), storage.write(name, b""), storage.delete(name)):
        with pytest.raises(HistoryError):
            await attempt


async def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    """Writing many times at once never shows a mixture, and leaves no draft behind."""
    storage = Storage(str(tmp_path))
    blocks = [bytes([n]) * 200_000 for n in range(6)]
    await asyncio.gather(
        *(storage.write(f"images/{n}.png", block) for n, block in enumerate(blocks))
    )
    assert [await storage.read(f"images/{n}.png") for n in range(6)] == blocks
    assert list(tmp_path.rglob("*.part")) == []


async def test_a_bucket_works_like_a_folder() -> None:
    """The same code writes to any fsspec URL."""
    storage = Storage("memory://bucket")
    await storage.write("images/a.png", b"abc")
    assert await storage.read("images/a.png") == b"abc"
    await storage.delete("images/a.png")
    assert not await storage.exists("images/a.png")
