"""The studio: turns a request into a job that cannot get lost; all that `ui/` may call.

Jobs belong to the studio, not to a browser tab: closing, reloading or losing the network changes
nothing. On start it picks up what was accepted before, and never resends what may have been sent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.backend import Backend, DeletesRequests, ListsJobs, Loadable, Priced, lends
from core.caller import Caller
from core.enlarging import Enlarging
from core.errors import InputError, NotReadyError, PlaygroundError
from core.exporting import Exporting
from core.exports.orders import Orders
from core.history import ALL, Entry, History, Wanted, input_name
from core.history.duplicates import Search
from core.history.filters import Filter, Filters
from core.history.keeping import Keeping
from core.history.shares import Shares
from core.jobs import actions
from core.jobs.active_job import ActiveJob
from core.jobs.consent import NO_WORD, Consent
from core.jobs.estimate import Estimate, workload
from core.jobs.job import COSTLY, Action, Job, State, possible_actions
from core.jobs.keyed_jobs import KeyedJobs
from core.jobs.ledger import Also, Ledger, Request
from core.jobs.limits import Policy, Terms, digest_of
from core.jobs.next_step import FREE_STEPS, next_step
from core.jobs.recovery import NEEDS_KEY, lay_aside, params_of, pick_up
from core.jobs.save import Saver
from core.jobs.send_queue import SendQueue
from core.jobs.set_making import SetMaking
from core.jobs.sets import Sets
from core.jobs.spending import Spending
from core.jobs.watching import Progress, Watcher
from core.jobs.worker import Worker
from core.own_keys import Entered, OwnKeys
from core.params import Params, Task
from core.parsing import fitting
from core.pictures import Picture
from core.sharing import Sharing
from core.words import english

__all__ = ["Progress", "Studio"]

NO_OWN_KEY = english("studio-was-sent-with-key-your")


class Studio(Keeping, SetMaking, Exporting, Sharing, Enlarging):
    """Takes requests, carries them out, and answers what became of them.

    A watcher hears of a job at least every `beat_s` seconds. `wildcards` is the folder of the lists
    that `__name__` in the prompt of a set stands for. What is deleted can be restored for
    `trash_days` days.
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
        wildcards: Path | None = None,
        trash_days: float = 30.0,
        sharing: bool = False,
    ) -> None:
        self.policy = policy or Policy()
        self.backends = backends
        self.ledger = ledger
        self.orders = Orders()
        """Selections that browsers are about to download."""
        Keeping.__init__(self, history, trash_days=trash_days)
        Sharing.__init__(self, Shares(ledger.database) if sharing else None)
        Enlarging.__init__(self)
        SetMaking.__init__(self, Sets(ledger.database), wildcards)
        self._saver = Saver(history)
        self._filters = Filters(history.database)
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
        self._held |= await self._sets.held()
        for active in await pick_up(self.ledger, self.history, self.backends):
            self._start(active)
        for backend in self.backends.values():
            if isinstance(backend, Priced):
                self._chores.append(asyncio.create_task(backend.refresh()))
            if isinstance(backend, Loadable):
                self._chores.append(asyncio.create_task(backend.load()))
        if self.own.services:
            self._chores.append(asyncio.create_task(self.keyed.forget_in_time()))
        self._chores.append(asyncio.create_task(self.history.filling.run()))
        self._chores.append(asyncio.create_task(self._keep_records()))
        self._chores.append(asyncio.create_task(self._sweep_daily()))
        self._chores.append(asyncio.create_task(self.history.likeness.describe_rest()))

    async def aclose(self) -> None:
        """Stop carrying; the ledger says how to go on. Then close the backends."""
        tasks = [active.task for active in self._active.values() if active.task] + self._chores
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.history.duplicates.aclose()
        for backend in [*self.backends.values(), *(held.backend for held in self.own.all())]:
            await backend.aclose()

    def kind(self, backend: str, task: Task) -> type[Params]:
        """Return the params type of a backend and task, or say which there are."""
        tasks = self._backend(backend).tasks
        if task not in tasks:
            raise _unknown(
                "task", english("studio-no-task", backend=backend, name=str(task)[:40]), tasks
            )
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

    def tells_sums(self, owner: str) -> bool:
        """Whether an owner may know what everybody spent and has."""
        return self.policy.tells_sums(owner)

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
            instead=self._instead_of(job) is not None,
        )

    def _instead_of(self, job: Job) -> Backend | None:
        """Return a backend that costs nobody anything, for a job whose GPU time is a visitor's."""
        lending = self.backends.get(job.backend)
        if lending is None or not lends(lending):
            return None
        free = (
            one
            for one in self.backends.values()
            if not (one.paid or one.sandbox or one is lending or one.problem())
        )
        return next((one for one in free if job.task in one.tasks), None)

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

    async def can_delete_at_service(self, entry: Entry) -> bool:
        """Whether an image's service deletes what it keeps of it, as long as it keeps it."""
        backend = await self._deleting(entry)
        return backend is not None and time.time() - entry.created_at < backend.kept_s

    async def delete_at_service(self, entry_id: str, *, owner: str) -> None:
        """Delete an image at the service that made it; here it stays.

        Raises InputError when the owner has no such image, NotReadyError where its service offers
        no deletion or the key that it was made with is not here, BackendError when the service did
        not do it.
        """
        entry = await self.history.get(entry_id, owner=owner)
        backend = await self._deleting(entry)
        if backend is None or entry.request_id is None:
            raise NotReadyError(
                english("studio-service-deletes-nothing"),
                advice=english("studio-it-forgets-by-itself"),
            )
        await backend.delete_request(entry.request_id)

    async def _deleting(self, entry: Entry) -> Any:
        """Return the backend that can delete an entry at its service; None where none can."""
        if not entry.request_id:
            return None
        try:
            job = await self.ledger.get(entry.job_id)
        except InputError:  # its row was lost with an earlier database
            worker = self.workers.get(entry.backend)
        else:
            worker = self._worker_of(job)
        # What the sandbox made is not at the service, and the other way round.
        if worker is None or worker.backend.sandbox != entry.sandbox:
            return None
        return worker.backend if isinstance(worker.backend, DeletesRequests) else None

    async def estimate_s(self, backend: str, params: Params, *, owner: str) -> float | None:
        """Return how many seconds such a request will take; None where too little is known."""
        chosen = self.backends_of(owner)[backend]
        seen = await self.ledger.durations_of(backend, params.task, sandbox=chosen.sandbox)
        return Estimate.of(seen).seconds(workload(params))

    async def submit(
        self,
        backend: str,
        params: Params,
        *,
        owner: str,
        click: str = "",
        address: str = "",
        consent: Consent = NO_WORD,
        collection: str = "",
    ) -> Job:
        """Write a job down and start carrying it; returns before anything is sent.

        The same `click` of the same owner is the same job. `address` is where it is asked from,
        for limits alone. The image goes into the owner's `collection` of that id. Raises
        NotReadyError when the backend cannot work or is closed to the caller, OverBudgetError when
        the price would pass a budget, OverLimitError when it is more than the caller may ask for,
        InputError when another price was agreed to, HistoryError when the job cannot be written
        down.
        """
        return (
            await self.submit_all(
                backend,
                [params],
                owner=owner,
                click=click,
                address=address,
                consent=consent,
                collection=collection,
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
        also: Also | None = None,
        collection: str = "",
    ) -> list[Job]:
        """Do the same for all the images of one click: all are written down, or none.

        They are sent with the owner's own key where one is set; with `like`, only if that job was,
        and into that job's collection. `also` ends the transaction that writes them down.
        """
        caller = Caller(owner, address)
        chosen, own_key = self._sender(backend, caller, like)
        self.policy.limits(caller).images(len(wishes))
        if collection:
            await self.check_collection(collection, owner=owner)
        target = like.collection if like else collection or None
        requests = [Request(chosen, params.with_seed(), own_key, target) for params in wishes]
        terms = await self._terms(caller, consent)
        # Shielded: a page that closes at this instant must not leave a row nobody carries.
        return await asyncio.shield(self._submit(requests, owner, click, terms, also))

    async def check_all(
        self,
        backend: str,
        wishes: Sequence[Params],
        *,
        owner: str,
        address: str = "",
        consent: Consent = NO_WORD,
    ) -> None:
        """Refuse what `submit_all` would refuse as things stand; nothing is written or sent."""
        caller = Caller(owner, address)
        chosen, own_key = self._sender(backend, caller)
        self.policy.limits(caller).images(len(wishes))
        requests = [Request(chosen, params, own_key) for params in wishes]
        terms = await self._terms(caller, consent)
        await self._check(requests, caller, terms)

    async def _check(self, requests: Sequence[Request], caller: Caller, terms: Terms) -> None:
        await self.ledger.check(requests, owner=caller.owner, terms=terms)

    async def left_today_usd(self, owner: str) -> float | None:
        """Return the dollars an owner may still spend today; None: no limit, or not to be told."""
        return await self.ledger.left_usd(owner, tells_sums=self.policy.tells_sums(owner))

    def _sender(
        self, backend: str, caller: Caller, like: Job | None = None
    ) -> tuple[Backend, str | None]:
        """Return the backend that sends for a caller, and the fingerprint of an own key it uses."""
        chosen, own_key = self._backend(backend), None
        wanted = like is None or like.own_key is not None
        if wanted and (held := self.own.of(caller.owner, backend)):
            chosen, own_key = held.backend, held.fingerprint
            self.own.touch(caller.owner, held, time.monotonic())
        elif like and like.own_key:
            raise NotReadyError(NO_OWN_KEY, advice=english("studio-enter-key-on-backends-tab"))
        if self.closed:
            raise self.closed
        if problem := chosen.problem():
            raise NotReadyError(english("studio-not-ready", label=chosen.label), advice=problem)
        if own_key is None and (closed := self.policy.closed(chosen, caller)):
            raise closed
        return chosen, own_key

    async def _terms(self, caller: Caller, consent: Consent) -> Terms:
        limits = self.policy.limits(caller)
        address = None
        if limits.by_address:
            address = digest_of(caller.address, await self.history.secret("address"))
        tells = self.policy.tells_sums(caller.owner)
        return Terms(limits, consent, caller.stranger, address, tells)

    async def _submit(
        self,
        requests: Sequence[Request],
        owner: str,
        click: str,
        terms: Terms,
        also: Also | None = None,
    ) -> list[Job]:
        async with self.history.inputs:
            if requests and (picture := requests[0].params.picture):
                await self.history.storage.write(input_name(picture), picture.data)
            jobs = await self.ledger.add_requests(
                requests, owner=owner, click=click, terms=terms, also=also
            )
        wishes = [request.params for request in requests]
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
        active.withdrawn = active.withdrawn or bool(worker and await worker.withdrawn(active))
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
        if action == "instead":
            return await self._make_instead(job, address)
        backend = self._worker_for(job).backend
        active = await actions.go_on(self.ledger, self.history, backend, job, action, request_id)
        self._start(active)
        return active.job

    async def check_again(
        self, job_id: str, *, owner: str, address: str = "", consent: Consent = NO_WORD
    ) -> None:
        """Refuse what making a job again would be refused for as things stand; nothing is sent."""
        job = await self.ledger.get(job_id, owner=owner)
        params = await params_of(self.history, self._backend(job.backend), job)
        wanted: Any = {"owner": owner, "address": address, "consent": consent}
        await self.check_all(job.backend, [params], **wanted)

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
            also=lambda db, added: Sets.replace(db, job.id, added[0].id),
        )
        await actions.replaced(self.ledger, job)
        return new

    async def _make_instead(self, job: Job, address: str) -> Job:
        backend = self._instead_of(job)
        if backend is None:
            raise NotReadyError(
                english("studio-no-other-backend-can-make"),
                advice=english("studio-press-retry-later"),
            )
        params = await params_of(self.history, backend, job, fitting)
        click = f"instead-{job.id}"
        there = {one.id for one in await self.collections(job.owner)}
        return await self.submit(
            backend.id,
            params,
            owner=job.owner,
            click=click,
            address=address,
            collection=job.collection if job.collection in there else "",
        )

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
        after: str = "",
        wanted: Wanted = ALL,
    ) -> list[Entry]:
        """Return at most `limit` of an owner's entries that are wanted, in the order wanted.

        They follow the entry `before` (are older, where the newest come first), or precede
        `after`. `query` and `starred` are short for two of what can be wanted. With a colour or an
        image that they are to be like, the most alike come first unless `wanted.sort` says
        otherwise. Raises InputError for what is no colour (field `colour`) and for an unknown
        image (field `like`).
        """
        if query or starred:
            wanted = replace(wanted, query=query, starred=starred or None)
        return await self.history.page(owner, wanted, limit=limit, before=before, after=after)

    async def filters(self, owner: str) -> Sequence[Filter]:
        """Return an owner's saved filters by name."""
        return await self._filters.list(owner)

    async def save_filter(self, title: str, wanted: Wanted, *, owner: str) -> Filter:
        """Save a filter by a name, in place of one of the same name."""
        return await self._filters.save(title, wanted, owner=owner)

    async def delete_filter(self, filter_id: str, *, owner: str) -> None:
        """Forget a saved filter."""
        await self._filters.delete(filter_id, owner=owner)

    def indexing(self) -> tuple[int, int] | None:
        """Return how many entries of an earlier version are indexed, of how many; None when all."""
        progress = self.history.filling.progress
        return (progress.done, progress.total) if progress else None

    async def entry_ids(
        self, owner: str, wanted: Wanted = ALL, *, limit: int, before: str = ""
    ) -> list[str]:
        """Return the ids of at most `limit` of an owner's entries, in the order wanted."""
        return await self.history.ids(owner, wanted, limit=limit, before=before)

    async def entries_named(
        self, owner: str, ids: Sequence[str], *, trash: bool = False
    ) -> list[Entry]:
        """Return an owner's entries of these ids, in their order; those that are gone left out.

        So are those in the trash, unless `trash` is set.
        """
        return await self.history.named(owner, ids, trash=trash)

    async def count_entries(self, owner: str, wanted: Wanted = ALL) -> int:
        """Return how many of an owner's entries are wanted."""
        return await self.history.count(owner, wanted)

    async def duplicates(self, entry_id: str, *, owner: str) -> list[Entry]:
        """Return an owner's other entries that show the same image as one, the nearest first.

        The same file, or one encoded again or scaled; not what was made again with another seed.
        """
        return await self.history.likeness.duplicates(owner, entry_id)

    def all_duplicates(self, owner: str) -> Search:
        """Return how far the search for all of an owner's duplicates is; begin one if need be.

        It goes on as long as somebody asks, and tells what it found once. Raises HistoryError where
        it could not go on.
        """
        return self.history.duplicates.look(owner)

    def left_to_describe(self) -> int:
        """Return how many older images cannot be found by colour and likeness yet.

        They are described in the background.
        """
        return self.history.likeness.left

    async def entry(self, entry_id: str, *, owner: str | None = None, trash: bool = False) -> Entry:
        """Return an entry; one of another owner is as unknown as one that never was.

        So is one in the trash, unless `trash` is set.
        """
        return await self.history.get(entry_id, owner=owner, trash=trash)

    async def entries_of(self, jobs: Iterable[Job]) -> Mapping[str, Entry]:
        """Return the entries of finished jobs by id; those that were deleted are left out."""
        return await self.history.some([job.entry_id for job in jobs if job.entry_id])

    async def held(self, owner: str) -> tuple[int, int]:
        """Return how many images an owner has, and how many jobs that may still become one."""
        return await self.history.held(owner)

    async def file(self, name: str) -> bytes:
        """Return a stored file: an entry's `file` or `thumbnail`, or an image to start from."""
        return await self.history.storage.read(name)

    async def keep_source(self, picture: Picture) -> str:
        """Store an image to start from, which no job needs yet; return its file's name."""
        name = input_name(picture)
        await self.history.storage.write(name, picture.data)
        return name

    async def source_of(self, entry: Entry) -> str | None:
        """Return the file of the image that an entry began with; None where there is none."""
        return await self.history.source_of(entry)

    async def source(self, picture: Picture, *, owner: str) -> str | None:
        """Return the file of an image if an entry or a job of the owner began with it."""
        return input_name(picture) if await self.history.refers(owner, picture) else None

    async def release_unused(self, *, older_than: float) -> None:
        """Remove images to start from that were stored before a Unix time and nothing needs."""
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
        if active.job.id in self._held:
            worker.queue.hold([active.job.id])
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
            raise _unknown(
                "backend", english("studio-no-backend", name=str(name)[:40]), self.backends
            )
        return self.backends[name]


def _unknown(field: str, said: str, known: Iterable[str]) -> InputError:
    """Say at a field that a name is none of those that there are."""
    return InputError(
        said,
        field=field,
        advice=english("exports-choose-one", known=", ".join(known)),
    )
