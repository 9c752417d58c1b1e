"""A job that this process carries, with what its backend said last, and why jobs fail."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from core.errors import (
    AuthError,
    BackendError,
    HistoryError,
    OutOfCreditError,
    PlaygroundError,
    RejectedError,
)
from core.events import Running
from core.jobs.job import Job
from core.params import Params
from core.words import english

MOST_TRIES = 3
"""How often a job that was accepted may break this program before it is parked."""


@dataclass(slots=True)
class ActiveJob:
    """A job that this process is carrying, with what its backend said last."""

    job: Job
    params: Params
    lost: bool = False
    """It may have been sent by an earlier process, which had no answer."""
    resumed: bool = False
    """It was picked up from an earlier process."""
    queued: int | None = None
    """Its place in its service's own queue, where that is told."""
    unbegun: bool = False
    """Its service said that it has it and has not begun."""
    progress: Running = field(default_factory=Running)
    preview: bytes | None = None
    image: tuple[bytes, bool] | None = None
    """The finished image and its safety warning, until it is stored."""
    owed: dict[str, Any] = field(default_factory=dict)
    """What the ledger must still be told, because it could not be written when it was known."""
    pending: bool = False
    """It waits for a while before it is asked for again."""
    stopped: bool = False
    """A person cancelled it."""
    withdrawn: bool = False
    """Its service took it out of its queue before it began: it is not charged."""
    let_go: bool = False
    """Its owner's key was forgotten: it is left alone as soon as nothing is lost by that."""
    elsewhere: bool = False
    """Another process carries it; this one has let go of it."""
    task: asyncio.Task[None] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def idle(self) -> bool:
        """Whether a later process could take it up from the ledger as well as this one."""
        only_here = self.image is not None or self.owed
        return not only_here and (self.job.state == "waiting" or self.pending or self.lost)

    def tell(self) -> None:
        """Wake whoever watches."""
        self.changed.set()
        self.changed = asyncio.Event()


def broken(job: Job) -> BackendError:
    """Return what to say of a fault of our own."""
    return BackendError(
        english("jobs-job-ended-without-image-because"),
        advice=english("jobs-look-at-log-job-in"),
        request_id=job.request_id,
        charged=job.charged if job.charged != "no" else "maybe" if job.sent_at else "no",
    )


def parked(job: Job) -> BackendError:
    """Return what to say of a job that broke this program each time it was resumed."""
    return BackendError(
        english("jobs-job-was-resumed-times-ended", most_tries=MOST_TRIES),
        advice=english("jobs-update-program-then-fetch-again"),
        request_id=job.request_id,
        charged=job.charged,
    )


def retryable(error: PlaygroundError) -> bool:
    """Whether the same request may succeed later: not a refused prompt, not bad parameters."""
    if isinstance(error, AuthError | OutOfCreditError | HistoryError):
        return True
    return isinstance(error, BackendError) and not isinstance(error, RejectedError)
