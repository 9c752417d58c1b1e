"""The form of the Compare tab: read, planned, told what is wrong, and written back the same."""

from __future__ import annotations

from typing import Any

import pytest

from backends import Settings
from core.caller import Caller
from core.exposure import Exposure
from core.jobs.budget import Budget
from core.jobs.limits import Policy
from core.jobs.set_jobs import Wish
from core.studio import Studio
from core.words import say
from tests.conftest import Studios
from tests.fakes import FakeService
from ui.compare.asked import Form, form_of, read, written
from ui.compare.offers import fields, offers, targets
from ui.compare.planned import Planned, news, planned

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
TASK = "text-to-image"
ADDRESS = "10.0.0.1"


def service(name: str, **options: Any) -> FakeService:
    made = FakeService(paid=True, **options)
    made.id, made.label = name, name.capitalize()
    return made


def asked(**said: Any) -> dict[str, Any]:
    usual = {"prompt": "a {red|blue} boat", "targets": ["one|", "two|"], "rest": {"seed": "7"}}
    return usual | {"axes": [{"field": "guidance", "text": "1, 3.5"}]} | said


async def plan(studio: Studio, owner: str = "ann", **said: Any) -> tuple[Planned, dict[str, Any]]:
    known = offers(studio.backends_of(owner), TASK)
    form = Form.of(asked(**said))
    found = await planned(studio, form, read(form, TASK, known), known, Caller(owner, ADDRESS))
    return found, await news(studio, TASK, found, owner)


async def test_a_form_is_counted_and_priced_before_anything_is_sent(studios: Studios) -> None:
    studio = await studios.open(service("one"), service("two"), budget=Budget(day_usd=1))
    found, told = await plan(studio)
    assert (told["label"], told["price"]) == ("Run 8 images · $0.20", pytest.approx(0.2))
    assert (told["counts"], told["shape"], told["left"]) == (
        ["2 values"],
        "2 × 2 × 2",
        "$1.00 left today",
    )
    assert told["prices"] == {"one|": "$0.025", "two|": "$0.025"}
    assert told["notes"] == [
        "A seed means different noise at each service: compare the style, not the pixels."
    ]
    assert (told["ready"], told["troubles"], found.new) == (True, [], 8)
    assert await studio.ledger.list() == []


async def test_without_a_prompt_the_price_is_known_already(studios: Studios) -> None:
    studio = await studios.open(service("one"))
    _, told = await plan(studio, prompt=" ", targets=["one|"])
    assert (told["label"], told["ready"], told["shape"]) == (
        "Run 2 images · $0.05",
        False,
        say("compare-no-prompt"),
    )
    _, told = await plan(
        studio, prompt="", targets=["one|"], axes=[{"field": "prompt", "text": "a boat\nhills"}]
    )
    assert told["ready"]


