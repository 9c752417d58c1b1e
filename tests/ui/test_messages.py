"""The sentences of the page: what they say of a backend and of a picture."""

from __future__ import annotations

from typing import Any

import pytest

from core.history import Entry
from core.jobs.job import Job
from core.studio import Progress
from tests.fakes import FakeBackend
from ui import markup, messages


class Suggesting(FakeBackend):
    """A backend that is good for some things only."""

    note = "It paints <hills>. It is not SRPO."
    prompts = ("Hills", 'A "red" sun')


class Missing(Suggesting):
    """One that cannot paint for now."""

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
    assert messages.remarks({"painted_without": ["cat", "neon"]}) == ["Painted without: cat, neon."]
    assert messages.remarks({"prompt_read_until": "a red house"}) == [
        "The model read the prompt up to “a red house”."
    ]
    assert messages.remarks({"painted_without": [], "prompt_read_until": ""}) == []
    assert messages.remarks({}) == []


def test_many_unknown_words_are_counted() -> None:
    """A prompt in another language does not fill the page."""
    (said,) = messages.remarks({"painted_without": [f"word{n}" for n in range(40)]})
    assert said.startswith("Painted without: word0, word1, ")
    assert said.endswith("word11 and 28 more.")


def test_a_picture_says_who_painted_it_and_without_what() -> None:
    """Below the result: backend and remark, whatever the words are."""
    made = Progress(job=job(), entry=entry(painted_without=["<b>cat</b>"]))
    drawn = markup.stage([(made, "media/x.png")])
    assert "640 × 384 · seed 3 · 1.0 s · free · miniature" in drawn
    assert "Painted without: &lt;b&gt;cat&lt;/b&gt;." in drawn
    quiet = markup.stage([(Progress(job=job(), entry=entry()), "media/x.png")])
    assert "remark" not in quiet


def test_the_facts_tell_how_it_was_painted() -> None:
    """Both sizes, the words left out, and what a model on this machine says of itself."""
    told = {"painted_size": [160, 96], "painted_without": ["cat", "neon"], "compiled": True}
    drawn = markup.facts(entry(**told, weights="nf4", prompt_read_until="a house"), "media/x.png")
    for label, value in {
        "Backend": "miniature",
        "Model": "miniature",
        "Painted at": "160 × 96",
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
        (Sandboxed(), messages.SANDBOX_NOTE),
        (Suggesting(), "It paints <hills>. It is not SRPO."),
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
    """Reached with the keyboard, read aloud; none where nothing can be painted."""
    drawn = markup.chips(Suggesting())
    assert drawn.count('<button type="button" data-prompt="') == 2
    assert 'role="group" aria-label="Prompts it can paint"' in drawn
    assert 'data-prompt="A &#34;red&#34; sun"' in drawn
    assert markup.chips(Missing()) == markup.chips(FakeBackend()) == ""


def job() -> Job:
    nothing = dict.fromkeys(("request_id", "entry_id", "sent_at"))
    numbers = dict.fromkeys(("n", "seed", "work", "price_usd", "created_at", "updated_at"), 0)
    texts = dict.fromkeys(("id", "owner", "backend", "error", "advice"), "")
    kinds: dict[str, Any] = {"task": "text-to-image", "state": "finished", "charged": "no"}
    return Job(sandbox=False, params={}, sent={}, **nothing, **numbers, **texts, **kinds)
