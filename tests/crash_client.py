"""The playground without its page, for the crash campaign: built as `app.py` builds it.

It submits wishes until it is killed. `python -m tests.crash_client JSON` runs one such life.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import os
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

import backends
from backends import Settings
from core import pictures
from core.history import History
from core.jobs.budget import Budget
from core.jobs.ledger import Ledger, State
from core.params import Task
from core.parsing import parse
from core.storage import lock
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio
from tests.fakes import picture

T = TypeVar("T")

KEY = "sk-CANARY-5d1e90"
OWNER = "local"
ACTIVE: tuple[State, ...] = ("waiting", "sending", "running")
SIDES = range(256, 640, 16)
"""Sides of the images: nearly every job has a size of its own, so a wrong image is seen."""
AT_ONCE = {"wavespeed": 6, "siraya": 4, "fal": 6}
SERVICES = ("wavespeed", "wavespeed", "siraya", "fal", "fal")
"""What the jobs of a campaign are drawn from."""
SLOW = 0.015
"""Most seconds that each step on disk is held up, so that kills hit them."""

# Only what leads to an image, or to an answer that was lost: whatever is charged must arrive or
# be told. The others are the fault matrix's.
FAULTS = {
    "wavespeed": (
        "submit_500 submit_502_billed submit_reset submit_reset_billed submit_reset_half_billed "
        "submit_truncated_billed poll_reset poll_500 poll_429_retry_after poll_truncated poll_html "
        "poll_404 result_500 result_empty_outputs download_reset download_short download_500 "
        "download_404 download_corrupt download_truncated download_zero download_trickle"
    ).split(),
    "fal": (
        "submit_500 submit_502_billed submit_reset submit_reset_billed submit_reset_half_billed "
        "submit_truncated_billed poll_reset poll_500 poll_429_retry_after poll_truncated poll_html "
        "poll_404 result_500 result_empty_outputs download_reset download_short download_500 "
        "download_404 download_corrupt download_truncated download_zero download_trickle"
    ).split(),
    "siraya": (
        "submit_500 submit_503_billed submit_reset submit_reset_billed submit_truncated_billed"
    ).split(),
}
FROM_IMAGES = 0.4
"""Share of fal's jobs that start from an image."""
SPOILT = 0.2
"""Share of jobs that suffer a fault."""


@dataclass(frozen=True, slots=True)
class Life:
    """What one process does: wishes from `first` on, at most up to `last`, on a data folder."""

    folder: str
    origin: str
    chance: int
    first: int = 0
    last: int | None = None
    slow_s: float = SLOW
    plain: bool = False
    """No faults."""
    services: Sequence[str] = SERVICES


@dataclass(frozen=True, slots=True)
class Wish:
    """One job to be, decided by its number alone: asked for again it is the same."""

    service: str
    params: dict[str, Any]
    source: tuple[int, int] | None = None
    """Sides of the image to start from; None from text alone."""

    @property
    def task(self) -> Task:
        return "image-to-image" if self.source else "text-to-image"

    @property
    def image(self) -> bytes | None:
        """The image to start from."""
        return picture(self.params["seed"], *self.source) if self.source else None


def wish(chance: int, n: int, *, plain: bool = False, services: Sequence[str] = SERVICES) -> Wish:
    dice = random.Random(f"{chance} {n}")
    service = dice.choice(services)
    spoilt = dice.random() < SPOILT and not plain
    fault = f"fault:{dice.choice(FAULTS[service])}|" if spoilt else ""
    params: dict[str, Any] = {"prompt": f"{fault}hills, wish {n}", "seed": n}
    sides = (dice.choice(SIDES), dice.choice(SIDES))
    if service == "fal" and dice.random() < FROM_IMAGES:
        return Wish(service, params | {"steps": 10}, sides)
    return Wish(service, params | {"width": sides[0], "height": sides[1]})


def number(prompt: str) -> int:
    """Return the number of the wish behind a prompt."""
    return int(prompt.rpartition(" ")[2])


