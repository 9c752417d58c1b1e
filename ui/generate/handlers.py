"""What the tabs that make pictures do: generate, watch, decide, switch, restore."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from core.caller import Caller
from core.errors import InputError, PlaygroundError
from core.jobs.consent import NO_WORD
from core.jobs.job import ACTIONS, ACTIVE, COSTLY, Job
from core.params import Params, draw_seed
from core.parsing import parse
from core.studio import Progress, Studio
from ui import markup, messages
from ui.clicks import consent_of, name_of, number, text, told
from ui.generate import queue
from ui.generate.fill import Filling
from ui.generate.tab import Tab, Update, seeds
from ui.server.owner import caller_of, owner_of
from ui.server.routes import Media
from ui.server.uploads import Uploads

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
FREE: dict[str, Any] = PRIVATE | {"concurrency_limit": None}
"""For events whose limits are the studio's, not Gradio's."""
MOST_WATCHED = 64
MOST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Handlers:
    """The handlers of one tab; a click that costs more than `ask_above` dollars is confirmed."""

    tab: Tab
    studio: Studio
    media: Media
    uploads: Uploads
    who: gr.BrowserState
    ask_above: float = 0.1
    filling: Filling = field(init=False)
    latest: dict[str, object] = field(default_factory=dict)
    """Which of a window's events draws; an earlier one ends when a later one begins."""

    def __post_init__(self) -> None:
        """Bind what fills the tab's forms."""
        object.__setattr__(self, "filling", Filling(self.tab, self.studio, self.who))

    @property
    def drawn(self) -> list[Any]:
        """What shows the tab's jobs and what is said of them."""
        tab = self.tab
        return [tab.status, tab.stage, tab.watch, tab.cancel, *tab.notices.values()]

    def wire(self, load: Any) -> None:
        """Connect the tab's components; `load` is the page's load event."""
        tab, task = self.tab, self.tab.task
        drawn = self.drawn
        tab.generate.click(
            self.generate,
            self._inputs(),
            [*drawn, tab.generate, tab.price],
            # The second value is what is watched, which changes by itself.
            js=f"(...all) => [...all.slice(0, -1), srpo.click('{task}', {self.ask_above}, "
            "all.at(-2), [all[0], ...all.slice(2, -2)])]",
            preprocess=False,
            trigger_mode="multiple",
            **FREE,
        )
        watched = [self.who, tab.watch]
        tab.status.act(self.act, watched, drawn, trigger_mode="multiple", **FREE)
        load(self.resume, watched, drawn, **FREE)
        tab.cancel.click(self.cancel, watched, [tab.status], concurrency_id="cancel", **FREE)
        switched = [*tab.chosen(), *(one.group for one in tab.forms.values())]
        fields = [part for one in tab.forms.values() for part in one.fields.values()]
        gr.on(
            [tab.backend.input, tab.pictures.change],
            self.filling.switch,
            {self.who, tab.shown, *tab.parts()},
            [*switched, *fields],
            queue=False,
            preprocess=False,
            **PRIVATE,
        )

        self._wire_price()

    def _wire_price(self) -> None:
        """Follow the price where it depends on the form: it is on the button before a click."""
        tab = self.tab
        named = {key: set(self.studio.backends[key].priced_by) for key in tab.forms}
        parts = [
            part
            for key, one in tab.forms.items()
            for name, part in one.fields.items()
            if name in named[key]
        ]
        if tab.image and any("image" in names for names in named.values()):
            parts.append(tab.image)
        if not parts:
            return
        gr.on(
            [part.change for part in parts],
            self.reprice,
            {self.who, tab.shown, *tab.parts(), *([tab.image] if tab.image else [])},
            [tab.generate, tab.price],
            queue=False,
            preprocess=False,
            trigger_mode="always_last",
            **PRIVATE,
        )

    async def reprice(self, data: dict[Any, Any], request: gr.Request) -> Update:
        """Put the price of the form as it stands on the button."""
        picture = None
        if self.tab.image and data[self.tab.image]:
            with suppress(PlaygroundError):  # what is wrong with it is said when it is used
                picture = await self.uploads.picture(data[self.tab.image])
        return self.filling.reprice(data, owner_of(request, data[self.who]), picture)

    def _inputs(self) -> list[Any]:
        """Return what a click on Generate sends; its price and what the page says come last."""
        tab = self.tab
        image = [tab.image] if tab.image else []
        return [self.who, tab.watch, tab.shown, *tab.parts(), *image, tab.price, tab.click]

    async def generate(self, request: gr.Request, *values: Any) -> AsyncIterator[Update]:
        """Submit what the form says and draw the tab's jobs until their end."""
        data = dict(zip(self._inputs(), values, strict=True))
        tab, click = self.tab, data[self.tab.click]
        if not click:  # a person said no to the price
            yield {tab.watch: data[tab.watch]}
            return
        caller = self._caller(request, data[self.who])
        owner = caller.owner
        jobs: list[Job] = []
        said = tab.quiet()
        try:
            wishes = await self._requests(data, caller)
            jobs = await self.studio.submit_all(
                data[tab.backend],
                wishes,
                owner=owner,
                click=name_of(click),
                address=caller.address,
                consent=consent_of(click, self.ask_above),
            )
        except PlaygroundError as error:
            said = self._complaint(error) | await self.reprice(data, request)
        if not jobs:
            yield said | {tab.watch: data[tab.watch]}
            return
        before = [*await self._failed(data[tab.watch], owner)]
        before += [job.id for job in await self._open(owner)]
        ids = list(dict.fromkeys([*before, *(job.id for job in jobs)]))
        async for update in self._follow(ids, caller, request):
            yield said | update

    async def act(
        self, who: str, watch: Any, event: gr.EventData, request: gr.Request
    ) -> AsyncIterator[Update]:
        """Do what a button of the queue says, and go on drawing."""
        caller, job_id, what = self._caller(request, who), text(event, "job"), text(event, "do")
        owner = caller.owner
        ids = await self._watched(watch, owner)
        try:
            ids += await self._done(what, job_id, caller, event)
            if what == "hide":
                ids = [one for one in ids if one != job_id]
        except PlaygroundError as error:
            gr.Warning(messages.trouble(error))
        if not ids:
            yield {self.tab.watch: {"jobs": []}, self.tab.status: ""}
            return
        async for update in self._follow(list(dict.fromkeys(ids)), caller, request):
            yield update

    async def _done(self, what: str, job_id: str, caller: Caller, event: gr.EventData) -> list[str]:
        """Carry out an action; return the jobs it adds to those that are watched."""
        owner = caller.owner
        job = await self.studio.job(job_id, owner=owner)
        if what == "cancel":
            gr.Info(messages.cancelled(await self.studio.cancel(job_id, owner=owner)))
        elif what == "earlier":
            await self.studio.reorder(job_id, owner=owner, earlier=True)
        elif what == "resume":
            if not caller.admin and not job.own_key:  # a queue of one's own is one's own business
                raise InputError(messages.NOT_YOURS)
            await self.studio.resume_queue(job_id, owner=owner)
        elif what in ACTIONS:
            costs = what in COSTLY
            said = {"price": number(event, "price"), "asked": told(event, "asked")}
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

    async def _failed(self, watch: Any, owner: str) -> list[str]:
        """Return those watched jobs that failed and can still be retried or fetched."""
        jobs = [await self.studio.job(one) for one in await self._watched(watch, owner)]
        return [
            job.id for job in jobs if job.state == "failed" and self.studio.possible_actions(job)
        ]

    async def _open(self, owner: str) -> list[Job]:
        """Return the tab's jobs that run or wait for a person, oldest first."""
        found = await self.studio.jobs(owner, states=[*ACTIVE, "unknown"])
        return [job for job in reversed(found) if job.task == self.tab.task]

    async def _requests(self, data: Mapping[Any, Any], caller: Caller) -> Sequence[Params]:
        """Turn the form into one params for each picture asked for."""
        tab = self.tab
        if not self.filling.has(data[tab.backend]):
            raise InputError(messages.NO_SUCH_BACKEND, advice=messages.CHOOSE_BACKEND)
        kind = self.studio.kind(data[tab.backend], tab.task)
        count = self.studio.count(data[tab.pictures], caller)
        values = tab.values(data, data[tab.backend])
        if tab.image:
            values["image"] = await self.uploads.picture(data[tab.image])
        first = parse(kind, {name: value for name, value in values.items() if value is not None})
        start = first.known_seed if first.known_seed >= 0 else draw_seed()
        return [first.with_seed(seed) for seed in seeds(start, count)]

    def _caller(self, request: gr.Request, who: Any) -> Caller:
        return caller_of(request, who, self.studio.admins)

    def _complaint(self, error: PlaygroundError | None) -> Update:
        if error is None:
            return self.tab.quiet()
        field = error.field if isinstance(error, InputError) else ""
        return self.tab.complain(field, messages.trouble(error))

    async def resume(self, who: str, watch: Any, request: gr.Request) -> AsyncIterator[Update]:
        """Find the jobs of this tab that run, or ended while nobody looked, and draw them."""
        caller = self._caller(request, who)
        owner = caller.owner
        seen = await self._watched(watch, owner)
        opened = [job.id for job in await self._open(owner)]
        ids = list(dict.fromkeys([*seen, *opened]))
        if not ids:
            yield {self.tab.watch: watch}
            return
        async for update in self._follow(ids, caller, request):
            yield update

    async def _watched(self, watch: Any, owner: str) -> list[str]:
        """Return the ids this browser watched last, as far as they are its own."""
        wanted = watch.get("jobs", []) if isinstance(watch, dict) else []
        found = []
        for job_id in wanted[:MOST_WATCHED] if isinstance(wanted, list) else []:
            try:
                found.append((await self.studio.job(str(job_id), owner=owner)).id)
            except PlaygroundError:
                continue
        return found

    async def _follow(
        self, ids: Sequence[str], caller: Caller, request: gr.Request
    ) -> AsyncIterator[Update]:
        """Draw jobs until all have ended; the earlier picture stays until there is a new one."""
        tab, before, mine = self.tab, "", object()
        window = str(request.session_hash)
        self.latest[window] = mine
        ids = ids[-MOST_WATCHED:]
        async for progresses in self.studio.watch(ids, owner=caller.owner):
            if self.latest.get(window) is not mine:
                return  # a later click draws these jobs too
            # Always the whole value: a skipped one would corrupt it in the browser (GRADIO.md 2.3).
            watch = {"jobs": list(ids), "seed": progresses[-1].job.seed}
            working = any(progress.job.active for progress in progresses)
            update = {tab.watch: watch, tab.status: self._queue(progresses, caller)}
            update[tab.cancel] = gr.update(visible=working)
            stage = await self._stage(progresses)
            if stage and stage != before:
                update[tab.stage] = before = stage
            yield update
        del self.latest[window]

    def _queue(self, progresses: Sequence[Progress], caller: Caller) -> str:
        jobs = [progress.job for progress in progresses]
        return queue.status(
            progresses,
            {job.id: self.studio.possible_actions(job) for job in jobs},
            prices={job.id: self.studio.price_again(job) for job in jobs},
            whom=messages.who_resumes(caller, self.studio.admins),
        )

    async def _stage(self, progresses: Sequence[Progress]) -> str:
        shown = [
            (progress, await self.media.url(progress.entry) if progress.entry else "")
            for progress in progresses
            if progress.job.active or progress.entry
        ][-MOST_SHOWN:]
        news = any(url or progress.preview for progress, url in shown)
        return markup.stage(shown) if news else ""

    async def cancel(self, who: str, watch: Any, request: gr.Request) -> str:
        """Cancel what this tab watches, and say whether money was spent."""
        caller = self._caller(request, who)
        owner = caller.owner
        said = ""
        for job_id in await self._watched(watch, owner):
            job = await self.studio.job(job_id, owner=owner)
            if job.active:
                job = await self.studio.cancel(job_id, owner=owner)
                said = messages.cancelled(job)
        if said:
            gr.Info(said)
        return await self._status(watch, caller)

    async def _status(self, watch: Any, caller: Caller) -> str:
        jobs: list[Job] = [
            await self.studio.job(job_id) for job_id in await self._watched(watch, caller.owner)
        ]
        return self._queue([Progress(job=job) for job in jobs], caller)
