"""The ledger: one row a job, written before anything is sent, one transaction a change."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    case,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from core.backend import Backend
from core.caller import STRANGER
from core.errors import InputError, TakenError
from core.jobs.budget import Budget, Spent
from core.jobs.estimate import workload
from core.jobs.job import ACTIVE, STATES, Job, State, iso
from core.jobs.limits import HOUR_S, Counts, Terms
from core.jobs.spending import Spending, day
from core.money import MICROS, micros
from core.params import Params
from core.storage.database import Database
from core.storage.tables import jobs
from core.words import english

ROW_ONLY = ("click", "model", "day", "address", "moved")
"""Columns that only queries use; every other one is a fact of a `Job`."""
PRICE = ("price_micros", "price_known")
"""Columns that are one fact of a `Job`, its `price_usd`."""
FACTS = tuple(one.name for one in jobs.c if one.name not in (*ROW_ONLY, *PRICE))
COSTS = jobs.c.state.in_([*ACTIVE, "unknown"]) | (jobs.c.charged != "no")
"""What was paid for, or may still be."""
Also = Callable[[Connection, Sequence[Job]], object]
"""What a transaction that adds jobs does with them at its end."""
TERMS = Terms()
"""No limits, and nothing said about the price."""


@dataclass(frozen=True, slots=True)
class Request:
    """What becomes a job: params for a backend; `own_key` is the fingerprint of an owner's key.

    The image goes into the collection of that id.
    """

    backend: Backend
    params: Params
    own_key: str | None = None
    collection: str | None = None


class Ledger:
    """Adds jobs and moves them from state to state."""

    def __init__(self, database: Database, budget: Budget | None = None) -> None:
        self.database = database
        self.budget = budget or Budget()

    async def add_all(
        self,
        backend: Backend,
        wishes: Sequence[Params],
        *,
        owner: str,
        click: str = "",
        own_key: str | None = None,
        terms: Terms = TERMS,
        also: Also | None = None,
    ) -> list[Job]:
        """Write the jobs of one click down as `waiting` and reserve their price: all or none.

        As `add_requests`, for one backend.
        """
        requests = [Request(backend, params, own_key) for params in wishes]
        return await self.add_requests(requests, owner=owner, click=click, terms=terms, also=also)

    async def add_requests(
        self,
        requests: Sequence[Request],
        *,
        owner: str,
        click: str = "",
        terms: Terms = TERMS,
        also: Also | None = None,
    ) -> list[Job]:
        """Write requests down as `waiting` jobs and reserve their price: all or none.

        `also` ends the transaction. A `click` the owner has used before returns that click's jobs,
        reserves nothing and leaves `also` out. Raises OverBudgetError when the price would pass a
        budget, OverLimitError when it is more than the caller may ask for, InputError when another
        price was agreed to. What goes out with a key of the owner's own is paid for by the owner:
        no budget is asked and none is reduced.
        """
        names = [click and f"{click}.{n}" if n else click for n in range(len(requests))]
        drawn = self._rows(requests, owner, terms)
        rows = [row | {"click": name or None} for row, name in zip(drawn, names, strict=True)]

        def work(db: Connection) -> list[Job]:
            if click and _of_click(db, owner, click):
                return _of_clicks(db, owner, names)
            self._reserve(db, rows, terms, _paid(requests))
            if rows:
                db.execute(insert(jobs), rows)
            added = [_get(db, row["id"]) for row in rows]
            if also:
                also(db, added)
            return added

        try:
            return await self.database.run_alone(work)
        except IntegrityError:  # two processes, one click: the other one was first
            return await self.database.run(lambda db: _of_clicks(db, owner, names))

    async def check(self, requests: Sequence[Request], *, owner: str, terms: Terms = TERMS) -> None:
        """Refuse what `add_requests` would refuse as things stand, and write nothing down."""
        rows = self._rows(requests, owner, terms)
        await self.database.run(lambda db: self._reserve(db, rows, terms, _paid(requests)))

    def _rows(
        self, requests: Sequence[Request], owner: str, terms: Terms
    ) -> Sequence[dict[str, Any]]:
        """Return the rows of requests; raises OverBudgetError for a price that nobody knows."""
        batch = secrets.token_hex(12) if len(requests) > 1 else None
        shared = {"owner": owner, "batch": batch, "address": terms.address}
        rows = [
            _row(one.backend, one.params)
            | shared
            | {"own_key": one.own_key, "collection": one.collection}
            for one in requests
        ]
        for one, row in zip(requests, rows, strict=True):
            if not row["price_known"] and one.own_key is None:
                self.budget.check_known(one.backend.label)
        return rows

    async def left_usd(self, owner: str, *, tells_sums: bool = True) -> float | None:
        """Return the dollars that an owner may still spend today; None: no limit.

        `tells_sums` is whether what everybody spent may be told.
        """
        everybody = self.budget.day_usd if tells_sums else None
        if everybody is None and self.budget.owner_day_usd is None:
            return None
        spent = await self.database.run(lambda db: _spent(db, owner, iso(time.time())[:10]))
        limits = ((everybody, spent.day), (self.budget.owner_day_usd, spent.owner))
        left = [micros(limit) - used for limit, used in limits if limit is not None]
        return max(0, min(left)) / MICROS

    def _reserve(
        self,
        db: Connection,
        rows: Sequence[Mapping[str, Any]],
        terms: Terms,
        paid: Sequence[str],
    ) -> None:
        """Ask consent, limits and budget with what jobs there are and what they may still cost.

        `paid` has the backend of each row that whoever runs this pays for.
        """
        known = all(row["price_known"] for row in rows)
        terms.consent.check([row["price_micros"] for row in rows], known=known)
        if not rows:
            return
        if db.dialect.name == "postgresql":  # one at a time, as SQLite does by itself
            db.execute(select(func.pg_advisory_xact_lock(20260823)))
        first = rows[0]
        prices = [int(row["price_micros"]) for row in rows if row["own_key"] is None]
        counts = _counts(db, first, terms, set(paid))
        now = float(first["created_at"])
        terms.limits.check(len(rows), counts, now, paid=len(paid), stranger=terms.stranger)
        if not prices:
            return
        spent = _spent(db, first["owner"], first["day"])
        self.budget.check(prices, spent, tells_sums=terms.tells_sums)

    async def change(
        self,
        job_id: str,
        state: State,
        *,
        among: Collection[State] = ACTIVE,
        like: Job | None = None,
        **facts: Any,
    ) -> Job:
        """Move a job to `state` with new facts about it, in one transaction.

        Raises TakenError, and changes nothing, unless the job is in one of the states `among` and
        has the request id that it has in `like`: another process may carry it as well.
        """
        return await self.database.run(
            lambda db: move(db, job_id, state, among=among, like=like, **facts)
        )

    async def claim(self, job_id: str, **facts: Any) -> Job:
        """Move a job from `waiting` to `sending`; of all who try, one may send it.

        Raises TakenError for the others, and HeldError when this process lost the database.
        """
        return await self.database.run_alone(
            lambda db: move(db, job_id, "sending", among=["waiting"], **facts)
        )

    async def swap(self, one: Job, other: Job) -> None:
        """Let two waiting jobs change places."""

        def work(db: Connection) -> None:
            for job_id, place in ((one.id, other.place), (other.id, one.place)):
                db.execute(update(jobs).where(jobs.c.id == job_id).values(place=place))

        await self.database.run(work)

    async def get(self, job_id: str, *, owner: str | None = None) -> Job:
        """Return a job; one of another owner is as unknown as one that never was."""
        known = job_id.isascii()  # what is no valid text at all could not even be looked up
        job = await self.database.run(lambda db: _find(db, jobs.c.id == job_id)) if known else None
        if job is None or (owner is not None and job.owner != owner):
            raise _no_such_job()
        return job

    async def some(self, job_ids: Sequence[str], *, owner: str) -> Sequence[Job]:
        """Return jobs of an owner in the order of their ids; raises InputError as `get` does."""
        known = [one for one in dict.fromkeys(job_ids) if one.isascii()]
        query = select(jobs).where(jobs.c.id.in_(known), jobs.c.owner == owner)

        def work(db: Connection) -> dict[str, Job]:
            return {row["id"]: job_of(row) for row in db.execute(query).mappings()}

        found = await self.database.run(work)
        if not all(one in found for one in job_ids):
            raise _no_such_job()
        return [found[one] for one in job_ids]

    async def list(
        self, *, owner: str | None = None, states: Iterable[State] = STATES, limit: int = 200
    ) -> list[Job]:
        """Return jobs in any of `states`, newest first."""
        query = select(jobs).where(jobs.c.state.in_(list(states)))
        if owner is not None:
            query = query.where(jobs.c.owner == owner)
        query = query.order_by(jobs.c.n.desc()).limit(limit)
        return await self.database.run(
            lambda db: [job_of(row) for row in db.execute(query).mappings()]
        )

    async def counts(self) -> Mapping[str, int]:
        """Return how many jobs there are in each state; read from tables of any age."""
        query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
        return await self.database.run(
            lambda db: {state: int(count) for state, count in db.execute(query)}
        )

    async def owned(self, backend: str, request_ids: Sequence[str]) -> set[str]:
        """Return those of a service's ids that some job of this ledger has."""
        query = select(jobs.c.request_id).where(
            jobs.c.backend == backend, jobs.c.request_id.in_(list(request_ids))
        )
        return await self.database.run(lambda db: {str(found) for (found,) in db.execute(query)})

    async def durations(self, like: Job, limit: int = 50) -> Sequence[tuple[float, float]]:
        """Return (work, seconds) of the last finished jobs like this one, newest first."""
        return await self.durations_of(like.backend, like.task, sandbox=like.sandbox, limit=limit)

    async def durations_of(
        self, backend: str, task: str, *, sandbox: bool, limit: int = 50
    ) -> Sequence[tuple[float, float]]:
        """Return (work, seconds) of the last finished jobs of a backend and task, newest first.

        What the sandbox needed says nothing about the service.
        """
        query = (
            select(jobs.c.work, jobs.c.updated_at - jobs.c.sent_at)
            .where(
                jobs.c.backend == backend,
                jobs.c.task == task,
                jobs.c.sandbox == sandbox,
                jobs.c.state == "finished",
            )
            .order_by(jobs.c.n.desc())
            .limit(limit)
        )
        return await self.database.run(
            lambda db: [(float(work), float(seconds)) for work, seconds in db.execute(query)]
        )

    async def spending(
        self, *, days: int, owner: str | None = None, own: bool = False
    ) -> Sequence[Spending]:
        """Return the sums of the last `days` days, oldest first; of one owner or of everybody.

        What was spent with owners' own keys is apart: `own` asks for that alone.
        """
        on_its_way = jobs.c.state.in_([*ACTIVE])
        doubtful = (jobs.c.charged == "maybe") | (jobs.c.state == "unknown")
        price, paid = jobs.c.price_micros, jobs.c.charged == "yes"
        unknown = ~jobs.c.price_known
        sums = (
            func.sum(case((paid, price), else_=0)),
            func.sum(case((doubtful & ~on_its_way, price), else_=0)),
            func.sum(case((on_its_way & ~paid, price), else_=0)),
            func.sum(case((unknown, 1), else_=0)),
        )
        group = (jobs.c.day, jobs.c.owner, jobs.c.backend)
        query = select(*group, func.count(), *sums).where(
            jobs.c.day >= day(days - 1),
            (price > 0) | unknown,
            on_its_way | doubtful | paid,
            jobs.c.own_key.is_not(None) if own else jobs.c.own_key.is_(None),
        )
        if owner is not None:
            query = query.where(jobs.c.owner == owner)
        query = query.group_by(*group).order_by(*group)
        return await self.database.run(
            lambda db: [
                Spending(str(d), str(o), str(b), *(int(one) for one in found))
                for d, o, b, *found in db.execute(query)
            ]
        )


