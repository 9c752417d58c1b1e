"""The painter follows its prompt and its dials, and repeats itself exactly."""

import hashlib
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sandbox.painter.painter import mark, mark_box, paint, repaint

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PROMPT = "sunset, snowy mountains, a lake, a red sailboat and birds"


def planes(picture: Image.Image) -> NDArray[np.float64]:
    """The image's numbers, ready for arithmetic."""
    return np.asarray(picture, np.float64)


def distance(one: Image.Image, other: Image.Image) -> float:
    """How far two images are apart, in grey levels for each number."""
    return float(np.abs(planes(one) - planes(other)).mean())


def red_share(picture: Image.Image) -> float:
    """The share of clearly red pixels."""
    red, green, blue = np.moveaxis(planes(picture), 2, 0)
    return float(((red > 150) & (red > 1.8 * green) & (red > 1.8 * blue)).mean())


def roughness(picture: Image.Image) -> float:
    """How much neighbouring pixels of the upper sky differ."""
    sky = planes(picture)[: picture.height // 8]
    return float(np.abs(np.diff(sky, axis=1)).mean())


@pytest.mark.slow
def test_the_same_params_give_the_same_bytes_in_another_process() -> None:
    """Nothing depends on the process, not even on Python's hash seed."""
    code = (
        "import hashlib; from sandbox.painter.painter import paint;"
        f"p = paint({PROMPT!r} + ' dragon', 256, 256, steps=5, guidance=2.5, seed=11);"
        "print(hashlib.sha256(p.tobytes()).hexdigest())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = paint(PROMPT + " dragon", 256, 256, steps=5, guidance=2.5, seed=11)
    assert run.stdout.strip() == hashlib.sha256(here.tobytes()).hexdigest()


@pytest.mark.parametrize("prompt", [PROMPT, "", "a cat reading"])
def test_two_seeds_differ_visibly(prompt: str) -> None:
    """Another seed is another image, not another grain."""
    assert distance(paint(prompt, 256, 256, seed=1), paint(prompt, 256, 256, seed=2)) > 5


@pytest.mark.parametrize("size", [(256, 256), (1536, 256), (256, 1536), (333, 517)])
def test_the_size_is_exact(size: tuple[int, int]) -> None:
    """Wide, tall and odd sizes come out as asked, in RGB."""
    picture = paint(PROMPT + ", a house, desert, flowers, balloons", *size)
    assert (picture.size, picture.mode) == (size, "RGB")


@pytest.mark.parametrize(
    ("sky", "strongest"), [("blue", 2), ("red", 0), ("green", 1), ("night", 2)]
)
def test_the_sky_has_the_colour_asked_for(sky: str, strongest: int) -> None:
    """The top of the image leans to the sky's colour, whatever the seed."""
    for seed in range(3):
        top = planes(paint(f"{sky} sky, no clouds, no sun, no moon", 256, 256, seed=seed))[:24]
        assert int(top.mean(axis=(0, 1)).argmax()) == strongest


def test_a_night_is_dark_and_a_day_is_not() -> None:
    """The mood decides how bright the image is."""
    assert planes(paint("night", 256, 256)).mean() < 100
    assert planes(paint("day", 256, 256)).mean() > 140


@pytest.mark.parametrize("thing", ["house", "boat", "balloon", "tree"])
def test_a_red_thing_puts_red_into_the_picture(thing: str) -> None:
    """Red is there with the thing and not without it."""
    scene = "blue sky, white sun, blue mountains, blue sea, white birds, no flowers, no clouds"
    with_it = paint(f"{scene}, a big red {thing}", 256, 256, seed=4)
    without = paint(f"{scene}, a big white {thing}", 256, 256, seed=4)
    assert red_share(with_it) > red_share(without) + 0.004
    assert red_share(without) < 0.002


def test_a_place_is_where_it_says() -> None:
    """What changes when a house is added on the left is on the left."""
    absent = "no trees, no pines, no flowers, no boats, no birds, no balloons"
    scene = f"blue sky, green hills, sun, {absent}"
    bare = planes(paint(f"{scene}, no houses", 256, 256, seed=2))
    for place, middle in (("left", 0.23), ("center", 0.5), ("right", 0.77)):
        house = planes(paint(f"{scene}, a red house on the {place}", 256, 256, seed=2))
        changed = np.abs(house - bare).max(axis=2) > 60
        assert np.nonzero(changed)[1].mean() / 256 == pytest.approx(middle, abs=0.1)


@pytest.mark.parametrize("word", ["dragon", "épique", "猫", "🐱"])
def test_unknown_words_change_the_picture(word: str) -> None:
    """The painter does not know them, yet they count."""
    plain = paint("blue sky, green hills", 256, 256)
    assert distance(plain, paint(f"blue sky, green hills, {word}", 256, 256)) > 2


def test_noise_falls_with_steps_until_the_picture_is_clean() -> None:
    """Few steps are noisy, twenty are not, and more change nothing."""
    noise = [roughness(paint(PROMPT, 256, 256, steps=steps)) for steps in (1, 4, 10, 20)]
    assert all(more > less for more, less in pairwise(noise))
    assert noise[0] > 5 * noise[-1]
    assert paint(PROMPT, 256, 256, steps=20) == paint(PROMPT, 256, 256, steps=50)


def test_few_steps_still_show_the_picture() -> None:
    """Noise veils the scene and does not replace it."""
    clean = paint(PROMPT, 256, 256)
    other = paint(PROMPT, 256, 256, seed=1)
    rough = paint(PROMPT, 256, 256, steps=1)
    small = (16, 16)
    assert distance(rough.resize(small), clean.resize(small)) < 8
    assert distance(other.resize(small), clean.resize(small)) > 8


def test_contrast_rises_with_guidance() -> None:
    """From washed out to vivid."""
    spread = [planes(paint(PROMPT, 256, 256, guidance=g)).std() for g in (3, 3.5, 6, 12, 20)]
    assert all(less < more for less, more in pairwise(spread))
    assert planes(paint(PROMPT, 256, 256, guidance=0.5)).std() < 0.85 * spread[1]


def test_low_guidance_may_lose_what_was_asked_for() -> None:
    """At 0 some of the red houses are missing; from 3 on none is."""
    prompt = "blue sky, white sun, green hills, a big red house, no trees, no flowers, no clouds"

    def houses(guidance: float) -> int:
        pictures = [paint(prompt, 256, 256, guidance=guidance, seed=seed) for seed in range(8)]
        sky_free = [planes(picture)[100:] for picture in pictures]
        return sum(bool((p[..., 0] > p[..., 1] + 45).mean() > 0.004) for p in sky_free)

    assert houses(0) < houses(3) == 8


def test_strength_0_keeps_every_pixel() -> None:
    """The given image comes back as it was."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 280, 3), np.uint8)
    assert repaint(Image.fromarray(noise), PROMPT, strength=0, seed=3).tobytes() == noise.tobytes()


def test_strength_1_keeps_nothing() -> None:
    """The wholly new image does not depend on the given one."""
    black, white = (Image.new("RGB", (256, 320), shade) for shade in ("black", "white"))
    assert repaint(black, PROMPT, strength=1) == repaint(white, PROMPT, strength=1)
    assert repaint(black, PROMPT, strength=1) == paint(PROMPT, 256, 320)


@pytest.mark.parametrize("given", ["picture", "noise", "white"])
def test_the_distance_from_the_given_picture_grows_with_strength(given: str) -> None:
    """More strength, more change, and the end is never jumped to."""
    noise = np.random.default_rng(1).integers(0, 256, (256, 256, 3), np.uint8)
    old = {
        "picture": paint("blue sky, a red house", 256, 256, seed=5),
        "noise": Image.fromarray(noise),
        "white": Image.new("RGB", (256, 256), "white"),
    }[given]
    steps = (0.0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0)
    path = [distance(old, repaint(old, PROMPT, strength=strength)) for strength in steps]
    assert all(near < far for near, far in pairwise(path))
    assert path[1] < 0.35 * path[-1] < path[-2]


def test_repainting_follows_the_size_and_mode_of_any_picture() -> None:
    """Palette, grey and transparent images become RGB of the same size."""
    for mode in ("P", "L", "RGBA", "1"):
        result = repaint(Image.new(mode, (310, 270)), PROMPT, strength=0.5)
        assert (result.size, result.mode) == ((310, 270), "RGB")


@pytest.mark.parametrize(
    "prompt", ["", "🌊🎈", "山の上の赤い家と月", "snow " * 1000, "x" * 5000, "%s \x00 \n 'quotes'"]
)
def test_strange_prompts_are_painted(prompt: str) -> None:
    """Whatever is typed becomes an image with something in it."""
    assert planes(paint(prompt, 256, 256)).std() > 5


@pytest.mark.parametrize("shade", ["white", "black", "grey"])
@pytest.mark.parametrize("size", [(256, 256), (1536, 256), (512, 1536)])
def test_the_mark_is_legible_small_and_inside_its_box(size: tuple[int, int], shade: str) -> None:
    """It stands out on light and dark and touches nothing else."""
    plain = Image.new("RGB", size, shade)
    changed = np.abs(planes(mark(plain)) - planes(plain)).max(axis=2) > 0
    left, top, right, bottom = mark_box(*size)
    assert (right - left) * (bottom - top) < 0.025 * size[0] * size[1]
    label = planes(mark(plain))[top:bottom, left:right]
    assert label.max() - label.min() > 90
    changed[top:bottom, left:right] = False
    assert not changed.any()
