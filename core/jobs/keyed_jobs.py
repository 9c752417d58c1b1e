"""Jobs that are sent with a key of their owner's own: they stop and go on as that key does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from core import own_keys
from core.backend import Backend, Checkable
from core.errors import AuthError, InputError, PlaygroundError
from core.history import History
from core.jobs.active_job import ActiveJob
from core.jobs.job import ACTIVE, Job
from core.jobs.ledger import Ledger
from core.jobs.recovery import lay_aside, pick_up_own
from core.jobs.save import Saver
from core.jobs.worker import Worker
from core.own_keys import Entered, Held, OwnKeys
from core.words import english


class KeyedJobs:
    """Takes keys and lets them go, with the jobs that need them.

    `active` are all jobs that are carried now, and `start` carries one more.
    """

    def __init__(
        self,
        own: OwnKeys,
        ledger: Ledger,
        history: History,
        backends: Mapping[str, Backend],
        *,
        active: dict[str, ActiveJob],
        start: Callable[[ActiveJob], None],
    ) -> None:
        self._own = own
        self._ledger = ledger
        self._history = history
        self._backends = backends
        self._active = active
        self._start = start
        self._taking = asyncio.Lock()
        """Held while jobs that needed a key are taken up, laid aside or cancelled."""

    async def enter(self, owner: str, service: str, key: str) -> Entered:
        """Hold an owner's own key for a service, and go on with the jobs that needed it.

        Raises InputError when it cannot be a key or the service refuses it: then nothing is kept.
        """
        key = key.strip()
        backend = self._own.connect(owner, service, key)
        try:
            mark = own_keys.fingerprint(await self._history.secret(own_keys.VAULT), service, key)
            balance, unsure = await _checked(backend)
        except BaseException:
            self._own.refuse(key)
            await backend.aclose()
            raise
        new = Held(service, mark, key, backend, Worker(backend, self._ledger, Saver(self._history)))
        # Shielded: a page that closes at this instant must not leave a key that nobody drops.
        held, resumed, others = await asyncio.shield(self._hold(owner, new))
        return Entered(held.backend, balance, unsure, resumed, others)

    async def _hold(self, owner: str, new: Held) -> tuple[Held, int, int]:
        """Hold a key in place of an earlier one; return it, and how many jobs go on or do not."""
        earlier = self._own.of(owner, new.service)
        if earlier and earlier.fingerprint != new.fingerprint:
            await self.forget(owner, new.service)
        held = self._own.hold(owner, new, time.monotonic())
        if held is not new:
            await new.backend.aclose()
        for active in self._runs_with(owner, held):
            if active.task and not active.task.cancelling():
                active.let_go = False
        held.worker.queue.resume()  # whatever it was refused for may be mended
        async with self._taking:
            resumed = await self._take_up(owner, held)
            left = await self._ledger.list(owner=owner, states=ACTIVE, limit=100_000)
        others = [
            job
            for job in left
            if job.backend == held.service
            and job.own_key not in (None, held.fingerprint)
            and job.id not in self._active
        ]
        return held, resumed, len(others)

    async def forget(self, owner: str, service: str) -> int:
        """Let an owner's key go and return how many jobs that are on their way still end with it.

        What the service is working on, or may be, ends first: its image is paid for. What
        waits is left until the key is entered again.
        """
        held = self._own.release(owner, service)
        if held is None:
            return 0
        active_jobs = self._runs_with(owner, held)
        for active in active_jobs:
            active.let_go = True
        idle = [active for active in active_jobs if active.idle]
        tasks = [active.task for active in idle if active.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.drop()
        return len(active_jobs) - len(idle)

    async def forget_unused(self, now: float) -> None:
        """Let go of the keys that nobody used for long; `now` is in monotonic seconds."""
        for owner, service in self._own.unused(now - own_keys.KEPT_S):
            await self.forget(owner, service)
        await self.drop()  # also those whose last job could not be laid aside

    async def forget_in_time(self) -> None:
        while True:
            await asyncio.sleep(own_keys.LOOK_S)
            await self.forget_unused(time.monotonic())

    def _runs_with(self, owner: str, held: Held) -> list[ActiveJob]:
        mine = (owner, held.service, held.fingerprint)
        return [
            active
            for active in self._active.values()
            if (active.job.owner, active.job.backend, active.job.own_key) == mine
        ]

    async def _take_up(self, owner: str, held: Held) -> int:
        """Carry on the jobs that needed a key which is here now; return how many."""
        active_jobs = await pick_up_own(
            self._ledger,
            self._history,
            held.backend,
            owner=owner,
            own_key=held.fingerprint,
            carried=self._active,
        )
        for active in active_jobs:
            if self._own.holding(active.job):
                self._start(active)
            else:  # forgotten again meanwhile
                await lay_aside(self._ledger, held.backend, active.job)
        return len(active_jobs)

    async def lay_aside(self, active: ActiveJob) -> None:
        """Write down that a job needs its key, unless that was entered again meanwhile."""
        async with self._taking:
            job = await self._ledger.get(active.job.id)
            if job.active:
                await lay_aside(self._ledger, self._backends.get(job.backend), job)
            self._active.pop(job.id, None)
            if held := self._own.holding(job):
                await self._take_up(job.owner, held)

    async def cancel_aside(self, job: Job) -> Job:
        """Cancel a job that needs a key, if it was never sent."""
        async with self._taking:
            job = await self._ledger.get(job.id)
            if job.state == "waiting" and job.id not in self._active:
                return await self._ledger.change(
                    job.id, "cancelled", among=["waiting"], charged="no", error="", advice=""
                )
        return job

    async def drop(self) -> None:
        """Close what was reached with keys that nobody holds, once no job under way needs it."""
        busy = {(active.job.backend, active.job.own_key) for active in self._active.values()}
        for held in self._own.drop(busy):
            await held.backend.aclose()


async def _checked(backend: Backend) -> tuple[float | None, str]:
    """Ask a service whether it takes a key; return what is left, and why that is not certain."""
    if not isinstance(backend, Checkable):
        return None, english("jobs-says-only-with-first-image", label=backend.label)
    try:
        return await backend.check(), ""
    except AuthError as error:
        raise InputError(
            english("jobs-does-not-accept-key-so", label=backend.label),
            field="key",
            advice=english("jobs-copy-again-from-service-s"),
        ) from error
    except PlaygroundError as error:
        return None, english("jobs-key-unknown", reason=error)
