"""What a browser asks for on the Compare tab: its form read into a set, or said what is wrong."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.backend import Backend
from core.controls import Control, controls
from core.errors import InputError
from core.jobs.set_jobs import Wish
from core.jobs.sets import JobSet
from core.params import Params, Task
from core.pictures import Picture
from core.sets.axes import LINES, SIZE
from core.sets.table import read_table
from core.sets.written import axis_written
from core.words import english, say, told
from ui.compare import sentences

Offers = Mapping[str, tuple[Backend, type[Params]]]
"""By key of a target: what it offers for the task."""
VARIED = ("variation_seed", "variation_strength")
FIELDS = ("seed", "size", "steps", "guidance", "strength", *VARIED)
"""What the form lets be the same for all; empty is each model's own."""
MOST_LINES = 12
MOST_TEXT = 4_000_000
SIZED = Control("size", "text", english("param-size"), "")
TABLED = Control(LINES, "text", english("param-lines"), "")


@dataclass(frozen=True, slots=True)
class Form:
    """A form as a browser sent it; nothing in it is believed yet."""

    prompt: str = ""
    targets: Sequence[str] = ()
    axes: Sequence[tuple[str, str]] = ()
    """Fields with their values as they were written."""
    rest: Mapping[str, str] = field(default_factory=dict)
    extends: str = ""
    title: str = ""
    collection: str = ""
    """The title of the collection that new images go into; empty for none."""

    @classmethod
    def of(cls, said: Any) -> Form:
        """Read what a browser sent; what is not as the page writes it is left out."""
        said = said if isinstance(said, Mapping) else {}
        axes = [one for one in _list(said.get("axes")) if isinstance(one, Mapping)]
        rest = said.get("rest")
        rest = rest if isinstance(rest, Mapping) else {}
        return cls(
            prompt=_text(said.get("prompt")),
            targets=list(dict.fromkeys(_text(one) for one in _list(said.get("targets")))),
            axes=[(_text(one.get("field")), _text(one.get("text"))) for one in axes[:4]],
            rest={name: _text(rest.get(name)).strip() for name in FIELDS},
            extends=_text(said.get("extends")),
            title=_text(said.get("title")),
            collection=_text(said.get("collection")).strip(),
        )


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that keeps a set from being made: where it was entered, what it is, what to do."""

    field: str
    message: str
    advice: str = ""
    value: Any = None
    nearest: Any = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as the page takes it."""
        names = ("field", "message", "advice", "value", "nearest")
        said = {"message": told(self.message), "advice": told(self.advice)}
        return {name: getattr(self, name) for name in names} | said


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of a form: a set to plan, how many values each axis has, and what is wrong."""

    wish: Wish
    counts: Sequence[int]
    troubles: Sequence[Trouble]


def read(form: Form, task: Task, offers: Offers, picture: Picture | None = None) -> Reading:
    """Read a form for the targets that it names; `offers` has what each of them offers."""
    chosen = {key: offers[key] for key in form.targets if key in offers}
    base = _base(form)
    troubles: list[Trouble] = []
    axes, counts = [], []
    for place, (name, text) in enumerate(form.axes if chosen else ()):
        try:
            axis = _axis(name, text, chosen, base, picture)
        except _Lines as wrong:
            troubles += [Trouble(f"axis-{place}", one) for one in wrong.sentences]
            counts.append(0)
        except InputError as error:
            troubles.append(Trouble(f"axis-{place}", str(error), error.advice))
            counts.append(0)
        else:
            axes.append(axis)
            counts.append(len(axis["values"]))
    targets = [dict(zip(("backend", "model"), key.split("|", 1), strict=True)) for key in chosen]
    if not targets:
        troubles.append(Trouble("targets", say("compare-no-target")))
    wish = Wish(task, base, axes, targets, picture, form.title)
    return Reading(wish, counts, troubles)


def _base(form: Form) -> dict[str, Any]:
    base: dict[str, Any] = {"prompt": form.prompt}
    for name, text in form.rest.items():
        if not text:
            continue
        if name == "size" and (match := SIZE.fullmatch(text)):
            base |= {"width": int(match[1]), "height": int(match[2])}
        elif name == "size":
            base["width"] = text  # said at the field by whoever plans it
        else:
            base[name] = _number(text)
    return base


def _number(text: str) -> Any:
    """Return a number where a text is one; the text itself is refused later, at its field."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


class _Lines(Exception):  # noqa: N818 - what is wrong with a table, line by line
    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__()
        self.sentences = sentences


