"""Other programs read what is exported: their published rules, told again here in our own words.

Each reader brings the prompt into its own form (lines without blanks around them, Civitai without
empty lines); beyond that, prompt, seed, size, steps and guidance are what the image was made with.
"""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from PIL import Image

from core import metadata
from core.exports.image import Wish, made
from core.parsing import parse
from tests.core.exports.test_export_image import entry, own_record
from tests.core.pictures.picture_samples import drawing, encoded
from tests.fakes import FakeText

hypothesis = pytest.importorskip("hypothesis")
sd_parsers = pytest.importorskip("sd_parsers")
from hypothesis import strategies as some  # noqa: E402 only where it is installed
from sd_parsers.extractors import _jpeg_usercomment  # noqa: E402

RATIO = "\u2236"
KINDS = ("png", "jpeg", "webp")
TRAPS = (
    *("Steps: 5", "steps:5", "\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 8x8\n"),
    *("Negative prompt: dogs", "\nNegative prompt: x\n", "negative prompt :", "Template: t"),
    *("\nNegative Template: y", "Seed: 99", "SIZE: 1x1", "width: 3", "pipeline: z", "sampler: q"),
    *(
        ", Hashes: {}",
        "Resources: ",
        "Hashed prompt: ",
        ", Civitai resources: [{}]",
        "App: SD.Next",
    ),
    *(
        "<lora:fox:0.8>",
        '"quoted"',
        '"',
        "'",
        "\\",
        ",",
        ":",
        "{a|b}",
        "（狐）",
        "雪の中の狐",
        "小船，",
    ),
    *("28,", "Euler,", "Distilled CFG", "1,", "Model", "\n\n", "  ", "\t", "🦊", "é", "—", "&amp;"),
)
PROMPTS = some.lists(
    some.one_of(
        some.sampled_from(TRAPS),
        some.text(some.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=30),
        some.sampled_from(["a red fox in snow", "85mm, golden hour", "oil on canvas"]),
    ),
    min_size=1,
    max_size=8,
).map("".join)


def a1111(text: str) -> dict[str, str]:
    """Read as A1111 and Forge do: the last line has the settings if it has three of them."""
    found = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
    *lines, last = text.strip().split("\n")
    assert len(found.findall(last)) >= 3
    prompt: list[str] = []
    for line in map(str.strip, lines):
        assert not line.startswith("Negative prompt:")
        prompt.append(line)
    return dict(found.findall(last)) | {"prompt": "\n".join(prompt).strip("\n")}


def sd_next(text: str) -> dict[str, str]:
    """Read as SD.Next does: the prompt ends where the first word of a setting stands.

    What the prompt was is then taken out of the rest, wherever it stands there.
    """
    whole = text.replace("\nSteps:", " Steps:").strip("\n").strip()
    words = (
        *("steps: ", "seed: ", "width: ", "height: ", "sampler: ", "size: ", "cfg scale: "),
        *("pipeline: ", "negative prompt: ", "template: ", "negative template: "),
    )
    places = [at for word in words if (at := whole.lower().find(word)) >= 0]
    prompt = whole[: min(places)]
    rest = whole.replace(prompt, "") if prompt else whole
    assert not any(word in rest.lower() for word in ("negative prompt", "template"))
    pairs = re.findall(r'\s*([\w ]+):\s*("(?:\\"[^,]|\\"|\\|[^"])+"|[^,]*)(?:,|$)', rest)
    return {key: value.strip(" ,\n") for key, value in pairs} | {
        "prompt": prompt.strip("\n").strip()
    }


def civitai(text: str) -> dict[str, str]:
    """Read as Civitai does: the settings are the first line that starts with their first word."""
    lines = [line for line in text.split("\n") if line.strip()]
    assert not any(line.startswith(("Template: ", "Negative Template: ")) for line in lines)
    details = next(line for line in lines if line.startswith("Steps: "))
    lines.remove(details)
    for word in ("Resources: ", "Hashed prompt: ", "Hashed Negative prompt: "):
        details = details.split(word)[0]
    found, key, value = {}, "", ""
    for letter in f"{details},":
        assert letter != '"'
        if letter == ":":
            key, value = value.strip(), ""
        elif letter == ",":
            found[key], key, value = value.strip(), "", ""
        else:
            value += letter
    prompt, *negative = "\n".join(lines).split("Negative prompt:")
    assert not negative
    return found | {"prompt": prompt.strip()}


