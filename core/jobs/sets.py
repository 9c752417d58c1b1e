"""Sets on disk: the table of a set, the jobs that fill it, and what a person keeps of it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, case, delete, func, insert, select, update

from core.errors import InputError
from core.history.records import mark
from core.jobs.job import ACTIVE, Job, iso
from core.jobs.ledger import job_of
from core.params import Task
from core.storage.database import Database
from core.storage.tables import cells, jobs, sets
from core.words import english

MOST_TITLE = 200


@dataclass(frozen=True, slots=True)
class SetCell:
    """One place of a set's table, counted from 0, and its job as it stands."""

    row: int
    column: int
    page: int
    job: Job

    def as_dict(self) -> dict[str, Any]:
        """Return the cell of the named API."""
        return {
            "row": self.row,
            "column": self.column,
            "page": self.page,
            "job_id": self.job.id,
            "state": self.job.state,
            "entry_id": self.job.entry_id,
            "error": self.job.error,
        }


@dataclass(frozen=True, slots=True)
class JobSet:
    """A set and its cells; headings name its columns, rows and pages. Times are Unix seconds."""

    id: str
    owner: str
    title: str
    task: Task
    base: dict[str, Any]
    axes: Sequence[Mapping[str, Any]]
    targets: Sequence[Mapping[str, str]]
    columns: Sequence[str]
    rows: Sequence[str]
    pages: Sequence[str]
    notes: Sequence[str]
    picks: Mapping[tuple[int, int], int]
    """The column that was picked, by row and page."""
    paused: bool
    created_at: float
    cells: Sequence[SetCell]

    @property
    def jobs(self) -> list[Job]:
        """The jobs of the cells, each once."""
        return list({cell.job.id: cell.job for cell in self.cells}.values())

    @property
    def state(self) -> str:
        """`running`, `paused`, `finished`, or `incomplete` when cells ended without an image."""
        if any(job.active for job in self.jobs):
            return "paused" if self.paused else "running"
        whole = all(job.state == "finished" for job in self.jobs)
        return "finished" if whole else "incomplete"

    @property
    def price_usd(self) -> float | None:
        """What all of it costs in dollars; None when nobody knows what some of it costs."""
        prices = [job.price_usd for job in self.jobs]
        return None if None in prices else round(sum(price or 0.0 for price in prices), 6)

    def as_dict(self) -> dict[str, Any]:
        """Return the set dict of the named API."""
        return {
            "id": self.id,
            "title": self.title,
            "task": self.task,
            "state": self.state,
            "price_usd": self.price_usd,
            "count": len(self.jobs),
            "base": self.base,
            "axes": list(self.axes),
            "targets": list(self.targets),
            "columns": list(self.columns),
            "rows": list(self.rows),
            "pages": list(self.pages),
            "cells": [cell.as_dict() for cell in self.cells],
            "notes": list(self.notes),
            "created_at": iso(self.created_at),
        }


@dataclass(frozen=True, slots=True)
class SetSummary:
    """A set in a list: how many images it has, how many are there, how many are on their way."""

    id: str
    title: str
    task: Task
    count: int
    finished: int
    active: int
    paused: bool
    created_at: float


@dataclass(frozen=True, slots=True)
class Outline:
    """What a set is, before its cells: as it was asked for, with the headings of its table."""

    task: Task
    base: Mapping[str, Any]
    axes: Sequence[Mapping[str, Any]]
    targets: Sequence[Mapping[str, str]]
    headings: Sequence[Sequence[str]]
    notes: Sequence[str]

    def columns(self) -> dict[str, str]:
        """Return the columns of its row."""
        names = ("base", "axes", "targets", "headings", "notes")
        dumped = {name: json.dumps(getattr(self, name), ensure_ascii=False) for name in names}
        return {"task": self.task, **dumped}


Place = tuple[int, int, int]
"""Page, row and column."""
NUMBERS = ("page_no", "row_no", "column_no")
Picks = dict[tuple[int, int], int]
"""The column that was picked, by row and page."""


