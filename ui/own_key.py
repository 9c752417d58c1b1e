"""Where a visitor enters a key of their own on the Backends tab, and lets it go.

The key is no component's value, because Gradio keeps those: a form sends it with an event that does
not pass the queue, and is empty at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from core.errors import PlaygroundError
from core.studio import Studio
from ui import markup, messages
from ui.clicks import text, told
from ui.generate.session import PRIVATE
from ui.generate.tab import Update
from ui.server.owner import owner_of

ENTERED = """
const place = element.closest('#backends-keys');
place.addEventListener('submit', (event) => {
  event.preventDefault();
  const form = event.target;
  const box = form.querySelector('input');
  const key = box.value;
  box.value = '';
  trigger('own', {service: form.dataset.service, key});
});
place.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-forget]');
  if (button) trigger('own', {service: button.dataset.forget, forget: true});
});
"""
"""Hears of all forms and buttons around it: each event of its own would cost the page's start."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The forms for visitors' own keys; `who` is the token by which the browser is known."""

    studio: Studio
    who: gr.BrowserState
    notices: dict[str, gr.HTML] = field(default_factory=dict)
    """What is said of each service's key, below its form."""

    def build(self) -> list[Any]:
        """Lay the forms out; returns the events after which keys are others than before."""
        plain = {"apply_default_css": False}
        backends = self.studio.takes_keys()
        if not backends:
            return []
        with gr.Column(elem_id="backends-keys"):
            gr.HTML(markup.own_keys(), **plain)
            for backend in backends:
                gr.HTML(markup.key_form(backend.id, backend.label), **plain)
                self.notices[backend.id] = gr.HTML(
                    elem_id=f"own-key-{backend.id}-said", elem_classes="notices", **plain
                )
            hub = gr.HTML("", js_on_load=ENTERED, elem_classes="restorer", **plain)
        said = list(self.notices.values())
        return [hub.own(self.change, [self.who], said, queue=False, **PRIVATE)]

    def told(self, owner: str) -> Update:
        """Say which keys are in use."""
        return {self.notices[service]: self._in_use(owner, service) for service in self.notices}

    async def change(self, who: Any, event: gr.EventData, request: gr.Request) -> Update:
        """Hold the key that was entered, or let the one that is held go."""
        service = text(event, "service")
        if service not in self.notices:
            return {}
        owner = owner_of(request, who)
        try:
            if told(event, "forget"):
                said = messages.forgotten(await self.studio.forget_key(owner, service))
                drawn = markup.notice(said, "info")
            else:
                entered = await self.studio.enter_key(owner, service, text(event, "key"))
                said = messages.entered(entered)
                drawn = markup.own_key(service, self.studio.backends[service].label, said)
        except PlaygroundError as error:
            drawn = markup.notice(messages.trouble(error)) + self._in_use(owner, service)
        return {self.notices[service]: drawn}

    def _in_use(self, owner: str, service: str) -> str:
        backend = self.studio.own_backends(owner).get(service)
        if backend is None:
            return ""
        return markup.own_key(service, backend.label, messages.own_key(backend))
