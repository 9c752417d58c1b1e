"""The studio turns a request into a job that cannot get lost, and lets pages watch it.

Jobs belong to the studio, not to a browser tab: closing, reloading or losing the network changes
nothing. On start it picks up what was accepted before, and never resends what may have been sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from core import own_keys
from core.backend import Backend, Checkable, ListsJobs, Loadable, Priced
from core.caller import Caller
from core.errors import AuthError, InputError, NotReadyError, PlaygroundError
from core.events import Loading
from core.history import Entry, History, input_name
from core.jobs.active_job import ActiveJob
from core.jobs.estimate import Estimate
from core.jobs.job import ACTIVE, Job, State
from core.jobs.ledger import Ledger
from core.jobs.limits import NO_WORD, Consent, Policy, Terms, counted_as
from core.jobs.recovery import NEEDS_KEY, lay_aside, pick_up, pick_up_own
from core.jobs.save import Saver
from core.jobs.send_queue import SendQueue
from core.jobs.worker import Worker
from core.own_keys import Entered, Held, OwnKeys
from core.params import Params, Task
from core.pictures import Picture

NO_OWN_KEY = "This was sent with a key of your own, and you have none set now."
K = TypeVar("K", bound=str)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of a job at this instant; seconds count from the send."""

    job: Job
    elapsed_s: float = 0.0
    estimate_s: float | None = None
    ahead: int | None = None
    loading: bool = False
    """The model is not there yet; `fraction` is of its loading."""
    fraction: float | None = None
    step: int | None = None
    total: int | None = None
    preview: bytes | None = None
    entry: Entry | None = None
    stop: PlaygroundError | None = None
    """Why its backend sends nothing until a person resumes it."""
    needs_key: bool = False
    """It was sent with a key of its owner's own, and goes on when that is entered again."""


