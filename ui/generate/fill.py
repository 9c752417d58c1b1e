"""How values get into a tab's forms: from another form, the browser's memory, an entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.params import Edit
from core.pictures import Picture
from core.studio import Studio
from ui import markup, messages
from ui.generate import form
from ui.generate.tab import Tab, Update
from ui.server.owner import owner_of


@dataclass(frozen=True, slots=True)
class Filling:
    """Fills the forms of one tab."""

    tab: Tab
    studio: Studio
    who: gr.BrowserState

    def show(self, owner: str, backend: str, pictures: int = 1) -> Update:
        """Show a backend as it is for an owner: with the owner's own key where one is set."""
        own = self.studio.own_backends(owner)
        return self.tab.show(self.studio.backends_of(owner), backend, pictures, own)

    def menu(self, owner: str) -> Any:
        """Name the backends in the menu as they are for an owner."""
        return self.tab.menu(self.studio.backends_of(owner), self.studio.own_backends(owner))

    def switch(self, data: dict[Any, Any], request: gr.Request) -> Update:
        """Show another backend's form with the shared values carried over, and the price."""
        tab, backend = self.tab, data[self.tab.backend]
        shown = data[tab.shown]
        if not self.has(backend) or not self.has(shown):
            return {tab.shown: shown if self.has(shown) else str(tab.shown.value)}
        owner = owner_of(request, data[self.who])
        update = self.show(owner, backend, tab.count(data[tab.pictures]))
        update |= self.reprice({**data, tab.shown: backend}, owner, None)
        if shown != backend:
            update |= tab.fill(backend, self._carried(data, shown, backend))
        return update

    def reprice(self, data: Mapping[Any, Any], owner: str, picture: Picture | None) -> Update:
        """Put the price of the form as it stands on the button."""
        tab, backend = self.tab, data[self.tab.shown]
        if not self.has(backend):
            return {}
        values = {**tab.values(data, backend), "image": picture}
        chosen = self.studio.backends_of(owner)[backend]
        return tab.priced(chosen, tab.count(data[tab.pictures]), values)

    def source(self, data: Mapping[Any, Any], owner: str, picture: Picture) -> str:
        """Describe an image to start from: what the chosen backend makes of its size."""
        tab, backend = self.tab, data[self.tab.backend]
        if not self.has(backend):
            return markup.notice(messages.picture(picture), "info")
        chosen = self.studio.backends_of(owner)[backend]
        legal = form.carry(tab.values(data, backend), tab.forms[backend])
        given: dict[str, Any] = {"prompt": "", **legal, "image": picture}
        params = chosen.tasks[tab.task].model_construct(**given)
        if not isinstance(params, Edit):
            return markup.notice(messages.picture(picture), "info")
        small = ""
        if params.too_small and params.least_side:
            small = messages.small_source(chosen.label, params.least_side)
        return markup.notice(messages.picture(picture, params.result_size(), small), "info")

    def has(self, backend: Any) -> bool:
        """Whether what a browser names is a backend of this tab."""
        return isinstance(backend, str) and backend in self.tab.forms

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

    def restored(self, saved: Any, owner: str) -> Update:
        """Return the updates that bring a remembered form back, and today's price on the button."""
        tab = self.tab
        update = self.show(owner, str(tab.backend.value)) | {tab.backend: self.menu(owner)}
        if not isinstance(saved, dict):
            return update
        if isinstance(saved.get("prompt"), str):
            update[tab.prompt] = saved["prompt"]
        update[tab.pictures] = tab.count(saved.get("pictures"))
        if isinstance(saved.get("collection"), str):
            update[tab.collection] = saved["collection"]
        for name in tab.forms:
            own = {k.partition(".")[2]: v for k, v in saved.items() if k.startswith(f"{name}.")}
            update |= tab.fill(name, own)
        if self.has(saved.get("backend")):
            update[tab.backend] = self.menu(owner) | {"value": saved["backend"]}
            update |= self.show(owner, saved["backend"], update[tab.pictures])
        return update

    def taken(self, backend: str, values: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        """Return which values a backend's form, or else the first, can show, and which it cannot.

        The prompt is always taken; the image has a place of its own.
        """
        shown = self.tab.forms.get(backend) or next(iter(self.tab.forms.values()))
        legal = form.carry(values, shown)
        named = [name for name in values if name not in ("prompt", "image")]
        words = ["prompt"] if values.get("prompt") else []
        return (
            [*words, *(name for name in named if name in legal)],
            [name for name in named if name not in legal],
        )

    def use(self, backend: str, values: Mapping[str, Any], owner: str) -> Update:
        """Fill the form with an entry's settings; returns the updates of this tab."""
        tab = self.tab
        update: Update = {}
        if isinstance(values.get("prompt"), str):
            update[tab.prompt] = values["prompt"]
        if backend in tab.forms:
            update |= {tab.backend: backend} | self.show(owner, backend)
            return update | {tab.pictures: 1} | tab.fill(backend, values)
        for name in tab.forms:  # made elsewhere: every form takes what is legal in it
            update |= tab.fill(name, values)
        return update
