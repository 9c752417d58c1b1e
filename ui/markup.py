"""Draws the parts that Gradio has no component for, each from its template in `ui/templates`.

Jinja2 escapes every value it fills in. It is Gradio's own dependency, and pinned in
requirements.lock as such.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension

from core.backend import Backend, Loadable, Suggesting
from core.errors import PlaygroundError
from core.events import told
from core.history import Entry
from core.jobs.job import iso
from core.studio import Progress
from ui import messages

NOTHING: Mapping[str, str] = MappingProxyType({})
BREAK = re.compile(r"(?<=[>}])\s*\n\s*|\s*\n\s*(?=[<{])")


class NoSpaceBetweenTags(Extension):
    """Lets a template be laid out in lines: a line break beside a tag is nothing on the page."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return BREAK.sub("", source.strip())


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
    extensions=[NoSpaceBetweenTags],
)
TEMPLATES.globals["messages"] = messages


def render(name: str, **values: object) -> str:
    """Fill a template in; raises UndefinedError for a value that it names and does not get."""
    return TEMPLATES.get_template(f"{name}.html").render(values)


def notice(text: str, kind: str = "error") -> str:
    """Draw one sentence beside the place where it belongs; an empty text draws nothing."""
    return render("notice", text=text, kind=kind)


def counted(text: str) -> str:
    """Draw how many steps a strength runs; assets/page.js draws the same as the sliders move."""
    return render("counted", text=text)


def stage(pictures: Sequence[tuple[Progress, str]]) -> str:
    """Draw the pictures of the current result; the address "" stands for one not finished."""
    return render("stage", pictures=pictures, preview=_address)


def examples(ideas: Sequence[Mapping[str, str]]) -> str:
    """Draw prompts to start from, each with the picture the sandbox paints for it."""
    return render("examples", ideas=ideas)


def about(backend: Backend, closed: str = "", *, own: bool = False) -> str:
    """Draw what must be known of the backend that is chosen, first of all if it is closed."""
    return render("about", text=closed or messages.about(backend, own=own))


def chips(backend: Backend) -> str:
    """Draw the prompts that a backend suggests, as buttons."""
    if not isinstance(backend, Suggesting) or backend.problem():
        return ""
    return render("chips", prompts=backend.prompts)


def _address(preview: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(preview).decode()}"


def facts(entry: Entry, url: str) -> str:
    """Draw an entry with every parameter and what was really sent."""
    rows = {
        "prompt": entry.prompt,
        "backend": entry.backend + (" · sandbox" if entry.sandbox else ""),
        **({"model": entry.model} if entry.model else {}),
        **{k: v for k, v in entry.params.items() if k not in ("prompt", "image")},
        **told(entry.sent),
        "size": f"{entry.width} × {entry.height} {entry.format.upper()}",
        "elapsed_s": messages.seconds(entry.elapsed_s),
        "price_usd": messages.price(entry.price_usd),
        "request_id": entry.request_id or "–",
        "created_at": iso(entry.created_at)[:19].replace("T", " ") + " UTC",
    }
    sent = json.dumps(entry.sent, ensure_ascii=False, indent=2)
    return render("facts", entry=entry, url=url, rows=rows, sent=sent)


def header(closed: PlaygroundError | None = None) -> str:
    """Draw the name of the program, and say when it takes nothing new."""
    said = f"{messages.trouble(closed)} {messages.CLOSED}" if closed else ""
    return render("header", text=said)


def footer() -> str:
    """Draw what holds for every image."""
    return render("footer")


def backends(
    cards: Sequence[Backend],
    own: Collection[str] = (),
    *,
    closed: Mapping[str, str] = NOTHING,
    stopped: Mapping[str, str] = NOTHING,
) -> str:
    """Draw a card for each backend: whether it is ready, why not, and what to do.

    `own` names those that are reached with the visitor's own key; `closed` and `stopped` say by
    id why a backend takes nothing, and why it sends nothing.
    """
    drawn = [
        _card(one, closed.get(one.id, ""), stopped.get(one.id, ""), own=one.id in own)
        for one in cards
    ]
    return render("backends", cards=drawn)


def programs() -> str:
    """Draw the title above what programs need to call this one."""
    return render("programs")


def token(text: str, about: str) -> str:
    """Draw the token for scripts with a button that copies it; without one, only what it says."""
    return render("token", token=text, about=about)


def snippets(texts: Mapping[str, str]) -> str:
    """Draw pieces of code with a button that copies each."""
    return render("snippets", texts=texts)


def own_keys() -> str:
    """Draw what a key of one's own does and where it stays."""
    return render("own_keys")


def key_form(service: str, label: str) -> str:
    """Draw where a visitor enters a key of their own; the page empties it as it is sent."""
    return render("key_form", service=service, label=label)


def own_key(service: str, label: str, text: str) -> str:
    """Draw that a visitor's key is in use, with the button that forgets it."""
    return render("own_key", service=service, label=label, text=text)


def sentence_page(sentence: str, link: str) -> str:
    """Draw a page of its own that says one sentence and links to the playground."""
    return render("sentence_page", sentence=sentence, link=link)


def sign_out_page() -> str:
    """Draw a page of its own that signs out once its link is followed."""
    return render("sign_out_page")


def _card(backend: Backend, closed: str, stopped: str, *, own: bool) -> Mapping[str, object]:
    problem = backend.problem()
    badge, note = "Ready", messages.about(backend, own=own)
    if own:
        badge = "Your key"
    elif closed:
        badge, note = "Closed", closed
    elif stopped:
        badge, note = "Stopped", stopped
    elif problem:
        badge = "Not ready"
    elif backend.sandbox:
        badge, note = "Sandbox", messages.sandbox(backend)
    kind = badge.lower().replace(" ", "-")
    if isinstance(backend, Loadable):
        readiness = backend.readiness()
        badge, note = messages.stage(readiness), readiness.sentence
    tasks = ", ".join(task.replace("-", " ") for task in backend.tasks)
    return {
        "label": backend.label,
        "kind": kind,
        "badge": badge,
        "tasks": tasks.capitalize(),
        "cost": messages.cost(backend),
        "most": backend.max_concurrency,
        "note": note,
    }
