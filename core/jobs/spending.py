"""What was spent, what is reserved and what may have been charged, by day, owner and backend."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.jobs.job import iso

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Spending:
    """A sum over the jobs of one day, owner and backend; amounts in millionths of a dollar."""

    day: str
    """In UTC, as YYYY-MM-DD."""
    owner: str
    backend: str
    pictures: int
    spent: int
    maybe: int
    reserved: int
    unpriced: int = 0
    """Images whose price nobody knew; they are in none of the sums."""

    @property
    def counted(self) -> int:
        """What counts against a budget."""
        return self.spent + self.maybe + self.reserved


def day(ago: int = 0) -> str:
    """Return today's day in UTC, or the one so many days ago."""
    return iso(time.time() - ago * DAY_S)[:10]


def total(rows: Sequence[Spending], what: Callable[[Spending], int] | None = None) -> int:
    """Add up what counts, or another amount."""
    return sum(what(row) if what else row.counted for row in rows)
