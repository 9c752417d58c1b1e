"""One form for each backend and task, derived from its params: built once, one visible."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import gradio as gr

from core.controls import Control, controls
from core.params import Params
from core.words import say, told
from ui import markup
from ui.generate.sizes import CUSTOM, ratio_of, sizes

SHARED = ("prompt", "image")
"""Fields that every form of a task has; the tab shows them once, above the forms."""
ABOVE = ("shape", "strength")
"""What belongs to the image as a whole, and stands above how many are made."""
VARIED = ("variation_strength", "variation_seed")
"""What moves the noise away from that of the seed, which few ask for."""


@dataclass(frozen=True, slots=True)
class Form:
    """The components of one params type by field name."""

    backend: str
    kind: type[Params]
    groups: Sequence[gr.Column]
    """The part above the number of images, and the part below it; both are shown, or none."""
    fields: dict[str, Any] = field(default_factory=dict)

    def defaults(self) -> dict[str, Any]:
        """Return what the form shows at first."""
        return {name: part.value for name, part in self.fields.items()}


@dataclass(frozen=True, slots=True)
class Half:
    """The upper part of a form that is being built, and what is to come below it."""

    backend: str
    kind: type[Params]
    group: gr.Column
    fields: dict[str, Any]
    below: dict[str, Control]
    counted: Control | None = None
    """The strength, where it tells how many steps are run."""
    told: gr.HTML | None = None
    """Where that is told."""


def begin(backend: str, kind: type[Params], *, visible: bool) -> Half:
    """Build the upper part: strength, size and shape; `visible` says whether it is shown."""
    prefix = f"{kind.task}-{backend}"
    listed = {control.name: control for control in controls(kind) if control.name not in SHARED}
    fields: dict[str, Any] = {}
    counted, told = None, None
    with gr.Column(visible=visible, elem_classes="fields above") as group:
        for name in ABOVE:
            if name in listed:
                fields[name] = _component(control := listed.pop(name), prefix)
                if control.counted and "steps" in listed:
                    counted, told = control, _count(control, listed["steps"])
        if "width" in listed and "height" in listed:
            fields |= _size(listed.pop("width"), listed.pop("height"), prefix)
    return Half(backend, kind, group, fields, listed, counted, told)


def finish(half: Half, watch: gr.BrowserState, pictures: Any, *, visible: bool) -> Form:
    """Build the lower part: the seed, and *Advanced*.

    `watch` holds what the last click made, for *Reuse last*, which sets the number of `pictures`
    too, so that the same click can be made again.
    """
    prefix, fields, listed = f"{half.kind.task}-{half.backend}", dict(half.fields), half.below
    with gr.Column(visible=visible, elem_classes="fields below") as group:
        if seed := listed.pop("seed", None):
            fields["seed"] = _seed(seed, prefix, watch, pictures)
        varied = [listed.pop(name) for name in VARIED if name in listed]
        order = sorted(listed, key=lambda name: name not in ("steps", "guidance"))
        if order:
            with gr.Accordion(say("form-advanced"), open=True, elem_classes="details"):
                fields |= {name: _component(listed[name], prefix) for name in order}
        if varied:
            with gr.Accordion(say("form-variation"), open=False, elem_classes="details"):
                fields |= {one.name: _component(one, prefix) for one in varied}
        if half.told:
            both = [fields["strength"], fields["steps"]]
            said = json.dumps(say("form-counted", run="{run}", steps="{steps}"))
            counted = f"(strength, steps) => srpo.counted({said}, strength, steps)"
            _script(partial(gr.on, [part.change for part in both]), counted, both, [half.told])
    ordered = {name: fields[name] for name in half.kind.model_fields if name in fields}
    return Form(half.backend, half.kind, (half.group, group), ordered)


def _count(strength: Control, steps: Control) -> gr.HTML:
    """Make the line that tells how many steps a strength runs."""
    run = steps.default - int(steps.default - steps.default * strength.default)
    return gr.HTML(
        markup.counted(say("form-counted", run=run, steps=steps.default)),
        apply_default_css=False,
    )


def carry(old: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """Return those values of another form that are legal in this one, as it shows them."""
    taken = {}
    for control in controls(form.kind):
        value = old.get(control.name)
        if control.name == "seed":
            value = seed_of(value)
        if control.name in form.fields and value is not None and legal(control, value):
            taken[control.name] = seed_text(value) if control.name == "seed" else value
    return taken


def seed_of(text: Any) -> Any:
    """Return the seed that a field holds; None where it is empty and one is to be drawn.

    What is no number is returned as it is, to be refused by whoever checks it.
    """
    if not isinstance(text, str):
        return text
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() else text or None


def seed_text(seed: int) -> str:
    """Write a seed into its field, which is empty where one is to be drawn."""
    return "" if seed < 0 else str(seed)


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
    """Lay out the aspect chips, and width and height with a swap and a lock of their ratio."""
    known = sizes(width, height)
    default = (width.default, height.default)
    with gr.Column(elem_classes="size"):
        chips = gr.Radio(
            [*known, (say("form-custom"), CUSTOM)],
            value=ratio_of(known, *default),
            label=say("form-size"),
            info=f"{default[0]} × {default[1]}",
            elem_id=f"{prefix}-ratio",
            elem_classes="ratios",
        )
        with gr.Row(elem_classes="custom"):
            wide = _number(replace(width, help=""), prefix)
            high = _number(replace(height, help=""), prefix)
            lock = gr.Checkbox(
                label=say("form-keep-ratio"), elem_id=f"{prefix}-lock", scale=0, min_width=40
            )
            swap = gr.Button(
                say("form-swap"), size="sm", elem_id=f"{prefix}-swap", scale=0, min_width=40
            )
    both = [wide, high]
    limits = [json.dumps([one.low, one.high, one.step or 1]) for one in (width, height)]
    chosen = json.dumps(known)
    _script(chips.input, f"(name, w, h) => ({chosen})[name] ?? [w, h]", [chips, *both], both)
    # The chip names the size that is set, however it was set.
    named = f"(w, h, now) => srpo.ratioOf('{prefix}', {chosen}, w, h, now)"
    _script(partial(gr.on, [wide.change, high.change]), named, [*both, chips], [chips])
    _script(swap.click, "(w, h) => [h, w]", both, both)
    ratio = f"srpo.ratio('{prefix}', lock, w, h)"
    _script(lock.input, f"(lock, w, h) => {{ {ratio}; }}", [lock, *both], None)
    follow = "(lock, w, h) => srpo.follow('{}', '{}', lock, w, h, {})"
    _script(wide.input, follow.format(prefix, "height", limits[1]), [lock, *both], [high])
    _script(high.input, follow.format(prefix, "width", limits[0]), [lock, *both], [wide])
    for part, most in zip(both, limits, strict=True):
        _script(part.blur, f"(pixels) => srpo.legal(pixels, {most})", [part], [part])
    return {"width": wide, "height": high}


def _number(control: Control, prefix: str) -> gr.Number:
    """Make a plain field for a number of pixels."""
    return gr.Number(
        control.default,
        label=told(control.label),
        precision=0,
        minimum=control.low,
        maximum=control.high,
        step=control.step or 1,
        elem_id=f"{prefix}-{control.name}",
        elem_classes="field number",
        min_width=60,
    )


def _seed(control: Control, prefix: str, watch: gr.BrowserState, pictures: Any) -> Any:
    """Lay out the seed: an empty field draws one for each click."""
    with gr.Row(elem_classes="seed"):
        seed = gr.Textbox(  # a gr.Number cannot be empty
            "",
            label=told(control.label),
            placeholder=say("form-random"),
            max_lines=1,
            max_length=len(str(control.high)),
            elem_id=f"{prefix}-{control.name}",
            elem_classes="field number",
            min_width=60,
        )
        dice = gr.Button(
            say("form-new-seed"),
            size="sm",
            elem_id=f"{prefix}-random",
            elem_classes="icon dice",
            min_width=0,
        )
        again = gr.Button(
            say("form-reuse"),
            size="sm",
            elem_id=f"{prefix}-reuse",
            elem_classes="icon last",
            min_width=0,
        )
    _script(dice.click, f"() => srpo.drawn({int(control.high or 0)})", None, [seed])
    _script(
        again.click,
        "(watch, seed, count) => srpo.lastClick(watch, seed, count)",
        [watch, seed, pictures],
        [seed, pictures],
    )
    return seed


def _script(event: Callable[..., Any], js: str, inputs: Any, outputs: Any) -> None:
    """Wire an event that never leaves the browser."""
    event(None, inputs, outputs, js=js, api_visibility="private", show_progress="hidden")


def _component(control: Control, prefix: str) -> Any:
    """Make the Gradio component of a control."""
    shared: dict[str, Any] = {
        "label": told(control.label),
        "info": told(control.help) or None,
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
                control.default, precision=0, minimum=control.low, maximum=control.high, **shared
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
