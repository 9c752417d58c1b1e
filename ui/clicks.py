"""What a browser says with a click: its name, the price that was agreed to, what was clicked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import gradio as gr

from core.errors import InputError
from core.jobs.consent import Consent
from core.money import amount, dollars, micros
from core.words import say

NAME = re.compile(r"[0-9A-Za-z_.-]{1,50}")


def name_of(said: Any) -> str:
    """Return the name of a click: the same name is the same jobs.

    Raises InputError when there is none, as from a page that is older than this program.
    """
    name = said.get("name") if isinstance(said, Mapping) else None
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InputError(say("old-page"), advice=say("reload"))
    return name


def consent_of(said: Any, ask_above: float) -> Consent:
    """Return the price that was agreed to; no price said agrees to what is free.

    A price of null that the page asked about agrees to a price that nobody knows. Raises InputError
    when the price is one that the page has to ask about, and it did not.
    """
    if was_asked(said):
        return seen_by(said)
    agreed = price_in(said) or 0.0
    if agreed > ask_above:
        raise InputError(
            say("not-asked", price=dollars(micros(agreed))),
            field="price",
            advice=say("click-again"),
        )
    return Consent(agreed_usd=agreed)


def seen_by(said: Any) -> Consent:
    """Return consent to the price that the page showed, as if a person had agreed to it.

    To find out what would be refused all the same, before the person is asked.
    """
    said = said if isinstance(said, Mapping) else {}
    if said.get("price", "") is None:
        return Consent(agreed_usd=0.0, unknown=True)
    return Consent(agreed_usd=price_in(said) or 0.0)


def was_asked(said: Any) -> bool:
    """Whether the page asked a person about this click, who said yes."""
    return isinstance(said, Mapping) and said.get("asked") is True


def price_in(said: Any) -> float | None:
    """Return the dollars that a click carries; None where it carries none."""
    return amount(said.get("price"), "price") if isinstance(said, Mapping) else None


def told(event: gr.EventData, name: str) -> Any:
    """Return what an event says under a name; None where it says nothing."""
    try:
        return getattr(event, name, None)
    except TypeError:  # the event holds no names at all
        return None


def number(event: gr.EventData, name: str) -> Any:
    """Return the number that an event says under a name, where a browser may write it as text."""
    found = told(event, name)
    try:
        return float(found) if isinstance(found, str) else found
    except ValueError:
        return found


def text(event: gr.EventData, name: str) -> str:
    """Return the text that an event says under a name; "" where it says none."""
    found = told(event, name)
    # What is no valid text cannot be looked up in a database either.
    return found if isinstance(found, str) and found.isprintable() else ""
