"""How long after the service is done is the picture in hand: ours against three other clients.

    python -m bench.remote [--quick]

One sandbox in a process of its own serves everybody; its ledger tells the instant at which each
job was done. Latencies are drawn anew for every run (log-normal, sigma 0.15). Needs
requirements-dev.txt. Exits with 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from bench import peers
from bench.delay import Delay, free_port

LATENCIES = (0.5, 1.0, 2.0, 5.0, 10.0)
KEY = "bench"


@dataclass(slots=True)
class Result:
    """What one client did at one latency: seconds over the service's own, and polls a job."""

    client: str
    latency: float
    late: list[float] = field(default_factory=list)
    polls: float = 0.0

    @property
    def mean(self) -> float:
        """Mean seconds from done to in hand."""
        return statistics.fmean(self.late)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The service that everybody races against; `address` may lead through a delay."""

    origin: str
    address: str

    def set(self, **settings: object) -> None:
        """Change its settings."""
        httpx.post(f"{self.origin}/sandbox/settings", json=settings).raise_for_status()

    def polls(self) -> int:
        """Count the polls so far."""
        return int(httpx.get(f"{self.origin}/sandbox/stats").json()["polls"])

    def done_at(self, prompt: str) -> float:
        """Return the Unix second at which the job with that prompt was done."""
        rows = httpx.get(f"{self.origin}/sandbox/ledger").json()
        return next(float(row["done_at"]) for row in rows if row["prompt"] == prompt)


Client = Callable[[str, str], object]
"""Takes an address and a prompt, returns when the bytes are in hand."""


def race(client: str, make: Client, sandbox: Sandbox, latency: float, jobs: int) -> Result:
    """Run jobs one after another and measure each."""
    result, before = Result(client, latency), sandbox.polls()
    for _ in range(jobs):
        prompt = f"{client} {random.getrandbits(64):x}"
        make(sandbox.address, prompt)
        result.late.append(time.time() - sandbox.done_at(prompt))
    result.polls = (sandbox.polls() - before) / jobs
    return result


def started(latency: float) -> tuple[subprocess.Popen[bytes], str]:
    """Start the sandbox and wait for it."""
    port = free_port()
    options = ["--port", str(port), "--latency", str(latency), "--picture", "fixed"]
    command = [sys.executable, "-m", "backends.sandbox", *options, "--sigma", "0.15"]
    process, origin = subprocess.Popen(command), f"http://127.0.0.1:{port}"
    for _ in range(200):
        try:
            httpx.get(f"{origin}/sandbox/stats")
            break
        except httpx.TransportError:
            time.sleep(0.05)
    return process, origin


def run(sandbox: Sandbox, latencies: Sequence[float], jobs: int, warm: int) -> list[Result]:
    """Race every client at every latency; ours learns from `warm` jobs before it counts."""
    results = []
    for latency in latencies:
        sandbox.set(latency=latency)
        with asyncio.Runner() as loop:
            ours = loop.run(peers.Ours.connect(sandbox.address, KEY))
            cold = lambda _a, prompt: loop.run(ours.make(prompt))  # noqa: E731, B023
            results.append(race("ours, cold", cold, sandbox, latency, min(4, jobs)))
            loop.run(ours.learn(warm))
            results.append(race("ours", cold, sandbox, latency, jobs))
            loop.run(ours.close())
        for name, make in peers.clients(KEY).items():
            results.append(race(name, make, sandbox, latency, jobs))
        for result in results[-len(peers.clients(KEY)) - 2 :]:
            print(
                f"{latency:5.1f} s  {result.client:22} mean {1000 * result.mean:6.0f} ms  median "
                f"{1000 * statistics.median(result.late):6.0f} ms  polls {result.polls:5.1f}",
                flush=True,
            )
    return results


def means(results: Sequence[Result]) -> dict[str, float]:
    """Return each client's mean over the latencies."""
    names = {result.client for result in results}
    return {n: statistics.fmean(r.mean for r in results if r.client == n) for n in names}


def verdict(name: str, value: float, limit: float) -> bool:
    """Print a figure and whether it holds."""
    print(f"{'holds ' if value <= limit else 'MISSED'} {name}: {value:.3f} (at most {limit})")
    return value <= limit


def judge(near: Sequence[Result], far: Sequence[Result]) -> bool:
    """Print every figure; return whether all hold."""
    close, away = means(near), means(far)
    peer = min(v for n, v in close.items() if not n.startswith("ours"))
    most = {r.latency: r.polls for r in near if r.client == "ours"}
    figures = [
        verdict(
            "mean over the latencies / wavespeed SDK", close["ours"] / close["wavespeed SDK"], 0.25
        ),
        verdict("mean over the latencies / best peer", close["ours"] / peer, 0.5),
        verdict("polls up to 3 s", max(p for lat, p in most.items() if lat <= 3), 7),
        verdict("polls at 10 s", most.get(10.0, 0.0), 14),
        verdict("80 ms round trip / wavespeed SDK", away["ours"] / away["wavespeed SDK"], 0.35),
    ]
    return all(figures)


def main() -> int:
    """Race near and far, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer jobs and latencies")
    quick = parser.parse_args().quick
    latencies, jobs = ((0.5, 2.0), 4) if quick else (LATENCIES, 8)
    process, origin = started(1.0)
    try:
        near = run(Sandbox(origin, origin), latencies, jobs, warm=24)
        print("with a round trip of 80 ms")
        with Delay(origin, 0.080) as delay:
            far = run(
                Sandbox(origin, delay.address), (1.0,) if quick else (1.0, 3.0), jobs, warm=24
            )
    finally:
        process.kill()
    return 0 if judge(near, far) else 1


if __name__ == "__main__":
    sys.exit(main())
