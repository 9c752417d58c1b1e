"""Kills the playground at random instants over the whole life of jobs, restarts it each time on the
same data folder, and holds the end against what the sandbox charged.

    python -m tests.crash_campaign --kills 200 [--services fal] [--seed N] [--minutes M]

Most lives are a forked process that builds what `app.py` builds (`tests/crash_client.py`); every
tenth is `app.py` itself, asked over HTTP. With `--failing-fsync` every fifth runs under strace,
which lets syncs fail now and then. Exits with 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from tests.crash_audit import Audit, Verdict, opened, table
from tests.crash_client import (
    AT_ONCE,
    SERVICES,
    Life,
    live,
    number,
    settings,
    told_file,
    wish,
    written,
)
from tests.crash_report import fates, phase, report
from tests.end_to_end.program import ROOT, Process, free_port

SETTLE_S = 300.0
APP_EVERY = 10
STRACE_EVERY = 5
FAILING = "fsync,fdatasync"


class QuickSandbox(Process):
    """The sandbox as a service of its own: short jobs of very different lengths."""

    def __init__(self, folder: Path, latency: float = 0.4, key: str = "") -> None:
        port = free_port()
        schedule = ["--latency", str(latency), "--sigma", "0.8", "--picture", "fixed"]
        schedule += ["--key", key] if key else []
        super().__init__(["-m", "sandbox", "--port", str(port), *schedule], port, folder)
        self.wait_for("/sandbox/stats")

    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._asked("/sandbox/ledger")
        return rows

    def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = self._asked("/sandbox/stats")
        return stats

    def _asked(self, path: str) -> Any:
        try:
            return httpx.get(self.address + path, timeout=30).json()
        except httpx.TransportError as error:
            raise AssertionError(
                f"the sandbox is gone ({self._process.poll()}): {self.output}"
            ) from error


@dataclass(slots=True)
class Campaign:
    """The state of one campaign: where it happens, and what its kills hit."""

    folder: Path
    sandbox: QuickSandbox
    dice: random.Random
    chance: int
    failing_fsync: bool = False
    services: Sequence[str] = SERVICES
    hits: Counter[str] = field(default_factory=Counter)
    """Kills by what they interrupted; one kill may interrupt several things."""
    kinds: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    cut_sends: set[str] = field(default_factory=set)
    """Jobs whose request was out when the process died."""
    app_told: dict[int, str] = field(default_factory=dict)
    drafts: set[Path] = field(default_factory=set)
    strays: set[str] = field(default_factory=set)
    app_next: int = 0

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def kill_once(self) -> None:
        """Start a process, let it live a moment, kill it, and see what that hit."""
        turn = self.kills + 1
        if turn % APP_EVERY == 0:
            self.kinds["app.py"] += 1
            self._live_as_app()
        elif self.failing_fsync and turn % STRACE_EVERY == 0:
            self.kinds["with failing syncs"] += 1
            self._live_under_strace()
        else:
            self.kinds["forked"] += 1
            self._live_forked(self._moment())
        self.kills = turn
        self._look()

    def settle(self) -> None:
        """Let a last process bring everything to its end."""
        life = replace(self._life(), last=0, slow_s=0.0)
        process = multiprocessing.get_context("forkserver").Process(target=live, args=(life,))
        process.start()
        process.join(SETTLE_S)
        if process.is_alive():
            process.kill()
            process.join()

    def verdict(self) -> Verdict:
        """Hold everything against the sandbox's ledger."""
        rows, stats = self.sandbox.rows(), self.sandbox.stats()
        verdict = Audit(self.data, rows, self.told() | self.app_told).run(number)
        counted = stats["charges"] == len(rows)
        verdict.require(counted, "the sandbox's counter and its ledger differ")
        for name in ("credentials_leaked", "forbidden"):
            verdict.require(stats[name] == 0, f"{name}: {stats[name]}")
        return verdict

    def told(self) -> dict[int, str]:
        """Return the ids that callers were given, by the number of the wish."""
        path = told_file(self.data)
        lines = path.read_text().splitlines() if path.exists() else []
        return {int(line.split()[0]): line.split()[1] for line in lines}

    def _moment(self) -> float:
        """Return how long a process lives: mostly shorter than a job, now and then longer."""
        return self.dice.choice(
            [self.dice.uniform(0.02, 0.5), self.dice.uniform(0.1, 2.5), self.dice.uniform(0.5, 4)]
        )

    def _life(self) -> Life:
        told = self.told()
        first = max([*told, self.app_next - 1], default=-1) + 1
        return Life(
            str(self.data), self.sandbox.address, self.chance, first, services=self.services
        )

    def _live_forked(self, seconds: float) -> None:
        process = multiprocessing.get_context("forkserver").Process(
            target=live, args=(self._life(),)
        )
        process.start()
        time.sleep(seconds)
        if not process.is_alive():
            raise AssertionError("a process ended by itself; its reason is above")
        process.kill()
        process.join()

    def _live_under_strace(self) -> None:
        """Every so many syncs one fails, as on a disk that is dying."""
        inject = f"inject={FAILING}:error=EIO:when={self.dice.randint(2, 12)}+{7}"
        watched = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null"]
        asked = [*watched, "-e", f"trace={FAILING}", "-e", inject]
        command = [*asked, sys.executable, "-m", "tests.crash_client", written(self._life())]
        with (self.folder / "strace.txt").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, start_new_session=True, stdout=log, stderr=log
            )
        time.sleep(1.5 + 2 * self._moment())
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _live_as_app(self) -> None:
        """`app.py` as a person starts it; one in three is killed while it starts."""
        port = free_port()
        environment = settings(self.data, self.sandbox.address)
        temp = {"GRADIO_TEMP_DIR": str(self.folder / "temp")}
        command = [str(ROOT / "app.py"), "--port", str(port)]
        program = Process(command, port, self.folder, **environment, **temp)
        try:
            if self.dice.random() < 0.3:
                time.sleep(self.dice.uniform(0.5, 3))
                return
            program.wait_for("/healthz")
            self._feed(program.address, time.monotonic() + self.dice.uniform(0.5, 5))
        finally:
            program.kill()

    def _feed(self, address: str, until: float) -> None:
        """Submit over HTTP; a wish is never asked for twice, since there is no click to name it."""
        # The wish that a killed process did not live to tell of may be written down already.
        self.app_next = self._life().first + 1
        with httpx.Client(base_url=address, timeout=30) as client:
            while time.monotonic() < until:
                n = self._life().first
                self.app_next = n + 1
                wanted = wish(self.chance, n, services=self.services)
                image = _uploaded(client, wanted.image) if wanted.image else None
                body = {"data": [wanted.task, wanted.service, wanted.params, image]}
                called = client.post("/gradio_api/call/submit", json=body).raise_for_status()
                event = called.json()["event_id"]
                answer = client.get(f"/gradio_api/call/submit/{event}").text
                if "event: complete" not in answer:
                    raise AssertionError(f"the program refused a wish: {answer}")
                job = json.loads(answer.rpartition("data: ")[2])[0]
                self.app_told[n] = job["id"]
                time.sleep(self.dice.uniform(0, 0.1))

    def _look(self) -> None:
        """Say what the kill interrupted, from the rows and files it left."""
        if not (self.data / "playground.db").exists():
            self.hits["nothing yet"] += 1
            return
        with opened(self.data) as database:
            jobs, entries = table(database, "jobs"), table(database, "entries")
        done = {row["id"] for row in self.sandbox.rows() if (row["done_at"] or 1e12) < time.time()}
        found = {phase(job, done) for job in jobs} - {""}
        self.cut_sends |= {job["id"] for job in jobs if phase(job, done) == "a send"}
        drafts = set(self.data.rglob("*.part"))
        named = {json.loads(entry["facts"])["file"] for entry in entries}
        images = (path.relative_to(self.data) for path in self.data.glob("images/*/*.*"))
        strays = {str(path) for path in images if path.suffix != ".part"} - named
        found |= {"a file half written"} if drafts - self.drafts else set()
        found |= {"between file and row"} if strays - self.strays else set()
        self.drafts, self.strays = drafts, strays
        self.hits.update(found or {"nothing on its way"})


