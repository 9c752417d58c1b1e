"""What a tab that makes images does: generate, switch, follow the price."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import gradio as gr

from core.caller import Caller
from core.errors import InputError, PlaygroundError
from core.jobs.estimate import Estimate, workload
from core.jobs.job import Job
from core.params import Params, draw_seed
from core.parsing import parse
from core.studio import Studio
from core.words import say
from ui import markup, messages
from ui.clicks import consent_of, name_of, seen_by, told, was_asked
from ui.generate import code_panel, form
from ui.generate import question as questions
from ui.generate.fill import Filling
from ui.generate.session import FREE, PRIVATE, Session
from ui.generate.tab import Tab, Update, seeds
from ui.server.gradio_patches.outliving import apart
from ui.server.owner import owner_of
from ui.server.uploads import OWN, Uploads

LAST = 30
"""Images of the owner that tell how long the next one will take."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """The handlers of one tab; its jobs are drawn by the session."""

    tab: Tab
    session: Session
    uploads: Uploads
    filling: Filling = field(init=False)
    question: gr.HTML = field(init=False)
    code: gr.HTML = field(init=False)

    def __post_init__(self) -> None:
        """Bind what fills the tab's forms, and what asks before something dear."""
        object.__setattr__(self, "filling", Filling(self.tab, self.studio, self.who))
        object.__setattr__(self, "question", questions.build())
        object.__setattr__(self, "code", code_panel.build())

    @property
    def studio(self) -> Studio:
        """The studio that makes the images."""
        return self.session.studio

    @property
    def who(self) -> gr.BrowserState:
        """What the browser is known by."""
        return self.session.who

    def wire(self) -> None:
        """Connect the tab's components."""
        tab, task = self.tab, self.tab.task
        self.question.render()
        self.code.render()
        made = [*self.session.drawn, *tab.notices.values(), tab.generate, tab.price, self.question]
        once: dict[str, Any] = {"preprocess": False, "trigger_mode": "multiple", **FREE}
        clicked = tab.generate.click(
            self.generate,
            self._inputs(),
            made,
            # The second value is what is watched, which changes by itself.
            js=f"(...all) => [...all.slice(0, -1), srpo.click('{task}', "
            "all.at(-2), [all[0], ...all.slice(2, -2)])]",
            **once,
        )
        agreed = self.question.agree(self.agreed, self._inputs(), made, **once)
        for event in (clicked.then, agreed.then, tab.shown.change):
            self.time_after(event)
        switched = [*tab.chosen(), *(group for one in tab.forms.values() for group in one.groups)]
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

        tab.code.click(
            self.programs,
            {self.who, tab.shown, *tab.parts(), *([tab.image] if tab.image else [])},
            [self.code, *tab.notices.values()],
            preprocess=False,
            **FREE,
        )
        tab.collection.focus(self.collections, [self.who], [tab.collection], **FREE)
        self._wire_price()
        self._wire_source()

    def _wire_source(self) -> None:
        """Say what becomes of the source where the backend or the shape of the result changes."""
        tab = self.tab
        if not tab.image:
            return
        shapes = [one.fields["shape"] for one in tab.forms.values() if "shape" in one.fields]
        gr.on(
            [tab.image.change, tab.backend.input, *(part.change for part in shapes)],
            self.resize,
            {self.who, tab.image, *tab.parts()},
            [tab.notices["image"]],
            queue=False,
            preprocess=False,
            trigger_mode="always_last",
            **PRIVATE,
        )

    async def resize(self, data: dict[Any, Any], request: gr.Request) -> Update:
        """Describe the source anew; where there is none, what was said of it stays."""
        if not (self.tab.image and data[self.tab.image]):
            return {self.tab.notices["image"]: gr.update()}
        try:
            picture = await self.uploads.picture(data[self.tab.image])
        except PlaygroundError as error:
            return {self.tab.notices["image"]: markup.notice(messages.trouble(error))}
        owner = owner_of(request, data[self.who])
        return {self.tab.notices["image"]: self.filling.source(data, owner, picture)}

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

    async def reprice(self, data: Mapping[Any, Any], request: gr.Request) -> Update:
        """Put the price of the form as it stands on the button."""
        picture = None
        if self.tab.image and data[self.tab.image]:
            with suppress(PlaygroundError):  # what is wrong with it is said when it is used
                picture = await self.uploads.picture(data[self.tab.image])
        if picture and self.filling.has(data[self.tab.shown]):
            kind = self.studio.kind(data[self.tab.shown], self.tab.task)
            picture = await self.uploads.fitted(picture, kind)
        return self.filling.reprice(data, owner_of(request, data[self.who]), picture)

    async def collections(self, who: str, request: gr.Request) -> Any:
        """Offer the collections that there are by now."""
        found = await self.studio.collections(owner_of(request, who))
        return gr.update(choices=[one.title for one in found])

    def time_after(self, event: Any) -> None:
        """Say anew how long an image takes, after an event."""
        tab = self.tab
        parts = {self.who, tab.shown, *tab.parts(), *([tab.image] if tab.image else [])}
        always: dict[str, Any] = {"preprocess": False, "trigger_mode": "always_last", **FREE}
        event(self.timing, parts, [tab.hint], **always)

    async def timing(self, data: dict[Any, Any], request: gr.Request) -> Update:
        """Say below the button how long an image of the form as it stands will take."""
        tab, backend = self.tab, data[self.tab.shown]
        if not self.filling.has(backend):
            return {tab.hint: markup.hint("")}
        owner = owner_of(request, data[self.who])
        sandbox = self.studio.backends_of(owner)[backend].sandbox
        like = (backend, tab.task, sandbox)
        made = [
            (self._work(backend, one.params), one.elapsed_s)
            for one in await self.studio.entries(owner, limit=LAST)
            if (one.backend, one.task, one.sandbox) == like
        ]
        took = Estimate.of(made).seconds(self._work(backend, tab.values(data, backend)))
        return {tab.hint: markup.hint(messages.each(took))}

    def _work(self, backend: str, values: Mapping[str, Any]) -> float:
        """Return what an image's time grows with, as far as a form or an entry tells it."""
        kind = self.studio.kind(backend, self.tab.task)
        legal = form.carry(values, self.tab.forms[backend])
        return workload(kind.model_construct(prompt="", **legal))

    def _inputs(self) -> list[Any]:
        """Return what a click on Generate sends; its price and what the page says come last."""
        tab = self.tab
        image = [tab.image] if tab.image else []
        return [
            self.who,
            self.session.stage.watch,
            tab.shown,
            *tab.parts(),
            *image,
            tab.price,
            tab.click,
        ]

    async def generate(self, request: gr.Request, *values: Any) -> AsyncIterator[Update]:
        """Submit what the form says and draw the session's jobs until their end."""
        data = dict(zip(self._inputs(), values, strict=True))
        async for update in self._generate(request, data, data[self.tab.click]):
            yield update

    async def agreed(
        self, event: gr.EventData, request: gr.Request, *values: Any
    ) -> AsyncIterator[Update]:
        """Do the same for a click whose price a person was asked about and agreed to."""
        click = {name: told(event, name) for name in ("name", "price", "asked")}
        data = dict(zip(self._inputs(), values, strict=True))
        async for update in self._generate(request, data, click):
            yield update

    async def _generate(
        self, request: gr.Request, data: Mapping[Any, Any], click: Any
    ) -> AsyncIterator[Update]:
        tab, watch = self.tab, self.session.stage.watch
        caller = self.session.caller(request, data[self.who])
        jobs: list[Job] = []
        said = tab.quiet()
        try:
            wishes = await self._requests(data, caller)
            if asked := await self._asked(data[tab.backend], wishes, click, caller):
                yield said | {watch: data[watch], self.question: asked}
                return
            title = str(data[tab.collection] or "").strip()
            collection = (
                await self.studio.collection_named(title, owner=caller.owner) if title else ""
            )
            jobs = await apart(
                self.studio.submit_all(
                    data[tab.backend],
                    wishes,
                    owner=caller.owner,
                    click=name_of(click),
                    address=caller.address,
                    consent=consent_of(click, self.session.ask_above),
                    collection=collection,
                )
            )
        except PlaygroundError as error:
            said = self._complaint(error) | await self.reprice(data, request)
        if not jobs:
            yield said | {watch: data[watch]}
            return
        async for update in self.session.join(jobs, data[watch], caller, request):
            yield said | update
            said = {}

    async def _asked(
        self, backend: str, wishes: Sequence[Params], click: Any, caller: Caller
    ) -> questions.Asked | None:
        """Return what must be asked before a click is carried out; refuse what would be refused."""
        if was_asked(click) or not isinstance(click, Mapping):
            return None
        chosen = self.studio.backends_of(caller.owner)[backend]
        asked = questions.before_paying(
            chosen,
            wishes,
            click,
            left_usd=await self._left(backend, caller),
            ask_above=self.session.ask_above,
        )
        if asked:
            name_of(click)
            await self.studio.check_all(
                backend,
                wishes,
                owner=caller.owner,
                address=caller.address,
                consent=seen_by(click),
            )
        return asked

    async def _left(self, backend: str, caller: Caller) -> float | None:
        """Return what the budget has left; a key of one's own spends from none."""
        if backend in self.studio.own_backends(caller.owner):
            return None
        return await self.studio.left_today_usd(caller.owner)

    async def programs(self, data: dict[Any, Any], request: gr.Request) -> Update:
        """Show the form as it stands as programs; one that cannot be sent is told why."""
        caller = self.session.caller(request, data[self.who])
        try:
            [params, *_] = await self._requests(data, caller)
            backend = self.studio.backends_of(caller.owner)[data[self.tab.backend]]
            source = await self._source_address(params, caller.owner)
        except PlaygroundError as error:
            return self._complaint(error)
        shown = self.tab.values(data, data[self.tab.backend])
        return self.tab.quiet() | {
            self.code: code_panel.panel(
                backend,
                params,
                code_panel.calling(data[self.who], request),
                drawn="seed" in shown and shown["seed"] != params.known_seed,
                source=source,
            )
        }

    async def _source_address(self, params: Params, owner: str) -> str:
        """Return where the source image is fetched from, as it is sent; "" where there is none."""
        if params.picture is None:
            return ""
        kept = await self.uploads.keep(params.picture, owner)
        return f"{OWN}{quote(await self.uploads.to_cache(kept['name']))}".lstrip("/")

    async def _requests(self, data: Mapping[Any, Any], caller: Caller) -> Sequence[Params]:
        """Turn the form into one params for each image asked for."""
        tab = self.tab
        if not self.filling.has(data[tab.backend]):
            raise InputError(say("no-such-backend"), advice=say("choose-backend"))
        kind = self.studio.kind(data[tab.backend], tab.task)
        count = self.studio.count(data[tab.pictures], caller)
        values = tab.values(data, data[tab.backend])
        if tab.image:
            picture = await self.uploads.picture(data[tab.image])
            values["image"] = await self.uploads.fitted(picture, kind)
        first = parse(kind, {name: value for name, value in values.items() if value is not None})
        start = first.known_seed if first.known_seed >= 0 else draw_seed()
        return [first.with_seed(seed) for seed in seeds(start, count)]

    def _complaint(self, error: PlaygroundError) -> Update:
        field = error.field if isinstance(error, InputError) else ""
        return self.tab.complain(field, messages.trouble(error))
