"""What a browser asks of the history beside Gradio's queue: only with a key, only its owner's."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from core import pictures
from core.history.filling import Progress
from core.parsing import parse
from core.studio import Studio
from core.words import say
from tests.conftest import Studios
from tests.core.test_sharing import made_set
from tests.fakes import FakeBackend, FakeImage, FakeText
from ui.server import gallery
from ui.server.gallery import Gallery
from ui.server.routes import Media

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def make(studio: Studio, owner: str, *seeds: int) -> list[str]:
    for seed in seeds:
        wish = parse(FakeText, {"prompt": f"house {seed}", "seed": seed})
        job = await studio.submit("fake", wish, owner=owner)
        await studio.result(job.id, owner=owner)
    return [entry.id for entry in await studio.entries(owner)]


class Browser:
    """A page with a key."""

    def __init__(self, served: Gallery, key: str) -> None:
        app = Starlette(routes=served.routes())
        transport = httpx.ASGITransport(app=app)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://test")
        self.key = key

    async def status(self, name: str, **asked: Any) -> int:
        return (await self._asked(name, asked)).status_code

    async def ask(self, name: str, **asked: Any) -> Any:
        return (await self._asked(name, asked)).json()

    async def _asked(self, name: str, asked: dict[str, Any]) -> httpx.Response:
        headers = {gallery.HEADER: self.key}
        return await self._http.post(f"/gallery/{name}", json=asked, headers=headers)


async def test_a_page_reads_images_their_order_and_how_many(studios: Studios) -> None:
    """The first ones with their count, all ids in order, any of them by id."""
    studio = await studios.open(FakeBackend())
    ids = await make(studio, "ann", 1, 2, 3)
    served = Gallery(studio, Media(studio))
    page = Browser(served, await served.key("ann"))
    first = await page.ask("page", wanted={}, limit=2)
    assert [one["id"] for one in first["entries"]] == ids[:2]
    assert first["count"] == 3
    assert set(first["entries"][0]) == {"id", "prompt", "thumbnail", "starred", "flagged", "tag"}
    assert (await page.ask("order", wanted={}, before=ids[0]))["ids"] == ids[1:]
    found = await page.ask("entries", ids=[ids[2], "gone", ids[0]])
    assert [one["id"] for one in found["entries"]] == [ids[2], ids[0]]
    found = await page.ask("page", wanted={"query": "house -2", "sort": "oldest"})
    assert [one["id"] for one in found["entries"]] == [ids[2], ids[0]]
    assert await page.ask("change", do="star", ids=[ids[1], "gone"]) == {"changed": 1}
    assert (await page.ask("order", wanted={"starred": True}))["ids"] == [ids[1]]
    await studio.aclose()


async def test_a_deleted_image_is_in_the_trash_alone_until_it_is_restored(
    studios: Studios,
) -> None:
    """Its thumbnail is seen there; addresses that were passed on have ended."""
    studio = await studios.open(FakeBackend())
    [one] = await make(studio, "ann", 1)
    media = Media(studio)
    served = Gallery(studio, media)
    page = Browser(served, await served.key("ann"))
    entry = await studio.entry(one)
    passed_on = [await media.url(entry), await media.url(entry, "thumbnail")]
    assert await page.ask("change", do="delete", ids=[one]) == {"changed": 1}
    assert (await page.ask("page", wanted={}))["count"] == 0
    assert (await page.ask("entries", ids=[one]))["entries"] == []
    assert (await page.ask("page", wanted={"trash": True}))["count"] == 1
    found = (await page.ask("entries", ids=[one], trash=True))["entries"][0]["thumbnail"]
    app = Starlette(routes=media.routes())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        assert (await http.get(f"/{found}")).status_code == 200
        assert [(await http.get(f"/{one}")).status_code for one in passed_on] == [404, 404]
    assert await page.ask("change", do="restore", ids=[one]) == {"changed": 1}
    assert (await page.ask("order", wanted={}))["ids"] == [one]
    await studio.aclose()


async def test_a_key_opens_its_owners_history_alone(studios: Studios) -> None:
    """Neither named, nor starred, nor deleted is what belongs to somebody else."""
    studio = await studios.open(FakeBackend())
    [hers] = await make(studio, "ann", 1)
    served = Gallery(studio, Media(studio))
    page = Browser(served, await served.key("user:bob.1"))
    assert await page.ask("page", wanted={}) == {"entries": [], "count": 0}
    assert await page.ask("entries", ids=[hers]) == {"entries": []}
    assert await page.ask("order", wanted={}, before=hers) == {"ids": []}
    for do in ("star", "delete"):
        assert await page.ask("change", do=do, ids=[hers]) == {"changed": 0}
    assert not (await studio.entry(hers, owner="ann")).starred
    await studio.aclose()


async def test_only_a_good_key_opens_anything(studios: Studios) -> None:
    """Another owner's name, a longer life, an old key and none: each is refused the same way."""
    studio = await studios.open(FakeBackend())
    served = Gallery(studio, Media(studio))
    key = await served.key("ann")
    owner, until, signature = key.split(".")
    old = await served.key("ann", time.time() - gallery.LIFE_S - 1)
    for wrong in (
        "",
        "ann",
        f"bob.{until}.{signature}",
        f"{owner}.{int(until) + 1}.{signature}",
        f"{owner}.{until}.{signature[:-1]}",
        f"{owner}.{until}.é",
        f"{owner}.{'9' * 30}.{signature}",
        old,
    ):
        assert await served.owner(wrong) is None, wrong
    assert await served.owner(key) == "ann"
    assert await Browser(served, old).status("page", wanted={}) == 401
    assert await Browser(served, key).status("page", wanted={}) == 200
    assert await Browser(served, key).status("passwords") == 404
    await studio.aclose()


