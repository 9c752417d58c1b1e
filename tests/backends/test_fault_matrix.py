"""Every fault of the catalogue, once, three times and for ever, on every service, to its end."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.backends.matrix import TIMES, Cell, Databases, End, cells, played, specified
from tests.backends.services import KEY, wavespeed
from tests.backends.virtual_time import use_virtual_time

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        "EVERY_TEST" not in os.environ, reason="takes a minute; .ci/run sets EVERY_TEST"
    ),
]
AT_ONCE = 24


async def all_played(wanted: Sequence[Cell], folder: Path) -> list[End]:
    """Play cells side by side, as those of a busy program are."""
    turns, databases = asyncio.Semaphore(AT_ONCE), Databases()

    async def one(cell: Cell) -> End:
        async with turns, databases.one() as database:
            place = folder / f"{cell.service}-{cell.task}-{cell.fault}"
            return await played(cell, place, database)

    ends = await asyncio.gather(*(one(cell) for cell in wanted))
    await databases.aclose()
    return ends


def wrong(cell: Cell, end: End, *, lists_jobs: bool) -> str:
    """Say what is not as specified, or ""."""
    allowed = specified(cell, lists_jobs=lists_jobs)
    throttled = cell.fault.startswith("submit_429")
    if end.word not in allowed or end.charges > 1 or (end.posts > 1 and not throttled):
        name = f"{cell.service} {cell.task} {cell.fault}*{cell.times}"
        facts = f"{end.charges} charges, {end.posts} posts, {end.detail}"
        return f"{name}: {end.word}, not {allowed} ({facts})"
    if end.word == "refused" and end.charges and not cell.fault.startswith("run_"):
        return f"{cell.service} {cell.task} {cell.fault}: charged, and told as free"
    return ""


@pytest.mark.parametrize("times", TIMES)
async def test_every_cell_ends_as_specified(
    times: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One charge at most, no job stuck, no visit where nobody may go; the key is nowhere."""
    use_virtual_time(monkeypatch)
    caplog.set_level(logging.DEBUG)
    lists_jobs = hasattr(wavespeed(None), "accepted")
    chosen = [cell for cell in cells() if cell.times == times]
    assert len(chosen) > 250
    ends = await all_played(chosen, tmp_path)
    found = [
        wrong(cell, end, lists_jobs=lists_jobs) for cell, end in zip(chosen, ends, strict=True)
    ]
    assert not any(found), "\n".join(one for one in found if one)
    assert KEY not in caplog.text
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 100
    assert not [path for path in written if KEY.encode() in path.read_bytes()]
