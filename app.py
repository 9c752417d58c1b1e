"""Starts the playground: settings, backends, store, studio, page, launch; no logic."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

# NumPy reads it when it is first imported: the miniature's small products are quicker on one
# thread, and the others' waiting would take the processor from whoever serves the page.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import backends
from core import check, redact
from core import settings as configuration
from core.errors import HeldError, HistoryError, NewerError, PlaygroundError
from core.exposure import exposure
from core.history import History
from core.jobs.ledger import Ledger
from core.jobs.limits import Policy
from core.own_keys import OwnKeys
from core.rescue import rescued
from core.settings import Settings
from core.storage import lock
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio
from core.tokens import Tokens
from ui import cli, launch


def main() -> None:
    """Run the server until it is stopped, or check what it stands on."""
    only_check = cli.read()
    try:
        settings = configuration.load(backends.Settings)
        mask = redact.install(settings.secrets())
        if only_check:
            sys.exit(report(settings))
        run(settings, mask)
    except PlaygroundError as error:
        sys.exit(f"{error} {error.advice}".strip())


def report(settings: Settings) -> int:
    """Say what is well and what is not; return the exit status."""
    lines = asyncio.run(check.check(settings, backends.create(settings)))
    for well, sentence in lines:
        sys.stdout.write(f"{'well ' if well else 'WRONG'} {sentence}\n")
    return 0 if all(well for well, _ in lines) else 1


def run(settings: Settings, mask: redact.Redactor) -> None:
    """Build the world from settings and serve it; what cannot be written is still shown."""
    held: list[lock.Lock | None] = []
    trouble = None
    try:
        held.append(lock.hold(settings.srpo_data_dir))
        held.append(lock.hold_database(settings.database))
        database = Database(settings.database, lock=held[-1])
        history = History(database, Storage(settings.storage))
        asyncio.run(database.migrate())
    except (HeldError, NewerError):
        raise  # what another process or a newer version works on is not even shown
    except HistoryError as error:
        trouble = error
        history = asyncio.run(rescued(settings))
        database = history.database
    own = OwnKeys(partial(backends.with_key, settings), backends.KEYED, mask)
    policy = Policy.of(settings, exposure(settings, os.environ))
    ledger = Ledger(database, settings.budget)
    studio = Studio(backends.create(settings), ledger, history, own=own, policy=policy)
    studio.closed = trouble
    tokens = Tokens(database)

    @asynccontextmanager
    async def life(_app: object) -> AsyncIterator[None]:
        await tokens.load()
        if not trouble:
            await studio.start()
        yield
        await studio.aclose()
        await database.aclose()
        for one in filter(None, held):
            one.close()

    launch.serve(studio, tokens, settings, life)


if __name__ == "__main__":
    main()
