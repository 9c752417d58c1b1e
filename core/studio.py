"""The studio: turns a request into a job that cannot get lost; all that `ui/` may call.

Jobs belong to the studio, not to a browser tab: closing, reloading or losing the network changes
nothing. On start it picks up what was accepted before, and never resends what may have been sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.backend import Backend, Cancellable, ListsJobs, Loadable, Priced
from core.caller import Caller
from core.errors import InputError, NotReadyError, PlaygroundError
from core.history import Entry, History, input_name
from core.jobs import actions
from core.jobs.active_job import ActiveJob
from core.jobs.consent import NO_WORD, Consent
from core.jobs.job import COSTLY, Action, Job, State, possible_actions
from core.jobs.keyed_jobs import KeyedJobs
from core.jobs.ledger import Ledger
from core.jobs.limits import Policy, Terms, counted_as
from core.jobs.next_step import FREE_STEPS, next_step
from core.jobs.recovery import NEEDS_KEY, lay_aside, params_of, pick_up
from core.jobs.save import Saver
from core.jobs.send_queue import SendQueue
from core.jobs.spending import Spending
from core.jobs.watching import Progress, Watcher
from core.jobs.worker import Worker
from core.own_keys import Entered, OwnKeys
from core.params import Params, Task
from core.pictures import Picture

__all__ = ["Progress", "Studio"]

NO_OWN_KEY = "This was sent with a key of your own, and you have none set now."


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
        self.policy = policy or Policy()
        self.backends = backends
        self.ledger = ledger
        self.history = history
        self._saver = Saver(history)
        self.workers = {name: self._new_worker(backend) for name, backend in backends.items()}
        self.own = own or OwnKeys()
        """The keys that owners entered for their own jobs."""
        self._active: dict[str, ActiveJob] = {}
        self._elsewhere: set[str] = set()
        self.keyed = KeyedJobs(
            self.own, ledger, history, backends, active=self._active, start=self._start
        )
        self._watcher = Watcher(
            ledger,
            history,
            active=self._active,
            elsewhere=self._elsewhere,
            queue_of=self._queue,
            beat_s=beat_s,
        )
        self._chores: list[asyncio.Task[None]] = []
        self.closed: PlaygroundError | None = None
        """Why nothing new is taken, or None."""

    async def start(self) -> None:
        """Pick up the jobs an earlier process left: accepted ones, lost ones, waiting ones."""
        for active in await pick_up(self.ledger, self.history, self.backends):
            self._start(active)
        for backend in self.backends.values():
            if isinstance(backend, Priced):
                self._chores.append(asyncio.create_task(backend.refresh()))
            if isinstance(backend, Loadable):
                self._chores.append(asyncio.create_task(backend.load()))
        if self.own.services:
            self._chores.append(asyncio.create_task(self.keyed.forget_in_time()))

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
        tasks = self._backend(backend).tasks
        if task not in tasks:
            raise _unknown("task", f"“{backend}” does not offer the task", task, tasks)
        return tasks[task]

    def backends_of(self, owner: str) -> Mapping[str, Backend]:
        """Return the backends as an owner sees them: with the owner's key where one is set."""
        return {**self.backends, **self.own_backends(owner)}

    def own_backends(self, owner: str) -> Mapping[str, Backend]:
        """Return the backends that an owner reaches with a key of their own, by id."""
        return self.own.backends(owner)

    def takes_keys(self) -> list[Backend]:
        """Return the backends for which a key of one's own can be entered."""
        return [self.backends[name] for name in self.own.services if name in self.backends]

    @property
    def admins(self) -> Collection[str]:
        """Users who run the place, besides this machine's own person."""
        return self.policy.admins

    @property
    def images_per_click(self) -> int:
        """The most images that one click can ask for, where a caller has no smaller limit."""
        return self.policy.known.images_per_click

    def count(self, value: Any, caller: Caller) -> int:
        """Return how many images a click asks for, from what a browser sent; nothing is 1.

        Raises InputError when it is no number or more than the caller may ask for.
        """
        return self.policy.limits(caller).images(value)

    def closed_to(self, caller: Caller | None = None) -> Mapping[str, NotReadyError]:
        """Return why backends take nothing from a caller, or from anybody here, by id.

        A key of the caller's own opens its service.
        """
        own = self.own.held_by(caller.owner) if caller else {}
        found = {name: self.policy.closed(one, caller) for name, one in self.backends.items()}
        return {name: error for name, error in found.items() if error and name not in own}

    def _worker_of(self, job: Job) -> Worker | None:
        """Return the worker of a job; None where it needs a key, or a backend, that is not here."""
        return self.own.worker(job) if job.own_key else self.workers.get(job.backend)

    def possible_actions(self, job: Job) -> list[Action]:
        """Return what can be decided about a job as it stands, and as far as its backend is here.

        An image that waits for its owner's key can be fetched once that is entered.
        """
        backend = worker.backend if (worker := self._worker_of(job)) else None
        known = bool(job.request_id or job.outputs)
        return possible_actions(
            job,
            lists_jobs=isinstance(backend, ListsJobs) and backend.paid,
            fetchable=next_step(job, backend) in FREE_STEPS if backend else known,
        )

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

    def _worker_for(self, job: Job) -> Worker:
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
            self._worker_for(job).queue.probe()
            self._start(ActiveJob(job=job, params=params))
        return jobs

    def watch(self, job_ids: Sequence[str], *, owner: str) -> AsyncIterator[list[Progress]]:
        """Tell how jobs stand: at once, at every change, at every beat, and at their end."""
        return self._watcher.watch(job_ids, owner=owner)

    async def result(self, job_id: str, *, owner: str, patient: bool = True) -> Progress:
        """Wait for the end of a job and return it.

        Who is not patient is told as soon as it will take long: the job is pending, or its
        backend stopped.
        """
        return await self._watcher.result(job_id, owner=owner, patient=patient)

    async def cancel(self, job_id: str, *, owner: str) -> Job:
        """Stop a job where that saves anything; one that is paid for goes on in the background.

        One that waits in its service's own queue is taken out of it, where the service can do that.

        The returned job says what happened: `cancelled`, or still on its way and `charged`.
        """
        job = await self.ledger.get(job_id, owner=owner)
        active = self._active.get(job_id)
        if job.own_key and active is None:
            return await self.keyed.cancel_aside(job)
        if active is None or active.task is None:
            return job
        worker = self._worker_of(job)
        active.withdrawn = active.withdrawn or await _withdrawn(worker, active)
        free = worker is not None and not worker.backend.paid
        if free or active.withdrawn or active.job.state in ("waiting", "sending"):
            active.stopped = True  # what is on its way out is stopped if its service refuses it
        if free or active.withdrawn or active.job.state == "waiting":
            active.task.cancel()
            await asyncio.wait([active.task])
        return await self.ledger.get(job_id, owner=owner)

    async def act(
        self,
        job_id: str,
        action: str,
        *,
        owner: str,
        request_id: str = "",
        address: str = "",
        consent: Consent = NO_WORD,
    ) -> Job:
        """Carry out what a person decided and return the job it leads to: the same, or a new one.

        `address` and `consent` are those of a new job, as in `submit`. Raises InputError when the
        job is not in a state for that action, and whatever `submit` raises.
        """
        job = await self.ledger.get(job_id, owner=owner)
        actions.check(job, action)
        if action == "dismiss":
            return await actions.dismiss(self.ledger, job)
        if action in COSTLY:
            return await self._send_again(job, address, consent)
        backend = self._worker_for(job).backend
        active = await actions.go_on(self.ledger, self.history, backend, job, action, request_id)
        self._start(active)
        return active.job

    async def _send_again(self, job: Job, address: str, consent: Consent) -> Job:
        params = await params_of(self.history, self._backend(job.backend), job)
        # The click makes a second press of the same button the same new job.
        [new] = await self.submit_all(
            job.backend,
            [params],
            owner=job.owner,
            click=f"again-{job.id}",
            like=job,
            address=address,
            consent=consent,
        )
        await actions.replaced(self.ledger, job)
        return new

    async def reorder(self, job_id: str, *, owner: str, earlier: bool) -> None:
        """Let a waiting job change places with its owner's one before or after it."""
        job = await self.ledger.get(job_id, owner=owner)
        moved = await actions.shift(self.ledger, job, earlier=earlier)
        if worker := self._worker_of(job):
            for one, place in moved:
                worker.queue.put(one.id, place)

    async def resume_queue(self, job_id: str, *, owner: str) -> None:
        """Let the queue of an owner's job send again; raises NotReadyError where its key is not."""
        self._worker_for(await self.ledger.get(job_id, owner=owner)).queue.resume()

    def resume_queues(self) -> None:
        """Let every queue that sends with the operator's keys send again."""
        for worker in self.workers.values():
            worker.queue.resume()

    def stopped(self) -> Mapping[str, PlaygroundError]:
        """Return why queues that send with the operator's keys send nothing now, by backend."""
        reasons = {name: worker.queue.stopped_by for name, worker in self.workers.items()}
        return {name: why for name, why in reasons.items() if why}

    async def job(self, job_id: str, *, owner: str | None = None) -> Job:
        """Return a job; one of another owner is as unknown as one that never was."""
        return await self.ledger.get(job_id, owner=owner)

    async def jobs(self, owner: str, *, states: Iterable[State], limit: int = 200) -> list[Job]:
        """Return an owner's jobs in any of `states`, newest first."""
        return await self.ledger.list(owner=owner, states=states, limit=limit)

    async def spending(
        self, *, days: int, owner: str | None = None, own: bool = False
    ) -> Sequence[Spending]:
        """Return the sums of the last `days` days, oldest first; of one owner or of everybody.

        What was spent with owners' own keys is apart: `own` asks for that alone.
        """
        return await self.ledger.spending(days=days, owner=owner, own=own)

    def day_budgets(self) -> tuple[float | None, float | None]:
        """Return the dollars of a day that all, and each owner, may spend; None is no limit."""
        budget = self.ledger.budget
        return budget.day_usd, budget.owner_day_usd

    async def entries(
        self,
        owner: str,
        *,
        limit: int = 50,
        before: str = "",
        query: str = "",
        starred: bool = False,
    ) -> list[Entry]:
        """Return at most `limit` of an owner's entries older than `before`, newest first.

        `query` keeps those whose prompt contains every one of its words.
        """
        return await self.history.page(
            owner, limit=limit, before=before, query=query, starred=starred
        )

    async def entry(self, entry_id: str, *, owner: str | None = None) -> Entry:
        """Return an entry; one of another owner is as unknown as one that never was."""
        return await self.history.get(entry_id, owner=owner)

    async def star(self, entry_id: str, *, owner: str, starred: bool) -> Entry:
        """Mark or unmark an entry as a favourite."""
        return await self.history.star(entry_id, owner=owner, starred=starred)

    async def delete(self, entry_id: str, *, owner: str) -> None:
        """Remove an entry and its files for good."""
        await self.history.delete(entry_id, owner=owner)

    async def held(self, owner: str) -> tuple[int, int]:
        """Return how many images an owner has, and how many jobs that may still become one."""
        return await self.history.held(owner)

    async def file(self, name: str) -> bytes:
        """Return a stored file: an entry's `file` or `thumbnail`, or a picture to start from."""
        return await self.history.storage.read(name)

    async def keep_source(self, picture: Picture) -> str:
        """Store a picture to start from, which no job needs yet; return its file's name."""
        name = input_name(picture)
        await self.history.storage.write(name, picture.data)
        return name

    async def source(self, picture: Picture, *, owner: str) -> str | None:
        """Return the file of a picture if an entry or a job of the owner began with it."""
        return input_name(picture) if await self.history.refers(owner, picture) else None

    async def release_unused(self, *, older_than: float) -> None:
        """Remove pictures to start from that were stored before a Unix time and nothing needs."""
        await self.history.release_unused(older_than=older_than)

    async def secret(self, name: str) -> str:
        """Return this installation's own secret of that name, drawn on first use."""
        return await self.history.secret(name)

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
        return await self.keyed.enter(owner, service, key)

    async def forget_key(self, owner: str, service: str) -> int:
        """Let an owner's key go and return how many jobs that are on their way still end with it.

        What waits is left until the key is entered again.
        """
        return await self.keyed.forget(owner, service)

    def _start(self, active: ActiveJob) -> None:
        """Start a job's own task, which ends when the job does."""
        worker = self._worker_for(active.job)
        self._elsewhere.discard(active.job.id)
        self._active[active.job.id] = active
        active.task = asyncio.create_task(self._carry(active, worker), name=f"job {active.job.id}")

    async def _carry(self, active: ActiveJob, worker: Worker) -> None:
        try:
            await worker.carry(active)
        except asyncio.CancelledError:
            if not active.let_go:
                raise
            await self.keyed.lay_aside(active)
        finally:
            if active.elsewhere:
                self._elsewhere.add(active.job.id)
            if self._active.get(active.job.id) is active:
                del self._active[active.job.id]
            active.tell()
        if active.job.own_key:
            if held := self.own.holding(active.job):
                self.own.touch(active.job.owner, held, time.monotonic())
            await self.keyed.drop()

    def _new_worker(self, backend: Backend) -> Worker:
        return Worker(backend, self.ledger, self._saver)

    def _queue(self, job: Job) -> SendQueue:
        """Return the send queue of a job that is carried."""
        worker = self._worker_of(job)
        if worker is None:
            raise KeyError(job.id)  # a worker lives as long as its jobs are carried
        return worker.queue

    def _backend(self, name: str) -> Backend:
        if name not in self.backends:
            raise _unknown("backend", "There is no backend called", name, self.backends)
        return self.backends[name]


def _unknown(field: str, said: str, name: str, known: Iterable[str]) -> InputError:
    """Say at a field that a name is none of those that there are."""
    return InputError(
        f"{said} “{str(name)[:40]}”.",
        field=field,
        advice="Choose one of: " + ", ".join(known) + ".",
    )


async def _withdrawn(worker: Worker | None, active: ActiveJob) -> bool:
    """Take a job back that its service has not begun; return whether that is certain.

    One that was begun is left alone: it is paid for, and stopping it would lose its picture.
    """
    backend, request_id = worker.backend if worker else None, active.job.request_id
    if not active.unbegun or request_id is None or not isinstance(backend, Cancellable):
        return False
    return await backend.cancel(active.params, request_id)
