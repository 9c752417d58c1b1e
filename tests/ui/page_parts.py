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
from ui.generate import queue
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


def stage(text: str) -> str:
    remarked = entry(2, prompt=text, id=text, sent={"painted_without": [text]}, sandbox=False)
    shown = [
        (progress(text), f"media/{text}"),
        (progress(text, entry=replace(remarked, backend=text)), text),
        (progress(text, "running", preview=b"picture"), ""),
        (progress(text, "waiting"), ""),
    ]
    return markup.stage(shown)


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


PARTS: dict[str, Callable[[str], str]] = {
    "a notice": lambda text: markup.notice(messages.trouble(InputError(text, advice=text))),
    "a note": lambda text: markup.notice(text, "info"),
    "nothing to note": lambda _: markup.notice(""),
    "the steps that run": markup.counted,
    "the empty stage": lambda _: markup.stage([]),
    "the image": lambda text: markup.stage([(progress(text), f"media/{text}")]),
    "the images": stage,
    "an example": lambda text: markup.examples([{"prompt": text, "picture": text}] * 2),
    "no example": lambda _: markup.examples([]),
    "about a backend": lambda text: markup.about(backend(text, note=text, prompts=[])),
    "about a closed backend": lambda text: markup.about(backend(text), text),
    "about no backend": lambda text: markup.about(backend(text)),
    "the chips": lambda text: markup.chips(backend(text, note=text, prompts=[text, text])),
    "no chips": lambda text: markup.chips(backend(text)),
    "its details": facts,
    "details without sandbox": lambda text: markup.facts(entry(1, prompt=text, sandbox=False), ""),
    "the header": lambda _: markup.header(),
    "the header of a closed program": lambda text: markup.header(InputError(text, advice=text)),
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
    "a page of one sentence": lambda text: markup.sentence_page(text, text),
}
