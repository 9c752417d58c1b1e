"""The image that an image began with leaves by the image's own address, for its owner alone."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette

from core.pictures import load
from tests.conftest import Studios
from tests.fakes import FakeBackend, FakeImage, FakeText, picture
from ui.server.routes import Media

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.server.routes.needs_login", lambda *_: False)


async def test_the_source_of_an_image_is_served_beside_it(studios: Studios) -> None:
    """Byte for byte what was sent; with a changed signature there is nothing."""
    studio = await studios.open(FakeBackend())
    given = load(picture(7, 320, 256))
    job = await studio.submit("fake", FakeImage(prompt="hills", image=given), owner="ann")
    done = await studio.result(job.id, owner="ann")
    assert done.entry
    media = Media(studio)
    address = await media.url(done.entry, "source")
    answer = await answered(media, address)
    assert (answer.content, answer.headers["content-type"]) == (given.data, "image/png")
    signature = address.split("/")[3]
    assert (await answered(media, address.replace(signature, "0" * 32))).status_code == 404


async def test_an_image_from_words_alone_has_no_source(studios: Studios) -> None:
    """Neither has one whose settings name an image that its owner never began with."""
    studio = await studios.open(FakeBackend())
    job = await studio.submit("fake", FakeText(prompt="hills"), owner="ann")
    done = await studio.result(job.id, owner="ann")
    assert done.entry
    media = Media(studio)
    assert await media.url(done.entry, "source") == ""
    address = (await media.url(done.entry)).replace("/file/", "/source/")
    assert (await answered(media, address)).status_code == 404


async def answered(media: Media, address: str) -> Any:
    app = Starlette(routes=media.routes())
    async with AsyncClient(transport=ASGITransport(app), base_url="http://here") as client:
        return await client.get("/" + address)