class Studio:
    """Takes requests, carries them out, and answers what became of them.

    A watcher hears of a job at least every `beat_s` seconds.
    """

    def __init__(
        self,
        backends: Mapping[str, Backend],
        ledger: Ledger,
        history: History,
        *,
        own: OwnKeys | None = None,
        beat_s: float = 0.5,
        policy: Policy | None = None,
    ) -> None:
        self._beat_s = beat_s
        self.policy = policy or Policy()
        self.backends = backends
        self.ledger = ledger
        self.history = history
        self._recorder = Saver(history)
        self.workers = {name: self._new_lane(backend) for name, backend in backends.items()}
        self.own = own or OwnKeys()
        """The keys that owners entered for their own jobs."""
        self._taking = asyncio.Lock()
        """Held while jobs that needed a key are taken up, laid aside or cancelled."""
        self._active: dict[str, ActiveJob] = {}
        self._elsewhere: set[str] = set()
        self._chores: list[asyncio.Task[None]] = []
        self.closed: PlaygroundError | None = None
        """Why nothing new is taken, or None."""

    async def start(self) -> None:
        """Pick up the jobs an earlier process left: accepted ones, lost ones, waiting ones."""
        for active in await pick_up(self.ledger, self.history, self.backends):
            self.carry(active)
        for backend in self.backends.values():
            if isinstance(backend, Priced):
                self._chores.append(asyncio.create_task(backend.refresh()))
            if isinstance(backend, Loadable):
                self._chores.append(asyncio.create_task(backend.load()))
        if self.own.services:
            self._chores.append(asyncio.create_task(self._forget_in_time()))

    async def aclose(self) -> None:
        """Stop carrying; the ledger says how to go on. Then close the backends."""
        tasks = [active.task for active in self._active.values() if active.task] + self._chores
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for backend in [*self.backends.values(), *(held.backend for held in self.own.all())]:
            await backend.aclose()

    def kind(self, backend: str, task: Task) -> type[Params]:
        """Return the params type of a backend and task, or say which there are."""
        return _choose(self._backend(backend).tasks, task, f"“{backend}” does not offer the task")

    def backends_of(self, owner: str) -> Mapping[str, Backend]:
        """Return the backends as an owner sees them: with the owner's key where one is set."""
        return {**self.backends, **self.own.backends(owner)}

    def closed_to(self, caller: Caller | None = None) -> Mapping[str, NotReadyError]:
        """Return why backends take nothing from a caller, or from anybody here, by id.

        A key of the caller's own opens its service.
        """
        own = self.own.held_by(caller.owner) if caller else {}
        found = {name: self.policy.closed(one, caller) for name, one in self.backends.items()}
        return {name: error for name, error in found.items() if error and name not in own}

    def lane_of(self, job: Job) -> Worker | None:
        """Return the worker of a job; None where it needs a key, or a backend, that is not here."""
        return self.own.worker(job) if job.own_key else self.workers.get(job.backend)

    def lists_jobs(self, job: Job) -> bool:
        """Whether its service can be asked for a job whose answer was lost."""
        backend = worker.backend if (worker := self.lane_of(job)) else None
        return isinstance(backend, ListsJobs) and backend.paid

    def price_again(self, job: Job) -> float | None:
        """Return what it costs today to make a job's image again; None when nobody knows."""
        backends = self.own.backends(job.owner) if job.own_key else self.backends
        backend = backends.get(job.backend)
        if backend is None or job.task not in backend.tasks:
            return job.price_usd
        facts: dict[str, Any] = dict(job.params)
        if isinstance(facts.get("image"), dict):
            facts["image"] = Picture.model_construct(**facts["image"])
        return backend.price(backend.tasks[job.task].model_construct(**facts))

    def carrier(self, job: Job) -> Worker:
        """Return the worker that a job can go on in, or raise NotReadyError."""
        held = self.own.holding(job) if job.own_key else None
        if job.own_key and held is None:
            raise NotReadyError(NEEDS_KEY["error"], advice=NEEDS_KEY["advice"])
        return held.worker if held else self.workers[job.backend]

    async def submit(
        self,
        backend: str,
        params: Params,
        *,
        owner: str,
        click: str = "",
        address: str = "",
        consent: Consent = NO_WORD,
    ) -> Job:
        """Write a job down and start carrying it; returns before anything is sent.

        The same `click` of the same owner is the same job. `address` is where it is asked from,
        for limits alone. Raises NotReadyError when the backend cannot work or is closed to the
        caller, OverBudgetError when the price would pass a budget, OverLimitError when it is more
        than the caller may ask for, InputError when another price was agreed to, HistoryError when
        the job cannot be written down.
        """
        return (
            await self.submit_all(
                backend, [params], owner=owner, click=click, address=address, consent=consent
            )
        )[0]

    async def submit_all(
        self,
        backend: str,
        wishes: Sequence[Params],
        *,
        owner: str,
        click: str = "",
        like: Job | None = None,
        address: str = "",
        consent: Consent = NO_WORD,
    ) -> list[Job]:
        """Do the same for all the pictures of one click: all are written down, or none.

        They are sent with the owner's own key where one is set; with `like`, only if that job was.
        """
        chosen, own_key = self._backend(backend), None
        wanted = like is None or like.own_key is not None
        if wanted and (held := self.own.of(owner, backend)):
            chosen, own_key = held.backend, held.fingerprint
            self.own.touch(owner, held, time.monotonic())
        elif like and like.own_key:
            raise NotReadyError(NO_OWN_KEY, advice="Enter a key on the Backends tab first.")
        if self.closed:
            raise self.closed
        if problem := chosen.problem():
            raise NotReadyError(f"{chosen.label} is not ready.", advice=problem)
        caller = Caller(owner, address)
        if own_key is None and (closed := self.policy.closed(chosen, caller)):
            raise closed
        self.policy.limits(caller).images(len(wishes))
        drawn = [params.with_seed() for params in wishes]
        # Shielded: a page that closes at this instant must not leave a row nobody carries.
        terms = await self._terms(caller, consent)
        return await asyncio.shield(self._submit(chosen, drawn, owner, click, own_key, terms))

    async def _terms(self, caller: Caller, consent: Consent) -> Terms:
        limits = self.policy.limits(caller)
        address = None
        if limits.by_address:
            key = (await self.history.secret("address")).encode()
            text = counted_as(caller.address).encode()
            address = hmac.new(key, text, hashlib.sha256).hexdigest()[:32]
        tells = self.policy.tells_sums(caller.owner)
        return Terms(limits, consent, caller.stranger, address, tells)

    async def _submit(
        self,
        backend: Backend,
        wishes: Sequence[Params],
        owner: str,
        click: str,
        own_key: str | None,
        terms: Terms,
    ) -> list[Job]:
        async with self.history.inputs:
            if picture := wishes[0].picture:
                await self.history.storage.write(input_name(picture), picture.data)
            jobs = await self.ledger.add_all(
                backend, wishes, owner=owner, click=click, own_key=own_key, terms=terms
            )
        for job, params in zip(jobs, wishes, strict=False):
            if job.state != "waiting" or job.id in self._active:
                continue
            if job.own_key and not self.own.holding(job):  # forgotten at this very moment
                await lay_aside(self.ledger, self.backends.get(job.backend), job)
                continue
            self.carrier(job).queue.probe()
            self.carry(ActiveJob(job=job, params=params))
        return jobs

    async def watch(self, job_ids: Sequence[str], *, owner: str) -> AsyncIterator[list[Progress]]:
        """Tell how jobs stand: at once, at every change, at every beat, and at their end."""
        seen = [await self.ledger.get(job_id, owner=owner) for job_id in job_ids]
        estimates = [Estimate.of(await self.ledger.durations(j.backend, j.task)) for j in seen]
        ended: dict[str, Progress] = {}
        while True:
            active_jobs = [self._active.get(job.id) for job in seen]
            changes = [active.changed for active in active_jobs if active]
            for job, active in zip(seen, active_jobs, strict=True):
                if active is None and (job.id not in ended or self._others(ended[job.id].job)):
                    ended[job.id] = await self._outcome(job.id)
                elif active:  # its key was entered again
                    ended.pop(job.id, None)
            yield [
                self._progress(active, estimate) if active else ended[job.id]
                for job, active, estimate in zip(seen, active_jobs, estimates, strict=True)
            ]
            if changes:
                await _any(changes, self._beat_s)
            elif any(self._others(progress.job) for progress in ended.values()):
                await asyncio.sleep(self._beat_s)
            else:
                return

    async def result(self, job_id: str, *, owner: str, patient: bool = True) -> Progress:
        """Wait for the end of a job and return it.

        Who is not patient is told as soon as it will take long: the job is pending, or its
        backend stopped.
        """
        active = self._active.get(job_id)
        await self.ledger.get(job_id, owner=owner)
        while active and active.task and not active.task.done():
            stopped = active.job.state == "waiting" and self._line(active.job).stopped_by
            if not patient and (active.pending or stopped):
                return self._progress(active, Estimate())
            await _any([active.changed], 3600 if patient else self._beat_s)
        end = await self._outcome(job_id)
        while self._others(end.job):
            await asyncio.sleep(self._beat_s)
            end = await self._outcome(job_id)
        return end

    async def cancel(self, job_id: str, *, owner: str) -> Job:
        """Stop a job where that saves anything; one that is paid for goes on in the background.

        The returned job says what happened: `cancelled`, or still on its way and `charged`.
        """
        job = await self.ledger.get(job_id, owner=owner)
        active = self._active.get(job_id)
        if job.own_key and active is None:
            return await self._cancel_aside(job)
        if active is None or active.task is None:
            return job
        worker = self.lane_of(job)
        free = worker is not None and not worker.backend.paid
        if free or active.job.state in ("waiting", "sending"):
            active.stopped = True  # what is on its way out is stopped if its service refuses it
        if free or active.job.state == "waiting":
            active.task.cancel()
            await asyncio.wait([active.task])
        return await self.ledger.get(job_id, owner=owner)

    async def jobs(self, owner: str, *, states: Iterable[State], limit: int = 200) -> list[Job]:
        """Return an owner's jobs in any of `states`, newest first."""
        return await self.ledger.list(owner=owner, states=states, limit=limit)

    async def hand_over(self, old: str, new: str) -> int:
        """Give all that one owner made, or has under way, to another; return how many images."""
        for service, held in self.own.held_by(old).items():
            if (other := self.own.of(new, service)) and other is not held:
                await self.forget_key(old, service)  # one key a service: the new owner's stays
        moved = await self.history.hand_over(old, new)
        self.own.hand_over(old, new)
        for active in self._active.values():
            if active.job.owner == old:
                active.job = replace(active.job, owner=new)
        return moved

    async def enter_key(self, owner: str, service: str, key: str) -> Entered:
        """Hold an owner's own key for a service, and go on with the jobs that needed it.

        Raises InputError when it cannot be a key or the service refuses it: then nothing is kept.
        """
        if self.closed:
            raise self.closed
        key = key.strip()
        backend = self.own.connect(owner, service, key)
        try:
            mark = own_keys.fingerprint(await self.history.secret(own_keys.VAULT), service, key)
            balance, unsure = await _checked(backend)
        except BaseException:
            self.own.refuse(key)
            await backend.aclose()
            raise
        new = Held(service, mark, key, backend, self._new_lane(backend))
        # Shielded: a page that closes at this instant must not leave a key that nobody drops.
        held, resumed, others = await asyncio.shield(self._hold(owner, new))
        return Entered(held.backend, balance, unsure, resumed, others)

    async def _hold(self, owner: str, new: Held) -> tuple[Held, int, int]:
        """Hold a key in place of an earlier one; return it, and how many jobs go on or do not."""
        earlier = self.own.of(owner, new.service)
        if earlier and earlier.fingerprint != new.fingerprint:
            await self.forget_key(owner, new.service)
        held = self.own.hold(owner, new, time.monotonic())
        if held is not new:
            await new.backend.aclose()
        for active in self._runs_with(owner, held):
            if active.task and not active.task.cancelling():
                active.let_go = False
        held.worker.queue.resume()  # whatever it was refused for may be mended
        async with self._taking:
            resumed = await self._take_up(owner, held)
            left = await self.ledger.list(owner=owner, states=ACTIVE, limit=100_000)
        others = [
            job
            for job in left
            if job.backend == held.service
            and job.own_key not in (None, held.fingerprint)
            and job.id not in self._active
        ]
        return held, resumed, len(others)

    async def forget_key(self, owner: str, service: str) -> int:
        """Let an owner's key go and return how many jobs that are on their way still end with it.

        What the service is working on, or may be, ends first: its picture is paid for. What
        waits is left until the key is entered again.
        """
        held = self.own.release(owner, service)
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
        await self._drop_keys()
        return len(active_jobs) - len(idle)

    async def forget_unused(self, now: float) -> None:
        """Let go of the keys that nobody used for long; `now` is in monotonic seconds."""
        for owner, service in self.own.unused(now - own_keys.KEPT_S):
            await self.forget_key(owner, service)
        await self._drop_keys()  # also those whose last job could not be laid aside

    async def _forget_in_time(self) -> None:
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
            self.ledger,
            self.history,
            held.backend,
            owner=owner,
            own_key=held.fingerprint,
            carried=self._active,
        )
        for active in active_jobs:
            if self.own.holding(active.job):
                self.carry(active)
            else:  # forgotten again meanwhile
                await lay_aside(self.ledger, held.backend, active.job)
        return len(active_jobs)

    async def _lay_aside(self, active: ActiveJob) -> None:
        """Write down that a job needs its key, unless that was entered again meanwhile."""
        async with self._taking:
            job = await self.ledger.get(active.job.id)
            if job.active:
                await lay_aside(self.ledger, self.backends.get(job.backend), job)
            self._active.pop(job.id, None)
            if held := self.own.holding(job):
                await self._take_up(job.owner, held)

    async def _cancel_aside(self, job: Job) -> Job:
        """Cancel a job that needs a key, if it was never sent."""
        async with self._taking:
            job = await self.ledger.get(job.id)
            if job.state == "waiting" and job.id not in self._active:
                return await self.ledger.change(
                    job.id, "cancelled", among=["waiting"], charged="no", error="", advice=""
                )
        return job

    async def _drop_keys(self) -> None:
        """Close what was reached with keys that nobody holds, once no job under way needs it."""
        busy = {(active.job.backend, active.job.own_key) for active in self._active.values()}
        for held in self.own.drop(busy):
            await held.backend.aclose()

    def carry(self, active: ActiveJob) -> None:
        """Start a job's own task, which ends when the job does."""
        worker = self.carrier(active.job)
        self._elsewhere.discard(active.job.id)
        self._active[active.job.id] = active
        active.task = asyncio.create_task(self._carry(active, worker), name=f"job {active.job.id}")

    async def _carry(self, active: ActiveJob, worker: Worker) -> None:
        try:
            await worker.carry(active)
        except asyncio.CancelledError:
            if not active.let_go:
                raise
            await self._lay_aside(active)
        finally:
            if active.elsewhere:
                self._elsewhere.add(active.job.id)
            if self._active.get(active.job.id) is active:
                del self._active[active.job.id]
            active.tell()
        if active.job.own_key:
            if held := self.own.holding(active.job):
                self.own.touch(active.job.owner, held, time.monotonic())
            await self._drop_keys()

    def _new_lane(self, backend: Backend) -> Worker:
        return Worker(backend, self.ledger, self._recorder)

    def _line(self, job: Job) -> SendQueue:
        """Return the line of a job that is carried."""
        worker = self.lane_of(job)
        if worker is None:
            raise KeyError(job.id)  # a worker lives as long as its jobs are carried
        return worker.queue

    def _others(self, job: Job) -> bool:
        """Whether another process carries it, so that only the ledger tells how it stands."""
        return job.active and job.id in self._elsewhere

    def _backend(self, name: str) -> Backend:
        return _choose(self.backends, name, "There is no backend called")

    def _progress(self, active: ActiveJob, estimate: Estimate) -> Progress:
        job, queue = active.job, self._line(active.job)
        order = queue.order()
        return Progress(
            job=job,
            elapsed_s=time.time() - job.sent_at if job.sent_at else 0.0,
            estimate_s=estimate.seconds(job.work),
            ahead=order.index(job.id) if job.id in order else active.queued,
            stop=queue.stopped_by if job.state == "waiting" else None,
            loading=isinstance(active.progress, Loading),
            fraction=active.progress.fraction,
            step=active.progress.step,
            total=active.progress.total,
            preview=active.preview,
        )

    async def _outcome(self, job_id: str) -> Progress:
        job = await self.ledger.get(job_id)
        entry = None
        if job.entry_id:
            with suppress(InputError):  # deleted meanwhile
                entry = await self.history.get(job.entry_id)
        return Progress(
            job=job,
            elapsed_s=entry.elapsed_s if entry else 0.0,
            entry=entry,
            needs_key=job.active and job.own_key is not None,
        )


async def _checked(backend: Backend) -> tuple[float | None, str]:
    """Ask a service whether it takes a key; return what is left, and why that is not certain."""
    if not isinstance(backend, Checkable):
        return None, f"{backend.label} says only with the first image whether it takes a key."
    try:
        return await backend.check(), ""
    except AuthError as error:
        raise InputError(
            f"{backend.label} does not accept this key, so it is not kept.",
            field="key",
            advice="Copy it again from the service's page.",
        ) from error
    except PlaygroundError as error:
        return None, f"Whether it works is not known yet: {error}"


async def _any(events: Sequence[asyncio.Event], seconds: float) -> None:
    """Wait until one of the events happens, at most `seconds`."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _choose(mapping: Mapping[K, V], name: K, what: str) -> V:
    if name not in mapping:
        raise InputError(
            f"{what} “{str(name)[:40]}”.",
            field="backend" if "backend" in what else "task",
            advice="Choose one of: " + ", ".join(map(str, mapping)) + ".",
        )
    return mapping[name]
