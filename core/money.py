"""Amounts of money: whole millionths of a dollar to count with, dollars to read and to enter."""

from __future__ import annotations

from typing import Any

from core.errors import InputError
from core.words import english

MICROS = 1_000_000


def micros(usd: float) -> int:
    """Return dollars as whole millionths, so that sums are exact."""
    return round(usd * MICROS)


def dollars(amount: int) -> str:
    """Write millionths of a dollar as a price, with no more digits than it needs."""
    text = f"{amount / MICROS:.4f}".rstrip("0")
    whole, _, cents = text.partition(".")
    return f"${whole}.{cents.ljust(2, '0')}"


def amount(value: Any, field: str) -> float | None:
    """Return an amount in dollars from outside; None is none.

    Raises InputError when it is no number from 0 to a million.
    """
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= MICROS:
        raise InputError(
            english("studio-price-must-number-from-0"),
            field=field,
            advice=english("studio-change-value"),
        )
    return float(value)
