"""Plans: each combination once, the same request for all, and every difference said."""

from __future__ import annotations

from typing import Any

import pytest

from core import params as fields
from core.backend import Backend
from core.errors import InputError
from core.params import Params, Task, TextToImage
from core.sets.axes import axes_of
from core.sets.plan import SEED_NOTE, Plan, Target, nearest, plan
from tests.fakes import FakeBackend, FakeText


class Other(TextToImage):
    """Another service: no steps, another guidance, sizes in steps of 64, a field of its own."""

    width: int = fields.width(64, low=64, high=2048, multiple=64)
    height: int = fields.height(64, low=64, high=2048, multiple=64)
    guidance: float = fields.guidance(4.5, high=10.0)
    acceleration: str = fields.acceleration("none")


def offer(name: str, task: Task) -> tuple[Backend, type[Params]]:
    backend = FakeBackend(paid=name != "free")
    backend.id, backend.label = name, name.capitalize()
    return backend, Other if name == "other" else FakeText


def planned(base: Any, axes: Any = (), targets: Any = ("fake",), **more: Any) -> Plan:
    chosen = [Target(name) for name in targets]
    read = axes_of(list(axes), str(base.get("prompt", "")))
    return plan("text-to-image", base, read, chosen, offer, **more)


def test_targets_are_columns_and_axes_rows_and_pages() -> None:
    axes = [
        {"field": "seed", "values": [1, 2, 3]},
        {"field": "guidance", "values": [2, 3]},
        {"field": "size", "values": ["64x64", "128x64"]},
    ]
    made = planned({"prompt": "a boat"}, axes, ("fake", "other"))
    assert made.columns == ["Fake", "Other"]
    assert made.rows == ["1", "2", "3"]
    assert made.pages == ["2 · 64 × 64", "2 · 128 × 64", "3 · 64 × 64", "3 · 128 × 64"]
    assert len(made.cells) == len(made.requests) == 24
    places = {(cell.page, cell.row, cell.column) for cell in made.cells}
    assert places == {(p, r, c) for p in range(4) for r in range(3) for c in range(2)}
    cell = next(one for one in made.cells if (one.page, one.row, one.column) == (3, 2, 1))
    backend, params = made.requests[cell.request]
    assert backend.id == "other"
    assert params.model_dump() == {
        "prompt": "a boat",
        "seed": 3,
        "width": 128,
        "height": 64,
        "guidance": 3.0,
        "acceleration": "none",
    }


def test_one_target_leaves_the_columns_to_the_first_axis() -> None:
    made = planned({"prompt": "a boat"}, [{"field": "seed", "values": [1, 2]}])
    assert (made.columns, made.rows, made.pages) == (["1", "2"], [""], [""])


def test_a_seed_that_is_left_open_is_drawn_once_for_all() -> None:
    made = planned({"prompt": "a boat"}, [{"field": "guidance", "values": [1, 2, 3]}])
    assert len({params.known_seed for _, params in made.requests}) == 1


def test_what_a_target_does_not_offer_is_left_out_there_said_and_made_once() -> None:
    """Two cells with the very same request are one image."""
    axes = [{"field": "steps", "values": [1, 2, 3]}]
    made = planned({"prompt": "a boat", "seed": 1}, axes, ("fake", "other"))
    assert "Not offered by Other: steps." in made.notes
    assert (len(made.cells), len(made.requests)) == (6, 4)


def test_defaults_that_differ_are_each_models_own_and_said() -> None:
    made = planned({"prompt": "a boat"}, (), ("fake", "other"))
    assert [params.guidance for _, params in made.requests] == [3.5, 4.5]  # type: ignore[attr-defined]
    assert "Guidance, each model's own: Fake: 3.5, Other: 4.5." in made.notes
    assert SEED_NOTE in made.notes
    pinned = planned({"prompt": "a boat", "guidance": 4}, (), ("fake", "other"))
    assert not any(note.startswith("Guidance") for note in pinned.notes)


def test_a_value_out_of_range_is_said_with_the_nearest_one() -> None:
    axes = [{"field": "guidance", "values": [2, 15]}]
    made = planned({"prompt": "a boat"}, axes, ("fake", "other"))
    [problem] = made.problems
    assert (problem.target, problem.field, problem.value, problem.nearest) == (
        "other",
        "guidance",
        15,
        10.0,
    )
    assert str(problem.message).startswith("Other: Guidance must be")
    assert problem.advice == "The nearest it takes is 10.0."


@pytest.mark.parametrize(
    ("name", "value", "near"),
    [("width", 100, 128), ("width", 9, 64), ("width", 5000, 2048), ("guidance", 0.2, 1.0)],
)
def test_the_nearest_legal_value(name: str, value: float, near: float) -> None:
    assert nearest(Other, name, value) == near


def test_nothing_near_a_value_that_is_no_number() -> None:
    assert nearest(Other, "width", "wide") is None
    assert nearest(Other, "width", float("nan")) is None
    assert nearest(Other, "unknown", 3) is None


@pytest.mark.parametrize(
    ("base", "axes", "field"),
    [
        ({"prompt": "x", "sampler": "euler"}, [], "base"),
        ({"prompt": "x"}, [{"field": "sampler", "values": ["euler"]}], "axes"),
    ],
)
def test_a_field_that_no_target_has_is_refused(base: Any, axes: Any, field: str) -> None:
    with pytest.raises(InputError, match="None of these targets has a setting") as caught:
        planned(base, axes, ("fake", "other"))
    assert caught.value.field == field


def test_a_set_of_a_million_is_refused_at_once() -> None:
    axes = [{"field": name, "values": list(range(100))} for name in ("seed", "steps", "guidance")]
    with pytest.raises(InputError, match="1,000,000 images"):
        planned({"prompt": "x"}, axes)
