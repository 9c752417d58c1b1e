"""How many seconds of a lent GPU an image takes, learned from the last ones."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from backends.local.order import Order

FIRST_START_S, FIRST_STEP_S = 15.0, 0.65
"""What is believed before the first image: the model is moved to the GPU, then steps are made."""
LEAST_MEGAPIXELS = 0.25
"""Smaller images take no less time for a step."""
ROOM = 1.25
"""What is asked for beyond what is expected: who takes longer is stopped."""
REMEMBERED = 5
ALIKE = 1.25
"""By how much larger an image may be and still be like one that was seen."""
LEAST_S = 10


@dataclass(slots=True)
class Timing:
    """When an image got its GPU, made its steps and was done, in seconds of one clock."""

    began: float
    first: float | None = None
    last: float | None = None
    steps: int = 0

    def step(self, at: float) -> None:
        """Note a step."""
        self.first = at if self.first is None else self.first
        self.last = at
        self.steps += 1


@dataclass(slots=True)
class Durations:
    """The slowest steps of the last images decide, and the longest start of all.

    Most images find the GPU filled with the model; any next one may have to fill it again.
    """

    start: float | None = None
    steps: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """Sizes in megapixels, and seconds for a step of one megapixel, as that size needed them."""

    def seconds(self, order: Order) -> int:
        """Return for how long the GPU is asked for; less time means an earlier turn."""
        start = FIRST_START_S if self.start is None else self.start
        seconds = ROOM * (start + self._step(order) * _work(order))
        return max(LEAST_S, math.ceil(seconds))

    def _step(self, order: Order) -> float:
        """Expect of a size that is larger than any that was seen no less than at first."""
        seen = [step for size, step in self.steps if size * ALIKE >= order.megapixels]
        return max(seen, default=max([FIRST_STEP_S, *(step for _, step in self.steps)]))

    def learn(self, order: Order, timing: Timing, ended: float) -> None:
        """Take an image that was made into account; one of a single step tells too little."""
        if timing.first is None or timing.last is None or timing.steps < 2:
            return
        step = (timing.last - timing.first) / (timing.steps - 1)
        self.steps.append((order.megapixels, step * order.steps_run / _work(order)))
        self.start = max(self.start or 0.0, ended - timing.began - step * timing.steps)


def _work(order: Order) -> float:
    """Count the steps of one megapixel that an order is worth."""
    return order.steps_run * max(order.megapixels, LEAST_MEGAPIXELS)
