"""Holds what the sandbox charged against what a data folder tells, after a crash campaign."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

Row = Mapping[str, Any]


@dataclass(slots=True)
class Verdict:
    """What was found: counts to print, and sentences that each break a promise."""

    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def require(self, holds: object, sentence: str) -> None:
        if not holds:
            self.violations.append(sentence)


@contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """Read a copy of the database with its log: looking at it must not repair the original."""
    with tempfile.TemporaryDirectory() as copy:
        for name in ("playground.db", "playground.db-wal"):
            if (folder / name).exists():
                shutil.copyfile(folder / name, Path(copy, name))
        with closing(sqlite3.connect(Path(copy, "playground.db"))) as database:
            database.row_factory = sqlite3.Row
            yield database


def table(database: sqlite3.Connection, name: str) -> list[dict[str, Any]]:
    """Return the rows of a table, oldest first; none when it does not exist yet."""
    known = database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    if known is None:
        return []
    return [dict(row) for row in database.execute(f"SELECT * FROM {name} ORDER BY n")]


def prompt_of(job: Row) -> str:
    return str(json.loads(job["params"])["prompt"])


class Audit:
    """One comparison; `told` are the ids that a caller was given, by the number of the wish."""

    def __init__(self, folder: Path, charges: Sequence[Row], told: Mapping[int, str]) -> None:
        self.folder = folder
        self.told = told
        self.verdict = Verdict()
        self.charges: dict[str, list[Row]] = defaultdict(list)
        for row in charges:
            self.charges[row["prompt"]].append(row)
        with opened(folder) as database:
            checked = database.execute("PRAGMA integrity_check").fetchone()[0]
            self.verdict.require(checked == "ok", f"integrity_check: {checked}")
            self.jobs = table(database, "jobs")
            self.entries = table(database, "entries")
        self.of_job: dict[str, list[Row]] = defaultdict(list)
        for entry in self.entries:
            self.of_job[entry["job_id"]].append(entry)

    def run(self, number: Any) -> Verdict:
        """Check everything; `number` reads the number of a wish from its prompt."""
        self._check_charges()
        for job in self.jobs:
            self._check_job(job)
        for entry in self.entries:
            self._check_entry(entry)
        self._check_told(number)
        self._count_leftovers()
        return self.verdict

    def _check_charges(self) -> None:
        """Every charge belongs to one job, and no job was charged twice."""
        require = self.verdict.require
        owned = Counter(prompt_of(job) for job in self.jobs)
        for prompt, rows in self.charges.items():
            self.verdict.counts["charges"] += len(rows)
            require(owned[prompt] == 1, f"charged, and {owned[prompt]} jobs know of it: {prompt}")
            require(len(rows) == 1, f"charged {len(rows)} times: {prompt}")

    def _check_job(self, job: Row) -> None:
        charge = self.charges.get(prompt_of(job), [])
        name = f"{job['backend']} job {job['id']} ({prompt_of(job)})"
        require, state = self.verdict.require, job["state"]
        told = job["charged"] in ("maybe", "yes")
        self.verdict.counts[f"{job['backend']} {state}{', charged' if charge else ''}"] += 1
        require(state in ("finished", "unknown", "failed"), f"{name} never ended: {state}")
        if state == "finished":
            require(charge, f"{name} has an image that was never charged")
            require(len(self.of_job[job["id"]]) == 1, f"{name} is finished without its one entry")
            require(job["charged"] == "yes", f"{name} is finished and says charged {told}")
        elif charge:
            require(told, f"{name} was charged and says {state}, charged {job['charged']}")
            require(state == "unknown", f"{name}: a paid image is lost, {state}: {job['error']}")
            require(job["request_id"] is None, f"{name} has its id and no image")
        if charge and job["backend"] in ("wavespeed", "fal") and job["request_id"]:
            same = job["request_id"] == charge[0]["id"]
            require(same, f"{name} took another job's image")

    def _check_entry(self, entry: Row) -> None:
        require, facts = self.verdict.require, json.loads(entry["facts"])
        name = f"entry {entry['id']} of job {entry['job_id']}"
        job = next((job for job in self.jobs if job["id"] == entry["job_id"]), None)
        require(job and job["entry_id"] == entry["id"], f"{name} belongs to no finished job")
        size = self._decoded(facts["file"])
        require(size, f"{name}: its file {facts['file']} is not there or not whole")
        params = json.loads(job["params"]) if job else {}
        wanted = params.get("image") or params  # what starts from an image has its size
        if size:
            fits = size == (wanted.get("width"), wanted.get("height"))
            require(fits, f"{name} has the image of another wish: {size}")
        require(self._decoded(facts["thumbnail"]), f"{name} has no whole thumbnail")

    def _decoded(self, name: str) -> tuple[int, int] | None:
        try:
            with Image.open(io.BytesIO((self.folder / name).read_bytes())) as picture:
                picture.load()
                return picture.size
        except OSError:
            return None

    def _check_told(self, number: Any) -> None:
        """What a caller was given an id for is there, once."""
        known = {job["id"]: job for job in self.jobs}
        for n, job_id in self.told.items():
            kept = job_id in known and number(prompt_of(known[job_id])) == n
            self.verdict.require(kept, f"wish {n} was given the id {job_id}, which is forgotten")
        self.verdict.counts["ids told"] = len(self.told)

    def _count_leftovers(self) -> None:
        """Files that no row names cost space and nothing else: told, not forbidden."""
        named = {json.loads(entry["facts"])["file"] for entry in self.entries}
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        names = {str(path.relative_to(self.folder)) for path in files}
        images = {name for name in names if name.startswith("images/")}
        self.verdict.counts["files without a row"] = len(images - named)
        self.verdict.counts["drafts left"] = sum(path.suffix == ".part" for path in files)
