"""What the form is told of a plan: counts, price, time, notes, and errors at their fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.caller import Caller
from core.errors import InputError, PlaygroundError
from core.jobs.set_jobs import Draft, Missing, Wish
from core.params import Task
from core.sets.axes import LINES
from core.studio import Studio
from core.words import say, told
from ui.compare import sentences
from ui.compare.asked import Form, Offers, Reading, Trouble
from ui.compare.offers import price_of

STAND_IN = "x"
"""Stands for the prompt while none is written, so that the price is known already."""
PLACES = {"width": "size", "height": "size", "base": "form", "axes": "form", "id": "form"}
"""Where the form shows what a field of a request is wrong with."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A form with what came of planning it."""

    form: Form
    reading: Reading
    offers: Offers
    troubles: Sequence[Trouble]
    draft: Draft | None = None
    lacking: Missing | None = None
    blank: bool = False
    """There is no prompt yet, which is no mistake."""

    @property
    def new(self) -> int:
        """How many images would be made."""
        return len(self.lacking.requests) if self.lacking else 0

    @property
    def price_usd(self) -> float | None:
        """What they cost in dollars; None when nobody knows."""
        return self.lacking.price_usd if self.lacking else 0.0

    @property
    def ready(self) -> bool:
        """Whether it can be run."""
        return bool(self.draft) and not self.troubles and not self.blank


async def planned(
    studio: Studio, form: Form, reading: Reading, offers: Offers, caller: Caller
) -> Planned:
    """Plan what a form asks for; what is wrong with it is said at its fields.

    So is what a run would be refused for as things stand: a limit, the budget, a missing key.
    """
    owner = caller.owner
    wish = reading.wish
    blank = not str(wish.base["prompt"]).strip() and not any(map(_writes, wish.axes))
    base = dict(wish.base) | ({"prompt": STAND_IN} if blank else {})
    tried = Wish(wish.task, base, wish.axes, wish.targets, wish.image, wish.title)
    troubles = list(reading.troubles)
    made = lacking = None
    if wish.targets and not troubles:
        try:
            made = studio.draft_set(tried, owner=owner)
            troubles += [_trouble(one, form) for one in made.plan.problems]
            lacking = await studio.lacking(made, owner=owner, extends=form.extends)
            if not troubles:
                await studio.check_missing(lacking, owner=owner, address=caller.address)
        except InputError as error:
            place = PLACES.get(error.field, error.field) or "form"
            troubles.append(Trouble(place, str(error), error.advice))
        except PlaygroundError as error:
            troubles.append(Trouble("form", str(error), error.advice))
    return Planned(form, reading, offers, troubles, made, lacking, blank)


def _writes(axis: Mapping[str, Any]) -> bool:
    """Whether an axis brings whole prompts."""
    if axis["field"] == LINES:
        return all(line.get("prompt") for line in axis["values"])
    return axis["field"] == "prompt" and not axis.get("replace")


def _trouble(problem: Any, form: Form) -> Trouble:
    """Put what a target cannot take where its value was written."""
    place = PLACES.get(problem.field, problem.field)
    written = [name for name, _ in form.axes]
    if place in written:
        place = f"axis-{written.index(place)}"
    elif LINES in written and place not in form.rest and place != "prompt":
        place = f"axis-{written.index(LINES)}"
    return Trouble(place, problem.message, problem.advice, problem.value, problem.nearest)


async def news(studio: Studio, task: Task, found: Planned, owner: str) -> dict[str, Any]:
    """Return what the form shows of a plan."""
    wish, made = found.reading.wish, found.draft
    plan = made.plan if made else None
    base = {n: one for n, one in wish.base.items() if n != "prompt"}
    prices = {
        key: sentences.price(price_of(found.offers, key, base, wish.image)) for key in found.offers
    }
    count = len(plan.requests) if plan else 0
    seconds = await _seconds(studio, found.lacking, owner) if found.lacking else None
    hint = say("compare-no-prompt") if found.blank else ""
    if found.ready and not found.new:
        hint = say("compare-nothing-new")
    return {
        "task": task,
        "counts": [sentences.values(one) if one else "" for one in found.reading.counts],
        "prices": prices,
        "label": sentences.run_label(found.new, found.price_usd, more=bool(found.form.extends)),
        "price": found.price_usd,
        "many": found.new if found.new > sentences.MANY else 0,
        "type": sentences.type_it(found.new),
        "shape": hint
        or (
            sentences.shape(len(plan.columns), len(plan.rows), len(plan.pages), seconds)
            if plan and count
            else ""
        ),
        "left": sentences.left_today(await studio.left_today_usd(owner)),
        "notes": [told(one) for one in plan.notes] if plan else [],
        "troubles": [one.as_dict() for one in found.troubles[:20]],
        "ready": found.ready,
    }


async def _seconds(studio: Studio, lacking: Missing, owner: str) -> float | None:
    """Return how long the images take together; backends work side by side."""
    counts = Counter(backend.id for backend, _ in lacking.requests)
    known = {backend.id: (backend, params) for backend, params in lacking.requests}
    longest = 0.0
    for name, (backend, params) in known.items():
        each = await studio.estimate_s(name, params, owner=owner)
        if each is None:
            return None
        longest = max(longest, each * counts[name] / max(1, backend.max_concurrency))
    return longest or None
