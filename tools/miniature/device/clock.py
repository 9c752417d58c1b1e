"""Time limits of the stages, and the log that comes back from the device."""

from __future__ import annotations

import json
import time
from pathlib import Path


class Clock:
    """Tells which share of its seconds has passed."""

    def __init__(self, seconds: float) -> None:
        self.begun = time.monotonic()
        self.seconds = max(seconds, 1e-3)

    def passed(self) -> float:
        """0 at the start, 1 at the end and after."""
        return min(1.0, (time.monotonic() - self.begun) / self.seconds)

    def left(self) -> float:
        """Seconds to the end."""
        return self.seconds - (time.monotonic() - self.begun)


class Log:
    """One JSON object a line, on the screen and in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.begun = time.monotonic()

    def say(self, stage: str, **told: object) -> None:
        """Write a line with the seconds since the start."""
        entry = {"stage": stage, "seconds": round(time.monotonic() - self.begun, 1), **told}
        short = {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in entry.items()
        }
        line = json.dumps(short)
        print(line, flush=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
