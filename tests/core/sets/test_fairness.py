"""One base at every paid service: what is sent is the same wherever both have a field for it."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed (requirements-dev.txt)")

from hypothesis import given, settings
from hypothesis import strategies as st

from backends import Settings, create
from core.backend import Backend
from core.params import Params, Task
from core.sets.differences import Difference, differences
from core.sets.plan import Target, plan

PAID = ("wavespeed", "fal", "siraya")
SAME = {
    "prompt": ("prompt",),
    "seed": ("seed",),
    "steps": ("num_inference_steps",),
    "guidance": ("guidance_scale",),
}
"""By field: what the services call it."""
BASES = st.fixed_dictionaries(
    {
        "prompt": st.text("abc öäü 海 '\"", min_size=1, max_size=60).filter(str.strip),
        "seed": st.integers(0, 2**31 - 1),
        "width": st.integers(16, 96).map(lambda n: n * 16),
        "height": st.integers(16, 96).map(lambda n: n * 16),
        "steps": st.integers(1, 50),
        "guidance": st.integers(10, 200).map(lambda n: n / 10),
    }
)


@pytest.fixture(scope="module")
def services() -> dict[str, Backend]:
    made = create(Settings(_env_file=None))
    return {name: made[name] for name in PAID}


@given(base=BASES)
@settings(max_examples=200)
def test_wire_bodies_are_equal_in_every_shared_field(
    services: dict[str, Backend], base: dict[str, Any]
) -> None:
    def offer(name: str, task: Task) -> tuple[Backend, type[Params]]:
        return services[name], services[name].tasks[task]

    made = plan("text-to-image", base, [], [Target(name) for name in PAID], offer)
    assert not made.problems
    sent = {backend.id: backend.sent(params) for backend, params in made.requests}
    for field, names in SAME.items():
        for name in names:
            wanted = base[field].strip() if field == "prompt" else base[field]
            assert [body[name] for body in sent.values()] == [wanted] * 3
    listed = {row.name for row in differences(sent)}
    for name in {name for body in sent.values() for name in body}:
        alike = len({str(body.get(name, "–")) for body in sent.values()}) == 1
        assert alike != (name in listed)


def test_differences_are_shown_in_words() -> None:
    sent = {"A": {"x": True, "n": 1.50, "s": {"w": 1}}, "B": {"x": False, "n": 1.5}}
    assert differences(sent) == [
        Difference("x", ("yes", "no")),
        Difference("s", ("w 1", "–")),
    ]
