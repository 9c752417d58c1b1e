"""The clients that race: ours, and other people's as their documentation shows them."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from typing import Any

import requests

from backends import Settings
from backends.wavespeed import WaveSpeed, WaveSpeedText
from core.backend import Backend
from core.events import Finished
from core.history import History
from core.jobs.ledger import Ledger
from core.params import Params
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio

MODEL = "wavespeed-ai/flux-1-srpo"


class Ours:
    """A backend of the playground, exactly as the studio drives it."""

    def __init__(self, backend: Backend, params: type[Params] = WaveSpeedText) -> None:
        self._backend, self._params = backend, params

    @classmethod
    async def connect(cls, address: str, key: str) -> Ours:
        """Build it on a base URL."""
        values: dict[str, Any] = {"wavespeed_api_key": key, "wavespeed_base_url": address}
        return cls(WaveSpeed(Settings(**values)))

    async def make(self, prompt: str) -> bytes:
        """Make one image."""
        async for event in self._backend.generate(_params(self._params, prompt)):
            if isinstance(event, Finished):
                return event.image
        raise RuntimeError("no image")

    async def learn(self, jobs: int) -> None:
        """Make images eight at once, as a busy morning would."""
        for _ in range(0, jobs, 8):
            prompts = [f"warm {random.getrandbits(64):x}" for _ in range(8)]
            await asyncio.gather(*(self.make(prompt) for prompt in prompts))

    async def close(self) -> None:
        """Close its connections."""
        await self._backend.aclose()


class Playground:
    """The whole of it: ledger and history on disk, the image stored with thumbnail and row."""

    def __init__(
        self, studio: Studio, database: Database, folder: str, params: type[Params]
    ) -> None:
        self._studio, self._database, self._folder = studio, database, folder
        self._params = params

    @classmethod
    async def connect(cls, address: str, key: str) -> Playground:
        """Build it with WaveSpeed on a base URL."""
        values: dict[str, Any] = {"wavespeed_api_key": key, "wavespeed_base_url": address}
        settings = Settings(**values, wavespeed_max_concurrency=8)
        return await cls.of(WaveSpeed(settings), WaveSpeedText)

    @classmethod
    async def of(cls, backend: Backend, params: type[Params]) -> Playground:
        """Build it with one backend, in a folder of its own."""
        folder = tempfile.mkdtemp(prefix="race-")
        database = Database(f"sqlite:///{folder}/playground.db")
        await database.migrate()
        history = History(database, Storage(folder))
        studio = Studio({backend.id: backend}, Ledger(database), history)
        await studio.start()
        return cls(studio, database, folder, params)

    async def make(self, prompt: str) -> bytes:
        """Make one image and return its stored file."""
        (backend,) = self._studio.backends
        params = _params(self._params, prompt)
        job = await self._studio.submit(backend, params, owner="race")
        done = await self._studio.result(job.id, owner="race")
        if done.entry is None:
            raise RuntimeError(done.job.error)
        return await self._studio.history.storage.read(done.entry.file)

    async def learn(self, jobs: int) -> None:
        """Make images eight at once, as a busy morning would."""
        prompts = [f"warm {random.getrandbits(64):x}" for _ in range(jobs)]
        await asyncio.gather(*(self.make(prompt) for prompt in prompts))

    async def close(self) -> None:
        """Stop it and remove its folder."""
        await self._studio.aclose()
        await self._database.aclose()
        shutil.rmtree(self._folder)


def _params(kind: type[Params], prompt: str) -> Params:
    return kind.model_validate({"prompt": prompt, "seed": 1, "width": 512, "height": 512})


def clients(key: str) -> dict[str, Callable[[str, str], object]]:
    """Return the others by name; each takes an address and a prompt and returns the bytes."""
    return {
        "wavespeed SDK": lambda address, prompt: _sdk(address, prompt, key),
        "huggingface_hub": lambda address, prompt: _hub(address, prompt, key),
        "requests, every 1 s": lambda address, prompt: _loop(address, prompt, key),
    }


def _sdk(address: str, prompt: str, key: str) -> bytes:
    import wavespeed

    client = wavespeed.Client(api_key=key, base_url=address)
    answer = client.run(MODEL, {"prompt": prompt, "size": "512*512", "seed": 1})
    return requests.get(_here(answer["outputs"][0], address), timeout=60).content


def _hub(address: str, prompt: str, key: str) -> object:
    from huggingface_hub import InferenceClient
    from huggingface_hub.inference._providers import PROVIDERS, _common

    provider: Any = PROVIDERS["wavespeed"]["text-to-image"]
    provider.base_url = address
    mapping = _common.HARDCODED_MODEL_INFERENCE_MAPPING["wavespeed"]
    if not mapping:
        from huggingface_hub.hf_api import InferenceProviderMapping

        mapping["flux"] = InferenceProviderMapping(
            provider="wavespeed",
            hf_model_id="flux",
            providerId=MODEL,
            status="live",
            task="text-to-image",
        )
    client = InferenceClient(provider="wavespeed", api_key=key)
    return client.text_to_image(prompt, model="flux", width=512, height=512, seed=1)


def _loop(address: str, prompt: str, key: str) -> bytes:
    head = {"Authorization": f"Bearer {key}"}
    body = {"prompt": prompt, "size": "512*512", "seed": 1}
    posted = requests.post(f"{address}/api/v3/{MODEL}", json=body, headers=head, timeout=60)
    result = f"{address}/api/v3/predictions/{posted.json()['data']['id']}/result"
    while True:
        data = requests.get(result, headers=head, timeout=60).json()["data"]
        if data["status"] == "completed":
            return requests.get(_here(data["outputs"][0], address), timeout=60).content
        time.sleep(1)


def _here(url: str, address: str) -> str:
    """Fetch over the same wire as everything else."""
    return address + "/" + url.split("/", 3)[3]
