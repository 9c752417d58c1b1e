"""The kinds of things that can go wrong; `catalogue.py` names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

Phase = Literal["submit", "poll", "result", "download", "list", "account", "upload", "put"]


def in_envelope(answer: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with other values in its `data`, where that is an object."""
    task = answer.get("data")
    return {**answer, "data": {**task, **changes}} if isinstance(task, dict) else answer


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request on its way through the sandbox, with the answer it deserves."""

    request: Request
    good: Response
    """The right answer; empty when the fault strikes before anything was done."""
    refuse: Callable[[int, str], Response]
    """An error in the words of the service that was asked."""
    older_id: str = ""
    """The id of an earlier job, for answers that confuse jobs."""
    rewrite: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]] = in_envelope
    """Puts other values, named as in WaveSpeed's task object, into an answer of this service."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Replaces an answer at one step of a job's life.

    `poll` strikes any poll, `result` only one that would have brought an end.
    """

    phase: Phase
    act: Callable[[Exchange], Response]
    times: int | None = 1
    """How often, unless the prompt says so itself; None: for ever."""
    billed: bool = False
    """At submit: the job is accepted and charged before the answer is spoilt."""
    strangers: int = 0
    """At submit: jobs of somebody with the same key that appear at the same moment."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ends when it does not simply succeed."""

    status: str = "completed"
    error: str = ""
    code: int = 0
    flagged: bool = False


@dataclass(frozen=True, slots=True)
class Swap:
    """Replaces the address of the finished image."""

    url: Callable[[str], str]


Mishap = Fault | Outcome | Swap
