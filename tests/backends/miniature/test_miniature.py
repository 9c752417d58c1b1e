"""The model in the box: what the words, the dials, the files and the stream do."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import time
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from backends.miniature import FOLDER, Miniature, MiniatureImage, MiniatureText
from backends.miniature.lexicon import END, Lexicon
from backends.miniature.sampling import Order, noise_of, open_model
from backends.miniature.weights import CHECKSUM, NAME
from core import pictures
from core.errors import NotReadyError
from core.events import Event, Finished, Preview, Running
from core.params import Params
from core.pictures import Picture
from sandbox.painter.vocabulary import COLOURS

pytestmark = pytest.mark.anyio


async def events(params: Params, folder: Path = FOLDER) -> list[Event]:
    backend = Miniature(folder)
    found = [event async for event in backend.generate(params)]
    await backend.aclose()
    return found


async def painted(prompt: str, **wish: Any) -> np.ndarray:
    size = {"width": 256, "height": 256, "steps": 8, "seed": 5}
    found = await events(MiniatureText(prompt=prompt, **{**size, **wish}))
    return pixels(found[-1])


def pixels(event: Event) -> np.ndarray:
    assert isinstance(event, Finished)
    with Image.open(io.BytesIO(event.image)) as image:
        return np.asarray(image.convert("RGB")).astype(float)


def given(width: int = 256, height: int = 256) -> Picture:
    """A photo-like image: soft blotches of many colours."""
    chance = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(chance).resize((width, height), Image.Resampling.BICUBIC).save(file, "PNG")
    return pictures.load(file.getvalue())


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prompt", "strongest"), [("blue sky", 2), ("red sky, red hills", 0), ("green sky", 1)]
)
async def test_the_sky_has_the_colour_that_was_asked_for(prompt: str, strongest: int) -> None:
    """Someone who asks for a blue sky gets one."""
    sky = (await painted(prompt))[:48].mean((0, 1))
    assert sky.argmax() == strongest, sky


@pytest.mark.slow
async def test_a_night_is_darker_than_a_day() -> None:
    """A night sky is dark."""
    assert (await painted("night sky")).mean() < (await painted("blue sky")).mean() - 40


@pytest.mark.slow
async def test_capital_letters_and_synonyms_change_nothing() -> None:
    """ "A Crimson SKY" is "red sky"."""
    assert np.array_equal(await painted("A Crimson SKY!"), await painted("red sky"))


@pytest.mark.slow
async def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    """An image in the history can be made again."""
    wish = MiniatureText(prompt="a red sun", width=256, height=256, steps=4, seed=7)
    first, again = await events(wish), await events(wish)
    assert first[-1] == again[-1]
    assert first[-1] != (await events(wish.with_seed(8)))[-1]


@pytest.mark.slow
async def test_guidance_and_steps_change_the_picture() -> None:
    """No dial is decoration."""
    plain = await painted("a red sun, blue sky")
    assert apart(plain, await painted("a red sun, blue sky", guidance=1.0)) > 1
    assert apart(plain, await painted("a red sun, blue sky", steps=2)) > 1


@pytest.mark.slow
async def test_more_strength_leaves_the_picture_further_behind() -> None:
    """0 keeps it, a little changes little, 1 forgets it."""
    picture = given()
    start = np.asarray(Image.open(io.BytesIO(picture.data)).convert("RGB")).astype(float)
    moved = []
    for strength in (0.0, 0.2, 0.5, 0.8, 1.0):
        wish = MiniatureImage(
            prompt="night sky, sea", image=picture, strength=strength, steps=10, seed=2
        )
        moved.append(apart(pixels((await events(wish))[-1]), start))
    assert moved[0] == 0
    assert moved == sorted(moved)


@pytest.mark.slow
async def test_every_step_is_told_and_shown() -> None:
    """Twelve steps are twelve pieces of news with a preview each, then the image."""
    found = await events(MiniatureText(prompt="hills", width=256, height=256, steps=12, seed=1))
    told = [event for event in found if isinstance(event, Running)]
    assert [(event.step, event.total) for event in told] == [(n + 1, 12) for n in range(12)]
    shown = [event for event in found if isinstance(event, Preview)]
    assert len(shown) == 12
    assert all(len(event.image) < 20_000 for event in shown)


async def test_cancelling_ends_within_a_step() -> None:
    """Closing the stream leaves the thread free for the next image."""
    backend = Miniature()
    wish = MiniatureText(prompt="hills", width=256, height=256, steps=50, seed=1)
    async with aclosing(backend.generate(wish)) as stream:
        await anext(stream)
    found = [event async for event in backend.generate(wish.model_copy(update={"steps": 1}))]
    assert isinstance(found[-1], Finished)
    await backend.aclose()


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1536, 256), (256, 1536), (1536, 1536), (1000, 700)])
async def test_any_legal_size_comes_out_exactly(size: tuple[int, int]) -> None:
    """Extreme shapes are cut, not squashed, and have the asked size."""
    found = await painted("a red sun", width=size[0], height=size[1], steps=1)
    assert found.shape == (size[1], size[0], 3)


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 50])
async def test_the_fewest_and_the_most_steps_work(steps: int) -> None:
    """Both ends of the dial give an image."""
    assert (await painted("hills", steps=steps)).std() > 1


@pytest.mark.slow
async def test_a_large_narrow_picture_keeps_its_shape() -> None:
    """Image-to-image gives back the shape it was given, within the largest size."""
    wish = MiniatureImage(prompt="sea", image=given(3000, 300), steps=2, seed=1, strength=0.5)
    assert pixels((await events(wish))[-1]).shape == (154, 1536, 3)


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return open_model(FOLDER).lexicon


def test_words_it_does_not_know_are_named(lexicon: Lexicon) -> None:
    """The page can say what was left out, in any language, and keeps quiet about small words."""
    assert lexicon.unknown("A cat's house, a NEON sign, blue sky") == ["cat", "neon", "sign"]
    assert lexicon.unknown("雪の中の狐") == ["雪の中の狐"]
    assert lexicon.unknown("A crimson sun over the snow-capped mountains") == []


def test_the_end_of_a_long_prompt_is_not_dropped_silently(lexicon: Lexicon) -> None:
    """What was read last is told when a prompt has more words than the model takes."""
    prompt = "a red house on the left, a blue boat on the right, "
    assert lexicon.read_until(prompt) == ""
    assert lexicon.read_until(5 * prompt) == "house left, blue boat right"


@pytest.mark.slow
async def test_a_picture_of_unknown_words_says_so() -> None:
    """It is an image all the same; with a strength of 0 no word was asked for."""
    wish = MiniatureText(prompt="cat neon", width=256, height=256, steps=2, seed=1)
    found = (await events(wish))[-1]
    assert pixels(found).std() > 1
    assert isinstance(found, Finished) and found.ran == {"painted_without": ["cat", "neon"]}
    kept = (await events(MiniatureImage(prompt="cat neon", image=given(), strength=0)))[-1]
    assert isinstance(kept, Finished) and kept.ran == {}


def test_no_prompt_takes_long_to_read(lexicon: Lexicon) -> None:
    """Four thousand letters that unfold into seventy thousand hold nobody up."""
    begun = time.process_time()
    assert lexicon.unknown("\ufdfa" * 4000)
    assert lexicon.tokens("\ufdfa" * 4000, begins=True)[1] == END
    assert time.process_time() - begun < 2


def test_all_that_the_readme_promises_is_within_its_words(lexicon: Lexicon) -> None:
    """Every thing by name, and as many colours as it says."""
    text = " ".join((FOLDER.parents[1] / "README.md").read_text("utf-8").split())
    things, colours = re.search(r"It knows (.+?) and some more, in (\w+) colours", text).groups()  # type: ignore[union-attr]
    promised = re.split(r", | and ", things)
    assert len(promised) > 10
    for thing in promised:
        ids = lexicon.tokens(thing, begins=False)
        assert not lexicon.unknown(thing) and (ids > END).sum() == 1, thing
    assert colours == "twelve" and len(COLOURS) == 12
    assert not any(lexicon.unknown(colour) for colour in COLOURS)


def test_its_suggestions_and_the_placeholder_are_within_its_words(lexicon: Lexicon) -> None:
    """Nobody who takes what the page offers is told that a word is unknown."""
    for prompt in (*Miniature.prompts, "A white boat on a teal sea at sunset, snowy mountains"):
        assert lexicon.unknown(prompt) == []


def test_an_empty_prompt_is_refused() -> None:
    """Nothing to generate is said before anything is generated."""
    with pytest.raises(ValidationError):
        MiniatureText(prompt="   ")


async def test_missing_or_damaged_weights_are_a_sentence(tmp_path: Path) -> None:
    """No crash, no image from broken numbers: what is wrong and what to do."""
    wish = MiniatureText(prompt="hills", width=256, height=256)
    assert "missing" in Miniature(tmp_path).problem()
    with pytest.raises(NotReadyError) as missing:
        await events(wish, tmp_path)
    assert missing.value.advice
    shutil.copytree(FOLDER, tmp_path / "copy")
    file = tmp_path / "copy" / NAME
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert "damaged" in Miniature(tmp_path / "copy").problem()
    with pytest.raises(NotReadyError, match="damaged"):
        await events(wish, tmp_path / "copy")


@pytest.mark.parametrize("content", [b"", b"no archive", "an archive without arrays"])
async def test_weights_of_another_version_are_a_sentence(tmp_path: Path, content: Any) -> None:
    """A file that is whole, but not what this program reads."""
    file = tmp_path / NAME
    if isinstance(content, str):
        np.savez(file, notes=np.zeros(3))
    else:
        file.write_bytes(content)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (tmp_path / CHECKSUM).write_text(f"{digest}  {NAME}\n", encoding="ascii")
    with pytest.raises(NotReadyError, match="another version"):
        await events(MiniatureText(prompt="hills", width=256, height=256), tmp_path)


async def test_what_is_recorded_has_both_sizes_and_the_painter() -> None:
    """The asked size, the one that was really generated, and what made it."""
    shown = Miniature().sent(MiniatureText(prompt="hills", width=1024, height=640, seed=1))
    assert (shown["width"], shown["height"], shown["painted_size"]) == (1024, 640, [240, 144])
    assert shown["model"] == "miniature"


def test_blended_noise_is_noise_and_lies_between_both() -> None:
    """A straight mean would be 0.71 as strong; this one stays as strong as noise is."""
    plain = Order("a boat", (256, 256), seed=7)
    shape = (16, 32, 32)
    one = noise_of(plain, shape)
    other = noise_of(replace(plain, seed=8), shape)
    assert np.array_equal(noise_of(replace(plain, variation_seed=8), shape), one)
    whole = noise_of(replace(plain, variation_seed=8, variation_strength=1.0), shape)
    assert np.allclose(whole, other, atol=1e-6)
    near = []
    for strength in (0.1, 0.35, 0.5, 0.65, 0.9):
        blend = noise_of(replace(plain, variation_seed=8, variation_strength=strength), shape)
        assert blend.dtype == np.float32
        assert abs(float(blend.std()) - 1) < 0.02
        near.append(float(np.corrcoef(blend.ravel(), one.ravel())[0, 1]))
    assert near == sorted(near, reverse=True)
    assert near[2] == pytest.approx(0.707, abs=0.02)


@pytest.mark.slow
async def test_a_variation_moves_away_from_the_image_of_the_seed_step_by_step() -> None:
    """At 0 the seed's own bytes, at 1 those of the other seed, and on the way ever further."""
    wish: dict[str, Any] = {"prompt": "a red sun, blue mountains", "variation_seed": 6}
    own, other = await painted(wish["prompt"]), await painted(wish["prompt"], seed=6)
    moved = [
        apart(own, await painted(**wish, variation_strength=strength))
        for strength in (0.0, 0.1, 0.3, 1.0)
    ]
    assert moved[0] == 0
    assert moved == sorted(set(moved))
    assert np.array_equal(await painted(**wish, variation_strength=1.0), other)


def test_the_seed_of_a_variation_is_drawn_once_and_told_only_where_it_counts() -> None:
    drawn = MiniatureText(prompt="x", variation_strength=0.2).with_seed()
    assert drawn.variation_seed >= 0
    assert drawn.with_seed() == drawn
    still = MiniatureText(prompt="x", seed=4).with_seed()
    assert still.variation_seed == -1
    backend = Miniature()
    assert "variation_seed" not in backend.sent(still)
    assert backend.sent(drawn)["variation_seed"] == drawn.variation_seed
    assert f"variation_seed={drawn.variation_seed}" in backend.code(drawn).text
