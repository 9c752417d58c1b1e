"""The page: lays out the tabs and wires the arrows between them; nothing else does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.errors import InputError, PlaygroundError
from core.history import Entry
from core.params import TASKS, Task
from core.studio import Studio
from core.tokens import Tokens
from ui import account, backends_tab, history_tab, markup, messages
from ui.api import Api
from ui.clicks import text, told
from ui.generate import layout
from ui.generate import tab as tabs
from ui.generate.handlers import FREE, PRIVATE, Handlers
from ui.generate.tab import Tab, Update
from ui.history_tab import HistoryHandlers, HistoryTab
from ui.server.gradio_patches.arguments import Patient
from ui.server.owner import new_token, owner_of
from ui.server.routes import Media
from ui.server.uploads import Uploads
from ui.spending_tab import SpendingTab

DROP = """
srpo.onDrop(async (file) => {
  const stored = await upload(file);
  trigger('dropped', {path: stored.path});
});
"""
RESTORED = "() => { document.body.dataset.restored = 'yes'; }"
"""Says to whoever drives the page by a program that the remembered values are in place."""


@dataclass(frozen=True, slots=True)
class Page:
    """The tabs of one page and the arrows between them."""

    studio: Studio
    media: Media
    uploads: Uploads
    menu: gr.Tabs
    tabs_of: Mapping[Task, Handlers]
    history_tab: HistoryTab
    who: gr.BrowserState
    kept: gr.BrowserState
    restorer: gr.HTML
    keyed: Sequence[Any]
    """Events after which an owner's own keys are others than before."""

    @property
    def _tabs(self) -> Sequence[Tab]:
        return [handlers.tab for handlers in self.tabs_of.values()]

    def wire(self, load: Any) -> None:
        """Connect what crosses from one tab to another; `load` is the page's load event."""
        saved = [tab.saved for tab in self._tabs]
        everything = self._targets()
        back = load(self.restore, [self.who, self.kept, *saved], everything, **FREE)
        back.then(None, None, None, js=RESTORED, api_visibility="private")
        for tab in self._tabs:
            tab.stage.use(self.use_shown, [self.who], everything, **PRIVATE)
            tab.stage.send(self.send_shown, [self.who], everything, **PRIVATE)
        if image := self.tabs_of["image-to-image"].tab.image:
            notice = self.tabs_of["image-to-image"].tab.notices["image"]
            image.upload(
                self.check, [self.who, image], [notice, self.kept], preprocess=False, **FREE
            )
            image.clear(lambda: ("", None), None, [notice, self.kept], **PRIVATE)
        chosen = [self.who, self.history_tab.chosen]
        self.history_tab.use_all.click(self.use_all, chosen, everything, **PRIVATE)
        self.history_tab.use_prompt.click(self.use_prompt, chosen, everything, **PRIVATE)
        self.history_tab.use_settings.click(self.use_but_seed, chosen, everything, **PRIVATE)
        self.history_tab.send.click(self.send_chosen, chosen, everything, **PRIVATE)
        self.history_tab.drop.upload(
            self.drop, [self.who, self.history_tab.drop], everything, **FREE
        )
        self.restorer.dropped(self.dropped, [self.who], everything, **FREE)
        for event in self.keyed:
            chosen = [part for tab in self._tabs for part in (tab.backend, tab.pictures)]
            event.then(self.rekey, [self.who, *chosen], everything, **FREE)
            for handlers in self.tabs_of.values():
                event.then(handlers.resume, [self.who, handlers.tab.watch], handlers.drawn, **FREE)

    def _targets(self) -> list[Any]:
        found: list[Any] = [self.menu, self.who, self.kept]
        for tab in self._tabs:
            groups = [one.group for one in tab.forms.values()]
            found += [*tab.parts(), *groups, *tab.chosen(), *tab.notices.values()]
            found += [tab.image] if tab.image else []
        return found

    async def restore(self, request: gr.Request, who: Any, kept: Any, *saved: Any) -> Update:
        """Bring back what this browser remembers, and name the browser on its first visit."""
        update: Update = {}
        for handlers, values in zip(self.tabs_of.values(), saved, strict=True):
            update |= handlers.filling.restored(values, owner_of(request, who))
        if not who:
            return update | {self.who: new_token()}
        path = await self.uploads.redeem(kept, owner_of(request, who))
        image = self.tabs_of["image-to-image"].tab.image
        return update | ({image: path} if path and image else {})

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

    async def check(self, who: str, upload: Any, request: gr.Request) -> tuple[str, Any]:
        """Look at an uploaded picture at once: keep it, or say what is wrong with it."""
        try:
            picture = await self.uploads.picture(upload)
            kept = await self.uploads.keep(picture, owner_of(request, who))
        except PlaygroundError as error:
            return markup.notice(messages.trouble(error)), None
        size = messages.picture(picture)
        return markup.notice(size, "info"), kept

    async def use_shown(self, who: str, event: gr.EventData, request: gr.Request) -> Update:
        """Use the settings of a picture of the current result."""
        return await self.use_all(who, text(event, "entry"), request)

    async def send_shown(self, who: str, event: gr.EventData, request: gr.Request) -> Update:
        """Send a picture of the current result to image-to-image."""
        return await self.send_chosen(who, text(event, "entry"), request)

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
        """Put an entry's picture where image-to-image starts from, with its prompt."""
        owner = owner_of(request, who)
        entry = await self._entry(entry_id, owner)
        handlers = self.tabs_of["image-to-image"]
        try:
            picture = await self.uploads.load(await self.studio.file(entry.file))
            kept = await self.uploads.keep(picture, owner)
            path = await self.uploads.to_cache(kept["name"])
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error
        return handlers.tab.quiet() | {
            self.menu: gr.update(selected="image-to-image"),
            handlers.tab.image: path,
            handlers.tab.prompt: entry.prompt,
            self.kept: kept,
            handlers.tab.notices["image"]: markup.notice(messages.picture(picture), "info"),
        }

    async def _entry(self, entry_id: str, owner: str) -> Entry:
        try:
            return await self.studio.entry(entry_id, owner=owner)
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error

    async def _fill(
        self, task: Task, backend: str, values: Mapping[str, Any], owner: str
    ) -> Update:
        """Fill a tab's form and show it, with the picture it started from if that is the owner's.

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
                update[handlers.tab.notices["image"]] = markup.notice(messages.SOURCE_GONE, "info")
        return update

    async def dropped(self, who: Any, event: gr.EventData, request: gr.Request) -> Update:
        """Restore the settings of a file that was dropped anywhere on the page."""
        return await self.drop(who, str(told(event, "path") or ""), request)

    async def drop(self, who: Any, path: Any, request: gr.Request) -> Update:
        """Restore the settings that a file tells of itself."""
        try:
            reading = await self.uploads.settings(path)
            if reading is None:
                raise InputError(messages.NO_METADATA)
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error
        record = reading.record
        task: Task = "image-to-image" if record.get("task") == TASKS[1] else "text-to-image"
        gr.Info(messages.restored(reading))
        backend = str(record.get("backend", ""))
        return await self._fill(task, backend, reading.params, owner_of(request, who))


def build(
    studio: Studio,
    tokens: Tokens,
    default: str,
    examples: Sequence[Mapping[str, str]],
    *,
    ask_above: float = 0.1,
    login: account.Login = "",
) -> gr.Blocks:
    """Build the page and the named API on a studio.

    `default` is the backend shown first; above `ask_above` dollars a click is confirmed;
    `login` says how users sign in.
    """
    media = Media(studio)
    uploads = Uploads(media)
    signing_in = account.button(login)
    with Patient(title=messages.TITLE, fill_width=True, analytics_enabled=False) as demo:
        closed = {name: messages.trouble(error) for name, error in studio.closed_to().items()}
        Api(studio, media, uploads, default).register()  # first, so that it gets the plain names
        gr.HTML(markup.header(studio.closed), elem_classes="masthead")
        who = gr.BrowserState("", storage_key="srpo-who", secret="srpo")
        kept = gr.BrowserState(None, storage_key="srpo-picture", secret="srpo")
        account.build(studio, login, signing_in, who, demo.load)
        offered = {task for backend in studio.backends.values() for task in backend.tasks}
        memories = {task: tabs.remember(task) for task in TASKS if task in offered}
        restorer = gr.HTML("", js_on_load=DROP, elem_classes="restorer")
        with gr.Tabs(elem_classes="tabs", overflow_behavior="wrap") as menu:
            tabs_of: dict[Task, Handlers] = {}
            for task in TASKS:
                if task in memories:
                    made = layout.build(
                        task,
                        studio.backends,
                        default,
                        memories[task],
                        examples,
                        closed=closed,
                        most=studio.images_per_click,
                    )
                    tabs_of[task] = Handlers(made, studio, media, uploads, who, ask_above)
            history_handlers = HistoryHandlers(history_tab.build(), studio, media, who)
            SpendingTab(studio, who).build()
            keyed = backends_tab.build(studio, tokens, who)
        gr.HTML(markup.footer(), elem_classes="colophon")
        page = Page(
            studio, media, uploads, menu, tabs_of, history_handlers.tab, who, kept, restorer, keyed
        )
        for handlers in tabs_of.values():
            handlers.wire(demo.load)
        history_handlers.wire()
        page.wire(demo.load)
    return demo