@pytest.mark.parametrize(
    ("said", "field", "message"),
    [
        ({"targets": []}, "targets", say("compare-no-target")),
        ({"rest": {"steps": "900"}}, "steps", "One: Steps must be"),
        ({"rest": {"size": "10 x 20"}}, "size", "One: Width must be"),
        ({"rest": {"size": "large"}}, "size", "One: Width must be"),
        ({"axes": [{"field": "guidance", "text": "1, 99"}]}, "axis-0", "One: Guidance must be"),
        (
            {"axes": [{"field": "guidance", "text": "1–9 in 0 steps"}]},
            "axis-0",
            "Guidance: this asks",
        ),
        ({"axes": [{"field": "seed", "text": "random 1000000"}]}, "axis-0", "1,000,000 values"),
        ({"axes": [{"field": "hat", "text": "1"}]}, "axis-0", "None of these backends has"),
        ({"axes": [{"field": "lines", "text": ""}]}, "axis-0", "The list is empty."),
        ({"prompt": "a __moon__"}, "prompt", "no wildcard “moon”"),
        ({"extends": "nowhere"}, "form", "no such set"),
        ({"axes": [{"field": "guidance", "text": "1"}] * 2}, "form", "Two axes set “guidance”"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field(
    studios: Studios, said: dict[str, Any], field: str, message: str
) -> None:
    studio = await studios.open(service("one"), service("two"))
    found, told = await plan(studio, **said)
    assert not told["ready"]
    assert not found.ready
    first = told["troubles"][0]
    assert (first["field"], message in first["message"]) == (field, True), first


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"srpo_limit_images_per_click": 7}, "A set makes at most 7 images here"),
        ({"srpo_limit_paid_per_owner_hour": 7}, "You can ask for 7 paid images an hour here"),
        ({"srpo_limit_paid_per_address_hour": 7}, "Your network address can ask for 7 paid"),
        ({"srpo_limit_waiting": 7}, "Each visitor can have 7 images waiting here"),
    ],
)
async def test_a_limit_is_told_before_anything_is_run(
    studios: Studios, settings: dict[str, int], message: str
) -> None:
    """Eight images, one more than may be: the button is off, and the sentence says why."""
    policy = Policy.of(Settings(_env_file=None, srpo_budget_day_usd=5.0, **settings), Exposure())
    studio = await studios.open(service("one"), service("two"), policy=policy)
    found, told = await plan(studio)
    [wrong] = told["troubles"]
    assert (wrong["field"], wrong["message"].startswith(message)) == ("form", True), wrong
    assert (told["ready"], found.ready, told["price"]) == (False, False, pytest.approx(0.2))
    _, told = await plan(studio, prompt="a boat", axes=[{"field": "guidance", "text": "1, 2, 3"}])
    assert (told["ready"], told["troubles"]) == (True, [])


async def test_the_budget_is_told_before_anything_is_run(studios: Studios) -> None:
    studio = await studios.open(service("one"), service("two"), budget=Budget(day_usd=0.19))
    _, told = await plan(studio)
    [wrong] = told["troubles"]
    assert (wrong["field"], told["ready"]) == ("form", False)
    assert "$0.19" in wrong["message"]


async def test_the_nearest_legal_value_is_offered(studios: Studios) -> None:
    studio = await studios.open(service("one"))
    _, told = await plan(
        studio, targets=["one|"], axes=[{"field": "guidance", "text": "1, 99"}], prompt="a boat"
    )
    [wrong] = told["troubles"]
    assert (wrong["field"], wrong["value"], wrong["nearest"]) == ("axis-0", 99, 20.0)


async def test_a_csv_is_one_image_a_line_and_wrong_lines_are_named(studios: Studios) -> None:
    studio = await studios.open(service("one"), service("two"))
    table = "prompt,guidance\na boat,3\n“hills”,\n"
    _, told = await plan(studio, prompt="", axes=[{"field": "lines", "text": table}])
    assert (told["label"], told["counts"]) == ("Run 4 images · $0.10", ["2 values"])
    _, told = await plan(studio, axes=[{"field": "lines", "text": table + "a house,900\n,x\n"}])
    said = [one["message"] for one in told["troubles"]]
    assert said[0].startswith("One: Line 4: Guidance must be")
    assert said[1].startswith("One: Line 5: Guidance must be")
    assert said[2].startswith("Two: Line 4:")
    many = "prompt,guidance\n" + "a,900\n" * 40
    _, told = await plan(studio, axes=[{"field": "lines", "text": many}])
    assert told["troubles"][-1]["message"] == "and 68 more lines"
    _, told = await plan(studio, axes=[{"field": "lines", "text": "prompt,hat\na,b\n"}])
    assert "column “hat”" in told["troubles"][0]["message"]


async def test_a_browser_may_send_anything(studios: Studios) -> None:
    studio = await studios.open(service("one"))
    known = offers(studio.backends_of("ann"), TASK)
    strange: list[Any] = [
        None,
        7,
        {"prompt": 3, "targets": "one|", "axes": {"a": 1}, "rest": [], "extends": {}},
        {"axes": [None, {"field": 1}], "targets": [None, "one|"], "rest": {"seed": [1]}},
        {"prompt": "\udcff" * 3, "targets": ["one|"], "title": "\x00"},
    ]
    for said in strange:
        form = Form.of(said)
        found = await planned(studio, form, read(form, TASK, known), known, Caller("ann", ADDRESS))
        assert not found.ready


