"""A large image is made as small as its service makes it, before it is sent and paid for."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from backends.fal import FalImage
from backends.local import LocalImage
from backends.wavespeed import WaveSpeedImage
from core import pictures
from core.params import Edit


def given(width: int, height: int, kind: str = "PNG") -> pictures.Picture:
    file = BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(file, kind)
    return pictures.load(file.getvalue())


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_large_picture_is_scaled_in_its_own_format(kind: str) -> None:
    """6000 × 4000 becomes 1536 × 1024, and says what it is by its own hash."""
    large = given(3000, 2000, kind)
    small = pictures.scaled(large, 1536)
    assert (small.width, small.height, small.media_type) == (1536, 1024, large.media_type)
    assert small.sha256 != large.sha256
    assert pictures.inspect(small.data) == (kind.lower(), 1536, 1024)
    assert pictures.load(small.data).sha256 == small.sha256


def test_a_picture_within_limits_is_not_touched() -> None:
    """Not a byte of it, and one that is far too long keeps a pixel of its height."""
    picture = given(1536, 700)
    assert pictures.scaled(picture, 1536) is picture
    assert pictures.within((60_000, 10), 1536) == (1536, 1)


@pytest.mark.parametrize(
    ("kind", "more", "size", "small"),
    [
        (WaveSpeedImage, {}, (1536, 1024), False),
        (FalImage, {}, (1536, 1024), False),
        (LocalImage, {"shape": "1:1"}, (1024, 1024), False),
        (Edit, {}, None, False),
    ],
)
def test_the_size_of_the_result_is_known_before(
    kind: type[Edit], more: dict[str, str], size: tuple[int, int] | None, small: bool
) -> None:
    """Where a service decides it by the image, or the form does; elsewhere nothing is claimed."""
    params = kind(prompt="hills", image=given(3000, 2000), **more)  # type: ignore[arg-type]
    assert (params.result_size(), params.too_small) == (size, small)


def test_a_picture_below_256_pixels_is_small_for_a_service() -> None:
    """The shorter side counts."""
    assert WaveSpeedImage(prompt="hills", image=given(800, 255)).too_small
    assert not WaveSpeedImage(prompt="hills", image=given(256, 256)).too_small
