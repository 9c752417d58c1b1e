"""How every fault is to end, by rule, and the runner that finds out how it did.

A cell is a service, a fault, how often it strikes, and a task. Its end is one word:

made       the image is in the history, charged once
refused    failed, and nothing was charged
throttled  it keeps its place and waits, and nothing was charged
unknown    it may have been charged, has no id, and is not sent again
pending    it is paid for, has its id and a reason, and is asked for again later
ended      the service or an address of its is at fault; failed with its id, and may be charged
"""

from __future__ import annotations

import asyncio
import functools
import io
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from sqlalchemy import Connection

from backends.remote.public_addresses import CheckedTransport
from core import pictures
from core.history import History
from core.jobs.ledger import Ledger
from core.params import Params, Task
from core.pictures import Picture
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio
from sandbox import Options, create_app
from sandbox.faults.catalogue import (
    CATALOGUE,
    DOWNLOADS,
    OUTPUTS,
    POLLS,
    REFUSALS,
    RESULTS,
    RUNS,
    THROTTLES,
)
from tests.backends.services import fal, params_of, siraya, wavespeed
from tests.fakes import picture

TIMES = ("1", "3", "forever")
DEADLINE_S = 9.0
LATENCY_S = 0.3
"""How long an image takes: too long for the answer to a submit to have it already."""
POLL_S = 0.1
ANSWER_S, HANGING_S = 10.0, 1.5
"""After this a transport gives up, as the real one does after 10 to 300 seconds."""
HANGING = ("hang", "slow_head", "late", "trickle")
PATIENCE_S = 40.0
"""For a cell, beyond which it counts as stuck."""
ENDED = ("finished", "failed", "cancelled", "unknown")

# A redirect or an address that no client may follow ends the job at once, even if the service
# would name a better one later: it was told to do harm.
LURES = {name for name in (*OUTPUTS, *DOWNLOADS) if name.startswith(("outputs_", "download_red"))}
LURES -= {"outputs_data_url", "outputs_relative_url", "download_redirect_loop"}
HARMLESS = {"poll_odd_timings", "poll_null_fields", "poll_bare", "result_succeeded", "run_flagged"}
HARMLESS |= {"submit_bare", "submit_500_with_task_billed", "download_wrong_type"}
HARMLESS |= {"submit_more_fields_billed", "submit_renamed_field_billed", "submit_203_billed"}
HARMLESS |= {"submit_text_plain_billed", "poll_more_fields", "poll_text_plain", "download_larger"}
HARMLESS |= {"result_203"}
HARMLESS |= {f"result_{what}_field" for what in ("missing", "renamed")} | {"result_more_fields"}
HARMLESS |= {name for name in CATALOGUE if name.startswith("account_")}


