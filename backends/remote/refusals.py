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
from core.words import english

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
    """Return the error of an answer to a costly request that carries no task and no image."""
    status = status_of(answer)
    if status == 429:
        return throttled(service, answer)
    if status in ELSEWHERE:
        return RejectedError(
            english("service-not-at-address-sends-requests", service=service),
            advice=english("service-check-network-base-url-backend-2"),
        )
    if 400 <= status < 500 and status not in UNCLEAR:
        return rejected(service, status, answer.text)
    if status >= 500 or status in UNCLEAR:
        return UnavailableError(
            english("service-has-fault-its-own-status", service=service, status=status),
            advice=LOOK,
            charged="maybe",
        )
    return BadResponseError(
        english("service-answered-something-cannot-understood", service=service),
        advice=LOOK,
        charged="maybe",
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
            english("service-account-at-has-no-credit", service=service),
            advice=english("service-top-up-at", service=service),
        )
    if status != 401 and any(word in lower for word in SAFETY):
        return blocked(service)
    if status in (401, 403):
        return AuthError(
            english("service-does-not-accept-key", service=service),
            advice=english("service-check-restart", key_setting=key_setting(service)),
        )
    if status == 404:
        return RejectedError(
            english("service-unknown-model", service=service) + words,
            advice=english("service-choose-another-model-or-check"),
        )
    if status == 413:
        return RejectedError(
            english("service-image-too-large-for", service=service),
            advice=english("service-make-smaller-try-again"),
        )
    return RejectedError(
        english("service-refused", service=service) + words,
        advice=english("service-change-settings-try-again"),
    )


def said(text: str) -> str:
    """Quote the service as a sentence of its own."""
    if not text:
        return ""
    return " " + english("service-says", text=text if text[-1] in ".?…" else f"{text}.")


def blocked(service: str) -> BlockedError:
    """Return the error of a safety check."""
    return BlockedError(
        english("service-safety-check-refused-prompt-or", service=service),
        advice=english("service-change-prompt-try-again"),
    )


def late(service: str, request_id: str, why: str = "") -> RunTimeoutError:
    """Say that a job is still pending."""
    return RunTimeoutError(
        why or english("service-has-not-delivered-yet", service=service),
        advice=english("service-asked-again-in-background-for"),
        request_id=request_id,
        charged="yes",
    )


def denied(service: str, request_id: str) -> RunTimeoutError:
    """Say that the key no longer opens the account a job was made with; the job stays pending."""
    error = late(service, request_id, english("service-no-longer-accepts-key", service=service))
    error.advice = english(
        "service-check-restart-image-then-fetched", key_setting=key_setting(service)
    )
    return error


def gone(service: str, request_id: str) -> RejectedError:
    """Say that the service forgot a job."""
    return RejectedError(
        english("service-no-longer-knows-job", service=service),
        advice=english("service-results-are-kept-for-seven"),
        request_id=request_id,
        charged="maybe",
    )


def key_setting(service: str) -> str:
    """Return the setting with a service's key: fal's own clients call it `FAL_KEY`."""
    name = service.upper().replace("-", "_")
    return f"{name}_KEY" if name == "FAL" else f"{name}_API_KEY"
