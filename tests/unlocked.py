"""The playground without its page and without its locks, for the race of two processes.

    python -P tests/unlocked.py serve PORT LATENCY SLOW    the sandbox; it answers WaveSpeed late
    python -P tests/unlocked.py submit BACKEND COUNT       write jobs down, send none
    python -P tests/unlocked.py carry START                carry what is written down, until killed

It is run by its path, so that it can carry the code of another checkout (PYTHONPATH); -P keeps out
its own folder, whose packages are named like the program's. Settings come from the environment.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

import backends
from core import settings as configuration
from core.history import History
from core.jobs.ledger import Ledger
from core.parsing import parse
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio


class Late:
    """Holds back each answer to a WaveSpeed submit, which the sandbox gives at once."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app, self.seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        late = scope["type"] == "http" and scope["method"] == "POST"
        late = late and scope["path"].startswith("/api/v3/wavespeed-ai/")

        async def held(message: Message) -> None:
            if late and message["type"] == "http.response.start":
                await asyncio.sleep(self.seconds)
            await send(message)

        await self.app(scope, receive, held)


def serve(port: str, latency: str, slow: str) -> None:
    """Serve the sandbox until killed."""
    import uvicorn  # here, so that the other processes start quickly

    from sandbox import Options, create_app

    app = create_app(Options(latency=float(latency), picture="fixed"))
    uvicorn.run(Late(app, float(slow)), port=int(port), log_level="warning")


async def opened() -> Studio:
    """Build what `app.py` builds, and take no lock."""
    settings = configuration.load(backends.Settings)
    database = Database(settings.database)
    await database.migrate()
    history = History(database, Storage(settings.storage))
    return Studio(backends.create(settings), Ledger(database), history)


async def submit(backend: str, count: str) -> None:
    """Write `count` jobs down as `waiting`."""
    studio = await opened()
    for seed in range(int(count)):
        wish = {"prompt": "hills", "seed": seed, "width": 256, "height": 256}
        params = parse(studio.kind(backend, "text-to-image"), wish)
        await studio.ledger.add_all(studio.backends[backend], [params], owner="local")
    await studio.aclose()
    await studio.ledger.database.aclose()


async def carry(start: str) -> None:
    """Begin at the Unix time `start`, so that two processes begin at one instant."""
    studio = await opened()
    await asyncio.sleep(max(0.0, float(start) - time.time()))
    await studio.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", *rest]:
            serve(*rest)
        case ["submit", *rest]:
            asyncio.run(submit(*rest))
        case ["carry", *rest]:
            asyncio.run(carry(*rest))
        case _:
            sys.exit(__doc__)
    sys.stdout.flush()
    os._exit(0)  # chores of the backends that nobody waits for must not hold it up
