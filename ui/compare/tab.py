"""Lays out the Compare tab: its form, its stage, and the channels between them and the server.

Form and table are drawn in the browser by `assets/compare*.js`, so that a set of 200 images changes
cell by cell; what the server says comes as plain values, never as markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import gradio as gr

from core.params import MAX_PROMPT
from core.words import say
from ui import markup, messages
from ui.compare.asked import FIELDS
from ui.server.set_files import USUAL

HUB = """
srpo.compare.connect((event, detail) => {
  if (event === 'overview') trigger('overview', detail);
  if (event === 'plan') trigger('plan', detail);
  if (event === 'run') trigger('run', detail);
  if (event === 'show') trigger('show', detail);
  if (event === 'act') trigger('act', detail);
  if (event === 'alter') trigger('alter', detail);
  if (event === 'differ') trigger('differ', detail);
  if (event === 'fill') trigger('fill', detail);
  if (event === 'source') trigger('source', detail);
  if (event === 'vary') trigger('vary', detail);
  if (event === 'links') trigger('links', detail);
  if (event === 'styles') trigger('styles', detail);
}, upload);
"""
TELL = "watch('value', () => srpo.compare.told('{name}', props.value));"
"""What the server says on a channel; the page takes the whole value and draws what changed."""


@dataclass(frozen=True, slots=True)
class CompareTab:
    """The components of the tab: where clicks go in, and the channels by which news come back."""

    item: gr.Tab
    hub: gr.HTML
    overview: gr.HTML
    """What can be compared, and the sets there are."""
    plan: gr.HTML
    table: gr.HTML
    differ: gr.HTML
    link: gr.HTML
    """A link to look at a set, and how many there are."""
    fill: gr.HTML
    """What is put into the form."""
    styles: gr.HTML
    """What came of a file of styles."""


def build(examples: Sequence[Mapping[str, str]], *, sharing: bool) -> gr.Tab:
    """Lay the tab out; `examples` are prompts to start from, `sharing` is whether links are on."""
    with gr.Tab(say("tab-compare"), id="compare", render_children=True) as item:
        gr.HTML(
            markup.render(
                "compare_form",
                task="compare",
                ideas=examples,
                fields=[(name, messages.label(name)) for name in FIELDS],
                most=MAX_PROMPT,
            ),
            elem_id="compare-form",
            apply_default_css=False,
        )
        stage = markup.render("compare_stage", names=USUAL, sharing=sharing)
        gr.HTML(stage, elem_id="compare-stage", apply_default_css=False)
    return item


def connect(item: gr.Tab) -> CompareTab:
    """Make the channels, outside of the tabs: what a tab holds is not there before it is shown."""
    names = ("overview", "plan", "table", "differ", "link", "fill", "styles")
    channels = {name: _channel(name) for name in names}
    frame = markup.render("variations")
    hub = gr.HTML(frame, js_on_load=HUB, elem_classes="restorer")
    return CompareTab(item=item, hub=hub, **channels)


def _channel(name: str) -> gr.HTML:
    """Make a component that is never seen and hands a value to the page's script."""
    js = TELL.replace("{name}", name)
    return gr.HTML({}, html_template="", js_on_load=js, elem_classes="restorer")
