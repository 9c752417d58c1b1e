"""`app.py --check --live`: asks each keyed service, and says where it is not as was expected.

Everything remote was built from documents. What is asked costs nothing; with a sum to spend, the
smallest image is made of each kind. Nothing that is said contains a key, an address or a body, so
it can be pasted into a bug report.
"""

from __future__ import annotations

import asyncio
import io
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from core import pictures
from core.backend import Backend, Observable, Observed
from core.controls import controls
from core.errors import (
    AuthError,
    BackendError,
    Charged,
    OutOfCreditError,
    PlaygroundError,
    RejectedError,
)
from core.events import Accepted, Delivered, Finished
from core.jobs.job import UNFINISHED, Job
from core.jobs.ledger import Ledger
from core.money import dollars, micros
from core.params import TASKS, Params, Task
from core.redact import without_addresses

OWNER = "check"
"""In whose name the ledger counts what was spent."""
NOT_KEPT = "Made by the live check, which keeps no image."
PROMPT = "a small red boat on a calm sea"
SEED = 1
MOST_SENTENCES = 20
"""Departures of one step that are said one by one."""

Say = Callable[[bool | None, str], None]
"""Takes a sentence, and whether what it tells is well; None when it is neither."""


@dataclass(slots=True)
class Purse:
    """What may be spent over all services, and what was, in millionths of a dollar."""

    allowed: int
    spent: int = 0
    doubtful: int = 0
    """What may have been charged."""

    @property
    def left(self) -> int:
        """What can still be spent if all that is doubtful was charged."""
        return self.allowed - self.spent - self.doubtful

    def pay(self, price: int, charged: Charged) -> None:
        """Count a price."""
        self.spent += price if charged == "yes" else 0
        self.doubtful += price if charged == "maybe" else 0

    def __str__(self) -> str:
        doubt = f" {dollars(self.doubtful)} more may have been." if self.doubtful else ""
        return f"{dollars(self.spent)} of {dollars(self.allowed)} was spent.{doubt}"


@dataclass(slots=True)
class Attempt:
    """One image on its way; moments are seconds after it was sent."""

    job: Job
    began: float = field(default_factory=time.monotonic)
    accepted_s: float | None = None
    ended_s: float = 0.0
    charged: Charged = "no"
    image: bytes = b""
    error: PlaygroundError | None = None

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return time.monotonic() - self.began


