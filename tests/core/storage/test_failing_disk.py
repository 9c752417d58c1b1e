"""A disk that fails at any one step, for a moment or from then on: what is paid for is not lost."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from sqlalchemy import Connection

from core.errors import HistoryError
from core.history import History
from core.jobs.ledger import Job, Ledger
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio
from sandbox import Options, create_app
from tests.backends.services import params_of, siraya, wavespeed

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
SLOW = pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="takes some seconds; .ci/run sets EVERY_TEST"
)

T = TypeVar("T")
STEPS = range(1, 14)
"""More than a job has transactions and files; a step that does not come is no failure."""
SERVICES = pytest.mark.parametrize("service", [wavespeed, siraya], ids=["wavespeed", "siraya"])


@dataclass(slots=True)
class Disk:
    """Counts the steps, and fails at those that `bad` says."""

    bad: Callable[[int], bool] = field(default=lambda _step: False)
    step: int = 0

    def use(self) -> None:
        self.step += 1
        if self.bad(self.step):
            raise HistoryError("The disk is full.", advice="Free some space and try again.")


class FailingDatabase(Database):
    """A transaction that fails changes nothing. Reading needs no space."""

    disk: Disk

    async def run(self, work: Callable[[Connection], T]) -> T:
        def counted(db: Connection) -> T:
            before = db.connection.total_changes  # type: ignore[attr-defined]
            found = work(db)
            if db.connection.total_changes > before:  # type: ignore[attr-defined]
                self.disk.use()
            return found

        return await super().run(counted)


class FailingStorage(Storage):
    """A file that fails is not there."""

    disk: Disk

    async def write(self, name: str, data: bytes) -> None:
        self.disk.use()
        await super().write(name, data)


@dataclass(frozen=True, slots=True)
class Place:
    """A data folder with its sandbox."""

    folder: Path
    service: Any
    app: Any

    def backend(self) -> Any:
        return self.service(httpx.ASGITransport(app=self.app))

    @property
    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = self.app.state.sandbox.stats()
        return found


async def opened(place: Place, disk: Disk) -> tuple[Studio, Database]:
    database = FailingDatabase(f"sqlite:///{place.folder / 'playground.db'}")
    storage = FailingStorage(str(place.folder))
    database.disk = storage.disk = Disk()
    await database.migrate()
    database.disk = storage.disk = disk
    backend = place.backend()
    studio = Studio({backend.id: backend}, Ledger(database), History(database, storage))
    await studio.start()
    return studio, database


async def lived(place: Place, bad: Callable[[int], bool]) -> Job | None:
    """One job on a disk that fails; then a restart on a good one. None: it was never taken."""
    studio, database = await opened(place, Disk(bad))
    wish = params_of(next(iter(studio.backends.values())), "text-to-image", width=256, height=256)
    try:
        job = await studio.submit(next(iter(studio.backends)), wish, owner="ann")
    except HistoryError:
        return None
    finally:
        await asyncio.sleep(1.0)
        await studio.aclose()
        await database.aclose()
    studio, database = await opened(place, Disk())
    end = await asyncio.wait_for(studio.result(job.id, owner="ann"), 60)
    await studio.aclose()
    await database.aclose()
    return end.job


def judged(place: Place, job: Job | None) -> str:
    """Say which promise a life broke, or ""."""
    charges, posts = place.stats["charges"], place.stats["posts"]
    if posts > 1 or charges > 1:
        return f"{posts} posts, {charges} charges"
    if job is None:
        return "sent without a row" if posts else ""
    if charges and job.charged == "no":
        return f"charged, and told as free: {job.state}, {job.error}"
    if charges and job.state == "failed":
        return f"paid for and given up: {job.error}"
    if charges and job.state == "unknown" and (job.request_id or job.charged != "maybe"):
        return f"unknown, with id {job.request_id} and charged {job.charged}"
    return "" if job.state in ("finished", "unknown", "failed") else f"stuck as {job.state}"


async def everywhere(folder: Path, service: Any, bad: Callable[[int], Any]) -> list[str]:
    """Fail at each step in turn, in a folder and a sandbox of its own; return what broke."""

    async def one(step: int) -> str:
        app = create_app(Options(latency=0.05, picture="fixed"))
        place = Place(folder / str(step), service, app)
        place.folder.mkdir()
        found = judged(place, await lived(place, bad(step)))
        return found and f"step {step}: {found}"

    return [found for found in await asyncio.gather(*(one(step) for step in STEPS)) if found]


@SLOW
@pytest.mark.parametrize("service", [wavespeed, siraya], ids=["wavespeed", "siraya"])
async def test_one_failure_at_any_step_loses_and_repeats_nothing(
    tmp_path: Path, service: Any
) -> None:
    """Row, state, id, file, thumbnail, end: each fails once."""
    assert await everywhere(tmp_path, service, lambda bad: lambda step: step == bad) == []


@SLOW
@SERVICES
async def test_a_disk_that_stays_full_loses_and_repeats_nothing(
    tmp_path: Path, service: Any
) -> None:
    """From each step on nothing can be written, until a restart with space."""
    assert await everywhere(tmp_path, service, lambda bad: lambda step: step >= bad) == []


@SERVICES
@pytest.mark.parametrize("step", [1, 2], ids=["the row", "its state"])
async def test_nothing_is_sent_that_is_not_written_down(
    tmp_path: Path, service: Any, step: int
) -> None:
    """While it cannot be written that a job is being sent, the service does not hear of it."""
    place = Place(tmp_path, service, create_app(Options(picture="fixed")))
    studio, database = await opened(place, Disk(lambda now: now >= step))
    wish = params_of(next(iter(studio.backends.values())), "text-to-image", width=256, height=256)
    with suppress(HistoryError):
        await studio.submit(next(iter(studio.backends)), wish, owner="ann")
    await asyncio.sleep(0.5)
    assert place.stats["posts"] == 0
    await studio.aclose()
    await database.aclose()
