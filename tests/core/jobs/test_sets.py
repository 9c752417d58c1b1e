"""Sets of jobs: one reservation for all or nothing, each image paid once, nothing lost."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core import pictures
from core.errors import AuthError, InputError, OverBudgetError, UnavailableError
from core.events import Event
from core.jobs.budget import Budget
from core.jobs.consent import Consent
from core.jobs.set_jobs import Wish
from core.jobs.sets import JobSet, followed
from core.params import Params
from core.studio import Studio
from tests.conftest import Studios
from tests.fakes import FakeService, picture

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def service(name: str, **options: Any) -> FakeService:
    made = FakeService(paid=True, **options)
    made.id, made.label = name, name.capitalize()
    return made


def wish(seeds: int = 3, backends: tuple[str, ...] = ("one", "two"), **base: Any) -> Wish:
    axes = [{"field": "seed", "values": list(range(1, seeds + 1))}]
    targets = [{"backend": name} for name in backends]
    return Wish("text-to-image", {"prompt": "a boat", **base}, axes, targets)


async def ended(studio: Studio, set_id: str, owner: str = "ann") -> JobSet:
    async with asyncio.timeout(20):
        while (found := await studio.set(set_id, owner=owner)).state in ("running", "paused"):
            await asyncio.sleep(0.02)
    return found


async def test_a_set_is_made_paid_once_and_kept(studios: Studios) -> None:
    one, two = service("one"), service("two")
    studio = await studios.open(one, two)
    made = await studio.submit_set(wish(), owner="ann", click="c")
    assert (made.columns, made.rows, made.pages) == (["One", "Two"], ["1", "2", "3"], [""])
    again = await studio.submit_set(wish(), owner="ann", click="c")
    assert again.id == made.id
    end = await ended(studio, made.id)
    assert (end.state, len(end.cells), one.sends, two.sends) == ("finished", 6, 3, 3)
    assert end.price_usd == pytest.approx(0.15)
    assert all(cell.job.entry_id and cell.job.charged == "yes" for cell in end.cells)
    assert {(cell.row, cell.column) for cell in end.cells} == {
        (row, column) for row in range(3) for column in range(2)
    }
    [listed] = await studio.sets("ann")
    assert (listed.id, listed.count, listed.finished, listed.active) == (made.id, 6, 6, 0)
    assert listed.title == "a boat"
    assert await studio.sets("bob") == []
    with pytest.raises(InputError, match="no such set"):
        await studio.set(made.id, owner="bob")


async def test_a_set_that_passes_the_budget_by_one_image_is_refused_whole(studios: Studios) -> None:
    one, two = service("one"), service("two")
    studio = await studios.open(one, two, budget=Budget(day_usd=0.125))
    with pytest.raises(OverBudgetError):
        await studio.submit_set(wish(), owner="ann")
    assert (await studio.sets("ann"), await studio.ledger.list()) == ([], [])
    made = await studio.submit_set(wish(backends=("one",)), owner="ann")
    assert (await ended(studio, made.id)).state == "finished"


async def test_of_fifty_sets_at_once_exactly_those_begin_that_the_budget_pays_for(
    studios: Studios,
) -> None:
    """Each costs $0.15 and the budget is $1.10: seven, and not an image more."""
    one, two = service("one"), service("two")
    studio = await studios.open(one, two, budget=Budget(day_usd=1.10))
    results = await asyncio.gather(
        *(studio.submit_set(wish(), owner=f"o{n}") for n in range(50)), return_exceptions=True
    )
    made = [one for one in results if isinstance(one, JobSet)]
    refused = [one for one in results if isinstance(one, OverBudgetError)]
    assert (len(made), len(refused)) == (7, 43)
    assert len(await studio.ledger.list(limit=1000)) == 42


async def test_another_price_than_the_agreed_one_makes_nothing(studios: Studios) -> None:
    studio = await studios.open(service("one"), service("two"))
    with pytest.raises(InputError, match=r"\$0.15"):
        await studio.submit_set(wish(), owner="ann", consent=Consent(agreed_usd=0.10))
    assert await studio.ledger.list() == []


async def test_what_is_wrong_with_a_target_makes_nothing(studios: Studios) -> None:
    studio = await studios.open(service("one"), service("two"))
    with pytest.raises(InputError, match="One: Steps must be") as caught:
        await studio.submit_set(wish(steps=9999), owner="ann")
    assert caught.value.field == "steps"
    assert await studio.ledger.list() == []


async def test_one_service_fails_and_its_cells_are_retried_one_by_one(studios: Studios) -> None:
    failing = service("two", failure=UnavailableError("Gone.", charged="no"), open_gate=False)
    one = service("one")
    studio = await studios.open(one, failing)
    made = await studio.submit_set(wish(), owner="ann")
    end = await ended(studio, made.id)
    assert end.state == "incomplete"
    assert [cell.job.state for cell in end.cells if cell.column == 0] == ["finished"] * 3
    failed = [cell.job for cell in end.cells if cell.column == 1]
    assert {job.state for job in failed} == {"failed"}
    failing.failure = None
    failing.gate.set()
    for job in failed:
        new = await studio.act(job.id, "retry", owner="ann")
        held = await studio.set(made.id, owner="ann")
        assert new.id in {cell.job.id for cell in held.cells}
    end = await ended(studio, made.id)
    assert (end.state, one.sends) == ("finished", 3)
    assert end.price_usd == pytest.approx(0.15)


async def test_extending_makes_and_pays_only_what_is_missing(studios: Studios) -> None:
    one, two, three = service("one"), service("two"), service("three")
    studio = await studios.open(one, two, three)
    made = await studio.submit_set(wish(), owner="ann")
    first = await ended(studio, made.id)
    wider = await studio.submit_set(
        wish(seeds=4, backends=("one", "two", "three")), owner="ann", extends=made.id, click="w"
    )
    end = await ended(studio, wider.id)
    assert (wider.id, end.state, len(end.cells)) == (made.id, "finished", 12)
    assert (one.sends, two.sends, three.sends) == (4, 4, 4)
    assert {cell.job.id for cell in first.cells} <= {cell.job.id for cell in end.cells}


async def test_what_would_be_refused_is_known_before_anything_is_written(studios: Studios) -> None:
    """The page asks about a price only when the set can be made; an extension costs what is new."""
    studio = await studios.open(service("one"), service("two"), budget=Budget(day_usd=0.20))
    made = await studio.submit_set(wish(), owner="ann")
    wider = wish(seeds=4)
    lacking = await studio.lacking(
        studio.draft_set(wider, owner="ann"), owner="ann", extends=made.id
    )
    assert (len(lacking.requests), lacking.price_usd) == (2, pytest.approx(0.05))
    await studio.check_set(wider, owner="ann", extends=made.id)
    with pytest.raises(OverBudgetError):
        await studio.check_set(wider, owner="ann")
    with pytest.raises(InputError, match="no such set"):
        await studio.check_set(wider, owner="bob", extends=made.id)
    assert len(await studio.ledger.list()) == 6


async def test_a_table_of_requests_is_an_axis_whose_values_are_its_lines(studios: Studios) -> None:
    one = service("one")
    studio = await studios.open(one)
    lines = [{"prompt": "a boat", "guidance": 2.0}, {"prompt": "hills"}, {"guidance": 4}]
    axes = [{"field": "lines", "values": lines}]
    base = {"prompt": "a house", "seed": 7}
    asked = Wish("text-to-image", base, axes, [{"backend": "one"}])
    made = await studio.submit_set(asked, owner="ann")
    assert made.columns == ["1 · a boat", "2 · hills", "3"]
    params = [cell.job.params for cell in made.cells]
    assert [one["prompt"] for one in params] == ["a boat", "hills", "a house"]
    assert (params[0]["guidance"], params[2]["guidance"]) == (2.0, 4.0)
    again = await studio.submit_set(
        Wish("text-to-image", made.base, made.axes, made.targets), owner="ann", extends=made.id
    )
    assert [cell.job.id for cell in again.cells] == [cell.job.id for cell in made.cells]
    with pytest.raises(InputError, match="Each line must be an object"):
        studio.draft_set(
            Wish("text-to-image", base, [{"field": "lines", "values": ["x"]}], asked.targets),
            owner="ann",
        )


class LosesKey(FakeService):
    """Accepts one image, then refuses the key until it is put right."""

    refusing = True

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        if self.sends and self.refusing:
            raise AuthError("Two does not accept the key.", advice="Set TWO_API_KEY.")
        async for event in super().generate(params):
            yield event


async def test_a_target_that_loses_its_key_halfway_stops_alone(studios: Studios) -> None:
    """Nothing of it is charged, the others go on, and it ends when the key is right again."""
    two = LosesKey(paid=True)
    two.id, two.label, two.max_concurrency = "two", "Two", 1
    one = service("one")
    studio = await studios.open(one, two)
    made = await studio.submit_set(wish(seeds=4), owner="ann")
    async with asyncio.timeout(10):
        while True:
            found = await studio.set(made.id, owner="ann")
            states = Counter((cell.column, cell.job.state) for cell in found.cells)
            if states[0, "finished"] == 4 and states[1, "failed"]:
                break
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    found = await studio.set(made.id, owner="ann")
    states = Counter((cell.column, cell.job.state) for cell in found.cells)
    assert states == {(0, "finished"): 4, (1, "finished"): 1, (1, "failed"): 1, (1, "waiting"): 2}
    [failed] = [cell.job for cell in found.cells if cell.job.state == "failed"]
    assert (failed.error, failed.charged) == ("Two does not accept the key.", "no")
    assert (one.sends, two.sends) == (4, 1)
    two.refusing = False
    await studio.act(failed.id, "retry", owner="ann")
    studio.resume_queues()
    end = await ended(studio, made.id)
    assert (end.state, one.sends, two.sends) == ("finished", 4, 4)
    assert {cell.job.charged for cell in end.cells} == {"yes"}


async def test_a_wildcard_in_itself_makes_nothing_and_the_rest_goes_on(studios: Studios) -> None:
    studio = await studios.open(service("one"))
    studio._wildcards = studios.folder / "wildcards"
    studio._wildcards.mkdir()
    (studio._wildcards / "loop.txt").write_text("a __loop__")
    with pytest.raises(InputError, match="names itself") as caught:
        await studio.submit_set(wish(backends=("one",), prompt="a __loop__"), owner="ann")
    assert caught.value.field == "prompt"
    assert await studio.ledger.list() == []
    made = await studio.submit_set(wish(backends=("one",)), owner="ann")
    assert (await ended(studio, made.id)).state == "finished"


async def test_a_set_does_not_become_another_task(studios: Studios) -> None:
    studio = await studios.open(service("one"))
    made = await studio.submit_set(wish(seeds=1, backends=("one",)), owner="ann")
    await ended(studio, made.id)
    start = pictures.load(picture(5))
    other = Wish("image-to-image", {"prompt": "a boat"}, [], [{"backend": "one"}], start)
    with pytest.raises(InputError, match="cannot become one of another task"):
        await studio.submit_set(other, owner="ann", extends=made.id)
    assert (await studio.set(made.id)).task == "text-to-image"


async def test_picks_that_come_at_once_all_count(studios: Studios) -> None:
    studio = await studios.open(service("one"), service("two"))
    made = await studio.submit_set(wish(seeds=20), owner="ann")
    pick = functools.partial(studio.pick_one, made.id, page=0, column=1, owner="ann")
    await asyncio.gather(*(pick(row=row) for row in range(20)))
    assert (await studio.set(made.id)).picks == {(row, 0): 1 for row in range(20)}
    await pick(row=3)
    assert len((await studio.set(made.id)).picks) == 19
    with pytest.raises(InputError, match="no such set"):
        await studio.pick_one(made.id, row=0, page=0, column=1, owner="bob")


async def test_an_open_seed_is_drawn_once_and_kept_so_that_extending_finds_the_images(
    studios: Studios,
) -> None:
    one = service("one")
    studio = await studios.open(one)
    axes = [{"field": "guidance", "values": [2, 3]}]
    targets = [{"backend": "one"}]
    base = {"prompt": "a {calm|stormy} sea"}
    made = await studio.submit_set(Wish("text-to-image", base, axes, targets), owner="ann")
    end = await ended(studio, made.id)
    assert end.columns == ["2", "3"]
    assert end.rows == ["calm", "stormy"]
    more = [{"field": "guidance", "values": [2, 3, 4]}]
    again = await studio.submit_set(
        Wish("text-to-image", end.base, more, targets), owner="ann", extends=made.id
    )
    await ended(studio, again.id)
    assert one.sends == 6
    assert len(set(one.started)) == 1


async def test_a_paused_set_sends_nothing_over_a_restart_and_goes_on(studios: Studios) -> None:
    first = service("one", open_gate=False)
    first.max_concurrency = 1
    studio = await studios.open(first)
    made = await studio.submit_set(wish(backends=("one",)), owner="ann")
    async with asyncio.timeout(5):
        while not first.sends:
            await asyncio.sleep(0.005)
    await studio.pause_set(made.id, owner="ann", paused=True)
    other = await studio.submit_set(wish(seeds=1, backends=("one",), prompt="b"), owner="ann")
    await studio.aclose()
    second = service("one")
    again = await studios.open(second)
    assert (await ended(again, other.id)).state == "finished"
    await asyncio.sleep(0.1)
    held = await again.set(made.id, owner="ann")
    assert held.state == "paused"
    assert sorted(cell.job.state for cell in held.cells) == ["finished", "waiting", "waiting"]
    await again.pause_set(made.id, owner="ann", paused=False)
    assert (await ended(again, made.id)).state == "finished"
    assert (first.sends, second.sends) == (1, 3)


async def test_a_set_is_renamed_picked_from_and_deleted_without_its_images(
    studios: Studios,
) -> None:
    studio = await studios.open(service("one"), service("two"))
    made = await studio.submit_set(wish(), owner="ann")
    await ended(studio, made.id)
    await studio.rename_set(made.id, " Two  services ", owner="ann")
    await studio.pick(made.id, {(0, 0): 1, (2, 0): 0}, owner="ann")
    found = await studio.set(made.id, owner="ann")
    assert (found.title, found.picks) == ("Two services", {(0, 0): 1, (2, 0): 0})
    with pytest.raises(InputError, match="no such set"):
        await studio.rename_set(made.id, "mine", owner="bob")
    with pytest.raises(InputError, match="longer than"):
        await studio.rename_set(made.id, "x" * 201, owner="ann")
    await studio.delete_set(made.id, owner="ann")
    assert await studio.sets("ann") == []
    assert len(await studio.entries("ann")) == 6
    with pytest.raises(InputError, match="no such set"):
        await studio.delete_set(made.id, owner="ann")


async def test_two_hundred_cells_are_one_click_and_one_price(studios: Studios) -> None:
    studio = await studios.open(service("one", open_gate=False), budget=Budget(day_usd=5.0))
    axes = [
        {"field": "seed", "values": list(range(20))},
        {"field": "guidance", "values": [n / 2 for n in range(2, 12)]},
    ]
    drafted = studio.draft_set(
        Wish("text-to-image", {"prompt": "x"}, axes, [{"backend": "one"}]), owner="ann"
    )
    assert (len(drafted.plan.requests), drafted.price_usd) == (200, 5.0)
    made = await studio.submit_set(drafted.wish, owner="ann")
    assert len(made.cells) == 200
    assert len({cell.job.batch for cell in made.cells}) == 1


async def test_what_may_have_been_charged_is_not_made_again_by_extending(studios: Studios) -> None:
    """A cell in doubt stays as it is; a cell that failed for nothing is made."""
    lost = UnavailableError("No answer.", charged="maybe")
    one = service("one", failure=lost, open_gate=False)
    two = service("two", failure=UnavailableError("Gone.", charged="no"), open_gate=False)
    studio = await studios.open(one, two)
    made = await studio.submit_set(wish(seeds=1), owner="ann")
    doubtful, failed = (cell.job for cell in (await ended(studio, made.id)).cells)
    assert (doubtful.state, failed.state, failed.charged) == ("unknown", "failed", "no")
    for each in (one, two):
        each.failure = None
        each.gate.set()
    sends = one.sends
    await studio.submit_set(wish(seeds=2), owner="ann", extends=made.id)
    end = await ended(studio, made.id)
    states = {(cell.column, cell.row): cell.job.state for cell in end.cells}
    assert states == {
        (0, 0): "unknown",
        (0, 1): "finished",
        (1, 0): "finished",
        (1, 1): "finished",
    }
    assert one.sends == sends + 1
    assert doubtful.id in {cell.job.id for cell in end.cells}


async def test_what_is_added_to_a_paused_set_waits_until_it_goes_on(studios: Studios) -> None:
    one = service("one")
    studio = await studios.open(one)
    made = await studio.submit_set(wish(seeds=1, backends=("one",)), owner="ann")
    await ended(studio, made.id)
    await studio.pause_set(made.id, owner="ann", paused=True)
    await studio.submit_set(wish(seeds=3, backends=("one",)), owner="ann", extends=made.id)
    await asyncio.sleep(0.1)
    assert one.sends == 1
    await studio.pause_set(made.id, owner="ann", paused=False)
    assert (await ended(studio, made.id)).state == "finished"


async def test_the_jobs_of_a_paused_set_go_on_when_it_is_deleted(studios: Studios) -> None:
    one = service("one", open_gate=False)
    one.max_concurrency = 1
    studio = await studios.open(one)
    made = await studio.submit_set(wish(backends=("one",)), owner="ann")
    await studio.pause_set(made.id, owner="ann", paused=True)
    await studio.delete_set(made.id, owner="ann")
    one.gate.set()
    for cell in made.cells:
        assert (await studio.result(cell.job.id, owner="ann")).job.state == "finished"


async def test_picks_follow_their_images_when_a_set_is_extended(studios: Studios) -> None:
    """A target in front, a row in front: what was picked stays picked, by its image."""
    studio = await studios.open(service("one"), service("two"), service("zero"))
    made = await studio.submit_set(wish(seeds=2), owner="ann")
    await ended(studio, made.id)
    await studio.pick(made.id, {(0, 0): 1, (1, 0): 0}, owner="ann")
    before = await studio.set(made.id)
    picked = {cell.job.id for cell in before.cells if before.picks[cell.row, 0] == cell.column}
    axes = [{"field": "seed", "values": [9, 2, 1]}]
    targets = [{"backend": name} for name in ("zero", "one", "two")]
    wider = Wish("text-to-image", {"prompt": "a boat"}, axes, targets)
    await studio.submit_set(wider, owner="ann", extends=made.id)
    after = await ended(studio, made.id)
    assert after.picks == {(2, 0): 2, (1, 0): 1}
    assert picked == {
        cell.job.id for cell in after.cells if after.picks.get((cell.row, 0)) == cell.column
    }
    narrow = Wish("text-to-image", {"prompt": "a boat"}, axes, targets[:2])
    await studio.submit_set(narrow, owner="ann", extends=made.id)
    assert (await studio.set(made.id)).picks == {(1, 0): 1}, "the other one is no longer there"


def test_a_pick_is_let_go_when_what_it_was_chosen_among_stands_apart() -> None:
    """Two guidances in one row, then in a row each: nobody preferred one of two services."""
    before = {(0, 0, 0): "a", (0, 0, 1): "b"}
    assert followed({(0, 0): 1}, before, {(0, 0, 0): "a", (0, 1, 0): "b"}) == {}
    assert followed({(0, 0): 1}, before, {(0, 0, 0): "b", (0, 0, 1): "c", (0, 0, 2): "a"}) == {
        (0, 0): 0
    }


def test_a_pick_of_an_image_in_several_cells_keeps_its_place() -> None:
    before = {(0, 0, 0): "a", (0, 0, 1): "s", (0, 1, 0): "b", (0, 1, 1): "s"}
    after = before | {(0, 2, 0): "c", (0, 2, 1): "s"}
    assert followed({(1, 0): 1}, before, after) == {(1, 0): 1}
