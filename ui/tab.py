"""A tab that makes pictures: its components, and how values get into them and out of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.backend import Backend
from core.params import MAX_PROMPT, MAX_SEED, Task
from ui import draw, form, words
from ui.form import Form

MOST_PICTURES = 8
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

Update = dict[Any, Any]
"""New values or properties by component."""


@dataclass(frozen=True, slots=True)
class Tab:
    """The components of one task's tab."""

    task: Task
    item: gr.Tab
    prompt: gr.Textbox
    image: gr.Image | None
    backend: gr.Dropdown
    shown: gr.Textbox
    pictures: gr.Slider
    forms: Mapping[str, Form]
    generate: gr.Button
    cancel: gr.Button
    status: gr.HTML
    stage: gr.HTML
    notices: Mapping[str, gr.HTML]
    watch: gr.BrowserState
    saved: gr.BrowserState

    def parts(self) -> list[Any]:
        """Return what is remembered in the browser, in the order of `names`."""
        return [self.prompt, self.backend, self.pictures, *self._fields()]

    def names(self) -> list[str]:
        """Name the parts: shared ones plainly, a form's fields as `backend.field`."""
        fields = [f"{key}.{name}" for key, one in self.forms.items() for name in one.fields]
        return ["prompt", "backend", "pictures", *fields]

    def _fields(self) -> list[Any]:
        return [part for one in self.forms.values() for part in one.fields.values()]

    def values(self, data: Mapping[Any, Any], backend: str) -> dict[str, Any]:
        """Return the values of a backend's form, with the prompt."""
        chosen = self.forms[backend].fields
        return {"prompt": data[self.prompt] or ""} | {n: data[part] for n, part in chosen.items()}

    def show(self, backends: Mapping[str, Backend], backend: str, pictures: int = 1) -> Update:
        """Show the form of a backend, and its price on the button."""
        groups: Update = {
            one.group: gr.update(visible=k == backend) for k, one in self.forms.items()
        }
        label = words.generate_label(backends[backend].price_usd, int(pictures or 1))
        return groups | {self.shown: backend, self.generate: gr.update(value=label)}

    def fill(self, backend: str, values: Mapping[str, Any]) -> Update:
        """Put those of `values` that are legal into a backend's form."""
        taken = form.carry(values, self.forms[backend])
        return {self.forms[backend].fields[name]: value for name, value in taken.items()}

    def quiet(self) -> Update:
        """Take back earlier complaints."""
        return dict.fromkeys(self.notices.values(), "")

    def complain(self, field: str, text: str) -> Update:
        """Put a sentence at the field it is about."""
        place = field if field in self.notices else "form"
        return self.quiet() | {self.notices[place]: draw.notice(text)}

    def busy(self, working: bool) -> Update:
        """Lock or free the buttons."""
        return {
            self.generate: gr.update(interactive=not working),
            self.cancel: gr.update(visible=working),
        }


@dataclass(frozen=True, slots=True)
class Memory:
    """What the browser remembers of a tab: its form, and the jobs it watches."""

    saved: gr.BrowserState
    watch: gr.BrowserState


def remember(task: Task) -> Memory:
    """Make a tab's memory; outside gr.Tabs, where it is read even while the tab is not shown."""
    return Memory(
        gr.BrowserState(None, storage_key=f"srpo-form-{task}", secret="srpo"),
        gr.BrowserState(None, storage_key=f"srpo-watch-{task}", secret="srpo"),
    )


