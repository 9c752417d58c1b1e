"""What a backend says of how it made an image is in the entry and in the file itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from core import metadata
from core.events import TOLD, Event, Finished, told
from core.params import Params
from tests.conftest import Studios
from tests.core.metadata.record_samples import record
from tests.core.pictures.picture_samples import encoded
from tests.fakes import FakeBackend, FakeText, picture

pytestmark = pytest.mark.anyio

RAN = {
    "painted_without": ["cat", "neon"],
    "prompt_read_until": 'a house, "Seed: 7',
    "weights": "nf4, offloaded",
    "speed": "turbo",
    "compiled": False,
}


class Telling(FakeBackend):
    """Says at the end how it made the image."""

    def sent(self, params: Params) -> dict[str, Any]:
        return super().sent(params) | {"model": "miniature", "painted_size": [128, 128]}

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        yield Finished(picture(params.known_seed), ran=RAN)


async def test_entry_and_file_tell_how_it_was_painted(studios: Studios) -> None:
    """Unknown words, where the reading ended, the generated size, the plan of a local model."""
    studio = await studios.open(Telling())
    job = await studio.submit("fake", FakeText(prompt="a cat", seed=1), owner="ann")
    entry = (await studio.result(job.id, owner="ann")).entry
    assert entry
    assert entry.sent == {"prompt": "a cat", "seed": 1, "model": "miniature"} | RAN | {
        "painted_size": [128, 128]
    }
    assert entry.model == "miniature"
    reading = metadata.read(await studio.history.storage.read(entry.file))
    assert reading
    assert reading.record["ran"] == RAN | {"painted_size": [128, 128]}
    assert (reading.record["backend"], reading.record["model"]) == ("fake", "miniature")


def test_only_what_is_known_is_told_in_a_fixed_order() -> None:
    """The wire body of a service is not spread over its files."""
    assert told({"prompt": "x", "url": "y"}) == {}
    assert list(told(dict.fromkeys(reversed(TOLD), "x"))) == list(TOLD)
    assert told({"painted_without": [], "prompt_read_until": "", "compiled": False}) == {
        "compiled": False
    }


def test_the_infotext_names_it_and_stays_readable() -> None:
    """Other programs show it; its commas, colons and quotes cannot break their line."""
    ran = {"painted_size": [160, 96], **RAN}
    line = metadata.infotext(record(ran=ran)).splitlines()[-1]
    assert (
        "Painted size: 160x96, Painted without: cat neon, Prompt read until: a house-Seed-7, "
        "Weights: nf4-offloaded, Speed: turbo, Compiled: no, Version: "
    ) in line
    reading = metadata.read(metadata.write(encoded(kind="png"), record(ran=ran)))
    assert reading is not None and reading.params["seed"] == 1_234_567_890
    long = metadata.infotext(record(ran={"painted_without": ["word"] * 900})).splitlines()[-1]
    assert len(long) < 700


@pytest.mark.parametrize("ran", [None, "x", ["x"], {"a": {"b": 1}}, {"a": None}, {"a\nb: c": "d"}])
def test_a_strange_record_breaks_no_infotext(ran: Any) -> None:
    """Records of files from elsewhere are shared again as they are."""
    *_, last = metadata.infotext(record(ran=ran)).split("\n")
    assert last.startswith("Steps: 28, ")
