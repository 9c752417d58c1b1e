"""Markup of the parts that Gradio has no component for; every outside text is escaped."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from html import escape
from types import MappingProxyType

from core.backend import Backend, Loadable, Suggesting
from core.errors import PlaygroundError
from core.history import Entry
from core.jobs.job import iso
from core.jobs.save import told
from core.studio import Progress
from ui import messages

NOTHING: Mapping[str, str] = MappingProxyType({})


def notice(text: str, kind: str = "error") -> str:
    """Draw one sentence beside the place where it belongs; an empty text draws nothing."""
    if not text:
        return ""
    role = "alert" if kind == "error" else "status"
    return f'<p class="notice {kind}" role="{role}">{escape(text)}</p>'


def counted(text: str) -> str:
    """Draw how many steps a strength runs; assets/page.js draws the same as the sliders move."""
    return f'<p class="counted" role="status">{escape(text)}</p>'


def stage(pictures: Sequence[tuple[Progress, str]]) -> str:
    """Draw the pictures of the current result; the address "" stands for one not finished."""
    if not pictures:
        return f'<div class="stage empty"><p>{escape(messages.EMPTY_STAGE)}</p></div>'
    figures = "".join(_figure(progress, url) for progress, url in pictures)
    many = " many" if len(pictures) > 1 else ""
    return f'<div class="stage{many}">{figures}</div>'


def examples(ideas: Sequence[Mapping[str, str]]) -> str:
    """Draw prompts to start from, each with the picture the sandbox paints for it."""
    if not ideas:
        return ""
    cards = "".join(
        f'<button type="button" data-prompt="{escape(idea["prompt"])}"><img alt="" '
        f'src="{escape(idea["picture"])}"><span>{escape(idea["prompt"])}</span></button>'
        for idea in ideas
    )
    title = f"<h2>Prompts to start from <small>{escape(messages.EXAMPLES)}</small></h2>"
    return f'{title}<div class="cards">{cards}</div>'


def about(backend: Backend, closed: str = "", *, own: bool = False) -> str:
    """Draw what must be known of the backend that is chosen, first of all if it is closed."""
    said = closed or messages.about(backend, own=own)
    return f'<p class="about-backend">{escape(said)}</p>' if said else ""


def chips(backend: Backend) -> str:
    """Draw the prompts that a backend suggests, as buttons."""
    if not isinstance(backend, Suggesting) or backend.problem():
        return ""
    buttons = "".join(
        f'<button type="button" data-prompt="{escape(one)}">{escape(one)}</button>'
        for one in backend.prompts
    )
    return f'<div class="chips" role="group" aria-label="{escape(messages.CHIPS)}">{buttons}</div>'


def _figure(progress: Progress, url: str) -> str:
    entry = progress.entry
    if entry and url:
        return (
            f'<figure data-entry="{entry.id}"><a class="frame" href="{escape(url)}" '
            f'target="_blank" title="Open the full image">'
            f'<img src="{escape(url)}" alt="{escape(entry.prompt)}" '
            f'width="{entry.width}" height="{entry.height}"></a>'
            f"<figcaption><span>{escape(messages.summary(progress))}</span>"
            f"{_remarks(entry)}"
            f'<span class="acts">{_act("send", entry, "Send to image-to-image")}'
            f"{_act('use', entry, 'Use these settings')}"
            f'<a class="save quiet" href="{escape(url)}?download" download>Download</a></span>'
            "</figcaption></figure>"
        )
    if progress.preview:
        data = base64.b64encode(progress.preview).decode()
        source = f"data:image/webp;base64,{data}"
        image = f'<div class="frame"><img src="{source}" alt="Preview"></div>'
        return f'<figure class="draft">{image}</figure>'
    return '<figure class="draft blank" aria-hidden="true"><div class="frame"></div></figure>'


def _remarks(entry: Entry) -> str:
    said = " ".join(messages.remarks(entry.sent))
    return f'<span class="remark" role="status">{escape(said)}</span>' if said else ""


def _act(name: str, entry: Entry, label: str) -> str:
    return (
        f'<button type="button" class="quiet" data-act="{name}" data-entry="{entry.id}">'
        f"{escape(label)}</button>"
    )


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
    listed = "".join(
        f"<dt>{escape(messages.label(name))}</dt><dd>{escape(messages.fact(name, value))}</dd>"
        for name, value in rows.items()
    )
    sent = escape(json.dumps(entry.sent, ensure_ascii=False, indent=2))
    return (
        f'<article class="entry" data-entry="{entry.id}"><a href="{escape(url)}" target="_blank">'
        f'<img src="{escape(url)}" alt="{escape(entry.prompt)}" width="{entry.width}" '
        f'height="{entry.height}"></a>{_mark(entry)}<dl>{listed}</dl>'
        f"<details><summary>{escape(messages.label('sent'))}</summary>"
        f'<pre tabindex="0">{sent}</pre></details>'
        f'<p><a class="save quiet" href="{escape(url)}?download" download>Download</a></p>'
        "</article>"
    )


def _mark(entry: Entry) -> str:
    return f'<p class="notice info">{escape(messages.SANDBOX_NOTE)}</p>' if entry.sandbox else ""


def header(closed: PlaygroundError | None = None) -> str:
    """Draw the name of the program, and say when it takes nothing new."""
    note = notice(f"{messages.trouble(closed)} {messages.CLOSED}") if closed else ""
    return f"<header><h1>{messages.TITLE}</h1><p>{messages.TAGLINE}</p></header>{note}"


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
    drawn = "".join(
        _card(one, closed.get(one.id, ""), stopped.get(one.id, ""), own=one.id in own)
        for one in cards
    )
    return f'<h2>Backends</h2><div class="cards">{drawn}</div>'


def token(text: str, about: str) -> str:
    """Draw the token for scripts with a button that copies it; without one, only what it says."""
    code = (
        '<button type="button" class="copy quiet" aria-label="Copy the token">Copy</button></h3>'
        f'<pre tabindex="0" class="token">{escape(text)}</pre>'
        if text
        else "</h3>"
    )
    return f'<section class="card"><h3>Token for scripts{code}<p>{escape(about)}</p></section>'


def snippets(texts: Mapping[str, str]) -> str:
    """Draw pieces of code with a button that copies each."""
    return "".join(
        f'<section class="card"><h3>{escape(title)}<button type="button" class="copy quiet" '
        f'aria-label="Copy: {escape(title)}">Copy</button></h3>'
        f'<pre tabindex="0">{escape(text)}</pre></section>'
        for title, text in texts.items()
    )


def own_keys() -> str:
    """Draw what a key of one's own does and where it stays."""
    return f"<h2>{messages.OWN_KEYS_TITLE}</h2><p>{escape(messages.OWN_KEYS)}</p>"


