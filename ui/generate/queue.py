"""Draws the queue of both tasks: what waits, runs, failed or is in doubt, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from core.errors import PlaygroundError
from core.jobs.job import COSTLY, Action, Job
from core.studio import Progress
from core.words import say
from ui import markup, messages

NO_ACTIONS: Mapping[str, Sequence[Action]] = MappingProxyType({})
NO_PRICES: Mapping[str, float | None] = MappingProxyType({})
MOST = 60
"""Lines that are drawn; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Button:
    """Something that can be done with a job; `ask` is asked first, `price` is in dollars."""

    name: str
    job: str
    label: str
    ask: str = ""
    price: str = ""
    pick: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A job as it stands: the share of it that is done, and what can be done with it."""

    progress: Progress
    prompt: str
    done: float
    buttons: Sequence[Button]


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a backend's queue sends nothing, with the button that lets it."""

    text: str
    buttons: Sequence[Button]


def status(
    progresses: Sequence[Progress],
    possible: Mapping[str, Sequence[Action]] = NO_ACTIONS,
    *,
    prices: Mapping[str, float | None] = NO_PRICES,
    left_usd: float | None = None,
    whom: str = "",
) -> str:
    """Draw a line for each job that is not finished.

    `possible` says by job what can be done with it,
    `prices` what it costs today to make it again, `left_usd` what may still be spent today,
    where there is a budget; `whom` says who can resume a stopped queue, where this visitor cannot.
    """
    stops = {str(one.stop): (one, one.stop) for one in progresses if one.stop}
    order = sorted((one for one in progresses if one.job.state != "finished"), key=rank)
    rows = [row(one, possible, prices, left_usd) for one in order[:MOST]]
    return markup.render(
        "queue",
        stops=[stopped(one.job, reason, whom) for one, reason in stops.values()],
        rows=rows,
        busy=sum(one.job.active for one in order),
        more=len(order) - MOST,
    )


def row(
    progress: Progress,
    possible: Mapping[str, Sequence[Action]],
    prices: Mapping[str, float | None],
    left_usd: float | None = None,
) -> Row:
    """Return a job as it is drawn, with the buttons for what can be done with it now."""
    price = prices.get(progress.job.id, progress.job.price_usd)
    refused = left_usd is not None and (price or 0.0) > left_usd
    buttons = _buttons(progress, possible.get(progress.job.id, ()), price, refused=refused)
    return Row(progress, _short(progress.job), progress.share or 0.0, buttons)


def rank(progress: Progress) -> tuple[int, float]:
    """Put what runs first, then what waits in its order, then what ended."""
    states = ("running", "sending", "waiting", "unknown", "failed", "finished", "cancelled")
    job = progress.job
    ahead = progress.ahead if job.state == "waiting" and progress.ahead is not None else job.n
    return states.index(job.state), float(ahead)


def stopped(job: Job, reason: PlaygroundError, whom: str) -> Stop:
    """Return why a queue sends nothing; `whom` says who can resume it, if not this visitor."""
    whom = "" if job.own_key else whom  # a queue of one's own is resumed by its owner
    buttons = [] if whom else [Button("resume", job.id, say("action-resume"))]
    return Stop(messages.joined([messages.stopped(reason), whom]), buttons)


def _short(job: Job) -> str:
    prompt = str(job.params.get("prompt", ""))
    return prompt if len(prompt) <= 60 else prompt[:59].rstrip() + "…"


def _buttons(
    progress: Progress, possible: Sequence[Action], price: float | None, *, refused: bool
) -> list[Button]:
    """Return the buttons of a row, each for something that can be done now.

    One that sends a new job carries the price it tells, in dollars. A retry that the budget has
    `refused` asks nothing before; what may be charged twice always does.
    """
    job = progress.job
    if job.state == "waiting":
        found = [Button("cancel", job.id, say("cancel"))]
        if progress.ahead:
            found.insert(0, Button("earlier", job.id, say("action-earlier")))
            found.insert(1, Button("later", job.id, say("action-later")))
        return found
    found = []
    for choice in possible:
        if choice == "adopt":
            found += [
                Button("adopt", job.id, say("action-adopt-named", id=name[:12]), pick=name)
                for name in job.candidates
            ]
        else:
            cost = f"{price:.6f}" if choice in COSTLY else ""
            ask = "" if refused and choice == "retry" else _ask(choice, price)
            found.append(Button(choice, job.id, say(f"action-{choice}"), ask, cost))
    if found and job.state == "failed":
        found.append(Button("hide", job.id, say("action-hide")))
    return found


def _ask(choice: Action, price: float | None) -> str:
    if choice == "again":
        return say("again-costs", price=messages.price(price))
    if choice == "retry" and price:
        return say("retry-costs", price=messages.price(price))
    return ""
