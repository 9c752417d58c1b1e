"""A job: one params on its way, as the ledger knows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from core.errors import Charged
from core.params import Task

State = Literal["waiting", "sending", "running", "finished", "failed", "cancelled", "unknown"]
STATES: tuple[State, ...] = get_args(State)
ACTIVE: tuple[State, ...] = ("waiting", "sending", "running")
UNFINISHED: tuple[State, ...] = tuple(state for state in STATES if state != "finished")
Action = Literal["retry", "again", "dismiss", "adopt", "look", "fetch", "instead"]
"""What a person can do with a job: `core/jobs/actions.py` says what each one means."""
ACTIONS: tuple[Action, ...] = get_args(Action)
COSTLY: tuple[Action, ...] = ("retry", "again")
"""Those that send a new job, which has a price."""


@dataclass(frozen=True, slots=True)
class Job:
    """One params on its way; `as_dict` is what the API shows of it. Times are Unix seconds."""

    n: int
    id: str
    owner: str
    backend: str
    task: Task
    sandbox: bool
    state: State
    params: dict[str, Any]
    sent: dict[str, Any]
    seed: int
    work: float
    price_usd: float | None
    """None when nobody knew it."""
    charged: Charged
    request_id: str | None
    error: str
    advice: str
    entry_id: str | None
    created_at: float
    updated_at: float
    sent_at: float | None
    outputs: str = ""
    """Where the image lies, at the service or set aside here; written down before it is used."""
    set_aside: bool = False
    """Whether `outputs` is a file of ours: an image that its service gives only once."""
    candidates: tuple[str, ...] = ()
    """Request ids in the service's list that may be this job's, for a person to choose from."""
    tries: int = 0
    """How often a later process failed to pick it up."""
    place: float = 0.0
    """Its place among its owner's waiting jobs; smaller is earlier."""
    batch: str | None = None
    retryable: bool = False
    """Whether the same request may succeed another time."""
    own_key: str | None = None
    """Fingerprint of the owner's own key that it is sent with; None for the operator's."""
    collection: str | None = None
    """The collection that its image goes into."""

    @property
    def active(self) -> bool:
        """Whether it is still on its way."""
        return self.state in ACTIVE

    @property
    def paid_and_failed(self) -> bool:
        """Whether it was charged and ended without its image."""
        return self.state == "failed" and self.charged == "yes"

    def as_dict(self) -> dict[str, Any]:
        """Return the job dict of the named API."""
        names = "id state backend task request_id seed price_usd charged error advice entry_id"
        facts: dict[str, Any] = {name: getattr(self, name) for name in names.split()}
        return facts | {
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
        }


def possible_actions(job: Job, *, lists_jobs: bool, fetchable: bool, instead: bool) -> list[Action]:
    """Return what can be decided about a job as it stands.

    `lists_jobs` is whether its service has a list to look it up in, `fetchable` whether its image
    can be had without sending anything costly, `instead` whether a free backend offers the same.
    """
    if job.state == "unknown":
        looks: list[Action] = ["look"] if lists_jobs else []
        picks: list[Action] = ["adopt"] if job.candidates else []
        return [*picks, *looks, "again", "dismiss"]
    fetch: list[Action] = ["fetch"] if job.paid_and_failed and fetchable else []
    again: list[Action] = ["retry"] if job.state == "failed" and job.retryable else []
    other: list[Action] = ["instead"] if again and instead else []
    return fetch + again + other


def iso(seconds: float) -> str:
    """Write Unix seconds as ISO 8601 in UTC, to the millisecond."""
    return (
        datetime.fromtimestamp(seconds, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
