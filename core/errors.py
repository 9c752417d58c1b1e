"""Every failure the program can show, as one tree.

PlaygroundError            str(exc) is fit to show; .advice says what to do next
├─ NotReadyError           no key, no torch, licence not accepted
├─ OverBudgetError         the reservation was refused; nothing was sent
├─ OverLimitError          the caller asks for too much or too fast; nothing was sent
├─ InputError              the image or a value cannot be used; names the field
├─ HistoryError            disk full, file vanished, database locked
│  ├─ HeldError            another process works on this folder or database
│  ├─ DamagedError         the database file is damaged
│  └─ NewerError           a newer version of this program wrote the database
├─ TakenError              another process, or a person, has moved the job on
└─ BackendError            .request_id, .charged
   ├─ RejectedError        4xx: AuthError, OutOfCreditError, BlockedError
   ├─ RateLimitError       .retry_after
   ├─ OverQuotaError       .wait_s; the visitor's own GPU time on a Space is used up
   ├─ UnavailableError     network, 5xx
   ├─ RunTimeoutError      also a TimeoutError; the job stays pending
   └─ BadResponseError     they answered; we did not understand
"""

from __future__ import annotations

from typing import Literal

Charged = Literal["no", "yes", "maybe"]


class PlaygroundError(Exception):
    """Anything a person may be told: the message is one sentence, `advice` says what to do."""

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class NotReadyError(PlaygroundError):
    """The backend cannot work yet: a key, a package, a model or a consent is missing."""


class OverBudgetError(PlaygroundError):
    """The price would pass a budget; nothing was sent and nothing is reserved."""


class OverLimitError(PlaygroundError):
    """More than one caller may ask for; nothing was sent, and the limit frees by itself."""


class InputError(PlaygroundError):
    """An image or a value cannot be used; `field` names where it was entered."""

    def __init__(self, message: str, *, field: str = "", advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.field = field


class HistoryError(PlaygroundError):
    """The history or the ledger could not be read or written."""


class HeldError(HistoryError):
    """Another process works on this folder or database; this one must leave both alone."""


class DamagedError(HistoryError):
    """The database file cannot be read: it is damaged, or no database at all."""


class NewerError(HistoryError):
    """A newer version of this program wrote the database; this one cannot understand it."""


class TakenError(PlaygroundError):
    """A job is not as it was believed to be: another process, or a person, has moved it on."""


class BackendError(PlaygroundError):
    """A backend failed; `charged` tells whether the image was, may be, or was not paid for."""

    def __init__(
        self,
        message: str,
        *,
        advice: str = "",
        request_id: str | None = None,
        charged: Charged = "no",
    ) -> None:
        super().__init__(message, advice=advice)
        self.request_id = request_id
        self.charged: Charged = charged


class RejectedError(BackendError):
    """The service refused the request and will refuse it again."""


class AuthError(RejectedError):
    """The service does not accept the key."""


class OutOfCreditError(RejectedError):
    """The account has no credit left."""


class BlockedError(RejectedError):
    """The service's safety check refused the prompt or the image."""


class RateLimitError(BackendError):
    """Too many requests; `retry_after` is in seconds when the service named a time."""

    def __init__(self, message: str, *, advice: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, advice=advice)
        self.retry_after = retry_after


class OverQuotaError(BackendError):
    """The visitor has no time left on a GPU that a Space lends; `wait_s` seconds until there is."""

    def __init__(self, message: str, *, advice: str = "", wait_s: float | None = None) -> None:
        super().__init__(message, advice=advice)
        self.wait_s = wait_s


class UnavailableError(BackendError):
    """The service could not be reached or is broken for the moment."""


class RunTimeoutError(BackendError, TimeoutError):
    """The deadline passed while the service was still working; the job stays pending."""


class BadResponseError(BackendError):
    """The service answered something that cannot be understood."""
