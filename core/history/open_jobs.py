"""Moves open jobs to another installation: the one has left them before the other can take them.

In an export they are first a draft. One transaction then marks them here as moved, and only after
that the draft gets the name that an import looks for. An import gives it the name of its own
installation before it writes the jobs down. So a process may end at any instant, what is done again
goes on, and of two programs only one ever carries a job. A folder that somebody copied can be
imported twice, which the program cannot tell.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection, func, insert, select, update

from core.errors import Charged, HistoryError, InputError
from core.history.entry import INPUT, input_name, source_in
from core.history.history import History
from core.jobs.job import ACTIVE, State
from core.money import MICROS
from core.params import MAX_SEED, TASKS, Task
from core.storage.files import Storage, explained, sync_folder
from core.storage.tables import entries, jobs
from core.words import english

DRAFT, READY = "jobs/draft.json", "jobs/open.json"
PLACE = re.compile(r"jobs/(draft|open|taken-[0-9a-f]{16})\.json|received/[A-Za-z0-9_-]{1,32}\.bin")
"""What of an export belongs to open jobs."""
NAMED = re.compile(r"[A-Za-z0-9_-]{1,64}")
OPEN: tuple[State, ...] = (*ACTIVE, "unknown")
MOST_USD = 1_000
DAY_S = 24 * 3600.0


class OpenJob(BaseModel):
    """A row of the ledger without what only this installation understands."""

    id: str
    owner: str
    click: str | None
    backend: str
    task: Task
    model: str
    sandbox: bool
    state: State
    params: str
    sent: str
    seed: int
    work: float
    price_micros: int
    price_known: bool
    charged: Charged
    request_id: str | None
    error: str
    advice: str
    day: str
    created_at: float
    updated_at: float
    sent_at: float | None
    outputs: str
    set_aside: bool
    candidates: str
    tries: int
    place: float | None
    batch: str | None
    retryable: bool
    collection: str | None


class Handover(BaseModel):
    """The jobs that leave an installation together, and the name of that."""

    v: int = 1
    move: str
    jobs: list[OpenJob]


async def counted(history: History) -> Mapping[str, int]:
    """Return how many open jobs there are in each state, and with a visitor's own key as `own`."""
    keyed = jobs.c.own_key.is_not(None)
    query = select(jobs.c.state, keyed, func.count()).where(jobs.c.state.in_(OPEN))

    def work(db: Connection) -> dict[str, int]:
        found: dict[str, int] = {}
        for state, own, number in db.execute(query.group_by(jobs.c.state, keyed)):
            name = "own" if own else str(state)
            found[name] = found.get(name, 0) + int(number)
        return found

    return await history.database.run(work)


# Out


async def finish(history: History, folder: Path) -> int | None:
    """Hand over what an export to this folder was about to; None where nothing is left to do.

    Returns how many jobs it was.
    """
    if not await asyncio.to_thread((folder / DRAFT).is_file):
        return None
    told = await asyncio.to_thread(_read, folder / DRAFT)
    query = select(func.count()).where(jobs.c.moved == told.move)
    if not await history.database.run(lambda db: db.execute(query).scalar_one()):
        return None
    await _rename(folder, DRAFT, READY)
    return len(told.jobs)


async def hand_over(history: History, folder: Path) -> tuple[int, list[str]]:
    """Let the open jobs go into the folder of an export; return how many, and what is left here.

    Nobody else may work on this installation meanwhile. Raises HistoryError when the folder cannot
    be written: then they all stay.
    """
    mine = (jobs.c.state.in_(OPEN), jobs.c.own_key.is_(None))
    query = select(jobs).where(*mine).order_by(jobs.c.n)
    rows = await history.database.run(lambda db: db.execute(query).mappings().all())
    target = Storage(str(folder))
    found, said = [], []
    for row in rows:
        job = OpenJob.model_validate(dict(row))
        try:
            for name in _files(job):
                await target.write(name, await history.storage.read(name))
            found.append(job)
        except HistoryError as error:
            said.append(f"The job {job.id} stays here: {error}")
    if found:
        told = Handover(move=secrets.token_hex(12), jobs=found)
        await target.write(DRAFT, told.model_dump_json().encode())
        await history.database.run_alone(lambda db: _leave(db, told, str(folder)))
        await _rename(folder, DRAFT, READY)
    return len(found), said


def _files(job: OpenJob) -> list[str]:
    """Return the files that a job goes on with: where it begins, and what was received of it."""
    source = source_in(json.loads(job.params))
    begins = [name] if source and INPUT.fullmatch(name := input_name(source)) else []
    return [*begins, job.outputs] if job.set_aside else begins


def _leave(db: Connection, told: Handover, folder: str) -> None:
    """Mark jobs as moved, all or none."""
    facts = {
        "state": "cancelled",
        "moved": told.move,
        "retryable": False,
        "error": english("jobs-moved"),
        "advice": english("jobs-moved-where", folder=folder),
        "updated_at": time.time(),
    }
    for job in told.jobs:
        here = (jobs.c.id == job.id, jobs.c.state == job.state)
        if not db.execute(update(jobs).where(*here).values(facts)).rowcount:
            raise HistoryError(english("jobs-job-has-moved-on-meanwhile"))


# In


