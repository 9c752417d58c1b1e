"""The colours, numbers and sides that the README promises are in the miniature's images."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import bench
from backends.miniature import FOLDER
from backends.miniature.sampling import open_model
from bench.miniature import by_model
from bench.miniature_colours import colour_of
from bench.miniature_figures import COUNTED, LOOKED_AT, Asked, one_thing
from bench.miniature_judge import Judge, Seen
from sandbox.painter.scene import Scene, Thing
from sandbox.painter.vocabulary import COLOURS, Kind, Place

pytestmark = pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="generates 130 images; .ci/run sets EVERY_TEST"
)
Look = Callable[[Asked], tuple[np.ndarray, Seen]]


@pytest.fixture(scope="module")
def look() -> Look:
    """Generate what is asked and look at it."""
    paint, judge = by_model(open_model(FOLDER)), Judge(Path(bench.__file__).parent)

    def looked(asked: Asked) -> tuple[np.ndarray, Seen]:
        picture = asked.painted(paint)
        return picture, judge(picture)

    return looked


@pytest.mark.parametrize("kind", LOOKED_AT)
def test_a_thing_has_the_colour_that_was_asked_for(kind: Kind, look: Look) -> None:
    """Every second colour of the twelve for one thing, the others for the next."""
    wrong = []
    chosen = list(COLOURS)[LOOKED_AT.index(kind) % 2 :: 2]
    for seed, colour in enumerate(chosen):
        asked = one_thing(kind, colour, seed)
        found = colour_of(*look(asked), asked.scene, kind)
        wrong += [] if found == colour else [f"{colour}: {found}"]
    assert len(wrong) < 2, wrong


@pytest.mark.parametrize("kind", COUNTED)
def test_there_are_as_many_as_were_asked_for(kind: Kind, look: Look) -> None:
    """One, two and three."""
    wrong = []
    for count in (1, 2, 3):
        for seed in range(4):
            found = look(one_thing(kind, "red", seed, count))[1].number(kind)
            wrong += [] if found == count else [f"{count}: {found}"]
    assert len(wrong) < 4, wrong


@pytest.mark.parametrize("place", ["left", "right"])
@pytest.mark.parametrize("kind", ["sun", "house", "boat", "balloon", "tree"])
def test_a_thing_is_on_the_side_that_was_asked_for(kind: Kind, place: Place, look: Look) -> None:
    """Left is left of the middle."""
    asked = one_thing(kind, "red", 1)
    things = tuple(
        Thing(t.kind, t.colour, t.size, place) if t.kind == kind else t for t in asked.scene.things
    )
    scene = Scene(asked.scene.sky, things, asked.scene.absent, alone=True)
    columns = np.nonzero(look(Asked(scene, 1))[1].where(kind))[1]
    assert len(columns), "there is none"
    assert (columns.mean() < 32) == (place == "left"), columns.mean()
