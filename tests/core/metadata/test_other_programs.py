"""Settings of other programs: what fits our words is used, the rest is shown."""

from __future__ import annotations

import html
import json
import time

import pytest

from core import metadata
from core.metadata import Reading
from core.pictures.exif import with_comment
from tests.core.metadata.other_programs_samples import (
    A1111,
    COMFY,
    DRAW_THINGS,
    FOOOCUS,
    FORGE,
    INVOKE,
    KSAMPLER,
    NOVELAI,
    SWARM,
)
from tests.core.pictures.picture_samples import encoded, texts, with_segments


def found(data: bytes) -> Reading:
    reading = metadata.read(data)
    assert reading is not None and reading.record == {}
    return reading


def test_a1111_in_png() -> None:
    """Prompt over two lines, settings, quoted lists; true CFG is shown, not used."""
    reading = found(texts(parameters=A1111))
    assert reading.source == "A1111"
    assert reading.params == {
        "prompt": "a fox, (golden hour:1.2)\nin snow",
        "steps": 20,
        "seed": 965400086,
        "width": 512,
        "height": 768,
        "strength": 0.4,
    }
    assert reading.extra["Negative prompt"] == "blurry,\nlow quality"
    assert reading.extra["CFG scale"] == "7"
    assert reading.extra["Lora hashes"] == "castle: deadbeef, tower: 1234"


@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le"])
def test_forge_in_jpeg_and_webp(order: str) -> None:
    """The EXIF comment is read in both byte orders; the distilled scale is our guidance."""
    block = with_comment(b"", FORGE).replace(FORGE.encode("utf-16-be"), FORGE.encode(order))
    for data in (
        with_segments((0xE1, b"Exif\0\0" + block)),
        encoded(kind="webp", exif=b"Exif\0\0" + block),
    ):
        reading = found(data)
        assert reading.params["guidance"] == 3.5
        assert reading.params["prompt"] == "a fox"
        assert "model" not in reading.params and reading.extra["Model"] == "flux1-dev-bnb-nf4-v2"


def test_a_flux_picture_without_the_distilled_scale_means_it_by_cfg() -> None:
    """Sites that know one scale only write FLUX's guidance as CFG."""
    text = "a fox\nSteps: 28, CFG scale: 3.5, Seed: 1, Model: FLUX.1 [dev]"
    assert found(texts(parameters=text)).params["guidance"] == 3.5


def test_swarmui() -> None:
    """Its own guidance is ours, its CFG and negative prompt are shown."""
    reading = found(texts(parameters=json.dumps({"sui_image_params": SWARM, "sui_extra_data": {}})))
    assert reading.source == "SwarmUI"
    assert reading.params == {
        "prompt": "a photo of a cat",
        "width": 1024,
        "height": 832,
        "steps": 20,
        "seed": 1,
        "guidance": 3.5,
        "strength": 0.6,
    }
    assert reading.extra["negativeprompt"] == "dog" and reading.extra["model"] == "flux1-dev"


def test_fooocus() -> None:
    """Its size is a text; a seed beyond ours is shown, not cut."""
    reading = found(texts(parameters=json.dumps(FOOOCUS), fooocus_scheme="fooocus"))
    assert reading.source == "Fooocus"
    assert reading.params == {"prompt": "a cat", "steps": 30, "width": 1152, "height": 896}
    assert reading.extra["seed"] == "8484729340" and reading.extra["guidance_scale"] == "4"


def test_invokeai() -> None:
    """Guidance of a FLUX graph is ours; the model's card is shown."""
    reading = found(texts(invokeai_metadata=json.dumps(INVOKE)))
    assert reading.source == "InvokeAI"
    assert reading.params["prompt"] == "a cat" and reading.params["guidance"] == 4.0
    assert "FLUX.1 dev" in reading.extra["model"]


def test_novelai() -> None:
    """Comment holds the settings; its scale is true CFG."""
    reading = found(texts(Comment=json.dumps(NOVELAI), Software="NovelAI", Description="1girl"))
    assert reading.source == "NovelAI"
    assert reading.params["prompt"] == "1girl, fox ears" and reading.params["strength"] == 0.7
    assert "seed" not in reading.params and reading.extra["scale"] == "5.0"


def test_draw_things() -> None:
    """JSON inside XMP; the strength 1 of an image from words alone is no strength."""
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description>'
        "<exif:UserComment>\n<rdf:Alt>"
        f'<rdf:li xml:lang="x-default">{html.escape(json.dumps(DRAW_THINGS))}</rdf:li>'
        "</rdf:Alt></exif:UserComment><xmp:CreatorTool>Draw Things</xmp:CreatorTool>"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    reading = found(texts(_xmp=packet))
    assert reading.source == "Draw Things"
    assert reading.params["prompt"] == 'a cat & a "dog"'
    assert (reading.params["width"], reading.params["guidance"]) == (768, 3.5)
    assert "strength" not in reading.params


def test_comfyui_with_a_flux_graph() -> None:
    """The graph is followed from the sampler: noise, scheduler, guidance, text, size."""
    reading = found(texts(prompt=json.dumps(COMFY), workflow="{}"))
    assert reading.source == "ComfyUI"
    assert reading.params == {
        "prompt": "a cat in a hat",
        "width": 1280,
        "height": 720,
        "steps": 24,
        "guidance": 3.5,
        "strength": 0.55,
    }
    assert reading.extra["seed"] == "219670278747233"
    assert reading.extra["unet_name"] == "flux1-dev.safetensors"


def test_comfyui_with_a_plain_sampler_never_takes_the_negative_prompt() -> None:
    """The text on the positive side is the prompt, whatever comes first in the file."""
    reading = found(texts(prompt=json.dumps(KSAMPLER)))
    assert reading.params == {
        "prompt": "a fox",
        "width": 512,
        "height": 512,
        "steps": 20,
        "seed": 5,
    }
    assert reading.extra == {"cfg": "8"}


def test_graphs_that_bite_their_tail_end() -> None:
    """Cycles, links into nowhere and nodes of the wrong kind are walked past."""
    graph = {
        "1": {
            "class_type": "KSampler",
            "inputs": {"positive": ["1", 0], "model": ["99", 0], "seed": 3},
        },
        "2": "not a node",
        "3": {"class_type": 5, "inputs": []},
    }
    assert found(texts(prompt=json.dumps(graph))).params == {"seed": 3}


HOSTILE_LINES = {
    "words": "a" * 200_000,
    "spaces": " " * 100_000 + "x\n" + "b:" * 50_000,
    "quotes": 'Steps: "' + ', ab: "' * 30_000,
    "colons": "x\n" + "ab: , " * 40_000,
}


@pytest.mark.parametrize("name", HOSTILE_LINES)
def test_hostile_lines_take_no_time(name: str) -> None:
    """No text makes the reader slow, in the comment of a JPEG or in a chunk."""
    start = time.process_time()
    metadata.read(texts(parameters=HOSTILE_LINES[name]))
    assert time.process_time() - start < 0.2


def test_plain_comments_are_no_settings() -> None:
    """A sentence with a colon is not taken for settings."""
    for text in ("Created with GIMP", "a: b, c: d, e: f", "Steps: 3, Seed: 4", '{"a": 1}'):
        assert metadata.read(texts(Comment=text, parameters=text)) is None
