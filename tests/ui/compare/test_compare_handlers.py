"""What the Compare tab does with a set: run it, draw it, alter it, fill the form from it."""

from __future__ import annotations

import asyncio
import base64
import json
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from core import params as fields
from core.caller import Caller
from core.errors import UnavailableError
from core.studio import Studio
from core.words import say
from tests.conftest import Studios
from tests.fakes import FakeService, FakeText
from ui.compare import sentences
from ui.compare.handlers import CompareHandlers
from ui.compare.tab import CompareTab
from ui.server.routes import Media
from ui.server.set_files import SetFiles
from ui.server.uploads import Uploads

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
ASK = {
    "prompt": "a boat",
    "targets": ["one|", "two|"],
    "axes": [{"field": "seed", "text": "1, 2, 3"}],
    "rest": {},
}


def service(name: str, **options: Any) -> FakeService:
    made = FakeService(paid=True, **options)
    made.id, made.label = name, name.capitalize()
    return made


class Page:
    """The handlers of one window of one visitor, with what they last said on each channel."""

    def __init__(self, studio: Studio, owner: str = "ann", ask_above: float = 1.0) -> None:
        async def spent(_caller: Caller) -> str:
            return "spent"

        media = Media(studio)
        session: Any = SimpleNamespace(
            studio=studio,
            media=media,
            who="who",
            today="today",
            ask_above=ask_above,
            caller=lambda _request, _who: Caller(owner, "10.0.0.1"),
            spent_today=spent,
        )
        names = ("item", "hub", "overview", "plan", "table", "differ", "link", "fill", "styles")
        tab: Any = CompareTab(**{name: name for name in names})  # type: ignore[arg-type]
        menu: Any = "menu"
        files = SetFiles(studio, media)
        self.handlers = CompareHandlers(tab, session, Uploads(media), files, menu, {})
        self.request: Any = SimpleNamespace(session_hash="window")
        self.said: dict[str, Any] = {}
        self.updates = 0

    async def do(self, name: str, /, **event: Any) -> dict[str, Any]:
        """Carry an event out to its end and return what was said last on each channel."""
        self.said = {}
        said: Any = [] if name == "overview_of" else [SimpleNamespace(**event)]
        answer = getattr(self.handlers, name)("who", *said, self.request)
        if hasattr(answer, "__aiter__"):
            async for update in answer:
                self.updates += 1
                self._hear(update)
        else:
            self._hear(await answer)
        return self.said

    def _hear(self, update: dict[Any, Any]) -> None:
        for part, value in update.items():
            if part == "table" and "cells" in value:
                read = {place: json.loads(text) for place, text in value["cells"].items()}
                self.said[part] = value | json.loads(value["about"]) | {"cells": read}
                continue
            self.said["question" if part is self.handlers.question else part] = value

    async def run(self, price: float = 0.15, **ask: Any) -> dict[str, Any]:
        click = {"name": f"c{self.updates}", "price": price, "asked": False}
        said = await self.do("run_set", ask=ASK | ask, click=click)
        assert "table" in said, said
        return dict(said["table"])


async def test_a_run_draws_its_cells_until_the_last_one(studios: Studios) -> None:
    studio = await studios.open(service("one"), service("two"), beat_s=0.05)
    page = Page(studio)
    table = await page.run()
    assert (table["state"], table["columns"], table["rows"]) == (
        "finished",
        ["One", "Two"],
        ["1", "2", "3"],
    )
    assert table["total"].startswith("6 of 6 · $0.15")
    assert {cell["state"] for cell in table["cells"].values()} == {"finished"}
    first = table["cells"]["0.0.0"]
    assert (first["seed"], first["price"], first["file"][:6]) == (1, "$0.025", "media/")
    assert table["heads"][0].endswith("· $0.025")
    overview = (await page.do("overview_of"))["overview"]
    assert [one["id"] for one in overview["sets"]] == [table["id"]]
    assert overview["sets"][0]["state"] == "6 images"


async def test_a_price_that_was_not_seen_or_asked_about_makes_nothing(studios: Studios) -> None:
    studio = await studios.open(service("one"), service("two"))
    page = Page(studio, ask_above=0.1)
    said = await page.do("run_set", ask=ASK, click={"name": "c", "price": 0.15})
    asked = said["question"]
    assert (asked["title"], asked["yes"]) == ("Make 6 images?", "Run 6 images · $0.15")
    assert await studio.ledger.list() == []
    said = await page.do("run_set", ask=ASK, click={"name": "d", "price": 0.05})
    assert "costs $0.15 now" in said["plan"]["refused"]["message"]
    said = await page.do("run_agreed", **(asked["detail"] | {"price": 0.10}))
    assert "costs $0.15 now" in said["plan"]["refused"]["message"]
    assert await studio.ledger.list() == []
    said = await page.do("run_agreed", **asked["detail"])
    assert said["table"]["state"] == "finished"
    await page.do("run_agreed", **asked["detail"])
    assert len(await studio.ledger.list()) == 6


