"""What the studio does with sets: plan, submit as a whole, look at, rename, pause, forget."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.backend import Backend
from core.caller import Caller
from core.errors import InputError
from core.jobs.consent import NO_WORD, Consent
from core.jobs.job import Job
from core.jobs.ledger import Also, Request
from core.jobs.limits import Policy, Terms
from core.jobs.set_jobs import Draft, Missing, Wish, draft, missing
from core.jobs.sets import JobSet, Sets, SetSummary, new_id, titled
from core.jobs.worker import Worker
from core.params import Params, Task
from core.sets.wildcards import Wildcards
from core.words import english


class SetMaking(ABC):
    """The studio's part that makes and keeps sets; the rest of the studio carries their jobs.

    `wildcards` is the folder of the lists that `__name__` in a prompt stands for.
    """

    policy: Policy

    def __init__(self, sets: Sets, wildcards: Path | None) -> None:
        self._sets = sets
        self._wildcards = wildcards
        self._held: set[str] = set()
        """Jobs of paused sets, which are not sent as long as they are here."""

    @abstractmethod
    def kind(self, backend: str, task: Task) -> type[Params]:
        """Return the params type of a backend and task."""

    @abstractmethod
    def backends_of(self, owner: str) -> Mapping[str, Backend]:
        """Return the backends as an owner sees them."""

    @abstractmethod
    async def check_collection(self, collection_id: str, *, owner: str) -> None:
        """Raise InputError where an owner has no such collection."""

    @abstractmethod
    def _sender(self, backend: str, caller: Caller) -> tuple[Backend, str | None]: ...

    @abstractmethod
    async def _terms(self, caller: Caller, consent: Consent) -> Terms: ...

    @abstractmethod
    async def _check(self, requests: Sequence[Request], caller: Caller, terms: Terms) -> None: ...

    @abstractmethod
    async def _submit(
        self,
        requests: Sequence[Request],
        owner: str,
        click: str,
        terms: Terms,
        also: Also | None = None,
    ) -> list[Job]: ...

    @abstractmethod
    def _worker_of(self, job: Job) -> Worker | None: ...

    def wildcards(self) -> Wildcards:
        """Read the lists of words for the prompts of sets, as they are now."""
        return Wildcards.read(self._wildcards) if self._wildcards else Wildcards({})

    def draft_set(self, wish: Wish, *, owner: str) -> Draft:
        """Plan a set without writing anything; raises InputError for what is no set at all."""

        def offer(backend: str, task: Task) -> tuple[Backend, type[Params]]:
            kind = self.kind(backend, task)
            return self.backends_of(owner)[backend], kind

        return draft(wish, offer, self.wildcards())

    async def submit_set(
        self,
        wish: Wish,
        *,
        owner: str,
        click: str = "",
        address: str = "",
        consent: Consent = NO_WORD,
        extends: str = "",
        collection: str = "",
    ) -> JobSet:
        """Write a set and all its jobs down with one reservation, or nothing, and begin.

        `extends` is the id of a set that becomes this one: images that it has already stay, and
        only what is missing is made and paid. The same `click` of the same owner is the same set.
        The new images go into the owner's `collection` of that id.
        Raises what `submit` raises, and InputError for the first thing that is wrong in the set.
        """
        if click and (known := await self._sets.of_click(owner, click)):
            return await self._sets.get(known, owner=owner)
        made = self.draft_set(wish, owner=owner)
        caller = Caller(owner, address)
        lacking, requests = await self._lacking(made, caller, extends)
        if collection:
            await self.check_collection(collection, owner=owner)
            requests = [replace(one, collection=collection) for one in requests]
        paused = bool(extends) and (await self._sets.get(extends, owner=owner)).paused
        terms = await self._terms(caller, consent)
        facts = {"id": extends or new_id(), "owner": owner, "click": click or None}
        facts["title"] = titled(wish.title) or titled(str(wish.base.get("prompt", ""))[:60])

        def also(db: Any, added: Sequence[Job]) -> None:
            ids = {
                **lacking.kept,
                **dict(zip(lacking.numbers, (job.id for job in added), strict=True)),
            }
            if paused:  # what is added to a paused set waits with the rest of it
                self._held.update(job.id for job in added)
            places = made.places([ids[n] for n in range(len(ids))])
            Sets.write(db, made.outline(), places, facts)

        name = f"set {click}" if click else ""
        await asyncio.shield(self._submit(requests, owner, name, terms, also))
        new = await self._sets.of_click(owner, click) if click and not extends else facts["id"]
        return await self._sets.get(str(new), owner=owner)

    async def check_set(
        self,
        wish: Wish,
        *,
        owner: str,
        address: str = "",
        consent: Consent = NO_WORD,
        extends: str = "",
    ) -> None:
        """Refuse what `submit_set` would refuse as things stand; nothing is written or sent."""
        caller = Caller(owner, address)
        _, requests = await self._lacking(self.draft_set(wish, owner=owner), caller, extends)
        await self._check(requests, caller, await self._terms(caller, consent))

    async def check_missing(self, lacking: Missing, *, owner: str, address: str = "") -> None:
        """Refuse what `submit_set` would refuse of these images: key, limits, budget."""
        caller = Caller(owner, address)
        terms = await self._terms(caller, NO_WORD)
        await self._check(self._requests(lacking, caller), caller, terms)

    async def lacking(self, made: Draft, *, owner: str, extends: str = "") -> Missing:
        """Return what of a planned set would be made and paid, where it extends another one."""
        old = await self._sets.get(extends, owner=owner) if extends else None
        if old and old.task != made.wish.task:
            raise InputError(
                english("sets-other-task"), field="id", advice=english("sets-make-a-new-one")
            )
        return missing(made, old, self.kind)

    async def _lacking(
        self, made: Draft, caller: Caller, extends: str
    ) -> tuple[Missing, list[Request]]:
        """Return what is to be made, with its requests, or raise why it is not."""
        made.check()
        lacking = await self.lacking(made, owner=caller.owner, extends=extends)
        return lacking, self._requests(lacking, caller)

    def _requests(self, lacking: Missing, caller: Caller) -> list[Request]:
        """Return what is to be sent for a caller, or raise why one of it is not."""
        requests = []
        for backend, params in lacking.requests:
            chosen, own_key = self._sender(backend.id, caller)
            requests.append(Request(chosen, params, own_key))
        self.policy.limits(caller).check_set(len(requests))
        return requests

    async def set(self, set_id: str, *, owner: str | None = None) -> JobSet:
        """Return a set with its cells; one of another owner is as unknown as one that never was."""
        return await self._sets.get(set_id, owner=owner)

    async def sets(self, owner: str, *, limit: int = 50, before: str = "") -> list[SetSummary]:
        """Return at most `limit` of an owner's sets older than the set `before`, newest first."""
        return await self._sets.page(owner, limit=limit, before=before)

    async def set_titles(self, owner: str, *, limit: int = 500) -> list[tuple[str, str]]:
        """Return id and title of an owner's newest sets, newest first; a title may be ""."""
        return await self._sets.titles(owner, limit=limit)

    async def rename_set(self, set_id: str, title: str, *, owner: str) -> None:
        """Give a set another title."""
        await self._sets.rename(set_id, title, owner=owner)

    async def delete_set(self, set_id: str, *, owner: str) -> None:
        """Forget a set; its jobs go on, and its images stay in the history."""
        found = await self._sets.get(set_id, owner=owner)
        await self._sets.delete(set_id, owner=owner)
        self._hold(found, held=False)

    async def pick(self, set_id: str, picks: Mapping[tuple[int, int], int], *, owner: str) -> None:
        """Keep which column was picked in a set, by row and page."""
        await self._sets.pick(set_id, picks, owner=owner)

    async def pick_one(self, set_id: str, *, row: int, page: int, column: int, owner: str) -> None:
        """Pick a column in a row of a set, or take the same pick back."""
        await self._sets.toggle(set_id, row, page, column, owner=owner)

    async def pause_set(self, set_id: str, *, owner: str, paused: bool) -> None:
        """Hold what waits of a set, over restarts too, or let it be sent again."""
        found = await self._sets.get(set_id, owner=owner)
        await self._sets.pause(set_id, owner=owner, paused=paused)
        self._hold(found, held=paused)

    def _hold(self, found: JobSet, *, held: bool) -> None:
        """Hold or release what waits of a set; a job whose worker is not here yet, too."""
        ids = {job.id for job in found.jobs if job.active}
        self._held = self._held | ids if held else self._held - ids
        for job in found.jobs:
            if job.id in ids and (worker := self._worker_of(job)):
                (worker.queue.hold if held else worker.queue.release)([job.id])
