"""Lays out what both tasks share: the stage, the filmstrip below it, and the queue as a drawer."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from ui import markup
from ui.generate import queue, strip

HUB = """
srpo.connect((event, detail) => {
  if (event === 'act') trigger('act', detail);
  if (event === 'use') trigger('use', detail);
  if (event === 'send') trigger('send', detail);
  if (event === 'idea') trigger('idea', detail);
  if (event === 'undo') trigger('undo', detail);
});
"""
"""Buttons stand in many parts of the page; `assets/workbench.js` hands their clicks over here."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The components of the stage and its filmstrip; `watch` is what the browser remembers."""

    show: gr.HTML
    live: gr.HTML
    """The jobs that run, wait or need a person, and what is said of them."""
    shots: gr.HTML
    """The finished images of the session."""
    queue: gr.HTML
    hub: gr.HTML
    watch: gr.BrowserState


def remember() -> gr.BrowserState:
    """Make the memory of the session: its jobs, and the last click."""
    return gr.BrowserState(None, storage_key="srpo-watch", secret="srpo")


def build(watch: gr.BrowserState) -> Stage:
    """Lay the right side of the page out."""
    with gr.Column(elem_classes="bench"):
        show = gr.HTML(markup.render("stage"), elem_id="stage", apply_default_css=False)
        with gr.Row(elem_classes="strip", elem_id="strip"):
            live = gr.HTML(strip.live([]), elem_id="live", apply_default_css=False)
            shots = gr.HTML(elem_id="shots", apply_default_css=False)
        drawer = gr.HTML(queue.status([]), elem_id="queue", apply_default_css=False)
        hub = gr.HTML("", js_on_load=HUB, elem_classes="restorer", render=False)
    return Stage(show=show, live=live, shots=shots, queue=drawer, hub=hub, watch=watch)
