"""The page: lays out the tabs and wires the arrows between them; nothing else does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.errors import InputError, PlaygroundError
from core.history import Entry
from core.metadata import Reading
from core.params import TASKS, Task
from core.studio import Studio
from core.tokens import Tokens
from core.words import say
from ui import account, backends_tab, history_tab, markup, messages
from ui.api import Api
from ui.clicks import consent_of, name_of, text, told
from ui.compare import tab as compare
from ui.compare.handlers import CompareHandlers
from ui.generate import layout, links, stage
from ui.generate import tab as tabs
from ui.generate.handlers import Handlers
from ui.generate.past import PastPrompts
from ui.generate.session import FREE, PRIVATE, Session
from ui.generate.tab import Tab, Update
from ui.history_tab import HistoryHandlers, HistoryTab
from ui.keep_api import KeepApi
from ui.server.gradio_patches.arguments import Patient
from ui.server.gradio_patches.outliving import apart
from ui.server.owner import new_token, owner_of
from ui.server.routes import Media
from ui.server.set_files import SetFiles
from ui.server.take_away import TakeAway
from ui.server.uploads import Uploads
from ui.set_api import SetApi
from ui.space_owner import NOBODY, SpaceOwner
from ui.spending_tab import SpendingTab
from ui.viewer import Viewer

RESTORE = """
srpo.onFile(async (file) => {
  const stored = await upload(file);
  trigger('dropped', {path: stored.path});
});
watch('value', async () => {
  const chosen = await srpo.chooseSettings(props.value);
  if (chosen) trigger('restore', chosen);
});
"""
"""Files come in from anywhere on the page; what they tell is shown before it is used."""
REMEMBERED = """(...kept) => {{
  const here = new URL(location.href);
  const any = kept.some(Boolean) || {names}.some((name) => here.searchParams.has(name));
  srpo.settle(!any);
  return any ? 'yes' : '';
}}"""
"""Whether this browser or the address has anything to fill in; most first visits have nothing, and
updating all fields costs a browser more than everything else at the start."""
RESTORED = """() => {{
  const here = new URL(location.href);
  {names}.forEach((name) => here.searchParams.delete(name));
  if (here.href !== location.href) history.replaceState(history.state, '', here.href);
  srpo.settle(true);
}}"""
"""Takes what a link filled in out of the address, so that a reload does not undo what was typed;
says to whoever drives the page by a program that the remembered values are in place."""


TO_TOP = "() => srpo.toForm()"


@dataclass(frozen=True, slots=True)
class Page:
    """The tabs of one page and the arrows between them."""

    studio: Studio
    media: Media
    uploads: Uploads
    menu: gr.Tabs
    session: Session
    tabs_of: Mapping[Task, Handlers]
    history_tab: HistoryTab
    who: gr.BrowserState
    kept: gr.BrowserState
    restorer: gr.HTML
    default: str
    """The backend shown first."""
    examples: Sequence[Mapping[str, Any]]
    """Images to start from, with what made them."""
    viewer: gr.HTML
    """What the viewer says is to be done with the image it shows."""
    undone: gr.BrowserState
    """The forms as they were before settings were restored."""
    remembers: gr.Textbox
    """Not empty where this browser, or the page's address, has anything to fill in."""
    keyed: Sequence[Any]
    """Events after which an owner's own keys are others than before."""

    @property
    def _tabs(self) -> Sequence[Tab]:
        return [handlers.tab for handlers in self.tabs_of.values()]

    def wire(self, load: Any) -> None:
        """Connect what crosses from one tab to another; `load` is the page's load event."""
        saved = [tab.saved for tab in self._tabs]
        everything = self._targets()
        names = json.dumps(links.names({task: one.tab for task, one in self.tabs_of.items()}))
        arrived = load(self.arrive, [self.who], [self.who], **FREE)
        remembered = [self.kept, *saved]
        load(None, remembered, [self.remembers], js=REMEMBERED.format(names=names), **PRIVATE)
        back = self.remembers.change(self.restore, [self.who, *remembered], everything, **FREE)
        back.then(None, None, None, js=RESTORED.format(names=names), **PRIVATE)
        for handlers in self.tabs_of.values():  # not before the page can be used
            handlers.time_after(arrived.then)
            handlers.time_after(back.then)
        hub = self.session.stage.hub
        hub.use(self.use_shown, [self.who], everything, **PRIVATE)
        hub.send(self.send_shown, [self.who], everything, **PRIVATE)
        if "text-to-image" in self.tabs_of:
            hub.idea(self.use_example, [self.who], everything, **PRIVATE)
        if image := self.tabs_of["image-to-image"].tab.image:
            notice = self.tabs_of["image-to-image"].tab.notices["image"]
            parts = self.tabs_of["image-to-image"].tab.parts()
            image.upload(
                self.check,
                {self.who, image, *parts},
                [image, notice, self.kept],
                preprocess=False,
                **FREE,
            )
            image.clear(lambda: ("", None), None, [notice, self.kept], **PRIVATE)
        self.viewer.use(self.use_shown, [self.who], everything, **PRIVATE)
        self.viewer.renew(self.renew_shown, [self.who], everything, **PRIVATE)
        self.viewer.words(self.words_shown, [self.who], everything, **PRIVATE)
        self.viewer.send(self.send_shown, [self.who], everything, **PRIVATE)
        self.viewer.refine(
            self.refine_shown,
            [self.who, self.session.stage.watch],
            [self.menu, *self.session.drawn],
            trigger_mode="multiple",
            **FREE,
        )
        chosen = [self.who, self.history_tab.chosen]
        self.history_tab.use_all.click(self.use_all, chosen, everything, **PRIVATE)
        self.history_tab.use_prompt.click(self.use_prompt, chosen, everything, **PRIVATE)
        self.history_tab.use_settings.click(self.use_but_seed, chosen, everything, **PRIVATE)
        self.history_tab.send.click(self.send_chosen, chosen, everything, **PRIVATE)
        file = [self.who, self.history_tab.drop]
        self.history_tab.drop.upload(self.read, file, [self.restorer], **FREE)
        self.restorer.dropped(self.dropped, [self.who], [self.restorer], **FREE)
        filled = [*everything, self.undone]
        back = self.restorer.restore(self.restore_chosen, [self.who, *saved], filled, **FREE)
        back.then(None, None, None, js=TO_TOP, **PRIVATE)
        hub.undo(self.undo, [self.who, self.undone], filled, **FREE)
        for event in self.keyed:
            chosen = [part for tab in self._tabs for part in (tab.backend, tab.pictures)]
            event.then(self.rekey, [self.who, *chosen], everything, **FREE)
            watched = [self.who, self.session.stage.watch]
            event.then(self.session.resume, watched, self.session.drawn, **FREE)

    def _targets(self) -> list[Any]:
        found: list[Any] = [self.menu, self.who, self.kept]
        for tab in self._tabs:
            groups = [group for one in tab.forms.values() for group in one.groups]
            found += [*tab.parts(), *groups, *tab.chosen(), *tab.notices.values()]
            found += [tab.image] if tab.image else []
        return found

    def arrive(self, who: Any) -> Any:
        """Name the browser on its first visit."""
        return who or new_token()

    async def restore(self, request: gr.Request, who: Any, kept: Any, *saved: Any) -> Update:
        """Bring back what this browser remembers, and what the page's address names."""
        update: Update = {}
        for handlers, values in zip(self.tabs_of.values(), saved, strict=True):
            update |= handlers.filling.restored(values, owner_of(request, who))
        update |= self._linked(request, owner_of(request, who))
        path = await self.uploads.redeem(kept, owner_of(request, who))
        image = self.tabs_of["image-to-image"].tab.image
        return update | ({image: path} if path and image else {})

    def _linked(self, request: gr.Request, owner: str) -> Update:
        """Fill the form with what the page's address names, over what is remembered."""
        tabs = {task: one.tab for task, one in self.tabs_of.items()}
        link = links.read(request.query_params, tabs, self.default)
        if link is None:
            return {}
        handlers, tab = self.tabs_of[link.task], tabs[link.task]
        if isinstance(prompt := link.values.get("prompt"), str):
            update: Update = {tab.prompt: prompt}
        else:
            update = {}
        update |= handlers.filling.show(owner, link.backend)
        update |= tab.fill(link.backend, link.values)
        update[tab.backend] = handlers.filling.menu(owner) | {"value": link.backend}
        kind = "error" if link.wrong else "info"
        update[tab.notices["form"]] = markup.notice(messages.linked(link.wrong), kind)
        return update | {self.menu: gr.update(selected=link.task)}

    def rekey(self, request: gr.Request, who: Any, *chosen: Any) -> Update:
        """Show the backends as they are with the keys that the owner has now."""
        owner = owner_of(request, who)
        update: Update = {}
        pairs = zip(chosen[::2], chosen[1::2], strict=True)
        for handlers, (backend, count) in zip(self.tabs_of.values(), pairs, strict=True):
            if handlers.filling.has(backend):
                update |= handlers.filling.show(owner, backend, handlers.tab.count(count))
            update[handlers.tab.backend] = handlers.filling.menu(owner)
        return update

    async def check(self, data: dict[Any, Any], request: gr.Request) -> Update:
        """Look at an uploaded image at once: keep it, or take it away and say what is wrong."""
        handlers, owner = self.tabs_of["image-to-image"], owner_of(request, data[self.who])
        notice = handlers.tab.notices["image"]
        try:
            picture = await self.uploads.picture(data[handlers.tab.image])
            kept = await self.uploads.keep(picture, owner)
        except PlaygroundError as error:
            said = markup.notice(messages.trouble(error))
            return {handlers.tab.image: None, notice: said, self.kept: None}
        return {notice: handlers.filling.source(data, owner, picture), self.kept: kept}

    async def use_shown(self, who: str, event: gr.EventData, request: gr.Request) -> Update:
        """Use the settings of an image of the current result."""
        return await self.use_all(who, text(event, "entry"), request)

    async def use_example(self, who: str, event: gr.EventData, request: gr.Request) -> Update:
        """Fill the form with what made one of the examples."""
        number = text(event, "example")
        chosen = next((one for n, one in enumerate(self.examples) if str(n) == number), None)
        if chosen is None:
            return {self.menu: gr.update()}
        values = {**chosen["params"], "prompt": chosen["prompt"]}
        return await self._fill("text-to-image", chosen["backend"], values, owner_of(request, who))

    async def renew_shown(self, who: str, event: gr.EventData, request: gr.Request) -> Update:
        """Use the settings of an image that is shown, with a new seed."""
        return await self.use_but_seed(who, text(event, "entry"), request)

    async def words_shown(self, who: str, event: gr.EventData, request: gr.Request) -> Update:
        """Take over the prompt of an image that is shown."""
        return await self.use_prompt(who, text(event, "entry"), request)

    async def send_shown(self, who: str, event: gr.EventData, request: gr.Request) -> Update:
        """Send an image of the current result to image-to-image."""
        return await self.send_chosen(who, text(event, "entry"), request)

    async def refine_shown(
        self, who: str, watch: Any, event: gr.EventData, request: gr.Request
    ) -> AsyncIterator[Update]:
        """Send an image to image to image in a larger size, and draw its job."""
        caller = self.session.caller(request, who)
        said = {name: told(event, name) for name in ("name", "price", "asked")}
        try:
            job = await apart(
                self.studio.refine(
                    text(event, "entry"),
                    owner=caller.owner,
                    click=name_of(said),
                    address=caller.address,
                    consent=consent_of(said, self.session.ask_above),
                )
            )
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error
        first: Update = {self.menu: gr.update(selected="image-to-image")}
        async for update in self.session.join([job], watch, caller, request):
            yield first | update
            first = {}

    async def use_all(self, who: str, entry_id: str, request: gr.Request) -> Update:
        """Fill the form with everything an entry was made with."""
        owner = owner_of(request, who)
        entry = await self._entry(entry_id, owner)
        values = entry.params | {"seed": entry.seed}
        return await self._fill(entry.task, entry.backend, values, owner)

    async def use_prompt(self, who: str, entry_id: str, request: gr.Request) -> Update:
        """Take over an entry's prompt alone."""
        entry = await self._entry(entry_id, owner_of(request, who))
        tab = self.tabs_of[entry.task].tab
        return {self.menu: gr.update(selected=entry.task), tab.prompt: entry.prompt}

    async def use_but_seed(self, who: str, entry_id: str, request: gr.Request) -> Update:
        """Fill the form with an entry's settings and let a new seed be drawn."""
        owner = owner_of(request, who)
        entry = await self._entry(entry_id, owner)
        return await self._fill(entry.task, entry.backend, entry.params | {"seed": -1}, owner)

    async def send_chosen(self, who: str, entry_id: str, request: gr.Request) -> Update:
        """Put an entry's image where image-to-image starts from, with its prompt."""
        owner = owner_of(request, who)
        entry = await self._entry(entry_id, owner)
        handlers = self.tabs_of["image-to-image"]
        try:
            picture = await self.uploads.load(await self.studio.file(entry.file))
            kept = await self.uploads.keep(picture, owner)
            path = await self.uploads.to_cache(kept["name"])
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error
        tab, said = handlers.tab, messages.picture(picture)
        stays: Update = {}
        if handlers.filling.has(entry.backend):  # never on to another backend, which may cost
            stays = {tab.backend: entry.backend} | handlers.filling.show(owner, entry.backend)
        else:
            label = messages.labels(self.studio.backends).get(entry.backend, entry.backend)
            said = messages.joined([said, say("other-backend", backend=label)])
        return (
            tab.quiet()
            | stays
            | {
                self.menu: gr.update(selected="image-to-image"),
                tab.image: path,
                tab.prompt: entry.prompt,
                self.kept: kept,
                tab.notices["image"]: markup.notice(said, "info"),
            }
        )

    async def _entry(self, entry_id: str, owner: str) -> Entry:
        try:
            return await self.studio.entry(entry_id, owner=owner)
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error

    async def _fill(
        self, task: Task, backend: str, values: Mapping[str, Any], owner: str
    ) -> Update:
        """Fill a tab's form and show it, with the image it started from if that is the owner's.

        The values may come from a file, and whoever has the file may be anybody.
        """
        handlers = self.tabs_of[task]
        update = handlers.filling.use(backend, values, owner) | {
            self.menu: gr.update(selected=task)
        }
        source = values.get("image")
        if handlers.tab.image and isinstance(source, dict):
            try:
                update[handlers.tab.image] = await self.uploads.again(source, owner)
            except PlaygroundError:
                update[handlers.tab.notices["image"]] = markup.notice(say("source-gone"), "info")
        return update

    async def dropped(self, who: Any, event: gr.EventData, request: gr.Request) -> Any:
        """Show the settings of a file that was dropped or pasted on the page."""
        return await self.read(who, str(told(event, "path") or ""), request)

    async def read(self, who: Any, path: Any, request: gr.Request) -> Any:
        """Show what a file tells of itself, to choose from before anything is filled in."""
        reading = await self._reading(path)
        task, backend = _place(reading)
        _, dropped = self.tabs_of[task].filling.taken(backend, reading.params)
        del who, request
        return {
            "path": str(path),
            "title": say("restore-title"),
            "text": messages.restored(reading),
            "values": [
                [name, messages.label(name), messages.fact(name, value)]
                for name, value in reading.params.items()
                if name not in dropped and name != "image"
            ],
            "dropped": [
                *(
                    [messages.label(name), f"{reading.params[name]}", say("restore-not-legal")]
                    for name in dropped
                ),
                *(
                    [name, value, say("restore-no-setting")]
                    for name, value in reading.extra.items()
                ),
            ],
            "droppedTitle": say("restore-dropped"),
            "yes": say("image-use-settings"),
            "no": say("cancel"),
        }

    async def _reading(self, path: Any) -> Reading:
        try:
            reading = await self.uploads.settings(path)
            if reading is None:
                raise InputError(say("restore-no-settings"))
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error
        return reading

    async def restore_chosen(
        self, event: gr.EventData, request: gr.Request, who: Any, *saved: Any
    ) -> Update:
        """Fill the form with what was chosen of a file's settings, and keep a way back."""
        reading = await self._reading(text(event, "path"))
        names = told(event, "names")
        wanted = [str(name) for name in names] if isinstance(names, list) else []
        task, backend = _place(reading)
        values = {
            name: value
            for name, value in reading.params.items()
            if name in wanted or name == "image"
        }
        filled, _ = self.tabs_of[task].filling.taken(backend, values)
        update = await self._fill(task, backend, values, owner_of(request, who))
        said = messages.filled([messages.label(name) for name in filled])
        notice = self.tabs_of[task].tab.notices["form"]
        before = {tab.task: one for tab, one in zip(self._tabs, saved, strict=True)}
        return update | {notice: markup.undo(said), self.undone: before}

    def undo(self, who: Any, before: Any, request: gr.Request) -> Update:
        """Bring the forms back as they were before settings were restored."""
        known = before if isinstance(before, dict) else {}
        update: Update = {self.undone: None}
        for task, handlers in self.tabs_of.items():
            if known.get(task):
                update |= handlers.filling.restored(known[task], owner_of(request, who))
            update[handlers.tab.notices["form"]] = ""
        return update


