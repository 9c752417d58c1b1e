"""What the Compare tab does: plan, run, watch, alter, compare, and fill its form from an image."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from core.caller import Caller
from core.errors import InputError, PlaygroundError
from core.jobs.consent import NO_WORD, Consent
from core.jobs.job import ACTIONS, COSTLY
from core.jobs.sets import JobSet
from core.params import TASKS, Task, draw_seed
from core.pictures import Picture
from core.sets.axes import seeds
from core.sets.styles import read_styles
from core.studio import Studio
from core.words import say
from ui import messages
from ui.clicks import consent_of, name_of, number, seen_by, text, told, was_asked
from ui.compare import sentences
from ui.compare.asked import Form, Offers, Trouble, form_of, read
from ui.compare.offers import fields, listed, offers, targets
from ui.compare.planned import Planned, news, planned
from ui.compare.tab import CompareTab
from ui.compare.table import Table
from ui.compare.variations import variation
from ui.generate import question as questions
from ui.generate.session import FREE, PRIVATE, Session
from ui.generate.tab import Update
from ui.server.routes import Media
from ui.server.set_files import SetFiles
from ui.server.uploads import Uploads

MOST_SETS = 30
BREATH_S = 0.3
"""Between two updates of a table."""
KEPT_PICTURES = 8


@dataclass(frozen=True, slots=True)
class CompareHandlers:
    """The handlers of the Compare tab; `closed` says why backends take nothing from anybody."""

    tab: CompareTab
    session: Session
    uploads: Uploads
    files: SetFiles
    menu: gr.Tabs
    closed: Mapping[str, str]
    question: gr.HTML = field(init=False)
    latest: dict[str, object] = field(default_factory=dict)
    """Which of a window's events draws the table; an earlier one ends when a later one begins."""
    pictures: dict[tuple[str, str], Picture] = field(default_factory=dict)
    """Images to start from that were decoded last, by owner and name."""

    def __post_init__(self) -> None:
        """Bind what asks before something dear."""
        object.__setattr__(self, "question", questions.build())

    @property
    def studio(self) -> Studio:
        """The studio that makes the images."""
        return self.session.studio

    @property
    def media(self) -> Media:
        """What makes the addresses of images."""
        return self.session.media

    def wire(self) -> None:
        """Connect the tab's components."""
        tab, who = self.tab, [self.session.who]
        self.question.render()
        drawn = [tab.table, tab.plan, self.session.today, self.question]
        many: dict[str, Any] = {"trigger_mode": "multiple"}
        live = many | FREE
        quick = many | PRIVATE | {"queue": False}
        tab.item.select(self.overview_of, who, [tab.overview], queue=False, **PRIVATE)
        tab.hub.overview(self.overview_of, who, [tab.overview], **quick)
        tab.hub.plan(self.plan_set, who, [tab.plan], **quick)
        tab.hub.run(self.run_set, who, drawn, **live)
        self.question.agree(self.run_agreed, who, drawn, **live)
        tab.hub.show(self.show_set, who, drawn, **live)
        tab.hub.act(self.act_on_cell, who, drawn, **live)
        tab.hub.alter(self.alter_set, who, drawn, **live)
        tab.hub.differ(self.differ_row, who, [tab.differ], **quick)
        tab.hub.links(self.links_to, who, [tab.link], **quick)
        tab.hub.fill(self.fill_form, who, [tab.fill], **live)
        tab.hub.source(self.take_source, who, [tab.fill], **live)
        tab.hub.styles(self.take_styles, who, [tab.styles], **quick)
        tab.hub.vary(self.vary_image, who, [tab.fill, self.menu], **live)

    # What the form can be filled with

    async def overview_of(self, who: Any, request: gr.Request) -> Update:
        """Tell what can be compared, and which sets there are."""
        owner = self.session.caller(request, who).owner
        backends, own = self.studio.backends_of(owner), self.studio.own_backends(owner)
        tasks = {}
        for task in TASKS:
            known = offers(backends, task)
            tasks[task] = {
                "targets": targets(known, own=own, closed=self.closed),
                "fields": fields(known),
            }
        sets = await self.studio.sets(owner, limit=MOST_SETS)
        counts = await asyncio.to_thread(lambda: self.studio.wildcards().counts)
        collections = await self.studio.collections(owner)
        return {
            self.tab.overview: {
                "tasks": tasks,
                "sets": listed(sets),
                "wildcards": [[f"__{name}__", count] for name, count in counts.items()],
                "collections": [one.title for one in collections],
                "at": time.time(),
            }
        }

    # Planning

    async def plan_set(self, who: Any, event: gr.EventData, request: gr.Request) -> Update:
        """Say what the form as it stands would make, and what is wrong with it."""
        caller = self.session.caller(request, who)
        found, task = await self._planned(told(event, "ask"), caller)
        told_back = await news(self.studio, task, found, caller.owner)
        return {self.tab.plan: told_back | {"n": told(event, "n")}}

    async def _planned(self, said: Any, caller: Caller) -> tuple[Planned, Task]:
        owner = caller.owner
        form, note = Form.of(said), said.get("image") if isinstance(said, dict) else None
        task: Task = TASKS[1] if note else TASKS[0]
        known = offers(self.studio.backends_of(owner), task)
        try:
            picture = await self._picture(note, owner) if note else None
        except PlaygroundError as error:
            reading = read(form, task, known)
            wrong = Trouble("image", str(error), error.advice)
            return Planned(form, reading, known, [wrong]), task
        reading = await asyncio.to_thread(read, form, task, known, picture)
        return await planned(self.studio, form, reading, known, caller), task

    async def _picture(self, note: Any, owner: str) -> Picture:
        name = str(note.get("name", "")) if isinstance(note, dict) else ""
        path = await self.uploads.redeem(note, owner)
        if (owner, name) not in self.pictures:
            picture = await self.uploads.picture(path)
            while len(self.pictures) >= KEPT_PICTURES:
                del self.pictures[next(iter(self.pictures))]
            self.pictures[owner, name] = picture
        return self.pictures[owner, name]

    # Running

    async def run_set(
        self, who: Any, event: gr.EventData, request: gr.Request
    ) -> AsyncIterator[Update]:
        """Make the set that the form asks for."""
        click = told(event, "click")
        async for update in self._run(who, event, request, click):
            yield update

    async def run_agreed(
        self, who: Any, event: gr.EventData, request: gr.Request
    ) -> AsyncIterator[Update]:
        """Make a set whose price a person was asked about and agreed to."""
        click = {name: told(event, name) for name in ("name", "price", "asked")}
        async for update in self._run(who, event, request, click):
            yield update

    async def _run(
        self, who: Any, event: gr.EventData, request: gr.Request, click: Any
    ) -> AsyncIterator[Update]:
        caller = self.session.caller(request, who)
        said = told(event, "ask")
        try:
            found, task = await self._planned(said, caller)
            if not found.ready:
                told_back = await news(self.studio, task, found, caller.owner)
                yield {self.tab.plan: told_back | {"ran": time.time()}}
                return
            if found.new > sentences.MANY and number(event, "typed") != found.new:
                raise InputError(sentences.not_typed(found.new), field="typed")
            if asked := await self._asked(found, said, click, caller, number(event, "typed")):
                yield {self.question: asked}
                return
            consent = consent_of(click, self.session.ask_above)
            made = await self.studio.submit_set(
                found.reading.wish,
                owner=caller.owner,
                click=name_of(click),
                address=caller.address,
                consent=consent,
                extends=found.form.extends,
                collection=await self._collection(found, caller, consent),
            )
        except PlaygroundError as error:
            wrong = Trouble("form", str(error), error.advice).as_dict()
            yield {self.tab.plan: {"refused": wrong, "ran": time.time()}}
            return
        async for update in self._follow(made, caller, request):
            yield {self.tab.plan: {"made": made.id}} | update

    async def _collection(self, found: Planned, caller: Caller, consent: Consent) -> str:
        """Return the id of the collection that new images go into; "" for none.

        A set that is refused leaves no new collection behind.
        """
        title, owner = found.form.collection, caller.owner
        if not title or not found.new:
            return ""
        if title not in {one.title for one in await self.studio.collections(owner)}:
            await self.studio.check_set(
                found.reading.wish,
                owner=owner,
                address=caller.address,
                consent=consent,
                extends=found.form.extends,
            )
        return await self.studio.collection_named(title, owner=owner)

    async def _asked(
        self, found: Planned, said: Any, click: Any, caller: Caller, typed: Any
    ) -> questions.Asked | None:
        """Return what must be asked before a set is made; refuse what would be refused anyway."""
        price = found.price_usd
        dear = price is None or price > self.session.ask_above
        if was_asked(click) or not isinstance(click, Mapping) or not dear:
            return None
        name_of(click)
        await self.studio.check_set(
            found.reading.wish,
            owner=caller.owner,
            address=caller.address,
            consent=seen_by(click),
            extends=found.form.extends,
        )
        labels = messages.labels(self.studio.backends)
        used = dict.fromkeys(one["backend"] for one in found.reading.wish.targets)
        title, about = sentences.ask_set(found.new, price, [labels[one] for one in used])
        facts = [
            [say("asked-count"), str(found.new)],
            [say("asked-price"), sentences.price(price)],
        ]
        if (left := await self.studio.left_today_usd(caller.owner)) is not None:
            facts.append([say("asked-left"), messages.price_of(left)])
        return {
            "title": title,
            "text": about,
            "facts": facts,
            "yes": sentences.run_label(found.new, price),
            "no": say("not-now"),
            "event": "agree",
            "detail": {
                "name": click.get("name"),
                "price": click.get("price"),
                "asked": True,
                "ask": said,
                "typed": typed,
                "at": time.time(),
            },
        }

    # Watching

    async def show_set(
        self, who: Any, event: gr.EventData, request: gr.Request
    ) -> AsyncIterator[Update]:
        """Draw a set and go on drawing it until its end."""
        caller = self.session.caller(request, who)
        try:
            found = await self.studio.set(text(event, "set"), owner=caller.owner)
        except PlaygroundError:
            yield {self.tab.table: {"id": "", "gone": text(event, "set")}}
            return
        async for update in self._follow(found, caller, request):
            yield update

    async def _follow(
        self, found: JobSet, caller: Caller, request: gr.Request
    ) -> AsyncIterator[Update]:
        mine, window = object(), str(request.session_hash)
        self.latest[window] = mine
        table, under_way = await self._table(found), -1
        while True:
            active = table.active
            update: Update = {self.tab.table: await self._drawn(table)}
            if len(active) != under_way:
                under_way = len(active)
                update[self.session.today] = await self.session.spent_today(caller)
            yield update
            if not active:
                break
            async for progresses in self.studio.watch(active, owner=caller.owner):
                if self.latest.get(window) is not mine:
                    return  # a later event draws the table
                table.take(progresses)
                now = await self._drawn(table)
                if now != update[self.tab.table]:
                    update = {self.tab.table: now}
                    if (left := len(table.active)) != under_way:
                        under_way = left
                        update[self.session.today] = await self.session.spent_today(caller)
                    yield update
                await asyncio.sleep(BREATH_S if len(active) < sentences.MANY / 4 else 2 * BREATH_S)
            table = await self._table(await self.studio.set(found.id, owner=caller.owner))
        if self.latest.get(window) is mine:
            del self.latest[window]

    async def _table(self, found: JobSet) -> Table:
        entries = await self.studio.entries_of(found.jobs)
        return Table(found, entries, await self.media.sign(found.owner, f"blind {found.id}"))

    async def _drawn(self, table: Table) -> dict[str, Any]:
        return await table.drawn(self.studio, self.media, self.files)

    # Altering

    async def act_on_cell(
        self, who: Any, event: gr.EventData, request: gr.Request
    ) -> AsyncIterator[Update]:
        """Do what the button of a cell says, and draw the set again."""
        caller, what = self.session.caller(request, who), text(event, "do")
        job_id = text(event, "job")
        try:
            if what == "cancel":
                gr.Info(messages.cancelled(await self.studio.cancel(job_id, owner=caller.owner)))
            elif what in ACTIONS:
                said = {"price": number(event, "price"), "asked": told(event, "asked")}
                await self.studio.act(
                    job_id,
                    what,
                    owner=caller.owner,
                    request_id=text(event, "pick"),
                    address=caller.address,
                    consent=consent_of(said, self.session.ask_above) if what in COSTLY else NO_WORD,
                )
        except PlaygroundError as error:
            gr.Warning(messages.trouble(error))
        async for update in self.show_set(who, event, request):
            yield update

    async def alter_set(
        self, who: Any, event: gr.EventData, request: gr.Request
    ) -> AsyncIterator[Update]:
        """Rename, pause, pick in, retry or forget a set, and draw it again."""
        caller, set_id = self.session.caller(request, who), text(event, "set")
        try:
            await self._altered(set_id, text(event, "do"), caller, event)
        except PlaygroundError as error:
            gr.Warning(messages.trouble(error))
        async for update in self.show_set(who, event, request):
            yield update

    async def _altered(self, set_id: str, what: str, caller: Caller, event: gr.EventData) -> None:
        owner = caller.owner
        if what == "rename":
            await self.studio.rename_set(set_id, text(event, "title"), owner=owner)
        elif what in ("pause", "go-on"):
            await self.studio.pause_set(set_id, owner=owner, paused=what == "pause")
        elif what == "delete":
            await self.studio.delete_set(set_id, owner=owner)
        elif what == "pick":
            await self._pick(set_id, owner, event)
        elif what == "blind":
            await self.studio.pick(set_id, {}, owner=owner)
        elif what == "retry":
            await self._retry(set_id, caller, event)
        elif what == "cancel":
            found = await self.studio.set(set_id, owner=owner)
            waiting = [job for job in found.jobs if job.state == "waiting"]
            ended = [await self.studio.cancel(job.id, owner=owner) for job in reversed(waiting)]
            if ended:
                gr.Info(messages.cancelled_all(ended))

    async def _pick(self, set_id: str, owner: str, event: gr.EventData) -> None:
        """Keep a pick; the same one again takes it back."""
        found = await self.studio.set(set_id, owner=owner)
        row, page = _whole(event, "row"), _whole(event, "page")
        column = _whole(event, "column")
        if (row, page, column) in {(cell.row, cell.page, cell.column) for cell in found.cells}:
            await self.studio.pick_one(set_id, row=row, page=page, column=column, owner=owner)

    async def _retry(self, set_id: str, caller: Caller, event: gr.EventData) -> None:
        """Make anew whatever failed, at the price that the button said."""
        found = await self.studio.set(set_id, owner=caller.owner)
        failed = [job for job in found.jobs if job.state == "failed" and job.retryable]
        prices = [self.studio.price_again(job) for job in failed]
        total = None if None in prices else round(sum(one or 0.0 for one in prices), 6)
        said = {"price": number(event, "price"), "asked": told(event, "asked")}
        agreed = consent_of(said, self.session.ask_above)
        if agreed.unknown != (total is None) or (total is not None and agreed.agreed_usd != total):
            raise InputError(say("not-asked", price=sentences.price(total)), field="price")
        for job, price in zip(failed, prices, strict=True):
            consent = Consent(agreed_usd=price or 0.0, unknown=price is None)
            address = caller.address
            await self.studio.act(
                job.id, "retry", owner=caller.owner, address=address, consent=consent
            )

    async def links_to(self, who: Any, event: gr.EventData, request: gr.Request) -> Update:
        """Make a link to look at a set, or revoke all there are; tell how many are left.

        The address of a new one is told this once.
        """
        owner, set_id = self.session.caller(request, who).owner, text(event, "set")
        what, secret = text(event, "do"), ""
        try:
            if what == "publish":
                secret = await self.studio.share("set", set_id, owner=owner)
            elif what == "unpublish":
                await self.studio.revoke_shares_of("set", set_id, owner=owner)
            found = await self.studio.shares(owner, kind="set", target_id=set_id)
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error
        link = f"s/{secret}" if secret else ""
        said = say("share-open-set", count=len(found)) if found else ""
        return {self.tab.link: {"set": set_id, "link": link, "open": said} | _now()}

    # Comparing

    async def differ_row(self, who: Any, event: gr.EventData, request: gr.Request) -> Update:
        """Tell what the images of a row were really sent that is not the same for all."""
        owner = self.session.caller(request, who).owner
        try:
            found = await self.studio.set(text(event, "set"), owner=owner)
        except PlaygroundError:
            return {self.tab.differ: {}}
        table = await self._table(found)
        return {self.tab.differ: table.differing(_whole(event, "row"), _whole(event, "page"))}

    # Filling the form

    async def fill_form(self, who: Any, event: gr.EventData, request: gr.Request) -> Update:
        """Put a set into the form: to extend it, or to run it again with new seeds."""
        owner = self.session.caller(request, who).owner
        try:
            found = await self.studio.set(text(event, "set"), owner=owner)
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error
        if text(event, "how") == "extend":
            form = form_of(found) | {"extends": found.id, "note": say("compare-extending")}
        else:
            count = max((len(a["values"]) for a in found.axes if a["field"] == "seed"), default=1)
            form = form_of(found, new_seeds=seeds(draw_seed(), count))
            form |= {"note": say("compare-new-seeds"), "title": ""}
        form["collection"] = await self._collection_of(found, owner)
        return {self.tab.fill: form | await self._source_of(found.base, owner) | _now()}

    async def _collection_of(self, found: JobSet, owner: str) -> str:
        """Return the title of the collection that the images of a set go into, if all do."""
        ids = {job.collection for job in found.jobs}
        collections = await self.studio.collections(owner)
        return next((one.title for one in collections if ids == {one.id}), "")

    async def _source_of(self, base: Mapping[str, Any], owner: str) -> dict[str, Any]:
        """Return the image that a set starts from as the form shows it, if it is there still."""
        source = base.get("image")
        if not isinstance(source, dict):
            return {"source": None}
        try:
            picture = await self.uploads.picture(await self.uploads.again(source, owner))
            return {"source": await self._kept(picture, owner)}
        except PlaygroundError:
            # Without its image it would be another task, and no longer the same set.
            return {"source": None, "extends": "", "note": say("source-gone")}

    async def _kept(self, picture: Picture, owner: str) -> dict[str, Any]:
        note = await self.uploads.keep(picture, owner)
        path = await self.uploads.redeem(note, owner)
        self.pictures[owner, note["name"]] = picture
        size = messages.picture(picture)
        return {"note": note, "url": f"gradio_api/file={path}", "text": size}

    async def take_source(self, who: Any, event: gr.EventData, request: gr.Request) -> Update:
        """Look at an uploaded image at once: keep it, or say what is wrong with it."""
        owner = self.session.caller(request, who).owner
        try:
            picture = await self.uploads.picture(text(event, "path"))
            return {self.tab.fill: {"source": await self._kept(picture, owner)} | _now()}
        except PlaygroundError as error:
            wrong = Trouble("image", str(error), error.advice).as_dict()
            return {self.tab.fill: {"wrong": wrong} | _now()}

    async def take_styles(self, who: Any, event: gr.EventData, request: gr.Request) -> Update:
        """Read a file of styles, for the browser to keep; what is wrong is said line by line."""
        try:
            found = await asyncio.to_thread(read_styles, _decoded(text(event, "data")))
        except PlaygroundError as error:
            return {self.tab.styles: {"said": [messages.trouble(error)]} | _now()}
        styles = [dict(zip(("before", "after"), one.around, strict=True)) for one in found.styles]
        named = [
            {"name": one.name} | words for one, words in zip(found.styles, styles, strict=True)
        ]
        return {self.tab.styles: {"styles": named, "said": sentences.styles(found)} | _now()}

    async def vary_image(self, who: Any, event: gr.EventData, request: gr.Request) -> Update:
        """Put variations of an image into the form; which kind they are is said there."""
        owner = self.session.caller(request, who).owner
        try:
            entry = await self.studio.entry(text(event, "entry"), owner=owner)
            known: dict[Task, Offers] = {
                task: offers(self.studio.backends_of(owner), task) for task in TASKS
            }
            form = variation(entry, text(event, "kind"), known)
            source: dict[str, Any] = {"source": None}
            if text(event, "kind") == "strength":
                picture = await self.uploads.load(await self.studio.file(entry.file))
                source = {"source": await self._kept(picture, owner)}
            elif isinstance(entry.params.get("image"), dict):
                source = await self._source_of(entry.params, owner)
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error
        return {
            self.tab.fill: form | source | _now(),
            self.menu: gr.update(selected="compare"),
        }


def _decoded(data: str) -> bytes:
    """Return a file that came as base64; what is none is empty."""
    try:
        return base64.b64decode(data.encode(errors="replace"))
    except ValueError:
        return b""


def _now() -> dict[str, float]:
    """Make a value another one than the last, so that the page is told of it."""
    return {"at": time.time()}


def _whole(event: gr.EventData, name: str) -> int:
    """Return a place in a table that an event names; -1, where nothing is, for anything else."""
    found = number(event, name)
    plain = isinstance(found, int | float) and not isinstance(found, bool)
    return int(found) if plain and 0 <= found < 10_000 else -1
