"""What the page asks a person before it does something dear, in its own dialog.

The server decides what is asked, after everything that would be refused all the same was refused;
`assets/dialog.js` shows it, and a yes comes back as an event with what it was said to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from core.backend import Backend
from core.enlarging import Refinement
from core.jobs.job import Job
from core.money import MICROS, micros
from core.params import Edit, Params
from core.words import say
from ui import messages

ASK = """
const ask = async () => {
  const question = props.value;
  if (!question?.title || !await srpo.ask(question)) return;
  if (question.event === 'agree') trigger('agree', question.detail);
  if (question.event === 'stop') trigger('stop', question.detail);
};
watch('value', ask);
ask();
"""
Asked = dict[str, Any]
"""A question as assets/dialog.js takes it, with the event and detail of a yes."""


def build() -> gr.HTML:
    """Make the component that asks; it is rendered by whoever wires it, and never seen."""
    return gr.HTML({}, html_template="", js_on_load=ASK, elem_classes="restorer", render=False)


def before_paying(
    backend: Backend,
    wishes: Sequence[Params],
    click: Mapping[str, Any],
    *,
    left_usd: float | None,
    ask_above: float,
) -> Asked | None:
    """Return what is asked before a click is paid for; None where nothing needs a word.

    `left_usd` is what the budget has left today, where there is one.
    """
    prices = [backend.price(params) for params in wishes]
    known = [price for price in prices if price is not None]
    total = sum(map(micros, known)) / MICROS if len(known) == len(prices) else None
    source = _small_source(wishes[0]) if total != 0 else None
    if total is not None and total <= ask_above and source is None:
        return None
    count, cost = len(wishes), messages.price(total)
    facts = [(say("asked-count"), str(count)), (say("asked-price"), cost)]
    if source:
        facts.append((say("source-image"), f"{source.image.width} × {source.image.height}"))
    if left_usd is not None:
        facts.append((say("asked-left"), messages.price_of(left_usd)))
    return {
        "title": messages.ask_title(count),
        "text": messages.ask_text(
            backend.label, known=total is not None, least=source.least_side if source else None
        ),
        "facts": [list(fact) for fact in facts],
        "yes": messages.ask_yes(count, total),
        "no": say("not-now"),
        "event": "agree",
        "detail": {"name": click.get("name"), "price": click.get("price"), "asked": True},
    }


def before_refining(
    refinement: Refinement, *, left_usd: float | None, ask_above: float
) -> Asked | None:
    """Return what is asked before an image is refined; None where nothing needs a word."""
    price = refinement.price_usd
    if price is not None and price <= ask_above:
        return None
    facts = [(say("asked-price"), messages.price(price))]
    if left_usd is not None:
        facts.append((say("asked-left"), messages.price_of(left_usd)))
    return {
        "title": messages.ask_title(1),
        "text": messages.ask_text(refinement.label, known=price is not None),
        "facts": [list(fact) for fact in facts],
        "yes": messages.ask_yes(1, price),
        "no": say("not-now"),
    }


def _small_source(params: Params) -> Edit | None:
    """Return params whose image has fewer pixels than the service is made for."""
    return params if isinstance(params, Edit) and params.too_small else None


def before_cancelling(jobs: Sequence[Job], paid: Mapping[str, bool]) -> Asked | None:
    """Return what is asked before several jobs are cancelled; None for one or none.

    `paid` says by backend whether what it has begun is paid for.
    """
    if len(jobs) < 2:
        return None
    begun = sum(job.state != "waiting" and paid.get(job.backend, True) for job in jobs)
    return {
        "title": messages.ask_cancel(len(jobs)),
        "text": messages.cancel_costs(len(jobs) - begun, begun),
        "facts": [],
        "yes": messages.ask_cancel_yes(len(jobs)),
        "no": say("cancel-keep"),
        "event": "stop",
        "detail": {},
    }
