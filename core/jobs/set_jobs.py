"""How a set becomes jobs: planned, priced, and written down with its table in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.backend import Backend
from core.errors import InputError
from core.jobs.job import Job
from core.jobs.sets import JobSet, Outline, Place
from core.params import Params, Task
from core.pictures import Picture
from core.sets.axes import Axis, axes_of
from core.sets.plan import Offer, Plan, Target, plan
from core.sets.wildcards import Wildcards
from core.words import english

Key = tuple[str, str]
"""A backend and its params as JSON: the same key is the same image."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A set as it is asked for, with the image to start from on image to image."""

    task: Task
    base: Mapping[str, Any]
    axes: Any
    targets: Any
    image: Picture | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A set that is planned; nothing of it is written yet."""

    wish: Wish
    axes: Sequence[Axis]
    targets: Sequence[Target]
    plan: Plan

    @property
    def price_usd(self) -> float | None:
        """What all its images cost in dollars; None when nobody knows it of one."""
        return total_usd(self.plan.requests)

    def check(self) -> None:
        """Raise InputError with the first thing that is wrong, if anything is."""
        for problem in self.plan.problems:
            raise InputError(problem.message, field=problem.field, advice=problem.advice)

    def outline(self) -> Outline:
        """Return what is kept of it; the seeds that were drawn for all are part of the base."""
        base = {name: value for name, value in self.wish.base.items() if name != "image"}
        axes = {name for axis in self.axes for name in axis.fields}
        for name in ("seed", "variation_seed"):
            drawn = {getattr(params, name, -1) for _, params in self.plan.requests} - {-1}
            if len(drawn) == 1 and name not in axes:
                base[name] = drawn.pop()
        if self.wish.image:
            base["image"] = self.wish.image.model_dump(mode="json")
        return Outline(
            self.wish.task,
            base,
            [axis.as_dict() for axis in self.axes if not _written_in(axis, base)],
            [target.as_dict() for target in self.targets],
            [list(self.plan.columns), list(self.plan.rows), list(self.plan.pages)],
            list(self.plan.notes),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what a dry run tells: count, price, notes and errors."""
        return {
            "count": len(self.plan.requests),
            "price_usd": self.price_usd,
            "columns": list(self.plan.columns),
            "rows": list(self.plan.rows),
            "pages": list(self.plan.pages),
            "notes": list(self.plan.notes),
            "errors": [problem.as_dict() for problem in self.plan.problems],
        }

    def places(self, ids: Sequence[str]) -> dict[Place, str]:
        """Return the job of each cell; `ids` are the jobs of the plan's requests."""
        return {(cell.page, cell.row, cell.column): ids[cell.request] for cell in self.plan.cells}


def _written_in(axis: Axis, base: Mapping[str, Any]) -> bool:
    """Whether the prompt itself brings this axis, as `{a|b}`."""
    written = axis.replace.startswith("{") and axis.replace.endswith("}")
    return written and axis.replace in str(base.get("prompt", ""))


def draft(wish: Wish, offer: Offer, wildcards: Wildcards) -> Draft:
    """Plan a set; raises InputError for what cannot be understood at all."""
    if not isinstance(wish.base, Mapping):
        raise InputError(
            english("sets-base-set-must-object"),
            field="base",
            advice=english("sets-for-example-prompt-boat"),
        )
    axes = axes_of(wish.axes, str(wish.base.get("prompt", "")))
    targets = _targets(wish.targets)
    base = dict(wish.base) | ({"image": wish.image} if wish.image else {})
    made = plan(wish.task, base, axes, targets, offer, write=wildcards.written)
    return Draft(wish, axes, targets, made)


def _targets(given: Any) -> list[Target]:
    listed = isinstance(given, Sequence) and not isinstance(given, str)
    if not listed or not given or not all(isinstance(one, Mapping) for one in given):
        raise InputError(
            english("sets-set-needs-list-targets"),
            field="targets",
            advice=english("sets-for-example-backend-miniature"),
        )
    return [
        Target(str(one.get("backend", ""))[:80], str(one.get("model") or "")[:80]) for one in given
    ]


def key_of(backend: str, params: Params) -> Key:
    """Return what makes a request the same as another one."""
    return backend, params.model_dump_json(exclude=params.idle)


@dataclass(frozen=True, slots=True)
class Missing:
    """What of a planned set is still to be made; `kept` are jobs by the number of a request."""

    numbers: Sequence[int]
    requests: Sequence[tuple[Backend, Params]]
    kept: Mapping[int, str]

    @property
    def price_usd(self) -> float | None:
        """What it costs in dollars; None when nobody knows it of one."""
        return total_usd(self.requests)


def missing(
    made: Draft, old: JobSet | None, kind_of: Callable[[str, Task], type[Params]]
) -> Missing:
    """Return what of a planned set the old set does not have yet; without one, all of it."""
    reused = known_jobs(old, kind_of) if old else {}
    numbers, requests, kept = [], [], {}
    for number, (backend, params) in enumerate(made.plan.requests):
        if job := reused.get(key_of(backend.id, params)):
            kept[number] = job.id
        else:
            numbers.append(number)
            requests.append((backend, params))
    return Missing(numbers, requests, kept)


def total_usd(requests: Sequence[tuple[Backend, Params]]) -> float | None:
    """Return what requests cost in dollars; None when nobody knows it of one."""
    prices = [backend.price(params) for backend, params in requests]
    return None if None in prices else round(sum(price or 0.0 for price in prices), 6)


def known_jobs(found: JobSet, kind_of: Callable[[str, Task], type[Params]]) -> dict[Key, Job]:
    """Return the jobs of a set that stay in its cells: all but those that ended for nothing.

    What was charged, or may have been, is made again by a person's decision alone.
    """
    known = {}
    for job in found.jobs:
        if job.state in ("failed", "cancelled") and job.charged == "no":
            continue
        kind = kind_of(job.backend, job.task)
        facts = dict(job.params)
        if isinstance(facts.get("image"), dict):
            facts["image"] = Picture.model_construct(**facts["image"])
        known[key_of(job.backend, kind.model_construct(**facts))] = job
    return known
