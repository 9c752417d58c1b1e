"""Lays out the form of a task: the prompt, what it is made with, and Generate below it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from core.backend import Backend, offered, usual_price
from core.params import MAX_PROMPT, Task
from core.words import say
from ui import markup, messages
from ui.generate import form
from ui.generate.form import Form
from ui.generate.tab import Tab
from ui.markup import NOTHING

MOST_PICTURES = 8


def build(
    task: Task,
    backends: Mapping[str, Backend],
    first: str,
    saved: gr.BrowserState,
    watch: gr.BrowserState,
    examples: Sequence[Mapping[str, Any]] = (),
    *,
    closed: Mapping[str, str] = NOTHING,
    most: int = MOST_PICTURES,
) -> Tab:
    """Build the tab of a task for the backends that offer it.

    `saved` remembers the form and `watch` the last click; `closed` says why backends take nothing
    from anybody here, `most` how many images one click may ask for.
    """
    able = {
        name: backend
        for name, backend in backends.items()
        if task in backend.tasks and offered(backend)
    }
    first = first if first in able else next(iter(able))
    with (
        gr.Tab(messages.task(task), id=task, render_children=True) as item,
        gr.Column(elem_classes="workbench-form"),
    ):
        with gr.Column(elem_classes="controls"):
            parts = _wishes(task, able[first], examples)
            parts |= _choices(task, able, first, closed)
            # Made once what stands above it was drawn: the page can be used before.
            with gr.Accordion("", open=False, elem_classes="rest"):
                parts |= _forms(task, able, first, watch, min(most, MOST_PICTURES))
                parts["collection"] = _collection(task)
                gr.HTML(markup.footer(), elem_classes="licence", apply_default_css=False)
        with gr.Column(elem_classes="orders"):
            parts["notices"]["form"] = _notice()
            parts |= _orders(task, able[first])
    tab = Tab(task=task, item=item, saved=saved, closed=closed, **parts)
    _remember(tab)
    return tab


def _notice(**options: Any) -> gr.HTML:
    """A place for a sentence about what stands above it."""
    return gr.HTML(elem_classes="notices", apply_default_css=False, **options)


def _wishes(task: Task, backend: Backend, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The image to start from, and the prompt with its tools inside the same box."""
    image = None
    if task == "image-to-image":
        image = gr.Image(
            label=say("source-image"),
            type="filepath",
            image_mode=None,
            sources=["upload", "clipboard"],
            height=108,
            buttons=[],
            elem_id=f"{task}-image",
            elem_classes="source",
        )
    notices = {"image": _notice(visible=task == "image-to-image")}
    with gr.Column(elem_classes="prompt-box"):
        prompt = _prompt(task)
        gr.HTML(markup.prompt_tools(task, examples), elem_classes="tools", apply_default_css=False)
        chips = gr.HTML(
            markup.chips(backend),
            elem_id=f"{task}-chips",
            elem_classes="suggested",
            apply_default_css=False,
        )
    notices["prompt"] = _notice()
    return {"prompt": prompt, "image": image, "notices": notices, "chips": chips}


def _prompt(task: Task) -> gr.Textbox:
    """Where the image is described."""
    return gr.Textbox(
        label=say("fact-prompt"),
        placeholder=say("prompt-example"),
        lines=3,
        max_lines=8,
        max_length=MAX_PROMPT,
        elem_id=f"{task}-prompt",
        elem_classes="prompt",
    )


def _choices(
    task: Task, able: Mapping[str, Backend], first: str, closed: Mapping[str, str]
) -> dict[str, Any]:
    """The menu of backends, and what must be known of the one that is chosen."""
    choice = gr.Dropdown(
        [(messages.backend_name(one, closed=name in closed), name) for name, one in able.items()],
        value=first,
        label=say("form-backend"),
        elem_id=f"{task}-backend",
        elem_classes="field choice over",
    )
    said = markup.about(able[first], closed.get(first, ""))
    about = gr.HTML(said, elem_classes="about", apply_default_css=False)
    return {"backend": choice, "about": about, "shown": gr.Textbox(first, visible=False)}


def _forms(
    task: Task, able: Mapping[str, Backend], first: str, watch: gr.BrowserState, most: int
) -> dict[str, Any]:
    """The forms of the backends, one of them visible, with the number of images between."""
    halves = {
        name: form.begin(name, backend.tasks[task], visible=name == first)
        for name, backend in able.items()
    }
    pictures = _pictures(task, most)
    forms: dict[str, Form] = {
        name: form.finish(half, watch, pictures, visible=name == first)
        for name, half in halves.items()
    }
    return {"pictures": pictures, "forms": forms}


def _pictures(task: Task, most: int) -> gr.Number:
    """How many images a click makes: a number between two buttons."""
    with gr.Row(elem_classes="stepper"):
        fewer = gr.Button(say("form-fewer"), size="sm", elem_classes="icon fewer", min_width=0)
        pictures = gr.Number(
            1,
            label=say("form-images"),
            precision=0,
            minimum=1,
            maximum=most,
            elem_id=f"{task}-pictures",
            elem_classes="field number",
            min_width=40,
        )
        more = gr.Button(say("form-more"), size="sm", elem_classes="icon more", min_width=0)
    for button, by in ((fewer, -1), (more, 1)):
        button.click(
            None,
            [pictures],
            [pictures],
            js=f"(count) => srpo.legal((count || 1) + ({by}), [1, {most}, 1])",
            api_visibility="private",
            show_progress="hidden",
        )
    return pictures


def _collection(task: Task) -> gr.Dropdown:
    """Where new images go: a collection there is, or a title for a new one."""
    return gr.Dropdown(
        [],
        value="",
        allow_custom_value=True,
        label=say("form-collection"),
        info=say("form-collection-about"),
        elem_id=f"{task}-collection",
        elem_classes="field choice",
    )


def _orders(task: Task, backend: Backend) -> dict[str, Any]:
    """Go; below it how long that takes, and the keys that do the same."""
    price = usual_price(backend, task)
    with gr.Row(elem_classes="go"):
        generate = gr.Button(
            messages.generate_label(price),
            variant="primary",
            elem_id=f"{task}-generate",
            elem_classes="generate",
        )
        code = gr.Button("</>", elem_id=f"{task}-code", elem_classes="code", scale=0)
    hint = gr.HTML(markup.hint(""), elem_classes="hint", apply_default_css=False)
    return {
        "generate": generate,
        "code": code,
        "hint": hint,
        "price": gr.Number(price, visible=False),
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
