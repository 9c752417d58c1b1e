"""Borrows GPUs through the real package `spaces`, from a scheduler on loopback; prints all of it.

A program of its own, because the package reads its environment when it is imported. Where there
is no torch, the package moves nothing to a GPU, and all else is as on a Space.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

CALLS: list[str] = []
FULL = threading.Event()
"""Set while no GPU is free."""


class Scheduler(BaseHTTPRequestHandler):
    """Answers as ZeroGPU's own scheduler does."""

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        CALLS.append(path)
        status, kind, body = 200, "application/json", b"{}"
        if path == "/schedule" and token("poor") in self.path:
            status, body = 429, json.dumps({"left": 3, "wait": "PT1H24M"}).encode()
        elif path == "/schedule" and FULL.is_set():
            kind, body = "text/event-stream", b"event: failed\n\n"
        elif path == "/schedule":
            granted = {"idle": True, "nvidiaIndex": 0, "nvidiaUUID": "x", "allowToken": "t"}
            body = json.dumps(granted).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        return None


def token(name: str) -> str:
    """Return what the hub sends along for a visitor."""
    payload = base64.urlsafe_b64encode(json.dumps({"user": name}).encode()).decode()
    return f"head.{payload.rstrip('=')}.signature"


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scheduler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["SPACES_ZERO_GPU"] = "true"
    os.environ["SPACES_ZERO_DEVICE_API_URL"] = f"http://127.0.0.1:{server.server_port}"
    import gradio  # noqa: F401 - the package wants it to be there
    import spaces
    from gradio.context import LocalContext
    from starlette.datastructures import Headers

    from backends.local import space
    from backends.local.order import Order
    from core.events import Event, Preview
    from tests.backends.local.test_zero import ORDER, Model

    lent = space.Lent(Model().paint, spaces.GPU)
    killed: list[int] = []

    def visit(name: str) -> None:
        request = SimpleNamespace(headers=Headers({"x-ip-token": token(name)}))
        LocalContext.request.set(request)

    def made(order: Order, stopped: Callable[[list[Event]], bool] = lambda _told: False) -> None:
        told: list[Event] = []
        try:
            lent(order, told.append, lambda: stopped(told))
            found = [type(event).__name__ for event in told]
        except Exception as error:  # noqa: BLE001 - it is told to the test
            found = [type(error).__name__, str(error)]
        sys.stdout.write(f"RESULT {json.dumps(found)}\n")

    def kill(told: list[Event]) -> bool:
        seen = [int(event.image) for event in told if isinstance(event, Preview)]
        if seen and not killed:
            killed.append(seen[-1])
            os.kill(seen[-1], signal.SIGKILL)
        return False

    visit("ann")
    made(ORDER)
    made(Order("long", (64, 64), 50, 3.5, 1), lambda told: len(told) > 4)
    made(ORDER)
    made(Order("refuse", (64, 64), 3, 3.5, 1))
    made(Order("once", (64, 64), 20, 3.5, 1), kill)
    FULL.set()
    made(ORDER)
    FULL.clear()
    visit("poor")
    made(ORDER)
    sys.stdout.write(f"RESULT {json.dumps(CALLS)}\n")


if __name__ == "__main__":
    main()
