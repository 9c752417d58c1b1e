"""What the page is told of a set: headings, cells as they stand, picks, sums and addresses."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from core.history import Entry
from core.jobs.job import Job
from core.jobs.sets import JobSet
from core.sets import blind
from core.sets.differences import differences
from core.studio import Progress, Studio
from core.words import say
from ui import markup, messages
from ui.compare import sentences
from ui.generate import queue
from ui.server.routes import Media
from ui.server.set_files import SetFiles

LEFT_OUT = ("earlier", "later", "hide")
"""What the queue can do with a job and a table cannot."""
FIRST_PLACES = 9
LONGEST_RUN_S = 6 * 3600.0
"""Between the first and the last image; beyond it a set was extended another day."""


class Table:
    """A set as the page draws it; cells that ended are drawn once."""

    def __init__(self, found: JobSet, entries: Mapping[str, Entry], secret: str) -> None:
        self.set = found
        self._jobs = {job.id: Progress(job=job) for job in found.jobs}
        for job in found.jobs:
            if entry := entries.get(job.entry_id or ""):
                self._jobs[job.id] = Progress(job=job, elapsed_s=entry.elapsed_s, entry=entry)
        self._drawn: dict[str, str] = {}
        self._secret = secret

    @property
    def active(self) -> list[str]:
        """The jobs that are on their way."""
        return [one.job.id for one in self._jobs.values() if one.job.active]

    def take(self, progresses: Sequence[Progress]) -> None:
        """Note how jobs stand now."""
        for one in progresses:
            known = self._jobs.get(one.job.id)
            self._jobs[one.job.id] = one
            if known is None or _looks(known) != _looks(one):
                self._drawn.pop(one.job.id, None)

    async def drawn(self, studio: Studio, media: Media, files: SetFiles) -> dict[str, Any]:
        """Return all of it as the page takes it."""
        found = self.set
        cells = {}
        for cell in found.cells:
            if cell.job.id not in self._drawn:
                drawn = await _cell(studio, media, self._jobs[cell.job.id])
                # As text, a cell is cheap to compare, here and in the browser, and to leave out.
                self._drawn[cell.job.id] = json.dumps(drawn, ensure_ascii=False)
            cells[f"{cell.page}.{cell.row}.{cell.column}"] = self._drawn[cell.job.id]
        jobs = [one.job for one in self._jobs.values()]
        again = [job for job in jobs if job.state == "failed" and job.retryable]
        about = {
            "title": found.title,
            "task": found.task,
            "state": self.state,
            "paused": found.paused,
            "total": self._total(),
            "notes": list(found.notes),
            "columns": list(found.columns),
            "rows": list(found.rows),
            "pages": list(found.pages),
            "heads": self._heads(),
            "shape": self._shape(),
            "picks": {f"{page}.{row}": column for (row, page), column in found.picks.items()},
            "orders": self._orders(),
            "shares": self._shares(),
            "waiting": sum(job.state == "waiting" for job in jobs),
            "retry": _retry(studio, again),
            "files": await files.addresses(found),
        }
        return {"id": found.id, "about": json.dumps(about, ensure_ascii=False), "cells": cells}

    @property
    def state(self) -> str:
        """As `JobSet.state`, with what is known by now."""
        jobs = [one.job for one in self._jobs.values()]
        if any(job.active for job in jobs):
            return "paused" if self.set.paused else "running"
        return "finished" if all(job.state == "finished" for job in jobs) else "incomplete"

    def _total(self) -> str:
        jobs = [one.job for one in self._jobs.values()]
        done = [job for job in jobs if job.state == "finished"]
        spent = [job.price_usd for job in jobs if job.state == "finished" or job.charged == "yes"]
        known = None if None in spent else round(sum(one or 0.0 for one in spent), 6)
        begun = [job.sent_at for job in done if job.sent_at]
        took = max(job.updated_at for job in done) - min(begun) if begun else None
        short = took if took is not None and took < LONGEST_RUN_S else None
        return sentences.total(len(done), len(jobs), known, short)

    def _shape(self) -> list[int]:
        """Return width and height of the first image, or what was asked for."""
        first = next((one.entry for one in self._jobs.values() if one.entry), None)
        if first:
            return [first.width, first.height]
        params = self.set.cells[0].job.params if self.set.cells else {}
        return [int(params.get(side) or 1024) for side in ("width", "height")]

    def _heads(self) -> list[str]:
        seconds: dict[int, list[float]] = defaultdict(list)
        prices: dict[int, list[float | None]] = defaultdict(list)
        for cell in self.set.cells:
            if entry := self._jobs[cell.job.id].entry:
                seconds[cell.column].append(entry.elapsed_s)
                prices[cell.column].append(entry.price_usd)
        count = range(len(self.set.columns))
        return [sentences.head(seconds[number], prices[number]) for number in count]

    def _orders(self) -> dict[str, list[int]]:
        """Return in which order each row shows its columns in a blind test."""
        count = len(self.set.columns)
        places = {(cell.page, cell.row) for cell in self.set.cells}
        return {
            f"{page}.{row}": blind.shuffled(count, self._secret, row, page)
            for page, row in sorted(places)
        }

    def _shares(self) -> list[dict[str, Any]]:
        return [
            {
                "target": one.target,
                "picks": one.picks,
                "of": one.of,
                "low": round(one.low, 4),
                "high": round(one.high, 4),
                "said": sentences.interval(one.low, one.high),
            }
            for one in blind.shares(self.set.picks, self.set.columns)
        ]

    def differing(self, row: int, page: int) -> dict[str, Any]:
        """Return what the finished images of a row were sent differently, column by column."""
        sent: dict[str, Mapping[str, Any]] = {}
        for cell in self.set.cells:
            entry = self._jobs[cell.job.id].entry
            if (cell.row, cell.page) == (row, page) and entry:
                sent[f"{cell.column} {self.set.columns[cell.column]}"] = entry.sent
        rows = differences(sent) if len(sent) > 1 else []
        return {
            "set": self.set.id,
            "row": row,
            "page": page,
            "columns": [int(key.split(" ", 1)[0]) for key in sent],
            "rows": [{"name": one.name, "values": list(one.values)} for one in rows],
        }


def _retry(studio: Studio, jobs: Sequence[Job]) -> dict[str, Any] | None:
    if not jobs:
        return None
    prices = [studio.price_again(job) for job in jobs]
    total = None if None in prices else round(sum(one or 0.0 for one in prices), 6)
    return {
        "label": sentences.retry_failed(len(jobs), total),
        "price": total,
        "ask": sentences.ask_retry(len(jobs), total) if total != 0 else None,
    }


def _looks(progress: Progress) -> tuple[object, ...]:
    """Return what a cell shows of a job that is on its way."""
    return (progress.job.state, _said(progress), progress.share, progress.preview, progress.entry)


def _said(progress: Progress) -> str:
    """Say how a job stands; only the next ones are told their place, which changes all the time."""
    far = progress.job.state == "waiting" and (progress.ahead or 0) >= FIRST_PLACES
    plain = far and not progress.stop and not progress.needs_key
    if plain:
        return say("compare-queued")
    return messages.tile(progress) if progress.job.active else messages.state(progress)


async def _cell(studio: Studio, media: Media, progress: Progress) -> dict[str, Any]:
    job, entry = progress.job, progress.entry
    if job.active:
        line = queue.row(progress, {}, {})
    else:
        prices = {job.id: studio.price_again(job)}
        line = queue.row(progress, {job.id: studio.possible_actions(job)}, prices)
    cell: dict[str, Any] = {
        "job": job.id,
        "state": job.state,
        "said": _said(progress),
        "done": round(line.done, 2) if job.state in ("running", "sending") else 0,
        "seed": job.seed,
        "prompt": str(job.params.get("prompt", "")),
        "acts": [_act(button) for button in line.buttons if button.name not in LEFT_OUT],
    }
    if job.state in ("failed", "unknown"):
        cell["why"] = messages.failure(job)
    if progress.preview:
        cell["preview"] = markup.address(progress.preview)
    if entry:
        cell |= {
            "entry": entry.id,
            "file": await media.url(entry),
            "thumb": await media.url(entry, "thumbnail"),
            "size": [entry.width, entry.height],
            "took": messages.seconds(entry.elapsed_s),
            "price": sentences.price(entry.price_usd),
            "sandbox": entry.sandbox,
            "flagged": entry.flagged,
        }
    elif job.state == "finished":
        cell["why"] = say("image-gone")
    return cell


def _act(button: queue.Button) -> dict[str, str]:
    return {
        "do": button.name,
        "job": button.job,
        "label": button.label,
        "ask": button.ask,
        "price": button.price,
        "pick": button.pick,
    }
