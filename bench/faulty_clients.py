"""What `bench.faults` runs in a process of its own: one client, every input, what became of each.

A peer is used as its documentation shows. An id counts as told when the caller gets to see it, in
an answer or in the text of an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from PIL import Image

from backends import Settings
from backends.wavespeed import WaveSpeed, WaveSpeedText
from bench import peers
from bench.remote import KEY
from core.history import History
from core.jobs.ledger import Ledger
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio

CAP_S = 20.0
MOST_BYTES = 3_000_000_000
PEERS_AT_ONCE = 4
CLIENTS = (
    "playground",
    "wavespeed SDK",
    "huggingface_hub",
    "requests, every 1 s",
    "openai SDK",
)


def end(*, picture: bool, told: bool, said: str, late: bool = False, garbage: bool = False) -> Any:
    """Write down what became of one input."""
    return {"picture": picture, "told": told, "said": said, "late": late, "garbage": garbage}


def whole(data: object) -> bool:
    """Tell whether bytes, or what a client made of them, are an image to the last pixel."""
    if isinstance(data, Image.Image):
        return True
    try:
        with Image.open(io.BytesIO(data if isinstance(data, bytes) else b"")) as image:
            image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
    return True


async def playground(origin: str, prompts: list[str]) -> dict[str, Any]:
    """Give every input to a whole studio, one after another."""
    with tempfile.TemporaryDirectory() as folder:
        values: dict[str, Any] = {"wavespeed_api_key": KEY, "wavespeed_base_url": origin}
        settings = Settings(**values, wavespeed_max_concurrency=50, _env_file=None)
        database = Database(f"sqlite:///{folder}/playground.db")
        await database.migrate()
        history = History(database, Storage(folder))
        studio = Studio({"wavespeed": WaveSpeed(settings)}, Ledger(database), history)
        await studio.start()
        ends = {prompt: await _through(studio, prompt) for prompt in prompts}
        await studio.aclose()
        await database.aclose()
    return ends


async def _through(studio: Studio, prompt: str) -> Any:
    studio.workers["wavespeed"].queue.resume()  # as a person does who mended the key
    wish = WaveSpeedText(prompt=prompt, width=512, height=512)
    job = await studio.submit("wavespeed", wish, owner="local")
    late = False
    try:
        async with asyncio.timeout(CAP_S):
            await studio.result(job.id, owner="local")
    except TimeoutError:
        late = True
    job = await studio.ledger.get(job.id)
    told = job.request_id is not None or job.charged != "no"
    if job.entry_id is None:
        return end(picture=False, told=told, said=f"{job.state}: {job.error}", late=late)
    entry = await studio.history.get(job.entry_id)
    good = whole(await studio.history.storage.read(entry.file))
    return end(picture=good, told=told, said=job.state, garbage=not good)


def peer(make: Callable[[str, str], object], origin: str, prompts: list[str]) -> dict[str, Any]:
    """Give every input to a client, a few at once, each on a thread that is left behind if late."""
    ends: dict[str, Any] = {}

    def one(prompt: str) -> None:
        def attempt() -> None:
            try:
                data = make(origin, prompt)
            except BaseException as error:  # noqa: BLE001 whatever it raises is what the caller gets
                ends.setdefault(
                    prompt, end(picture=False, told=_told(error), said=repr(error)[:200])
                )
                return
            good = whole(data)
            ends.setdefault(prompt, end(picture=good, told=False, said="", garbage=not good))

        thread = threading.Thread(target=attempt, daemon=True)
        thread.start()
        thread.join(CAP_S)
        if thread.is_alive():
            ends.setdefault(prompt, end(picture=False, told=False, said="no end", late=True))

    with ThreadPoolExecutor(PEERS_AT_ONCE) as pool:
        list(pool.map(one, prompts))
    return ends


def _told(error: BaseException) -> bool:
    """Whether an error shows the 32 hexadecimal digits of the sandbox's ids."""
    text = f"{error} {getattr(error, 'task_id', '')} {getattr(error, 'prediction_id', '')}"
    return any(len(word) == 32 for word in text.replace("/", " ").replace("'", " ").split())


def openai(origin: str, prompt: str) -> bytes:
    """Ask Siraya's side for an address and fetch it, as its page shows."""
    from openai import OpenAI

    client = OpenAI(api_key=KEY, base_url=f"{origin}/v1")
    answer = client.images.generate(model="flux-1-srpo-text-to-image", prompt=prompt)
    address = (answer.data or [])[0].url or ""
    return requests.get(address, timeout=60).content


def main() -> None:
    """Run one client; its inputs come as JSON on standard input, the report goes out as JSON."""
    client, origin = sys.argv[1:3]
    prompts = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    out = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # some clients print
        if client == "playground":
            ends = asyncio.run(playground(origin, prompts))
        elif client == "openai SDK":
            ends = peer(openai, origin, prompts)
        else:
            ends = peer(peers.clients(KEY)[client], origin, prompts)
    time.sleep(0.5)  # what was left behind may still be billed
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    out.write(json.dumps({"ends": ends, "memory_mb": memory}) + "\n")
    out.flush()

    os._exit(0)  # threads that were left behind must not keep the process


if __name__ == "__main__":
    main()
