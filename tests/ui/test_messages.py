"""The sentences of the page: what they say of a backend and of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from core.backend import Readiness
from core.history import Entry
from core.jobs.job import Job
from core.jobs.spending import Spending, day
from core.studio import Progress
from core.words import say
from tests.fakes import FakeBackend
from tests.ui.page_parts import backend
from ui import markup, messages
from ui.generate import queue, strip
from ui.generate.strip import Shot
from ui.spending_tab import chart


class Suggesting(FakeBackend):
    """A backend that is good for some things only."""

    note = "It generates <hills>. It is not SRPO."
    prompts = ("Hills", 'A "red" sun')


class Missing(Suggesting):
    """One that cannot generate for now."""

    def problem(self) -> str:
        return "The weights are missing. Get them again."


class Sandboxed(FakeBackend):
    """A stand-in for a service."""

    sandbox = True


def entry(**sent: Any) -> Entry:
    return Entry(
        id="e",
        job_id="j",
        owner="ann",
        created_at=0.0,
        task="text-to-image",
        backend="miniature",
        model="miniature",
        sandbox=False,
        prompt="hills",
        params={"prompt": "hills", "steps": 4},
        sent=sent,
        seed=3,
        width=640,
        height=384,
        format="png",
        elapsed_s=1.0,
        price_usd=0.0,
        request_id=None,
        flagged=False,
        file="images/x.png",
        thumbnail="thumbnails/x.webp",
    )


def test_what_a_picture_was_painted_without_is_named() -> None:
    """Unknown words and a prompt that was cut are said in a sentence each."""
    assert messages.remarks({"painted_without": ["cat", "neon"]}) == [
        "Generated without: cat, neon."
    ]
    assert messages.remarks({"prompt_read_until": "a red house"}) == [
        "The model read the prompt up to “a red house”."
    ]
    assert messages.remarks({"painted_without": [], "prompt_read_until": ""}) == []
    assert messages.remarks({}) == []


def test_many_unknown_words_are_counted() -> None:
    """A prompt in another language does not fill the page."""
    (said,) = messages.remarks({"painted_without": [f"word{n}" for n in range(40)]})
    assert said.startswith("Generated without: word0, word1, ")
    assert said.endswith("word11 and 28 more.")


def test_a_picture_says_who_painted_it_and_without_what() -> None:
    """Below the result: backend and remark, whatever the words are."""
    made = Progress(job=job(), entry=entry(painted_without=["<b>cat</b>"]))
    drawn = strip.shots([Shot(made, "media/x.png", "")], {})
    assert "640 × 384 · seed 3 · 1.0 s · free · miniature" in drawn
    assert "Generated without: &lt;b&gt;cat&lt;/b&gt;." in drawn
    quiet = strip.shots([Shot(Progress(job=job(), entry=entry()), "media/x.png", "")], {})
    assert "remark" not in quiet


def test_a_backend_has_one_name_on_the_page() -> None:
    """WaveSpeed in the menu is not `wavespeed` below its images, in the details or in the sums."""
    labels = {"miniature": "Miniature"}
    made = Progress(job=job(), entry=entry())
    assert "· Miniature" in strip.shots([Shot(made, "media/x.png", "")], labels)
    assert "<dt>Backend</dt><dd>Miniature</dd>" in markup.facts(entry(), "media/x.png", labels)
    drawn = chart([Spending(day(), "ann", "miniature", 1, 25_000, 0, 0)], labels)
    assert drawn is not None
    assert drawn.names == ["Miniature"]


def test_the_facts_tell_how_it_was_painted() -> None:
    """Both sizes, the words left out, and what a model on this machine says of itself."""
    told = {"painted_size": [160, 96], "painted_without": ["cat", "neon"], "compiled": True}
    drawn = markup.facts(entry(**told, weights="nf4", prompt_read_until="a house"), "media/x.png")
    for label, value in {
        "Backend": "miniature",
        "Model": "miniature",
        "Generated at": "160 × 96",
        "Without": "cat, neon",
        "Read up to": "a house",
        "Weights": "nf4",
        "Compiled": "yes",
        "Size": "640 × 384 PNG",
    }.items():
        assert f"<dt>{label}</dt><dd>{value}</dd>" in drawn


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        (FakeBackend(), ""),
        (Sandboxed(), say("image-sandbox-note")),
        (Suggesting(), "It generates <hills>. It is not SRPO."),
        (Missing(), "The weights are missing. Get them again."),
    ],
    ids=["plain", "sandbox", "suggesting", "missing"],
)
def test_what_must_be_known_of_a_backend_is_said_where_it_is_chosen(
    backend: FakeBackend, said: str
) -> None:
    """A stand-in, a small model and a broken one are never taken for the real thing."""
    assert messages.about(backend) == said
    assert ("<hills>" in markup.about(backend)) is False
    assert ("about-backend" in markup.about(backend)) == bool(said)


def test_suggested_prompts_are_buttons_with_a_name_for_their_group() -> None:
    """Reached with the keyboard, read aloud; none where nothing can be generated."""
    drawn = markup.chips(Suggesting())
    assert drawn.count('<button type="button" data-prompt="') == 2
    assert 'role="group" aria-label="Prompts it knows"' in drawn
    assert 'data-prompt="A &#34;red&#34; sun"' in drawn
    assert markup.chips(Missing()) == markup.chips(FakeBackend()) == ""


CANCELLED = [("cancelled", "no")] * 3 + [("running", "yes")] * 2


@pytest.mark.parametrize(
    ("ends", "sentence"),
    [
        ([("cancelled", "no")], "Cancelled. Nothing was spent."),
        ([("running", "yes")], "Already paid for: it will land in the history."),
        ([("cancelled", "no")] * 2, "2 images cancelled. Nothing was spent."),
        (
            CANCELLED,
            "3 images cancelled, which cost nothing. 2 are paid for already and will land in the "
            "history.",
        ),
        (
            [*CANCELLED[:1], ("sending", "no"), ("waiting", "no"), ("finished", "yes")],
            "1 image cancelled, which costs nothing. 1 is being sent at this moment: if the "
            "service takes it, it is paid for and will land in the history. 1 could not be "
            "stopped. 1 had ended already.",
        ),
        ([("running", "yes")] * 2, "2 are paid for already and will land in the history."),
        ([], "Nothing was under way any more."),
    ],
)
def test_a_cancel_of_many_sums_up_all_of_them(
    ends: Sequence[tuple[Any, Any]], sentence: str
) -> None:
    """Two that had begun are charged, whatever became of the last one."""
    assert messages.cancelled_all([replace(job(), state=s, charged=c) for s, c in ends]) == sentence


def test_what_may_have_been_charged_is_said_once() -> None:
    """The state, the error and the advice may all know of it."""
    open_still = replace(job(), state="unknown", charged="maybe", error="The answer was lost.")
    dismissed = replace(
        open_still, state="failed", advice="You dismissed it; it may have been charged."
    )
    found = replace(open_still, advice="It may have been charged. Look at your account.")
    for one in (open_still, dismissed, found):
        drawn = queue.status([Progress(job=one)])
        assert drawn.lower().count("may have been charged") == 1, drawn


def test_what_may_be_charged_twice_is_asked_about_whatever_the_budget_says() -> None:
    """The budget may have been raised since the page was drawn; a mere retry is refused at once."""
    again, retry = replace(job(), state="unknown"), replace(job(), state="failed")
    for one, action, asks in ((again, "again", True), (retry, "retry", False)):
        drawn = queue.status(
            [Progress(job=one)], {one.id: [action]}, prices={one.id: 0.2}, left_usd=0.1
        )
        assert ("$0.20" in drawn and "data-ask" in drawn) is asks, action
        assert 'data-price="0.200000"' in drawn


def test_a_waiting_job_counts_no_seconds_and_a_late_one_says_so() -> None:
    """No “0.0 s of about 2.4 s”, and no bar that stands still at 97 %."""
    waits = Progress(job=replace(job(), state="waiting"), estimate_s=2.4)
    assert messages.clock(waits) == ""
    going = Progress(job=replace(job(), state="running"), estimate_s=10.0, elapsed_s=6.0)
    assert messages.clock(going) == "6.0 s of about 10.0 s"
    assert 0.4 < (going.share or 0.0) < 0.6
    late = replace(going, elapsed_s=13.0)
    assert messages.clock(late) == "13.0 s · longer than usual"
    assert late.share is None
    assert 'class="bar unsure"' in queue.status([late])
    assert replace(late, fraction=0.5).share == 0.5
    assert messages.clock(replace(late, fraction=0.5)) == "13.0 s · longer than usual"


def job() -> Job:
    nothing = dict.fromkeys(("request_id", "entry_id", "sent_at"))
    numbers = dict.fromkeys(("n", "seed", "work", "price_usd", "created_at", "updated_at"), 0)
    texts = dict.fromkeys(("id", "owner", "backend", "error", "advice"), "")
    kinds: dict[str, Any] = {"task": "text-to-image", "state": "finished", "charged": "no"}
    return Job(sandbox=False, params={}, sent={}, **nothing, **numbers, **texts, **kinds)


def test_while_a_model_loads_the_form_says_how_far_and_what_serves_meanwhile() -> None:
    """Whoever comes first on a Space has something to do at once."""
    loading = backend("local", readiness=lambda: Readiness("loading", "x", 0.35), load=lambda: None)
    said = messages.about(loading)
    assert said.startswith("Loading · 35 %.")
    assert "miniature" in said
    ready = backend("local", readiness=lambda: Readiness("ready", "x"), load=lambda: None)
    assert messages.about(ready) == ""
    assert messages.generate_label(0.0, 23.6) == "Generate · asks for 24 s of your GPU time"
    assert messages.generate_label(0.0, None) == "Generate · free"