class Sets:
    """Keeps sets; every question is asked in the name of an owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @staticmethod
    def write(
        db: Connection, outline: Outline, places: Mapping[Place, str], facts: Mapping[str, Any]
    ) -> None:
        """Write a set and its cells, inside the transaction that adds their jobs.

        `places` are job ids, `facts` its id, owner, click and title. A set of that id is replaced,
        but for what a person keeps of it: title, pause, and the picks, which follow their images.
        """
        mine = (sets.c.id == facts["id"], sets.c.owner == facts["owner"])
        kept = db.execute(select(sets.c.picks).where(*mine).with_for_update()).scalar()
        if kept is None:
            row = {**facts, **outline.columns(), "created_at": time.time()}
            db.execute(insert(sets).values(row))
        else:
            numbered = select(cells.c.page_no, cells.c.row_no, cells.c.column_no, cells.c.job_id)
            found = db.execute(numbered.where(cells.c.set_id == facts["id"])).all()
            before = {(page, row, column): str(job) for page, row, column, job in found}
            picks = _written(followed(_picks(kept), before, places))
            db.execute(update(sets).where(*mine).values(**outline.columns(), picks=picks))
        db.execute(delete(cells).where(cells.c.set_id == facts["id"]))
        rows = [
            dict(zip(NUMBERS, place, strict=True), set_id=facts["id"], job_id=job_id)
            for place, job_id in places.items()
        ]
        db.execute(insert(cells), rows)
        mark(db, "set", [facts["id"]])

    @staticmethod
    def replace(db: Connection, old: str, new: str) -> None:
        """Let a new job fill the cells of an old one, inside the transaction that adds it."""
        known = select(cells.c.set_id).where(cells.c.job_id == old).distinct()
        mark(db, "set", [str(one) for one in db.execute(known).scalars()])
        db.execute(update(cells).where(cells.c.job_id == old).values(job_id=new))

    async def of_click(self, owner: str, click: str) -> str | None:
        """Return the id of the set that an owner's click made, or None."""
        query = select(sets.c.id).where(sets.c.owner == owner, sets.c.click == click)
        return await self._database.run(lambda db: db.execute(query).scalar())

    async def get(self, set_id: str, *, owner: str | None = None) -> JobSet:
        """Return a set; one of another owner is as unknown as one that never was."""
        table = select(sets).where(sets.c.id == set_id)
        if owner is not None:
            table = table.where(sets.c.owner == owner)
        filled = (
            select(cells.c.page_no, cells.c.row_no, cells.c.column_no, jobs)
            .join(jobs, jobs.c.id == cells.c.job_id)
            .where(cells.c.set_id == set_id)
            .order_by(cells.c.page_no, cells.c.row_no, cells.c.column_no)
        )

        def work(db: Connection) -> tuple[RowMapping | None, Sequence[RowMapping]]:
            row = db.execute(table).mappings().first()
            return row, db.execute(filled).mappings().all() if row else ()

        known = set_id.isascii()
        row, found = await self._database.run(work) if known else (None, ())
        if row is None:
            raise unknown()
        return _set(row, found)

    async def page(self, owner: str, *, limit: int, before: str = "") -> list[SetSummary]:
        """Return at most `limit` of an owner's sets older than the set `before`, newest first."""
        mine = sets.c.owner == owner
        chosen = [mine]
        if before:
            anchor = select(sets.c.n).where(sets.c.id == before, mine).scalar_subquery()
            chosen.append(sets.c.n < anchor)
        finished = func.sum(case((jobs.c.state == "finished", 1), else_=0))
        active = func.sum(case((jobs.c.state.in_(ACTIVE), 1), else_=0))
        pairs = select(cells.c.set_id, cells.c.job_id).distinct().subquery()
        counts = (
            select(pairs.c.set_id, func.count().label("count"), finished.label("finished"))
            .add_columns(active.label("active"))
            .join(jobs, jobs.c.id == pairs.c.job_id)
            .group_by(pairs.c.set_id)
        )
        newest = select(sets).where(*chosen).order_by(sets.c.n.desc()).limit(limit)

        def work(db: Connection) -> list[SetSummary]:
            rows = db.execute(newest).mappings().all()
            ids = [row["id"] for row in rows]
            sums = {
                one["set_id"]: one
                for one in db.execute(counts.where(pairs.c.set_id.in_(ids))).mappings()
            }
            return [_summary(row, sums.get(row["id"])) for row in rows]

        return await self._database.run(work)

    async def titles(self, owner: str, *, limit: int) -> list[tuple[str, str]]:
        """Return id and title of an owner's newest sets, newest first."""
        query = select(sets.c.id, sets.c.title).where(sets.c.owner == owner)
        newest = query.order_by(sets.c.n.desc()).limit(limit)
        return await self._database.run(
            lambda db: [(row.id, row.title) for row in db.execute(newest)]
        )

    async def rename(self, set_id: str, title: str, *, owner: str) -> None:
        """Give a set another title."""
        await self._change(set_id, owner, title=titled(title))

    async def pause(self, set_id: str, *, owner: str, paused: bool) -> None:
        """Keep in mind whether what waits of a set is held."""
        await self._change(set_id, owner, paused=paused)

    async def pick(self, set_id: str, picks: Mapping[tuple[int, int], int], *, owner: str) -> None:
        """Keep which column was picked, by row and page."""
        await self._change(set_id, owner, picks=_written(picks))

    async def toggle(self, set_id: str, row: int, page: int, column: int, *, owner: str) -> None:
        """Pick a column in a row, or take the same pick back; picks at once all count."""
        mine = (sets.c.id == set_id, sets.c.owner == owner)

        def work(db: Connection) -> None:
            known = db.execute(select(sets.c.picks).where(*mine).with_for_update()).scalar()
            if known is None:
                raise unknown()
            picks = _picks(known)
            if picks.get((row, page)) == column:
                del picks[row, page]
            else:
                picks[row, page] = column
            db.execute(update(sets).where(*mine).values(picks=_written(picks)))
            mark(db, "set", [set_id])

        await self._database.run(work)

    async def delete(self, set_id: str, *, owner: str) -> None:
        """Forget a set; its jobs and images stay."""

        def work(db: Connection) -> int:
            gone = db.execute(delete(sets).where(sets.c.id == set_id, sets.c.owner == owner))
            if gone.rowcount:
                db.execute(delete(cells).where(cells.c.set_id == set_id))
                mark(db, "set", [set_id])
            return gone.rowcount

        if not await self._database.run(work):
            raise unknown()

    async def held(self) -> set[str]:
        """Return the jobs that wait in paused sets, of all owners."""
        query = (
            select(cells.c.job_id)
            .join(sets, sets.c.id == cells.c.set_id)
            .join(jobs, jobs.c.id == cells.c.job_id)
            .where(sets.c.paused.is_(True), jobs.c.state == "waiting")
        )
        return await self._database.run(lambda db: {str(one) for (one,) in db.execute(query)})

    async def _change(self, set_id: str, owner: str, **facts: Any) -> None:
        change = update(sets).where(sets.c.id == set_id, sets.c.owner == owner).values(facts)

        def work(db: Connection) -> int:
            changed = db.execute(change).rowcount
            if changed:
                mark(db, "set", [set_id])
            return changed

        if not await self._database.run(work):
            raise unknown()


