"""A short crash campaign, and the proof that its audit sees what it is there to see."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.crash_audit import Audit
from tests.crash_campaign import QuickSandbox, arguments, run
from tests.crash_client import Life, live, number

pytestmark = pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="takes a minute; .ci/run sets EVERY_TEST"
)

Charges = list[dict[str, Any]]


def test_twenty_kills_lose_nothing_and_charge_nothing_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every charge has its image, or is told as one that may have been made."""
    verdict = run(tmp_path, arguments(["--kills", "20", "--minutes", "2"]))
    assert verdict.violations == [], capsys.readouterr().out
    assert verdict.counts["wavespeed finished, charged"] > 10
    assert verdict.counts["charges"] > 20


@pytest.fixture(scope="module")
def quiet_life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Charges]]:
    """A data folder after six wishes that nobody disturbed, and what they were charged."""
    folder = tmp_path_factory.mktemp("quiet")
    sandbox = QuickSandbox(folder, latency=0.05)
    try:
        live(Life(str(folder / "data"), sandbox.address, 7, last=6, slow_s=0.0, plain=True))
        yield folder / "data", sandbox.rows()
    finally:
        sandbox.kill()


@pytest.fixture
def copied(quiet_life: tuple[Path, Charges], tmp_path: Path) -> tuple[Path, Charges]:
    folder, charges = quiet_life
    shutil.copytree(folder, tmp_path / "data")
    return tmp_path / "data", list(charges)


def judged(folder: Path, charges: Charges, told: dict[int, str] | None = None) -> list[str]:
    return Audit(folder, charges, told or {}).run(number).violations


def changed(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "playground.db")) as database, database:
        assert database.execute(statement).rowcount > 0


def facts(folder: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(folder / "playground.db")) as database:
        found: dict[str, Any] = json.loads(
            database.execute("SELECT facts FROM entries").fetchone()[0]
        )
    return found


def test_an_audit_of_a_quiet_life_finds_nothing(copied: tuple[Path, Charges]) -> None:
    """Six charges, six images."""
    folder, charges = copied
    assert len(charges) == 6
    assert judged(folder, charges) == []


def test_an_audit_sees_what_was_charged_twice_or_by_nobody(copied: tuple[Path, Charges]) -> None:
    """A second charge of a wish, a charge without a job, an image without a charge."""
    folder, charges = copied
    assert any("charged 2 times" in one for one in judged(folder, [*charges, charges[0]]))
    foreign = charges[0] | {"prompt": "hills, wish 99"}
    assert any("0 jobs know" in one for one in judged(folder, [*charges, foreign]))
    assert any("never charged" in one for one in judged(folder, charges[1:]))
    assert any("forgotten" in one for one in judged(folder, charges, {0: "none"}))


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("DELETE FROM entries WHERE n = 1", "without its one entry"),
        ("UPDATE jobs SET state = 'failed' WHERE n = 1", "a paid image is lost"),
        ("UPDATE jobs SET state = 'running' WHERE n = 1", "never ended"),
        ("UPDATE jobs SET state = 'unknown', charged = 'no' WHERE n = 1", "was charged and says"),
        ("UPDATE jobs SET request_id = 'another'", "another job's image"),
        ("UPDATE jobs SET entry_id = NULL WHERE n = 1", "belongs to no finished job"),
        ("UPDATE jobs SET params = replace(params, '\"width\":', '\"width\":1')", "another wish"),
        ("DELETE FROM jobs WHERE n = 1", "0 jobs know"),
    ],
)
def test_an_audit_sees_wrong_rows(
    copied: tuple[Path, Charges], statement: str, sentence: str
) -> None:
    """One row at a time."""
    folder, charges = copied
    changed(folder, statement)
    assert any(sentence in one for one in judged(folder, charges))


@pytest.mark.parametrize("name", ["file", "thumbnail"])
@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_an_audit_sees_missing_and_broken_files(
    copied: tuple[Path, Charges], name: str, spoil: Callable[[Path], Any]
) -> None:
    """A row that points at nothing, or at half an image."""
    folder, charges = copied
    spoil(folder / facts(folder)[name])
    assert len(judged(folder, charges)) == 1
