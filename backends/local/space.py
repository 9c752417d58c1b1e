"""On a ZeroGPU Space every image is made in another process that has the GPU for its time.

The package `spaces` forks that process, keeps it while nobody else has the GPU, and knows visitors
by the request in whose context it is called. Of an error that is raised there only the name comes
back, so what went wrong is sent as a value.
"""

from __future__ import annotations

import importlib
import logging
import os
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from backends.local.durations import Durations, Timing
from backends.local.model import PaintingStoppedError
from backends.local.order import Order
from core.errors import (
    BackendError,
    OverQuotaError,
    PlaygroundError,
    RateLimitError,
    RejectedError,
    UnavailableError,
)
from core.events import Event, Finished, Running
from core.words import english

log = logging.getLogger(__name__)

Tell = Callable[[Event], None]
Stopped = Callable[[], bool]
Paint = Callable[[Order, Tell, Stopped], None]
MEMORY_GB = 48.0
"""Half a card, which is lent unless more is asked for."""
TRIES = 2
"""A process that is gone before its time is up is replaced once."""
AGAIN_S = 10.0
"""Seconds until a GPU is asked for again when none became free."""
NUMBERS = re.compile(r"(\d+)s requested vs\. (-?\d+)s left")
WAIT = re.compile(r"Try again in (?:(\d+) days?, )?(\d+):(\d\d):(\d\d)")
MORE = english("local-choose-fewer-steps-or-smaller")


def is_zero_gpu() -> bool:
    """Whether this is such a Space."""
    return bool(os.environ.get("SPACES_ZERO_GPU")) and find_spec("spaces") is not None


def factor() -> float:
    """Return how many seconds of quota a second of half a card costs, as the package knows it."""
    try:
        known = importlib.import_module("spaces.zero.config").get_config()
        return float(known["duration_factor"])
    except (ImportError, AttributeError, KeyError, TypeError, ValueError, OSError):
        return 1.0


@dataclass(frozen=True, slots=True)
class Broken:
    """What went wrong in the other process, in words that may be shown."""

    message: str
    advice: str = ""


Sent = Event | Broken


class GoneError(Exception):
    """The process that had the GPU ended before the image was done."""


@dataclass(slots=True)
class Lent:
    """Makes images with a GPU that is lent for each; `gpu` is the decorator of `spaces`.

    Flags of this process are not seen by the other one; closing the generator is.
    """

    paint: Paint
    gpu: Any
    durations: Durations = field(default_factory=Durations)
    clock: Callable[[], float] = time.monotonic
    _events: Callable[[Order], Any] = field(init=False)

    def __post_init__(self) -> None:
        """Decorate once: each decorated function has processes of its own."""
        paint = self.paint

        def with_gpu(order: Order) -> Iterator[Sent]:
            yield from _stream(paint, order)

        self._events = self.gpu(duration=self.durations.seconds)(with_gpu)

    def __call__(self, order: Order, tell: Tell, stopped: Stopped) -> None:
        """Make one image; blocks while a GPU is waited for, which nothing can end earlier.

        Raises OverQuotaError when the visitor has too little time left, RateLimitError when no GPU
        became free, another BackendError for what went wrong there.
        """
        for left in reversed(range(TRIES)):
            try:
                self._once(order, tell, stopped)
                return
            except GoneError:
                if not left:
                    raise UnavailableError(
                        english("local-gpu-was-taken-away-before"),
                        advice=english("local-make-again-with-fewer-steps"),
                    ) from None
                log.warning(
                    "the process with the GPU ended before its time; the image is begun anew"
                )

    def _once(self, order: Order, tell: Tell, stopped: Stopped) -> None:
        asked, timing = self.durations.seconds(order), None
        try:
            with closing(self._events(order)) as events:
                for event in events:
                    if stopped():
                        return
                    now = self.clock()
                    timing = timing or Timing(now)
                    if isinstance(event, Broken):
                        raise BackendError(event.message, advice=event.advice)
                    if isinstance(event, Running) and event.step:
                        timing.step(now)
                    if isinstance(event, Finished):
                        self.durations.learn(order, timing, now)
                    tell(event)
        except PlaygroundError:
            raise
        except Exception as error:
            spent = self.clock() - timing.began if timing else 0.0
            raise explained(error, asked, spent) from error