def build(
    task: Task,
    backends: Mapping[str, Backend],
    first: str,
    memory: Memory,
    examples: Sequence[Mapping[str, str]] = (),
) -> Tab:
    """Build the tab of a task for the backends that offer it."""
    able = {name: backend for name, backend in backends.items() if task in backend.tasks}
    first = first if first in able else next(iter(able))
    title = task.replace("-", " ").capitalize()
    with gr.Tab(title, id=task, render_children=True) as item, gr.Row(elem_classes="desk"):
        with gr.Column(scale=2, min_width=320, elem_classes="controls"):
            wishes = _wishes(task)
            choice = _choice(task, able, first)
            shown = gr.Textbox(first, visible=False)
            forms = {
                name: form.build(name, backend.tasks[task], memory.watch, visible=name == first)
                for name, backend in able.items()
            }
            form_notice = gr.HTML(elem_classes="notices", apply_default_css=False)
            orders = _orders(task, able[first])
        with gr.Column(scale=3, min_width=320, elem_classes="result"):
            status, stage = _shown(task)
            _ideas(examples, wishes["prompt"])
    tab = Tab(
        task=task,
        item=item,
        backend=choice,
        shown=shown,
        forms=forms,
        status=status,
        stage=stage,
        watch=memory.watch,
        saved=memory.saved,
        notices={
            "prompt": wishes.pop("notice"),
            "image": wishes.pop("image_notice"),
            "form": form_notice,
        },
        **wishes,
        **orders,
    )
    _remember(tab)
    return tab


def _choice(task: Task, able: Mapping[str, Backend], first: str) -> gr.Dropdown:
    """The menu of backends."""
    return gr.Dropdown(
        [(words.backend_name(backend), name) for name, backend in able.items()],
        value=first,
        label="Backend",
        elem_id=f"{task}-backend",
        elem_classes="field choice",
    )


def _ideas(examples: Sequence[Mapping[str, str]], prompt: gr.Textbox) -> None:
    """Prompts to start from; a click puts one into the prompt."""
    ideas = gr.HTML(
        draw.examples(examples), elem_classes="ideas", js_on_load=IDEAS, apply_default_css=False
    )
    ideas.idea(_prompt_of, None, [prompt], queue=False, api_visibility="private")


def _shown(task: Task) -> tuple[gr.HTML, gr.HTML]:
    """The progress of the jobs, and their pictures below it."""
    status = gr.HTML(elem_id=f"{task}-status", elem_classes="status", apply_default_css=False)
    stage = gr.HTML(
        draw.stage([]), elem_id=f"{task}-stage", js_on_load=ACTIONS, apply_default_css=False
    )
    return status, stage


def _prompt_of(event: gr.EventData) -> str:
    return str(event.prompt)


def _wishes(task: Task) -> dict[str, Any]:
    """The prompt and, on image-to-image, the picture to start from."""
    image = None
    plain: dict[str, Any] = {"elem_classes": "notices", "apply_default_css": False}
    image_notice = gr.HTML(visible=task == "image-to-image", render=False, **plain)
    if task == "image-to-image":
        image = gr.Image(
            label="Picture to start from",
            type="filepath",
            image_mode=None,
            sources=["upload", "clipboard"],
            height=240,
            buttons=[],
            elem_id=f"{task}-image",
            elem_classes="source",
        )
    image_notice.render()
    prompt = gr.Textbox(
        label="Prompt",
        info="Ctrl or ⌘ + Enter generates, Esc cancels.",
        placeholder="A lighthouse above a teal sea at sunset, snowy mountains",
        lines=3,
        max_lines=10,
        max_length=MAX_PROMPT,
        elem_id=f"{task}-prompt",
        elem_classes="prompt",
    )
    notice = gr.HTML(**plain)
    return {"prompt": prompt, "image": image, "notice": notice, "image_notice": image_notice}


def _orders(task: Task, backend: Backend) -> dict[str, Any]:
    """How many, go, and stop."""
    pictures = gr.Slider(
        1,
        MOST_PICTURES,
        1,
        step=1,
        label="Pictures",
        info="Each is its own job; seeds count up.",
        buttons=[],
        elem_id=f"{task}-pictures",
        elem_classes="field slider",
    )
    with gr.Row(elem_classes="orders"):
        generate = gr.Button(
            words.generate_label(backend.price_usd),
            variant="primary",
            elem_id=f"{task}-generate",
            elem_classes="generate",
            scale=3,
        )
        cancel = gr.Button(
            "Cancel", visible=False, elem_id=f"{task}-cancel", elem_classes="cancel", min_width=90
        )
    return {"pictures": pictures, "generate": generate, "cancel": cancel}


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


def seeds(first: int, count: int) -> Sequence[int]:
    """Return `count` seeds that count up from `first` and wrap around at the largest."""
    return [(first + offset) % (MAX_SEED + 1) for offset in range(count)]