@pytest.mark.parametrize(
    "wanted",
    [
        {"query": 3},
        {"starred": "yes"},
        {"seed": 2**70},
        {"seed": True},
        {"sort": "prettiest"},
        {"shape": "round"},
        {"owner": "bob"},
    ],
)
async def test_what_cannot_be_wanted_is_answered_with_a_sentence(
    studios: Studios, wanted: Any
) -> None:
    """Nothing of it reaches the database."""
    studio = await studios.open(FakeBackend())
    served = Gallery(studio, Media(studio))
    page = Browser(served, await served.key("ann"))
    assert await page.status("page", wanted=wanted) == 400
    said = await page.ask("page", wanted=wanted)
    assert said == {"detail": say("not-understood"), "field": next(iter(wanted))}
    await studio.aclose()


async def test_too_many_images_at_once_are_refused(studios: Studios) -> None:
    """The page sends thousands in portions, and whoever does not is told the limit."""
    studio = await studios.open(FakeBackend())
    served = Gallery(studio, Media(studio))
    page = Browser(served, await served.key("ann"))
    said = await page.ask("change", do="delete", ids=["a"] * (gallery.MOST + 1))
    assert str(gallery.MOST) in said["detail"]
    assert said["field"] == "ids"
    assert (await page.ask("change", do="shred", ids=["a"]))["field"] == "do"
    await studio.aclose()


