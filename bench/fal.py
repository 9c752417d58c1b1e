"""How long after fal's queue is done is the image in hand: ours against `fal-client`.

    python -m bench.fal [--quick]

Ours is raced twice: the backend by itself, which hands over bytes as `fal-client` does, and the
whole playground, until the file is stored. A third time its stream of events is withheld, so that
it asks for the status instead: the backend keeps whichever way is nearer to the service's end at no
more requests. Each has made an image before it is measured; everything else is as in
`bench.remote`. Needs requirements-dev.txt. Exits with 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import random
import sys
from collections.abc import Mapping
from typing import Any

import fal_client
import httpx

from backends import Settings
from backends.fal import Fal, FalText
from bench import peers
from bench.delay import Delay
from bench.remote import KEY, Client, Heat, Result, Sandbox, means, race, started, verdict

MODEL = "fal-ai/flux-1/srpo"
JOBS = {0.5: 12, 1.0: 12, 3.0: 8}
QUICK = {0.5: 6, 1.0: 6}
"""Jobs at each latency, in seconds."""
FAR_S = 0.080
WARM = 24
"""Jobs from which the schedule of the polls is learned, before it is raced."""
SHARE = 0.5
"""Of fal-client's mean, which ours may need at most."""
FAR_SHARE = 0.75
"""The same far away, where most is what nobody saves: the event, the result, the download."""


class Withheld(httpx.AsyncHTTPTransport):
    """A network on which there is no stream of events; the request for it is never sent."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer for the service that it has none."""
        if request.url.path.endswith("/stream"):
            return httpx.Response(404)
        return await super().handle_async_request(request)


def backend(address: str, transport: httpx.AsyncBaseTransport | None = None) -> Fal:
    """Return the backend on a base URL."""
    values: dict[str, Any] = {"fal_key": KEY, "fal_base_url": address, "fal_max_concurrency": 8}
    return Fal(Settings(**values), transport=transport)


def warm(name: str, make: Client, heat: Heat) -> Result:
    """Race a client that has made an image before."""
    make(heat.sandbox.address, "warm")
    return race(name, make, heat)


def in_hand(name: str, heat: Heat, transport: httpx.AsyncBaseTransport | None = None) -> Result:
    """Race the backend by itself; if it has to poll, it has learned when."""
    with asyncio.Runner() as loop:
        mine = peers.Ours(backend(heat.sandbox.address, transport), FalText)
        if transport:
            heat.sandbox.set(latency=heat.latency, chance=random.getrandbits(31))
            loop.run(mine.learn(WARM))
        result = warm(name, lambda _address, prompt: loop.run(mine.make(prompt)), heat)
        loop.run(mine.close())
    return result


def stored(name: str, heat: Heat) -> Result:
    """Race the whole playground, until the file is stored with its row."""
    with asyncio.Runner() as loop:
        mine = loop.run(peers.Playground.of(backend(heat.sandbox.address), FalText))
        result = warm(name, lambda _address, prompt: loop.run(mine.make(prompt)), heat)
        loop.run(mine.close())
    return result


@functools.cache
def client(address: str) -> fal_client.SyncClient:
    """Return their client; it offers another host, but always over TLS."""
    fal_client.client.QUEUE_URL_FORMAT = f"{address}/"
    return fal_client.SyncClient(key=KEY)


def theirs(address: str, prompt: str) -> bytes:
    """Make an image as the documentation of `fal-client` shows it."""
    size = {"width": 512, "height": 512}
    asked = {"prompt": prompt, "image_size": size, "seed": 1, "num_images": 1}
    answer = client(address).subscribe(MODEL, asked)
    return httpx.get(answer["images"][0]["url"], timeout=60).raise_for_status().content


def run(sandbox: Sandbox, jobs: Mapping[float, int]) -> list[Result]:
    """Race everybody over so many jobs of each latency."""
    results = []
    for latency, count in jobs.items():
        heat = Heat(sandbox, latency, count)
        found = [
            in_hand("ours", heat),
            stored("ours, stored", heat),
            in_hand("ours, polling", heat, Withheld()),
            warm("fal-client", theirs, heat),
        ]
        for result in found:
            print(
                f"{latency:5.1f} s  {result.client:14} mean {1000 * result.mean:6.0f} ms  "
                f"requests {result.requests:5.1f}",
                flush=True,
            )
        results += found
    return results


def judge(where: str, results: list[Result], share: float) -> list[bool]:
    """Print every figure of one distance; return which hold."""
    mean, peer = means(results), "fal-client"
    asked = {
        name: sum(r.requests for r in results if r.client == name)
        for name in ("ours", "ours, stored", "ours, polling", peer)
    }
    return [
        verdict(f"{where}: ours / {peer}", mean["ours"] / mean[peer], share),
        verdict(f"{where}: ours, stored / {peer}", mean["ours, stored"] / mean[peer], share),
        verdict(f"{where}: requests / {peer}", asked["ours, stored"] / asked[peer], 1.0),
        verdict(f"{where}: stream / polling", mean["ours"] / mean["ours, polling"], 1.0),
        verdict(
            f"{where}: requests of stream / polling", asked["ours"] / asked["ours, polling"], 1.0
        ),
    ]


def main() -> int:
    """Race near and far, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer jobs and latencies")
    jobs = QUICK if parser.parse_args().quick else JOBS
    process, origin = started(1.0)
    try:
        near = run(Sandbox(origin, origin), jobs)
        print(f"with a round trip of {1000 * FAR_S:.0f} ms")
        with Delay(origin, FAR_S) as delay:
            far = run(Sandbox(origin, delay.address), jobs)
    finally:
        process.kill()
    return 0 if all(judge("near", near, SHARE) + judge("far", far, FAR_SHARE)) else 1


if __name__ == "__main__":
    sys.exit(main())
