"""The local backend with a journal around it; replicas import it by its name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from backends import Settings, local
from core.backend import Readiness
from core.events import Event, Finished, Running
from core.params import Params
from tests.deploy.plain import note


class Noted:
    """Generates with the model in `model` and notes in `folder` what begins and how it ends."""

    id = "noted"

    def __init__(self, folder: Path, model: Path) -> None:
        self._folder = folder
        self._backend = local.create(Settings(local_model=str(model), _env_file=None))
        self.tasks = self._backend.tasks

    def readiness(self) -> Readiness:
        return self._backend.readiness()

    async def load(self) -> None:
        await self._backend.load()

    def problem(self) -> str:
        return self._backend.problem()

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        stream: Any = self._backend.generate(params)
        seed, step = params.known_seed, 0
        note(self._folder, "begun", seed, step)
        try:
            async with aclosing(stream) as events:
                async for event in events:
                    step = event.step or step if isinstance(event, Running) else step
                    if isinstance(event, Finished):
                        note(self._folder, "finished", seed, step)
                    yield event
        except (asyncio.CancelledError, GeneratorExit):
            note(self._folder, "cancelled", seed, step)
            raise

    async def aclose(self) -> None:
        await self._backend.aclose()
