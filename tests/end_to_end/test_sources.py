"""An image to start from is its owner's own, whoever has a file that was made from it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core import pictures
from tests.end_to_end.program import Playground
from tests.fakes import picture
from tests.isolation.caller import Caller, Way, clicked, form

pytestmark = pytest.mark.slow

PHOTO = picture(77, 256, 256)
SOURCE = pictures.load(PHOTO).sha256


@pytest.fixture
def ann(playground: Playground) -> Iterator[Caller]:
    """Whoever made an image from a photo of hers."""
    yield from visitor(playground, "a1")


@pytest.fixture
def bob(playground: Playground) -> Iterator[Caller]:
    yield from visitor(playground, "b2")


def visitor(playground: Playground, token: str) -> Iterator[Caller]:
    caller = Caller(Way(playground.address, headers={"Via": "1.1 proxy"}), token=token * 16)
    yield caller
    caller.close()


def published(ann: Caller) -> bytes:
    """Make an image from the photo and return its file, which tells the photo's hash."""
    known = {"srpo-who": ann.token, "image-to-image-prompt": "a boat"}
    known |= {"image-to-image-backend": "wavespeed", "image-to-image-image": ann.upload(PHOTO)}
    values = clicked(ann, "generate_1", known, "wavespeed")
    said = ann.event("generate_1", values, until="data-entry=")
    address = said.rpartition('src=\\"')[2].partition('\\"')[0]
    file = ann.get("/" + address.lstrip("/")).content
    assert SOURCE.encode() in file
    return file


def test_a_published_file_brings_its_source_back_to_its_owner_alone(
    ann: Caller, bob: Caller
) -> None:
    """Others get the settings, and a note that the image is not here."""
    file = published(ann)

    def dropped(caller: Caller) -> str:
        there = caller.upload(file, "published.jpg")
        chosen = {"path": there["path"], "names": ["prompt"]}
        values = form(caller, "restore_chosen", {"srpo-who": caller.token})
        return caller.event("restore_chosen", values, chosen)

    for caller, own in ((ann, True), (bob, False)):
        said = dropped(caller)
        assert "a boat" in said
        assert (SOURCE + ".png" in said) is own, said
        assert ("is not kept here" in said) is not own