async def test_a_large_set_needs_its_number_typed_in(studios: Studios) -> None:
    one = service("one", open_gate=False)
    studio = await studios.open(one)
    page = Page(studio, ask_above=100)
    ask = ASK | {"targets": ["one|"], "axes": [{"field": "seed", "text": "1–201"}]}
    click = {"name": "c", "price": 201 * 0.025}
    plan = (await page.do("plan_set", ask=ask, n=4))["plan"]
    assert (plan["n"], plan["many"], plan["type"]) == (4, 201, sentences.type_it(201))
    for typed in ("", "200", None):
        said = await page.do("run_set", ask=ask, click=click, typed=typed)
        assert said["plan"]["refused"]["message"] == sentences.not_typed(201)
    assert await studio.ledger.list() == []
    one.gate.set()
    assert (await page.do("run_set", ask=ask, click=click, typed="201"))["table"]["id"]


async def test_a_later_event_of_the_window_takes_the_table_over(studios: Studios) -> None:
    one = service("one", open_gate=False)
    studio = await studios.open(one, beat_s=0.05)
    page = Page(studio)
    ask = ASK | {"targets": ["one|"]}
    click = {"name": "c", "price": 0.075}
    first = asyncio.create_task(page.do("run_set", ask=ask, click=click))
    while not page.handlers.latest:
        await asyncio.sleep(0.02)
    [made] = await studio.sets("ann")
    second = asyncio.create_task(page.do("show_set", set=made.id))
    async with asyncio.timeout(10):
        await first
        assert not second.done()
        one.gate.set()
        await second
    assert page.handlers.latest == {}


async def test_a_set_is_renamed_paused_picked_in_and_forgotten(studios: Studios) -> None:
    one, two = service("one"), service("two")
    studio = await studios.open(one, two, beat_s=0.05)
    page = Page(studio)
    table = await page.run()
    alter = {"set": table["id"]}
    table = (await page.do("alter_set", do="rename", title=" Two  services ", **alter))["table"]
    assert table["title"] == "Two services"
    pick = alter | {"do": "pick", "row": 1, "page": 0}
    assert (await page.do("alter_set", column=1, **pick))["table"]["picks"] == {"0.1": 1}
    shares = (await page.do("alter_set", column=0, **pick))["table"]["shares"]
    assert [(one["target"], one["picks"], one["of"]) for one in shares] == [
        ("One", 1, 1),
        ("Two", 0, 1),
    ]
    assert (shares[0]["low"], shares[0]["said"]) == (0.2065, "21–100 %")
    assert (await page.do("alter_set", column=0, **pick))["table"]["picks"] == {}
    for bad in ({"column": 7}, {"column": "x", "row": -1}, {}):
        found = (await page.do("alter_set", **(pick | {"row": 9} | bad)))["table"]
        assert found["picks"] == {}
    said = await page.do("alter_set", do="delete", **alter)
    assert said["table"] == {"id": "", "gone": table["id"]}
    assert await studio.sets("ann") == []
    assert len(await studio.entries("ann")) == 6


async def test_a_paused_set_waits_and_goes_on(studios: Studios) -> None:
    one = service("one", open_gate=False)
    studio = await studios.open(one, beat_s=0.05)
    page = Page(studio)
    ask = ASK | {"targets": ["one|"]}
    run = asyncio.create_task(page.do("run_set", ask=ask, click={"name": "c", "price": 0.075}))
    while one.sends < 2:
        await asyncio.sleep(0.02)
    [made] = await studio.sets("ann")
    paused = asyncio.create_task(page.do("alter_set", set=made.id, do="pause"))
    await run
    one.gate.set()
    await asyncio.sleep(0.5)
    table = page.said["table"]
    assert (table["state"], table["paused"], one.sends) == ("paused", True, 2)
    go_on = await page.do("alter_set", set=made.id, do="go-on")
    await paused
    assert (go_on["table"]["state"], one.sends) == ("finished", 3)


