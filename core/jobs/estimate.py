"""How long a job will take, learned from earlier ones: seconds = a + b * work.

`work` is steps times megapixels. The line is the Theil-Sen estimator (median of the slopes of all
pairs; Sen 1968), which a few stragglers cannot bend.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from core.params import Params

FEW = 3
"""Below so many samples nothing is promised."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A fitted line with the ratios of what was seen to what it says, in rising order."""

    a: float = 0.0
    b: float = 0.0
    ratios: tuple[float, ...] = ()

    @classmethod
    def of(cls, samples: Iterable[tuple[float, float]]) -> Estimate:
        """Fit (work, seconds) pairs; use about the last fifty."""
        seen = [(work, seconds) for work, seconds in samples if seconds > 0]
        if not seen:
            return cls()
        slopes = [(t - s) / (w - v) for (v, s), (w, t) in combinations(seen, 2) if w != v]
        b = max(0.0, median(slopes)) if slopes else 0.0
        a = max(0.0, median(seconds - b * work for work, seconds in seen))
        ratios = sorted(seconds / max(a + b * work, 1e-3) for work, seconds in seen)
        return cls(a, b, tuple(ratios))

    def seconds(self, work: float) -> float | None:
        """Return the seconds a job of `work` will take, or None when too little is known."""
        return self.a + self.b * work if len(self.ratios) >= FEW else None


def workload(params: Params) -> float:
    """Return steps times megapixels, what an image's time grows with."""
    shown = params.picture or params
    width, height = getattr(shown, "width", 1024), getattr(shown, "height", 1024)
    return float(getattr(params, "steps", 28) * width * height / 1_000_000)