def _axis(
    name: str, text: str, chosen: Offers, base: Mapping[str, Any], picture: Picture | None
) -> dict[str, Any]:
    if name == LINES:
        return _table(text, chosen, base, picture)
    control = control_of(name, [kind for _, kind in chosen.values()])
    if control is None:
        raise InputError(
            say("compare-no-setting", name=name[:40]),
            advice=say("compare-another"),
        )
    return axis_written(text, control, base.get(name))


def control_of(name: str, kinds: Sequence[type[Params]]) -> Control | None:
    """Return the control of a field, as the first that has it offers it."""
    if name == "size":
        return SIZED if any("width" in kind.model_fields for kind in kinds) else None
    found = (one for kind in kinds for one in controls(kind) if one.name == name)
    return next(found, None)


def _table(
    text: str, chosen: Offers, base: Mapping[str, Any], picture: Picture | None
) -> dict[str, Any]:
    """Read a CSV for every target; a column that one of them lacks is left out there."""
    if not text.strip():
        raise InputError(say("compare-empty-list"), advice=say("compare-empty-list-advice"))
    wrong: dict[str, None] = {}
    refused: InputError | None = None
    lines: Sequence[Mapping[str, Any]] | None = None
    for backend, kind in chosen.values():
        shared = {n: one for n, one in base.items() if n in kind.model_fields and one != ""}
        if "image" in kind.model_fields and picture:
            shared["image"] = picture
        try:
            reading = read_table(text.encode(), kind, shared)
        except InputError as error:
            refused = refused or error
            continue
        where = f"{backend.label}: " if len(chosen) > 1 else ""
        wrong |= dict.fromkeys(where + sentence for _, sentence in reading.errors)
        if lines is None or len(reading.values) > len(lines):
            lines = reading.values
    if wrong:
        listed = list(wrong)[:MOST_LINES]
        more = len(wrong) - len(listed)
        raise _Lines([*listed, *([sentences.line_error(more)] if more else [])])
    if refused and lines is None:
        raise refused
    if not lines:
        raise InputError(say("compare-no-lines"), advice=say("compare-no-lines-advice"))
    return {"field": LINES, "values": [dict(line) for line in lines]}


def form_of(found: JobSet, *, new_seeds: Sequence[int] | None = None) -> dict[str, Any]:
    """Return the form that asks for a set again; `new_seeds` take the place of its seeds.

    The first of them is the seed that all share, the rest those of an axis of seeds.
    """
    base = {name: value for name, value in found.base.items() if name != "image"}
    rest = {name: str(base[name]) for name in FIELDS if name in base}
    if "width" in base and "height" in base:
        rest["size"] = f"{base['width']} × {base['height']}"
    axes = [{"field": axis["field"], "text": written(axis)} for axis in found.axes]
    if new_seeds:
        rest["seed"] = str(new_seeds[0])
        for axis in axes:
            if axis["field"] == "seed":
                axis["text"] = ", ".join(map(str, new_seeds))
    several = len(found.targets) > 1
    return {
        "task": found.task,
        "prompt": str(base.get("prompt", "")),
        "targets": [f"{one['backend']}|{one.get('model', '')}" for one in found.targets],
        "columns": "targets" if several or not axes else str(axes[0]["field"]),
        "axes": axes,
        "rest": rest,
        "title": found.title,
    }


def written(axis: Mapping[str, Any]) -> str:
    """Write the values of an axis as a person does, so that the form reads the same again."""
    values = axis["values"]
    if axis["field"] == LINES:
        return _as_csv(values)
    if axis["field"] == "size":
        return ", ".join(f"{width} × {height}" for width, height in values)
    if axis.get("replace"):
        return f"{axis['replace']} => {', '.join(_quoted(one) for one in values)}"
    if axis["field"] == "prompt":
        return "\n".join(map(str, values))
    return ", ".join(_quoted(one) for one in values)


def _quoted(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    if any(sign in text for sign in ',;\n"'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _as_csv(lines: Sequence[Mapping[str, Any]]) -> str:
    file = io.StringIO(newline="")
    names = list(dict.fromkeys(name for line in lines for name in line))
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    for line in lines:
        found = [line.get(name, "") for name in names]
        writer.writerow("yes" if one is True else "no" if one is False else one for one in found)
    return file.getvalue()


def _text(value: Any) -> str:
    return value[:MOST_TEXT] if isinstance(value, str) else ""


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []
