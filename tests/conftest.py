"""What every test may ask for."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

# As app.py does, before NumPy is imported for the first time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from core.history import History
from core.jobs.budget import Budget
from core.jobs.ledger import Ledger
from core.jobs.limits import Policy
from core.own_keys import OwnKeys
from core.storage import database as opening
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio
from deploy.space.replay import closed_reload

try:
    from hypothesis import HealthCheck
    from hypothesis import settings as examples
except ImportError:  # only in requirements-dev.txt; tests of properties skip themselves
    pass
else:
    patient = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
    examples.register_profile("quick", max_examples=100, **patient)
    examples.register_profile("ci", max_examples=500, **patient)
    examples.register_profile("full", max_examples=3_000, **patient)
    chosen = "full" if "FULL_SIZE" in os.environ else "quick"
    examples.load_profile(os.environ.get("HYPOTHESIS_PROFILE", chosen))


if "EVERY_TEST" not in os.environ:
    # Nothing in these tests loses power: they need not wait for the disk at every commit.
    opening.PRAGMAS = (*opening.PRAGMAS, "synchronous=OFF")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("full_size") and "FULL_SIZE" not in os.environ:
            item.add_marker(pytest.mark.skip(reason="takes many minutes; set FULL_SIZE for it"))
    if "EVERY_TEST" in os.environ:
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="takes a second; .ci/run sets EVERY_TEST"))


def pytest_collection_finish() -> None:
    """Spare the tests from looking through Gradio's and their own modules again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="session", autouse=True)
def nobody_sends_new_code() -> Iterator[None]:
    """Programs that are told they are a Space leave Gradio's port for new code closed."""
    with closed_reload():
        yield


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Studios:
    """Opens studios on one data folder, one after another, as restarts do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.databases: list[Database] = []

    async def open(
        self,
        *backends: Any,
        budget: Budget | None = None,
        beat_s: float = 0.5,
        own: OwnKeys | None = None,
        policy: Policy | None = None,
        sharing: bool = False,
    ) -> Studio:
        database = Database(f"sqlite:///{self.folder / 'playground.db'}")
        self.databases.append(database)
        await database.migrate()
        history = History(database, Storage(str(self.folder)))
        named = {backend.id: backend for backend in backends}
        studio = Studio(
            named,
            Ledger(database, budget),
            history,
            own=own,
            beat_s=beat_s,
            policy=policy,
            sharing=sharing,
        )
        await studio.start()
        return studio


@pytest.fixture
async def studios(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Studios]:
    made = Studios(tmp_path)
    yield made
    for database in made.databases:
        await database.aclose()
