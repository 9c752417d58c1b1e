"""One thread that loads and generates, one at a time; it never keeps the program from ending."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Worker:
    """A daemon thread: an executor's would hold up the exit until a download of 34 GB is over."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Return the future result of `work`, which is done after all that was asked before."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._thread.start()
        done: Future[T] = Future()
        self._work.put(lambda: _settle(done, work))
        return asyncio.wrap_future(done)

    def close(self) -> None:
        """End the thread after what it is at."""
        self._work.put(None)
        self._thread = None

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()


def apart(work: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Return the future result of `work`, done at once in a thread and a context like the caller's.

    By that context `spaces` knows who asks.
    """
    done: Future[T] = Future()
    within = functools.partial(contextvars.copy_context().run, work)
    threading.Thread(target=_settle, args=(done, within), name=name, daemon=True).start()
    return asyncio.wrap_future(done)


def _settle(done: Future[Any], work: Callable[[], Any]) -> None:
    """Do what is still wanted and say how it ended."""
    if not done.set_running_or_notify_cancel():
        return
    try:
        done.set_result(work())
    except BaseException as error:  # noqa: BLE001 - it is told to whoever waits
        done.set_exception(error)
