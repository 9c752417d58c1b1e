"""On a ZeroGPU Space every picture is painted in another process that has the GPU for its time."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from typing import Any

from backends.local.order import Order
from core.events import Event

Tell = Callable[[Event], None]
Paint = Callable[[Order, Tell, Callable[[], bool]], None]
START_S = 10.0
STEP_S = 0.5
"""Seconds for a step of one megapixel, with room to spare; a picture is given no more."""


def is_zero_gpu() -> bool:
    """Whether this is such a Space."""
    return bool(os.environ.get("SPACES_ZERO_GPU")) and find_spec("spaces") is not None


def seconds(order: Order) -> int:
    """How long the GPU is asked for; less time means an earlier turn."""
    return round(START_S + STEP_S * order.steps_run * max(order.megapixels, 0.25))


def borrowed(paint: Paint, gpu: Any) -> Paint:
    """Return `paint` run under `gpu`, the decorator of `spaces`, which takes generators.

    Flags of this process are not seen by the other one; closing the generator is.
    """

    def alone(order: Order) -> Iterator[Event]:
        yield from _stream(paint, order)

    strokes = gpu(duration=seconds)(alone)

    def paint_there(order: Order, tell: Tell, stopped: Callable[[], bool]) -> None:
        with closing(strokes(order)) as events:
            for event in events:
                if stopped():
                    return
                tell(event)

    return paint_there


def _stream(paint: Paint, order: Order) -> Iterator[Event]:
    """Turn a function that tells of its events into a generator of them."""
    box: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
    stop = threading.Event()

    def work() -> None:
        try:
            paint(order, box.put, stop.is_set)
            box.put(None)
        except BaseException as error:  # noqa: BLE001 - handed over to whoever iterates
            box.put(error)

    thread = threading.Thread(target=work, name="borrowed GPU")
    thread.start()
    try:
        while (found := box.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found
    finally:
        stop.set()
        thread.join()
