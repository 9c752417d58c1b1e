"""The ledger: one row a job, written before anything is sent, one transaction a change."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import (
    Connection,
    RowMapping,
    case,
    column,
    func,
    insert,
    select,
    table,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from core.backend import Backend
from core.budget import MICROS, Budget, micros
from core.database import Database
from core.errors import Charged, InputError
from core.estimate import workload
from core.params import Params, Task

State = Literal["waiting", "sending", "running", "finished", "failed", "cancelled", "unknown"]
STATES: tuple[State, ...] = get_args(State)
ACTIVE: tuple[State, ...] = ("waiting", "sending", "running")

COLUMNS = (
    "n id owner click backend task model sandbox state params sent seed work price_micros charged "
    "request_id error advice entry_id day created_at updated_at sent_at"
).split()
jobs = table("jobs", *(column(name) for name in COLUMNS))


@dataclass(frozen=True, slots=True)
class Job:
    """One params on its way; `as_dict` is what the API shows of it. Times are Unix seconds."""

    n: int
    id: str
    owner: str
    backend: str
    task: Task
    sandbox: bool
    state: State
    params: dict[str, Any]
    sent: dict[str, Any]
    seed: int
    work: float
    price_usd: float
    charged: Charged
    request_id: str | None
    error: str
    advice: str
    entry_id: str | None
    created_at: float
    updated_at: float
    sent_at: float | None

    @property
    def active(self) -> bool:
        """Whether it is still on its way."""
        return self.state in ACTIVE

    def as_dict(self) -> dict[str, Any]:
        """Return the job dict of the named API."""
        names = "id state backend task request_id seed price_usd charged error advice entry_id"
        facts: dict[str, Any] = {name: getattr(self, name) for name in names.split()}
        return facts | {
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
        }


class Ledger:
    """Adds jobs and moves them from state to state."""

    def __init__(self, database: Database, budget: Budget | None = None) -> None:
        self._database = database
        self._budget = budget or Budget()

    async def add(self, backend: Backend, params: Params, *, owner: str, click: str = "") -> Job:
        """Write a job down as `waiting` and reserve its price, in one transaction.

        A `click` the owner has used before returns that click's job and reserves nothing.
        Raises OverBudgetError when the price would pass a budget.
        """
        row = _row(backend, params) | {"owner": owner, "click": click or None}
        budget = self._budget

        def work(db: Connection) -> Job:
            if click and (found := _of_click(db, owner, click)):
                return found
            _reserve(db, budget, row)
            db.execute(insert(jobs).values(row))
            return _get(db, row["id"])

        try:
            return await self._database.run(work)
        except IntegrityError:  # two processes, one click: the other one was first
            return await self._database.run(lambda db: _of_click(db, owner, click) or _missing())

    async def change(self, job_id: str, state: State, **facts: Any) -> Job:
        """Move a job to `state` with new facts about it, in one transaction."""
        return await self._database.run(lambda db: move(db, job_id, state, **facts))

    async def get(self, job_id: str, *, owner: str | None = None) -> Job:
        """Return a job; one of another owner is as unknown as one that never was."""
        job = await self._database.run(lambda db: _find(db, jobs.c.id == job_id))
        if job is None or (owner is not None and job.owner != owner):
            raise InputError(
                "There is no such job.", field="id", advice="Look at the list of jobs."
            )
        return job

    async def list(
        self, *, owner: str | None = None, states: Iterable[State] = STATES, limit: int = 200
    ) -> list[Job]:
        """Return jobs in any of `states`, newest first."""
        query = select(jobs).where(jobs.c.state.in_(list(states)))
        if owner is not None:
            query = query.where(jobs.c.owner == owner)
        query = query.order_by(jobs.c.n.desc()).limit(limit)
        return await self._database.run(
            lambda db: [_job(row) for row in db.execute(query).mappings()]
        )

    async def durations(
        self, backend: str, task: str, limit: int = 50
    ) -> Sequence[tuple[float, float]]:
        """Return (work, seconds) of the last finished jobs of a backend and task, newest first."""
        query = (
            select(jobs.c.work, jobs.c.updated_at - jobs.c.sent_at)
            .where(jobs.c.backend == backend, jobs.c.task == task, jobs.c.state == "finished")
            .order_by(jobs.c.n.desc())
            .limit(limit)
        )
        return await self._database.run(
            lambda db: [(float(work), float(seconds)) for work, seconds in db.execute(query)]
        )


def move(db: Connection, job_id: str, state: State, **facts: Any) -> Job:
    """Move a job to `state` inside the caller's transaction."""
    if "sent" in facts:
        facts["sent"] = json.dumps(facts["sent"], ensure_ascii=False)
    changed = {"state": state, "updated_at": time.time()} | facts
    db.execute(update(jobs).where(jobs.c.id == job_id).values(changed))
    return _get(db, job_id)


def iso(seconds: float) -> str:
    """Write Unix seconds as ISO 8601 in UTC, to the millisecond."""
    return (
        datetime.fromtimestamp(seconds, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def _row(backend: Backend, params: Params) -> dict[str, Any]:
    now = time.time()
    return {
        "id": secrets.token_hex(12),
        "backend": backend.id,
        "task": params.task,
        "model": str(getattr(params, "model", "")),
        "sandbox": backend.sandbox,
        "state": "waiting",
        "params": params.model_dump_json(),
        "sent": "{}",
        "seed": params.known_seed,
        "work": workload(params),
        "price_micros": micros(backend.price_usd),
        "charged": "no",
        "error": "",
        "advice": "",
        "day": iso(now)[:10],
        "created_at": now,
        "updated_at": now,
    }


def _reserve(db: Connection, budget: Budget, row: Mapping[str, Any]) -> None:
    """Ask the budget with what today's jobs cost or may still cost."""
    if db.dialect.name == "postgresql":  # one at a time, as SQLite does by itself
        db.execute(text("SELECT pg_advisory_xact_lock(20260823)"))
    counts = jobs.c.state.in_([*ACTIVE, "unknown"]) | (jobs.c.charged != "no")
    mine = case((jobs.c.owner == row["owner"], jobs.c.price_micros), else_=0)
    query = select(
        func.coalesce(func.sum(jobs.c.price_micros), 0), func.coalesce(func.sum(mine), 0)
    ).where(jobs.c.day == row["day"], counts)
    day, owner = db.execute(query).one()
    budget.check(price=row["price_micros"], spent_day=int(day), spent_owner=int(owner))


def _of_click(db: Connection, owner: str, click: str) -> Job | None:
    return _find(db, (jobs.c.owner == owner) & (jobs.c.click == click))


def _find(db: Connection, condition: Any) -> Job | None:
    row = db.execute(select(jobs).where(condition)).mappings().first()
    return _job(row) if row else None


def _get(db: Connection, job_id: str) -> Job:
    return _find(db, jobs.c.id == job_id) or _missing()


def _missing() -> Job:
    raise InputError("There is no such job.", field="id", advice="Look at the list of jobs.")


def _job(row: RowMapping) -> Job:
    facts = {name: row[name] for name in Job.__dataclass_fields__ if name in row}
    return Job(
        **facts
        | {
            "params": json.loads(row["params"]),
            "sent": json.loads(row["sent"]),
            "sandbox": bool(row["sandbox"]),
            "price_usd": row["price_micros"] / MICROS,
        }
    )
