"""What `/history` finds: each argument does what it says, and a wrong one is a sentence."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from core.caller import Caller
from core.history import changes
from core.studio import Studio
from tests.conftest import Studios
from tests.core.history.steps import add
from tests.fakes import FakeBackend
from ui import api
from ui.api import Api
from ui.server.routes import Media

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

DAY = 86_400.0
FIRST = 1_767_225_600.0  # 2026-01-01


@pytest.fixture
async def asked(studios: Studios, monkeypatch: pytest.MonkeyPatch) -> Api:
    """Four images of ann's, a day apart, and one of bob's."""
    monkeypatch.setattr(api, "caller_of", lambda _request: Caller("ann", ""))
    studio: Studio = await studios.open(FakeBackend())
    for n in range(1, 5):
        await add(
            studio,
            n,
            created_at=FIRST + n * DAY - DAY / 2,
            backend="fal" if n % 2 else "siraya",
            model=f"m{n}",
            task="image-to-image" if n == 4 else "text-to-image",
            flagged=n == 3,
            prompt="red hills" if n < 3 else "blue sea",
        )
    await add(studio, 5, owner="bob", prompt="red sea")
    made = await studio.create_collection("best", owner="ann")
    await studio.change_these(changes.collect(made.id), ["e1", "e4"], owner="ann")
    return Api(studio, Media(studio), None, "fake")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({}, "e4 e3 e2 e1"),
        ({"query": "hil"}, "e2 e1"),
        ({"query": "-hills"}, "e4 e3"),
        ({"before": "e3"}, "e2 e1"),
        ({"after": "e2"}, "e4 e3"),
        ({"after": "e1", "limit": 1}, "e2"),
        ({"backend": "fal"}, "e3 e1"),
        ({"model": "m2"}, "e2"),
        ({"task": "image-to-image"}, "e4"),
        ({"since": "2026-01-03"}, "e4 e3"),
        ({"until": "2026-01-03"}, "e3 e2 e1"),
        ({"since": "2026-01-02T12:00:00+00:00", "until": "2026-01-03T11:00:00"}, "e2"),
        ({"collection": "best"}, "e4 e1"),
        ({"flagged": True}, "e3"),
        ({"flagged": False}, "e4 e2 e1"),
        ({"backend": "fal", "query": "red", "flagged": False}, "e1"),
        ({"query": "🎈 nothing"}, ""),
    ],
)
async def test_each_argument_does_what_it_says(
    asked: Api, arguments: dict[str, Any], found: str
) -> None:
    """Alone and together; another owner's images are never among them."""
    assert [one["id"] for one in await asked.history(**arguments)] == found.split()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"task": "text-to-video"}, "There is no task “text-to-video”."),
        ({"since": "yesterday"}, "“yesterday” is not a date. Write it as 2026-01-31 or"),
        ({"until": "2026-13-01"}, "“2026-13-01” is not a date."),
        ({"since": "9999-12-31", "until": "9999-12-31"}, "“9999-12-31” is not a date."),
        ({"collection": "worst"}, "There is no such collection."),
        ({"colour": "loud"}, "“loud” is not a colour."),
        ({"query": "a " * 5_000}, "A search can have at most 64 words. Use fewer words"),
        ({"limit": float("nan")}, "Limit must be a whole number."),
    ],
)
async def test_what_is_wrong_is_said(asked: Api, arguments: dict[str, Any], sentence: str) -> None:
    """One sentence and what to do; nothing is ignored."""
    with pytest.raises(gr.Error) as caught:
        await asked.history(**arguments)
    assert sentence in str(caught.value.message)
