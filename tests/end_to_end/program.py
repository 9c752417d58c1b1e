"""Starts the program as a person does: `app.py` in a folder of its own, on a port of its own."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from gradio_client import Client

ROOT = Path(__file__).parents[2]
OURS = ("WAVESPEED_", "SIRAYA_", "SRPO_", "DATABASE_URL", "STORAGE_URL", "GRADIO_")


def free_port() -> int:
    """Return a port that nobody has, of those the system gives to no connection by itself."""
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Process:
    """A Python program that serves HTTP; killed at the end whatever happened."""

    def __init__(self, arguments: list[str], port: int, folder: Path, **environment: str) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.log = folder / f"log-{port}-{time.monotonic_ns()}.txt"
        clean = {name: v for name, v in os.environ.items() if not name.startswith(OURS)}
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=clean | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
        )

    def wait_for(self, path: str, seconds: float = 60) -> None:
        """Return when the program answers 200; fail with its log when it does not."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if httpx.get(self.address + path, timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"no answer from {path}:\n{self.log.read_text()}")

    def kill(self, number: int = signal.SIGKILL) -> None:
        self._process.send_signal(number)
        self._process.wait(30)

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")


class Playground(Process):
    """`app.py` on a data folder, with the sandbox in a hurry and chosen at first.

    `root` is the checkout, if it is another one than this.
    """

    def __init__(
        self, folder: Path, *, port: int = 0, root: Path = ROOT, **environment: str
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port = port or free_port()
        settings = {"SRPO_BACKEND": "wavespeed", "SRPO_SANDBOX_LATENCY": "0.3"}
        settings |= {"GRADIO_TEMP_DIR": str(folder / "temp"), "PYTHONPATH": str(root)}
        arguments = [str(root / "app.py"), "--port", str(port), "--data-dir", str(folder / "data")]
        super().__init__(arguments, port, folder, **(settings | environment))
        self.data, self.port = folder / "data", port
        self.wait_for("/healthz")

    def client(self, **options: Any) -> Client:
        """Connect the way other programs do."""
        temp = self.data.parent / "downloads"
        return Client(self.address, verbose=False, download_files=str(temp), **options)


class SandboxProcess(Process):
    """The sandbox as a service of its own, which counts what it charges."""

    def __init__(self, folder: Path, latency: float) -> None:
        port = free_port()
        command = ["-m", "sandbox", "--port", str(port), "--latency", str(latency)]
        super().__init__(command, port, folder)
        self.wait_for("/sandbox/stats")

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(self.address + "/sandbox/stats").json()
        return found
