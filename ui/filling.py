"""How values get into a tab's forms: from another form, the browser's memory, an entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.studio import Studio
from ui.tab import Tab, Update


@dataclass(frozen=True, slots=True)
class Filling:
    """Fills the forms of one tab."""

    tab: Tab
    studio: Studio

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
        """Return the updates that bring a remembered form back, and today's price on the button."""
        tab = self.tab
        update: Update = tab.show(self.studio.backends, str(tab.backend.value))
        if not isinstance(saved, dict):
            return update
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
