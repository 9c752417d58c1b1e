"""Lays out a tab that makes pictures: wishes on the left, the picture on the right."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from core.backend import Backend, offered, usual_price
from core.params import MAX_PROMPT, Task
from ui import markup, messages
from ui.clicks import told
from ui.generate import form, queue
from ui.generate.tab import Memory, Tab
from ui.markup import NOTHING

ACTIONS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-act]');
  if (!button) return;
  const detail = {entry: button.dataset.entry};
  if (button.dataset.act === 'use') trigger('use', detail);
  if (button.dataset.act === 'send') trigger('send', detail);
});
"""
IDEAS = """
element.addEventListener('click', (event) => {
  const idea = event.target.closest('button[data-prompt]');
  if (idea) trigger('idea', {prompt: idea.dataset.prompt});
});
"""
MOST_PICTURES = 8


def build(
    task: Task,
    backends: Mapping[str, Backend],
    first: str,
    memory: Memory,
    examples: Sequence[Mapping[str, str]] = (),
    *,
    closed: Mapping[str, str] = NOTHING,
    most: int = MOST_PICTURES,
) -> Tab:
    """Build the tab of a task for the backends that offer it.

    `closed` says why backends take nothing from anybody here, `most` how many images one click
    may ask for.
    """
    able = {
        name: backend
        for name, backend in backends.items()
        if task in backend.tasks and offered(backend)
    }
    first = first if first in able else next(iter(able))
    title = task.replace("-", " ").capitalize()
    with gr.Tab(title, id=task, render_children=True) as item, gr.Row(elem_classes="columns"):
        with gr.Column(scale=2, min_width=320, elem_classes="controls"):
            parts = _wishes(task, able[first]) | _choices(task, able, first, memory, closed)
            parts["notices"]["form"] = _notice()
            parts |= _orders(task, able[first], min(most, MOST_PICTURES))
        with gr.Column(scale=3, min_width=320, elem_classes="result"):
            parts |= _shown(task)
            _ideas(examples, parts["prompt"])
    tab = Tab(task=task, item=item, watch=memory.watch, saved=memory.saved, closed=closed, **parts)
    _remember(tab)
    return tab


def _notice(**options: Any) -> gr.HTML:
    """A place for a sentence about what stands above it."""
    return gr.HTML(elem_classes="notices", apply_default_css=False, **options)


def _choices(
    task: Task,
    able: Mapping[str, Backend],
    first: str,
    memory: Memory,
    closed: Mapping[str, str],
) -> dict[str, Any]:
    """The menu of backends and their forms, one of them visible."""
    choice = _choice(task, able, first, closed)
    said = markup.about(able[first], closed.get(first, ""))
    about = gr.HTML(said, elem_classes="about", apply_default_css=False)
    shown = gr.Textbox(first, visible=False)
    forms = {
        name: form.build(name, backend.tasks[task], memory.watch, visible=name == first)
        for name, backend in able.items()
    }
    return {"backend": choice, "about": about, "shown": shown, "forms": forms}


def _choice(
    task: Task, able: Mapping[str, Backend], first: str, closed: Mapping[str, str]
) -> gr.Dropdown:
    """The menu of backends."""
    return gr.Dropdown(
        [(messages.backend_name(one, closed=name in closed), name) for name, one in able.items()],
        value=first,
        label="Backend",
        elem_id=f"{task}-backend",
        elem_classes="field choice",
    )


def _ideas(examples: Sequence[Mapping[str, str]], prompt: gr.Textbox) -> None:
    """Prompts to start from; a click puts one into the prompt."""
    ideas = gr.HTML(
        markup.examples(examples), elem_classes="ideas", js_on_load=IDEAS, apply_default_css=False
    )
    ideas.idea(_prompt_of, None, [prompt], queue=False, api_visibility="private")


def _shown(task: Task) -> dict[str, Any]:
    """The progress of the jobs, and their pictures below it."""
    status = gr.HTML(
        elem_id=f"{task}-status",
        elem_classes="status",
        js_on_load=queue.ACT,
        apply_default_css=False,
    )
    stage = gr.HTML(
        markup.stage([]), elem_id=f"{task}-stage", js_on_load=ACTIONS, apply_default_css=False
    )
    return {"status": status, "stage": stage}


def _prompt_of(event: gr.EventData) -> str:
    return str(told(event, "prompt") or "")


def _wishes(task: Task, backend: Backend) -> dict[str, Any]:
    """The prompt, with what the backend suggests, and the picture to start from."""
    image = None
    if task == "image-to-image":
        image = gr.Image(
            label="Image to start from",
            type="filepath",
            image_mode=None,
            sources=["upload", "clipboard"],
            height=240,
            buttons=[],
            elem_id=f"{task}-image",
            elem_classes="source",
        )
    notices = {"image": _notice(visible=task == "image-to-image")}
    prompt = _prompt(task)
    notices["prompt"] = _notice()
    chips = gr.HTML(
        markup.chips(backend),
        elem_id=f"{task}-chips",
        elem_classes="suggested",
        js_on_load=IDEAS,
        apply_default_css=False,
    )
    chips.idea(_prompt_of, None, [prompt], queue=False, api_visibility="private")
    return {"prompt": prompt, "image": image, "notices": notices, "chips": chips}


def _prompt(task: Task) -> gr.Textbox:
    """Where the picture is described."""
    return gr.Textbox(
        label="Prompt",
        info="Ctrl or ⌘ + Enter generates, Esc cancels.",
        placeholder="A white boat on a teal sea at sunset, snowy mountains",
        lines=3,
        max_lines=10,
        max_length=MAX_PROMPT,
        elem_id=f"{task}-prompt",
        elem_classes="prompt",
    )


def _orders(task: Task, backend: Backend, most: int) -> dict[str, Any]:
    """How many, go, and stop."""
    pictures = gr.Slider(
        1,
        most,
        1,
        step=1,
        label="Images",
        info="Each is its own job; seeds count up.",
        buttons=[],
        elem_id=f"{task}-pictures",
        elem_classes="field slider",
    )
    with gr.Row(elem_classes="orders"):
        generate = gr.Button(
            messages.generate_label(usual_price(backend, task)),
            variant="primary",
            elem_id=f"{task}-generate",
            elem_classes="generate",
            scale=3,
        )
        cancel = gr.Button(
            "Cancel", visible=False, elem_id=f"{task}-cancel", elem_classes="cancel", min_width=90
        )
    return {
        "pictures": pictures,
        "generate": generate,
        "cancel": cancel,
        "price": gr.Number(usual_price(backend, task), visible=False),
        "click": gr.Textbox("", visible=False),
    }


def _remember(tab: Tab) -> None:
    """Keep every value in the browser at each change; nothing leaves it for that."""
    js = f"(...values) => [srpo.keep({json.dumps(tab.names())}, values)]"
    gr.on(
        [part.change for part in tab.parts()],
        None,
        tab.parts(),
        [tab.saved],
        js=js,
        api_visibility="private",
        show_progress="hidden",
    )
