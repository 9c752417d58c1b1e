"""What was asked beside what was sent: a difference is marked, a word of the service is not one."""

from __future__ import annotations

from typing import Any

import pytest

from backends.fal import FalText
from backends.fal import body as fal_body
from backends.wavespeed import WaveSpeedText, body
from core.params import Params
from ui.facts import compare

SENT = [
    (WaveSpeedText(prompt="hills", seed=3, width=768), body),
    (FalText(prompt="hills", seed=3, width=1024, height=768), fal_body),
    (FalText(prompt="hills", seed=3, width=800, height=608), fal_body),
]


@pytest.mark.parametrize(("params", "sent"), SENT, ids=["wavespeed", "fal preset", "fal size"])
def test_what_was_sent_as_asked_is_no_difference(params: Params, sent: Any) -> None:
    """Whatever the service calls it."""
    rows = compare(params.model_dump(), sent(params))
    assert {row.name for row in rows if row.kind in ("changed", "unsent")} == set()
    assert {"width", "height", "steps", "guidance", "seed"} <= {row.name for row in rows}
    assert all(row.name not in params.model_dump() for row in rows if row.kind == "added")


def test_what_was_changed_on_the_way_is_marked() -> None:
    """Another value, something the request has no place for, something that nobody chose."""
    asked = {"prompt": "hills", "steps": 40, "guidance": 3.5, "width": 1000, "height": 600}
    sent = {"prompt": "hills", "num_inference_steps": 28, "size": "1008x608", "n": 1}
    kinds = {row.name: row.kind for row in compare(asked, sent)}
    assert kinds == {
        "prompt": "same",
        "steps": "changed",
        "guidance": "unsent",
        "width": "changed",
        "height": "changed",
        "n": "added",
    }


def test_what_a_model_told_afterwards_was_not_sent() -> None:
    """It is said in words of its own."""
    rows = compare({"prompt": "hills"}, {"prompt": "hills", "painted_without": ["cat"]})
    assert [row.name for row in rows] == ["prompt"]
