"""Ends the process with SIGKILL at every step in which open jobs leave and are taken.

`python -m tests.core.history.killed_moving FOLDER` has an installation with open jobs. A step is a
transaction or the renaming of a file. After a kill no job may be in two places that carry it, and
when all is done again each is in the new installation, once.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.history import open_jobs
from core.history.moving import export_to, import_from
from core.jobs.ledger import Ledger
from core.parsing import parse
from core.storage.database import Database
from tests.core.history.steps import add, all_of, kept_in
from tests.fakes import FakeService, FakeText

SEEDS = range(1, 5)


async def build(folder: Path) -> None:
    """Make an installation with an image and jobs in every open state."""
    keeping = await kept_in(folder)
    await add(keeping, 1)
    ledger = Ledger(keeping.history.database)
    wishes = [parse(FakeText, {"prompt": "hills", "seed": seed}) for seed in SEEDS]
    _waiting, lost, running, doubtful = await ledger.add_all(
        FakeService(paid=True), wishes, owner="ann", click="c"
    )
    await ledger.change(lost.id, "sending", charged="maybe", sent_at=1.0)
    await ledger.change(running.id, "running", request_id="request-3", charged="yes", sent_at=1.0)
    await ledger.change(doubtful.id, "unknown", charged="maybe", sent_at=1.0)
    await keeping.history.database.aclose()


async def leave(folder: Path, out: Path) -> None:
    """Do what `app.py --export --with-jobs` does, with a new folder where one is refused."""
    keeping = await kept_in(folder)
    try:
        if await open_jobs.finish(keeping.history, out) is None:
            await all_of(export_to(keeping.history, out))
            await open_jobs.hand_over(keeping.history, out)
    except InputError:
        out = out.with_name("new")
        await all_of(export_to(keeping.history, out))
        await open_jobs.hand_over(keeping.history, out)
    await keeping.history.database.aclose()


async def arrive(folder: Path, out: Path) -> None:
    """Do what `app.py --import --with-jobs` does."""
    keeping = await kept_in(folder)
    await open_jobs.take_over(keeping.history, out)
    await all_of(import_from(keeping.history, out))
    await keeping.history.database.aclose()


def in_a_process(story: Callable[[], Awaitable[None]], told: Path, at: int | None) -> int:
    """Do it in a child, which is killed before the step numbered `at`; return how that ended."""
    child = os.fork()
    if not child:
        status = 1
        try:
            numbers = itertools.count()

            def before(kind: Any, name: str) -> None:
                work = getattr(kind, name)

                def counting(self: Any, *arguments: Any) -> Any:
                    number = next(numbers)
                    if number == at:
                        os.kill(os.getpid(), signal.SIGKILL)
                    told.write_text(str(number + 1))
                    return work(self, *arguments)

                setattr(kind, name, counting)

            before(Database, "_transact")
            before(Path, "replace")
            asyncio.run(story())  # type: ignore[arg-type]
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def open_in(folder: Path) -> list[int]:
    """Return the seeds of the jobs that a program with this data folder would carry."""
    if not (folder / "playground.db").exists():
        return []
    with closing(sqlite3.connect(folder / "playground.db")) as database:
        states = ", ".join(f"'{state}'" for state in open_jobs.OPEN)
        try:
            found = database.execute(f"SELECT seed FROM jobs WHERE state IN ({states})")
        except sqlite3.OperationalError:  # killed before there was a table
            return []
        return sorted(seed for (seed,) in found)


def offered(*folders: Path) -> list[int]:
    """Return the seeds of the jobs that any installation may take from folders."""
    ready = [one / open_jobs.READY for one in folders if (one / open_jobs.READY).exists()]
    return sorted(job["seed"] for one in ready for job in json.loads(one.read_text())["jobs"])


def main(folder: Path) -> None:
    """Kill it at every step, and say how many there were."""
    every = list(SEEDS)
    first, here, there = (folder / name for name in ("first", "here", "there"))
    out, told = folder / "out", folder / "steps"
    asyncio.run(build(first))
    for at in itertools.count():
        for one in (here, out, folder / "new"):
            shutil.rmtree(one, ignore_errors=True)
        shutil.copytree(first, here)
        ended = in_a_process(lambda: leave(here, out), told, at)
        carried = [*open_in(here), *offered(out)]
        assert len(carried) == len({*carried}), f"killed before step {at}: {carried}"
        if not ended:
            break
        assert ended == signal.SIGKILL
        assert in_a_process(lambda: leave(here, out), told, None) == 0
        left = (open_in(here), offered(out, folder / "new"))
        assert left == ([], every), f"after step {at} and again: {left}"
    steps = at
    exported = folder / "exported"
    shutil.copytree(out, exported)
    for at in itertools.count():
        for one in (there, out):
            shutil.rmtree(one, ignore_errors=True)
        shutil.copytree(exported, out)
        ended = in_a_process(lambda: arrive(there, out), told, at)
        carried = [*open_in(there), *offered(out)]
        assert len(carried) == len({*carried}), f"killed before step {at}: {carried}"
        if not ended:
            break
        assert ended == signal.SIGKILL
        assert in_a_process(lambda: arrive(there, out), told, None) == 0
        assert open_in(there) == every, f"after step {at} and again: {open_in(there)}"
        assert in_a_process(lambda: arrive(folder / "third", out), told, None) == 0
        assert open_in(folder / "third") == []
    print(f"{steps} and {at} steps killed")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
