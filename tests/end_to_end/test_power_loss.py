"""What is on disk before the next thing happens, as the calls of the system tell it."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.crash_campaign import QuickSandbox
from tests.crash_client import Life, written
from tests.end_to_end.tracing import SENDS, Call, calls, first, problem, syncs, traced

pytestmark = pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="needs strace; .ci/run sets EVERY_TEST"
)
WAL = "playground.db-wal"
RENAMES = ("rename", "renameat", "renameat2")


@dataclass(frozen=True, slots=True)
class Trace:
    """The calls of one life, with what it left and what was charged."""

    calls: list[Call]
    data: Path
    charges: list[dict[str, Any]]

    def query(self, statement: str) -> list[sqlite3.Row]:
        with closing(sqlite3.connect(self.data / "playground.db")) as database:
            database.row_factory = sqlite3.Row
            return database.execute(statement).fetchall()

    def durable(self, pattern: str, before: int) -> bool:
        """Whether something was in the database's log, and the log synced, before a place."""
        writes = (call for call in self.calls if call.name == "pwrite64" and WAL in call.text)
        write = next((call for call in writes if re.search(pattern, call.text)), None)
        return bool(write and syncs(self.calls, WAL, write.ended, before))


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trace]:
    if why := problem():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("power")
    sandbox = QuickSandbox(folder, latency=0.3)
    try:
        life = Life(str(folder / "data"), sandbox.address, 7, last=6, slow_s=0.0, plain=True)
        found = traced(["-m", "tests.crash_client", written(life)], folder / "strace.txt")
        yield Trace(found, folder / "data", sandbox.rows())
    finally:
        sandbox.kill()


def test_a_job_is_on_disk_as_being_sent_before_its_request_leaves(trace: Trace) -> None:
    """Every service: a power cut in the middle of the send finds it again."""
    assert len(trace.charges) == 6
    for row in trace.charges:
        sent = first(trace.calls, SENDS, row["prompt"] + '\\"')
        assert trace.durable(rf"sending\{{[^}}]*{row['prompt']}\\\"", sent.began), row["prompt"]


def test_a_request_id_is_on_disk_before_the_first_poll_leaves(trace: Trace) -> None:
    """From then on the image cannot be lost."""
    for service, poll in (("wavespeed", "/predictions/{}/result"), ("fal", "/requests/{}/status")):
        ids = [row["id"] for row in trace.charges if row["model"].startswith(service)]
        assert ids
        for name in ids:
            asked = first(trace.calls, SENDS, poll.format(name))
            assert trace.durable(name, asked.began), name


def test_a_file_is_on_disk_before_the_row_that_names_it(trace: Trace) -> None:
    """File synced, renamed, folder synced; the same for the thumbnail; then the row."""
    entries = trace.query("SELECT facts FROM entries")
    assert len(entries) == 6
    for entry in entries:
        facts = json.loads(entry["facts"])
        row = first(trace.calls, ["pwrite64"], WAL, facts["file"])
        for name in (facts["file"], facts["thumbnail"]):
            path = Path(name)
            rename = first(trace.calls, RENAMES, f'/{name}"')
            draft = f"{path.parent}/.{path.name}."
            assert syncs(trace.calls, draft, -1, rename.began), f"{name} was renamed unsynced"
            folder = syncs(trace.calls, str(path.parent), rename.ended, row.began)
            assert folder, f"the folder of {name} was not synced before its row"


def test_a_new_folder_is_on_disk_in_its_parent_before_the_row(trace: Trace) -> None:
    """The first image of a day makes a folder, whose own name has to be synced too."""
    facts = json.loads(trace.query("SELECT facts FROM entries ORDER BY n")[0]["facts"])
    row = first(trace.calls, ["pwrite64"], WAL, facts["file"])
    for name in (facts["file"], facts["thumbnail"]):
        assert syncs(trace.calls, str(trace.data / Path(name).parts[0]), -1, row.began)


def test_the_address_of_a_picture_is_on_disk_before_its_download_leaves(trace: Trace) -> None:
    """An image that cannot be fetched now can be fetched later without paying."""
    columns = {row["name"] for row in trace.query("PRAGMA table_info(jobs)")}
    if "outputs" not in columns:
        pytest.skip("this ledger keeps no addresses")
    fetched = [c for c in trace.calls if c.name in SENDS and "GET /outputs/" in c.text]
    assert fetched
    for call in fetched:
        place = re.search(r"GET (/outputs/[^ ?]+)", call.text)
        assert place and trace.durable(re.escape(place[1]), call.began), call.text[:200]


def test_an_order_that_is_wrong_is_seen() -> None:
    """The reader of traces itself: interrupted calls, and a sync that came too late."""
    found = list(
        calls(
            [
                '7  pwrite64(5</d/playground.db-wal>, "id-1", 4, 0) = 4',
                "7  fdatasync(5</d/playground.db-wal> <unfinished ...>",
                '8  sendto(6<socket:[1]>, "GET /predictions/id-1/result", 9, 0, NULL, 0) = 9',
                "7  <... fdatasync resumed>)           = 0",
                '8  sendto(6<socket:[1]>, "GET /predictions/id-1/result", 9, 0, NULL, 0) = 9',
            ]
        )
    )
    assert [(call.name, call.began, call.ended) for call in found] == [
        ("pwrite64", 0, 0),
        ("sendto", 2, 2),
        ("fdatasync", 1, 3),
        ("sendto", 4, 4),
    ]
    trace = Trace(found, Path("/d"), [])
    assert not trace.durable("id-1", 2)
    assert trace.durable("id-1", 4)
    assert not trace.durable("id-2", 4)
