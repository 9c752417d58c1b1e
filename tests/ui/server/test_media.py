"""The addresses of images: what each opens, and until when."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette

from core.history import Entry
from core.studio import Studio
from tests.conftest import Studios
from tests.core.test_history import entry
from ui.server.routes import Media

pytestmark = pytest.mark.anyio


@pytest.fixture
async def studio(studios: Studios) -> Studio:
    """A studio with one image."""
    studio = await studios.open()
    await studio.history.add(entry(1), file=b"file", thumbnail=b"small", also=lambda db: None)
    return studio


async def answers(media: Media, *addresses: str) -> list[tuple[int, bytes]]:
    """Ask for addresses on this event loop, as the server does."""
    app = Starlette(routes=media.routes())
    async with AsyncClient(transport=ASGITransport(app), base_url="http://here") as client:
        found = [await client.get(f"/{address}") for address in addresses]
    return [(one.status_code, one.content) for one in found]


async def test_each_part_of_an_image_has_its_address(studio: Studio) -> None:
    """The bytes as they were stored."""
    media = Media(studio)
    file, small = await media.url(entry(1)), await media.url(entry(1), "thumbnail")
    assert await answers(media, file, small) == [(200, b"file"), (200, b"small")]
    assert await media.url(entry(1), "source") == ""


async def test_only_a_good_address_of_a_thumbnail_asks_the_database(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of thumbnails costs no question for its addresses, nor does a forged one."""
    media = Media(studio)
    await media.url(entry(1))
    asked: list[str] = []

    async def note(entry_id: str) -> bool:
        asked.append(entry_id)
        return False

    async def refuse(_work: Any) -> None:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(studio.history.database, "run", refuse)
    monkeypatch.setattr(studio.history, "is_in_trash", note)
    small = await media.url(entry(1), "thumbnail")
    assert await answers(media, f"{small}x") == [(404, b"There is no such image.")]
    assert asked == []
    assert await answers(media, small) == [(200, b"small")]
    assert asked == ["e1"]


async def test_a_changed_address_opens_nothing(studio: Studio) -> None:
    """Another entry, another file, another part, another signature: a plain 404."""
    media = Media(studio)
    small, file = await media.url(entry(1), "thumbnail"), await media.url(entry(1))
    _, name, _, signature, rest = small.split("/", 4)
    other: Entry = entry(2)
    changed = [
        f"media/{other.id}/thumbnail/{signature}/{rest}",
        f"media/{name}/thumbnail/{signature}/{entry(1).file.replace('/', '~')}",
        f"media/{name}/thumbnail/{signature}/{rest}x",
        f"media/{name}/thumbnail/{signature}/..~{rest}",
        f"media/{name}/thumbnail/{signature}/..%2f{rest}",
        f"media/{name}/file/{signature}/{rest}",
        f"media/{name}/thumbnail/{file.split('/')[3]}/{rest}",
        f"media/{name}/thumbnail/{'0' * 32}/{rest}",
        f"media/{name}/nothing/{signature}/{rest}",
    ]
    assert {status for status, _ in await answers(media, *changed)} == {404}


async def test_the_trash_has_addresses_of_its_own(studio: Studio) -> None:
    """One that was passed on ends when the image is deleted, and is good again once it is back."""
    media = Media(studio)
    missing = (404, b"There is no such image.")
    known = await media.url(entry(1), "thumbnail")
    await studio.delete("e1", owner="ann")
    hers = await media.url(await studio.entry("e1", owner="ann", trash=True), "thumbnail")
    assert await answers(media, known, hers) == [missing, (200, b"small")]
    await studio.restore("e1", owner="ann")
    assert await answers(media, known, hers) == [(200, b"small"), missing]


async def test_a_thumbnail_ends_with_its_file(studio: Studio) -> None:
    """Once the trash is emptied nobody sees it, whoever has its address."""
    media = Media(studio)
    await studio.delete("e1", owner="ann")
    small = await media.url(await studio.entry("e1", owner="ann", trash=True), "thumbnail")
    assert await answers(media, small) == [(200, b"small")]
    async for _ in studio.empty_trash("ann"):
        pass
    assert await answers(media, small) == [(404, b"There is no such image.")]
