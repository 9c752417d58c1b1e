"""One form for each backend and task, derived from its params: built once, one visible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import gradio as gr

from core.controls import Control, controls
from core.params import Params
from ui import markup, messages

SHARED = ("prompt", "image")
"""Fields that every form of a task has; the tab shows them once, above the forms."""
PRESETS = {
    "Square 1024 × 1024": (1024, 1024),
    "Small square 512 × 512": (512, 512),
    "Landscape 1024 × 768": (1024, 768),
    "Portrait 768 × 1024": (768, 1024),
    "Wide 1024 × 576": (1024, 576),
    "Tall 576 × 1024": (576, 1024),
}


@dataclass(frozen=True, slots=True)
class Form:
    """The components of one params type by field name."""

    backend: str
    kind: type[Params]
    group: gr.Column
    fields: dict[str, Any] = field(default_factory=dict)

    def defaults(self) -> dict[str, Any]:
        """Return what the form shows at first."""
        return {name: part.value for name, part in self.fields.items()}


def build(backend: str, kind: type[Params], watch: gr.BrowserState, *, visible: bool) -> Form:
    """Build the form of a params type; `visible` says whether it is the one shown.

    `watch` holds the seed of the last picture, for *Reuse last*.
    """
    prefix = f"{kind.task}-{backend}"
    listed = {control.name: control for control in controls(kind) if control.name not in SHARED}
    with gr.Column(visible=visible, elem_classes="fields") as group:
        fields: dict[str, Any] = {}
        if "model" in listed:
            fields["model"] = _component(replace(listed.pop("model"), help=""), prefix)
        if "width" in listed and "height" in listed:
            fields |= _size(listed.pop("width"), listed.pop("height"), prefix)
        strength = listed.pop("strength", None)
        if strength:
            fields["strength"] = _component(strength, prefix)
            told = _count(strength, listed)
        seed = listed.pop("seed", None)
        with gr.Accordion("Details", open=False, elem_classes="details"):
            fields |= {name: _component(control, prefix) for name, control in listed.items()}
        if strength and told:
            both = [fields["strength"], fields["steps"]]
            counted = f"(strength, steps) => srpo.counted('{messages.COUNTED}', strength, steps)"
            _script(partial(gr.on, [part.change for part in both]), counted, both, [told])
        if seed:
            fields["seed"] = _seed(seed, prefix, watch)
    return Form(backend, kind, group, {n: fields[n] for n in kind.model_fields if n in fields})


def _count(strength: Control, others: Mapping[str, Control]) -> gr.HTML | None:
    """Make the line that tells how many steps a strength runs, where that is known."""
    if not (strength.counted and "steps" in others):
        return None
    steps = others["steps"].default
    run = steps - int(steps - steps * strength.default)
    return gr.HTML(
        markup.counted(messages.COUNTED.format(run=run, steps=steps)),
        apply_default_css=False,
    )


def carry(old: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """Return those values of another form that are legal in this one."""
    taken = {}
    for control in controls(form.kind):
        value = old.get(control.name)
        if control.name in form.fields and value is not None and legal(control, value):
            taken[control.name] = value
    return taken


def legal(control: Control, value: Any) -> bool:
    """Tell whether a control can show `value`."""
    match control.kind:
        case "choice":
            return value in control.choices
        case "toggle":
            return isinstance(value, bool)
        case "slider" | "number":
            number = isinstance(value, int | float) and not isinstance(value, bool)
            low, high = control.low, control.high
            return number and (low is None or value >= low) and (high is None or value <= high)
        case "text":
            return isinstance(value, str)
        case "picture":
            return False
    raise TypeError(f"not a kind of control: {control.kind!r}")


def _size(width: Control, height: Control, prefix: str) -> dict[str, Any]:
    """Lay out width and height with presets, a swap and a lock of their ratio."""
    names = {pixels: name for name, pixels in PRESETS.items()}
    with gr.Column(elem_classes="size"):
        preset = gr.Dropdown(
            list(PRESETS),
            value=names.get((width.default, height.default)),
            label="Size",
            elem_id=f"{prefix}-preset",
            elem_classes="field choice",
        )
        wide = _component(replace(width, help=""), prefix)
        high = _component(replace(height, help=""), prefix)
        with gr.Row(elem_classes="shape"):
            lock = gr.Checkbox(label="Keep ratio", elem_id=f"{prefix}-lock", scale=1, min_width=110)
            swap = gr.Button("Swap", size="sm", elem_id=f"{prefix}-swap", scale=0, min_width=76)
    both = [wide, high]
    limits = f"[{width.low:g},{width.high:g},{width.step or 1:g}]"
    _script(preset.input, f"(p) => ({_json(PRESETS)})[p]", [preset], both)
    # The preset names the size that is set, however it was set.
    named = f"(w, h) => srpo.preset({_json(PRESETS)}, w, h)"
    _script(partial(gr.on, [wide.change, high.change]), named, both, [preset])
    _script(swap.click, "(w, h) => [h, w]", both, both)
    ratio = f"srpo.ratio('{prefix}', lock, w, h)"
    _script(lock.input, f"(lock, w, h) => {{ {ratio}; }}", [lock, *both], None)
    follow = "(lock, w, h) => srpo.follow('{}', '{}', lock, w, h, {})"
    _script(wide.input, follow.format(prefix, "height", limits), [lock, *both], [high])
    _script(high.input, follow.format(prefix, "width", limits), [lock, *both], [wide])
    return {"width": wide, "height": high}


def _seed(control: Control, prefix: str, watch: gr.BrowserState) -> Any:
    with gr.Row(elem_classes="seed"):
        seed = _component(control, prefix)
        dice = gr.Button("Random", size="sm", elem_id=f"{prefix}-random", scale=0, min_width=76)
        again = gr.Button("Reuse last", size="sm", elem_id=f"{prefix}-reuse", scale=0, min_width=92)
    _script(dice.click, "() => -1", None, [seed])
    _script(again.click, "(watch, now) => srpo.lastSeed(watch, now)", [watch, seed], [seed])
    return seed


def _script(event: Callable[..., Any], js: str, inputs: Any, outputs: Any) -> None:
    """Wire an event that never leaves the browser."""
    event(None, inputs, outputs, js=js, api_visibility="private", show_progress="hidden")


def _json(presets: Mapping[str, tuple[int, int]]) -> str:
    pairs = ",".join(f'"{name}":[{w},{h}]' for name, (w, h) in presets.items())
    return "{" + pairs + "}"


def _component(control: Control, prefix: str) -> Any:
    """Make the Gradio component of a control."""
    shared: dict[str, Any] = {
        "label": control.label,
        "info": control.help or None,
        "elem_id": f"{prefix}-{control.name}",
        "elem_classes": f"field {control.kind}",
    }
    match control.kind:
        case "choice":
            return gr.Dropdown(list(control.choices), value=control.default, **shared)
        case "toggle":
            return gr.Checkbox(value=control.default, **shared)
        case "number":
            return gr.Number(
                control.default,
                precision=0,
                minimum=control.low,
                maximum=control.high,
                **shared,
            )
        case "slider":
            return gr.Slider(
                control.low,
                control.high,
                control.default,
                step=control.step,
                buttons=[],
                **shared,
            )
        case "text":
            return gr.Textbox(control.default or "", **shared)
        case "picture":
            raise TypeError("images are shown by the tab")
    raise TypeError(f"not a kind of control: {control.kind!r}")
