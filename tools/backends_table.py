"""Makes README's table of backends: what each one can do, what it costs and how to get it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import SecretStr

from backends import REGISTRY, Settings
from core.backend import Backend, Registration
from core.money import dollars, micros
from core.params import Params

HEAD = "| backend | tasks | models | price of an image | how to get it |\n|---|---|---|---|---|"
SOMEWHERE = "http://engine.lan:8000"


def table() -> str:
    """Return the table, a row a backend, in the order of the registry."""
    return "\n".join([HEAD, *(_row(name, one) for name, one in REGISTRY.items())])


def _row(name: str, one: Registration) -> str:
    backend = _built(one)
    tasks = ", ".join(task.replace("-", " ") for task in backend.tasks)
    models = "; ".join(_models(next(iter(backend.tasks.values())))) or "–"
    price, way = _price(backend, one), ". ".join(_ways(one))
    return f"| `{name}` | {tasks} | {models} | {price} | {way} |"


def _built(one: Registration) -> Backend:
    """Build a backend as its settings are by default, with a key, or an address, that is needed."""
    address = {name: SOMEWHERE for name in _own(one) if name == "self_hosted_base_url"}
    backend: Backend = one.create(_settings(_key(one) | address))
    return backend


def _settings(values: Mapping[str, Any]) -> Any:
    """Return settings with the defaults for all the rest, whatever the environment says."""
    return Settings.model_construct(**values)


def _key(one: Registration) -> dict[str, Any]:
    return {one.key: SecretStr("a-key-that-is-none")} if one.key else {}


def _own(one: Registration) -> Mapping[str, Any]:
    return one.settings.model_fields


def _models(kind: type[Params]) -> tuple[str, ...]:
    field = kind.model_fields.get("model")
    return get_args(field.annotation) if field else ()


def _price(backend: Backend, one: Registration) -> str:
    """Say what an image costs, over all models and sizes that can be chosen."""
    tasks = [_prices(backend, kind) for kind in backend.tasks.values()]
    prices = [one for task in tasks for sizes in task for one in sizes if one is not None]
    if not prices:
        named = next(name for name in _own(one) if name.endswith("_price_usd"))
        return f"not known: set `{named.upper()}`; a budget refuses it until then"
    low, high = min(prices), max(prices)
    if low == high:
        return dollars(micros(low)) if low else "free"
    by_model = any(len(set(task)) > 1 for task in tasks)
    by_size = any(len(set(sizes)) > 1 for task in tasks for sizes in task)
    why = " and ".join(["model"] * by_model + ["size"] * by_size)
    return f"{dollars(micros(low))} to {dollars(micros(high))}, by {why}"


def _prices(backend: Backend, kind: type[Params]) -> list[tuple[float | None, ...]]:
    """Return, for each model of a task, what its smallest and its largest image cost."""
    sizes = _sides(kind, "ge"), _sides(kind, "le")
    named: list[dict[str, Any]] = [{"model": model} for model in _models(kind)] or [{}]
    return [
        tuple(backend.price(kind.model_construct(prompt="", **one, **size)) for size in sizes)
        for one in named
    ]


def _sides(kind: type[Params], end: str) -> dict[str, Any]:
    """Return the smallest ("ge") or largest ("le") width and height that a task allows."""
    return {
        name: next(getattr(rule, end) for rule in field.metadata if hasattr(rule, end))
        for name, field in kind.model_fields.items()
        if name in ("width", "height")
    }


def _ways(one: Registration) -> Iterator[str]:
    """Yield what to do to have a backend."""
    if one.key:
        without = one.create(_settings({}))
        yield f"Set `{one.key.upper()}`" + ("; without it, the sandbox" if without else "")
    if one.setup:
        yield one.setup
