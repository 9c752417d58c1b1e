"""A selection leaves by an address that names it, as what was wished for; or a sentence does."""

from __future__ import annotations

import asyncio
import io
import zipfile

import httpx
import pytest
from starlette.applications import Starlette

from core.errors import InputError
from core.exports.image import Wish
from core.exports.orders import KEPT_S, MOST, MOST_OF_ONE, Order, Orders
from core.studio import Studio
from tests.conftest import Studios
from tests.core.test_exporting import make
from tests.fakes import FakeBackend
from ui.server.exports import Exports

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def fetch(exports: Exports, address: str) -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=exports.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        return await client.get(f"/{address}")


async def opened(studios: Studios) -> tuple[Studio, Exports, list[str]]:
    studio = await studios.open(FakeBackend())
    made = await make(studio, "ann", "a fox", "小船")
    return studio, Exports(studio), [entry.id for entry in made]


async def test_a_zip_comes_whole_as_often_as_it_is_fetched(studios: Studios) -> None:
    _, exports, ids = await opened(studios)
    address = exports.url("ann", ids, profile="clean", format="webp")
    for _ in range(2):
        answer = await fetch(exports, address)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/zip"
        assert answer.headers["cache-control"] == "no-store"
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert archive.testzip() is None
            assert archive.namelist() == ["image-0001.webp", "image-0002.webp"]


@pytest.mark.parametrize(
    ("kind", "starts", "named"),
    [
        ("sheet.png", b"\x89PNG", "contact-sheet.png"),
        ("sheet.pdf", b"%PDF", "contact-sheet.pdf"),
        ("manifest.csv", b"\xef\xbb\xbffile,", "manifest.csv"),
        ("manifest.json", b"{", "manifest.json"),
    ],
)
async def test_other_kinds_come_as_files(
    studios: Studios, kind: str, starts: bytes, named: str
) -> None:
    _, exports, ids = await opened(studios)
    answer = await fetch(exports, exports.url("ann", ids, kind=kind, title="All"))
    assert answer.content.startswith(starts)
    assert f'filename="{named}"' in answer.headers["content-disposition"]


async def test_one_image_comes_by_itself_with_its_name(studios: Studios) -> None:
    _, exports, ids = await opened(studios)
    address = exports.url("ann", ids[1:], kind="image", format="jpeg", template="{prompt}")
    answer = await fetch(exports, address)
    assert answer.content.startswith(b"\xff\xd8")
    assert answer.headers["content-disposition"].endswith("UTF-8''%E5%B0%8F%E8%88%B9.jpg")


async def test_what_is_gone_is_a_sentence(studios: Studios) -> None:
    """An address that was never given, one that is too old, an image that is another's."""
    _, exports, ids = await opened(studios)
    never = await fetch(exports, "exports/never/images.zip")
    assert never.status_code == 404 and never.text.startswith("This download has expired")
    other = await fetch(exports, exports.url("bob", ids[:1], kind="image"))
    assert other.status_code == 404 and other.text.startswith("There is no such image")


@pytest.mark.parametrize(
    ("field", "wish"),
    [
        ("kind", {"kind": "tar"}),
        ("ids", {"kind": "image"}),
        ("profile", {"profile": "mine"}),
        ("template", {"template": "con/{seed}"}),
    ],
)
async def test_a_wrong_wish_is_refused_before_there_is_an_address(
    studios: Studios, field: str, wish: dict[str, str]
) -> None:
    _, exports, ids = await opened(studios)
    with pytest.raises(InputError) as caught:
        exports.url("ann", ids, **wish)  # type: ignore[arg-type]
    assert caught.value.field == field


async def test_who_stops_the_download_stops_the_work(studios: Studios) -> None:
    """The browser is gone: no further image is read, and nothing lies on the disk."""
    studio, exports, ids = await opened(studios)
    reads: list[str] = []
    read = studio.history.storage.read
    gate = asyncio.Event()

    async def slow(name: str) -> bytes:
        reads.append(name)
        if len(reads) > 1:
            await gate.wait()
        return await read(name)

    studio.history.storage.read = slow  # type: ignore[method-assign]
    before = sorted(studios.folder.rglob("*"))
    parts = (await exports.zip(Order("ann", tuple(ids), "zip", Wish()))).body_iterator  # type: ignore[attr-defined]
    assert await anext(parts)
    waiting = asyncio.create_task(anext(parts))
    while len(reads) < 2:
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(reads) == 2 and sorted(studios.folder.rglob("*")) == before


def test_orders_are_forgotten_in_time_and_held_to_a_number() -> None:
    moment = [0.0]
    orders = Orders(lambda: moment[0])
    names = [orders.place(Order("ann", (f"{n}",), "zip", Wish())) for n in range(MOST_OF_ONE + 2)]
    assert [orders.find(name) is None for name in names] == [True] * 2 + [False] * MOST_OF_ONE
    for number in range(MOST):
        orders.place(Order(f"{number}", ("a",), "zip", Wish()))
    assert orders.find(names[-1]) is None
    last = orders.place(Order("bob", ("a",), "zip", Wish()))
    moment[0] = KEPT_S - 1
    assert orders.find(last)
    moment[0] = KEPT_S + 1
    assert orders.find(last) is None
