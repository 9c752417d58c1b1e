"""Collections, tags, titles and notes: what a person makes of images, each in the owner's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InputError
from core.history import Wanted
from core.history.changes import collect, star, tag, take_out, throw_away, untag
from tests.conftest import Studios
from tests.core.history.steps import add, kept_in
from tests.fakes import FakeBackend, FakeText

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_an_image_is_in_several_collections(tmp_path: Path) -> None:
    """Each counts what is in it, the trash left out; names come in the order of the alphabet."""
    keeping = await kept_in(tmp_path)
    await add(keeping, 1, 2, 3)
    sea = await keeping.create_collection("  the \n sea ", owner="ann")
    boats = await keeping.create_collection("Boats", owner="ann")
    await keeping.change_these(collect(sea.id), ["e1", "e2"], owner="ann")
    await keeping.change_these(collect(boats.id), ["e2", "e3"], owner="ann")
    assert await keeping.change_these(collect(sea.id), ["e2", "e3"], owner="ann") == 1
    await keeping.delete("e3", owner="ann")
    told = [(one.title, one.count, one.newest) for one in await keeping.collections("ann")]
    assert told == [("Boats", 1, "e2"), ("the sea", 2, "e2")]
    assert await keeping.collections_of("e2", owner="ann") == [
        (boats.id, "Boats"),
        (sea.id, "the sea"),
    ]
    found = await keeping.history.page("ann", Wanted(collection=sea.id))
    assert [one.id for one in found] == ["e2", "e1"]
    assert await keeping.change_these(take_out(sea.id), ["e1", "e3"], owner="ann") == 2
    found = await keeping.history.page("ann", Wanted(collection=sea.id))
    assert [one.id for one in found] == ["e2"]


async def test_a_collection_that_is_deleted_leaves_its_images(tmp_path: Path) -> None:
    """Nothing but the collection goes."""
    keeping = await kept_in(tmp_path)
    await add(keeping, 1)
    sea = await keeping.create_collection("sea", owner="ann")
    await keeping.change_these(collect(sea.id), ["e1"], owner="ann")
    await keeping.rename_collection(sea.id, "the sea", owner="ann")
    assert [one.title for one in await keeping.collections("ann")] == ["the sea"]
    await keeping.delete_collection(sea.id, owner="ann")
    assert await keeping.collections("ann") == []
    assert (await keeping.history.get("e1", owner="ann")).id == "e1"
    assert await keeping.collections_of("e1", owner="ann") == []


async def test_titles_are_one_line_and_there_once(tmp_path: Path) -> None:
    """What cannot be a title is said at its field; another owner may have the same one."""
    keeping = await kept_in(tmp_path)
    sea = await keeping.create_collection("sea", owner="ann")
    hills = await keeping.create_collection("hills", owner="ann")
    for wrong in ("", " \n ", "x" * 201, "sea"):
        with pytest.raises(InputError) as refused:
            await keeping.create_collection(wrong, owner="ann")
        assert (refused.value.field, bool(refused.value.advice)) == ("title", True)
    with pytest.raises(InputError):
        await keeping.rename_collection(hills.id, "sea", owner="ann")
    await keeping.rename_collection(sea.id, "sea", owner="ann")
    await keeping.create_collection("sea", owner="bob")
    assert await keeping.collection_named("sea", owner="ann") == sea.id
    assert await keeping.collection_named(sea.id, owner="ann") == sea.id
    new = await keeping.collection_named("lakes", owner="ann")
    assert new in [one.id for one in await keeping.collections("ann")]


async def test_collections_of_others_are_unknown(tmp_path: Path) -> None:
    """Looking, putting in, taking out, renaming and deleting: as if there were none."""
    keeping = await kept_in(tmp_path)
    await add(keeping, 1)
    await add(keeping, 2, owner="bob")
    sea = await keeping.create_collection("sea", owner="ann")
    await keeping.change_these(collect(sea.id), ["e1"], owner="ann")
    assert await keeping.collections("bob") == []
    for attempt in (
        keeping.change_these(collect(sea.id), ["e2"], owner="bob"),
        keeping.change_these(take_out(sea.id), ["e2"], owner="bob"),
        keeping.rename_collection(sea.id, "x", owner="bob"),
        keeping.delete_collection(sea.id, owner="bob"),
        keeping.check_collection(sea.id, owner="bob"),
        keeping.check_collection("\udc80 nobody's", owner="ann"),
    ):
        with pytest.raises(InputError):
            await attempt
    assert [one.count for one in await keeping.collections("ann")] == [1]


async def test_new_images_go_into_the_collection_that_was_chosen(studios: Studios) -> None:
    """Over a restart too; one that was deleted meanwhile is no reason to lose the image."""
    backend = FakeBackend(open_gate=False)
    studio = await studios.open(backend)
    sea = await studio.create_collection("sea", owner="ann")
    gone = await studio.create_collection("gone", owner="ann")
    wish = FakeText(prompt="hills", seed=1)
    first = await studio.submit("fake", wish, owner="ann", collection=sea.id)
    second = await studio.submit("fake", wish, owner="ann", collection=gone.id)
    with pytest.raises(InputError):
        await studio.submit("fake", wish, owner="bob", collection=sea.id)
    await studio.aclose()
    again = await studios.open(FakeBackend())
    await again.delete_collection(gone.id, owner="ann")
    made = [await again.result(job.id, owner="ann") for job in (first, second)]
    assert [done.job.state for done in made] == ["finished", "finished"]
    found = await again.history.page("ann", Wanted(collection=sea.id))
    assert [one.job_id for one in found] == [first.id]
    await again.aclose()


async def test_tags_are_words_in_lower_case(tmp_path: Path) -> None:
    """`#Sea` and `sea` are one tag; each is told with its images."""
    keeping = await kept_in(tmp_path)
    await add(keeping, 1, 2, 3)
    await keeping.change_these(tag(" #Sea "), ["e1", "e2"], owner="ann")
    await keeping.change_these(tag("sea"), ["e2", "e3"], owner="ann")
    await keeping.change_these(tag("calm  water"), ["e3"], owner="ann")
    assert await keeping.tags("ann") == [("sea", 3), ("calm water", 1)]
    assert await keeping.tags_of("e3", owner="ann") == ["calm water", "sea"]
    await keeping.change_these(untag("SEA"), ["e3"], owner="ann")
    await keeping.delete("e2", owner="ann")
    assert await keeping.tags("ann") == [("calm water", 1), ("sea", 1)]
    assert await keeping.tags("bob") == []
    for wrong in ("", "#", "x" * 61):
        with pytest.raises(InputError):
            tag(wrong)


async def test_an_image_is_found_by_its_title_and_note(tmp_path: Path) -> None:
    """As by its prompt; what is taken away is found no more."""
    keeping = await kept_in(tmp_path)
    await add(keeping, 1, 2)

    async def found(query: str) -> list[str]:
        return [one.id for one in await keeping.history.page("ann", Wanted(query=query))]

    await keeping.describe("e1", owner="ann", title=" The \n lighthouse ", note=" for the cover ")
    entry = await keeping.history.get("e1")
    assert (entry.title, entry.note) == ("The lighthouse", "for the cover")
    assert (await found("lighthouse"), await found("cover")) == (["e1"], ["e1"])
    await keeping.describe("e1", owner="ann", note="")
    assert (await found("cover"), await found("lighthouse hills")) == ([], ["e1"])
    for wrong in ({"title": "x" * 201}, {"note": "x" * 10_001}):
        with pytest.raises(InputError):
            await keeping.describe("e1", owner="ann", **wrong)
    with pytest.raises(InputError):
        await keeping.describe("e1", owner="bob", title="mine")


async def test_all_of_a_search_is_changed_in_steps(tmp_path: Path) -> None:
    """Also where the change takes images out of what is found; what comes meanwhile is left."""
    keeping = await kept_in(tmp_path)
    await add(keeping, *range(30))
    await add(keeping, 100, owner="bob")
    every = Wanted(query="hills")
    steps = []
    async for step in keeping.change_all(throw_away(), every, owner="ann"):
        steps.append(step)
        if len(steps) == 1:
            await add(keeping, 50)
    assert (steps[0].done, steps[0].total) == (0, 30)
    assert (steps[-1].done, steps[-1].changed) == (30, 30)
    assert [one.id for one in await keeping.history.page("ann")] == ["e50"]
    assert await keeping.history.count("bob") == 1


async def test_a_change_of_many_can_be_stopped(tmp_path: Path) -> None:
    """What was changed until then stays changed; nothing after it is."""
    keeping = await kept_in(tmp_path)
    await add(keeping, *range(210))
    steps = keeping.change_all(star(True), Wanted(), owner="ann")
    assert [(await anext(steps)).done, (await anext(steps)).done] == [0, 200]
    await steps.aclose()
    assert await keeping.history.count("ann", Wanted(starred=True)) == 200


async def test_unknown_ids_are_passed_over_or_refused(tmp_path: Path) -> None:
    """The page passes them over; a script is told, and nothing is changed."""
    keeping = await kept_in(tmp_path)
    await add(keeping, 1)
    strange = ["e1", "e2", "", "\udc80", "x" * 5000, "e1\x00"]
    told = [step async for step in keeping.change_all(star(True), strange, owner="ann")]
    assert (told[-1].done, told[-1].changed) == (6, 1)
    with pytest.raises(InputError, match="“e2”") as refused:
        await keeping.change_these(star(False), ["e1", "e2"], owner="ann")
    assert refused.value.field == "ids"
    assert (await keeping.history.get("e1")).starred
    with pytest.raises(InputError):
        await keeping.change_these(star(False), ["e1", "\udc80"], owner="ann")


async def test_what_is_no_text_is_kept_as_near_as_it_can(tmp_path: Path) -> None:
    """Half a character and a zero are in what somebody pastes; no database takes them."""
    keeping = await kept_in(tmp_path)
    await add(keeping, 1)
    made = await keeping.create_collection("se\udc80a\0", owner="ann")
    assert made.title == "se?a"
    assert await keeping.collection_named("se\udc80a", owner="ann") == made.id
    await keeping.change_these(tag("calm\udc80\0"), ["e1"], owner="ann")
    assert await keeping.tags("ann") == [("calm?", 1)]
    await keeping.describe("e1", owner="ann", title="a\udc80", note="b\0\nc\udc80")
    entry = await keeping.history.get("e1")
    assert (entry.title, entry.note) == ("a?", "b\nc?")


async def test_prompts_come_newest_first_and_once(tmp_path: Path) -> None:
    """Those that hold what is typed, whose last word may go on; others' are nobody's business."""
    keeping = await kept_in(tmp_path)
    for number, prompt in enumerate(("red hills", "a boat", "red hills", "a redwood", "hills")):
        await add(keeping, number, prompt=prompt)
    await add(keeping, 9, owner="bob", prompt="red secret")
    assert await keeping.prompts("ann") == ["hills", "a redwood", "red hills", "a boat"]
    assert await keeping.prompts("ann", "red") == ["a redwood", "red hills"]
    assert await keeping.prompts("ann", "hills r") == ["red hills"]
    assert await keeping.prompts("ann", limit=1) == ["hills"]


async def test_completions_hold_what_is_typed(tmp_path: Path) -> None:
    """In its order, those that begin with it first; what is typed already is none, nor others'."""
    keeping = await kept_in(tmp_path)
    prompts = ("Red hills, at night", "old RED hills", "red hills", "hills red", "夜の海と月", "a")
    for number, prompt in enumerate(prompts):
        await add(keeping, number, prompt=prompt)
    await add(keeping, 8, prompt="red hills")
    await add(keeping, 9, owner="bob", prompt="red hills of bob")
    await keeping.describe("e3", owner="ann", note="red hills")
    for typed, found in {
        "red hi": ["red hills", "Red hills, at night", "old RED hills"],
        "red hills": ["Red hills, at night", "old RED hills"],
        "Red: hill": ["red hills", "Red hills, at night", "old RED hills"],
        "hills ": ["hills red", "red hills", "old RED hills", "Red hills, at night"],
        "hill ": [],
        "の海": ["夜の海と月"],
        '"-red* OR': [],
        "...": [],
        "": [],
        "red " * 500: [],
    }.items():
        assert await keeping.completions("ann", typed) == found, typed
    assert await keeping.completions("ann", "red", limit=1) == ["red hills"]
