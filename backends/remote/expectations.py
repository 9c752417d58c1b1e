"""What a service should answer, as a shape for each request, and how an answer departs from it.

A backend describes it beside its own code; the live check says each departure in a sentence without
addresses, keys and prompts, so that it can be pasted into a bug report.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from core.backend import Heard, Observed

JSON = "application/json"
STREAM = "text/event-stream"
FILE = "the file"
"""Stands for the path of a finished image, which lies at an address of no fixed form."""
NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
VALUE = re.compile(r"[A-Za-z0-9_-]+(?: [A-Za-z0-9_-]+){0,4}")
LONGEST_VALUE = 40
MEDIA_TYPE = re.compile(r"[a-z]{1,20}/[a-z0-9+-]{1,40}")


class Shape(BaseModel):
    """An object in an answer: fields with a default may be missing, and there are no others."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came back; `failure` says why nothing did, with a status of 0."""

    method: str
    path: str
    status: int = 0
    media_type: str = ""
    body: Any = None
    """Parsed JSON; of a file the media type of its bytes."""
    seconds: float = 0.0
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Expects:
    """What the pages of a service say of its answer to one kind of request."""

    step: str
    """How the live check calls it."""
    method: str
    path: str
    """Pattern of the path after the base URL."""
    shape: type[Shape]
    error: type[Shape]
    """Shape of the answer when it has any other status."""
    statuses: Sequence[int] = (200,)
    media_type: str = JSON


def compared(expected: Sequence[Expects], heard: Heard) -> Callable[[Exchange], None]:
    """Return what takes exchanges and tells `heard` of each, with its departures."""

    def hear(exchange: Exchange) -> None:
        step, found = "another request", ["No answer to it is described."]
        if exchange.path == FILE:
            step, found = "download", [*_of_file(exchange)]
        else:
            for one in expected:
                if one.method == exchange.method and re.fullmatch(one.path, exchange.path):
                    step, found = one.step, [*_departures(one, exchange)]
                    break
        heard(Observed(step, exchange.status, exchange.seconds, tuple(found)))

    return hear


def _departures(expected: Expects, exchange: Exchange) -> Iterator[str]:
    if exchange.failure:
        yield exchange.failure
        return
    good = exchange.status in expected.statuses
    media_type = expected.media_type if good else JSON
    if not good:
        wanted = " or ".join(map(str, expected.statuses))
        yield f"The status is {exchange.status}, not {wanted}."
    if exchange.media_type != media_type:
        yield f"The answer is called {_type(exchange.media_type)}, not {media_type}."
    if isinstance(exchange.body, dict):
        yield from _of_object(expected.shape if good else expected.error, exchange.body)
    else:
        yield "The answer is no JSON object."


def _of_file(exchange: Exchange) -> Iterator[str]:
    if exchange.failure:
        yield exchange.failure
    elif exchange.media_type != exchange.body:
        yield f"The file is called {_type(exchange.media_type)} and is {exchange.body}."


def _of_object(shape: type[Shape], body: dict[str, Any]) -> Iterator[str]:
    try:
        shape.model_validate(body)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            yield _sentence(one["type"], one["loc"], one["input"], one["msg"], one.get("ctx", {}))


def _sentence(
    kind: str, place: Sequence[str | int], value: Any, said: str, context: dict[str, Any]
) -> str:
    where = ".".join(_name(part) for part in place)
    if kind == "missing":
        return f"`{where}` is missing."
    if kind == "extra_forbidden":
        return f"`{where}` is not known: {_kind(value)}."
    if kind == "literal_error":
        return f"`{where}` is {_shown(value)}, not {context.get('expected')}."
    return f"`{where}` is {_kind(value)}: {said.replace('Input should', 'it should')}."


def _name(part: str | int) -> str:
    """Return the name of a field as the service wrote it, unless it may be anything else."""
    text = str(part)
    return text if NAME.fullmatch(text) else f"(a name of {len(text)} characters)"


def _shown(value: Any) -> str:
    short = isinstance(value, str) and len(value) <= LONGEST_VALUE and VALUE.fullmatch(value)
    number = type(value) is int and abs(value) < 100_000
    return f"'{value}'" if short else str(value) if number else _kind(value)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return f"a text of {len(value)} characters"
        case list():
            return f"a list of {len(value)}"
    return "an object"


def _type(media_type: str) -> str:
    return media_type if MEDIA_TYPE.fullmatch(media_type) else "nothing known"
