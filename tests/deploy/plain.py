"""A backend that sleeps at every step and keeps a journal; replicas import it by its name."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import params as fields
from core.backend import Readiness
from core.errors import PlaygroundError
from core.events import Event, Finished, Running
from core.params import ImageToImage, Params, Task, TextToImage
from tests.fakes import picture


class PlainText(TextToImage):
    width: int = fields.width(64, low=16, high=1024)
    height: int = fields.height(64, low=16, high=1024)
    steps: int = fields.steps(4)
    guidance: float = fields.guidance(3.5)


class PlainImage(ImageToImage):
    strength: float = fields.strength()
    steps: int = fields.steps(4)
    guidance: float = fields.guidance(3.5)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the journal; the parent of a replica is the process of its node."""

    at: float
    node: int
    pid: int
    word: str
    seed: int
    step: int


class Plain:
    """Generates one colour: the seed's."""

    id = "plain"
    tasks: Mapping[Task, type[Params]] = {"text-to-image": PlainText, "image-to-image": PlainImage}

    def __init__(
        self,
        folder: Path,
        *,
        step_s: float = 0.01,
        gate: Path | None = None,
        failure: Exception | None = None,
    ) -> None:
        self._folder, self._step_s, self._gate = folder, step_s, gate
        self._failure = failure
        self._loaded = gate is None
        self.asked: list[Any] = []

    async def load(self) -> None:
        while self._gate and not self._gate.exists():
            await asyncio.sleep(0.05)
        self._loaded = True

    def readiness(self) -> Readiness:
        return Readiness("ready" if self._loaded else "loading")

    def problem(self) -> str:
        return "" if self._loaded else "It is not loaded."

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        self.asked.append(params)
        wish: Any = params
        if self._failure:
            raise self._failure
        step = 0
        note(self._folder, "begun", wish.seed, step)
        try:
            for step in range(1, wish.steps + 1):
                await asyncio.sleep(self._step_s)
                yield Running(step / wish.steps, step, wish.steps)
        except (asyncio.CancelledError, GeneratorExit):
            note(self._folder, "cancelled", wish.seed, step)
            raise
        note(self._folder, "finished", wish.seed, step)
        given = params.picture
        wide, high = (given.width, given.height) if given else (wish.width, wish.height)
        yield Finished(picture(wish.seed, wide, high))


def note(folder: Path, word: str, seed: int, step: int) -> None:
    # One short write to the end of a file: whole, whichever process writes.
    with (folder / "journal.txt").open("a") as file:
        file.write(f"{time.time()} {os.getppid()} {os.getpid()} {word} {seed} {step}\n")


def journal(folder: Path) -> list[Line]:
    path = folder / "journal.txt"
    rows = [row.split() for row in path.read_text().splitlines()] if path.exists() else []
    return [Line(float(a), int(o), int(p), w, int(s), int(n)) for a, o, p, w, s, n in rows]


def refused(error: type[PlaygroundError], text: str = "A sentence.") -> PlaygroundError:
    return error(text, advice="Do this.")
