"""What the tabs that make pictures do: generate, watch, cancel, switch, restore."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.errors import InputError, PlaygroundError
from core.job import ACTIVE, Job
from core.params import Params, draw_seed
from core.parsing import parse
from core.studio import Progress, Studio
from ui import draw, words
from ui.inbox import Inbox
from ui.media import Media
from ui.owner import owner_of
from ui.tab import Tab, Update, seeds

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
FREE: dict[str, Any] = PRIVATE | {"concurrency_limit": None}
"""For events whose limits are the studio's, not Gradio's."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers of one tab."""

    tab: Tab
    studio: Studio
    media: Media
    inbox: Inbox
    who: gr.BrowserState

    def wire(self, load: Any) -> None:
        """Connect the tab's components; `load` is the page's load event."""
        tab, task = self.tab, self.tab.task
        inputs = {self.who, tab.watch, tab.shown, *tab.parts()} | (
            {tab.image} if tab.image else set()
        )
        drawn = [tab.status, tab.stage, tab.watch, tab.generate, tab.cancel, *tab.notices.values()]
        making = {"inputs": inputs, "outputs": drawn, "preprocess": False, "trigger_mode": "once"}
        tab.generate.click(self.generate, **making, concurrency_id=f"make {task}", **FREE)
        load(self.resume, {self.who, tab.watch}, drawn, concurrency_id=f"resume {task}", **FREE)
        tab.cancel.click(
            self.cancel, [self.who, tab.watch], [tab.status], concurrency_id="cancel", **FREE
        )
        switched = [tab.shown, tab.generate, *(one.group for one in tab.forms.values())]
        fields = [part for one in tab.forms.values() for part in one.fields.values()]
        gr.on(
            [tab.backend.input, tab.pictures.change],
            self.switch,
            {tab.shown, *tab.parts()},
            [*switched, *fields],
            queue=False,
            preprocess=False,
            **PRIVATE,
        )

    async def generate(self, data: dict[Any, Any], request: gr.Request) -> AsyncIterator[Update]:
        """Submit what the form says and draw the jobs until their end."""
        owner = owner_of(request, data[self.who])
        tab = self.tab
        ids: list[str] = []
        trouble: PlaygroundError | None = None
        try:
            for params in await self._requests(data, owner):
                job = await self.studio.submit(data[tab.backend], params, owner=owner)
                ids.append(job.id)
        except PlaygroundError as error:
            trouble = error
        said = self._complaint(trouble)
        if not ids:
            yield said | tab.busy(False) | {tab.watch: data[tab.watch]}
            return
        async for update in self._follow(ids, owner):
            yield said | update

    async def _requests(self, data: Mapping[Any, Any], owner: str) -> Sequence[Params]:
        """Turn the form into one params for each picture asked for."""
        tab = self.tab
        kind = self.studio.kind(data[tab.backend], tab.task)
        values = tab.values(data, data[tab.backend])
        if tab.image:
            values["image"] = await self.inbox.picture(data[tab.image])
        first = parse(kind, {name: value for name, value in values.items() if value is not None})
        count = min(max(int(data[tab.pictures] or 1), 1), 100)
        start = first.known_seed if first.known_seed >= 0 else draw_seed()
        return [first.with_seed(seed) for seed in seeds(start, count)]

    def _complaint(self, error: PlaygroundError | None) -> Update:
        if error is None:
            return self.tab.quiet()
        field = error.field if isinstance(error, InputError) else ""
        return self.tab.complain(field, words.trouble(error))

    async def resume(self, data: dict[Any, Any], request: gr.Request) -> AsyncIterator[Update]:
        """Find the jobs of this tab that run, or ended while nobody looked, and draw them."""
        tab = self.tab
        owner = owner_of(request, data[self.who])
        running = await self.studio.jobs(owner, states=ACTIVE)
        ids = [job.id for job in reversed(running) if job.task == tab.task]
        ids = ids or await self._watched(data[tab.watch], owner)
        if not ids:
            yield {tab.watch: data[tab.watch]}
            return
        async for update in self._follow(ids, owner):
            yield update

    async def _watched(self, watch: Any, owner: str) -> list[str]:
        """Return the ids this browser watched last, as far as they are its own."""
        wanted = watch.get("jobs", []) if isinstance(watch, dict) else []
        found = []
        for job_id in wanted[:16] if isinstance(wanted, list) else []:
            try:
                found.append((await self.studio.ledger.get(str(job_id), owner=owner)).id)
            except PlaygroundError:
                continue
        return found

    async def _follow(self, ids: Sequence[str], owner: str) -> AsyncIterator[Update]:
        """Draw jobs until all have ended; the earlier picture stays until there is a new one."""
        tab, before = self.tab, ""
        async for progresses in self.studio.watch(ids, owner=owner):
            # Always the whole value: a skipped one would corrupt it in the browser (GRADIO.md 2.3).
            watch = {"jobs": list(ids), "seed": progresses[-1].job.seed}
            working = any(progress.job.active for progress in progresses)
            update = {tab.watch: watch, tab.status: draw.status(progresses)} | tab.busy(working)
            stage = await self._stage(progresses)
            if stage and stage != before:
                update[tab.stage] = before = stage
            yield update

    async def _stage(self, progresses: Sequence[Progress]) -> str:
        shown = [
            (progress, await self.media.url(progress.entry) if progress.entry else "")
            for progress in progresses
            if progress.job.active or progress.entry
        ]
        news = any(url or progress.preview for progress, url in shown)
        return draw.stage(shown) if news else ""

    async def cancel(self, who: str, watch: Any, request: gr.Request) -> str:
        """Cancel what this tab watches, and say whether money was spent."""
        owner = owner_of(request, who)
        said = ""
        for job_id in await self._watched(watch, owner):
            job = await self.studio.ledger.get(job_id, owner=owner)
            if job.active:
                job = await self.studio.cancel(job_id, owner=owner)
                said = words.cancelled(job)
        if said:
            gr.Info(said)
        return await self._status(watch, owner)

    async def _status(self, watch: Any, owner: str) -> str:
        jobs: list[Job] = [
            await self.studio.ledger.get(job_id) for job_id in await self._watched(watch, owner)
        ]
        return draw.status([Progress(job=job) for job in jobs])

    def switch(self, data: dict[Any, Any]) -> Update:
        """Show another backend's form with the shared values carried over, and the price."""
        tab, backend = self.tab, data[self.tab.backend]
        if backend not in tab.forms:
            return {tab.shown: data[tab.shown]}
        update = tab.show(self.studio.backends, backend, data[tab.pictures])
        if data[tab.shown] != backend:
            update |= tab.fill(backend, self._carried(data, data[tab.shown], backend))
        return update

    def _carried(self, data: Mapping[Any, Any], old: str, new: str) -> dict[str, Any]:
        """Return what was changed in one form and is as it was at first in another."""
        source, target = self.tab.forms[old], self.tab.forms[new]
        known, here = source.defaults(), target.defaults()
        return {
            name: data[part]
            for name, part in source.fields.items()
            if name in here
            and data[part] != known[name]
            and data[target.fields[name]] == here[name]
        }

    def restored(self, saved: Any) -> Update:
        """Return the updates that bring a remembered form back, or none."""
        tab = self.tab
        if not isinstance(saved, dict):
            return {}
        update: Update = {}
        if isinstance(saved.get("prompt"), str):
            update[tab.prompt] = saved["prompt"]
        pictures = saved.get("pictures")
        if isinstance(pictures, int):
            update[tab.pictures] = min(max(pictures, 1), 8)
        for name in tab.forms:
            own = {k.partition(".")[2]: v for k, v in saved.items() if k.startswith(f"{name}.")}
            update |= tab.fill(name, own)
        if saved.get("backend") in tab.forms:
            update[tab.backend] = saved["backend"]
            update |= tab.show(self.studio.backends, saved["backend"], update.get(tab.pictures, 1))
        return update

    def use(self, backend: str, values: Mapping[str, Any]) -> Update:
        """Fill the form with an entry's settings; returns the updates of this tab."""
        tab = self.tab
        update: Update = {}
        if isinstance(values.get("prompt"), str):
            update[tab.prompt] = values["prompt"]
        if backend in tab.forms:
            update |= {tab.backend: backend} | tab.show(self.studio.backends, backend)
            return update | {tab.pictures: 1} | tab.fill(backend, values)
        for name in tab.forms:  # made elsewhere: every form takes what is legal in it
            update |= tab.fill(name, values)
        return update
