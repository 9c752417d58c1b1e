"""WaveSpeed's answers, read liberally: envelopes, statuses, errors in all the shapes they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from backends.remote.client import LOOK, throttled
from backends.remote.responses import Answer, clip
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
CREDIT = ("insufficient", "credits", "top up", "balance")
SAFETY = (
    "nsfw",
    "moderation",
    "content policy",
    "content_policy",
    "flagged",
    "unsafe",
    "sensitive content",
    "safety system",
    "safety filter",
)
ELSEWHERE = (301, 302, 307, 308)
"""Redirects that say nothing was done here; 303 is what may follow work."""
UNCLEAR = (408, 499)
"""Of the statuses that blame the request, those of an answer given up half way."""


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
        code=_number(data.get("code")),
        flagged=any(flag is True for flag in flags) if isinstance(flags, list) else False,
        seconds=_number(inference) / 1000,
    )


def _number(value: Any) -> int:
    """Return a whole number however it is written; 0 for what is none, or none of ours."""
    text = str(value).partition(".")[0]
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


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
        error.charged, error.advice = "no", "Try again in a moment."
    raise error


def refusal(service: str, answer: Answer) -> BackendError:
    """Return the error of an answer to a costly request that carries no task and no picture."""
    status = status_of(answer)
    if status == 429:
        return throttled(service, answer)
    if status in ELSEWHERE:
        return RejectedError(
            f"{service} is not at this address: it sends requests elsewhere.",
            advice="Check the network and the base URL of the backend.",
        )
    if 400 <= status < 500 and status not in UNCLEAR:
        return rejected(service, status, answer.text)
    if status >= 500 or status in UNCLEAR:
        return UnavailableError(
            f"{service} has a fault of its own (status {status}).", advice=LOOK, charged="maybe"
        )
    return BadResponseError(
        f"{service} answered something that cannot be understood.", advice=LOOK, charged="maybe"
    )


def status_of(answer: Answer) -> int:
    """Return the status, also of an error that calls itself a success."""
    if answer.status < 300 and isinstance(answer.body, dict):
        error = answer.body.get("error")
        for shape in (answer.body, error if isinstance(error, dict) else {}):
            if 400 <= _number(shape.get("code")) < 600:
                return _number(shape.get("code"))
    return answer.status


def rejected(service: str, status: int, text: str) -> RejectedError:
    """Return the error of a plain refusal: key, credit, safety or parameters."""
    lower = text.lower()
    said = _said(text)
    if status == 402 or (status in (400, 403) and any(word in lower for word in CREDIT)):
        return OutOfCreditError(
            f"The account at {service} has no credit left.", advice=f"Top it up at {service}."
        )
    if status != 401 and any(word in lower for word in SAFETY):
        return blocked(service)
    if status in (401, 403):
        return AuthError(
            f"{service} does not accept the key.",
            advice=f"Check {service.upper().replace('-', '_')}_API_KEY and restart.",
        )
    if status == 404:
        return RejectedError(
            f"{service} does not know this model.{said}",
            advice="Choose another model, or check the base URL.",
        )
    if status == 413:
        return RejectedError(
            f"The image is too large for {service}.", advice="Make it smaller and try again."
        )
    return RejectedError(
        f"{service} refused the request.{said}", advice="Change the settings and try again."
    )


def _said(text: str) -> str:
    """Quote the service as a sentence of its own."""
    return f" It says: {text}{'' if text[-1] in '.?…' else '.'}" if text else ""


def blocked(service: str) -> BlockedError:
    """Return the error of a safety check."""
    return BlockedError(
        f"The safety check of {service} refused the prompt or the image.",
        advice="Change the prompt and try again.",
    )


def failure(service: str, task: Prediction) -> BackendError:
    """Return the error of a task that ended without a picture.

    It was accepted, and no page of the service says whether failed work is charged.
    """
    error = _failure(service, task)
    error.request_id, error.charged = task.id, "maybe"
    return error


def _failure(service: str, task: Prediction) -> BackendError:
    said = _said(task.error)
    hints = task.code == 0 and any(word in task.error.lower() for word in SAFETY)
    if task.code == 1200 or hints:
        return blocked(service)
    if task.status in ("cancelled", "canceled", "deleted"):
        return RejectedError(
            f"The job was {task.status} at {service}.",
            advice="Make it again if you still want it.",
        )
    if 1400 <= task.code <= 1402:
        return RejectedError(
            f"{service} cannot work with these settings.{said}",
            advice="Change the settings or the image and try again.",
        )
    if task.code >= 5000 or task.status == "timeout":
        return UnavailableError(
            f"{service} could not finish the job.{said}", advice="Try again in a moment."
        )
    return BackendError(f"The job failed at {service}.{said}", advice="Try again.")
