"""What is uploaded is sent no larger than its services make of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from backends.fal import FalImage
from backends.local import LocalImage
from backends.wavespeed import WaveSpeedImage, WaveSpeedText
from core.pictures import load
from tests.conftest import Studios
from tests.fakes import FakeBackend, picture
from ui.server.routes import Media
from ui.server.uploads import Uploads
from ui.set_api import SetApi

pytestmark = pytest.mark.anyio


async def test_one_source_serves_all_targets_of_a_set(studios: Studios) -> None:
    """It is scaled as far as every one of them would; one that takes all of it gets all of it."""
    uploads = Uploads(Media(await studios.open(FakeBackend())))
    large = load(picture(3, 3000, 2000))
    for kinds, width in (
        ((WaveSpeedImage,), 1536),
        ((WaveSpeedImage, FalImage), 1536),
        ((WaveSpeedImage, LocalImage), 3000),
        ((WaveSpeedText,), 3000),
        ((), 3000),
    ):
        assert (await uploads.fitted(large, *kinds)).width == width


async def test_targets_that_are_none_are_left_to_the_set(studios: Studios) -> None:
    """Whatever an API call names as a target, it is not this that breaks on it."""
    studio: Any = SimpleNamespace(backends={"wavespeed": SimpleNamespace(tasks={})})
    api = SetApi(studio, Uploads(Media(await studios.open(FakeBackend()))))
    for targets in (None, "x", 3, [], [None, 1, {}], [{"backend": []}], [{"backend": "wavespeed"}]):
        assert api._kinds("image-to-image", targets) == []
