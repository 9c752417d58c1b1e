"""What may happen to a job next: the one rule that says whether anything may be sent for it."""

from __future__ import annotations

from typing import Literal, get_args

from core.backend import Backend, Collectable, ListsJobs, Resumable
from core.jobs.job import ACTIVE, Job, State

Step = Literal["send", "resume", "collect", "save", "reconcile", "ask"]
STEPS: tuple[Step, ...] = get_args(Step)
FREE_STEPS: tuple[Step, ...] = ("resume", "collect", "save")
"""Those that bring a job's image without sending anything costly."""
UNCLEAR: tuple[State, ...] = ("sending", "running", "unknown")
"""States in which a request may have gone out without an answer."""


def next_step(job: Job, backend: Backend) -> Step:
    """Return the only step that cannot charge a job twice; pure.

    send       nothing went out yet, or sending again is free
    resume     its request id is known: ask the service how far it is
    collect    its image lies at a known address: fetch it
    save       its image was set aside here: turn it into an entry
    reconcile  its answer was lost: look it up in the service's list
    ask        nothing happens by itself; a person decides
    """
    if job.state in ("finished", "cancelled"):
        return "ask"
    if job.set_aside:
        return "save"
    if job.outputs and isinstance(backend, Collectable):
        return "collect"
    if job.request_id is not None and isinstance(backend, Resumable):
        return "resume"
    if not backend.paid:
        return "send" if job.state in ACTIVE else "ask"
    if job.request_id is not None or job.outputs:
        return "ask"  # it was accepted, and this backend has no way back to it
    if job.state == "waiting":
        return "send"
    lost = job.state in UNCLEAR
    return "reconcile" if lost and isinstance(backend, ListsJobs) else "ask"
