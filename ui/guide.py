"""The Backends tab: which are ready, why the others are not, and how programs call this one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import gradio as gr

from core.backend import Backend, Loadable
from ui import draw
from ui.make import FREE, PRIVATE
from ui.server.caller import seen_of
from ui.tab import Update

CLIENT = """from gradio_client import Client

client = Client("{url}")
picture, info = client.predict(
    prompt="A white boat on a teal sea at sunset",
    api_name="/text_to_image",
)
print(picture, info["seed"])"""
CURL = """curl -s {url}/gradio_api/call/v2/text_to_image \\
  -H "Content-Type: application/json" \\
  -d '{{"prompt": "A white boat on a teal sea at sunset"}}' \\
  | sed 's/.*"event_id" *: *"\\([^"]*\\)".*/\\1/' \\
  | xargs -I ID curl -sN {url}/gradio_api/call/text_to_image/ID"""
MCP = """{{
  "mcpServers": {{
    "flux-srpo-playground": {{"url": "{url}/gradio_api/mcp/"}}
  }}
}}"""

COPY = """
element.addEventListener('click', async (event) => {
  const button = event.target.closest('button.copy');
  if (!button) return;
  await srpo.copy(button.closest('section').querySelector('pre').innerText);
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = 'Copy'; }, 1500);
});
"""


def build(backends: Mapping[str, Backend]) -> None:
    """Lay the tab out."""
    with gr.Tab("Backends", id="backends", render_children=True) as item:
        plain = {"apply_default_css": False}
        cards = gr.HTML(draw.backends(list(backends.values())), elem_id="backends-cards", **plain)
        again = gr.Button("Load again", size="sm", visible=False, elem_id="backends-load")
        ticks = gr.Timer(1.0, active=False)
        snippets = gr.HTML(elem_id="backends-snippets", js_on_load=COPY, **plain)

    models = [backend for backend in backends.values() if isinstance(backend, Loadable)]

    def stand() -> Update:
        """Draw how the backends stand, and look again soon while one is being loaded."""
        stages = {backend.readiness().stage for backend in models}
        return {
            cards: draw.backends(list(backends.values())),
            again: gr.update(visible="error" in stages),
            ticks: gr.Timer(active=bool(stages & {"loading", "warming"})),
        }

    async def load() -> AsyncIterator[Update]:
        """Try once more to load what could not be loaded."""
        failed = [backend for backend in models if backend.readiness().stage == "error"]
        work = [asyncio.ensure_future(backend.load()) for backend in failed]
        await asyncio.sleep(0)
        yield stand() | {again: gr.update(visible=False), ticks: gr.Timer(active=True)}
        await asyncio.gather(*work)
        yield stand()

    def show(request: gr.Request) -> Update:
        return stand() | {snippets: draw.snippets(_texts(seen_of(request.headers).page))}

    item.select(show, None, [cards, again, ticks, snippets], **PRIVATE)
    ticks.tick(stand, None, [cards, again, ticks], **FREE)
    again.click(load, None, [cards, again, ticks], **FREE)


def _texts(url: str) -> dict[str, str]:
    return {
        "Python: gradio_client": CLIENT.format(url=url),
        "Shell: curl": CURL.format(url=url),
        "MCP: settings of an assistant": MCP.format(url=url),
    }
