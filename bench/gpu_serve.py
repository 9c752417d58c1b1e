"""One replica on a GPU behind Ray Serve: images while it is killed once, and none is lost.

    python -m bench.gpu_serve FOLDER    # a model by bench.full_model; requirements-serve.txt
    python -m bench.gpu_serve FOLDER --tiny

The service of `deploy/` as it is deployed, over HTTP. When a third of the images is there the
replica's process is killed in the midst of the next. Each request must be answered with an image,
and the same seed asked for twice must give the same pixels on both sides of the kill. Exits with 1
when something does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import functools
import os
import signal
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from backends.local import Local
from backends.local.loading import Wish
from backends.local.source import Source
from bench.figures import keep
from bench.gpu_ways import fingerprint
from core.backend import Readiness

IMAGES = 20
KEY = "bench"
PIDS = "pids"
PATIENCE_S = 100.0


def backend(folder: Path, notes: Path) -> Local:
    """Build the backend of a replica, which writes down the process it is in when it loads."""
    from backends.local import loading

    def load(*given: Any) -> Any:
        model = loading.load(*given)
        with (notes / PIDS).open("a", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")
        return model

    look = Readiness("not loaded")
    return Local(Source(str(folder)), Wish(speed="exact"), lambda: look, load)


def serving(folder: Path, notes: Path, port: int, *, gpus: float) -> None:
    """Deploy it on this machine; returns when it answers."""
    import ray
    from ray import serve

    from deploy.images_api import hashed
    from deploy.serve import Options, build

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        num_cpus=4,
        num_gpus=1 if gpus else 0,
        include_dashboard=False,
        object_store_memory=200_000_000,
        log_to_driver=False,
        logging_level="ERROR",
    )
    serve.start(proxy_location="HeadOnly", http_options={"port": port})
    options = Options(gpus=gpus, least=1, replicas=1, key_hash=hashed(KEY))
    serve.run(build(functools.partial(backend, folder, notes), options))


async def asked(http: Any, seed: int, side: int) -> str:
    """Return the fingerprint of an image; raises when there is none."""
    body = {"prompt": "hills", "size": f"{side}x{side}", "seed": seed, "num_inference_steps": 4}
    while True:
        answer = await http.post("/v1/images/generations", json=body)
        if answer.status_code not in (429, 503):  # which say that nothing has begun
            break
        await asyncio.sleep(0.5)
    answer.raise_for_status()
    return fingerprint(base64.b64decode(answer.json()["data"][0]["b64_json"]))


async def painted(port: int, notes: Path, side: int) -> tuple[list[str], float]:
    """Return the fingerprints of all images, and the seconds that the kill cost."""
    import httpx

    url, headers = f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {KEY}"}
    found = []
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE_S) as http:
        cost = 0.0
        for number in range(IMAGES):
            began = time.perf_counter()
            asking = asyncio.ensure_future(asked(http, number % (IMAGES // 2), side))
            if number == IMAGES // 3:
                await asyncio.sleep(0.05)
                os.kill(int((notes / PIDS).read_text().split()[-1]), signal.SIGKILL)
            found.append(await asking)
            if number == IMAGES // 3:
                cost = time.perf_counter() - began
    return found, cost


def main() -> None:
    """Deploy, ask, kill, and tell what came of it."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu_serve")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--port", type=int, default=8471)
    given = parser.parse_args()
    if find_spec("ray") is None:
        print("ray is not installed, so nothing was served: requirements-serve.txt")
        return
    import tempfile

    import ray
    import torch

    with tempfile.TemporaryDirectory() as place:
        notes = Path(place)
        began = time.perf_counter()
        gpus = float(torch.cuda.is_available())
        serving(given.folder.resolve(), notes, given.port, gpus=gpus)
        print(f"ready after {time.perf_counter() - began:.1f} s, {gpus:.0f} GPU")
        began = time.perf_counter()
        side = 64 if given.tiny else 512
        found, cost = asyncio.run(painted(given.port, notes, side))
        took = time.perf_counter() - began
        lives = (notes / PIDS).read_text().split()
    ray.shutdown()
    half = IMAGES // 2
    pairs = list(zip(found[:half], found[half:], strict=True))
    findings = {
        f"{len(found)} of {IMAGES} images came, in {took:.1f} s": len(found) == IMAGES,
        f"the replica was killed once and another began: {len(lives)} lives": len(lives) == 2,
        f"the image that was lost with it came {cost:.1f} s after it was asked for": cost > 0,
        "the same seed gives the same pixels before and after": all(a == b for a, b in pairs),
        "other seeds give others": len(set(found)) == half,
    }
    for what, holds in findings.items():
        print(f"{'holds' if holds else 'FAILS'}  {what}", flush=True)
        keep("serve", holds=holds, what=what)
    sys.exit(not all(findings.values()))


if __name__ == "__main__":
    main()
