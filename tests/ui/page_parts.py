"""Every part of the page that is drawn as markup, with a text of one's choice in all its places."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from core.backend import Readiness
from core.errors import InputError, PlaygroundError
from core.jobs.job import ACTIONS, Job
from core.jobs.spending import Spending, day
from core.params import ImageToImage, TextToImage
from core.studio import Progress
from tests.core.test_history import entry
from ui import markup, messages
from ui.generate import queue, strip
from ui.generate.strip import Shot
from ui.spending_tab import SpendingTab


def progress(text: str, state: str = "finished", **more: Any) -> Progress:
    """Return a job with the text in all it says; `more` is of the job or of its progress."""
    facts: dict[str, Any] = dict.fromkeys(Job.__slots__, 0)
    facts |= {"id": text, "state": state, "error": text, "advice": text, "charged": "maybe"}
    facts |= {"params": {"prompt": text}, "outputs": "", "candidates": (text,), "own_key": None}
    of_job = {name: more.pop(name) for name in [*more] if name in Job.__slots__}
    made = entry(1, prompt=text) if state == "finished" else None
    return Progress(job=Job(**(facts | of_job)), **({"entry": made} | more))


def backend(text: str, **more: Any) -> Any:
    facts = {"id": text, "label": text, "sandbox": False, "tasks": {text: TextToImage}}
    facts |= {
        "max_concurrency": 1,
        "problem": lambda: "",
        "key_setting": text,
        "price": lambda _params: 1.0,
    }
    return SimpleNamespace(**(facts | more))


def backends(text: str) -> str:
    loading = Readiness("loading", text, 0.5)
    cards = [
        backend(text, problem=lambda: text),
        backend(text, sandbox=True),
        backend(
            text,
            tasks={"text-to-image": TextToImage, "image-to-image": ImageToImage},
            note=text,
            prompts=[],
        ),
        backend(text, readiness=lambda: loading, load=None),
        backend("own", note=text, prompts=[]),
        backend("closed"),
        backend("stopped"),
    ]
    return markup.backends(cards, ["own"], closed={"closed": text}, stopped={"stopped": text})


def shots(text: str) -> str:
    remarked = entry(2, prompt=text, id=text, sent={"painted_without": [text]}, sandbox=False)
    other = replace(remarked, backend=text, task="image-to-image", starred=True)
    shown = [
        Shot(progress(text), f"media/{text}", text),
        Shot(progress(text, entry=other, batch=text), text, text),
    ]
    return strip.shots(shown, {text: text})


def live(text: str) -> str:
    """Draw every kind of tile, and the cards of those that need a person."""
    found = [
        progress(text, "running", preview=b"picture"),
        progress(text, "sending"),
        progress(text, "running", needs_key=True),
        progress(text, "waiting", ahead=1),
        progress(text, "waiting", stop=PlaygroundError(text, advice=text)),
        progress(text, "failed"),
        progress(text, "unknown"),
    ]
    return strip.live(found, {text: [*ACTIONS]}, prices={text: 0.25})


def crowd(text: str) -> str:
    """Draw a queue with every kind of line, buttons that ask and stops included."""
    again = {"retryable": True, "price_usd": 0.5, "request_id": text}
    found = [
        progress(text, "running", estimate_s=4.0, elapsed_s=1.0),
        progress(text, "waiting", ahead=2, stop=PlaygroundError(text, advice=text)),
        progress(text + " or other words", "failed", **again),
        progress(text, "unknown"),
        progress(text, "finished"),
        progress(text, "cancelled"),
        progress(text, "running", step=1, total=3, own_key="f", stop=InputError("Another.")),
        *(progress(text, "waiting", n=n) for n in range(8)),
    ]
    return queue.status(found, {text: [*ACTIONS]}, prices={text: 0.25})


def spending(text: str, *, rows: int = 2, admin: bool = True) -> str:
    """Draw the tab as it is shown at first."""
    spent = [
        Spending(day(n), f"user:{text}{n}", text if n else "fake", n + 1, 25_000 * n, 7 * n, 5_000)
        for n in range(rows)
    ]

    async def sums(**_options: Any) -> list[Spending]:
        return spent

    async def refresh() -> None:
        return None

    priced = {"fake": backend(text, balance_usd=9.5, refresh=refresh)}
    studio: Any = SimpleNamespace(
        admins=["ann"] if admin else [],
        spending=sums,
        day_budgets=lambda: (5.0, 1.0),
        own_backends=lambda _owner: priced,
        backends=priced,
    )
    tab: Any = SpendingTab(studio, SimpleNamespace())  # type: ignore[arg-type]
    request: Any = SimpleNamespace(username="ann", headers={})

    async def first() -> str:
        shown = tab.show("", request)
        try:
            return str(await anext(shown))
        finally:
            await shown.aclose()

    return asyncio.run(first())


def facts(text: str) -> str:
    params = {text: text, "width": 3, "guidance": 2.5, "prompt": text}
    sent = {text: [text, {"deep": text}], "painted_without": [text]}
    made = entry(1, prompt=text, params=params, sent=sent, request_id=text, model=text)
    return markup.facts(replace(made, id=text, backend=text), f"media/{text}")


def viewed(text: str, **more: Any) -> str:
    asked = {text: text, "width": 3, "steps": 4, "guidance": 2.5, "prompt": text}
    asked["image"] = {"width": text, "height": text}
    sent = {"prompt": text + text, "num_inference_steps": text, text + "2": [text]}
    sent |= {"painted_without": [text], "speed": text}
    made = entry(1, prompt=text, params=asked, sent=sent, request_id=text, model=text, **more)
    return markup.viewed(replace(made, id=text, backend=text), {text: text})


def set_page(text: str) -> str:
    """Draw a set to take away: an image that was picked, and a cell without one."""
    made = entry(1, prompt=text, sandbox=True)
    cells = {
        (0, 0, column): SimpleNamespace(column=column, job=SimpleNamespace(id=id_, state=text))
        for column, id_ in enumerate(("made", "failed"))
    }
    found = SimpleNamespace(
        title=text, notes=[text], pages=[text], rows=[text], columns=[text, text], picks={(0, 0): 0}
    )
    named = {"made": f"{text}.png"}
    return markup.render(
        "set_page", found=found, cells=cells, entries={"made": made}, named=named, made=text
    )


def compare_form(text: str) -> str:
    ideas = [{"prompt": text, "picture": text}]
    return markup.render("compare_form", task=text, ideas=ideas, fields=[(text, text)], most=9)


def shared(text: str, count: int = 1) -> str:
    image = {
        **dict.fromkeys(("url", "shown", "place", "prompt", "facts", "marks"), text),
        **{"width": 64, "height": 48},
    }
    preview = {"url": text, "width": 64, "height": 48} if count == 1 else None
    return markup.shared(
        title=text, about=text, address=text, preview=preview, images=[image] * count
    )


PARTS: dict[str, Callable[[str], str]] = {
    "a notice": lambda text: markup.notice(messages.trouble(InputError(text, advice=text))),
    "a note": lambda text: markup.notice(text, "info"),
    "nothing to note": lambda _: markup.notice(""),
    "what was filled in": markup.undo,
    "the steps that run": markup.counted,
    "the empty stage": lambda _: markup.render("stage"),
    "the finished images": shots,
    "no image": lambda _: strip.shots([], {}),
    "the jobs": live,
    "no job": lambda _: strip.live([]),
    "the tools of the prompt": lambda text: markup.prompt_tools(
        text, [{"prompt": text, "picture": text, "by": text}] * 2
    ),
    "how long it takes": markup.hint,
    "what was spent today": lambda text: markup.today(text, text, 0.5, text),
    "nothing spent today": lambda _: markup.today(""),
    "about a backend": lambda text: markup.about(backend(text, note=text, prompts=[])),
    "about a closed backend": lambda text: markup.about(backend(text), text),
    "about no backend": lambda text: markup.about(backend(text)),
    "the chips": lambda text: markup.chips(backend(text, note=text, prompts=[text, text])),
    "no chips": lambda text: markup.chips(backend(text)),
    "its details": facts,
    "details without sandbox": lambda text: markup.facts(entry(1, prompt=text, sandbox=False), ""),
    "the viewer": lambda _: markup.viewer(),
    "what the viewer tells": viewed,
    "what it tells of a flagged image": lambda text: viewed(text, flagged=True),
    "no details": lambda _: markup.unchosen(),
    "the history": lambda _: markup.history(),
    "a flagged image": lambda text: strip.shots(
        [Shot(progress(text, entry=entry(1, prompt=text, id=text, flagged=True)), text, text)], {}
    ),
    "details of a flagged image": lambda text: markup.facts(
        entry(1, prompt=text, flagged=True), text
    ),
    "the form that compares": compare_form,
    "the stage of a set": lambda text: markup.render("compare_stage", names=text, sharing=True),
    "the kinds of variations": lambda _: markup.render("variations"),
    "a set that opens from a folder": set_page,
    "the languages": lambda _: markup.language(),
    "the header": lambda _: markup.header(),
    "the header of a closed program": lambda text: markup.header(InputError(text, advice=text)),
    "the header of a Space that forgets": lambda _: markup.header(fleeting=True),
    "what its owner can add": lambda text: markup.for_the_owner([text, text]),
    "nothing to add": lambda _: markup.for_the_owner([]),
    "the backends": backends,
    "the token": lambda text: markup.token(text, text),
    "no token": lambda text: markup.token("", text),
    "a snippet": lambda text: markup.snippets({text: text, "curl": text}),
    "own keys": lambda _: markup.own_keys(),
    "the form of a key": lambda text: markup.key_form(text, text),
    "an own key": lambda text: markup.own_key(text, text, text),
    "a failed job": lambda text: queue.status([progress(text, "failed")]),
    "a waiting job": lambda text: queue.status([progress(text, "waiting")]),
    "a running job": lambda text: queue.status([progress(text, "running")]),
    "the queue": crowd,
    "a queue that others resume": lambda text: queue.status(
        [progress(text, "waiting", stop=InputError(text))], whom=text
    ),
    "an empty queue": lambda _: queue.status([]),
    "the spending": spending,
    "one's own spending": lambda text: spending(text, admin=False),
    "no spending": lambda text: spending(text, rows=0),
    "the footer": lambda _: markup.footer(),
    "the title of the pieces of code": lambda _: markup.programs(),
    "the page that signs out": lambda _: markup.sign_out_page(),
    "the page of a link": shared,
    "the page of a link to a set without a preview": lambda text: shared(text, count=5),
    "the page of a link that shows nothing": lambda text: markup.shared_gone(text),
    "a page of one sentence": lambda text: markup.sentence_page(text, text),
}
