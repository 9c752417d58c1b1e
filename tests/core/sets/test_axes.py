"""Axes: as programs give them and as people write them."""

from __future__ import annotations

from typing import Any

import pytest

from core.controls import Control, controls
from core.errors import InputError
from core.sets.axes import axes_of
from core.sets.written import axis_written
from tests.fakes import FakeText

CONTROLS = {control.name: control for control in controls(FakeText)}
SEED = CONTROLS["seed"]


def test_an_axis_has_values_and_their_names() -> None:
    [axis] = axes_of([{"field": "guidance", "values": [1, 3.5, 5, 3.5]}], "a boat")
    assert (axis.values, axis.labels) == ((1, 3.5, 5), ("1", "3.5", "5"))
    assert axis.applied({"prompt": "a boat", "guidance": 2}, 1)["guidance"] == 3.5


def test_a_size_sets_two_fields() -> None:
    [axis] = axes_of([{"field": "size", "values": ["1024x768", [512, 512]]}], "a boat")
    assert axis.labels == ("1024 × 768", "512 × 512")
    assert axis.applied({"width": 1}, 0) == {"width": 1024, "height": 768}


def test_alternatives_of_the_prompt_are_axes() -> None:
    axes = axes_of([], "a {calm|stormy} sea, {|red} boat, {calm|stormy} sky")
    assert [axis.labels for axis in axes] == [("calm", "stormy"), ("(nothing)", "red")]
    written = axes[0].applied({"prompt": "a {calm|stormy} sea, {calm|stormy} sky"}, 1)
    assert written == {"prompt": "a stormy sea, stormy sky"}


def test_a_part_of_the_prompt_is_replaced() -> None:
    given = [{"field": "prompt", "replace": "sunset", "values": ["dawn", "noon"]}]
    [axis] = axes_of(given, "a sea at sunset")
    assert axis.applied({"prompt": "a sea at sunset"}, 0) == {"prompt": "a sea at dawn"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("seed", "Axes must be a list."),
        ([["seed"]], "Each axis must be an object"),
        ([{"field": "seed"}], "The axis “seed” needs a list of values."),
        ([{"field": "seed", "values": []}], "The axis “seed” needs a list of values."),
        ([{"field": "seed", "values": "12"}], "The axis “seed” needs a list of values."),
        ([{"values": [1]}], "An axis needs the name of a field."),
        ([{"field": "seed", "values": [1], "step": 2}], "An axis has no “step”."),
        ([{"field": "seed", "values": [{}]}], "A value of the axis “seed” is no number"),
        ([{"field": "size", "values": ["big"]}], "“big” is no size."),
        ([{"field": "image", "values": ["a.png"]}], "An image cannot be an axis."),
        ([{"field": "seed", "values": list(range(1_000_000))}], "1,000 is the most."),
        ([{"field": "seed", "replace": "x", "values": ["y"]}], "Only parts of the prompt"),
        ([{"field": "prompt", "replace": "moon", "values": ["y"]}], "does not contain “moon”"),
        (
            [{"field": "seed", "values": [1]}, {"field": "seed", "values": [2]}],
            "Two axes set “seed”",
        ),
        ([{"field": name, "values": [1]} for name in "abcd"], "A set has at most 3 axes"),
    ],
)
def test_a_wrong_axis_is_one_sentence(given: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        axes_of(given, "a boat")
    assert said in str(caught.value)
    assert caught.value.field == "axes"
    assert caught.value.advice


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("guidance", "1, 3.5, 5", [1, 3.5, 5]),
        ("guidance", "1–6 in 6 steps", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        ("guidance", "1 to 2 by 0.25", [1.0, 1.25, 1.5, 1.75, 2.0]),
        ("guidance", "3-1 in 3", [3.0, 2.0, 1.0]),
        ("steps", "10-50 in 3 steps, 28", [10, 30, 50, 28]),
        ("steps", "1-4", [1, 2, 3, 4]),
        ("seed", "84, +1, +2", [84, 85, 86]),
        ("seed", "2147483647, +1", [2_147_483_647, 0]),
        ("seed", "5-7", [5, 6, 7]),
    ],
)
def test_values_are_written_as_people_write_them(name: str, text: str, values: list[Any]) -> None:
    assert axis_written(text, CONTROLS[name]) == {"field": name, "values": values}


def test_seeds_count_from_the_seed_of_the_request_or_are_drawn() -> None:
    assert axis_written("+0, +1", SEED, base=7)["values"] == [7, 8]
    drawn = axis_written("random 4", SEED)["values"]
    assert len(drawn) == len(set(drawn)) == 4


def test_prompts_are_lines_and_replacements() -> None:
    prompt = CONTROLS["prompt"]
    lines = axis_written("a boat, red\n\na house\n", prompt)
    assert lines == {"field": "prompt", "values": ["a boat, red", "a house"]}
    replaced = axis_written('sunset => dawn, "noon, hot"', prompt)
    assert replaced == {"field": "prompt", "replace": "sunset", "values": ["dawn", "noon, hot"]}


def test_choices_and_toggles_are_written_by_name() -> None:
    choice = Control("format", "choice", "Format", "", choices=("jpeg", "png"))
    toggle = Control("checker", "toggle", "Safety checker", "")
    assert axis_written("PNG, jpeg", choice)["values"] == ["png", "jpeg"]
    assert axis_written("yes, no", toggle)["values"] == [True, False]
    with pytest.raises(InputError, match="there is no “gif”"):
        axis_written("gif", choice)
    with pytest.raises(InputError, match="write yes, no or both"):
        axis_written("maybe", toggle)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("guidance", "", "write the values to try"),
        ("guidance", "much", "“much” is no number"),
        ("guidance", "1-1000000 by 0.001", "1,000 is the most"),
        ("guidance", "1-6 by 0", "steps of 0"),
        ("steps", "1-1000000", "1,000 is the most"),
        ("seed", "random 1000000", "1,000 is the most"),
        ("seed", "-3", "“-3” is no seed"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(name: str, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        axis_written(text, CONTROLS[name])
    assert said in str(caught.value)
