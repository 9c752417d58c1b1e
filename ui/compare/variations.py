"""Variations of an image, as a form to look at before anything is paid: each says which it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import InputError
from core.history import Entry
from core.params import Task
from core.words import say
from ui.compare.asked import FIELDS, VARIED, Offers

SEEDS = "{seed}, +1, +2, +3, +4"
STRENGTHS = "0.2, 0.35, 0.5, 0.65, 0.8"
BLENDS, NOISES = "0.1, 0.25, 0.45", "random 3"


def variation(entry: Entry, kind: str, known: Mapping[Task, Offers]) -> dict[str, Any]:
    """Return the form for a kind of variations, `seeds`, `strength` or `blend`, of an image.

    Raises InputError when no backend here can make them.
    """
    if kind == "strength":
        return _strip(entry, known["image-to-image"])
    if kind == "blend":
        return _blend(entry, known[entry.task])
    key = _key(entry, known[entry.task])
    axes = {"seed": SEEDS.format(seed=entry.seed)}
    return _form(entry, entry.task, key, _rest(entry), axes, say("compare-nearby"))


def _blend(entry: Entry, offers: Offers) -> dict[str, Any]:
    """Blend the noise of the seed with that of others: only where the image was made."""
    key = f"{entry.backend}|{entry.params.get('model', '')}"
    if key not in offers or "variation_strength" not in offers[key][1].model_fields:
        raise InputError(say("compare-no-blend"), advice=say("compare-try-seeds"))
    rest = {name: text for name, text in _rest(entry).items() if name not in VARIED}
    axes = {"variation_strength": BLENDS, "variation_seed": NOISES}
    return _form(entry, entry.task, key, rest, axes, say("compare-blend"))


def _strip(entry: Entry, offers: Offers) -> dict[str, Any]:
    able = {
        key: one
        for key, one in offers.items()
        if "strength" in one[1].model_fields and not one[0].problem()
    }
    if not able:
        raise InputError(say("compare-no-strength"))
    rest = {name: text for name, text in _rest(entry).items() if name in ("steps", "guidance")}
    rest |= {"seed": str(entry.seed)}
    axes = {"strength": STRENGTHS}
    return _form(entry, "image-to-image", _key(entry, able), rest, axes, say("compare-strip"))


def _key(entry: Entry, offers: Offers) -> str:
    """Return the target that made an image, else one of its backend, else the first there is."""
    if not offers:
        raise InputError(say("compare-no-target"))
    exact = f"{entry.backend}|{entry.params.get('model', '')}"
    same = [key for key in offers if key.startswith(f"{entry.backend}|")]
    return exact if exact in offers else (same or list(offers))[0]


def _rest(entry: Entry) -> dict[str, str]:
    params = entry.params
    rest = {name: str(params[name]) for name in FIELDS if name in params}
    if "width" in params and "height" in params:
        rest["size"] = f"{params['width']} × {params['height']}"
    return rest | {"seed": str(entry.seed)}


def _form(
    entry: Entry,
    task: Task,
    key: str,
    rest: Mapping[str, str],
    axes: Mapping[str, str],
    note: str,
) -> dict[str, Any]:
    """Return the form with a target and axes, the first of them in the columns."""
    return {
        "task": task,
        "prompt": entry.prompt,
        "targets": [key],
        "columns": next(iter(axes)),
        "axes": [{"field": field, "text": text} for field, text in axes.items()],
        "rest": dict(rest),
        "title": "",
        "note": note,
    }
