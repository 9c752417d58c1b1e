"""Stands where a local model stands: steps that take time, and an account of what was generated."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from backends.local import Local
from backends.local.loading import Wish
from backends.local.model import PaintingStoppedError
from backends.local.order import Order
from backends.local.plan import Plan
from backends.local.source import Source
from core.backend import Readiness
from core.events import Event, Finished, Running
from tests.fakes import picture

STEP_S = 0.02


class Slow:
    """Stands where a model stands: steps that take time, and an account of what was generated."""

    plan = Plan("fp32", "It is a test.")

    def __init__(self) -> None:
        self.painted: list[Order] = []
        self.steps = 0

    def describe(self) -> dict[str, Any]:
        return {"weights": "fp32", "speed": "exact"}

    def paint(
        self, order: Order, tell: Callable[[Event], None], stopped: Callable[[], bool]
    ) -> None:
        if "break" in order.prompt:
            raise RuntimeError("a tensor has another shape")
        for step in range(order.steps_run):
            time.sleep(STEP_S)
            self.steps += 1
            if stopped():
                raise PaintingStoppedError
            tell(Running((step + 1) / order.steps_run, step + 1, order.steps_run))
        self.painted.append(order)
        tell(Finished(picture(order.seed, *order.size), ran=self.describe() | {"cache": "none"}))


class Loader:
    """Loads a `Slow` model when it is let, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.model, self.error, self.loads = Slow(), error, 0
        self.go = threading.Event()
        self.go.set()

    def __call__(self, source: Source, wish: Wish, tell: Callable[[Readiness], None]) -> Any:
        self.loads += 1
        tell(Readiness("loading", "Loading the transformer.", 0.25))
        assert self.go.wait(10)
        if self.error:
            raise self.error
        tell(Readiness("warming", "First image."))
        return self.model


def ready() -> Local:
    """A local backend whose model is a `Slow` one that is loaded when it is asked for."""
    found = Readiness("not loaded", "It is loaded when it is asked for.")
    return Local(Source("slow"), Wish(), lambda: found, Loader())
