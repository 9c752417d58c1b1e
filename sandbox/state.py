"""One sandbox: its options, ledger, renderer and uploads; every route works on it."""

from __future__ import annotations

import asyncio
import hashlib
import math
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from starlette.requests import Request

from sandbox.faults.kinds import Fault, Outcome, Phase
from sandbox.faults.plans import Memory, Plan, outcome, plan, split
from sandbox.ledger import Job, Ledger, Made
from sandbox.options import Options, changed
from sandbox.renderer import Order, Renderer, UnreadableError
from sandbox.runners import Runners
from sandbox.uploads import Uploads

PRICE_USD = 0.025
LARGEST_SEED = 2_147_483_647
MEDIA_ACCESS = 1402
EXECUTION = 1403


@dataclass(frozen=True, slots=True)
class Wish:
    """An order with what belongs to its job but not to its image."""

    order: Order
    plan: Plan = ()
    source: bytes | None = None
    """The image to start from, still encoded."""
    outcome: Outcome | None = None
    """An end that is certain from the beginning."""
    base64: bool = False
    price: float = PRICE_USD
    """US dollars that it will be charged."""


class Sandbox:
    """What the routes share; reachable in-process as `app.state.sandbox`."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.tasks: set[asyncio.Task[Made]] = set()
        self._start()

    def stats(self) -> dict[str, Any]:
        """Return the counters, the balance and how often each fault struck."""
        faults = dict(self.memory.fired)
        return {**self.ledger.stats(), "balance": self.balance, "faults": faults}

    def rows(self) -> list[dict[str, Any]]:
        """Return the accepted jobs, oldest first."""
        return self.ledger.rows()

    def reset(self) -> None:
        """Forget jobs, counters, images and uploads; keep the options."""
        self.runners.stop()
        self._start()

    def set(self, changes: Mapping[str, Any]) -> None:
        """Change options from now on; raises ValueError."""
        self.options = changed(self.options, changes)
        self.renderer.store_bytes = self.options.store_bytes
        if "chance" in changes:
            self.dice = random.Random(self.options.chance)

    @property
    def balance(self) -> float:
        """US dollars left."""
        return round(self.options.balance - self.ledger.counters.spent_usd, 6)

    def knows(self, request: Request, scheme: str = "bearer") -> bool:
        """Say whether a request carries an acceptable API key, announced as the service asks."""
        announced, _, key = request.headers.get("authorization", "").partition(" ")
        if announced.lower() != scheme or not key.strip():
            return False
        good = key == self.options.key if self.options.key else not key.startswith("wrong")
        if good:
            accounts, whose = self.ledger.counters.accounts, account_of(request)
            accounts[whose] = accounts.get(whose, 0) + 1
        return good

    def plan_for(self, prompt: str) -> tuple[Plan, str]:
        """Return the faults a prompt names, or the settings', and the prompt to paint.

        Raises ValueError for a name nobody knows.
        """
        names, scene = split(prompt)
        return plan(names or self.options.fault), scene

    def strikes(self, faults: Plan, phase: Phase, whom: str) -> Fault | None:
        """Return the fault that strikes now, if any."""
        return self.memory.next(faults, phase, whom)

    def strikes_account(self, phase: Phase) -> Fault | None:
        """The same for requests that belong to no job: the settings' faults or the last sent."""
        faults, whom = self.latest
        return self.strikes(faults or plan(self.options.fault), phase, whom)

    def seed(self, wanted: int | None) -> int:
        """Return the seed to use, drawn when none or -1 is wanted."""
        return random.randint(0, LARGEST_SEED) if wanted is None or wanted < 0 else wanted

    def accept(
        self, wish: Wish, prompt: str, *, stranger: bool = False, account: str = "", name: str = ""
    ) -> Job:
        """Write down and charge a job and start painting; returns at once.

        `name` is its id where the service has already told one.
        """
        job = Job(
            id=name or uuid4().hex,
            order=wish.order,
            prompt=prompt,
            file=uuid4().hex,
            t=time.time(),
            started=time.monotonic(),
            latency=self._latency(),
            plan=wish.plan,
            outcome=wish.outcome or outcome(wish.plan),
            stranger=stranger,
            base64=wish.base64,
            price=0.0 if stranger else wish.price,
            account=account,
        )
        if self._needs_painting(job, wish):
            job = replace(job, making=self._begin(job, wish.source))
        self.ledger.add(job)
        return job

    def add_stranger(self, model: str) -> None:
        """Add a job of somebody else with the same key to the service's list."""
        self.accept(Wish(Order(model, "a stranger", 256, 256)), "a stranger", stranger=True)

    async def picture(self, job: Job) -> bytes | None:
        """Return the file of a finished job, or None when it has none or it expired."""
        if job.state().status != "completed":
            return None
        return self.renderer.file(job.file) if job.making else await self.renderer.fixed(job.order)

    @contextmanager
    def posting(self) -> Iterator[None]:
        """Count a request for images while it is open."""
        counters = self.ledger.counters
        counters.posts += 1
        counters.posting += 1
        counters.posting_peak = max(counters.posting_peak, counters.posting)
        try:
            yield
        finally:
            counters.posting -= 1

    def note(self, path: str, names: list[str]) -> None:
        """Remember what was sent that the reference pages do not name."""
        self.ledger.counters.undocumented.extend(f"{path} {name}" for name in names)

    def _start(self) -> None:
        self.ledger = Ledger()
        self.memory = Memory()
        self.renderer = Renderer(self.options.store_bytes)
        self.dice = random.Random(self.options.chance)
        self.uploads = Uploads()
        self.runners = Runners(lambda: self.options.runners)
        self.latest: tuple[Plan, str] = ((), "")
        """The faults and the prompt of the last request for an image."""

    def _latency(self) -> float:
        return self.options.latency * math.exp(self.dice.gauss(0.0, self.options.sigma))

    def _needs_painting(self, job: Job, wish: Wish) -> bool:
        if job.outcome is not None and job.outcome.status != "completed":
            return False
        return self.options.picture == "painted" or wish.source is not None

    def _begin(self, job: Job, source: bytes | None) -> asyncio.Task[Made]:
        task = asyncio.create_task(_make(self.renderer, job, source))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task


def account_of(request: Request) -> str:
    """Name the account of a request: a digest, so that no key can be read off the sandbox."""
    key = request.headers.get("authorization", "").partition(" ")[2]
    return hashlib.sha256(key.encode()).hexdigest()[:16]


async def _make(renderer: Renderer, job: Job, source: bytes | None) -> Made:
    try:
        file = await renderer.paint(job.order, source)
    except UnreadableError as error:
        return Made(error=str(error), code=MEDIA_ACCESS)
    except Exception as error:  # noqa: BLE001 as on the real service, a crash of the model fails the task
        return Made(error=f"the painter failed: {error!r}", code=EXECUTION)
    renderer.keep(job.file, file)
    return Made(time.monotonic())
