"""What may be spent: a pure rule, applied by the ledger in the transaction that adds a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import OverBudgetError
from core.money import dollars, micros


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
                f"The price of {label} is not set, so it cannot be counted against the budget. "
                "Nothing was sent.",
                advice="Whoever runs this playground can set it; another backend has a price.",
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
            f"This image costs {dollars(total)}"
            if len(prices) == 1
            else f"These {len(prices)} images cost {dollars(total)}"
        )
        if self.batch_usd is not None and total > micros(self.batch_usd):
            raise OverBudgetError(
                f"{what} and one click may cost {dollars(micros(self.batch_usd))}. "
                "Nothing was sent.",
                advice="Ask for fewer images at once.",
            )
        _check(what, "today's budget", self.day_usd, total, spent.day, tells_sums)
        _check(what, "your budget for today", self.owner_day_usd, total, spent.owner, True)


def _check(
    what: str, name: str, limit_usd: float | None, price: int, spent: int, tells_sums: bool
) -> None:
    if limit_usd is None or spent + price <= micros(limit_usd):
        return
    left = (
        f"{name} is {dollars(micros(limit_usd))}, of which {dollars(spent)} is spent or reserved"
        if tells_sums
        else f"less than that is left of {name}"
    )
    raise OverBudgetError(
        f"{what} and {left}. Nothing was sent.",
        advice="Wait for tomorrow (UTC) or ask the owner of this playground to raise the budget.",
    )