def settings(folder: Path, origin: str) -> dict[str, str]:
    """Return the environment of a playground with every key, pointed at the sandbox."""
    return {
        "WAVESPEED_API_KEY": KEY,
        "WAVESPEED_BASE_URL": origin,
        "WAVESPEED_MAX_CONCURRENCY": str(AT_ONCE["wavespeed"]),
        "SIRAYA_API_KEY": KEY,
        "SIRAYA_BASE_URL": f"{origin}/v1",
        "SIRAYA_MAX_CONCURRENCY": str(AT_ONCE["siraya"]),
        "FAL_KEY": KEY,
        "FAL_BASE_URL": origin,
        "FAL_MAX_CONCURRENCY": str(AT_ONCE["fal"]),
        "SRPO_DATA_DIR": str(folder),
    }


class SlowDatabase(Database):
    """Takes a little longer before and after each transaction."""

    slow_s = SLOW

    async def run(self, work: Callable[[Connection], T]) -> T:
        await asyncio.sleep(random.uniform(0, self.slow_s))
        found = await super().run(work)
        await asyncio.sleep(random.uniform(0, self.slow_s))
        return found


class SlowStorage(Storage):
    """Takes a little longer before and after each file."""

    slow_s = SLOW

    async def write(self, name: str, data: bytes) -> None:
        await asyncio.sleep(random.uniform(0, self.slow_s))
        await super().write(name, data)
        await asyncio.sleep(random.uniform(0, self.slow_s))


def live(life: Life) -> None:
    """Run until killed, or until every wish up to `last` has its end."""
    if life.slow_s:
        hurry_looks()
    asyncio.run(_live(life))


def hurry_looks() -> None:
    """Look up lost sends in less time than a life lasts, or no life would get past the first.

    The sandbox's list does not lag; `app.py` and the last process keep the program's own pauses.
    """
    if importlib.util.find_spec("core.jobs.reconcile"):
        importlib.import_module("core.jobs.reconcile").LOOKS_S = (0.2, 0.5, 0.8)


async def _live(life: Life) -> None:
    folder = Path(life.folder)
    named = {name.lower(): value for name, value in settings(folder, life.origin).items()}
    set_up = Settings(_env_file=None, **named)  # type: ignore[arg-type,call-arg]
    held = lock.hold(set_up.srpo_data_dir)
    database = SlowDatabase(set_up.database)
    storage = SlowStorage(set_up.storage)
    database.slow_s = storage.slow_s = life.slow_s
    studio = Studio(backends.create(set_up), Ledger(database, Budget()), History(database, storage))
    await database.migrate()
    await studio.start()
    await _submit(studio, life)
    while await studio.ledger.list(states=ACTIVE):
        await asyncio.sleep(0.1)
    await studio.aclose()
    await database.aclose()
    if held:
        held.close()


async def _submit(studio: Studio, life: Life) -> None:
    """Keep a handful of jobs on their way; a number is told once its job is written down."""
    told = os.open(told_file(Path(life.folder)), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    n = life.first
    while life.last is None or n < life.last:
        if len(await studio.ledger.list(states=ACTIVE)) < sum(AT_ONCE.values()):
            wanted = wish(life.chance, n, plain=life.plain, services=life.services)
            image = {"image": pictures.load(wanted.image)} if wanted.image else {}
            params = parse(studio.kind(wanted.service, wanted.task), wanted.params | image)
            job = await studio.submit(wanted.service, params, owner=OWNER, click=f"wish {n}")
            os.write(told, f"{n} {job.id}\n".encode())
            n += 1
        await asyncio.sleep(random.uniform(0, 0.05))


def told_file(folder: Path) -> Path:
    """Where the numbers and ids of accepted wishes are noted, outside the data folder."""
    return folder.with_name(f"{folder.name}-told.txt")


def written(life: Life) -> str:
    """Write a life for the command line."""
    return json.dumps(asdict(life))


if __name__ == "__main__":
    live(Life(**json.loads(sys.argv[1])))
