"""Whoever made images takes all of them along in one file, and nobody else's."""

from __future__ import annotations

import io
import zipfile

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.parsing import parse
from core.studio import Studio
from tests.conftest import Studios
from tests.fakes import FakeBackend, FakeText
from ui.server.routes import Media
from ui.server.take_away import TakeAway

pytestmark = pytest.mark.anyio


async def make(studio: Studio, owner: str, *seeds: int) -> None:
    for seed in seeds:
        wish = parse(FakeText, {"prompt": "x", "seed": seed})
        job = await studio.submit("fake", wish, owner=owner)
        await studio.result(job.id, owner=owner)


async def test_all_images_of_an_owner_come_as_they_are_kept(studios: Studios) -> None:
    """Byte for byte, each once, with settings inside; other owners' are not among them."""
    studio = await studios.open(FakeBackend())
    await make(studio, "user:hf:ann", 1, 2, 3)
    await make(studio, "browser:bob", 4)
    away = TakeAway(studio, Media(studio))
    data = b"".join([piece async for piece in away.pieces("user:hf:ann")])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        kept = [await studio.file(one.file) for one in await studio.entries("user:hf:ann")]
        assert [archive.read(name) for name in archive.namelist()] == kept
        assert len({*archive.namelist()}) == 3
    await studio.aclose()


async def test_only_who_was_given_the_address_gets_it(studios: Studios) -> None:
    """The owner cannot be changed in it, and none is told whether there is such an owner."""
    studio = await studios.open(FakeBackend())
    await make(studio, "ann&co", 1)
    media = Media(studio)
    away = TakeAway(studio, media)
    own, other = await away.url("ann&co"), await away.url("bob")
    signed = own.split("/")[1]
    assert own == f"take-away/{signed}/images.zip?owner=ann%26co"
    assert other.split("/")[1] != signed
    assert await media.sign("ann&co", "another") != signed
    await studio.aclose()


def test_a_wrong_signature_opens_nothing() -> None:
    """A plain 404, as for everything that is not there."""

    class Signing(Media):
        async def sign(self, owner: str, name: str) -> str:
            return "a" * 32 if owner == "ann" else "b" * 32

    class Nothing:
        async def entries(self, *_arguments: object, **_options: object) -> list[object]:
            return []

    studio = Nothing()
    away = TakeAway(studio, Signing(studio))  # type: ignore[arg-type]
    client = TestClient(Starlette(routes=away.routes()))
    assert client.get(f"/take-away/{'a' * 32}/images.zip?owner=bob").status_code == 404
    assert client.get(f"/take-away/{'a' * 32}/images.zip").status_code == 404
    answer = client.get(f"/take-away/{'a' * 32}/images.zip?owner=ann")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="images.zip"'
    assert zipfile.ZipFile(io.BytesIO(answer.content)).namelist() == []
