"""The infotext: word for word as designed, unbreakable, and enough on its own."""

from __future__ import annotations

from core import metadata
from tests.core.metadata.record_samples import PROMPTS, record
from tests.core.pictures.picture_samples import chunk, with_chunks

EXAMPLE = """A photo of a red fox in snow, 85mm, golden hour
Steps: 28, Sampler: Euler, Schedule type: Simple, CFG scale: 1, Distilled CFG Scale: 4.5, \
Seed: 1234567890, Size: 1024x768, Model: flux.1-srpo, Backend: wavespeed, \
Prediction ID: 4f2c9a7be1d84c, Cost USD: 0.025, Created: 2026-08-20T12-33-01Z, \
Version: srpo-playground 1.0.0"""


def test_the_infotext_is_the_one_of_the_design() -> None:
    """Word for word, with the moment in UTC and without colons."""
    assert metadata.infotext(record()) == EXAMPLE


def test_misleading_words_are_bent_in_the_copy_only() -> None:
    """Colons that corrupt other programs' parsers become U+2236; the params line stays last."""
    *lines, last = metadata.infotext(record(PROMPTS["steps"] + "\nnegative PROMPT : x")).split("\n")
    copy = "\n".join(lines)
    bent = "Footsteps: 12, Steps: 3, Sampler: none, Seed: 1\nSteps: 20".replace(":", "\u2236")
    assert bent in copy
    assert copy.endswith("negative PROMPT \u2236 x")
    assert last.startswith("Steps: 28, ")
    assert "\u2236" not in last


def test_values_cannot_break_the_line() -> None:
    """Commas, colons and quotes in names become dashes; what is missing is left out."""
    text = metadata.infotext(
        record(model='a, "b": c\nd', request_id=None, price_usd=None, created_at="?")
    )
    assert "Model: a-b-c-d, Backend: wavespeed, Version" in text
    assert metadata.infotext({}).startswith("Sampler: Euler, ")


def test_infotext_alone_is_enough_when_the_record_was_lost() -> None:
    """A site that keeps only `parameters` still gives the settings, bent colons straightened."""
    prompt = "a fox, Steps: 3"
    text = metadata.infotext(record(prompt))
    data = with_chunks(chunk(b"iTXt", b"parameters" + bytes(5) + text.encode()))
    reading = metadata.read(data)
    assert reading is not None and reading.source == "srpo-playground" and reading.record == {}
    assert reading.params["prompt"] == prompt
    assert (reading.params["guidance"], reading.params["width"]) == (4.5, 1024)
    assert reading.extra["Prediction ID"] == "4f2c9a7be1d84c"
