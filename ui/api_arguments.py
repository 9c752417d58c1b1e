"""What a caller of the API wishes for: arguments that were not touched ask for nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import gradio as gr

from core.backend import Backend, usual_price
from core.errors import InputError, PlaygroundError
from core.jobs.job import STATES, State
from core.params import TASKS, Task
from core.words import english
from ui import messages

# What an argument means when the caller did not touch it; such a value is not a wish.
UNTOUCHED: Mapping[str, Any] = {
    "model": "",
    "width": 1024,
    "height": 1024,
    "strength": 0.8,
    "steps": 28,
    "guidance": 0,
    "seed": -1,
    "output_format": "",
}
MOST_IDS = 10_000
"""Images that one call changes."""
EMPTY = ("model", "guidance", "output_format")
"""Arguments whose untouched value asks for the backend's own default."""

DATE = len("2026-01-31")


def touched(wishes: Mapping[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    """Drop what asks for nothing; a wish the backend cannot fulfil stays, and is refused."""
    return {
        name: value
        for name, value in wishes.items()
        if not (value == UNTOUCHED.get(name, ...) and (name in EMPTY or name not in fields))
    }


def plain(image: Any) -> Any:
    """Return an image argument in the one form the uploads takes."""
    return image if isinstance(image, dict) else {"path": getattr(image, "path", image)}


def task_named(name: str) -> Task:
    """Return the task of that name, or raise InputError."""
    for task in TASKS:
        if name == task:
            return task
    raise InputError(
        f"There is no task “{str(name)[:40]}”.", advice=f"Choose {' or '.join(TASKS)}."
    )


def states_named(name: str) -> tuple[State, ...]:
    """Return the state of that name, all states for an empty one, or raise InputError."""
    if not name:
        return STATES
    for state in STATES:
        if name == state:
            return (state,)
    raise InputError(
        f"There is no state “{str(name)[:40]}”.", advice="Choose one of: " + ", ".join(STATES) + "."
    )


def named(params: Any) -> dict[str, Any]:
    """Return the settings of a request, which are an object by name, or raise InputError."""
    if not isinstance(params, Mapping):
        raise InputError("Params must be an object.", advice='For example {"prompt": "a boat"}.')
    return dict(params)


def count(number: Any, most: int) -> int:
    """Return how many are asked for, held to 1 and `most`, or raise InputError."""
    if not isinstance(number, int | float) or (isinstance(number, float) and math.isnan(number)):
        raise InputError("Limit must be a whole number.", advice=f"At most {most} are listed.")
    return int(min(max(number, 1), most))


def moment(told: Any, field: str) -> float | None:
    """Return the Unix time of an ISO date or time, UTC where it names no zone; "" is none.

    A date of the field `until` stands for the end of its day. Raises InputError.
    """
    text = str(told).strip()
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
        if len(text) <= DATE and field == "until":
            read += timedelta(days=1)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        said = english("moment-unreadable", given=text[:40])
        raise InputError(said, field=field, advice=english("moment-form")) from error


def ids_named(ids: Any) -> list[str]:
    """Return the ids that are asked for, each once, or raise InputError."""
    listed = [ids] if isinstance(ids, str) else ids
    if not isinstance(listed, list | tuple) or not all(isinstance(one, str) for one in listed):
        raise InputError(english("ids-no-list"), field="ids", advice=english("take-ids"))
    if len(listed) > MOST_IDS:
        said = english("ids-too-many", count=f"{len(listed):,}", most=f"{MOST_IDS:,}")
        raise InputError(said, field="ids", advice=english("send-several-calls"))
    return list(dict.fromkeys(listed))


@contextmanager
def spoken() -> Iterator[None]:
    """Turn our errors into sentences the client receives."""
    try:
        yield
    except PlaygroundError as error:
        raise gr.Error(messages.trouble(error), print_exception=False) from error


def described(backend: Backend, closed: PlaygroundError | None = None) -> dict[str, Any]:
    """Return what a caller can know of a backend, with the schema of each request."""
    problem = messages.trouble(closed) if closed else backend.problem()
    return {
        "id": backend.id,
        "label": backend.label,
        "ready": not problem,
        "sandbox": backend.sandbox,
        "problem": problem,
        "price_usd": usual_price(backend),
        "tasks": {task: kind.model_json_schema() for task, kind in backend.tasks.items()},
    }