class LiveCheck:
    """Asks services one after another; with a ledger it also spends, up to a sum in dollars."""

    def __init__(self, say: Say, ledger: Ledger | None = None, spend_usd: float = 0.0) -> None:
        self._say_to = say
        self._ledger = ledger
        self._purse = Purse(micros(spend_usd))
        self._well = True
        self._refused: set[str] = set()
        """Services that take no key of ours, or have no credit left."""

    async def run(self, backends: Iterable[Backend]) -> bool:
        """Check every service that has a key; return whether nothing departed.

        All are asked what is free before the first image is made, and each makes one by text before
        any makes one by image. What was spent is said also when this is cancelled.
        """
        now = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
        self._say(None, f"{now} UTC, Python {platform.python_version()}.")
        keyed = [one for one in backends if isinstance(one, Observable) and not one.sandbox]
        if not keyed:
            self._say(None, "No service has a key, so none was asked.")
        try:
            for backend in keyed:
                await self._ask(backend)
            if ledger := self._ledger:
                for task in TASKS:
                    for backend in keyed:
                        if task in backend.tasks and backend.id not in self._refused:
                            await self._image(backend, task, ledger)
        finally:
            if self._ledger:
                self._say(None, str(self._purse))
        return self._well

    def _say(self, well: bool | None, sentence: str) -> None:
        self._well = self._well and well is not False
        self._say_to(well, sentence)

    async def _ask(self, backend: Any) -> None:
        """Ask one service what is free."""
        if problem := backend.problem():
            self._say(False, f"{backend.label}: {problem}")
            self._refused.add(backend.id)
            return
        heard: list[Observed] = []
        backend.observe(heard.append)
        try:
            for sentence in await backend.look():
                self._say(None, f"{backend.label}: {sentence}")
            self._compare(backend.label, heard)
        except PlaygroundError as error:
            self._compare(backend.label, heard)
            self._say(False, f"{backend.label}: {_words(error)}")
            if isinstance(error, RejectedError):
                self._refused.add(backend.id)

    def _compare(self, where: str, heard: Sequence[Observed]) -> None:
        """Say of each step how long it took, and each of its departures once."""
        for step in dict.fromkeys(one.step for one in heard):
            answers = [one for one in heard if one.step == step]
            times = [one.seconds for one in answers]
            took = f"{min(times):.2f} s" + (f" to {max(times):.2f} s" if len(times) > 1 else "")
            said = f"{where}, {step}: {_several(len(answers), 'answer')} in {took}"
            found = Counter(sentence for one in answers for sentence in one.departures)
            self._say(None if found else True, f"{said}{'' if found else ', as expected'}.")
            for sentence, times_seen in found.most_common(MOST_SENTENCES):
                often = f" ({times_seen} times)" if times_seen > 1 else ""
                self._say(False, f"{where}, {step}: {sentence}{often}")
            if (rest := len(found) - MOST_SENTENCES) > 0:
                self._say(False, f"{where}, {step}: {_several(rest, 'more departure')}.")

    async def _image(self, backend: Any, task: Task, ledger: Ledger) -> None:
        """Make the smallest image there is, if its price is known and there is enough left."""
        where = f"{backend.label}, {'text' if task == 'text-to-image' else 'image'} to image"
        params = smallest(backend.tasks[task])
        price = backend.price(params)
        if price is None:
            self._say(None, f"{where}: nothing was sent, for its price is not set.")
            return
        if micros(price) > self._purse.left:
            cost, left = dollars(micros(price)), dollars(self._purse.left)
            said = f"nothing was sent, for it costs {cost} and {left} is left to spend."
            self._say(None, f"{where}: {said}")
            return
        self._say(None, f"{where}: it costs {dollars(micros(price))} and is being made.")
        heard: list[Observed] = []
        backend.observe(heard.append)
        try:
            (job,) = await ledger.add_all(backend, [params], owner=OWNER)
            attempt = Attempt(job)
            try:
                await self._made(backend, params, ledger, attempt)
            finally:
                self._purse.pay(micros(price), attempt.charged)
                await asyncio.shield(self._close(ledger, attempt))
        except PlaygroundError as error:  # of the budget or the ledger
            self._say(False, f"{where}: {_words(error)}")
            return
        if isinstance(attempt.error, AuthError | OutOfCreditError):
            self._refused.add(backend.id)
        self._compare(where, heard)
        await self._judge(where, params, attempt)

    async def _made(
        self, backend: Backend, params: Params, ledger: Ledger, attempt: Attempt
    ) -> None:
        """Send it once; what is learned is in the ledger before the next step."""
        job = attempt.job
        yes: Charged = "yes" if backend.paid else "no"
        stream: Any = backend.generate(params)
        await ledger.claim(job.id, sent=backend.sent(params), sent_at=time.time())
        attempt.began = time.monotonic()
        attempt.charged = "maybe" if backend.paid else "no"
        try:
            async with aclosing(stream) as events:
                async for event in events:
                    match event:
                        case Accepted(request_id):
                            attempt.accepted_s, attempt.charged = attempt.seconds, yes
                            await ledger.change(
                                job.id, "running", request_id=request_id, charged=yes
                            )
                        case Delivered():
                            attempt.charged = yes
                        case Finished(image=image):
                            attempt.charged, attempt.image = yes, image
                            attempt.ended_s = attempt.seconds
        except BackendError as error:
            attempt.error = error
            attempt.charged = error.charged if backend.paid else "no"

    async def _close(self, ledger: Ledger, attempt: Attempt) -> None:
        """Close its row with what is known of the money: there is no image to come back for."""
        await ledger.change(
            attempt.job.id,
            "failed",
            among=UNFINISHED,
            charged=attempt.charged,
            error=NOT_KEPT,
            advice="",
        )

    async def _judge(self, where: str, params: Params, attempt: Attempt) -> None:
        """Say what became of it, and where the file is not what was asked for."""
        if attempt.error:
            said = without_addresses(str(attempt.error))  # its advice is for jobs that go on
            self._say(False, f"{where}: {said} {_charge(attempt.charged)}")
            return
        try:
            kind, *sides = await asyncio.to_thread(pictures.inspect, attempt.image)
        except pictures.PictureError as error:
            self._say(False, f"{where}: {error}")
            return
        accepted = attempt.accepted_s
        first = f"accepted after {accepted:.2f} s, " if accepted is not None else ""
        shown = " × ".join(map(str, sides))
        took = f"{first}here after {attempt.ended_s:.2f} s"
        self._say(True, f"{where}: {took}; {kind}, {shown}. {_charge(attempt.charged)}")
        shape = params.picture or params
        asked = [getattr(shape, name, side) for name, side in zip(SIDES, sides, strict=True)]
        if asked != sides:
            wanted = " × ".join(map(str, asked))
            self._say(False, f"{where}: The image is {shown}, and {wanted} was asked for.")
        wanted = getattr(params, "output_format", kind)
        if wanted != kind:
            self._say(False, f"{where}: The image is a {kind}, and {wanted} was asked for.")


SIDES = ("width", "height")


def smallest(kind: type[Params]) -> Params:
    """Return params of the smallest image that can be asked for; all else is as in the form."""
    limits = {one.name: one.low for one in controls(kind)}
    wish: dict[str, Any] = {"prompt": PROMPT}
    wish |= {name: int(limits[name] or 0) for name in SIDES if name in limits}
    if "image" in kind.model_fields:
        file = io.BytesIO()
        Image.linear_gradient("L").convert("RGB").save(file, "PNG")  # 256 x 256
        wish["image"] = pictures.load(file.getvalue())
    return kind(**wish).with_seed(SEED)


def _words(error: PlaygroundError) -> str:
    """Return the sentences of an error, which may quote the service, without addresses."""
    return without_addresses(f"{error} {error.advice}".strip())


def _charge(charged: Charged) -> str:
    match charged:
        case "yes":
            return "It is charged."
        case "maybe":
            return "It may be charged."
        case "no":
            return "Nothing is charged."


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
