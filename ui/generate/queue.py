"""Draws the queue of a tab: every job that waits, runs, failed or is in doubt, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from types import MappingProxyType

from core.jobs.job import COSTLY, Action, Job, possible_actions
from core.studio import Progress
from ui import messages

ACT = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-do]');
  if (!button || (button.dataset.ask && !confirm(button.dataset.ask))) return;
  const {do: what, job, pick, price, ask} = button.dataset;
  trigger('act', {do: what, job, pick, price, asked: Boolean(ask)});
});
"""
NO_PRICES: Mapping[str, float] = MappingProxyType({})
MOST = 12
"""Lines that are drawn; the rest is counted."""


def status(
    progresses: Sequence[Progress],
    lists_jobs: Sequence[str] = (),
    *,
    prices: Mapping[str, float] = NO_PRICES,
    whom: str = "",
) -> str:
    """Draw a line for each job; `lists_jobs` names those that their service can be asked for.

    `prices` say by job what it costs today to make it again; `whom` says who can resume a stopped
    queue, where this visitor cannot.
    """
    named = len({progress.job.params.get("prompt") for progress in progresses}) > 1
    stops = {str(one.stop): one for one in progresses if one.stop}
    lines = [_stopped(one, whom) for one in stops.values()]
    order = sorted(progresses, key=_rank)
    for one in order[:MOST]:
        price = prices.get(one.job.id, one.job.price_usd)
        lines.append(_line(one, one.job.id in lists_jobs, named, price))
    rest = len(order) - MOST
    if rest > 0:
        lines.append(f'<p class="more">and {rest} more</p>')
    return "".join(lines)


def _rank(progress: Progress) -> tuple[int, float]:
    """Put what runs first, then what waits in its order, then what ended."""
    states = ("running", "sending", "waiting", "unknown", "failed", "finished", "cancelled")
    job = progress.job
    ahead = progress.ahead if job.state == "waiting" and progress.ahead is not None else job.n
    return states.index(job.state), float(ahead)


def _stopped(progress: Progress, whom: str) -> str:
    job, reason = progress.job, progress.stop
    whom = "" if job.own_key else whom  # a queue of one's own is resumed by its owner
    button = _button("resume", job, "Resume") if reason and not whom else ""
    text = escape(f"{messages.stopped(reason)} {whom}".strip()) if reason else ""
    return f'<div class="notice error" role="alert"><p>{text}</p><p class="acts">{button}</p></div>'


def _line(progress: Progress, lists_jobs: bool, named: bool, price: float) -> str:
    job = progress.job
    about = f'<p class="about">{escape(_short(job))}</p>' if named else ""
    acts = "".join(_acts(progress, lists_jobs, price))
    acts = f'<p class="acts">{acts}</p>' if acts else ""
    if job.state in ("failed", "unknown"):
        said = escape(f"{messages.state(progress)}. {messages.failure(job)}")
        return (
            f'<div class="notice error" role="alert" data-state="{job.state}">{about}'
            f"<p>{said}</p>{acts}</div>"
        )
    done = _fraction(progress)
    kind = "active" if job.active else "done"
    unsure = " unsure" if job.active and done == 0 else ""
    return (
        f'<div class="job {kind}" data-state="{job.state}">{about}<div class="row">'
        f"<span>{escape(messages.state(progress))}</span>"
        f"<span>{escape(messages.clock(progress))}</span></div>"
        f'<div class="bar{unsure}"><i style="width:{100 * done:.0f}%"></i></div>{acts}</div>'
    )


def _short(job: Job) -> str:
    prompt = str(job.params.get("prompt", ""))
    return prompt if len(prompt) <= 60 else prompt[:59].rstrip() + "…"


def _acts(progress: Progress, lists_jobs: bool, price: float) -> list[str]:
    """Return the buttons of a line, each for something that can be done now.

    One that sends a new job carries the price it tells, in dollars.
    """
    job = progress.job
    if job.state == "waiting":
        found = [_button("cancel", job, "Cancel")]
        if progress.ahead:
            found.insert(0, _button("earlier", job, "Move up"))
        return found
    found = []
    for choice in possible_actions(job, lists_jobs=lists_jobs):
        if choice == "adopt":
            found += [_candidate(job, name) for name in job.candidates]
        else:
            ask, cost = _ask(choice, price), price if choice in COSTLY else None
            found.append(_button(choice, job, messages.ACTIONS[choice], ask, price=cost))
    if found and job.state == "failed":
        found.append(_button("hide", job, "Dismiss"))
    return found


def _candidate(job: Job, request_id: str) -> str:
    return _button("adopt", job, f"It is {request_id[:12]}", pick=request_id)


def _ask(choice: Action, price: float) -> str:
    if choice == "again":
        return (
            f"The first one may have been charged. Sending it again costs {messages.price(price)}, "
            "so it may cost twice. Send it again?"
        )
    if choice == "retry" and price:
        return f"Making it again costs {messages.price(price)}. Go on?"
    return ""


def _button(
    name: str,
    job: Job,
    label: str,
    ask: str = "",
    *,
    pick: str = "",
    price: float | None = None,
) -> str:
    more = f' data-ask="{escape(ask)}"' if ask else ""
    more += f' data-price="{price:.6f}"' if price is not None else ""
    more += f' data-pick="{escape(pick)}"' if pick else ""
    return (
        f'<button type="button" class="quiet" data-do="{name}" data-job="{job.id}"{more}>'
        f"{escape(label)}</button>"
    )


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
