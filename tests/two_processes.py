"""Starts two processes on one database and counts what the service charges.

    python -m tests.two_processes [--runs 20] [--root CHECKOUT] [--only sqlite|postgresql]

First the real thing: of two `app.py` that start at one instant one must refuse. Then without the
lock, which `tests/unlocked.py` does not take: six jobs are carried by two processes and each must
be charged once. Exits with 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from tests import postgresql
from tests.end_to_end.program import OURS, ROOT, Process, free_port

KEY = "sk-CANARY-two"
JOBS = 6
UNLOCKED = ROOT / "tests" / "unlocked.py"
DATABASES = ("sqlite", "postgresql")
SERVICES = ("siraya", "wavespeed")


class LateSandbox(Process):
    """A sandbox that makes an image in half a second and answers a submit after a whole one."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        super().__init__(["-P", str(UNLOCKED), "serve", str(port), "0.5", "1.0"], port, folder)
        self.wait_for("/sandbox/stats")

    def count(self) -> tuple[int, int]:
        """Return the requests for images and the charges so far."""
        stats = httpx.get(self.address + "/sandbox/stats").json()
        return int(stats["posts"]), int(stats["charges"])


@dataclass(slots=True)
class Race:
    """One new database with six jobs that wait, and processes that want to carry them."""

    folder: Path
    address: str
    """The database's."""
    service: str
    sandbox: LateSandbox
    root: Path = ROOT
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def submit(self) -> None:
        """Write six jobs down."""
        self.start("submit", self.service, str(JOBS)).wait(60)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start one process without a lock."""
        return self._start("one", "-P", str(UNLOCKED), *arguments)

    def start_app(self, name: str) -> subprocess.Popen[bytes]:
        """Start the real program on a data folder of its own, which only this one uses."""
        return self._start(name, str(self.root / "app.py"), "--port", str(free_port()))

    def _start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        clean = {name: v for name, v in os.environ.items() if not name.startswith(OURS)}
        place = self.folder / name
        place.mkdir(parents=True, exist_ok=True)
        settings = {
            "PYTHONPATH": str(self.root),
            "DATABASE_URL": self.address,
            "STORAGE_URL": str(self.folder / "files"),
            "SRPO_DATA_DIR": str(place / "data"),
            "GRADIO_TEMP_DIR": str(place / "temp"),
            "SIRAYA_API_KEY": KEY,
            "SIRAYA_BASE_URL": f"{self.sandbox.address}/v1",
            "WAVESPEED_API_KEY": KEY,
            "WAVESPEED_BASE_URL": self.sandbox.address,
        }
        with (place / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=place,
                env=clean | settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.started.append(process)
        return process

    def said(self, name: str) -> str:
        """Return what a process has written."""
        return (self.folder / name / "log.txt").read_text(errors="replace")

    def states(self) -> Counter[str]:
        """Count the jobs by state."""
        engine = create_engine(self.address, poolclass=NullPool)
        with engine.connect() as db:
            return Counter(state for (state,) in db.execute(text("SELECT state FROM jobs")))

    def wait(self, seconds: float = 120) -> None:
        """Return when no job is on its way any more, or after so long that one never ends."""
        end = time.monotonic() + seconds
        # A process that starts in the middle cannot know better than that a send is "unknown".
        on_its_way = ("waiting", "sending", "running", "unknown")
        while any(self.states()[state] for state in on_its_way) and time.monotonic() < end:
            time.sleep(0.2)

    def end(self) -> None:
        """Kill whatever still runs."""
        for process in self.started:
            process.kill()
            process.wait()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a race came to."""

    posts: int
    charges: int
    states: Counter[str]
    refused: str = ""
    """What the process that refused said."""

    @property
    def charged_once(self) -> bool:
        """Whether each of the six was sent and charged once and has its image."""
        return (self.posts, self.charges, self.states["finished"]) == (JOBS, JOBS, JOBS)


def unlocked(race: Race) -> Outcome:
    """Let two processes begin at one instant, and a third one in the middle of it."""
    before = race.sandbox.count()
    try:
        race.submit()
        start = time.time() + 4.0
        for begin in (start, start, start + 1.3):
            race.start("carry", str(begin))
        race.wait()
        return _outcome(race, before)
    finally:
        race.end()


def locked(race: Race) -> Outcome:
    """Let two real programs begin at one instant."""
    before = race.sandbox.count()
    try:
        race.submit()
        first, second = race.start_app("first"), race.start_app("second")
        end = time.monotonic() + 120
        while first.poll() is None and second.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        name = "second" if second.poll() is not None else "first"
        race.wait()
        ended = [one.poll() is not None for one in (first, second)]
        return _outcome(race, before, race.said(name) if sum(ended) == 1 else "")
    finally:
        race.end()


def _outcome(race: Race, before: tuple[int, int], refused: str = "") -> Outcome:
    time.sleep(0.3)  # a second request may still be on its way
    posts, charges = race.sandbox.count()
    return Outcome(posts - before[0], charges - before[1], race.states(), refused.strip())


@contextmanager
def databases(folder: Path, kind: str) -> Iterator[Callable[[str], str]]:
    """Yield what makes a new database of that name and returns its address."""
    if kind == "sqlite":
        yield lambda name: f"sqlite:///{folder}/{name}.db"
        return
    with postgresql.server() as address:
        yield partial(postgresql.create, address)


def series(
    run: Callable[[Race], Outcome],
    services: Sequence[str],
    folder: Path,
    kind: str,
    runs: int,
    root: Path = ROOT,
) -> list[Outcome]:
    """Run a race several times, with one service after the other."""
    place = folder / f"{run.__name__}-{services[0]}"
    place.mkdir()
    sandbox = LateSandbox(place)
    try:
        with databases(place, kind) as create:
            return [
                run(
                    Race(
                        place / str(n), create(f"n{n}"), services[n % len(services)], sandbox, root
                    )
                )
                for n in range(runs)
            ]
    finally:
        sandbox.kill()


def main() -> None:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(prog="python -m tests.two_processes", description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--root", type=Path, default=ROOT)
    parser.add_argument("--only", choices=DATABASES)
    parser.add_argument("--without-lock", action="store_true", help="leave the real programs out")
    given = parser.parse_args()
    broken = 0
    races = [(locked, SERVICES), *((unlocked, (service,)) for service in SERVICES)]
    print("| database | service | lock | runs | refused | charged once | charges |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for kind in [given.only] if given.only else DATABASES:
        with tempfile.TemporaryDirectory(prefix="two-") as folder:
            for run, services in races[given.without_lock :]:
                found = series(run, services, Path(folder), kind, given.runs, given.root.resolve())
                broken += _told(kind, " and ".join(services), run is locked, found)
    sys.exit(1 if broken else 0)


def _told(kind: str, service: str, with_lock: bool, found: list[Outcome]) -> int:
    """Print a row of the table and return how many races broke a promise."""
    once = sum(one.charged_once for one in found)
    refused = sum("already uses the database" in one.refused for one in found)
    charges = Counter(one.charges for one in found)
    figures = ", ".join(f"{count} × {number}" for number, count in sorted(charges.items()))
    row = [kind, service, "held" if with_lock else "taken out", len(found)]
    print("|", " | ".join(map(str, [*row, refused if with_lock else "–", once, figures])), "|")
    for one in found:
        if not one.charged_once or (with_lock and "already uses" not in one.refused):
            print(f"  {one.posts} posts, {one.charges} charges, {dict(one.states)}")
            print(f"  {one.refused[-600:]}")
    sys.stdout.flush()
    return 2 * len(found) - once - (refused if with_lock else len(found))


if __name__ == "__main__":
    main()