def followed(picks: Picks, before: Mapping[Place, str], now: Mapping[Place, str]) -> Picks:
    """Return the picks of a table whose cells moved: each follows the image that was picked.

    Tables are job ids by place. A pick is let go with its image, and when the images it was chosen
    among stand in one row no longer.
    """
    here = set(now.values())
    rows: dict[tuple[int, int], dict[int, str]] = {}
    for (page, row, column), job in now.items():
        rows.setdefault((row, page), {})[column] = job
    found: Picks = {}
    for (row, page), column in picks.items():
        picked = before.get((page, row, column))
        beside = {job for (p, r, _), job in before.items() if (r, p) == (row, page)} & here
        same = [place for place, jobs in rows.items() if beside <= set(jobs.values())]
        if picked not in here or not same:
            continue
        # Where cells share one image, the place it had is the one that was meant.
        place = (row, page) if (row, page) in same else same[0]
        columns = [number for number, job in rows[place].items() if job == picked]
        found[place] = column if column in columns else columns[0]
    return found


def new_id() -> str:
    """Draw the id of a set."""
    return secrets.token_hex(12)


def titled(title: str) -> str:
    """Return a title in one line, or raise InputError when it is too long."""
    title = " ".join(title.split())
    if len(title) > MOST_TITLE:
        raise InputError(
            english("sets-title-longer-than-characters", most_title=MOST_TITLE),
            field="title",
            advice=english("shorten-it"),
        )
    return title


def unknown() -> InputError:
    """Say that there is no such set."""
    return InputError(
        english("sets-there-no-such-set"), field="id", advice=english("sets-look-at-list-sets")
    )


def _set(row: RowMapping, found: Sequence[RowMapping]) -> JobSet:
    names = ("base", "axes", "targets", "notes")
    columns, rows, pages = json.loads(row["headings"])
    plain = ("id", "owner", "title", "task", "created_at")
    return JobSet(
        **{name: row[name] for name in plain},
        **{name: json.loads(row[name]) for name in names},
        paused=bool(row["paused"]),
        columns=columns,
        rows=rows,
        pages=pages,
        picks=_picks(row["picks"]),
        cells=[_cell(one) for one in found],
    )


def _picks(text: str) -> Picks:
    """Read the picks of a row, which are kept as JSON with keys like `row,page`."""
    found = {tuple(map(int, key.split(","))): int(one) for key, one in json.loads(text).items()}
    return {(row, page): column for (row, page), column in found.items()}


def _written(picks: Mapping[tuple[int, int], int]) -> str:
    return json.dumps({f"{row},{page}": column for (row, page), column in picks.items()})


def _cell(row: RowMapping) -> SetCell:
    return SetCell(row["row_no"], row["column_no"], row["page_no"], job_of(row))


def _summary(row: RowMapping, counts: RowMapping | None) -> SetSummary:
    names = ("count", "finished", "active")
    facts = {name: row[name] for name in ("id", "title", "task", "created_at", "paused")}
    return SetSummary(**facts | {name: int(counts[name]) if counts else 0 for name in names})
