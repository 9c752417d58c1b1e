"""Gives a browser less to do before the page can be used.

Gradio's page observes all that it is made of, also what never changes, and looks through every
event for each component: observing costs many times what the looking does. Here components and
events are of kinds of their own, which Svelte does not observe. The arguments of the named API are
no components of the page, what its calls look like is told elsewhere, and events that show no
progress do not tell every component how far they are. All this stands in the page as JSON, which
browsers read faster than a script.

Relies on the filter `toorjson`, through which the page gets what it is made of, on the names of
what is left out, and on Svelte, which observes plain objects and arrays alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import Any

from gradio import routes
from gradio.components.api_component import Api

from ui.server.gradio_patches import template
from ui.server.gradio_patches.promises import Promises

UNUSED = {"api_info", "api_info_as_input", "api_info_as_output", "example_inputs", "skip_api"}
"""What a component says of itself to programs alone."""
UNOBSERVED = (
    "(page) => { class Part {} class Parts extends Array {}"
    " for (const parts of [page.components ?? [], page.dependencies ?? []]) {"
    " for (const part of parts) Object.setPrototypeOf(part, Part.prototype);"
    " Object.setPrototypeOf(parts, Parts.prototype); } return page; }"
)
PLACE = "<script>window.gradio_config = {{ config | toorjson }};"
READ = (
    '<script type="application/json" id="made-of">{{ config | toorjson }}</script>'
    f"<script>window.gradio_config = ({UNOBSERVED})"
    '(JSON.parse(document.getElementById("made-of").textContent));'
)
OBSERVES = re.compile(r"let (\w+)=\w+\((\w+)\);if\(\1!==\w+&&\1!==\w+\)return \2;var \w+=new Map")
"""How Svelte leaves alone what is neither a plain object nor a plain array."""


def lighten_page() -> None:
    """Have the page made of less, from the next time that somebody asks for it."""
    template.change({PLACE: READ})
    filters = routes.templates.env.filters
    if not hasattr(filters["toorjson"], "__wrapped__"):
        filters["toorjson"] = _lightly(filters["toorjson"])


def _lightly(told: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def toorjson(value: Any) -> Any:
        whole = isinstance(value, Mapping) and {"components", "dependencies"} <= value.keys()
        return told(light(value) if whole else value)

    toorjson.__dict__["__wrapped__"] = told
    return toorjson


def light(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a page is made of, without what no browser needs of it."""
    components = [
        {name: found for name, found in one.items() if name not in UNUSED}
        for one in config["components"]
        if one["type"] != Api.__name__.lower()
    ]
    shown = {one["id"] for one in components}
    events = [
        one | {"show_progress_on": []} if one["show_progress"] == "hidden" else one
        for one in config["dependencies"]
    ]
    pages = {name: _without_others(page, shown) for name, page in config["page"].items()}
    made: dict[str, Any] = {"components": components, "dependencies": events, "page": pages}
    made |= {"head": None, "css": None}  # the page has both as files, see own_files
    return {**config, **made, "layout": _layout(config.get("layout", {}), shown)}


def _without_others(page: Mapping[str, Any], shown: Set[int]) -> Mapping[str, Any]:
    components = [one for one in page.get("components", []) if one in shown]
    return {**page, "components": components, "layout": _layout(page["layout"], shown)}


def _layout(layout: Mapping[str, Any], shown: Set[int]) -> Mapping[str, Any]:
    """Return a layout without the components that are not shown; the page itself is none."""
    if "children" not in layout:
        return layout
    children = [_layout(one, shown) for one in layout["children"] if one["id"] in shown]
    return {**layout, "children": children}


def _is_made_of_less(page: Any) -> bool:
    """Whether the page is told through the filter, and neither too little nor too much."""
    config = page.config
    told = json.loads(routes.templates.env.filters["toorjson"](config))
    shown, every = ({one["id"] for one in made["components"]} for made in (told, config))
    arguments = {number for number in every if isinstance(page.blocks[number], Api)}
    return template.has(PLACE) and shown == every - arguments


def _observes_plain_things_alone(_page: Any) -> bool:
    folder = Path(routes.BUILD_PATH_LIB)
    return any(OBSERVES.search(one.read_text("utf-8")) for one in folder.glob("index-*.js"))


PROMISES: Promises = {
    "the page is not made of less": _is_made_of_less,
    "what never changes is observed": _observes_plain_things_alone,
}
