"""Lets the server take its time to start: Gradio gives up after five seconds and blames the port.

What an earlier process left is looked at before the first request is answered. On a busy machine,
or from a bucket, that may take longer, and a Space would not come back from its sleep.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from gradio import http_server

from ui.server.gradio_patches.promises import Promises, mentions

PATIENCE_S = 300.0
PAUSE_S = 0.02


def allow_slow_start() -> None:
    """Have Gradio wait for its server as long as that is on its way."""
    begin = http_server.Server.run_in_thread
    if not hasattr(begin, "__wrapped__"):
        http_server.Server.run_in_thread = _patient(begin)


def _patient(begin: Callable[[Any], None]) -> Callable[[Any], None]:
    @functools.wraps(begin)
    def run_in_thread(server: Any) -> None:
        end = time.monotonic() + PATIENCE_S
        try:
            begin(server)
        except http_server.ServerFailedToStartError:
            while not server.started:
                # One that could not have its port has ended.
                if not server.thread.is_alive() or time.monotonic() > end:
                    raise
                time.sleep(PAUSE_S)

    return run_in_thread


def _is_patient(_page: Any) -> bool:
    patched = http_server.Server.run_in_thread
    known = mentions(patched, "started", "thread", "ServerFailedToStartError")
    return known and hasattr(patched, "__wrapped__")


PROMISES: Promises = {"a start of more than five seconds fails": _is_patient}