def text_of(file: bytes) -> str:
    """Return the text that these programs look for, taken out of the file by Pillow alone."""
    image = Image.open(io.BytesIO(file))
    if "parameters" in image.info:
        return str(image.info["parameters"])
    comment = image.getexif().get_ifd(0x8769)[0x9286]
    assert comment.startswith(b"UNICODE\0")
    return str(comment[8:].decode("utf-16-be"))


def by_sd_parsers(file: bytes) -> dict[str, str]:
    # It remembers an image by where it lay in memory, where the next one may lie.
    _jpeg_usercomment._image_id = None
    found = sd_parsers.ParserManager().parse(io.BytesIO(file))
    assert found is not None and len(found.samplers) == 1
    (sampler,) = found.samplers
    assert not sampler.negative_prompts
    told = {str(key).casefold(): value for key, value in sampler.parameters.items()}
    return {
        "prompt": sampler.prompts[0].value if sampler.prompts else "",
        "Steps": told["steps"],
        "Seed": told["seed"],
        "Size": found.metadata["Size"],
        "Distilled CFG Scale": found.metadata["Distilled CFG Scale"],
    }


READERS: Mapping[str, Callable[[bytes], dict[str, str]]] = {
    "sd-parsers": by_sd_parsers,
    "A1111 and Forge": lambda file: a1111(text_of(file)),
    "SD.Next": lambda file: sd_next(text_of(file)),
    "Civitai": lambda file: civitai(text_of(file)),
}


def plain(prompt: str) -> str:
    """Return a prompt in the form that all readers bring it into."""
    lines = (line.strip() for line in prompt.replace(RATIO, ":").splitlines())
    return "\n".join(line for line in lines if line)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "prompt", ["28,", "Distilled CFG", ":", ",", "1,", "Euler, Schedule", "77,"]
)
def test_a_prompt_that_stands_among_the_settings_takes_none_of_them_away(
    reader: str, prompt: str
) -> None:
    """SD.Next takes the prompt out of the rest wherever it stands there: "28," of "Steps: 28,"."""
    one = entry("png", prompt=prompt)
    found = READERS[reader](made(metadata.write(BARE["png"], own_record(one)), one, Wish("share")))
    assert plain(found["prompt"]) == prompt
    settings = {name: found[name] for name in ("Steps", "Seed", "Size", "Distilled CFG Scale")}
    assert [*map(str, settings.values())] == ["28", "77", "64x48", "4.5"]


BARE = {kind: encoded(drawing(64, 48), kind=kind) for kind in KINDS}
kinds = itertools.cycle(KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["full", "share"])
@hypothesis.settings(max_examples=500, deadline=None)
@hypothesis.given(
    prompt=PROMPTS,
    seed=some.integers(0, 2**31 - 1),
    size=some.tuples(some.integers(16, 4096), some.integers(16, 4096)),
    steps=some.integers(1, 50),
    guidance=some.floats(1, 20).map(lambda value: round(value, 3)),
)
def test_other_programs_read_what_an_image_was_made_with(
    profile: Any,
    prompt: str,
    seed: int,
    size: tuple[int, int],
    steps: int,
    guidance: float,
) -> None:
    """Whatever stands in the prompt: settings, quotes, lines, other scripts."""
    hypothesis.assume(plain(prompt))
    width, height = size
    wish = {"prompt": prompt, "width": width, "height": height, "seed": seed, "steps": steps}
    params = parse(FakeText, {**wish, "guidance": guidance}).model_dump(mode="json")
    kind = next(kinds)
    one = entry(kind, prompt=params["prompt"], seed=seed, params=params, task="text-to-image")
    told = own_record(one) | {"width": width, "height": height}
    file = file_of(kind, told, one, profile)
    for name, read in READERS.items():
        if name == "SD.Next" and len(prompt.lower()) != len(prompt):
            continue  # it looks for words in small letters, and İ becomes two of them
        found = read(file)
        assert plain(found["prompt"]) == plain(prompt), name
        assert int(found["Steps"]) == steps, name
        assert int(found["Seed"]) == seed, name
        assert found["Size"] == f"{width}x{height}", name
        assert float(found["Distilled CFG Scale"]) == guidance, name


def file_of(kind: str, told: dict[str, Any], one: Any, profile: Any) -> bytes:
    """Return an exported file whose settings tell of a larger image than its few pixels."""
    file = made(metadata.write(BARE[kind], told), one, Wish(profile))
    reading = metadata.read(file)
    assert reading is not None
    record = reading.record | {name: told[name] for name in ("width", "height")}
    assert json.loads(json.dumps(record)) == record
    return metadata.write(file, record)
