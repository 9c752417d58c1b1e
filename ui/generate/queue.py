"""Draws the queue of a tab: every job that waits, runs, failed or is in doubt, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from core.errors import PlaygroundError
from core.jobs.job import COSTLY, Action, Job
from core.studio import Progress
from ui import markup, messages

ACT = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-do]');
  if (!button || (button.dataset.ask && !confirm(button.dataset.ask))) return;
  const {do: what, job, pick, price, ask} = button.dataset;
  trigger('act', {do: what, job, pick, price, asked: Boolean(ask)});
});
"""
NO_ACTIONS: Mapping[str, Sequence[Action]] = MappingProxyType({})
NO_PRICES: Mapping[str, float | None] = MappingProxyType({})
MOST = 12
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
class Line:
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
    whom: str = "",
) -> str:
    """Draw a line for each job; `possible` says by job what can be done with it.

    `prices` say by job what it costs today to make it again; `whom` says who can resume a stopped
    queue, where this visitor cannot.
    """
    named = len({progress.job.params.get("prompt") for progress in progresses}) > 1
    stops = {str(one.stop): (one, one.stop) for one in progresses if one.stop}
    lines = []
    order = sorted(progresses, key=_rank)
    for one in order[:MOST]:
        price = prices.get(one.job.id, one.job.price_usd)
        buttons = _buttons(one, possible.get(one.job.id, ()), price)
        lines.append(Line(one, _short(one.job), _fraction(one), buttons))
    return markup.render(
        "queue",
        named=named,
        stops=[_stop(one.job, reason, whom) for one, reason in stops.values()],
        lines=lines,
        more=len(order) - MOST,
    )


def _rank(progress: Progress) -> tuple[int, float]:
    """Put what runs first, then what waits in its order, then what ended."""
    states = ("running", "sending", "waiting", "unknown", "failed", "finished", "cancelled")
    job = progress.job
    ahead = progress.ahead if job.state == "waiting" and progress.ahead is not None else job.n
    return states.index(job.state), float(ahead)


def _stop(job: Job, reason: PlaygroundError, whom: str) -> Stop:
    whom = "" if job.own_key else whom  # a queue of one's own is resumed by its owner
    buttons = [] if whom else [Button("resume", job.id, "Resume")]
    return Stop(f"{messages.stopped(reason)} {whom}".strip(), buttons)


def _short(job: Job) -> str:
    prompt = str(job.params.get("prompt", ""))
    return prompt if len(prompt) <= 60 else prompt[:59].rstrip() + "…"


def _buttons(progress: Progress, possible: Sequence[Action], price: float | None) -> list[Button]:
    """Return the buttons of a line, each for something that can be done now.

    One that sends a new job carries the price it tells, in dollars.
    """
    job = progress.job
    if job.state == "waiting":
        found = [Button("cancel", job.id, "Cancel")]
        if progress.ahead:
            found.insert(0, Button("earlier", job.id, "Move up"))
        return found
    found = []
    for choice in possible:
        if choice == "adopt":
            found += [
                Button("adopt", job.id, f"It is {name[:12]}", pick=name) for name in job.candidates
            ]
        else:
            cost = f"{price:.6f}" if choice in COSTLY else ""
            found.append(
                Button(choice, job.id, messages.ACTIONS[choice], _ask(choice, price), cost)
            )
    if found and job.state == "failed":
        found.append(Button("hide", job.id, "Dismiss"))
    return found


def _ask(choice: Action, price: float | None) -> str:
    if choice == "again":
        return (
            f"The first one may have been charged. Sending it again costs {messages.price(price)}, "
            "so it may cost twice. Send it again?"
        )
    if choice == "retry" and price:
        return f"Making it again costs {messages.price(price)}. Go on?"
    return ""


def _fraction(progress: Progress) -> float:
    """How much of a job is done: what its backend says, else the time that passed."""
    if not progress.job.active:
        return 1.0
    if progress.fraction is not None:
        return min(max(progress.fraction, 0.0), 1.0)
    if progress.step and progress.total:
        return progress.step / progress.total
    if progress.estimate_s:
        return min(0.97, progress.elapsed_s / progress.estimate_s)
    return 0.0
