"""WaveSpeed's answers, read liberally: envelopes, statuses, errors in all the shapes they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from backends.http import Answer, clip, throttled
from core.errors import (
    AuthError,
    BackendError,
    BadResponseError,
    BlockedError,
    OutOfCreditError,
    RejectedError,
    UnavailableError,
)

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
CREDIT = ("insufficient credit", "insufficient balance", "credits", "top up", "balance")
SAFETY = ("nsfw", "moderation", "content policy", "content_policy", "safety", "sensitive")


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
    found = body.get("data") if isinstance(body, dict) else None
    for shape in (found, body):
        if isinstance(shape, dict) and isinstance(shape.get("id"), str) and shape["id"].strip():
            return _task(shape)
    return None


def _task(data: Mapping[str, Any]) -> Prediction:
    outputs, flags, code = data.get("outputs"), data.get("has_nsfw_contents"), data.get("code")
    return Prediction(
        id=data["id"],
        status=str(data.get("status", "")).lower(),
        outputs=tuple(o for o in outputs if isinstance(o, str))
        if isinstance(outputs, list)
        else (),
        error=clip(str(data.get("error") or "")),
        code=code if isinstance(code, int) and not isinstance(code, bool) else 0,
        flagged=any(flag is True for flag in flags) if isinstance(flags, list) else False,
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
    """Return the data of an answer that is no task, or raise what went wrong."""
    body = answer.body
    if answer.status < 300 and isinstance(body, dict) and body.get("code", 200) == 200:
        data = body.get("data", body)
        if isinstance(data, dict):
            return data
    raise refusal(service, answer)


def refusal(service: str, answer: Answer) -> BackendError:
    """Return the error of an answer to a submit that carries no task."""
    status = answer.status
    if status < 300 and isinstance(answer.body, dict):
        inner = answer.body.get("code")
        status = inner if isinstance(inner, int) and inner >= 400 else status
    if status == 429:
        return throttled(service, answer)
    if 400 <= status < 500 and status != 408:
        return rejected(service, status, answer.text)
    advice = "It may have been charged. Look at your account before you make it again."
    if status >= 500 or status == 408:
        return UnavailableError(
            f"{service} has a fault of its own (status {status}).", advice=advice, charged="maybe"
        )
    return BadResponseError(
        f"{service} answered something that cannot be understood.", advice=advice, charged="maybe"
    )


def rejected(service: str, status: int, text: str) -> RejectedError:
    """Return the error of a plain refusal: key, credit, safety or parameters."""
    lower = text.lower()
    said = f" It says: {text}" if text else ""
    if status == 402 or (status in (400, 403) and any(word in lower for word in CREDIT)):
        return OutOfCreditError(
            f"The account at {service} has no credit left.", advice=f"Top it up at {service}."
        )
    if any(word in lower for word in SAFETY):
        return blocked(service)
    if status in (401, 403):
        return AuthError(
            f"{service} does not accept the key.",
            advice=f"Check {service.upper()}_API_KEY and restart.",
        )
    if status == 404:
        return RejectedError(
            f"{service} does not know this model.{said}",
            advice="Choose another model, or check the base URL.",
        )
    if status == 413:
        return RejectedError(
            f"The picture is too large for {service}.", advice="Make it smaller and try again."
        )
    return RejectedError(
        f"{service} refused the request.{said}", advice="Change the settings and try again."
    )


def blocked(service: str, request_id: str | None = None) -> BlockedError:
    """Return the error of a safety check."""
    return BlockedError(
        f"The safety check of {service} refused the prompt or the picture.",
        advice="Change the prompt and try again.",
        request_id=request_id,
    )


def failure(service: str, task: Prediction) -> BackendError:
    """Return the error of a task that ended without a picture."""
    said = f" It says: {task.error}" if task.error else ""
    unsafe = task.code == 1200 or (
        task.code == 0 and any(word in task.error.lower() for word in SAFETY)
    )
    if unsafe:
        return blocked(service, task.id)
    if task.status in ("cancelled", "canceled", "deleted"):
        return RejectedError(
            f"The job was {task.status} at {service}.",
            advice="Make it again if you still want it.",
            request_id=task.id,
        )
    if 1400 <= task.code <= 1402:
        return RejectedError(
            f"{service} cannot work with these settings.{said}",
            advice="Change the settings or the picture and try again.",
            request_id=task.id,
        )
    if task.code >= 5000 or task.status == "timeout":
        return UnavailableError(
            f"{service} could not finish the job.{said}",
            advice="Try again in a moment.",
            request_id=task.id,
        )
    return BackendError(
        f"The job failed at {service}.{said}", advice="Try again.", request_id=task.id
    )
