"""WaveSpeed's answers, read liberally: envelopes, statuses, errors in all the shapes they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from backends.remote.refusals import SAFETY, blocked, refusal, said
from backends.remote.responses import Answer, clip, whole
from core.errors import (
    BackendError,
    RejectedError,
    UnavailableError,
)
from core.words import english

Phase = Literal["queued", "working", "done", "ended"]
PHASES: Mapping[str, Phase] = {
    "created": "queued",
    "pending": "queued",
    "queued": "queued",
    "completed": "done",
    "succeeded": "done",
    "failed": "ended",
    "cancelled": "ended",
    "canceled": "ended",
    "timeout": "ended",
    "deleted": "ended",
}
"""Any other status means that work goes on."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A task as the service tells it; `code` is its own error code, 0 when there is none."""

    id: str
    status: str
    outputs: tuple[str, ...] = ()
    error: str = ""
    code: int = 0
    flagged: bool = False
    seconds: float = 0.0
    """How long the work took, as the service says; 0 when it does not."""

    @property
    def phase(self) -> Phase:
        """What the status means for whoever waits."""
        return PHASES.get(self.status, "working")


def read(body: Any) -> Prediction | None:
    """Find the task in an answer, with or without its envelope; None when there is none."""
    inner = body.get("data") if isinstance(body, dict) else None
    if isinstance(inner, dict) and (name := _id(inner)):
        return _task(name, inner)
    # Without the envelope an `id` alone could as well be the number of an error.
    bare = isinstance(body, dict) and not body.keys().isdisjoint(("status", "outputs", "urls"))
    return _task(name, body) if bare and (name := _id(body)) else None


def _id(data: Mapping[str, Any]) -> str:
    value = data.get("id")
    return value if isinstance(value, str) and value.strip() else ""


def _task(name: str, data: Mapping[str, Any]) -> Prediction:
    outputs, flags, timings = (data.get(k) for k in ("outputs", "has_nsfw_contents", "timings"))
    inference = timings.get("inference") if isinstance(timings, dict) else 0
    return Prediction(
        id=name,
        status=str(data.get("status", "")).lower(),
        outputs=tuple(o for o in outputs if isinstance(o, str) and o)
        if isinstance(outputs, list)
        else (),
        error=clip(str(data.get("error") or "")),
        code=whole(data.get("code")),
        flagged=any(flag is True for flag in flags) if isinstance(flags, list) else False,
        seconds=whole(inference) / 1000,
    )


def accepted(service: str, answer: Answer) -> Prediction:
    """Return the task a submit made, or raise what became of it.

    An id means accepted, whatever the status says; a refusal is certain not to be charged; what
    is neither may have been.
    """
    if prediction := read(answer.body):
        return prediction
    raise refusal(service, answer)


def outcome(service: str, answer: Answer) -> Mapping[str, Any]:
    """Return the data of an answer to a request that costs nothing, or raise what went wrong."""
    body = answer.body
    if answer.status < 300 and isinstance(body, dict) and body.get("code", 200) == 200:
        data = body.get("data", body)
        if isinstance(data, dict):
            return data
    error = refusal(service, answer)
    if error.charged != "no":
        error.charged, error.advice = "no", english("service-try-again-in-moment")
    raise error


def failure(service: str, task: Prediction) -> BackendError:
    """Return the error of a task that ended without an image.

    It was accepted, and no page of the service says whether failed work is charged.
    """
    error = _failure(service, task)
    error.request_id, error.charged = task.id, "maybe"
    return error


def _failure(service: str, task: Prediction) -> BackendError:
    words = said(task.error)
    hints = task.code == 0 and any(word in task.error.lower() for word in SAFETY)
    if task.code == 1200 or hints:
        return blocked(service)
    if task.status in ("cancelled", "canceled", "deleted"):
        return RejectedError(
            english("service-job-was-at", status=task.status, service=service),
            advice=english("service-make-again-if-you-still"),
        )
    if 1400 <= task.code <= 1402:
        return RejectedError(
            english("service-cannot-work", service=service) + words,
            advice=english("service-change-settings-or-image-try"),
        )
    if task.code >= 5000 or task.status == "timeout":
        return UnavailableError(
            english("service-cannot-finish", service=service) + words,
            advice=english("service-try-again-in-moment"),
        )
    return BackendError(
        english("service-job-failed", service=service) + words, advice=english("service-try-again")
    )
