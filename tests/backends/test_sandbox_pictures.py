"""Images of the sandbox through both backends: the asked size, the same for the same params."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from core.events import Finished
from tests.backends.services import events, given, params_of, siraya, wavespeed

pytestmark = pytest.mark.anyio
BACKENDS: dict[str, Callable[[], Any]] = {
    "wavespeed": lambda: wavespeed(None, key=None),
    "siraya": lambda: siraya(None, key=None, edit="sandbox-edit"),
}


async def made(name: str, task: str, **values: Any) -> tuple[str, tuple[int, int], bytes]:
    """Make an image with a backend of its own; return its format, size and pixels."""
    backend = BACKENDS[name]()
    wish = params_of(backend, task, **values)
    found = await events(backend.generate(wish))
    await backend.aclose()
    assert isinstance(found[-1], Finished)
    with Image.open(io.BytesIO(found[-1].image)) as image:
        return str(image.format), image.size, image.convert("RGB").tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKENDS)
async def test_the_same_params_give_the_same_pixels(name: str) -> None:
    """Twice the same, also in another sandbox; with another seed, steps or words it differs."""
    wish: dict[str, Any] = {"prompt": "hills at dawn", "width": 320, "height": 256, "seed": 3}
    first = await made(name, "text-to-image", **wish)
    assert first == await made(name, "text-to-image", **wish)
    for change in ({"seed": 4}, {"steps": 5}, {"prompt": "a boat on the sea"}, {"guidance": 9.0}):
        assert first[2] != (await made(name, "text-to-image", **(wish | change)))[2], change


@pytest.mark.parametrize("size", [(256, 256), (512, 320), (272, 1536), (300, 441)])
@pytest.mark.parametrize("name", BACKENDS)
async def test_the_picture_has_the_asked_size(name: str, size: tuple[int, int]) -> None:
    """To the pixel, preset or not."""
    width, height = size
    _, found, _ = await made(name, "text-to-image", width=width, height=height, steps=1)
    assert found == size


@pytest.mark.parametrize("name", BACKENDS)
async def test_an_edit_follows_the_pictures_size(name: str) -> None:
    """There is no size on image-to-image."""
    _, found, _ = await made(name, "image-to-image")
    assert found == (given().width, given().height)


@pytest.mark.slow
async def test_strength_moves_from_the_picture_to_another() -> None:
    """At 0 nothing changes; the seed decides where it goes; the format is the asked one."""
    wish: dict[str, Any] = {"output_format": "png", "prompt": "hills"}
    with Image.open(io.BytesIO(given().data)) as image:
        start = image.convert("RGB").tobytes()

    def distance(pixels: bytes) -> float:
        pairs = zip(pixels, start, strict=True)
        return sum(abs(here - there) for here, there in pairs) / len(start)

    kept = await made("wavespeed", "image-to-image", strength=0.0, **wish)
    half = await made("wavespeed", "image-to-image", strength=0.5, **wish)
    full = await made("wavespeed", "image-to-image", strength=1.0, **wish)
    assert kept[0] == "PNG"
    # The small mark of the sandbox is all that may differ.
    assert distance(kept[2]) < distance(half[2]) < distance(full[2])
    assert half == await made("wavespeed", "image-to-image", strength=0.5, **wish)
    assert half[2] != (await made("wavespeed", "image-to-image", strength=0.5, seed=8, **wish))[2]


@pytest.mark.slow
async def test_the_file_is_of_the_asked_format() -> None:
    """WaveSpeed lets one choose."""
    small: dict[str, Any] = {"width": 256, "height": 256, "steps": 1}
    for name in ("jpeg", "png"):
        kind, _, _ = await made("wavespeed", "text-to-image", output_format=name, **small)
        assert kind.lower() == name
