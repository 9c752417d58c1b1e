"""What a person or a script agreed to pay for a click, and the refusal of any other price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import InputError, OverBudgetError
from core.money import dollars, micros
from core.words import english


@dataclass(frozen=True, slots=True)
class Consent:
    """What whoever asks agreed to pay for a click, in dollars; None is nothing said."""

    agreed_usd: float | None = None
    """The price that a person saw; another one is refused, a lower one too."""
    most_usd: float | None = None
    unknown: bool = False
    """A person agreed to a price that nobody knows."""

    def check(self, prices: Sequence[int], *, known: bool) -> None:
        """Refuse prices, in millionths, that were not agreed to; `known` is whether they are known.

        Raises InputError for another price than the one that was seen, OverBudgetError for one
        above the most.
        """
        total = sum(prices)
        if self.agreed_usd is not None and (
            micros(self.agreed_usd) != total or self.unknown == known
        ):
            raise not_agreed(total if known else None)
        if self.most_usd is None or (known and total <= micros(self.most_usd)):
            return
        most = dollars(micros(self.most_usd))
        if not known:
            raise OverBudgetError(
                english("jobs-you-allow-at-most-not", most=most),
                advice=english("jobs-leave-max-price-usd-out"),
            )
        raise OverBudgetError(
            english("jobs-costs-you-allow-at-most", total=dollars(total), most=most),
            advice=english("jobs-raise-max-price-usd-or"),
        )


NO_WORD = Consent()
"""Nothing is said about the price."""


def not_agreed(total: int | None) -> InputError:
    """Say what a click costs now, in millionths, where that was not agreed to; None: not known."""
    if total is None:
        said = english("jobs-not-agreed-unknown")
    elif total:
        said = english("jobs-not-agreed-costs", price=dollars(total))
    else:
        said = english("jobs-not-agreed-free")
    return InputError(
        said,
        field="price",
        advice=english("jobs-click-again-if-you-agree"),
    )
