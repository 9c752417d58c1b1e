"""What is in the data folder at every step of a job's life, and that each one restarts well.

Before every request and around every step on disk a copy of the folder is taken, as a crash at that
instant would leave it. Each copy is looked at, and then a studio is started on it.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from sqlalchemy import Connection

from core.history import History
from core.jobs.ledger import Ledger
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio
from sandbox import Options, create_app
from tests.backends.services import params_of, siraya, wavespeed

pytestmark = pytest.mark.anyio
SLOW = pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="takes some seconds; .ci/run sets EVERY_TEST"
)

T = TypeVar("T")
SENDS = ("/api/v3/wavespeed-ai/", "/v1/images/")
SERVICES = pytest.mark.parametrize("service", [wavespeed, siraya], ids=["wavespeed", "siraya"])


@dataclass(frozen=True, slots=True)
class Image:
    """The data folder as a crash would leave it, and what was about to happen."""

    moment: str
    folder: Path

    def rows(self, table: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.folder / "playground.db")) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(f"SELECT * FROM {table}")]

    @property
    def job(self) -> dict[str, Any]:
        return self.rows("jobs")[0]


@dataclass(slots=True)
class Camera:
    """Copies a folder at every step."""

    folder: Path
    images: list[Image] = field(default_factory=list)

    def take(self, moment: str) -> None:
        copy = self.folder.with_name(f"image-{len(self.images)}")
        shutil.copytree(self.folder, copy, ignore=shutil.ignore_patterns("*-shm"))
        self.images.append(Image(moment, copy))


class Wire(httpx.ASGITransport):
    """The sandbox in this process; notes what is asked, before it is."""

    def __init__(self, app: Any, note: Callable[[str], object]) -> None:
        super().__init__(app=app)
        self._note = note

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._note(f"{request.method} {request.url.path}")
        return await super().handle_async_request(request)


class WatchedDatabase(Database):
    """An image of the folder after every transaction."""

    camera: Camera

    async def run(self, work: Callable[[Connection], T]) -> T:
        found = await super().run(work)
        self.camera.take("after a transaction")
        return found


class WatchedStorage(Storage):
    """An image of the folder before and after every file."""

    camera: Camera

    async def write(self, name: str, data: bytes) -> None:
        self.camera.take(f"before {name}")
        await super().write(name, data)
        self.camera.take(f"after {name}")


async def photographed(folder: Path, service: Any) -> tuple[Camera, Any]:
    """Make one image with a camera at every step; return it with the sandbox."""
    folder.mkdir()
    app = create_app(Options(latency=0.1, picture="fixed"))
    camera = Camera(folder)
    database = WatchedDatabase(f"sqlite:///{folder / 'playground.db'}")
    await Database.migrate(plain := Database(f"sqlite:///{folder / 'playground.db'}"))
    await plain.aclose()
    storage = WatchedStorage(str(folder))
    database.camera = storage.camera = camera
    backend = service(Wire(app, camera.take))
    studio = Studio({backend.id: backend}, Ledger(database), History(database, storage))
    await studio.start()
    wish = params_of(backend, "text-to-image", width=256, height=256)
    job = await studio.submit(backend.id, wish, owner="ann")
    done = await studio.result(job.id, owner="ann")
    assert done.job.state == "finished", done.job.error
    await studio.aclose()
    await database.aclose()
    camera.images = [image for image in camera.images if image.rows("jobs")]
    return camera, app


@pytest.mark.slow
@SERVICES
async def test_the_folder_is_ahead_of_every_request(tmp_path: Path, service: Any) -> None:
    """The row before the send, the request id before the poll and the download."""
    camera, app = await photographed(tmp_path / "data", service)
    (charge,) = app.state.sandbox.rows()
    asked = [image for image in camera.images if image.moment.startswith(("GET", "POST"))]
    sends = [image for image in asked if any(path in image.moment for path in SENDS)]
    later = [
        image for image in asked if "/predictions/" in image.moment or "/outputs/" in image.moment
    ]
    assert len(sends) == 1
    assert sends[0].job["state"] in ("sending", "running")
    assert sends[0].job["sent_at"] is not None
    assert bool(later) == (service is wavespeed)
    for image in later:
        assert (image.job["state"], image.job["request_id"]) == ("running", charge["id"])
        assert image.job["charged"] == "yes"


@pytest.mark.slow
@SERVICES
async def test_a_row_never_points_at_nothing_at_any_step(tmp_path: Path, service: Any) -> None:
    """Wherever the row is, file and thumbnail are; and entry and end come together."""
    camera, _ = await photographed(tmp_path / "data", service)
    steps = [image.moment for image in camera.images]
    file = next(i for i, step in enumerate(steps) if step.startswith("after images/"))
    thumbnail = next(i for i, step in enumerate(steps) if step.startswith("before thumbnails/"))
    assert file < thumbnail
    with_row = 0
    for image in camera.images:
        entries = image.rows("entries")
        assert bool(entries) == (image.job["state"] == "finished"), image.moment
        for entry in entries:
            facts = json.loads(entry["facts"])
            assert (image.folder / facts["file"]).stat().st_size > 0
            assert (image.folder / facts["thumbnail"]).stat().st_size > 0
            with_row += 1
    assert 0 < with_row < len(camera.images)


async def restarted(image: Image, service: Any, app: Any) -> tuple[Counter[str], dict[str, Any]]:
    """Start on a copy of a folder, let everything end, and count what was asked."""
    asked: Counter[str] = Counter()

    def note(request: str) -> None:
        asked["sends"] += any(path in request for path in SENDS)

    database = Database(f"sqlite:///{image.folder / 'playground.db'}")
    await database.migrate()
    history = History(database, Storage(str(image.folder)))
    backend = service(Wire(app, note))
    studio = Studio({backend.id: backend}, Ledger(database), history)
    await studio.start()
    job = image.job
    done = await asyncio.wait_for(studio.result(job["id"], owner="ann"), 60)
    await studio.aclose()
    await database.aclose()
    for entry in image.rows("entries"):
        facts = json.loads(entry["facts"])
        assert (image.folder / facts["file"]).exists() and (
            image.folder / facts["thumbnail"]
        ).exists()
    assert (done.entry is not None) == (done.job.state == "finished")
    return asked, image.job


@SLOW
@SERVICES
async def test_a_crash_at_any_step_restarts_without_a_second_charge(
    tmp_path: Path, service: Any
) -> None:
    """What was not sent is sent once; what has an id arrives; what may have been sent is told."""
    camera, app = await photographed(tmp_path / "data", service)
    before = [image.job for image in camera.images]
    ends = await asyncio.gather(*(restarted(image, service, app) for image in camera.images))
    seen: Counter[str] = Counter()
    for old, (asked, new) in zip(before, ends, strict=True):
        seen[f"{old['state']} → {new['state']}"] += 1
        assert asked["sends"] == (old["state"] == "waiting"), (old, new)
        if old["request_id"] or old["state"] in ("waiting", "finished"):
            assert (new["state"], new["charged"]) == ("finished", "yes"), (old, new)
        elif new["state"] != "finished":  # else it was found again
            assert (new["state"], new["charged"]) == ("unknown", "maybe"), (old, new)
            assert new["error"] and new["advice"]
    assert seen["waiting → finished"] and seen["finished → finished"]
    assert service is siraya or seen["running → finished"]
