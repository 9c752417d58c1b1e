"""What may be spent: a pure decision, made by the ledger in the transaction that adds a job."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import OverBudgetError

MICROS = 1_000_000


def micros(usd: float) -> int:
    """Return dollars as whole millionths, so that sums are exact."""
    return round(usd * MICROS)


def dollars(amount: int) -> str:
    """Write millionths of a dollar as a price, with no more digits than it needs."""
    text = f"{amount / MICROS:.4f}".rstrip("0")
    whole, _, cents = text.partition(".")
    return f"${whole}.{cents.ljust(2, '0')}"


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits a day in UTC, in dollars; None is no limit."""

    day_usd: float | None = None
    owner_day_usd: float | None = None

    def check(self, *, price: int, spent_day: int, spent_owner: int) -> None:
        """Refuse a job of `price` millionths when it would pass a limit.

        `spent_day` and `spent_owner` are what today's jobs cost or may cost, in millionths.
        Raises OverBudgetError with the numbers.
        """
        if price == 0:
            return
        _check("today's budget", self.day_usd, price, spent_day)
        _check("your budget for today", self.owner_day_usd, price, spent_owner)


def _check(name: str, limit_usd: float | None, price: int, spent: int) -> None:
    if limit_usd is None or spent + price <= micros(limit_usd):
        return
    raise OverBudgetError(
        f"This picture costs {dollars(price)} and {name} is {dollars(micros(limit_usd))}, "
        f"of which {dollars(spent)} is spent or reserved. Nothing was sent.",
        advice="Wait for tomorrow (UTC) or ask the owner of this playground to raise the budget.",
    )