async def test_what_failed_is_retried_at_the_price_on_the_button(studios: Studios) -> None:
    two = service("two", failure=UnavailableError("Gone.", charged="no"))
    studio = await studios.open(service("one"), two, beat_s=0.05)
    page = Page(studio, ask_above=0.05)
    asked = {"name": "c", "price": 0.15, "asked": True}
    table = (await page.do("run_agreed", ask=ASK, **asked))["table"]
    assert (table["state"], table["retry"]["label"]) == ("incomplete", "Retry 3 · $0.075")
    failed = table["cells"]["0.0.1"]
    assert failed["why"].startswith("Gone.")
    assert [act["do"] for act in failed["acts"]] == ["retry"]
    two.failure = None
    alter = {"set": table["id"], "do": "retry"}
    for said in ({"price": 0.075}, {"price": 0.05, "asked": True}, {"price": None, "asked": True}):
        assert (await page.do("alter_set", **(alter | said)))["table"]["state"] == "incomplete"
    act = failed["acts"][0] | {"set": table["id"], "asked": True}
    table = (await page.do("act_on_cell", **act))["table"]
    assert table["retry"]["label"] == "Retry 2 · $0.05"
    table = (await page.do("alter_set", price=0.05, asked=True, **alter))["table"]
    assert (table["state"], table["retry"], two.sends) == ("finished", None, 6)


async def test_what_was_really_sent_differently_is_told(studios: Studios) -> None:
    studio = await studios.open(service("one"), service("two"), beat_s=0.05)
    page = Page(studio)
    table = await page.run(targets=["one|"], price=0.075)
    told = (await page.do("differ_row", set=table["id"], row=0, page=0))["differ"]
    assert (told["columns"], told["rows"]) == (
        [0, 1, 2],
        [{"name": "seed", "values": ["1", "2", "3"]}],
    )
    assert (await page.do("differ_row", set="nowhere"))["differ"] == {}


async def test_extending_makes_only_what_is_missing(studios: Studios) -> None:
    one, two = service("one"), service("two")
    studio = await studios.open(one, two, beat_s=0.05)
    page = Page(studio)
    table = await page.run()
    form = (await page.do("fill_form", set=table["id"], how="extend"))["fill"]
    assert (form["extends"], form["note"]) == (table["id"], say("compare-extending"))
    axes = [{"field": "seed", "text": "1, 2, 3, 4"}]
    wider = await page.run(0.05, **(form | {"axes": axes}))
    assert (wider["id"], len(wider["cells"]), one.sends, two.sends) == (table["id"], 8, 4, 4)
    again = (await page.do("fill_form", set=table["id"], how="again"))["fill"]
    assert "extends" not in again
    assert again["axes"][0]["text"].count(",") == 3


async def test_new_images_of_a_set_go_into_its_collection(studios: Studios) -> None:
    """A title makes one, or is that of an older one; a set that is extended keeps its own."""
    studio = await studios.open(service("one"), service("two"), beat_s=0.05)
    page = Page(studio)
    await page.do("run_set", ask=ASK | {"collection": "Sea"}, click={"name": "c", "price": 0.05})
    assert await studio.collections("ann") == []
    table = await page.run(collection=" Sea ")
    overview = (await page.do("overview_of"))["overview"]
    assert overview["collections"] == ["Sea"]
    form = (await page.do("fill_form", set=table["id"], how="extend"))["fill"]
    assert form["collection"] == "Sea"
    await page.run(0, **form)
    axes = [{"field": "seed", "text": "1, 2, 3, 4"}]
    await page.run(0.05, **(form | {"axes": axes}))
    [sea] = await studio.collections("ann")
    assert (sea.title, sea.count) == ("Sea", 8)
    await page.run(0.05, axes=[{"field": "seed", "text": "9"}], collection="")
    [sea] = await studio.collections("ann")
    assert sea.count == 8


async def test_a_set_is_shown_by_a_link_until_it_is_revoked(studios: Studios) -> None:
    studio = await studios.open(service("one"), service("two"), beat_s=0.05, sharing=True)
    page, other = Page(studio), Page(studio, owner="bob")
    table = await page.run()
    about = {"set": table["id"]}
    assert (await page.do("links_to", do="count", **about))["link"]["open"] == ""
    made = (await page.do("links_to", do="publish", **about))["link"]
    assert (made["set"], made["open"]) == (table["id"], "1 link shows this set.")
    found: Any = await studio.shared(made["link"].removeprefix("s/"))
    assert [place for place, _ in found.images][:2] == ["1 · One", "1 · Two"]
    told = (await page.do("links_to", do="count", **about))["link"]
    assert (told["link"], told["open"]) == ("", "1 link shows this set.")
    with pytest.raises(gr.Error):
        await other.do("links_to", do="publish", **about)
    assert (await other.do("links_to", do="unpublish", **about))["link"]["open"] == ""
    assert not isinstance(await studio.shared(made["link"].removeprefix("s/")), str)
    assert (await page.do("links_to", do="unpublish", **about))["link"]["open"] == ""
    assert await studio.shared(made["link"].removeprefix("s/")) == "revoked"


