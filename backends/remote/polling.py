"""When to ask a service whether a job is done: rarely at first, often when it is likely.

The best density of checks is sqrt(h(t) / 2c), h being the hazard of the completion time and c what
one check is worth in seconds of waiting (Keller, Management Science 21:256, 1974). The completion
time is taken as log-normal around the line that `core.estimate` learns from earlier jobs.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

from core.jobs.estimate import Estimate

ENOUGH = 8
"""Samples before the schedule is learned rather than cold."""
CHECK_WORTH_S = 0.013
CHECK_WORTH = 0.0018
"""What one check is worth: seconds of waiting, of a long job this share of its time."""
LEAST_S = 0.04
"""Between two looks."""
GRID_S = 0.01
LATE_SHARE = 0.3
"""Wait between two looks at a job that is past its likely end, as a share of how far past it is."""


@dataclass(slots=True)
class PollSchedule:
    """The schedule of one endpoint, learned from its own jobs; `fixed_s` overrides everything."""

    fixed_s: float | None = None
    samples: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=50))
    _estimate: Estimate = field(default_factory=Estimate)
    _spread: float = 0.2

    def observe(self, work: float, seconds: float) -> None:
        """Learn that a job of `work` took `seconds` from its acceptance."""
        if not 0 < seconds < math.inf:
            return
        self.samples.append((work, seconds))
        self._estimate = Estimate.of(self.samples)
        self._spread = _spread([math.log(ratio) for ratio in self._estimate.ratios if ratio > 0])

    def wait(self, work: float, elapsed: float, looked: float | None = None) -> float:
        """Return the seconds to wait before asking, of a job that was not done at `looked`.

        `elapsed` is when the service would look if it were asked right away. Both are seconds
        since the acceptance; without `looked` they are the same moment.
        """
        if self.fixed_s is not None:
            return self.fixed_s
        since = elapsed if looked is None else min(looked, elapsed)
        return max(0.0, since + max(self._interval(work, since), LEAST_S) - elapsed)

    def _interval(self, work: float, since: float) -> float:
        """Return the seconds between a look at `since` and the next."""
        expected = self._estimate.seconds(work)
        if len(self.samples) < ENOUGH or not expected:
            return _jitter(min(max(0.1 * since, 0.2), 1.0)) if since < 20 else _tail(since)
        end = expected * math.exp(2.5 * self._spread)
        if since < end:
            return self._dense(expected, since, end)
        least = 1 / _density(end, expected, self._spread)
        return min(_tail(since), max(least, LATE_SHARE * (since - end)))

    def _dense(self, expected: float, since: float, end: float) -> float:
        """Integrate the density of checks from a look on until it holds one check."""
        mass, moment, grid = 0.0, since, max(GRID_S, expected / 500)
        while mass < 1.0 and moment < end:
            moment += grid
            mass += grid * _density(moment, expected, self._spread)
        return moment - since


def _spread(logs: Sequence[float]) -> float:
    """Return the standard deviation of logarithms, without letting a few stragglers widen it."""
    middle = median(logs)
    off = [abs(log - middle) for log in logs]
    most = 4 * median(off)
    # 1.2533: from mean absolute deviation to standard deviation of a normal.
    return max(0.04, 1.2533 * fmean(min(one, most) for one in off))


def _density(moment: float, expected: float, spread: float) -> float:
    """Return the best number of checks a second at `moment` of a job `expected` to take so long."""
    worth = max(CHECK_WORTH_S, CHECK_WORTH * expected)
    return math.sqrt(_hazard(moment, math.log(expected), spread) / (2 * worth))


def _hazard(moment: float, mean: float, spread: float) -> float:
    """Return the hazard of a log-normal time at `moment`, in 1/s."""
    z = (math.log(moment) - mean) / spread
    density = math.exp(-0.5 * z * z) / (moment * spread * math.sqrt(2 * math.pi))
    return density / max(0.5 * math.erfc(z / math.sqrt(2)), 1e-9)


def _tail(elapsed: float) -> float:
    """Ask ever more rarely for what is late: 8 % of its age, at most 2 s, after minutes 30 s."""
    return _jitter(min(max(0.15, 0.08 * elapsed), 2.0 if elapsed < 120 else 30.0))


def _jitter(seconds: float) -> float:
    return seconds * random.uniform(0.9, 1.1)
