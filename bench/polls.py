"""What a list that fails costs many jobs: our backend against the wavespeed SDK in threads.

    python -m bench.polls

Sixty jobs of 3 s, sixty and then twenty at once; the sandbox, in a process of its own, serves
everybody. Ours asks for all jobs with one request while the service's list answers, and for each
by itself when the list fails. Needs requirements-dev.txt. Exits with 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx

from bench import peers
from bench.remote import KEY, Sandbox, started, verdict

JOBS = 60
LATENCY_S = 3.0
FAILING = "list_500*forever"
SLOWER = {60: 1.5, 20: 1.25}
"""Jobs at once, and how much longer all may take when the list fails."""


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds until all jobs were done, and what the service was asked meanwhile."""

    seconds: float
    polls: int
    lists: int


def run(sandbox: Sandbox, client: str, at_once: int, fault: str = "") -> Result:
    """Make all jobs with one client and print what it took."""
    sandbox.set(fault=fault)
    httpx.post(f"{sandbox.origin}/sandbox/reset").raise_for_status()
    begun = time.monotonic()
    if client == "ours":
        asyncio.run(_ours(sandbox.address, at_once))
    else:
        make = peers.clients(KEY)[client]
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda n: make(sandbox.address, f"a lake {n}"), range(JOBS)))
    seconds = time.monotonic() - begun
    stats = httpx.get(f"{sandbox.origin}/sandbox/stats").json()
    result = Result(seconds, stats["polls"], stats["lists"])
    print(
        f"{at_once:3} at once  {client:14} {'list fails' if fault else 'list works':10} "
        f"{seconds:5.1f} s  {result.polls:4} polls  {result.lists:3} lists",
        flush=True,
    )
    return result


async def _ours(address: str, at_once: int) -> None:
    backend = await peers.Ours.connect(address, KEY)
    slots = asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        async with slots:
            await backend.make(f"a lake {number}")

    await asyncio.gather(*(one(number) for number in range(JOBS)))
    await backend.close()


def main() -> int:
    """Run every client with a list that works and one that fails, and judge."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    process, origin = started(LATENCY_S)
    held = []
    try:
        sandbox = Sandbox(origin, origin)
        for at_once, most in SLOWER.items():
            working = run(sandbox, "ours", at_once)
            failing = run(sandbox, "ours", at_once, FAILING)
            sdk = run(sandbox, "wavespeed SDK", at_once)
            slower = failing.seconds / working.seconds
            held.append(verdict(f"{at_once} at once, list fails / works", slower, most))
            held.append(verdict("polls / wavespeed SDK", failing.polls / sdk.polls, 1.0))
            if at_once == JOBS:
                held.append(verdict("seconds with a list that fails", failing.seconds, 9.5))
    finally:
        process.kill()
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