def _place(reading: Reading) -> tuple[Task, str]:
    """Return the task and the backend that a file's settings are for."""
    record = reading.record
    task: Task = TASKS[1] if record.get("task") == TASKS[1] else TASKS[0]
    return task, str(record.get("backend", ""))


def build(
    studio: Studio,
    tokens: Tokens,
    default: str,
    examples: Sequence[Mapping[str, Any]],
    *,
    ask_above: float = 0.1,
    login: account.Login = "",
    owner: SpaceOwner = NOBODY,
) -> Patient:
    """Build the page and the named API on a studio.

    `default` is the backend shown first; above `ask_above` dollars a click is confirmed;
    `login` says how users sign in, `owner` what whoever runs a Space can still add.
    """
    media = Media(studio)
    uploads = Uploads(media)
    signing_in = account.button(login)
    demo: Patient
    with Patient(title=say("page-title"), fill_width=True, analytics_enabled=False) as demo:
        closed = {name: messages.trouble(error) for name, error in studio.closed_to().items()}
        Api(studio, media, uploads, default).register()  # first, so that it gets the plain names
        SetApi(studio, uploads).register()
        KeepApi(studio).register()
        gr.HTML(markup.header(studio.closed, fleeting=owner.fleeting), elem_classes="masthead")
        gr.HTML(markup.language(), elem_classes="language", apply_default_css=False)
        who = gr.BrowserState("", storage_key="srpo-who", secret="srpo")
        kept = gr.BrowserState(None, storage_key="srpo-picture", secret="srpo")
        account.build(studio, login, signing_in, who, demo.load)
        offered = {task for backend in studio.backends.values() for task in backend.tasks}
        memories = {task: tabs.remember(task) for task in TASKS if task in offered}
        watch = stage.remember()
        today = gr.HTML(elem_id="today", apply_default_css=False)
        remembers = gr.Textbox("", visible=False)
        undone = gr.BrowserState(None, storage_key="srpo-undo", secret="srpo")
        with gr.Tabs(elem_classes="tabs", overflow_behavior="wrap") as menu:
            made_of: dict[Task, Tab] = {}
            for task in TASKS:
                if task in memories:
                    made = layout.build(
                        task,
                        studio.backends,
                        default,
                        memories[task],
                        watch,
                        examples,
                        closed=closed,
                        most=studio.images_per_click,
                    )
                    made_of[task] = made
            compare_item = compare.build(examples, sharing=studio.is_sharing())
            away = TakeAway(studio, media)
            history_handlers = HistoryHandlers(history_tab.build(), studio, media, away, who)
            SpendingTab(studio, who).build()
            keyed = backends_tab.build(studio, tokens, who, owner)
        session = Session(stage.build(watch), today, studio, media, who, ask_above)
        tabs_of = {task: Handlers(tab, session, uploads) for task, tab in made_of.items()}
        gr.HTML(markup.footer(), elem_classes="colophon")
        viewer = Viewer(studio, media, who, ask_above)
        restorer = gr.HTML(
            {}, html_template="", js_on_load=RESTORE, elem_classes="restorer", render=False
        )
        page = Page(
            studio,
            media,
            uploads,
            menu,
            session,
            tabs_of,
            history_handlers.tab,
            who,
            kept,
            restorer,
            default,
            examples,
            viewer.hub,
            undone,
            remembers,
            keyed,
        )
        with gr.Accordion("", open=False, elem_classes="restorer later"):
            # Never seen: made once it is opened, which `srpo.settle` of assets/page.js does.
            restorer.render()
            session.stage.hub.render()
            PastPrompts(studio, who).build()
            session.wire(demo.load)
            for handlers in tabs_of.values():
                handlers.wire()
            files = SetFiles(studio, media)
            compare_tab = compare.connect(compare_item)
            CompareHandlers(compare_tab, session, uploads, files, menu, closed).wire()
            history_handlers.wire()
            viewer.build()
        page.wire(demo.load)
    return demo