async def take_over(
    history: History, folder: Path, *, owner: str | None = None
) -> tuple[Sequence[OpenJob], list[str]]:
    """Take the open jobs of an export; return them, and what is to be said of others.

    With `owner` all become that owner's. They go on when the program next starts, and what waits is
    sent then. The installation that they came from takes them back. Raises InputError for jobs that
    cannot be, HistoryError when the folder cannot be written: then they stay in it.
    """
    mark = (await history.secret("installation"))[:16]
    mine = f"jobs/taken-{mark}.json"
    if await asyncio.to_thread((folder / READY).is_file):
        await asyncio.to_thread(_read, folder / READY)
        await _rename(folder, READY, mine)
    if not await asyncio.to_thread((folder / mine).is_file):
        return [], await asyncio.to_thread(_why_not, folder)
    told = await asyncio.to_thread(_read, folder / mine)
    ready = []
    for job in told.jobs:
        kept = await _keep_files(history.storage, folder, job)
        ready.append(kept.model_copy(update={"owner": owner or job.owner}))
    taken = await history.database.run_alone(lambda db: _put(db, told.move, ready))
    return taken, []


def _why_not(folder: Path) -> list[str]:
    """Say why there is nothing to take."""
    if (folder / DRAFT).is_file():
        return [
            "The export ended before its open jobs had left. Run it again where they came from, "
            "with the same folder or, where that is refused, with a new one."
        ]
    if any((folder / "jobs").glob("taken-*.json")):
        return ["Another installation has taken the open jobs of this folder."]
    return ["There are no open jobs in this folder."]


def may_cost_usd(taken: Sequence[OpenJob]) -> float:
    """Return what the jobs that still wait may cost."""
    return sum(job.price_micros for job in taken if job.state == "waiting") / MICROS


async def _keep_files(storage: Storage, folder: Path, job: OpenJob) -> OpenJob:
    """Write down what a job goes on with; without what was received, its service is asked again."""
    for name in _files(job):
        with suppress(OSError):
            data = await asyncio.to_thread((folder / name).read_bytes)
            await storage.write(name, data)
            continue
        if name == job.outputs:
            return job.model_copy(update={"outputs": "", "set_aside": False})
    return job


def _put(db: Connection, move: str, ready: Sequence[OpenJob]) -> list[OpenJob]:
    """Insert jobs that are not here, and take back those that left here by this move."""
    taken = []
    for job in ready:
        row = job.model_dump()
        one = jobs.c.id == job.id
        known = db.execute(select(jobs.c.moved).where(one)).first()
        if known:
            if known.moved != move:
                continue
            db.execute(update(jobs).where(one).values(row | {"moved": None}))
        elif db.execute(select(entries.c.n).where(entries.c.job_id == job.id)).first():
            continue
        else:
            clicked = (jobs.c.owner == job.owner, jobs.c.click == job.click)
            if job.click and db.execute(select(jobs.c.n).where(*clicked)).first():
                row["click"] = None
            db.execute(insert(jobs).values(row))
        taken.append(job)
    return taken


def _read(path: Path) -> Handover:
    """Return the jobs of a file, or raise InputError where one of them cannot be."""
    try:
        told = Handover.model_validate_json(path.read_bytes())
        if all(map(_is_well, told.jobs)) and len({job.id for job in told.jobs}) == len(told.jobs):
            return told
    except OSError as error:
        raise explained(error) from error
    except (ValidationError, ValueError, TypeError, AttributeError, RecursionError):
        pass
    raise InputError(
        "The open jobs of this folder are damaged. None is taken.",
        field="folder",
        advice="Export them again, or import without --with-jobs.",
    )


def _is_well(job: OpenJob) -> bool:
    """Whether a job can be one of this program; raises an error of a value where it cannot."""
    numbers = (job.work, job.created_at, job.updated_at, job.sent_at or 0.0, job.place or 0.0)
    latest = time.time() + DAY_S
    return (
        job.state in OPEN
        and job.task in TASKS
        and all(
            one is None or bool(NAMED.fullmatch(one)) for one in (job.id, job.batch, job.collection)
        )
        and len(job.id) <= 32
        and 1 <= len(job.owner) <= 200
        and all(map(math.isfinite, numbers))
        and 0 <= job.created_at <= latest
        and bool(re.fullmatch(r"\d{4}-\d\d-\d\d", job.day))
        and 0 <= job.price_micros <= MOST_USD * MICROS
        and -1 <= job.seed <= MAX_SEED
        and 0 <= job.tries <= 100
        and isinstance(json.loads(job.params), dict)
        and isinstance(json.loads(job.sent), dict)
        and all(isinstance(one, str) for one in json.loads(job.candidates))
        and (not job.set_aside or job.outputs == f"received/{job.id}.bin")
        and "\0" not in job.model_dump_json()
        and "\\u0000" not in job.model_dump_json()
    )


async def _rename(folder: Path, old: str, new: str) -> None:
    """Give a file its next name, which also survives a power loss."""

    def work() -> None:
        (folder / old).replace(folder / new)
        sync_folder((folder / new).parent)

    try:
        await asyncio.to_thread(work)
    except OSError as error:
        raise HistoryError(
            f"The folder {folder} cannot be written, so its open jobs stay in it.",
            advice="Copy it to where it can be written, and use that one copy.",
        ) from error
