"""A service's clock, learned from the Date of its answers, so that its times can be compared."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

STALE_S = 2.1
"""How old a Date may be: whole seconds, cut off, and servers write it anew about once a second."""
UNKNOWN_S = 2.0
"""How far a clock that was never heard may be off, in seconds."""


@dataclass(slots=True)
class Clock:
    """Bounds of service time minus local time, in seconds."""

    low: float = -math.inf
    high: float = math.inf

    def hear(self, date: str | None, asked: float, answered: float) -> None:
        """Learn from a Date header between two moments of this machine, in Unix seconds."""
        try:
            told = parsedate_to_datetime(date or "").timestamp()
        except (ValueError, TypeError, OverflowError):
            return
        low, high = told - answered, told + STALE_S - asked
        self.low, self.high = max(self.low, low), min(self.high, high)
        if self.low > self.high:  # one of the two clocks was set
            self.low, self.high = low, high

    @property
    def slack(self) -> float:
        """How far a converted time may be off, in seconds."""
        spread = (self.high - self.low) / 2
        return spread + 0.1 if math.isfinite(spread) else UNKNOWN_S

    @property
    def offset(self) -> float:
        """Service time minus local time, in seconds."""
        return (self.low + self.high) / 2 if math.isfinite(self.high - self.low) else 0.0

    def local(self, moment: str) -> float:
        """Return a service's ISO 8601 time as local Unix seconds; NaN when it is none."""
        try:
            found = datetime.fromisoformat(moment.strip())
        except ValueError:
            return math.nan
        return found.replace(tzinfo=found.tzinfo or UTC).timestamp() - self.offset

    def theirs(self, moment: float) -> str:
        """Write local Unix seconds as the service's time in ISO 8601."""
        return datetime.fromtimestamp(moment + self.offset, UTC).isoformat()
