"""A tab that makes images: its components, and how values get into them and out of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.backend import Backend, lent_s
from core.money import MICROS, micros
from core.params import MAX_SEED, Params, Task
from ui import markup, messages
from ui.generate import form
from ui.generate.form import Form

Update = dict[Any, Any]
"""New values or properties by component."""


@dataclass(frozen=True, slots=True)
class Tab:
    """The components of one task's tab."""

    task: Task
    item: gr.Tab
    prompt: gr.Textbox
    chips: gr.HTML
    image: gr.Image | None
    backend: gr.Dropdown
    about: gr.HTML
    shown: gr.Textbox
    pictures: gr.Number
    collection: gr.Dropdown
    """The title of the collection that new images go into; empty for none."""
    forms: Mapping[str, Form]
    generate: gr.Button
    code: gr.Button
    hint: gr.HTML
    """How long an image takes."""
    price: gr.Number
    """What a click costs in dollars, as the button says it."""
    closed: Mapping[str, str]
    """Why backends take nothing from anybody here, by id."""
    notices: Mapping[str, gr.HTML]
    click: gr.Textbox
    saved: gr.BrowserState

    def parts(self) -> list[Any]:
        """Return what is remembered in the browser, in the order of `names`."""
        return [self.prompt, self.backend, self.pictures, self.collection, *self._fields()]

    def names(self) -> list[str]:
        """Name the parts: shared ones plainly, a form's fields as `backend.field`."""
        fields = [f"{key}.{name}" for key, one in self.forms.items() for name in one.fields]
        return ["prompt", "backend", "pictures", "collection", *fields]

    def _fields(self) -> list[Any]:
        return [part for one in self.forms.values() for part in one.fields.values()]

    def values(self, data: Mapping[Any, Any], backend: str) -> dict[str, Any]:
        """Return the values of a backend's form, with the prompt."""
        chosen = self.forms[backend].fields
        found = {"prompt": data[self.prompt] or ""} | {n: data[part] for n, part in chosen.items()}
        return found | ({"seed": form.seed_of(found["seed"])} if "seed" in found else {})

    def menu(self, backends: Mapping[str, Backend], own: Collection[str] = ()) -> Any:
        """Name the backends as they are for this visitor; `own` are reached with own keys."""
        names = (
            (messages.backend_name(backends[one], own=one in own, closed=one in self.closed), one)
            for one in self.forms
        )
        return gr.update(choices=list(names))

    def show(
        self,
        backends: Mapping[str, Backend],
        backend: str,
        pictures: int = 1,
        own: Collection[str] = (),
    ) -> Update:
        """Show the form of a backend, what it says of itself, and the price of a click."""
        groups: Update = {
            group: gr.update(visible=k == backend)
            for k, one in self.forms.items()
            for group in one.groups
        }
        chosen = backends[backend]
        return groups | {
            self.shown: backend,
            self.about: markup.about(
                chosen, "" if backend in own else self.closed.get(backend, ""), own=backend in own
            ),
            self.chips: markup.chips(chosen),
            **self.priced(chosen, pictures),
        }

    def priced(
        self, backend: Backend, pictures: int, values: Mapping[str, Any] | None = None
    ) -> Update:
        """Put the price of a click on the button, and into what the click will carry.

        `values` are those of the form, where they are known; the price may depend on them.
        """
        params = self._params(backend, values or {})
        each, lent = backend.price(params), lent_s(backend, params)
        total = None if each is None else micros(each) * pictures / MICROS
        label = messages.generate_label(
            total, None if lent is None else lent * pictures, count=pictures
        )
        return {self.generate: gr.update(value=label), self.price: total}

    def _params(self, backend: Backend, values: Mapping[str, Any]) -> Params:
        """Return the form as it stands, unchecked."""
        kind = backend.tasks[self.task]
        legal = form.carry(values, self.forms[backend.id])
        picture = {"image": values["image"]} if values.get("image") else {}
        return kind.model_construct(prompt="", **(legal | picture))

    def chosen(self) -> list[Any]:
        """Return what depends on which backend is chosen, besides the forms."""
        return [self.shown, self.about, self.chips, self.generate, self.price]

    def count(self, pictures: Any) -> int:
        """Return how many images the form asks for, held to what the field offers."""
        number = isinstance(pictures, int | float) and not isinstance(pictures, bool)
        if not number or (isinstance(pictures, float) and math.isnan(pictures)):
            return 1
        return int(min(max(pictures, 1), self.pictures.maximum))

    def fill(self, backend: str, values: Mapping[str, Any]) -> Update:
        """Put those of `values` that are legal into a backend's form."""
        # An image that tells of no variation has none.
        taken = form.carry({"variation_strength": 0.0, **values}, self.forms[backend])
        return {self.forms[backend].fields[name]: value for name, value in taken.items()}

    def quiet(self) -> Update:
        """Take back earlier complaints."""
        return dict.fromkeys(self.notices.values(), "")

    def complain(self, field: str, text: str) -> Update:
        """Put a sentence at the field it is about."""
        place = field if field in self.notices else "form"
        return self.quiet() | {self.notices[place]: markup.notice(text)}


def remember(task: Task) -> gr.BrowserState:
    """Make the memory of a form; outside gr.Tabs, where it is read even while the tab is hidden."""
    return gr.BrowserState(None, storage_key=f"srpo-form-{task}", secret="srpo")


def seeds(first: int, count: int) -> Sequence[int]:
    """Return `count` seeds that count up from `first` and wrap around at the largest."""
    return [(first + offset) % (MAX_SEED + 1) for offset in range(count)]