def key_form(service: str, label: str) -> str:
    """Draw where a visitor enters a key of their own; the page empties it as it is sent."""
    name = f"own-key-{service}"
    return (
        f'<form class="own-key" data-service="{escape(service)}" autocomplete="off">'
        f'<label for="{name}">{escape(label)} key</label>'
        f'<input id="{name}" type="password" required maxlength="400" autocomplete="off" '
        'autocapitalize="off" spellcheck="false">'
        f'<button type="submit" class="quiet" aria-label="Use this key: {escape(label)}">'
        "Use this key</button></form>"
    )


def own_key(service: str, label: str, text: str) -> str:
    """Draw that a visitor's key is in use, with the button that forgets it."""
    return (
        f'<div class="notice info" role="status"><p>{escape(text)}</p><p class="acts">'
        f'<button type="button" class="quiet" data-forget="{escape(service)}" '
        f'aria-label="Forget the {escape(label)} key">Forget</button></p></div>'
    )


def _card(backend: Backend, closed: str, stopped: str, *, own: bool) -> str:
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
    return (
        f'<section class="card"><h3>{escape(backend.label)} '
        f'<span class="badge {kind}">{escape(badge)}</span></h3>'
        f"<p>{escape(tasks.capitalize())} · {escape(messages.cost(backend))} · "
        f"{backend.max_concurrency} at once</p><p>{escape(note)}</p></section>"
    )
