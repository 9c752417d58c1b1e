"""Connects a remote backend without a key to the sandbox, in this process, over its own client."""

from __future__ import annotations

import httpx

from sandbox import Options, create_app

ADDRESS = "http://sandbox.local"
KEY = "sandbox"


def connect(latency_s: float, path: str = "") -> tuple[str, str, httpx.AsyncBaseTransport]:
    """Return base URL, key and transport of a sandbox of its own."""
    app = create_app(Options(latency=latency_s, sigma=0.1, edit_models=("sandbox-edit",)))
    return ADDRESS + path, KEY, httpx.ASGITransport(app=app)
