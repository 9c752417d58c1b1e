"""Draws the queue of a tab: every job that waits, runs, failed or is in doubt, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from core.decisions import Decision, choices
from core.job import Job
from core.studio import Progress
from ui import words

ACT = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-do]');
  if (!button || (button.dataset.ask && !confirm(button.dataset.ask))) return;
  trigger('act', {...button.dataset});
});
"""
MOST = 12
"""Lines that are drawn; the rest is counted."""


def status(progresses: Sequence[Progress], traceable: Sequence[str] = ()) -> str:
    """Draw a line for each job; `traceable` names those that their service can be asked for."""
    named = len({progress.job.params.get("prompt") for progress in progresses}) > 1
    stops = {str(one.stop): one for one in progresses if one.stop}
    lines = [_stopped(one) for one in stops.values()]
    order = sorted(progresses, key=_rank)
    lines += [_line(one, one.job.id in traceable, named) for one in order[:MOST]]
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


def _stopped(progress: Progress) -> str:
    job, reason = progress.job, progress.stop
    button = _button("resume", job, "Resume") if reason else ""
    text = escape(words.stopped(reason)) if reason else ""
    return f'<div class="notice error" role="alert"><p>{text}</p><p class="acts">{button}</p></div>'


def _line(progress: Progress, traceable: bool, named: bool) -> str:
    job = progress.job
    about = f'<p class="about">{escape(_short(job))}</p>' if named else ""
    acts = "".join(_acts(progress, traceable))
    acts = f'<p class="acts">{acts}</p>' if acts else ""
    if job.state in ("failed", "unknown"):
        said = escape(f"{words.state(progress)}. {words.failure(job)}")
        return (
            f'<div class="notice error" role="alert" data-state="{job.state}">{about}'
            f"<p>{said}</p>{acts}</div>"
        )
    done = _fraction(progress)
    kind = "active" if job.active else "done"
    unsure = " unsure" if job.active and done == 0 else ""
    return (
        f'<div class="job {kind}" data-state="{job.state}">{about}<div class="row">'
        f"<span>{escape(words.state(progress))}</span>"
        f"<span>{escape(words.clock(progress))}</span></div>"
        f'<div class="bar{unsure}"><i style="width:{100 * done:.0f}%"></i></div>{acts}</div>'
    )


def _short(job: Job) -> str:
    prompt = str(job.params.get("prompt", ""))
    return prompt if len(prompt) <= 60 else prompt[:59].rstrip() + "…"


def _acts(progress: Progress, traceable: bool) -> list[str]:
    """Return the buttons of a line, each for something that can be done now."""
    job = progress.job
    if job.state == "waiting":
        found = [_button("cancel", job, "Cancel")]
        if progress.ahead:
            found.insert(0, _button("earlier", job, "Earlier"))
        return found
    found = []
    for choice in choices(job, traceable=traceable):
        if choice == "adopt":
            found += [_candidate(job, name) for name in job.candidates]
        else:
            found.append(_button(choice, job, words.DECISIONS[choice], _ask(choice, job)))
    if found and job.state == "failed":
        found.append(_button("hide", job, "Dismiss"))
    return found


def _candidate(job: Job, request_id: str) -> str:
    return _button("adopt", job, f"It is {request_id[:12]}", pick=request_id)


def _ask(choice: Decision, job: Job) -> str:
    price = words.price(job.price_usd)
    if choice == "again":
        return (
            f"The first one may have been charged. Sending it again costs {price}, so it may cost "
            "twice. Send it again?"
        )
    if choice == "retry" and job.price_usd:
        return f"Making it again costs {price}. Go on?"
    return ""


def _button(name: str, job: Job, label: str, ask: str = "", *, pick: str = "") -> str:
    more = f' data-ask="{escape(ask)}"' if ask else ""
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