async def test_a_source_image_stays_the_owners(studios: Studios, monkeypatch: Any) -> None:
    """A note of another owner's image is not believed, and opens nothing."""
    studio = await studios.open(service("one"))
    page = Page(studio)
    from core import pictures
    from tests.fakes import picture

    note = await page.handlers.uploads.keep(pictures.load(picture(5)), "bob")
    ask = ASK | {"targets": ["one|"], "image": note}
    plan = (await page.do("plan_set", ask=ask, n=1))["plan"]
    assert plan["troubles"][0]["field"] == "image"
    mine = await page.handlers.uploads.keep(pictures.load(picture(5)), "ann")
    ask = ASK | {
        "targets": ["one|"],
        "image": mine,
        "axes": [{"field": "strength", "text": "0.2, 0.8"}],
    }
    plan = (await page.do("plan_set", ask=ask, n=2))["plan"]
    assert (plan["troubles"], plan["task"], plan["label"]) == (
        [],
        "image-to-image",
        "Run 2 images · $0.05",
    )


async def test_a_source_that_is_gone_is_said_and_nothing_is_extended(studios: Studios) -> None:
    """Without its image the set would be another one: the form makes a new set instead."""
    studio = await studios.open(service("one"), beat_s=0.05)
    page = Page(studio)
    from core import pictures
    from tests.fakes import picture

    note = await page.handlers.uploads.keep(pictures.load(picture(5)), "ann")
    ask = {"targets": ["one|"], "image": note, "axes": [{"field": "strength", "text": "0.2, 0.8"}]}
    table = await page.run(0.05, **ask)
    for file in (studios.folder / "inputs").rglob("*.png"):
        file.unlink()
    page.handlers.pictures.clear()
    form = (await page.do("fill_form", set=table["id"], how="extend"))["fill"]
    assert (form["source"], form["extends"], form["note"]) == (None, "", say("source-gone"))
    plan = (await page.do("plan_set", ask=ASK | ask, n=1))["plan"]
    [wrong] = plan["troubles"]
    assert (wrong["field"], plan["ready"]) == ("image", False)
    click = {"name": "gone", "price": 0.05, "asked": False}
    said = await page.do("run_set", ask=ASK | ask, click=click)
    assert not said["plan"]["ready"]
    assert len(await studio.ledger.list()) == 2
    assert (await page.do("show_set", set=table["id"]))["table"]["state"] == "finished"


async def test_variations_say_which_they_are(studios: Studios) -> None:
    studio = await studios.open(service("one"), beat_s=0.05)
    page = Page(studio)
    await page.run(0.075, targets=["one|"])
    [*_, entry] = await studio.entries("ann")
    said = await page.do("vary_image", entry=entry.id, kind="seeds")
    form = said["fill"]
    assert (form["note"], form["targets"]) == (say("compare-nearby"), ["one|"])
    assert form["axes"] == [{"field": "seed", "text": f"{entry.seed}, +1, +2, +3, +4"}]
    assert said["menu"] == gr.update(selected="compare")
    form = (await page.do("vary_image", entry=entry.id, kind="strength"))["fill"]
    assert (form["note"], form["task"]) == (say("compare-strip"), "image-to-image")
    assert form["source"]["note"]["name"].startswith("inputs/")
    with pytest.raises(gr.Error, match="cannot be blended"):
        await page.do("vary_image", entry=entry.id, kind="blend")
    with pytest.raises(gr.Error):
        await Page(studio, owner="bob").do("vary_image", entry=entry.id, kind="seeds")


class BlendingText(FakeText):
    """A request whose noise can be blended."""

    variation_seed: int = fields.variation_seed()
    variation_strength: float = fields.variation_strength()


