"""What both tasks share: watches a session's jobs, draws them, and does what their buttons say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from core.caller import Caller
from core.errors import InputError, PlaygroundError
from core.jobs.consent import NO_WORD
from core.jobs.job import ACTIONS, ACTIVE, COSTLY, Job
from core.jobs.spending import day, total
from core.money import MICROS
from core.studio import Progress, Studio
from core.words import say
from ui import markup, messages
from ui.clicks import consent_of, number, seen_by, text, told
from ui.generate import question as questions
from ui.generate import queue, strip
from ui.generate.stage import Stage
from ui.generate.strip import Shot
from ui.generate.tab import Update
from ui.server.owner import caller_of
from ui.server.routes import Media

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
FREE: dict[str, Any] = PRIVATE | {"concurrency_limit": None}
"""For events whose limits are the studio's, not Gradio's."""
MOST_WATCHED = 64


@dataclass(frozen=True, slots=True)
class Session:
    """The jobs of one browser, and what is drawn of them on both tabs."""

    stage: Stage
    today: gr.HTML
    studio: Studio
    media: Media
    who: gr.BrowserState
    ask_above: float = 0.1
    question: gr.HTML = field(init=False)
    latest: dict[str, object] = field(default_factory=dict)
    """Which of a window's events draws; an earlier one ends when a later one begins."""

    def __post_init__(self) -> None:
        """Bind what asks before several jobs are cancelled."""
        object.__setattr__(self, "question", questions.build())

    @property
    def drawn(self) -> list[Any]:
        """What shows the jobs."""
        stage = self.stage
        return [stage.live, stage.shots, stage.queue, stage.watch, self.today]

    def wire(self, load: Any) -> None:
        """Connect the components; `load` is the page's load event."""
        watched = [self.who, self.stage.watch]
        self.question.render()
        drawn = [*self.drawn, self.question]
        self.stage.hub.act(self.act, watched, drawn, trigger_mode="multiple", **FREE)
        self.question.stop(self.stop, watched, self.drawn, trigger_mode="multiple", **FREE)
        load(self.begin, watched, self.drawn, **FREE)

    def caller(self, request: gr.Request, who: Any) -> Caller:
        """Say who sent a request."""
        return caller_of(request, who, self.studio.admins)

    async def begin(self, who: str, watch: Any, request: gr.Request) -> AsyncIterator[Update]:
        """Do so when the page is loaded, unless a click was quicker and draws more already."""
        if str(request.session_hash) in self.latest:
            yield {self.today: await self.spent_today(self.caller(request, who))}
            return
        async for update in self.resume(who, watch, request):
            yield update

    async def resume(self, who: str, watch: Any, request: gr.Request) -> AsyncIterator[Update]:
        """Find the jobs that run, or ended while nobody looked, and draw them."""
        caller = self.caller(request, who)
        seen = [job.id for job in await self._watched(watch, caller.owner)]
        opened = [job.id for job in await self._open(caller.owner)]
        ids = list(dict.fromkeys([*seen, *opened]))
        if not ids:
            yield {self.stage.watch: watch, self.today: await self.spent_today(caller)}
            return
        async for update in self.follow(ids, caller, request, watch):
            yield update

    async def join(
        self, jobs: Sequence[Job], watch: Any, caller: Caller, request: gr.Request
    ) -> AsyncIterator[Update]:
        """Draw the jobs of a click beside those that are there."""
        there = await self._watched(watch, caller.owner)
        before = [job.id for job in there if job.state == "finished" or self._needs(job)]
        before += [job.id for job in await self._open(caller.owner)]
        ids = list(dict.fromkeys([*before, *(job.id for job in jobs)]))
        last = {"seed": jobs[0].seed, "count": len(jobs)}
        async for update in self.follow(ids, caller, request, last):
            yield update

    def _needs(self, job: Job) -> bool:
        """Whether a job waits for a person, or can be retried or fetched."""
        return job.state == "unknown" or bool(self.studio.possible_actions(job))

    async def act(
        self, who: str, watch: Any, event: gr.EventData, request: gr.Request
    ) -> AsyncIterator[Update]:
        """Do what a button says, and go on drawing."""
        caller, job_id, what = self.caller(request, who), text(event, "job"), text(event, "do")
        if what == "stop" and (asked := await self._asked(caller)):
            yield {self.question: asked, self.stage.watch: watch}
            return
        ids = [job.id for job in await self._watched(watch, caller.owner)]
        try:
            ids += await self._done(what, job_id, caller, event)
            if what == "hide":
                ids = [one for one in ids if one != job_id]
        except PlaygroundError as error:
            gr.Warning(messages.trouble(error))
        ids = list(dict.fromkeys(ids))
        async for update in self.follow(ids, caller, request, watch):
            yield update

    async def _done(self, what: str, job_id: str, caller: Caller, event: gr.EventData) -> list[str]:
        """Carry out an action; return the jobs it adds to those that are watched."""
        owner = caller.owner
        if what == "stop":
            await self._stop(owner)
            return []
        if what == "redraw":
            return []
        if what == "star":
            entry = await self.studio.entry(job_id, owner=owner)
            await self.studio.star(job_id, owner=owner, starred=not entry.starred)
            return []
        job = await self.studio.job(job_id, owner=owner)
        if what == "cancel":
            gr.Info(messages.cancelled(await self.studio.cancel(job_id, owner=owner)))
        elif what in ("earlier", "later"):
            await self.studio.reorder(job_id, owner=owner, earlier=what == "earlier")
        elif what == "resume":
            if not caller.admin and not job.own_key:  # a queue of one's own is one's own business
                raise InputError(say("not-yours"))
            await self.studio.resume_queue(job_id, owner=owner)
        elif what in ACTIONS:
            costs = what in COSTLY
            said = {"price": number(event, "price"), "asked": told(event, "asked")}
            if costs and not said["asked"]:  # what the budget refuses is not asked about
                seen: Any = {"address": caller.address, "consent": seen_by(said)}
                await self.studio.check_again(job_id, owner=owner, **seen)
            new = await self.studio.act(
                job_id,
                what,
                owner=owner,
                request_id=text(event, "pick"),
                address=caller.address,
                consent=consent_of(said, self.ask_above) if costs else NO_WORD,
            )
            return [new.id]
        return [job_id]

    async def stop(self, who: str, watch: Any, request: gr.Request) -> AsyncIterator[Update]:
        """Cancel all that is on its way, which a person agreed to."""
        caller = self.caller(request, who)
        await self._stop(caller.owner)
        async for update in self.resume(who, watch, request):
            yield update

    async def _asked(self, caller: Caller) -> questions.Asked | None:
        """Return what is asked before more than one job is cancelled."""
        paid = {name: one.paid for name, one in self.studio.backends_of(caller.owner).items()}
        return questions.before_cancelling(await self._working(caller.owner), paid)

    async def _working(self, owner: str) -> Sequence[Job]:
        return [job for job in await self._open(owner) if job.active]

    async def _stop(self, owner: str) -> None:
        """Cancel everything that is on its way, and say what that saved."""
        # What waits goes first, the last one first: none is sent while others are being stopped.
        order = sorted(await self._working(owner), key=lambda one: (one.state != "waiting", -one.n))
        ended = [await self.studio.cancel(job.id, owner=owner) for job in order]
        if ended:
            gr.Info(messages.cancelled_all(ended))

    async def _open(self, owner: str) -> list[Job]:
        """Return the jobs that run or wait for a person, oldest first."""
        found = await self.studio.jobs(owner, states=[*ACTIVE, "unknown"])
        return list(reversed(found))

    async def _watched(self, watch: Any, owner: str) -> list[Job]:
        """Return the jobs this browser watched last, as far as they are its own."""
        wanted = watch.get("jobs", []) if isinstance(watch, dict) else []
        found = []
        for job_id in wanted[-MOST_WATCHED:] if isinstance(wanted, list) else []:
            try:
                found.append(await self.studio.job(str(job_id), owner=owner))
            except PlaygroundError:
                continue
        return found

    async def follow(
        self, ids: Sequence[str], caller: Caller, request: gr.Request, last: Any
    ) -> AsyncIterator[Update]:
        """Draw jobs until all have ended; `last` holds the seed and the count of the last click."""
        mine, window = object(), str(request.session_hash)
        self.latest[window] = mine
        ids = ids[-MOST_WATCHED:]
        last = last if isinstance(last, dict) else {}
        drawn: dict[Any, Any] = {}
        stood: tuple[int, int] | None = None
        left: float | None = None
        async for progresses in self._progresses(ids, caller.owner):
            if self.latest.get(window) is not mine:
                return  # a later click draws these jobs too
            if stood is None or any(one.job.state == "failed" for one in progresses):
                left = await self.studio.left_today_usd(caller.owner)
            # Always the whole value: a skipped one would corrupt it in the browser (GRADIO.md 2.3).
            watch = {"jobs": list(ids), "seed": last.get("seed"), "count": last.get("count")}
            update = self._jobs(progresses, caller, left) | {self.stage.watch: watch}
            # A job may have ended a moment before its entry can be shown.
            stands = (
                sum(one.job.active for one in progresses),
                sum(one.entry is not None for one in progresses),
            )
            if stands != stood:
                stood = stands
                shots = await self._shots(progresses)
                update[self.stage.shots] = strip.shots(shots, messages.labels(self.studio.backends))
                update[self.today] = await self.spent_today(caller)
            changed = {part: new for part, new in update.items() if drawn.get(part) != new}
            yield changed | {self.stage.watch: watch}
            drawn |= update
        del self.latest[window]

    async def _progresses(
        self, ids: Sequence[str], owner: str
    ) -> AsyncIterator[Sequence[Progress]]:
        """Tell how jobs stand at every change; what has ended is looked up once."""
        found = await asyncio.gather(*(self._stands(one, owner) for one in ids))
        known = {one.job.id: one for one in found}
        running = [one for one in ids if known[one].job.active]
        if not running:
            yield list(known.values())
            return
        async for progresses in self.studio.watch(running, owner=owner):
            known |= {one.job.id: one for one in progresses}
            yield list(known.values())

    async def _stands(self, job_id: str, owner: str) -> Progress:
        job = await self.studio.job(job_id, owner=owner)
        try:
            entry = await self.studio.entry(job.entry_id, owner=owner) if job.entry_id else None
        except PlaygroundError:  # it was deleted
            entry = None
        return Progress(job=job, elapsed_s=entry.elapsed_s if entry else 0.0, entry=entry)

    def _jobs(
        self, progresses: Sequence[Progress], caller: Caller, left_usd: float | None
    ) -> Update:
        jobs = [one.job for one in progresses if one.job.state != "finished"]
        possible = {job.id: self.studio.possible_actions(job) for job in jobs}
        prices = {job.id: self.studio.price_again(job) for job in jobs}
        known: Any = {
            "prices": prices,
            "left_usd": left_usd,
            "whom": messages.who_resumes(caller, self.studio.admins),
        }
        return {
            self.stage.live: strip.live(progresses, possible, **known),
            self.stage.queue: queue.status(progresses, possible, **known),
        }

    async def _shots(self, progresses: Sequence[Progress]) -> list[Shot]:
        return [
            Shot(one, await self.media.url(one.entry), await self.media.url(one.entry, "thumbnail"))
            for one in progresses
            if one.entry
        ]

    async def spent_today(self, caller: Caller) -> str:
        """Draw what was spent today: by everybody for admins, by themselves for others."""
        everybody_usd, owner_usd = self.studio.day_budgets()
        whose, budget = (None, everybody_usd) if caller.admin else (caller.owner, owner_usd)
        rows = await self.studio.spending(days=1, owner=whose)
        spent = total([row for row in rows if row.day == day()]) / MICROS
        share = min(spent / budget, 1.0) if budget else None
        name = caller.owner.partition(":")[2] if caller.owner.startswith("user:") else ""
        return markup.today(messages.today(spent, budget), say("today-about"), share, name)
