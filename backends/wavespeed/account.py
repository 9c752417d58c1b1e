"""What WaveSpeed tells of an account for nothing: its list of jobs, its prices, its balance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from backends.remote.client import Api
from backends.wavespeed.predictions import outcome
from core.backend import Found

PAGE = 100
MOST_PAGES = 10


async def listed(api: Api, model: str, since: float) -> tuple[Sequence[Found], float]:
    """Return the jobs of a model accepted after `since` (local Unix seconds), and the slack.

    Raises an error of `core.errors` when any page of the list cannot be read.
    """
    found: list[Found] = []
    after = api.clock.theirs(since - api.clock.slack)
    for page in range(1, MOST_PAGES + 1):
        wish = {"page": page, "page_size": PAGE, "created_after": after}
        answer = await api.ask("POST", "/api/v3/predictions", wish)
        items = outcome(api.service, answer).get("items")
        items = items if isinstance(items, list) else []
        found += [one for item in items if (one := _found(api, model, item))]
        if len(items) < PAGE:
            break
    return found, api.clock.slack


def _found(api: Api, model: str, item: Any) -> Found | None:
    name = item.get("id") if isinstance(item, dict) else None
    if not isinstance(name, str) or not name or item.get("model", model) not in (model, "", None):
        return None
    return Found(name, api.clock.local(str(item.get("created_at", ""))))


async def price(api: Api, model: str, inputs: dict[str, Any]) -> float | None:
    """Return what one image of a model costs in dollars, or None when it is not told."""
    answer = await api.ask("POST", "/api/v3/model/price", {"model_id": model, "inputs": inputs})
    told = outcome(api.service, answer)
    if str(told.get("currency", "USD")).upper() != "USD":
        return None
    return _dollars(told.get("discounted_price")) or _dollars(told.get("price"))


async def balance(api: Api) -> float | None:
    """Return what the account has left in dollars, or None when it is not told."""
    return _dollars(outcome(api.service, await api.ask("GET", "/api/v3/balance")).get("balance"))


def _dollars(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None
