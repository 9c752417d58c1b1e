"""What many jobs at once cost in CPU: our backend against the wavespeed SDK in threads.

    python -m bench.concurrent [--quick]

Every client is a process of its own and makes three 2 s jobs a slot, whole images in hand; the
sandbox, in a process of its own, serves both. Needs requirements-dev.txt. Exits with 1 when ours
uses as much CPU a job as the SDK.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from bench import peers
from bench.remote import KEY, Sandbox, started, verdict

LATENCY_S = 2.0
A_SLOT = 3
"""Jobs that each slot makes, one after another."""
CLIENTS = ("ours", "wavespeed SDK")


def measure(client: str, address: str, at_once: int) -> dict[str, float]:
    """Make the jobs in this process and return what a job took; seconds."""
    jobs = at_once * A_SLOT
    if client == "ours":
        with asyncio.Runner() as loop:
            backend = loop.run(peers.Ours.connect(address, KEY))
            loop.run(backend.learn(16))
            begun, used = time.monotonic(), _cpu()
            loop.run(_ours(backend, at_once))
            used, wall = _cpu() - used, time.monotonic() - begun
            loop.run(backend.close())
    else:
        make = peers.clients(KEY)[client]
        make(address, "warm")
        with ThreadPoolExecutor(at_once) as pool:
            begun, used = time.monotonic(), _cpu()
            for _ in pool.map(lambda n: make(address, f"a lake {n}"), range(jobs)):
                pass
            used, wall = _cpu() - used, time.monotonic() - begun
    return {"cpu": used / jobs, "wall": wall, "jobs_s": jobs / wall}


async def _ours(backend: peers.Ours, at_once: int) -> None:
    async def slot(number: int) -> None:
        for turn in range(A_SLOT):
            await backend.make(f"a lake {number} {turn}")

    await asyncio.gather(*(slot(number) for number in range(at_once)))


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def race(sandbox: Sandbox, at_once: int) -> dict[str, dict[str, float]]:
    """Let each client make its jobs in a fresh process."""
    found: dict[str, dict[str, float]] = {}
    for client in CLIENTS:
        command = [sys.executable, "-m", "bench.concurrent", "--client", client]
        command += ["--address", sandbox.address, "--at-once", str(at_once)]
        before = sandbox.polls()
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
        found[client] = json.loads(done.stdout.splitlines()[-1])
        polls = (sandbox.polls() - before) / (at_once * A_SLOT)
        print(
            f"{at_once:4} at once  {client:14} CPU {1000 * found[client]['cpu']:6.1f} ms a job   "
            f"{found[client]['jobs_s']:5.1f} jobs/s   {polls:4.1f} polls a job",
            flush=True,
        )
    return found


def main() -> None:
    """Race at 50 and 100, or measure one client for such a race."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only 50 at once")
    parser.add_argument("--client", help=argparse.SUPPRESS)
    parser.add_argument("--address", default="", help=argparse.SUPPRESS)
    parser.add_argument("--at-once", type=int, default=50, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        print(json.dumps(measure(options.client, options.address, options.at_once)))
        return
    process, origin = started(LATENCY_S)
    try:
        sandbox = Sandbox(origin, origin)
        results = {n: race(sandbox, n) for n in ((50,) if options.quick else (50, 100))}
    finally:
        process.kill()
    held = [
        verdict(f"CPU a job at {n} / wavespeed SDK", r["ours"]["cpu"] / r[CLIENTS[1]]["cpu"], 0.999)
        for n, r in results.items()
    ]
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