def _uploaded(client: httpx.Client, image: bytes) -> dict[str, Any]:
    """Upload an image as the page does; return what stands for it in a call."""
    answer = client.post("/gradio_api/upload", files={"files": ("a.png", image)})
    (path,) = answer.raise_for_status().json()
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def run(folder: Path, given: argparse.Namespace) -> Verdict:
    """Kill so many times, settle, and judge."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(["tests.crash_client"])
    sandbox = QuickSandbox(folder)
    dice, services = random.Random(given.seed), given.services or SERVICES
    campaign = Campaign(folder, sandbox, dice, given.seed, given.failing_fsync, services)
    end = time.monotonic() + given.minutes * 60
    try:
        while campaign.kills < given.kills and time.monotonic() < end:
            campaign.kill_once()
            if campaign.kills % 20 == 0:
                print(f"{campaign.kills} kills", flush=True)
        campaign.settle()
        verdict = campaign.verdict()
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(campaign.kinds.items()))
        print(f"{campaign.kills} kills ({kinds}); what they hit:")
        charged = {row["prompt"] for row in sandbox.rows()}
        report(campaign.hits, verdict, fates(campaign.data, campaign.cut_sends, charged))
    finally:
        sandbox.kill()
    return verdict


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.getrandbits(31))
    parser.add_argument("--minutes", type=float, default=60.0, help="stop killing after so long")
    parser.add_argument("--services", nargs="+", choices=sorted(AT_ONCE), help="of their jobs only")
    parser.add_argument("--failing-fsync", action="store_true", help="with strace")
    parser.add_argument("--keep", type=Path, help="a new folder for everything, kept afterwards")
    return parser.parse_args(given)


def main() -> int:
    given = arguments()
    print(f"--seed {given.seed}", flush=True)
    if given.keep:
        given.keep.mkdir(parents=True)
        return int(bool(run(given.keep.resolve(), given).violations))
    with tempfile.TemporaryDirectory() as folder:
        return int(bool(run(Path(folder), given).violations))


if __name__ == "__main__":
    sys.exit(main())