@pytest.mark.parametrize(
    "axes",
    [
        [{"field": "seed", "values": [1, 5, 9]}],
        [{"field": "guidance", "values": [1.5, 4]}, {"field": "size", "values": ["64x32"]}],
        [{"field": "prompt", "values": ["a boat, red", "hills"]}],
        [{"field": "prompt", "replace": "boat", "values": ["house", 'a "tree", green']}],
        [{"field": "lines", "values": [{"prompt": "a, b", "guidance": 2.5}, {"prompt": "c"}]}],
    ],
)
async def test_a_set_goes_back_into_the_form_and_asks_for_nothing_new(
    studios: Studios, axes: list[dict[str, Any]]
) -> None:
    """Extending begins with a form that says exactly what the set says."""
    studio = await studios.open(service("one"), service("two"))
    targets_of = [{"backend": "one"}, {"backend": "two"}]
    made = await studio.submit_set(
        Wish(TASK, {"prompt": "a boat", "steps": 3}, axes, targets_of), owner="ann"
    )
    form = form_of(made)
    assert form["columns"] == "targets"
    found, told = await plan(studio, **form, extends=made.id)
    assert (found.new, told["label"], told["troubles"]) == (0, "Save the set", [])
    wider = [*form["axes"], {"field": "steps", "text": "3, 4"}]
    found, told = await plan(studio, **(form | {"axes": wider}), extends=made.id)
    assert found.new == len(made.jobs)
    assert told["label"].startswith(f"Make {len(made.jobs)} more")


async def test_three_axes_beside_several_targets_go_back_into_the_form(studios: Studios) -> None:
    studio = await studios.open(service("one"), service("two"))
    said = {
        "prompt": "a boat",
        "axes": [
            {"field": "seed", "text": "1, 2"},
            {"field": "guidance", "text": "2, 3"},
            {"field": "size", "text": "64 × 32, 32 × 64"},
        ],
    }
    found, told = await plan(studio, **said)
    assert (told["label"], told["shape"]) == ("Run 16 images · $0.40", "2 × 2 × 4")
    made = await studio.submit_set(found.reading.wish, owner="ann")
    form = form_of(made)
    assert [axis["text"] for axis in form["axes"]] == ["1, 2", "2, 3", "64 × 32, 32 × 64"]
    found, told = await plan(studio, **form, extends=made.id)
    assert (found.new, told["label"], told["troubles"]) == (0, "Save the set", [])


async def test_new_seeds_take_the_place_of_the_old_ones(studios: Studios) -> None:
    studio = await studios.open(service("one"))
    axes = [{"field": "seed", "values": [1, 2]}]
    made = await studio.submit_set(
        Wish(TASK, {"prompt": "a boat"}, axes, [{"backend": "one"}]), owner="ann"
    )
    form = form_of(made, new_seeds=[8, 9])
    assert (form["columns"], form["axes"]) == ("seed", [{"field": "seed", "text": "8, 9"}])


async def test_targets_and_fields_follow_from_the_backends(studios: Studios) -> None:
    away = service("two")
    away.problem = lambda: "Set TWO_API_KEY."  # type: ignore[method-assign]
    studio = await studios.open(service("one"), away)
    known = offers(studio.backends_of("ann"), TASK)
    one, two = targets(known, own={}, closed={})
    assert (one["key"], one["label"], one["why"], one["price"]) == ("one|", "One", "", "$0.025")
    assert two["why"] == "Set TWO_API_KEY."
    shut = targets(known, own={}, closed={"one": "Closed."})
    assert shut[0]["why"] == "Closed."
    names = [field["name"] for field in fields(known)]
    assert names[:4] == ["seed", "prompt", "size", "guidance"]
    assert "width" not in names
    assert names[-1] == "lines"


def test_values_are_written_as_a_person_writes_them() -> None:
    assert written({"field": "guidance", "values": [1, 3.5, True]}) == "1, 3.5, yes"
    assert written({"field": "size", "values": [[64, 32]]}) == "64 × 32"