HOSTS = {
    "wavespeed": "api.wavespeed.ai",
    "siraya": "image.siraya.pro",
    "fal": "queue.fal.run",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One square of the matrix."""

    service: str
    fault: str
    times: str
    task: Task = "text-to-image"

    @property
    def prompt(self) -> str:
        """A list is only asked after an answer was lost, and an image is uploaded before it."""
        before = "submit_reset_billed+" if self.fault.startswith("list_") else ""
        return "hills" if self.uploads else f"fault:{before}{self.fault}*{self.times}|hills"

    @property
    def uploads(self) -> bool:
        return self.fault.startswith(("upload_", "put_"))

    @property
    def answer_s(self) -> float:
        felt = self.service != "siraya" or self.fault.startswith("submit_")
        hangs = felt and any(word in self.fault for word in HANGING)
        return HANGING_S if hangs else ANSWER_S

    @property
    def deadline_s(self) -> float:
        return 6.0 * DEADLINE_S if self.fault == "poll_404" else DEADLINE_S


@dataclass(frozen=True, slots=True)
class End:
    """Where a cell came to rest."""

    word: str
    charges: int
    posts: int
    detail: str


def cells() -> list[Cell]:
    """Every fault of the catalogue, each so often, on every service; on fal with both tasks."""
    services = ("wavespeed", "siraya", "fal")
    made = [Cell(s, fault, times) for s in services for fault in CATALOGUE for times in TIMES]
    # fal has no list of jobs and tells no balance, and takes images inside the request.
    missing = ("list_", "account_", "upload_", "put_")
    made = [cell for cell in made if cell.service != "fal" or not cell.fault.startswith(missing)]
    edits = [replace(cell, task="image-to-image") for cell in made if cell.service == "fal"]
    return made + edits


def specified(cell: Cell, *, lists_jobs: bool) -> set[str]:
    """Return the ends that a cell may have; `lists_jobs` is whether lost answers are looked up."""
    fault = cell.fault
    if cell.service == "fal" and fault in ("submit_400_in_200", "submit_402_in_200"):
        return {"unknown"}  # no error of fal's looks like this, so it may be anything
    if cell.service == "fal" and fault == "result_500" and cell.times == "forever":
        return {"ended"}  # how fal tells that a model failed
    if cell.service == "fal" and fault in POLLS:
        # The stream is not needed, and the result is asked for where the status says nothing. One
        # that says for ever that it is not done is believed until the next round.
        lies = fault == "poll_pending" and cell.times == "forever"
        return {"made", "pending"} if lies else {"made"}
    if fault in REFUSALS:
        return {"refused"}
    if fault in THROTTLES:
        return _throttled(cell)
    if fault.startswith("submit_") and fault not in HARMLESS:
        return _unclear(cell, lists_jobs=lists_jobs)
    if cell.service == "siraya":
        return _synchronous(cell)
    if fault in HARMLESS:
        return {"made"}
    if fault in RUNS:
        return {"pending"} if fault == "run_stuck" else {"ended"}
    if fault in LURES:
        return {"ended"}
    if fault in POLLS or fault in RESULTS or fault in DOWNLOADS or fault in OUTPUTS:
        return _recovered(cell)
    if cell.uploads:
        refused = fault == "upload_413" or cell.times == "forever"
        return {"refused"} if refused else {"made"}
    return _looked_up(cell, lists_jobs=lists_jobs)


def _looked_up(cell: Cell, *, lists_jobs: bool) -> set[str]:
    """A lost answer whose list fails too: a few looks are taken, then a person decides."""
    return {"made"} if lists_jobs and cell.times == "1" else {"unknown"}


def _throttled(cell: Cell) -> set[str]:
    """Waits as long as it was told, else a full minute, in its place."""
    soon = cell.fault in ("submit_429_retry_after", "submit_429_retry_date")
    if cell.times == "forever" or not soon:
        return {"throttled"}
    return {"made"}


def _unclear(cell: Cell, *, lists_jobs: bool) -> set[str]:
    """Looked up where there is a list and one candidate; told as open everywhere else."""
    billed = cell.fault.endswith("_billed")
    if cell.fault == "submit_older_id_billed" and cell.service == "siraya":
        return {"made"}  # it has no ids
    if cell.service != "wavespeed" or not lists_jobs:
        return {"unknown"}
    if "stranger" in cell.fault:
        # One job in the list that is not ours cannot be told from one that is: it has no prompt.
        return {"unknown"} if billed else {"unknown", "made"}
    return {"made"} if billed else {"unknown"}


def _synchronous(cell: Cell) -> set[str]:
    """On Siraya the image is in the answer: only what spoils the job itself is felt."""
    outcome = CATALOGUE[cell.fault]
    if cell.fault in ("submit_bare", "submit_500_with_task_billed") or "list_" in cell.fault:
        return {"unknown"}
    if cell.fault not in RUNS or cell.fault == "run_flagged":
        return {"made"}
    blamed = getattr(outcome, "code", 0) in (1200, 1400, 1401, 1402)
    return {"refused"} if blamed else {"unknown"}


def _recovered(cell: Cell) -> set[str]:
    """What may pass is waited for, within one round or, with the id kept, in a later one."""
    if cell.fault == "outputs_data_url":
        return {"pending"}
    if cell.fault == "outputs_relative_url":
        return {"pending", "ended"}
    if cell.times == "forever":
        return {"ended"} if cell.fault == "poll_404" else {"pending"}
    if cell.times == "3":
        # A key refused three times is believed for a while; so is a file that is no image.
        late = cell.fault in ("poll_401", "result_bad_base64", "download_redirect_loop")
        return {"made", "pending"} if late else {"made"}
    return {"made"}


class Hurried(httpx.AsyncBaseTransport):
    """Gives up early on an answer that does not come, as a read timeout does."""

    def __init__(self, inner: httpx.AsyncBaseTransport, seconds: float) -> None:
        self._inner, self._seconds = inner, seconds

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._inner.handle_async_request(request)
        except TimeoutError as error:
            raise httpx.ReadTimeout("no answer", request=request) from error


class Databases:
    """Empty databases in memory; one that was used is emptied, which is quicker than a new one."""

    def __init__(self) -> None:
        self._free: list[Database] = []
        self._empty = sqlite3.connect(":memory:", check_same_thread=False)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Database]:
        """Lend a database that nobody else has meanwhile."""
        if self._free:
            database = self._free.pop()
            await database.run(lambda db: self._empty.backup(_driver(db)))
        else:
            database = Database("sqlite:///:memory:")
            await database.migrate()
            await database.run(lambda db: _driver(db).backup(self._empty))
        yield database
        self._free.append(database)

    async def aclose(self) -> None:
        for database in self._free:
            await database.aclose()
        self._empty.close()


def _driver(db: Connection) -> sqlite3.Connection:
    found = db.connection.driver_connection
    assert isinstance(found, sqlite3.Connection)
    return found


async def played(cell: Cell, folder: Path, database: Database) -> End:
    """Make an image with a fault, through a studio of its own on an empty database."""
    fault = f"{cell.fault}*{cell.times}" if cell.uploads else ""
    app = create_app(Options(latency=LATENCY_S, picture="fixed", balance=1.0, fault=fault))
    backend = _backend(cell, app)
    history = History(database, Storage(str(folder)))
    studio = Studio({backend.id: backend}, Ledger(database), history)
    await studio.start()
    try:
        if "older_id" in cell.fault:
            await _made_before(studio, backend)
        job = await studio.submit(backend.id, _wish(cell, backend), owner="ann")
        return await _end(studio, job.id, app.state.sandbox)
    finally:
        await studio.aclose()


def _backend(cell: Cell, app: Any) -> Any:
    host = HOSTS[cell.service]
    wire = Hurried(httpx.ASGITransport(app=app), cell.answer_s)
    transport = CheckedTransport(httpx.URL(f"https://{host}"), connect=lambda: wire)
    if cell.service == "wavespeed":
        return wavespeed(transport, deadline_s=cell.deadline_s, poll_s=POLL_S)
    if cell.service == "fal":
        return fal(transport, deadline_s=cell.deadline_s, poll_s=POLL_S)
    return siraya(transport)


def _wish(cell: Cell, backend: Any) -> Params:
    if cell.uploads and cell.service == "wavespeed":
        return params_of(backend, "image-to-image", prompt=cell.prompt, image=large())
    if cell.task == "image-to-image":
        start = pictures.load(picture(9, 256, 256))  # a smaller file is half headers
        return params_of(backend, cell.task, prompt=cell.prompt, image=start)
    return params_of(backend, cell.task, prompt=cell.prompt, width=256, height=256)


@functools.cache
def large() -> Picture:
    """An image too large for the body of a request."""
    noise = random.Random(1).randbytes(1250 * 1250 * 3)
    file = io.BytesIO()
    Image.frombytes("RGB", (1250, 1250), noise).save(file, "PNG", compress_level=1)
    return pictures.load(file.getvalue())


async def _made_before(studio: Studio, backend: Any) -> None:
    wish = params_of(backend, "text-to-image", prompt="earlier", width=256, height=256)
    job = await studio.submit(backend.id, wish, owner="ann")
    await studio.result(job.id, owner="ann")


async def _end(studio: Studio, job_id: str, sandbox: Any) -> End:
    """Wait until a job ended, or says why it waits and still does after a second look."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_S
    while True:
        job = await studio.ledger.get(job_id)
        told_s = GIVEN_S.get(job.state, 0.0)
        if job.state in ENDED:
            break
        if job.error and loop.time() > until - PATIENCE_S + told_s:
            break
        if loop.time() > until:
            break
        await asyncio.sleep(1.0)
    stats = sandbox.stats()
    earlier = sum(row["prompt"] == "earlier" for row in sandbox.rows())
    harmless = (stats["credentials_leaked"], stats["forbidden"]) == (0, 0)
    word = _word(job) if harmless else "harm"
    detail = f"{job.state}, charged {job.charged}, id {job.request_id}: {job.error}"
    return End(word, stats["charges"] - earlier, stats["posts"] - earlier, detail)


GIVEN_S = {"waiting": 12.0, "running": 16.0, "sending": 30.0}
"""How long a job that says why it is not here is given: until it is sent or asked for again, or
looked up three times."""


def _word(job: Any) -> str:
    told = bool(job.error and job.advice)
    match job.state, job.charged, bool(job.request_id):
        case "finished", "yes", _:
            return "made"
        case "failed", "no", False if told:
            return "refused"
        case "waiting", "no", False if told:
            return "throttled"
        case "unknown", "maybe", False if told:
            return "unknown"
        case "running", "yes", True if told:
            return "pending"
        case "failed", "maybe" | "yes", True if told:
            return "ended"
        case "running" | "sending" | "waiting", _, _:
            return "stuck"
    return "none of the ends"
