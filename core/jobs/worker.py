"""One backend's worker: it carries jobs from `waiting` to their end, each step on disk first."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import Any

from core.backend import Backend, Collectable, Resumable
from core.errors import (
    AuthError,
    BackendError,
    HeldError,
    HistoryError,
    OutOfCreditError,
    PlaygroundError,
    RateLimitError,
    RunTimeoutError,
    TakenError,
)
from core.events import Running
from core.jobs.active_job import MOST_TRIES, Run, broken, parked, retryable
from core.jobs.attempt import Attempt
from core.jobs.job import ACTIVE, Job, State
from core.jobs.ledger import Ledger
from core.jobs.save import Recorder
from core.jobs.send_queue import Limits, SendQueue

log = logging.getLogger(__name__)

KEPT_S = 7 * 24 * 3600
"""How long a remote service keeps results, in seconds."""
THROTTLED_S = 60.0
"""Pause after a rate limit that names no time, in seconds."""
LEAST_PAUSE_S = 1.0
RETRY_S = (5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
"""Pauses before a pending job is asked for again, in seconds; the last one repeats."""


class Worker:
    """The jobs of one backend, sent in the order of its line."""

    def __init__(self, backend: Backend, ledger: Ledger, recorder: Recorder) -> None:
        self.backend = backend
        self._ledger = ledger
        # Two sends without an answer could not be told apart in the service's list afterwards.
        single = isinstance(backend, Resumable)
        most: int | None = getattr(backend, "max_per_minute", None)
        self.queue = SendQueue(Limits(backend.max_concurrency, most, single))
        self._attempt = Attempt(backend, ledger, recorder, self.queue)

    async def carry(self, run: Run) -> None:
        """Bring a job to its end; every outcome is in the ledger when this returns."""
        try:
            await self._until_done(run)
        except asyncio.CancelledError:
            if not run.stopped:
                raise  # the program ends: the ledger says how to go on
            await self._stop(run)
        except (TakenError, HeldError) as error:
            log.info("job %s is let go: %s", run.job.id, error)
            run.elsewhere = True
        except PlaygroundError as error:
            await self._fail(run, error)
        except Exception:
            log.exception("job %s broke", run.job.id)
            await self._fail(run, broken(run.job))
        finally:
            self.queue.leave(run.job.id)

    async def _until_done(self, run: Run) -> None:
        """Work on a job; while the service still may deliver, ask again instead of giving up."""
        waits = 0
        while True:
            try:
                return await self._attempt.work(run)
            except RateLimitError as error:
                if run.job.request_id is not None:
                    raise
                await self._wait_again(run, error)
            except HeldError:
                raise
            except (RunTimeoutError, HistoryError) as error:
                if not self._pending(run):
                    raise
                await self._pause(run, error, RETRY_S[min(waits, len(RETRY_S) - 1)])
                waits += 1
            except PlaygroundError:
                raise
            except Exception:
                log.exception("job %s broke", run.job.id)
                await self._count(run)
                await self._pause(run, broken(run.job), RETRY_S[0])

    async def _count(self, run: Run) -> None:
        """Count a fault of our own in a job that is paid for; raises when it is one too many."""
        if not self._pending(run):
            raise broken(run.job)
        run.job = await self._ledger.change(run.job.id, "running", tries=run.job.tries + 1)
        if run.job.tries >= MOST_TRIES:
            raise parked(run.job)

    async def _pause(self, run: Run, error: PlaygroundError, seconds: float) -> None:
        """Keep what was paid for, say why it is not here, and leave the room to others."""
        self.queue.leave(run.job.id)
        run.pending = True
        run.job = await self._note_quietly(run, "running", error)
        run.tell()
        if run.let_go and run.idle:
            raise asyncio.CancelledError
        await asyncio.sleep(seconds)
        run.pending = False

    async def _note_quietly(self, run: Run, state: State, error: PlaygroundError) -> Job:
        """Write a reason down; a disk too full for that must not end the job."""
        try:
            return await self._ledger.change(
                run.job.id, state, error=str(error), advice=error.advice
            )
        except HistoryError:
            log.warning("job %s: %s", run.job.id, error)
            return run.job

    def _pending(self, run: Run) -> bool:
        """Whether a picture that was paid for may still arrive."""
        young = time.time() - (run.job.sent_at or time.time()) < KEPT_S
        known = run.job.request_id is not None and isinstance(self.backend, Resumable)
        lies = bool(run.job.outputs) and isinstance(self.backend, Collectable)
        return young and (known or lies or (run.image is not None and self.backend.paid))

    async def _wait_again(self, run: Run, error: RateLimitError) -> None:
        """Put a job that was certainly not taken back to waiting; nobody sends for a while."""
        wished = THROTTLED_S if error.retry_after is None else error.retry_after
        self.queue.postpone(run.job.id, run.job.owner, max(LEAST_PAUSE_S, wished))
        run.queued, run.progress = None, Running()
        run.job = await self._ledger.change(
            run.job.id, "waiting", error=str(error), advice=error.advice, sent_at=None
        )
        run.tell()
        if run.stopped or run.let_go:  # a person cancelled it while it was on its way out
            raise asyncio.CancelledError

    async def _stop(self, run: Run) -> None:
        """Write down that it was cancelled; what is paid for ends only before it is sent."""
        among: tuple[State, ...] = ("waiting",) if self.backend.paid else ACTIVE
        with suppress(TakenError):  # the picture, or another process, was quicker than the click
            run.job = await self._ledger.change(run.job.id, "cancelled", among=among, charged="no")

    async def _fail(self, run: Run, error: PlaygroundError) -> None:
        """Write the end down; a key or account that is refused stops the worker."""
        if run.job.own_key and isinstance(error, AuthError):
            error.advice = "Enter another key on the Backends tab."
        facts: dict[str, Any] = {"error": str(error), "advice": error.advice}
        if isinstance(error, BackendError) and self.backend.paid:
            facts["charged"] = error.charged
        charged = facts.get("charged", run.job.charged)
        lost = charged == "maybe" and run.job.request_id is None
        facts["retryable"] = retryable(error)
        if isinstance(error, AuthError | OutOfCreditError) and self.backend.paid:
            self.queue.stop(error)
        like = None if run.owed else run.job
        try:
            run.job = await self._ledger.change(
                run.job.id, "unknown" if lost else "failed", like=like, **facts
            )
        except TakenError:
            run.elsewhere = True
        except PlaygroundError:
            log.exception("the end of job %s could not be written down", run.job.id)