def explained(error: Exception, asked: int, spent: float) -> Exception:
    """Say what an error of the package means; `asked` and `spent` are seconds of the GPU.

    The package's errors have a title, and a sentence for people.
    """
    title = str(getattr(error, "title", "")).lower()
    said = str(getattr(error, "message", "") or error).strip()
    if "quota exceeded" in title or "credits exceeded" in title:
        return _over_quota(said)
    if "illegal duration" in title:
        return RejectedError(
            english("local-image-needs-s-gpu-time", asked=asked),
            advice=MORE,
        )
    if "queue timeout" in title or "no gpu was available" in said.lower():
        return RateLimitError(
            english("local-no-gpu-free-now"),
            advice=english("local-asked-for-again"),
            retry_after=AGAIN_S,
        )
    if "expired" in said.lower():
        return UnavailableError(
            english("local-waited-so-long-hugging-face"), advice=english("local-press-retry")
        )
    if "abort" in said.lower():
        if spent < asked:
            return GoneError()
        return UnavailableError(
            english("local-image-took-longer-than-s", asked=asked),
            advice=english("local-choose-fewer-steps-or-smaller-2"),
        )
    log.warning("lending the GPU failed: %s: %s", title or type(error).__name__, said)
    return BackendError(
        english("local-gpu-could-not-used-for"), advice=english("local-make-again-or-use-miniature")
    )


def _over_quota(said: str) -> OverQuotaError:
    """Say how long to wait, as far as the package tells."""
    numbers, wait = NUMBERS.search(said), WAIT.search(said)
    if wait:
        days, hours, minutes, seconds = (int(part or 0) for part in wait.groups())
        wait_s = float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
        need = (
            english("local-need-known", asked=numbers[1], left=max(0, int(numbers[2])))
            if numbers
            else english("local-need-unknown")
        )
        return OverQuotaError(
            english("local-your-gpu-time-on-hugging-2", need=need, duration=duration(wait_s)),
            advice=MORE,
            wait_s=wait_s,
        )
    if "app has reached" in said:
        return OverQuotaError(
            english("local-hugging-face-does-not-know"),
            advice=english("local-open-page-on-huggingface-co"),
        )
    return OverQuotaError(
        english("local-your-gpu-time-on-hugging"), advice=english("local-wait-a-while") + " " + MORE
    )


def duration(seconds: float) -> str:
    """Write a time to wait in hours and minutes, rounded up."""
    minutes = max(1, -(-int(seconds) // 60))
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    return " ".join(filter(None, parts))


def _stream(paint: Paint, order: Order) -> Iterator[Sent]:
    """Turn a function that tells of its events into a generator of them; runs where the GPU is.

    The first event is there at once, so that it is known from when on the GPU was lent.
    """
    box: queue.SimpleQueue[Sent | None] = queue.SimpleQueue()
    stop = threading.Event()
    thread = threading.Thread(target=_work, args=(paint, order, box, stop), name="lent GPU")
    yield Running()
    thread.start()
    try:
        while (found := box.get()) is not None:
            yield found
    finally:
        stop.set()
        thread.join()


def _work(
    paint: Paint, order: Order, box: queue.SimpleQueue[Sent | None], stop: threading.Event
) -> None:
    try:
        paint(order, box.put, stop.is_set)
    except PaintingStoppedError:
        pass
    except PlaygroundError as error:
        box.put(Broken(str(error), error.advice))
    except Exception as error:
        log.exception("the local model failed")
        named = english("local-local-model-failed", name=type(error).__name__)
        box.put(Broken(named, english("local-log-has-more-try-other")))
    finally:
        box.put(None)
