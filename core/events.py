"""What a backend tells while it makes one image.

A stream is any number of `Queued`, `Accepted`, `Running` and `Preview`, then exactly one
`Finished`. A failure is an exception of `core.errors`; closing the stream is cancelling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Queued:
    """The service has the request and has not begun; `position` counts from 1 when known."""

    position: int | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The service took the job and calls it `request_id`; from here on it may be charged."""

    request_id: str


@dataclass(frozen=True, slots=True)
class Running:
    """Work goes on; `fraction` is 0..1, `step` counts from 1 to `total`."""

    fraction: float | None = None
    step: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Loading(Running):
    """The model is loaded before the work begins; `fraction` is of that, 0..1 where known."""


@dataclass(frozen=True, slots=True)
class Borrowing(Running):
    """A GPU is asked for that a Space lends; the work begins when there is one."""


@dataclass(frozen=True, slots=True)
class Delivered(Running):
    """The last of the work: the image lies at the address `outputs` and is fetched from there."""

    outputs: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """A small encoded image (WebP, JPEG or PNG bytes) of the unfinished work."""

    image: bytes


@dataclass(frozen=True, slots=True)
class Finished:
    """The encoded image exactly as the backend received it; `flagged` is a safety warning.

    `ran` is what was only known at the end of how it was made; it is kept with what was sent.
    """

    image: bytes
    flagged: bool = False
    ran: Mapping[str, Any] = field(default_factory=dict)


Event = Queued | Accepted | Running | Preview | Finished


TOLD = (
    "painted_without",
    "prompt_read_until",
    "painted_size",
    "steps_run",
    "weights",
    "speed",
    "attention",
    "compiled",
    "cache",
    "tiled",
)
"""What a backend that generates by itself says of how it did; it is part of what the file tells."""


def told(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a backend said of how it made the image, in the order of `TOLD`."""
    return {name: sent[name] for name in TOLD if sent.get(name) not in (None, "", [])}
