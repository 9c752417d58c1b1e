"""The plan of a set: which images it makes, what each target cannot be asked, what is wrong."""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.backend import Backend
from core.errors import InputError
from core.params import Params, Task, draw_seed
from core.parsing import parse
from core.sets.axes import MOST_VALUES, Axis
from core.words import english

SEED_NOTE = english("sets-seed-means-different-noise-at")


@dataclass(frozen=True, slots=True)
class Target:
    """A backend and one of its models; "" is the backend's default model, or it has no choice."""

    backend: str
    model: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return it in the form of the named API."""
        return {"backend": self.backend, "model": self.model}


@dataclass(frozen=True, slots=True)
class Problem:
    """What keeps a set from being made: a value that a target cannot take; `nearest` it can."""

    message: str
    advice: str
    field: str
    target: str
    value: Any = None
    nearest: Any = None

    def as_dict(self) -> dict[str, Any]:
        """Return it in the form of the named API."""
        names = ("message", "advice", "field", "target", "value", "nearest")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of the table, counted from 0; `request` is the number of its request."""

    row: int
    column: int
    page: int
    target: Target
    request: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A set before it is made; cells with the very same request share one image."""

    columns: Sequence[str]
    rows: Sequence[str]
    pages: Sequence[str]
    cells: Sequence[Cell]
    requests: Sequence[tuple[Backend, Params]]
    notes: Sequence[str] = ()
    problems: Sequence[Problem] = ()

    @property
    def prices(self) -> list[float | None]:
        """What each request costs in dollars; None where nobody knows."""
        return [backend.price(params) for backend, params in self.requests]


Dimension = tuple[list[str], Axis | None]
"""A side of the table: its headings, and its axis; None stands for the targets."""
Offer = Callable[[str, Task], tuple[Backend, type[Params]]]
"""Returns a backend by its id and its params type for a task, or raises InputError."""


@dataclass(slots=True)
class _Making:
    """The plan as it grows."""

    requests: list[tuple[Backend, Params]] = field(default_factory=list)
    known: dict[str, int] = field(default_factory=dict)
    problems: dict[tuple[str, str, str], Problem] = field(default_factory=dict)

    def number(self, target: Target, backend: Backend, params: Params) -> int:
        """Return the number of a request; one that is there already keeps its own."""
        key = f"{target.backend} {params.model_dump_json(exclude={'image'} | params.idle)}"
        if key not in self.known:
            self.known[key] = len(self.requests)
            self.requests.append((backend, params))
        return self.known[key]


def plan(
    task: Task,
    base: Mapping[str, Any],
    axes: Sequence[Axis],
    targets: Sequence[Target],
    offer: Offer,
    *,
    write: Callable[[str, int], str] = lambda prompt, _seed: prompt,
) -> Plan:
    """Plan a set: each combination of a target and the axes' values once.

    `base` is what all of them share; seeds that it leaves open are drawn once for all. `write`
    makes the prompt that is sent from the one that was written and the image's seed. Columns are
    the targets where there are several, then the axes in their order; what is left over after rows
    makes pages. Raises InputError for what no target can be asked.
    """
    if not targets:
        raise InputError(
            english("sets-set-needs-at-least-one"),
            field="targets",
            advice=english("sets-choose-one"),
        )
    targets = list(dict.fromkeys(targets))
    offered = {target: offer(target.backend, task) for target in targets}
    dimensions = _dimensions(targets, axes, offered)
    _check_count(dimensions)
    _check_fields(base, axes, offered)
    shared = dict(base)
    varied = any("variation_strength" in one for one in (base, *(axis.fields for axis in axes)))
    for name in ("seed", "variation_seed") if varied else ("seed",):
        if not isinstance(shared.get(name), int) or shared[name] < 0:
            shared[name] = draw_seed()
    making, cells = _Making(), []
    for place in itertools.product(*(range(len(names)) for names, _ in dimensions)):
        target, values = _at(place, dimensions, targets, shared)
        backend, kind = offered[target]
        values = _for_target(values, target, kind)
        if isinstance(values.get("prompt"), str):
            seed = values.get("seed", shared["seed"])
            values["prompt"] = write(values["prompt"], seed if isinstance(seed, int) else 0)
        try:
            params = parse(kind, values).with_seed()
        except InputError as error:
            _note(making, error, target, backend, kind, values)
            continue
        rest = place[2:] + (0,) * (2 - len(place[2:]))
        page = rest[0] * (len(dimensions[3][0]) if len(dimensions) > 3 else 1) + rest[1]
        row = place[1] if len(place) > 1 else 0
        cells.append(Cell(row, place[0], page, target, making.number(target, backend, params)))
    sides = [labels for labels, _ in dimensions]
    rows = sides[1] if len(sides) > 1 else [""]
    pages = [" · ".join(page) for page in itertools.product(*sides[2:])]
    notes = _notes(base, axes, offered)
    return Plan(sides[0], rows, pages, cells, making.requests, notes, [*making.problems.values()])


def _check_count(dimensions: Sequence[Dimension]) -> None:
    count = math.prod(len(names) for names, _ in dimensions)
    if count > MOST_VALUES:
        raise InputError(
            english(
                "sets-set-would-images-most", count=f"{count:,}", most_values=f"{MOST_VALUES:,}"
            ),
            field="axes",
            advice=english("jobs-take-values-away"),
        )


def _at(
    place: Sequence[int],
    dimensions: Sequence[Dimension],
    targets: Sequence[Target],
    values: Mapping[str, Any],
) -> tuple[Target, Mapping[str, Any]]:
    """Return the target and the request at a place, which has a number for each dimension."""
    target = targets[0]
    for number, (_, axis) in zip(place, dimensions, strict=True):
        if axis is None:
            target = targets[number]
        else:
            values = axis.applied(values, number)
    return target, values


def _dimensions(
    targets: Sequence[Target],
    axes: Sequence[Axis],
    offered: Mapping[Target, tuple[Backend, type[Params]]],
) -> list[Dimension]:
    """Return the sides of the table with their headings; None stands for the targets."""
    named = [name_of(target, offered[target][0]) for target in targets]
    found: list[Dimension] = []
    if len(targets) > 1 or not axes:
        found.append((named, None))
    return found + [(list(axis.labels), axis) for axis in axes]


def name_of(target: Target, backend: Backend) -> str:
    """Return what a target is called in a heading."""
    return f"{backend.label} · {target.model}" if target.model else backend.label


def _for_target(values: Mapping[str, Any], target: Target, kind: type[Params]) -> dict[str, Any]:
    """Return what a target is asked: its model, and of the rest what it has a field for."""
    own = {name: value for name, value in values.items() if name in kind.model_fields}
    if target.model:
        own["model"] = target.model
    return own


def _check_fields(
    base: Mapping[str, Any],
    axes: Sequence[Axis],
    offered: Mapping[Target, tuple[Backend, type[Params]]],
) -> None:
    """Refuse a field that no target has: nobody could have meant it."""
    known = {name for _, kind in offered.values() for name in kind.model_fields}
    asked = [*base, *(name for axis in axes for name in axis.fields)]
    for name in asked:
        if name not in known and name != "seed":
            raise InputError(
                english("sets-none-these-targets-has-setting", name=str(name)[:40]),
                field="axes" if name not in base else "base",
                advice=english("sets-offer", names=", ".join(sorted(known))),
            )
    if "model" in {name for axis in axes for name in axis.fields}:
        for target in offered:
            if target.model:
                raise InputError(
                    english("sets-model-both-axis-part-target"),
                    field="axes",
                    advice=english("sets-leave-out-one-them"),
                )


def _note(
    making: _Making,
    error: InputError,
    target: Target,
    backend: Backend,
    kind: type[Params],
    values: Mapping[str, Any],
) -> None:
    """Keep what is wrong, once a target and value."""
    name, value = error.field, values.get(error.field)
    shown = value if isinstance(value, str | int | float | bool) else None
    key = (name_of(target, backend), name, str(shown))
    if key in making.problems:
        return
    near = nearest(kind, name, value)
    advice = english("sets-nearest-takes", near=near) if near is not None else error.advice
    problem = Problem(
        f"{name_of(target, backend)}: {error}", advice, name, target.backend, shown, near
    )
    making.problems[key] = problem


def nearest(kind: type[Params], name: str, value: Any) -> Any:
    """Return the legal value of a field that is nearest to another one; None if there is none."""
    schema = kind.model_json_schema()["properties"].get(name)
    if schema is None:
        return None
    if "enum" in schema:
        close = difflib.get_close_matches(str(value), [str(one) for one in schema["enum"]], 1, 0.3)
        return close[0] if close else schema.get("default")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    number = number and math.isfinite(value)
    if not number or schema.get("type") not in ("integer", "number"):
        return None
    low, high = schema.get("minimum", value), schema.get("maximum", value)
    if schema["type"] == "number":
        return float(min(max(value, low), high))
    step = schema.get("multipleOf", 1)
    lowest, highest = -(-low // step) * step, high // step * step
    return int(min(max(round(value / step) * step, lowest), highest))


def _notes(
    base: Mapping[str, Any],
    axes: Sequence[Axis],
    offered: Mapping[Target, tuple[Backend, type[Params]]],
) -> list[str]:
    """Say what is left out at each target, what differs by default, and what a seed means."""
    asked = dict.fromkeys([*base, *(name for axis in axes for name in axis.fields)])
    found = []
    for target, (backend, kind) in offered.items():
        lacking = [name.replace("_", " ") for name in asked if name not in kind.model_fields]
        if lacking:
            found.append(
                english(
                    "sets-not-offered-by",
                    name_of=name_of(target, backend),
                    lacking=", ".join(lacking),
                )
            )
    found += _own_defaults(asked, offered)
    if len({target.backend for target in offered}) > 1:
        found.append(SEED_NOTE)
    return found


def _own_defaults(
    asked: Mapping[str, Any], offered: Mapping[Target, tuple[Backend, type[Params]]]
) -> list[str]:
    """Say where targets keep defaults of their own that differ."""
    found = []
    names = dict.fromkeys(name for _, kind in offered.values() for name in kind.model_fields)
    for name in names:
        if name in asked or name in ("seed", "image", "prompt", "model"):
            continue
        theirs = {
            name_of(target, backend): kind.model_fields[name].default
            for target, (backend, kind) in offered.items()
            if name in kind.model_fields
        }
        if len(set(map(str, theirs.values()))) > 1:
            told = ", ".join(f"{who}: {value}" for who, value in theirs.items())
            found.append(
                english(
                    "sets-each-model-s-own",
                    setting=name.replace("_", " ").capitalize(),
                    told=told,
                )
            )
    return found
