"""What the form of the Compare tab can be filled with: targets with prices, fields, and sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.backend import Backend, offered
from core.controls import Control, controls
from core.errors import InputError
from core.jobs.sets import SetSummary
from core.params import Params, Task
from core.parsing import parse
from core.pictures import Picture
from core.words import has, say, told
from ui.compare import sentences
from ui.compare.asked import SIZED, TABLED, Offers

HINTS = {
    "size": "1024 × 768, 768 × 1024",
}


def offers(backends: Mapping[str, Backend], task: Task) -> Offers:
    """Return every backend with each of its models, by a key that names both."""
    found = {}
    for name, backend in backends.items():
        if task in backend.tasks and offered(backend):
            kind = backend.tasks[task]
            for model in _models(kind):
                found[f"{name}|{model}"] = (backend, kind)
    return found


def _models(kind: type[Params]) -> Sequence[str]:
    return next((one.choices for one in controls(kind) if one.name == "model"), ()) or ("",)


def targets(
    known: Offers, *, own: Mapping[str, Backend], closed: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the targets as the form lists them; those that take nothing say why."""
    found = []
    for key, (backend, _) in known.items():
        shut = "" if backend.id in own else closed.get(backend.id, "") or backend.problem()
        model = key.split("|", 1)[1]
        found.append(
            {
                "key": key,
                "label": f"{backend.label} · {model}" if model else backend.label,
                "why": told(shut),
                "tag": sentences.tag(sandbox=backend.sandbox, own=backend.id in own),
                "price": sentences.price(price_of(known, key, {}, None)),
            }
        )
    return found


def price_of(
    known: Offers, key: str, base: Mapping[str, Any], picture: Picture | None
) -> float | None:
    """Return what an image of a target costs with a base, or with its own values; in dollars."""
    backend, kind = known[key]
    own = {n: one for n, one in base.items() if n in kind.model_fields}
    own |= {"prompt": "x"} | ({"image": picture} if picture else {})
    if model := key.split("|", 1)[1]:
        own["model"] = model
    try:
        return backend.price(parse(kind, own))
    except InputError:
        plain: dict[str, Any] = {"prompt": ""} | ({"model": model} if model else {})
        return backend.price(kind.model_construct(**plain))


def fields(known: Offers) -> list[dict[str, Any]]:
    """Return what rows, columns and pages can be, each once, with how its values are written."""
    found: dict[str, Control] = {}
    for _, kind in known.values():
        for one in controls(kind):
            if one.name not in ("image", "model", "width", "height"):
                found.setdefault(one.name, one)
        if "width" in kind.model_fields:
            found.setdefault("size", SIZED)
    order = ["seed", "prompt", "size", "guidance", "steps", "strength"]
    named = sorted(found, key=lambda n: order.index(n) if n in order else len(order))
    listed = [_field(found[name]) for name in named]
    return [*listed, _field(TABLED)]


def _field(control: Control) -> dict[str, Any]:
    if control.kind == "slider" and control.low is not None and control.high is not None:
        hint = say("compare-hint-range", low=f"{control.low:g}", high=f"{control.high:g}")
    elif control.kind == "toggle":
        hint = say("compare-hint-toggle")
    else:
        key = f"compare-hint-{control.name.replace('_', '-')}"
        hint = say(key) if has(key) else HINTS.get(control.name, ", ".join(control.choices))
    return {"name": control.name, "label": told(control.label), "hint": hint}


def listed(sets: Sequence[SetSummary]) -> list[dict[str, Any]]:
    """Return sets as the list of earlier ones shows them."""
    return [
        {
            "id": one.id,
            "title": one.title or one.id[:8],
            "state": sentences.ready(one.finished, one.count, one.active, paused=one.paused),
            "at": one.created_at,
        }
        for one in sets
    ]
