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
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension

from core import words
from core.backend import Backend, Loadable, Suggesting
from core.errors import PlaygroundError
from core.events import told
from core.history import Entry
from core.jobs.job import iso
from core.words import say
from ui import messages
from ui.facts import Row, compare

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
TEMPLATES.globals["say"] = words.say
TEMPLATES.globals["words"] = words


def address(preview: bytes) -> str:
    """Return a preview as an address that holds the image itself."""
    return f"data:image/webp;base64,{base64.b64encode(preview).decode()}"


TEMPLATES.globals["preview"] = address


def render(name: str, **values: object) -> str:
    """Fill a template in; raises UndefinedError for a value that it names and does not get."""
    return TEMPLATES.get_template(f"{name}.html").render(values)


def notice(text: str, kind: str = "error") -> str:
    """Draw one sentence beside the place where it belongs; an empty text draws nothing."""
    return render("notice", text=text, kind=kind)


def undo(text: str) -> str:
    """Draw what was filled into a form, with the button that takes it back."""
    return render("undo", text=text)


def counted(text: str) -> str:
    """Draw how many steps a strength runs; assets/page.js draws the same as the sliders move."""
    return render("counted", text=text)


def prompt_tools(task: str, ideas: Sequence[Mapping[str, Any]]) -> str:
    """Draw the tools in the prompt's box: ideas to start from, earlier prompts, styles."""
    return render("prompt_tools", task=task, ideas=ideas)


def hint(text: str) -> str:
    """Draw what stands below Generate: how long an image takes, and the keys that do the same."""
    return render("hint", text=text)


def today(text: str, title: str = "", share: float | None = None, user: str = "") -> str:
    """Draw what was spent today, its share of the budget (0 to 1), and who is signed in."""
    return render("today", text=text, title=title, share=share, user=user)


def about(backend: Backend, closed: str = "", *, own: bool = False) -> str:
    """Draw what must be known of the backend that is chosen, first of all if it is closed."""
    return render("about", text=words.told(closed) or messages.about(backend, own=own))


def chips(backend: Backend) -> str:
    """Draw the prompts that a backend suggests, as buttons."""
    if not isinstance(backend, Suggesting) or backend.problem():
        return ""
    return render("chips", prompts=backend.prompts)


def facts(entry: Entry, url: str, labels: Mapping[str, str] = NOTHING) -> str:
    """Draw an entry with every parameter and what was really sent.

    `labels` are those of backends by id.
    """
    rows = {
        "prompt": entry.prompt,
        "backend": messages.made_by(entry, labels),
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


def history() -> str:
    """Draw the frame of the history, which assets/history.js fills."""
    return render("history")


def unchosen() -> str:
    """Draw what stands where the details of an image will be."""
    return render("unchosen")


def viewer() -> str:
    """Draw the frame of the viewer, as a template that assets/viewer.js takes a copy of."""
    return render("viewer")


def viewed(entry: Entry, labels: Mapping[str, str]) -> str:
    """Draw what the viewer tells of an entry: asked beside sent, with the differences marked.

    `labels` are those of backends by id.
    """
    source = entry.params.get("image")
    sides = (source.get("width"), source.get("height")) if isinstance(source, Mapping) else None
    known = {
        "size": f"{entry.width} × {entry.height} {entry.format.upper()}",
        "backend": messages.made_by(entry, labels),
        "source": f"{sides[0]} × {sides[1]}" if sides else "",
        "price_usd": messages.price(entry.price_usd),
        "elapsed_s": messages.seconds(entry.elapsed_s),
        "request_id": entry.request_id or "",
        **told(entry.sent),
    }
    rows = compare(entry.params, entry.sent)
    return render(
        "viewed",
        entry=entry,
        facts={name: value for name, value in known.items() if value != ""},
        rows=[row for row in rows if row.name != "image" and not _told_above(row)],
        remarks=messages.remarks(entry.sent),
        made_at=iso(entry.created_at),
        sent=json.dumps(entry.sent, ensure_ascii=False, indent=2),
    )


def _told_above(row: Row) -> bool:
    """Whether a row is the prompt as it was written, which stands above the table."""
    return row.name == "prompt" and row.kind == "same"


def header(closed: PlaygroundError | None = None, *, fleeting: bool = False) -> str:
    """Draw the name of the program; say when it takes nothing new or keeps nothing for long."""
    if closed:
        return render(
            "header", text=f"{messages.trouble(closed)} {say('page-closed')}", kind="error"
        )
    return render("header", text=say("page-fleeting") if fleeting else "", kind="info")


def language() -> str:
    """Draw the switch between the languages of the page; assets/page.js hears it."""
    return render("language")


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


def for_the_owner(can_add: Sequence[str]) -> str:
    """Draw what whoever runs a Space can add to it; nothing where there is nothing."""
    return render("for_the_owner", can_add=can_add)


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


def shared(
    *,
    title: str,
    about: str,
    address: str,
    preview: Mapping[str, Any] | None,
    images: Sequence[Mapping[str, Any]],
) -> str:
    """Draw the page of a link to look at; it has no script."""
    return render(
        "shared",
        title=title,
        about=about,
        address=address,
        preview=preview,
        images=images,
        style="../shared.css",
    )


def shared_gone(sentence: str) -> str:
    """Draw the page of a link that shows nothing, which says why."""
    return render("shared_gone", sentence=sentence, style="../shared.css")


def sign_out_page() -> str:
    """Draw a page of its own that signs out once its link is followed."""
    return render("sign_out_page")


def _card(backend: Backend, closed: str, stopped: str, *, own: bool) -> Mapping[str, object]:
    problem = backend.problem()
    kind, note = "ready", messages.about(backend, own=own)
    if own:
        kind = "own"
    elif closed:
        kind, note = "closed", closed
    elif stopped:
        kind, note = "stopped", stopped
    elif problem:
        kind = "not-ready"
    elif backend.sandbox:
        kind, note = "sandbox", messages.sandbox(backend)
    badge = say(f"badge-{kind}")
    if isinstance(backend, Loadable):
        readiness = backend.readiness()
        badge, note = messages.stage(readiness), words.told(readiness.sentence)
    return {
        "label": backend.label,
        "kind": kind,
        "badge": badge,
        "tasks": messages.tasks(backend.tasks),
        "cost": messages.cost(backend),
        "most": backend.max_concurrency,
        "note": note,
    }