async def test_collections_tags_and_filters_are_kept_and_offered(studios: Studios) -> None:
    """What one owner made of them is nothing to another."""
    studio = await studios.open(FakeBackend())
    [one] = await make(studio, "ann", 1)
    served = Gallery(studio, Media(studio))
    page, other = Browser(served, await served.key("ann")), Browser(served, await served.key("bob"))
    made = (await page.ask("collection", do="create", title="Boats"))["made"]
    assert await page.ask("change", do="collect", ids=[one], value=made) == {"changed": 1}
    assert await page.ask("change", do="tag", ids=[one], value="#Sea") == {"changed": 1}
    told = await page.ask("filter", do="save", title="Old", wanted={"tag": "sea", "sort": "oldest"})
    assert told["collections"] == [{"id": made, "title": "Boats", "count": 1}]
    assert told["tags"] == [["sea", "sea"]]
    assert [(one["title"], one["wanted"]) for one in told["filters"]] == [
        ("Old", {"tag": "sea", "sort": "oldest"})
    ]
    assert (await page.ask("order", wanted={"collection": made}))["ids"] == [one]
    assert (await other.ask("order", wanted={"collection": made}))["ids"] == []
    empty = await other.ask("facets")
    assert [empty[name] for name in ("collections", "tags", "filters", "models")] == [[]] * 4
    assert await other.status("collection", do="rename", id=made, title="Mine") == 400
    assert (await page.ask("collection", do="create", title=" "))["field"] == "title"
    gone = await page.ask("filter", do="delete", id=told["filters"][0]["id"])
    assert gone["filters"] == []
    assert (await page.ask("collection", do="delete", id=made))["collections"] == []
    await studio.aclose()


async def test_sets_are_offered_by_title_and_their_images_found(studios: Studios) -> None:
    """To their owner alone; one without a title has the beginning of its id."""
    studio = await studios.open(FakeBackend())
    await make(studio, "ann", 1)
    boats = await made_set(studio, "ann")
    other = await made_set(studio, "ann")
    await studio.rename_set(other, "", owner="ann")
    served = Gallery(studio, Media(studio))
    page, bob = Browser(served, await served.key("ann")), Browser(served, await served.key("bob"))
    offered = (await page.ask("facets"))["sets"]
    assert offered == [[other, other[:8]], [boats, "Three boats"]]
    found = (await page.ask("page", wanted={"set_id": boats}))["entries"]
    assert [one["prompt"] for one in found] == ["a boat"] * 3
    assert (await page.ask("page", wanted={}))["count"] == 7
    assert (await bob.ask("facets"))["sets"] == []
    assert (await bob.ask("page", wanted={"set_id": boats}))["count"] == 0
    await studio.aclose()


async def test_an_image_tells_what_is_kept_with_it_to_its_owner_alone(studios: Studios) -> None:
    """Title, note, tags, collections and lineage; a wrong title is told at its field."""
    studio = await studios.open(FakeBackend())
    [one] = await make(studio, "ann", 1)
    served = Gallery(studio, Media(studio))
    page, other = Browser(served, await served.key("ann")), Browser(served, await served.key("bob"))
    assert await page.ask("describe", id=one, title="The boat", note="For the wall") == {}
    about = await page.ask("about", id=one)
    assert (about["title"], about["note"], about["tags"]) == ("The boat", "For the wall", [])
    assert (about["made_from"], about["made_into"], about["set"]) == (None, [], None)
    assert (await page.ask("order", wanted={"query": "wall"}))["ids"] == [one]
    assert await other.status("about", id=one) == 400
    assert await other.status("describe", id=one, title="Mine") == 400
    assert (await page.ask("describe", id=one, note="x" * 20_000))["field"] == "note"
    await studio.aclose()


