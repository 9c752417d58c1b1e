"""What a person may decide about a job that did not simply end well; nothing here decides itself.

retry     make a failed job again as a new one
again     send one whose outcome is unknown a second time; it may then be charged twice
dismiss   stop asking about one whose outcome is unknown
adopt     say which job in the service's list it is
look      read the service's list once more
fetch     fetch the image of a failed job that was paid for; costs nothing
instead   make a failed job with a backend that is free, as far as that takes its settings
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from core.backend import Backend
from core.errors import InputError, TakenError
from core.history import History
from core.jobs.active_job import ActiveJob
from core.jobs.job import ACTIONS, Job, possible_actions
from core.jobs.ledger import Ledger
from core.jobs.next_step import FREE_STEPS, next_step
from core.jobs.recovery import params_of
from core.words import english


def check(job: Job, action: str) -> None:
    """Raise InputError when the job is not in a state for that action."""
    if action not in ACTIONS or action not in possible_actions(
        job, lists_jobs=True, fetchable=True, instead=True
    ):
        raise InputError(
            english("jobs-cannot-decided-about-job-as"),
            field="action",
            advice=english("jobs-look-at-list-jobs"),
        )


async def replaced(ledger: Ledger, job: Job) -> None:
    """Write down that a job was sent again as a new one; that it may have cost stays known."""
    facts: dict[str, Any] = {"retryable": False}
    if job.state == "unknown":
        facts = {"advice": english("jobs-you-sent-again-as-new")}
    with suppress(TakenError):  # by the same press in another tab, or by its image after all
        await ledger.change(job.id, "failed", among=(job.state,), **facts)


async def dismiss(ledger: Ledger, job: Job) -> Job:
    """Stop asking about a job whose outcome is unknown."""
    advice = english("jobs-you-dismissed-may-have-been")
    return await ledger.change(job.id, "failed", among=["unknown"], advice=advice)


async def go_on(
    ledger: Ledger, history: History, backend: Backend, job: Job, action: str, request_id: str
) -> ActiveJob:
    """Return a job to carry on by what is known of it; none of this sends anything costly."""
    facts: dict[str, Any] = {"tries": 0}
    if action == "adopt":
        if request_id not in job.candidates:
            raise InputError(
                english("jobs-none-jobs-may"),
                field="request_id",
                advice=english("exports-choose-one", known=", ".join(job.candidates)),
            )
        facts |= {"request_id": request_id, "candidates": [], "charged": "yes"}
    if action == "fetch" and next_step(job, backend) not in FREE_STEPS:
        raise InputError(
            english("jobs-image-cannot-fetched-again-its"),
            field="action",
            advice=english("jobs-look-at-your-account-at", label=backend.label),
        )
    lost = action == "look"
    if not lost:
        facts |= {"error": "", "advice": ""}
    params = await params_of(history, backend, job)
    job = await ledger.change(
        job.id, "sending" if lost else "running", among=(job.state,), like=job, **facts
    )
    return ActiveJob(job=job, params=params, lost=lost)


async def shift(ledger: Ledger, job: Job, *, earlier: bool) -> list[tuple[Job, float]]:
    """Let a waiting job change places with its owner's one before or after it.

    Returns the two with the places they have now, or nothing where there is no other.
    """
    waiting = await ledger.list(owner=job.owner, states=["waiting"])
    same = [one for one in waiting if (one.backend, one.own_key) == (job.backend, job.own_key)]
    mine = sorted(same, key=lambda one: one.place)
    ids = [one.id for one in mine]
    if job.id not in ids:
        raise InputError(english("jobs-only-job-waits-can-change"), field="id")
    here = ids.index(job.id)
    other = here + (-1 if earlier else 1)
    if not 0 <= other < len(mine):
        return []
    one, another = mine[here], mine[other]
    await ledger.swap(one, another)
    return [(one, another.place), (another, one.place)]
