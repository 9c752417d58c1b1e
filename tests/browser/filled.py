"""A data folder with a history in it, made without asking any backend for an image."""

from __future__ import annotations

import asyncio
import io
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import Image

from backends import Settings
from core.history import Entry, History
from core.storage.database import Database
from core.storage.files import Storage


def filled(data: Path, count: int, **facts: Any) -> list[str]:
    """Add images of this machine's own person; return their ids, newest first.

    A fact may be a function of an image's number; `file` is one that returns its file.
    """
    data.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(1) as thread:  # Playwright keeps a loop running in this one
        return thread.submit(lambda: asyncio.run(_filled(data, count, facts))).result()


async def _filled(data: Path, count: int, facts: dict[str, Any]) -> list[str]:
    settings = Settings(srpo_data_dir=data, _env_file=None)  # type: ignore[call-arg]
    database = Database(settings.database)
    await database.migrate()
    history = History(database, Storage(settings.storage))
    drawn = facts.pop("file", _file)
    begun = time.time() - count
    made = []
    for number in range(count):
        entry = _entry(f"{number:032x}", begun + number, number, facts)
        file = drawn(number)
        await history.add(entry, file=file, thumbnail=file, also=lambda _db: None)
        made.append(entry.id)
    await database.aclose()
    return made[::-1]


def _entry(name: str, made_at: float, seed: int, facts: dict[str, Any]) -> Entry:
    usual: dict[str, Any] = {
        "task": "text-to-image",
        "backend": "wavespeed",
        "model": "wavespeed-ai/flux-srpo",
        "sandbox": True,
        "prompt": f"hills {seed}",
        "price_usd": 0.0,
        "flagged": False,
        "width": 256,
        "height": 256,
    }
    told = usual | {key: value(seed) if callable(value) else value for key, value in facts.items()}
    return Entry(
        id=name,
        job_id=name,
        owner="local",
        created_at=made_at,
        params={"prompt": told["prompt"], "width": told["width"], "height": told["height"]},
        sent={"prompt": told["prompt"], "seed": seed},
        seed=seed,
        format="webp",
        elapsed_s=1.0,
        request_id=None,
        file=f"images/{name}.webp",
        thumbnail=f"thumbnails/{name}.webp",
        **told,
    )


def _file(number: int) -> bytes:
    colour = (40 + 37 * number % 200, 40 + 91 * number % 200, 40 + 53 * number % 200)
    written = io.BytesIO()
    Image.new("RGB", (256, 256), colour).save(written, "WEBP")
    return written.getvalue()