async def test_where_an_image_came_from_is_told_until_that_is_gone(studios: Studios) -> None:
    """From the history, from its trash with a thumbnail that opens, or from what was there."""
    studio = await studios.open(FakeBackend())
    [one] = await make(studio, "ann", 1)
    source = pictures.load(await studio.file((await studio.entry(one)).file))
    wish = FakeImage(prompt="hills", seed=2, image=source, strength=0.4)
    job = await studio.submit("fake", wish, owner="ann")
    await studio.result(job.id, owner="ann")
    two = (await studio.entries("ann"))[0].id
    media = Media(studio)
    served = Gallery(studio, media)
    page = Browser(served, await served.key("ann"))

    async def told() -> tuple[Any, ...]:
        about = await page.ask("about", id=two)
        return (about["made_from"] or {}).get("id"), about["in_trash"], about["gone"]

    assert await told() == (one, False, False)
    await page.ask("change", do="delete", ids=[one])
    assert await told() == (one, True, False)
    small = (await page.ask("about", id=two))["made_from"]["thumbnail"]
    transport = httpx.ASGITransport(app=Starlette(routes=media.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        assert (await http.get(f"/{small}")).status_code == 200
    await page.ask("empty", ids=[one])
    assert await told() == (None, False, True)
    await studio.aclose()


async def test_what_goes_on_in_the_background_is_told_while_it_does(studios: Studios) -> None:
    """With numbers to whoever runs the place; a visitor does not learn how many images all have."""
    studio = await studios.open(FakeBackend())
    served = Gallery(studio, Media(studio))
    mine = Browser(served, await served.key("local"))
    other = Browser(served, await served.key("ann"))
    assert await mine.ask("progress") == {"text": ""}
    studio.history.filling.progress = Progress(12_300, 100_000)
    assert await mine.ask("progress") == {"text": "Preparing search: 12,300 of 100,000"}
    studio.history.likeness.left = 1_200
    assert await mine.ask("progress") == {
        "text": "Preparing search: 12,300 of 100,000 · Describing colours: 1,200 images to go"
    }
    studio.policy = replace(studio.policy, discreet=True)
    assert await other.ask("progress") == {"text": "Preparing search: 12 % · Describing colours"}
    studio.history.filling.progress, studio.history.likeness.left = None, 0
    assert await mine.ask("progress") == {"text": ""}
    await studio.aclose()


async def test_links_are_listed_and_revoked_by_their_owner_alone(studios: Studios) -> None:
    """With the address that opens each; where links are off none is offered."""
    studio = await studios.open(FakeBackend(), sharing=True)
    [one] = await make(studio, "ann", 1)
    served = Gallery(studio, Media(studio))
    page, bob = Browser(served, await served.key("ann")), Browser(served, await served.key("bob"))
    secret = await studio.share("image", one, owner="ann")
    [link] = (await page.ask("links"))["links"]
    assert (link["title"], link["entry"], link["address"]) == ("house 1", one, f"s/{secret}")
    assert (await page.ask("facets"))["links"] == 1
    assert await bob.ask("links") == {"links": []}
    assert await bob.status("links", do="revoke", id=link["id"]) == 400
    assert await bob.ask("links", do="revoke-all") == {"links": []}
    assert (await page.ask("links", do="shred"))["field"] == "do"
    assert len((await page.ask("links"))["links"]) == 1
    await studio.share("image", one, owner="ann")
    left = (await page.ask("links", do="revoke", id=link["id"]))["links"]
    assert len(left) == 1
    assert left[0]["id"] != link["id"]
    assert await page.ask("links", do="revoke-all") == {"links": []}
    await studio.aclose()
    off = await studios.open(FakeBackend())
    served = Gallery(off, Media(off))
    page = Browser(served, await served.key("ann"))
    assert (await page.ask("facets"))["links"] is None
    assert await page.ask("links") == {"links": []}
    assert await page.status("links", do="revoke-all") == 400
    await off.aclose()


async def test_a_download_is_ordered_with_all_its_wishes(studios: Studios) -> None:
    """A wrong one is told at its field, and the trash is emptied of what is named alone."""
    studio = await studios.open(FakeBackend())
    ids = await make(studio, "ann", 1, 2)
    served = Gallery(studio, Media(studio))
    page = Browser(served, await served.key("ann"))
    found = await page.ask("export", ids=" ".join(ids), profile="clean", format="webp", quality=80)
    assert found["url"].startswith("exports/")
    wrong = await page.ask("export", ids=" ".join(ids), template="{owner}")
    assert wrong["field"] == "template"
    assert await page.status("export", ids="") == 400
    await page.ask("change", do="delete", ids=ids)
    assert await page.ask("empty", ids=ids[:1]) == {"changed": 1}
    assert (await page.ask("order", wanted={"trash": True}))["ids"] == ids[1:]
    await studio.aclose()
