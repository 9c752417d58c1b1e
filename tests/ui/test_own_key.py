"""What the page says of a visitor's own key."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from core.jobs.job import Job
from core.own_keys import Entered, OwnKeys
from core.studio import Progress
from tests.conftest import Studios
from tests.fakes import FakeBackend, FakeService
from ui import markup, messages
from ui.generate import queue
from ui.own_key import Keys

BACKEND = FakeBackend(paid=True)
JOB = Job(
    n=1,
    id="j",
    owner="ann",
    backend="fake",
    task="text-to-image",
    sandbox=False,
    state="running",
    params={"prompt": "hills"},
    sent={},
    seed=1,
    work=1.0,
    price_usd=0.025,
    charged="yes",
    request_id="r",
    error="This needs your key.",
    advice="Enter it.",
    entry_id=None,
    created_at=0.0,
    updated_at=0.0,
    sent_at=0.0,
    own_key="f" * 32,
)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (Entered(BACKEND, 9.5), "This key works, $9.50 left."),
        (Entered(BACKEND), "This key works."),
        (Entered(BACKEND, 0.0, "", 1), "1 image that needed it goes on."),
        (Entered(BACKEND, 0.0, "", 2), "2 images that needed it go on."),
        (Entered(BACKEND, 0.0, "", 0, 1), "1 image still needs the key that was used before"),
        (Entered(BACKEND, None, "It is slow."), "The key is in use. It is slow."),
    ],
)
def test_entering_a_key_is_answered_in_plain_words(result: Entered, said: str) -> None:
    assert said in messages.entered(result)


def test_forgetting_says_what_still_ends_with_the_key() -> None:
    assert messages.forgotten(0) == "Your key is forgotten."
    assert "as soon as 2 images that are being made with it are here" in messages.forgotten(2)


def test_a_job_that_needs_its_key_says_so_and_can_be_cancelled_while_it_waits() -> None:
    """An accepted one is paid for: there is nothing to press."""
    accepted = queue.status([Progress(job=JOB, needs_key=True)])
    waiting = queue.status([Progress(job=replace(JOB, state="waiting"), needs_key=True)])
    assert "Needs your key" in accepted
    assert "Needs your key" in waiting
    button = 'data-do="cancel"'
    assert (button in accepted, button in waiting) == (False, True)


def test_the_backend_is_the_visitors_for_the_visitor_alone() -> None:
    assert messages.backend_name(BACKEND, own=True) == "Fake · your key"
    assert messages.backend_name(BACKEND) == "Fake"
    assert "Your key" in markup.backends([BACKEND], ["fake"])
    assert "Your key" not in markup.backends([BACKEND])


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore::UserWarning")
async def test_whatever_the_form_sends_is_answered(studios: Studios) -> None:
    """An event without names, and names that hold no text; no key is made of them."""
    connected: list[str] = []

    def connect(_service: str, key: str) -> Any:
        connected.append(key)
        return FakeService(paid=True)

    studio = await studios.open(FakeService(), own=OwnKeys(connect, ["fake"]))
    asks: Any = SimpleNamespace(username="ann", headers={})
    with gr.Blocks(analytics_enabled=False):
        keys = Keys(studio, gr.BrowserState(""))
        keys.build()
    for value in (None, "", "\ud800", "\x00", 10**400, [], [[1]], {}, {"a": 1}, True):
        for data in (value, {"service": value}, {"service": "fake", "key": value}):
            drawn = await keys.change("", gr.EventData(None, data), asks)
            assert not drawn or "This cannot be a key" in drawn[keys.notices["fake"]]
    assert connected == []
