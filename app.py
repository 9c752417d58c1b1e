"""Starts the playground: settings, backends, store, studio, page, launch; no logic."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import backends
from core import lock, redact
from core import settings as configuration
from core.budget import Budget
from core.database import Database
from core.errors import PlaygroundError
from core.history import History
from core.ledger import Ledger
from core.settings import Settings
from core.storage import Storage
from core.studio import Studio
from ui import flags, launch


def main() -> None:
    """Run the server until it is stopped."""
    flags.read()
    try:
        run(configuration.load())
    except PlaygroundError as error:
        sys.exit(f"{error} {error.advice}".strip())


def run(settings: Settings) -> None:
    """Build the world from settings and serve it."""
    redact.install(settings.secrets())
    held = lock.hold(settings.srpo_data_dir)
    database = Database(settings.database)
    history = History(database, Storage(settings.storage))
    budget = Budget(
        settings.srpo_budget_day_usd,
        settings.srpo_budget_owner_day_usd,
        settings.srpo_budget_batch_usd,
    )
    studio = Studio(backends.create(settings), Ledger(database, budget), history)

    @asynccontextmanager
    async def life(_app: object) -> AsyncIterator[None]:
        await studio.start()
        yield
        await studio.aclose()
        await database.aclose()
        if held:
            held.close()

    asyncio.run(database.migrate())
    launch.serve(studio, settings, life)


if __name__ == "__main__":
    main()