def _no_such_job() -> InputError:
    return InputError(
        english("jobs-there-no-such-job"), field="id", advice=english("jobs-look-at-list-jobs")
    )


def move(
    db: Connection,
    job_id: str,
    state: State,
    *,
    among: Collection[State] = ACTIVE,
    like: Job | None = None,
    **facts: Any,
) -> Job:
    """Move a job to `state` inside the caller's transaction, under the conditions of `change`."""
    for name in ("sent", "candidates"):
        if name in facts:
            facts[name] = json.dumps(facts[name], ensure_ascii=False)
    changed = {"state": state, "updated_at": time.time()} | facts
    change = update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(list(among)))
    if like is not None:
        change = change.where(jobs.c.request_id.is_not_distinct_from(like.request_id))
    moved = db.execute(change.values(changed)).rowcount
    job = _get(db, job_id)
    if not moved:
        raise TakenError(
            english("jobs-job-has-moved-on-meanwhile"), advice=english("jobs-look-at-list-jobs")
        )
    return job


def _row(backend: Backend, params: Params) -> dict[str, Any]:
    now, price = time.time(), backend.price(params)
    return {
        "id": secrets.token_hex(12),
        "backend": backend.id,
        "task": params.task,
        "model": str(getattr(params, "model", "")),
        "sandbox": backend.sandbox,
        "state": "waiting",
        "params": params.model_dump_json(exclude=params.idle),
        "sent": "{}",
        "seed": params.known_seed,
        "work": workload(params),
        "price_micros": micros(price or 0.0),
        "price_known": price is not None,
        "charged": "no",
        "error": "",
        "advice": "",
        "outputs": "",
        "set_aside": False,
        "candidates": "[]",
        "tries": 0,
        "retryable": False,
        "day": iso(now)[:10],
        "created_at": now,
        "updated_at": now,
    }


