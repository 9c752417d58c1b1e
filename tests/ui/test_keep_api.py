"""The named API of what is kept: what it takes, what it returns, and its sentences."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from core.caller import Caller
from core.history import Wanted
from core.studio import Studio
from tests.conftest import Studios
from tests.core.history.steps import add
from tests.fakes import FakeBackend
from ui import keep_api
from ui.keep_api import KeepApi

pytestmark = pytest.mark.anyio


@pytest.fixture
async def studio(studios: Studios, monkeypatch: pytest.MonkeyPatch) -> Studio:
    monkeypatch.setattr(keep_api, "caller_of", lambda _request: Caller("ann", ""))
    made = await studios.open(FakeBackend())
    await add(made, 1, 2, 3)
    await add(made, 4, owner="bob")
    return made


async def ids(studio: Studio, **wanted: Any) -> list[str]:
    return [one.id for one in await studio.entries("ann", wanted=Wanted(**wanted))]


async def test_what_is_deleted_can_be_restored(studio: Studio) -> None:
    """One id or many, each once; it says for how many days."""
    api = KeepApi(studio)
    assert await api.delete(["e1", "e2", "e1"]) == {"deleted": 2, "days": 30}
    assert await ids(studio) == ["e3"]
    assert await api.delete(["e1"]) == {"deleted": 0, "days": 30}
    assert await api.restore("e1") == {"restored": 1}  # type: ignore[arg-type]
    assert await ids(studio) == ["e3", "e1"]
    assert await api.star("e3") == {"id": "e3", "starred": True}
    assert await api.star("e3", starred=False) == {"id": "e3", "starred": False}


async def test_a_collection_is_named_by_its_title_or_id(studio: Studio) -> None:
    """One of a new title is made."""
    api = KeepApi(studio)
    made = await api.collect(["e1", "e2"], "sea")
    assert made["collected"] == 2
    assert await api.collect(["e2", "e3"], made["collection"]) == {**made, "collected": 1}
    assert await api.collect(["e2"], "sea") == {**made, "collected": 0}
    assert await ids(studio, collection=made["collection"]) == ["e3", "e2", "e1"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["e1", "e4"], "There is no image “e4” in the history. Nothing was changed."),
        (["e1", "nobody's"], "There is no image “nobody's” in the history. Nothing was changed."),
        (["e1", "\udc80"], "There is no image “?” in the history. Nothing was changed."),
        (["e1", 2], "Ids must be a list of texts. Take them from `history`."),
        ({"e1": 1}, "Ids must be a list of texts. Take them from `history`."),
        (None, "Ids must be a list of texts. Take them from `history`."),
        (["e1"] * 10_001, "These are 10,001 ids; 10,000 is the most of one call. "),
    ],
)
async def test_ids_that_are_wrong_are_a_sentence_and_change_nothing(
    studio: Studio, given: Any, sentence: str
) -> None:
    """Of another owner, of nobody, of another kind, too many."""
    api = KeepApi(studio)
    for call in (api.delete(given), api.restore(given), api.collect(given, "sea")):
        with pytest.raises(gr.Error) as refused:
            await call
        assert refused.value.message.startswith(sentence)
    assert await ids(studio) == ["e3", "e2", "e1"]
    assert await studio.collections("ann") == []


async def test_a_stranger_is_told_how_to_say_who_it_is(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is looked up."""
    monkeypatch.setattr(keep_api, "caller_of", lambda _request: Caller("stranger:1", ""))
    api = KeepApi(studio)
    for call in (api.star("e1"), api.delete(["e1"]), api.restore(["e1"]), api.collect(["e1"], "x")):
        with pytest.raises(gr.Error, match="does not say whose"):
            await call
