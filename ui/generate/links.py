"""Links with settings: `?prompt=…&seed=7` fills the form, and starts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from core.errors import InputError
from core.params import TASKS, Task
from core.parsing import read_field
from ui import messages
from ui.generate.tab import Tab

LONGEST = 20_000
"""Letters of an address that are looked at; the longest prompt, escaped, has room in them."""
FORM = ("backend", "task")
"""What a link may name besides the settings."""


@dataclass(slots=True)
class Link:
    """What a link asks for: a tab, a backend, values that may be put in, and what is wrong."""

    task: Task
    backend: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def names(tabs: Mapping[Task, Tab]) -> list[str]:
    """Return all that a link can name; whatever else an address holds is not ours."""
    kinds = [one.kind for tab in tabs.values() for one in tab.forms.values()]
    fields = {name for kind in kinds for name in kind.model_fields if name != "image"}
    return sorted({*fields, *FORM})


def read(query: Mapping[str, Any], tabs: Mapping[Task, Tab], default: str) -> Link | None:
    """Read a page's address; None when it names nothing of the form.

    `default` is the backend shown first. A value that cannot be used becomes a sentence.
    """
    known = names(tabs)
    asked = {name: str(query[name])[:LONGEST] for name in known if name in query}
    if not asked or not tabs:
        return None
    link = Link(_task(asked.get("task", ""), tabs))
    if "task" in asked and asked["task"] != link.task:
        link.wrong.append(messages.no_such("task", asked["task"], list(tabs)))
    tab = tabs[link.task]
    named = asked.get("backend", "")
    if named and named not in tab.forms:
        link.wrong.append(messages.no_such("backend", named, list(tab.forms)))
    link.backend = named if named in tab.forms else default if default in tab.forms else ""
    link.backend = link.backend or next(iter(tab.forms))
    kind = tab.forms[link.backend].kind
    for name in (one for one in known if one in asked and one not in FORM):
        try:
            link.values[name] = read_field(kind, name, asked[name])
        except InputError as error:
            link.wrong.append(str(error))
    return link


def address(task: str, backend: str, values: Mapping[str, Any]) -> str:
    """Return the link that fills a form with these settings, relative to the page.

    It has no image, which a link cannot carry, and no value that is empty.
    """
    named = {"task": task, "backend": backend} | {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in values.items()
        if name != "image" and value is not None and value != ""
    }
    return f"?{urlencode(named)}"


def _task(named: str, tabs: Mapping[Task, Tab]) -> Task:
    first: Task = next(iter(tabs))
    return next((task for task in TASKS if task == named and task in tabs), first)
