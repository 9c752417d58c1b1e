"""Virtual time: computing takes none of it, and waiting takes it at once.

However slow the machine is, no deadline is missed, and no test sits through one. Only for code that
meets nothing outside its own process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import anyio.to_thread
import pytest

from backends.remote.rate_limit import RateLimiter

TICK_S = 1e-6
"""By which two looks at the clock differ."""


def use_virtual_time(patch: pytest.MonkeyPatch) -> None:
    """Set the clocks of the running event loop and of `time`; work in threads is done in place."""
    loop = asyncio.get_running_loop()
    selector = loop._selector  # type: ignore[attr-defined]
    select, passed = selector.select, 0.0

    def poll(timeout: float | None = None) -> Any:
        nonlocal passed
        if timeout is None:
            return select(None)
        if not (ready := select(0)):
            passed += max(timeout, 0.0)
        return ready

    def clock(began: float) -> Callable[[], float]:
        def now() -> float:
            nonlocal passed
            passed += TICK_S
            return began + passed

        return now

    def at_once(_executor: object, work: Callable[..., Any], *given: Any) -> asyncio.Future[Any]:
        done = loop.create_future()
        try:
            done.set_result(work(*given))
        except Exception as error:  # noqa: BLE001 - whoever waits for it is told
            done.set_exception(error)
        return done

    async def in_place(work: Callable[..., Any], *given: Any, **_how: Any) -> Any:
        return work(*given)

    patch.setattr(selector, "select", poll)
    patch.setattr(loop, "run_in_executor", at_once)
    patch.setattr(anyio.to_thread, "run_sync", in_place)
    patch.setattr(time, "monotonic", clock(time.monotonic()))
    patch.setattr(time, "time", clock(time.time()))
    # It took hold of the clock when it was imported.
    _, *others = RateLimiter.__init__.__defaults__ or ()
    patch.setattr(RateLimiter.__init__, "__defaults__", (time.monotonic, *others))
