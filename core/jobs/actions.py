"""What a person may decide about a job that did not simply end well; nothing here decides itself.

retry     make a failed job again as a new one
again     send one whose outcome is unknown a second time; it may then be charged twice
dismiss   stop asking about one whose outcome is unknown
adopt     say which job in the service's list it is
look      read the service's list once more
fetch     fetch the picture of a failed job that was paid for; costs nothing
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Literal, get_args

from core.errors import InputError, TakenError
from core.jobs.active_job import ActiveJob
from core.jobs.job import Job
from core.jobs.limits import NO_WORD, Consent
from core.jobs.next_step import FREE_STEPS, next_step
from core.jobs.recovery import params_of
from core.studio import Studio

Action = Literal["retry", "again", "dismiss", "adopt", "look", "fetch"]
ACTIONS: tuple[Action, ...] = get_args(Action)
COSTLY: tuple[Action, ...] = ("retry", "again")
"""Those that send a new job, which has a price."""


def possible_actions(job: Job, *, lists_jobs: bool) -> list[Action]:
    """Return what can be decided about a job as it stands."""
    if job.state == "unknown":
        looks: list[Action] = ["look"] if lists_jobs else []
        picks: list[Action] = ["adopt"] if job.candidates else []
        return [*picks, *looks, "again", "dismiss"]
    known = bool(job.outputs or job.request_id)
    fetchable = job.state == "failed" and job.charged == "yes" and known
    fetch: list[Action] = ["fetch"] if fetchable else []
    again: list[Action] = ["retry"] if job.state == "failed" and job.retryable else []
    return fetch + again


async def carry_out(
    studio: Studio,
    job_id: str,
    action: str,
    *,
    owner: str,
    request_id: str = "",
    address: str = "",
    consent: Consent = NO_WORD,
) -> Job:
    """Carry a action out and return the job it leads to: the same one, or a new one.

    `address` and `consent` are those of a new job, as in `Studio.submit`. Raises InputError when
    the job is not in a state for that action, and whatever `submit` raises.
    """
    job = await studio.ledger.get(job_id, owner=owner)
    if action not in ACTIONS or action not in possible_actions(job, lists_jobs=True):
        raise InputError(
            "This cannot be decided about the job as it stands now.",
            field="action",
            advice="Look at the list of jobs.",
        )
    if action in COSTLY:
        return await _send(studio, job, address, consent)
    if action == "dismiss":
        return await studio.ledger.change(
            job.id,
            "failed",
            among=["unknown"],
            advice="You dismissed it; it may have been charged.",
        )
    return await _go_on(studio, job, action, request_id)


async def _send(studio: Studio, job: Job, address: str, consent: Consent) -> Job:
    """Make a job again as a new one; of the old one it stays known that it may have cost."""
    backend = studio.backends[job.backend]
    params = await params_of(studio.history, backend, job)
    # The click makes a second press of the same button the same new job.
    [new] = await studio.submit_all(
        job.backend,
        [params],
        owner=job.owner,
        click=f"again-{job.id}",
        like=job,
        address=address,
        consent=consent,
    )
    facts: dict[str, Any] = {"retryable": False}
    if job.state == "unknown":
        facts = {"advice": "You sent it again as a new job."}
    with suppress(TakenError):  # by the same press in another tab, or by its picture after all
        await studio.ledger.change(job.id, "failed", among=(job.state,), **facts)
    return new


async def _go_on(studio: Studio, job: Job, action: str, request_id: str) -> Job:
    """Carry a job on by what is known of it; none of this sends anything costly."""
    backend = studio.carrier(job).backend
    facts: dict[str, Any] = {"tries": 0}
    if action == "adopt":
        if request_id not in job.candidates:
            raise InputError(
                "This is none of the jobs it may be.",
                field="request_id",
                advice=f"Choose one of: {', '.join(job.candidates)}.",
            )
        facts |= {"request_id": request_id, "candidates": [], "charged": "yes"}
    if action == "fetch" and next_step(job, backend) not in FREE_STEPS:
        raise InputError(
            "This image cannot be fetched again: its service gives it only once.",
            field="action",
            advice=f"Look at your account at {backend.label} before you make it again.",
        )
    lost = action == "look"
    if not lost:
        facts |= {"error": "", "advice": ""}
    params = await params_of(studio.history, backend, job)
    job = await studio.ledger.change(
        job.id, "sending" if lost else "running", among=(job.state,), like=job, **facts
    )
    studio.carry(ActiveJob(job=job, params=params, lost=lost))
    return job


async def shift(studio: Studio, job_id: str, *, owner: str, earlier: bool) -> None:
    """Let a waiting job change places with its owner's one before or after it."""
    job = await studio.ledger.get(job_id, owner=owner)
    waiting = await studio.ledger.list(owner=owner, states=["waiting"])
    same = [one for one in waiting if (one.backend, one.own_key) == (job.backend, job.own_key)]
    mine = sorted(same, key=lambda j: j.place)
    ids = [one.id for one in mine]
    if job.id not in ids:
        raise InputError("Only a job that waits can change its place.", field="id")
    other = ids.index(job.id) + (-1 if earlier else 1)
    if 0 <= other < len(mine):
        await studio.ledger.swap(mine[ids.index(job.id)], mine[other])
        if worker := studio.lane_of(job):
            worker.queue.put(job.id, mine[other].place)
            worker.queue.put(mine[other].id, mine[ids.index(job.id)].place)