def _spent(db: Connection, owner: str, day: str) -> Spent:
    """Return what the jobs of a day cost or may still cost: everybody's, and an owner's."""
    mine = case((jobs.c.owner == owner, jobs.c.price_micros), else_=0)
    query = select(
        func.coalesce(func.sum(jobs.c.price_micros), 0), func.coalesce(func.sum(mine), 0)
    ).where(jobs.c.day == day, COSTS, jobs.c.own_key.is_(None))
    everybody, own = db.execute(query).one()
    return Spent(int(everybody), int(own))


def _paid(requests: Sequence[Request]) -> list[str]:
    """Return the backend of each request that is billed to whoever runs this."""
    return [one.backend.id for one in requests if one.backend.paid and one.own_key is None]


def _counts(db: Connection, row: Mapping[str, Any], terms: Terms, paid: Collection[str]) -> Counts:
    """Return what the limits of whoever adds this row go by; what has no limit is not counted.

    `paid` are the backends that are paid for by whoever runs this.
    """
    limits, owner = terms.limits, jobs.c.owner == row["owner"]
    here = jobs.c.address == terms.address
    paid_for = (
        COSTS
        & ~jobs.c.sandbox
        & jobs.c.own_key.is_(None)
        & ((jobs.c.price_micros > 0) | jobs.c.backend.in_(paid))
    )

    def waiting(whose: Any) -> int:
        query = select(func.count()).where(jobs.c.state == "waiting", whose)
        return int(db.execute(query).scalar_one())

    def times(whose: Any, most: int | None) -> Sequence[float]:
        if most is None or not paid:
            return ()
        recent = jobs.c.created_at > row["created_at"] - HOUR_S
        query = select(jobs.c.created_at).where(whose, recent, paid_for)
        return [float(at) for (at,) in db.execute(query)]

    most = limits.waiting_stranger if terms.stranger else limits.waiting
    nameless = here & jobs.c.owner.startswith(STRANGER)
    return Counts(
        waiting=0 if most is None else waiting(nameless if terms.stranger else owner),
        paid_by_owner=times(owner, limits.paid_per_owner_hour),
        paid_by_address=times(here, limits.paid_per_address_hour),
    )


def _of_click(db: Connection, owner: str, click: str) -> Job | None:
    return _find(db, (jobs.c.owner == owner) & (jobs.c.click == click))


def _of_clicks(db: Connection, owner: str, clicks: Sequence[str]) -> list[Job]:
    return [found for click in clicks if (found := _of_click(db, owner, click))] or [_missing()]


def _find(db: Connection, condition: Any) -> Job | None:
    row = db.execute(select(jobs).where(condition)).mappings().first()
    return job_of(row) if row else None


def _get(db: Connection, job_id: str) -> Job:
    return _find(db, jobs.c.id == job_id) or _missing()


def _missing() -> Job:
    raise InputError(
        english("jobs-there-no-such-job"), field="id", advice=english("jobs-look-at-list-jobs")
    )


def job_of(row: RowMapping) -> Job:
    """Return the job of a row."""
    return Job(
        **{name: row[name] for name in FACTS}
        | {
            "params": json.loads(row["params"]),
            "sent": json.loads(row["sent"]),
            "candidates": tuple(json.loads(row["candidates"])),
            "place": float(row["n"] if row["place"] is None else row["place"]),
            "price_usd": row["price_micros"] / MICROS if row["price_known"] else None,
        }
    )
