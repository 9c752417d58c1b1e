"""What a new process does with the jobs an earlier one left: nothing is sent twice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from core.backend import Backend, ListsJobs
from core.errors import InputError, PlaygroundError, TakenError
from core.history import History, input_name
from core.jobs.active_job import MOST_TRIES, ActiveJob, parked
from core.jobs.job import ACTIVE, Job, State
from core.jobs.ledger import Ledger
from core.jobs.next_step import FREE_STEPS, next_step
from core.params import Params
from core.parsing import parse
from core.pictures import Picture
from core.words import english

UNANSWERED: dict[str, Any] = {
    "error": english("jobs-program-ended-after-was-sent"),
    "advice": english("jobs-may-have-been-charged-look"),
    "charged": "maybe",
}
NO_WAY_BACK: dict[str, Any] = {
    "error": english("jobs-program-ended-before-image-was"),
    "advice": english("jobs-was-charged-look-at-your"),
}

NEEDS_KEY: dict[str, Any] = {
    "error": english("jobs-needs-your-key"),
    "advice": english("jobs-enter-same-key-again-on"),
}


async def pick_up(
    ledger: Ledger, history: History, backends: Mapping[str, Backend]
) -> list[ActiveJob]:
    """Return what to carry on, in the order in which to begin: accepted, lost, waiting.

    What was sent with a visitor's own key is laid aside: that key died with the process.
    """
    active_jobs = []
    for job in _in_order(await ledger.list(states=ACTIVE, limit=100_000)):
        backend = backends.get(job.backend)
        if job.own_key:
            await lay_aside(ledger, backend, job)
            continue
        if backend is None or backend.sandbox != job.sandbox:
            continue  # its service is not configured now; it is asked again when it is
        with suppress(TakenError):  # another process carries it
            if active := await _pick_up(ledger, history, backend, job):
                active_jobs.append(active)
    return active_jobs


async def pick_up_own(
    ledger: Ledger,
    history: History,
    backend: Backend,
    *,
    owner: str,
    own_key: str,
    carried: Collection[str],
) -> list[ActiveJob]:
    """Return what to carry on now that an owner's key is here, but for what is carried already."""
    left = await ledger.list(owner=owner, states=ACTIVE, limit=100_000)
    active_jobs = []
    for job in _in_order(left):
        if (job.backend, job.own_key) != (backend.id, own_key) or job.id in carried:
            continue
        with suppress(TakenError):
            known = await ledger.change(job.id, job.state, **_as_seen(job), error="", advice="")
            if active := await _pick_up(ledger, history, backend, known):
                active_jobs.append(active)
    return active_jobs


async def lay_aside(ledger: Ledger, backend: Backend | None, job: Job) -> None:
    """Leave a job until its owner's key is here again, and say so.

    `backend` is the same service without that key. Where it keeps no list in which a lost send
    could be looked up, no key helps.
    """
    state, facts = job.state, dict(NEEDS_KEY)
    if job.state != "waiting" and job.request_id is None and not job.outputs:
        facts["charged"] = "maybe"
        if not isinstance(backend, ListsJobs):
            state, facts = "unknown", {**UNANSWERED, "retryable": True}
    with suppress(TakenError):  # another process carries it
        await ledger.change(job.id, state, **_as_seen(job), **facts)


def _as_seen(job: Job) -> dict[str, Any]:
    """Return the condition that nobody has moved a job on since it was read."""
    return {"among": [job.state], "like": job}


def _in_order(left: Collection[Job]) -> list[Job]:
    order = {"running": 0, "sending": 1, "waiting": 2}
    return sorted(left, key=lambda job: (order[job.state], job.place))


async def _pick_up(
    ledger: Ledger, history: History, backend: Backend, job: Job
) -> ActiveJob | None:
    """Go on with a job in the way that cannot charge it twice; None when there is no way."""
    if job.tries >= MOST_TRIES:
        await _park(ledger, job)
        return None
    step = next_step(job, backend)
    if step == "ask":
        paid_for = job.charged == "yes"
        state: State = "failed" if paid_for else "unknown"
        facts = NO_WAY_BACK if paid_for else UNANSWERED
        await ledger.change(job.id, state, **_as_seen(job), retryable=True, **facts)
        return None
    lost = step == "reconcile"
    if lost:  # told so from here on, whatever becomes of the search
        job = await ledger.change(job.id, "sending", **_as_seen(job), charged="maybe")
    if not backend.paid:  # nothing was spent and the stand-in forgot: begin again
        seen = _as_seen(job)
        job = await ledger.change(job.id, "waiting", **seen, request_id=None, outputs="")
    try:
        return ActiveJob(
            job=job,
            params=await params_of(history, backend, job),
            lost=lost,
            resumed=step in FREE_STEPS,
        )
    except PlaygroundError as error:
        told = {"error": str(error), "advice": error.advice}
        await ledger.change(job.id, "failed", **(_as_seen(job) | told))
        return None


async def _park(ledger: Ledger, job: Job) -> None:
    """Leave a job alone that broke every process that touched it."""
    error = parked(job)
    told = {"error": str(error), "advice": error.advice, "tries": 0}
    await ledger.change(job.id, "failed", **(_as_seen(job) | told))


async def params_of(
    history: History, backend: Backend, job: Job, read: Callable[..., Params] = parse
) -> Params:
    """Return the params of a job, with its image to start from, as `read` makes them."""
    if job.task not in backend.tasks:
        raise InputError(english("jobs-does-not-offer-task-job", label=backend.label), field="task")
    values = dict(job.params)
    if isinstance(values.get("image"), dict):
        picture = Picture(**values["image"])
        data = await history.storage.read(input_name(picture))
        values["image"] = picture.model_copy(update={"data": data})
    return read(backend.tasks[job.task], values)
