"""Looks for a job whose answer was lost in the service's own list, without sending anything.

While it looks, nothing else is sent with the same key, so at most one job is searched for. What is
in the list, was accepted in the job's moment and belongs to no job of the ledger is a candidate.
Exactly one candidate is adopted, unless somebody else uses the key too; everything else is for a
person to decide.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.backend import Found, ListsJobs
from core.errors import PlaygroundError
from core.jobs.job import Job
from core.jobs.ledger import Ledger
from core.params import Params

LOOKS_S = (0.5, 2.0, 5.0)
"""Pauses before each look, in seconds: a list may lag behind."""
ENOUGH_LOOKS = 2
"""Looks after which the one job that fits is believed to be the only one."""
AROUND_S = 600.0
"""Before a send, in seconds: whoever used the key then may be using it now."""
UNANSWERED_S = 90.0
"""How long after a send of a process that died the service may have accepted it."""


@dataclass(slots=True)
class Finding:
    """What the list tells of a lost job."""

    candidates: set[str] = field(default_factory=set)
    strangers: set[str] = field(default_factory=set)
    looked: bool = False

    @property
    def certain(self) -> str | None:
        """The one id that can only be the job's, or None."""
        if len(self.candidates) == 1 and not self.strangers:
            return next(iter(self.candidates))
        return None


async def reconcile(
    backend: ListsJobs, ledger: Ledger, job: Job, params: Params, until: float
) -> Finding:
    """Look several times; `until` is when the answer was given up, in Unix seconds."""
    finding = Finding()
    for looks, pause in enumerate(LOOKS_S):
        if finding.certain and looks >= ENOUGH_LOOKS:
            break
        await asyncio.sleep(pause)
        sent_at = job.sent_at or job.updated_at
        try:
            found, slack = await backend.accepted(params, sent_at - AROUND_S)
        except PlaygroundError:
            continue
        owned = await ledger.owned(job.backend, [one.request_id for one in found])
        finding.candidates -= owned  # the answer to another send, with another key, came late
        finding.strangers -= owned
        foreign = [one for one in found if one.request_id not in owned]
        _sort(finding, foreign, (sent_at - slack, until + slack))
    return finding


def _sort(finding: Finding, foreign: Sequence[Found], moment: tuple[float, float]) -> None:
    finding.looked = True
    for one in foreign:
        inside = moment[0] <= one.at <= moment[1]
        (finding.candidates if inside else finding.strangers).add(one.request_id)


def unanswered_until(job: Job) -> float:
    """Return until when a job of a process that died may have been accepted."""
    return min(time.time(), (job.sent_at or job.updated_at) + UNANSWERED_S)
