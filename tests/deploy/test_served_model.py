"""FLUX with random weights behind the images API, asked by the playground's own client."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, ImageChops

from backends import Settings
from backends.local import Local, create
from core import pictures
from core.events import Finished
from deploy import images_api
from tests.backends.services import events, params_of, self_hosted
from tests.fakes import picture

pytest.importorskip("diffusers", reason="needs requirements-local.txt")

pytestmark = pytest.mark.anyio
START = pictures.load(picture(3, 320, 256))
WISH = {"seed": 7, "steps": 6, "guidance": 2.5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tools.random_flux import make

    return make(tmp_path_factory.mktemp("flux"))


@pytest.fixture
async def local(folder: Path) -> AsyncIterator[Local]:
    backend = create(Settings(local_model=str(folder), _env_file=None))
    yield backend
    await backend.aclose()


async def painted(backend: Any, task: Any, **values: Any) -> Image.Image:
    last = (await events(backend.generate(params_of(backend, task, **WISH | values))))[-1]
    assert isinstance(last, Finished)
    return Image.open(io.BytesIO(last.image)).convert("RGB")


def distance(one: Image.Image, other: Image.Image) -> int:
    """The largest difference in any colour of any pixel."""
    return max(high for _low, high in ImageChops.difference(one, other).getextrema())


@pytest.mark.parametrize(
    ("task", "values", "size"),
    [
        ("text-to-image", {"width": 256, "height": 320}, (256, 320)),
        ("image-to-image", {"image": START, "strength": 0.5}, (320, 256)),
        ("image-to-image", {"image": START, "strength": 1.0}, (320, 256)),
    ],
    ids=["words", "half", "whole"],
)
async def test_a_picture_from_elsewhere_is_the_one_painted_here(
    local: Local, task: Any, values: Any, size: Any
) -> None:
    """Through client, server and model: the same shape and the same pixels for one seed."""
    remote = self_hosted(httpx.ASGITransport(images_api.create(local, model="srpo", open=True)))
    there = await painted(remote, task, **values)
    here = await painted(local, task, **values)
    assert there.size == here.size == size
    assert distance(there, here) == 0


async def test_the_strength_that_is_asked_for_is_the_one_that_is_painted_with(
    local: Local,
) -> None:
    """None is replaced by a default: each gives another image."""
    remote = self_hosted(httpx.ASGITransport(images_api.create(local, model="srpo", open=True)))
    task, shares = "image-to-image", (0.2, 0.5, 1.0)
    made = [await painted(remote, task, image=START, strength=share) for share in shares]
    assert distance(made[0], made[1]) > 8 and distance(made[1], made[2]) > 8
