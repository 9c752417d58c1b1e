"""Examples are real images with the settings that made them, and nothing is paid for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import backends
from core import examples
from core.controls import controls
from core.errors import InputError
from core.params import Params
from core.parsing import parse
from tests.fakes import FakeBackend

pytestmark = pytest.mark.anyio
SHIPPED = Path(__file__).parents[2] / "assets" / examples.NAME


async def test_an_example_holds_what_makes_its_image_again() -> None:
    """Words, seed and every setting, with a small image inside; paid backends make none."""
    fake = FakeBackend()
    found = [one async for one in examples.make(fake, (("a boat", 7), ("hills", 8)))]
    assert [one["prompt"] for one in found] == ["a boat", "hills"]
    assert [one["params"]["seed"] for one in found] == [7, 8]
    assert set(found[0]["params"]) == {"seed", "width", "height", "steps", "guidance"}
    assert found[0]["by"] == "Fake"
    with pytest.raises(InputError, match="paid for"):
        await anext(examples.make(FakeBackend(paid=True)))


async def test_the_ones_of_the_owner_take_the_place_of_the_first(tmp_path: Path) -> None:
    """Kept in the data folder, whole or not at all; what cannot be read is passed over."""
    own, shipped = tmp_path / "data" / examples.NAME, tmp_path / "shipped.json"
    made = [one async for one in examples.make(FakeBackend(), (("a boat", 7),))]
    examples.keep(made, shipped)
    assert examples.load(own, shipped) == made
    examples.keep([made[0] | {"prompt": "mine"}], own)
    assert examples.load(own, shipped)[0]["prompt"] == "mine"
    torn = [json.dumps([made[0] | {"picture": one}]) for one in ("x", f"{examples.WEBP}A")]
    for broken in ("", "[]", "{}", '[{"prompt": 1}]', *torn):
        own.write_text(broken)
        assert examples.load(own, shipped) == made
    assert examples.load(tmp_path / "none.json") == []


def test_the_shipped_ones_can_be_made_by_the_backend_they_name() -> None:
    """Their settings are legal there, and the miniature knows their words."""
    found = examples.load(SHIPPED)
    assert len(found) >= 6
    known = backends.create(backends.Settings(_env_file=None))  # type: ignore[call-arg]
    for one in found:
        kind: type[Params] = known[one["backend"]].tasks["text-to-image"]
        params = parse(kind, {**one["params"], "prompt": one["prompt"]})
        named = {*one["params"], "prompt"} | params.idle
        assert {control.name for control in controls(kind)} == named
    assert SHIPPED.stat().st_size < 100_000