async def test_blends_of_the_noise_are_offered_where_the_image_was_made(studios: Studios) -> None:
    """Strengths beside each other, other seeds below; each drawn once, kept and found again."""
    blending = service("one")
    blending.tasks = {"text-to-image": BlendingText}
    studio = await studios.open(blending, service("two"), beat_s=0.05)
    page = Page(studio)
    await page.run(0.075, targets=["one|"], rest={"steps": "3"})
    [*_, entry] = await studio.entries("ann")
    assert "variation_seed" not in entry.params, "nobody asked for a variation"
    form = (await page.do("vary_image", entry=entry.id, kind="blend"))["fill"]
    assert (form["note"], form["targets"], form["columns"]) == (
        say("compare-blend"),
        ["one|"],
        "variation_strength",
    )
    assert form["rest"] == {
        "seed": str(entry.seed),
        "steps": "3",
        "size": "64 × 64",
        "guidance": "3.5",
    }
    plan = (await page.do("plan_set", ask=form, n=1))["plan"]
    assert (plan["label"], plan["counts"]) == ("Run 9 images · $0.225", ["3 values", "3 values"])
    table = await page.run(0.225, **form)
    made = await studio.set(table["id"], owner="ann")
    params = [cell.job.params for cell in made.cells]
    assert {one["seed"] for one in params} == {entry.seed}
    assert sorted({one["variation_strength"] for one in params}) == [0.1, 0.25, 0.45]
    assert len({one["variation_seed"] for one in params}) == 3
    again = (await page.do("fill_form", set=made.id, how="extend"))["fill"]
    plan = (await page.do("plan_set", ask=again, n=2))["plan"]
    assert plan["label"] == "Save the set"


async def test_one_variation_seed_is_drawn_for_a_strip_of_strengths(studios: Studios) -> None:
    """Strengths alone lead from one noise to one other; at 0 it is the image itself, made once."""
    blending = service("one")
    blending.tasks = {"text-to-image": BlendingText}
    studio = await studios.open(blending, beat_s=0.05)
    page = Page(studio)
    strip = {"targets": ["one|"], "axes": [{"field": "variation_strength", "text": "0, 0.2, 0.4"}]}
    table = await page.run(0.075, **strip)
    made = await studio.set(table["id"], owner="ann")
    drawn = {cell.job.params.get("variation_seed") for cell in made.cells}
    assert len(drawn - {None}) == 1
    assert made.base["variation_seed"] in drawn
    again = (await page.do("fill_form", set=made.id, how="extend"))["fill"]
    assert (await page.do("plan_set", ask=again, n=2))["plan"]["label"] == "Save the set"


async def test_styles_of_another_program_are_read_line_by_line(studios: Studios) -> None:
    """The browser keeps what it is told: words before and after, and what was wrong where."""
    page = Page(await studios.open(service("one")))

    async def take(data: bytes) -> dict[str, Any]:
        said = await page.do("take_styles", data=base64.b64encode(data).decode())
        return dict(said["styles"])

    file = '\ufeffname,prompt,negative_prompt\nink,"a {prompt}, ink",photo\nnothing,,\nfog,mist,\n'
    found = await take(file.encode())
    assert found["styles"] == [
        {"name": "ink", "before": "a ", "after": ", ink"},
        {"name": "fog", "before": "", "after": ", mist"},
    ]
    assert found["said"] == [
        "2 styles were added.",
        "One has a negative prompt, which no backend here reads; it was left out.",
        "Line 3: “nothing” has no words.",
    ]
    many = "name,prompt\n" + "x,\n" * 20
    assert (await take(many.encode()))["said"][-1] == "8 more lines give no style."
    refused = await take("name,prompt\né,x".encode("latin-1"))
    assert "styles" not in refused
    assert refused["said"] == ["This styles file is not in UTF-8. Save it as UTF-8."]
    for nonsense in (None, 7, "%%%", "\ud800", "A"):
        told = (await page.do("take_styles", data=nonsense))["styles"]
        assert len(told["said"]) == 1


async def test_sets_of_others_are_neither_shown_nor_altered(studios: Studios) -> None:
    studio = await studios.open(service("one"), service("two"), beat_s=0.05)
    table = await Page(studio).run()
    other = Page(studio, owner="bob")
    for name in ("show_set", "alter_set", "act_on_cell"):
        for do in ("rename", "delete", "pick", "blind", "pause", "retry"):
            said = await other.do(name, set=table["id"], do=do, title="taken", job="")
            assert said == {"table": {"id": "", "gone": table["id"]}}
    [kept] = await studio.sets("ann")
    assert kept.title == "a boat"
    with pytest.raises(gr.Error):
        await other.do("fill_form", set=table["id"], how="extend")
