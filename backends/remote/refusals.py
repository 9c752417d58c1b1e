"""What services say when they refuse, in our words, and what it means for the money."""

from __future__ import annotations

from backends.remote.client import LOOK, throttled
from backends.remote.responses import Answer, whole
from core.errors import (
    AuthError,
    BackendError,
    BadResponseError,
    BlockedError,
    OutOfCreditError,
    RejectedError,
    RunTimeoutError,
    UnavailableError,
)

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
            if 400 <= whole(shape.get("code")) < 600:
                return whole(shape.get("code"))
    return answer.status


def rejected(service: str, status: int, text: str) -> RejectedError:
    """Return the error of a plain refusal: key, credit, safety or parameters."""
    lower = text.lower()
    words = said(text)
    if status == 402 or (status in (400, 403) and any(word in lower for word in CREDIT)):
        return OutOfCreditError(
            f"The account at {service} has no credit left.", advice=f"Top it up at {service}."
        )
    if status != 401 and any(word in lower for word in SAFETY):
        return blocked(service)
    if status in (401, 403):
        return AuthError(
            f"{service} does not accept the key.",
            advice=f"Check {key_setting(service)} and restart.",
        )
    if status == 404:
        return RejectedError(
            f"{service} does not know this model.{words}",
            advice="Choose another model, or check the base URL.",
        )
    if status == 413:
        return RejectedError(
            f"The image is too large for {service}.", advice="Make it smaller and try again."
        )
    return RejectedError(
        f"{service} refused the request.{words}", advice="Change the settings and try again."
    )


def said(text: str) -> str:
    """Quote the service as a sentence of its own."""
    return f" It says: {text}{'' if text[-1] in '.?…' else '.'}" if text else ""


def blocked(service: str) -> BlockedError:
    """Return the error of a safety check."""
    return BlockedError(
        f"The safety check of {service} refused the prompt or the image.",
        advice="Change the prompt and try again.",
    )


def late(service: str, request_id: str, why: str = "") -> RunTimeoutError:
    """Say that a job is still pending."""
    return RunTimeoutError(
        why or f"{service} has not delivered yet.",
        advice="It is asked again in the background for as long as the service keeps the result.",
        request_id=request_id,
        charged="yes",
    )


def denied(service: str, request_id: str) -> RunTimeoutError:
    """Say that the key no longer opens the account a job was made with; the job stays pending."""
    error = late(service, request_id, f"{service} no longer accepts the key.")
    error.advice = f"Check {key_setting(service)} and restart; the image is then fetched."
    return error


def gone(service: str, request_id: str) -> RejectedError:
    """Say that the service forgot a job."""
    return RejectedError(
        f"{service} no longer knows this job.",
        advice="Results are kept for seven days. Look at your account there.",
        request_id=request_id,
        charged="maybe",
    )


def key_setting(service: str) -> str:
    """Return the setting with a service's key: fal's own clients call it `FAL_KEY`."""
    name = service.upper().replace("-", "_")
    return f"{name}_KEY" if name == "FAL" else f"{name}_API_KEY"
