"""What may be spent: a pure rule, applied by the ledger in the transaction that adds a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import OverBudgetError
from core.money import dollars, micros
from core.words import english


@dataclass(frozen=True, slots=True)
class Spent:
    """What today's jobs cost or may still cost, in millionths: everybody's, and one owner's."""

    day: int
    owner: int


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits in dollars, for a day in UTC and for one click; None is no limit."""

    day_usd: float | None = None
    owner_day_usd: float | None = None
    batch_usd: float | None = None

    def check_known(self, label: str) -> None:
        """Refuse jobs of a service whose price nobody knows: no limit could be kept with it.

        Raises OverBudgetError when there is any limit.
        """
        if any(limit is not None for limit in (self.day_usd, self.owner_day_usd, self.batch_usd)):
            raise OverBudgetError(
                english("jobs-price-not-set-so-cannot", label=label),
                advice=english("jobs-whoever-runs-playground-can-set"),
            )

    def check(self, prices: Sequence[int], spent: Spent, *, tells_sums: bool = True) -> None:
        """Refuse the jobs of a click, with these prices in millionths, when they pass a limit.

        Raises OverBudgetError with the numbers; `tells_sums` is whether what everybody spent
        may be among them.
        """
        total = sum(prices)
        if total == 0:
            return
        what = (
            english("jobs-image-costs", price=dollars(total))
            if len(prices) == 1
            else english("jobs-images-cost", count=len(prices), price=dollars(total))
        )
        if self.batch_usd is not None and total > micros(self.batch_usd):
            raise OverBudgetError(
                english(
                    "jobs-one-click-may-cost-nothing",
                    what=what,
                    batch_usd=dollars(micros(self.batch_usd)),
                ),
                advice=english("jobs-ask-for-fewer-images-at"),
            )
        _check(what, "jobs-budget-all", self.day_usd, total, spent.day, tells_sums)
        _check(what, "jobs-budget-own", self.owner_day_usd, total, spent.owner, True)


def _check(
    what: str, key: str, limit_usd: float | None, price: int, spent: int, tells_sums: bool
) -> None:
    if limit_usd is None or spent + price <= micros(limit_usd):
        return
    left = (
        english(key, limit=dollars(micros(limit_usd)), spent=dollars(spent))
        if tells_sums
        else english("jobs-budget-less")
    )
    raise OverBudgetError(
        english("jobs-nothing-was-sent", what=what, left=left),
        advice=english("jobs-wait-for-tomorrow-utc-or"),
    )
