"""One backend's worker: it carries jobs from `waiting` to their end, each step on disk first."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import Any

from core.backend import Backend, Cancellable
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
from core.jobs.active_job import MOST_TRIES, ActiveJob, broken, parked, retryable
from core.jobs.attempt import Attempt
from core.jobs.job import ACTIVE, Job, State
from core.jobs.ledger import Ledger
from core.jobs.next_step import FREE_STEPS, next_step
from core.jobs.save import Saver
from core.jobs.send_queue import Limits, SendQueue
from core.words import english

log = logging.getLogger(__name__)

THROTTLED_S = 60.0
"""Pause after a rate limit that names no time, in seconds."""
LEAST_PAUSE_S = 1.0
RETRY_S = (5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
"""Pauses before a pending job is asked for again, in seconds; the last one repeats."""


class Worker:
    """The jobs of one backend, sent in the order of its send queue."""

    def __init__(self, backend: Backend, ledger: Ledger, saver: Saver) -> None:
        self.backend = backend
        self._ledger = ledger
        limits = Limits(backend.max_concurrency, backend.max_per_minute, backend.max_unanswered)
        self.queue = SendQueue(limits)
        self._attempt = Attempt(backend, ledger, saver, self.queue)

    async def withdrawn(self, active: ActiveJob) -> bool:
        """Take a job back that the service has not begun; return whether that is certain.

        One that was begun is left alone: it is paid for, and stopping it would lose its image.
        """
        request_id = active.job.request_id
        if not active.unbegun or request_id is None or not isinstance(self.backend, Cancellable):
            return False
        return await self.backend.cancel(active.params, request_id)

    async def carry(self, active: ActiveJob) -> None:
        """Bring a job to its end; every outcome is in the ledger when this returns."""
        try:
            await self._until_done(active)
        except asyncio.CancelledError:
            if not active.stopped:
                raise  # the program ends: the ledger says how to go on
            await self._stop(active)
        except (TakenError, HeldError) as error:
            log.info("job %s is let go: %s", active.job.id, error)
            active.elsewhere = True
        except PlaygroundError as error:
            await self._fail(active, error)
        except Exception:
            log.exception("job %s broke", active.job.id)
            await self._fail(active, broken(active.job))
        finally:
            self.queue.leave(active.job.id)

    async def _until_done(self, active: ActiveJob) -> None:
        """Work on a job; while the service still may deliver, ask again instead of giving up."""
        waits = 0
        while True:
            try:
                return await self._attempt.work(active)
            except RateLimitError as error:
                if active.job.request_id is not None:
                    raise
                await self._wait_again(active, error)
            except HeldError:
                raise
            except (RunTimeoutError, HistoryError) as error:
                if not self._pending(active):
                    raise
                await self._pause(active, error, RETRY_S[min(waits, len(RETRY_S) - 1)])
                waits += 1
            except PlaygroundError:
                raise
            except Exception:
                log.exception("job %s broke", active.job.id)
                await self._count(active)
                await self._pause(active, broken(active.job), RETRY_S[0])

    async def _count(self, active: ActiveJob) -> None:
        """Count a fault of our own in a job that is paid for; raises when it is one too many."""
        if not self._pending(active):
            raise broken(active.job)
        active.job = await self._ledger.change(active.job.id, "running", tries=active.job.tries + 1)
        if active.job.tries >= MOST_TRIES:
            raise parked(active.job)

    async def _pause(self, active: ActiveJob, error: PlaygroundError, seconds: float) -> None:
        """Keep what was paid for, say why it is not here, and leave the room to others."""
        self.queue.leave(active.job.id)
        active.pending = True
        active.job = await self._note_quietly(active, "running", error)
        active.tell()
        if active.let_go and active.idle:
            raise asyncio.CancelledError
        await asyncio.sleep(seconds)
        active.pending = False

    async def _note_quietly(self, active: ActiveJob, state: State, error: PlaygroundError) -> Job:
        """Write a reason down; a disk too full for that must not end the job."""
        try:
            return await self._ledger.change(
                active.job.id, state, error=str(error), advice=error.advice
            )
        except HistoryError:
            log.warning("job %s: %s", active.job.id, error)
            return active.job

    def _pending(self, active: ActiveJob) -> bool:
        """Whether an image that was paid for may still arrive."""
        young = time.time() - (active.job.sent_at or time.time()) < self.backend.kept_s
        in_hand = active.image is not None and self.backend.paid
        return young and (in_hand or next_step(active.job, self.backend) in FREE_STEPS)

    async def _wait_again(self, active: ActiveJob, error: RateLimitError) -> None:
        """Put a job that was certainly not taken back to waiting; nobody sends for a while."""
        wished = THROTTLED_S if error.retry_after is None else error.retry_after
        self.queue.postpone(active.job.id, active.job.owner, max(LEAST_PAUSE_S, wished))
        active.queued, active.progress = None, Running()
        active.job = await self._ledger.change(
            active.job.id, "waiting", error=str(error), advice=error.advice, sent_at=None
        )
        active.tell()
        if active.stopped or active.let_go:  # a person cancelled it while it was on its way out
            raise asyncio.CancelledError

    async def _stop(self, active: ActiveJob) -> None:
        """Write down that it was cancelled; what is paid for ends only before it is sent."""
        free = not self.backend.paid or active.withdrawn
        among: tuple[State, ...] = ACTIVE if free else ("waiting",)
        with suppress(TakenError):  # the image, or another process, was quicker than the click
            active.job = await self._ledger.change(
                active.job.id, "cancelled", among=among, charged="no"
            )

    async def _fail(self, active: ActiveJob, error: PlaygroundError) -> None:
        """Write the end down; a key or account that is refused stops the worker."""
        if active.job.own_key and isinstance(error, AuthError):
            error.advice = english("jobs-enter-another-key-on-backends")
        facts: dict[str, Any] = {"error": str(error), "advice": error.advice}
        if isinstance(error, BackendError) and self.backend.paid:
            facts["charged"] = error.charged
        charged = facts.get("charged", active.job.charged)
        lost = charged == "maybe" and active.job.request_id is None
        facts["retryable"] = retryable(error)
        if isinstance(error, AuthError | OutOfCreditError) and self.backend.paid:
            self.queue.stop(error)
        like = None if active.owed else active.job
        try:
            active.job = await self._ledger.change(
                active.job.id, "unknown" if lost else "failed", like=like, **facts
            )
        except TakenError:
            active.elsewhere = True
        except PlaygroundError:
            log.exception("the end of job %s could not be written down", active.job.id)
