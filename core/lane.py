"""One backend's lane: it carries jobs from `waiting` to their end, each step on disk first."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import Any

from core.backend import Backend, Resumable
from core.errors import (
    BackendError,
    Charged,
    HistoryError,
    PlaygroundError,
    RateLimitError,
    RunTimeoutError,
)
from core.events import Accepted, Event, Finished, Preview, Queued, Running
from core.ledger import Job, Ledger, State
from core.params import Params
from core.record import Recorder

log = logging.getLogger(__name__)

KEPT_S = 7 * 24 * 3600
"""How long a remote service keeps results, in seconds."""
FULL_MINUTE_S = 60.0
"""Pause after a service that takes no more requests and names no time, in seconds."""
RETRY_S = (5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
"""Pauses before a pending job is asked for again, in seconds; the last one repeats."""
THROTTLED_S = 60.0
"""Pause after a rate limit that names no time, in seconds."""
LEAST_PAUSE_S = 1.0


@dataclass(slots=True)
class Run:
    """A job that this process is carrying, with what its backend said last."""

    job: Job
    params: Params
    queued: int | None = None
    progress: Running = field(default_factory=Running)
    preview: bytes | None = None
    stopped: bool = False
    """A person cancelled it."""
    task: asyncio.Task[None] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self) -> None:
        """Wake whoever watches."""
        self.changed.set()
        self.changed = asyncio.Event()


class Lane:
    """The jobs of one backend: `max_concurrency` at once, one unanswered send at a time."""

    def __init__(self, backend: Backend, ledger: Ledger, recorder: Recorder) -> None:
        self.backend = backend
        self._ledger = ledger
        self._recorder = recorder
        self._slots = asyncio.Semaphore(backend.max_concurrency)
        # Two sends without an answer could not be told apart in the service's list afterwards.
        self._sending = asyncio.Semaphore(1 if isinstance(backend, Resumable) else 1_000)
        self._quiet_until = 0.0  # monotonic; the service asked not to be sent anything before

    async def carry(self, run: Run) -> None:
        """Bring a job to its end; every outcome is in the ledger when this returns."""
        try:
            async with self._slots:
                await self._until_done(run)
        except asyncio.CancelledError:
            if not run.stopped:
                raise  # the program ends: the ledger says how to go on
            await self._stop(run)
        except PlaygroundError as error:
            await self._fail(run, error)
        except Exception:
            log.exception("job %s broke", run.job.id)
            await self._fail(run, _broken(run.job))

    async def _until_done(self, run: Run) -> None:
        """Work on a job; while the service still may deliver, ask again instead of giving up."""
        pauses = iter(RETRY_S)
        while True:
            try:
                return await self._work(run)
            except RateLimitError as error:
                if run.job.request_id is not None:
                    raise
                await self._pause(run, "waiting", error, error.retry_after or FULL_MINUTE_S)
            except (RunTimeoutError, HistoryError) as error:
                if not self._pending(run):
                    raise
                await self._pause(run, "running", error, next(pauses, RETRY_S[-1]))

    async def _pause(self, run: Run, state: State, error: PlaygroundError, seconds: float) -> None:
        """Keep the job's place, say why it waits, and wait."""
        run.job = await self._ledger.change(
            run.job.id, state, error=str(error), advice=error.advice
        )
        run.tell()
        await asyncio.sleep(seconds)

    def _pending(self, run: Run) -> bool:
        young = time.time() - (run.job.sent_at or time.time()) < KEPT_S
        return isinstance(self.backend, Resumable) and run.job.request_id is not None and young

    async def _work(self, run: Run) -> None:
        async with AsyncExitStack() as turn:
            if run.job.request_id is None:
                await turn.enter_async_context(self._sending)
            while True:
                try:
                    await self._attempt(run, turn)
                    break
                except RateLimitError as error:
                    if run.job.request_id is not None:
                        raise
                    # The turn is kept: whoever came later does not overtake.
                    await self._wait_again(run, error)
        if run.job.state != "finished":
            raise _broken(run.job)

    async def _attempt(self, run: Run, turn: AsyncExitStack) -> None:
        """Send, or resume, once; the turn ends when the service has accepted."""
        if run.job.request_id is None:
            await asyncio.sleep(max(0.0, self._quiet_until - time.monotonic()))
            run.job = await self._ledger.change(
                run.job.id,
                "sending",
                sent=self.backend.sent(run.params),
                sent_at=time.time(),
                error="",
                advice="",
            )
            run.tell()
        async with aclosing(_stream(self.backend, run)) as events:
            async for event in events:
                await self._note(run, event)
                if isinstance(event, Accepted):
                    await turn.aclose()

    async def _wait_again(self, run: Run, error: RateLimitError) -> None:
        """Put a job that was certainly not taken back to waiting; nobody sends for a while."""
        wished = THROTTLED_S if error.retry_after is None else error.retry_after
        self._quiet_until = time.monotonic() + max(LEAST_PAUSE_S, wished)
        run.queued, run.progress = None, Running()
        run.job = await self._ledger.change(
            run.job.id, "waiting", error=str(error), advice=error.advice, sent_at=None
        )
        run.tell()

    async def _note(self, run: Run, event: Event) -> None:
        """Put an event where it belongs: the ledger first, then the eyes of the watchers."""
        match event:
            case Accepted(request_id):
                run.job = await self._ledger.change(
                    run.job.id, "running", request_id=request_id, charged=self._charge()
                )
            case Queued(position):
                run.queued = position
            case Running():
                run.queued, run.progress = None, event
                if run.job.state != "running" and not isinstance(self.backend, Resumable):
                    run.job = await self._ledger.change(run.job.id, "running")
            case Preview(image):
                run.preview = image
            case Finished(image, flagged):
                if run.job.charged != self._charge():  # paid for, even if it cannot be stored
                    run.job = await self._ledger.change(
                        run.job.id, "running", charged=self._charge()
                    )
                run.job = await self._recorder.keep(
                    run.job, image, flagged=flagged, charged=self._charge()
                )
            case _:
                raise TypeError(f"not an event: {event!r}")
        run.tell()

    def _charge(self) -> Charged:
        return "yes" if self.backend.paid else "no"

    async def _stop(self, run: Run) -> None:
        run.job = await self._ledger.get(run.job.id)
        if run.job.active:  # else the picture was quicker than the click
            run.job = await self._ledger.change(run.job.id, "cancelled", charged="no")

    async def _fail(self, run: Run, error: PlaygroundError) -> None:
        facts: dict[str, Any] = {"error": str(error), "advice": error.advice}
        if isinstance(error, BackendError) and self.backend.paid:
            facts["charged"] = error.charged
        lost = facts.get("charged") == "maybe" and run.job.request_id is None
        try:
            run.job = await self._ledger.change(
                run.job.id, "unknown" if lost else "failed", **facts
            )
        except PlaygroundError:
            log.exception("the end of job %s could not be written down", run.job.id)


def _stream(backend: Backend, run: Run) -> Any:
    if run.job.request_id is not None and isinstance(backend, Resumable):
        return backend.resume(run.params, run.job.request_id)
    return backend.generate(run.params)


def _broken(job: Job) -> BackendError:
    return BackendError(
        "The job ended without a picture because of a fault in this program.",
        advice="Look at the log; the job is in the list with its request id.",
        request_id=job.request_id,
        charged="maybe" if job.sent_at else "no",
    )
