"""The page of a link: a title and a preview for messengers, no script, a sentence when gone."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from core.studio import Studio
from tests.conftest import Studios
from tests.core.test_exporting import make
from tests.core.test_sharing import made_set
from tests.fakes import FakeBackend
from ui.server.caller import Entrance, StampCaller
from ui.server.shares import SharedPages

pytestmark = pytest.mark.anyio
STYLE = (Path(__file__).parents[3] / "assets" / "shared.css").read_text(encoding="utf-8")


async def get(studio: Studio, path: str, **headers: str) -> httpx.Response:
    routes = SharedPages(studio, STYLE).routes()
    app = Starlette(routes=routes, middleware=[Middleware(StampCaller, entrance=Entrance())])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://play.example") as client:
        return await client.get(path, headers=headers)


def told(page: str, name: str) -> str:
    found = re.search(rf'<meta property="og:{name}" content="([^"]*)">', page)
    return found[1] if found else ""


async def test_a_page_tells_messengers_what_it_shows(studios: Studios) -> None:
    """Title, description and an absolute address of a small JPEG, which is there."""
    studio = await studios.open(FakeBackend(), sharing=True)
    [one] = await make(studio, "ann", 'a "fox" <script>alert(1)</script> & more')
    secret = await studio.share("image", one.id, owner="ann")
    answer = await get(studio, f"/s/{secret}")
    assert answer.status_code == 200
    page = answer.text
    assert told(page, "title").startswith("a &#34;fox&#34; &lt;script&gt;")
    assert "seed 1 · 64×64" in told(page, "description")
    assert told(page, "url") == f"http://play.example/s/{secret}"
    image = told(page, "image")
    assert image == f"http://play.example/s/{secret}/{one.id}/preview"
    preview = await get(studio, image)
    assert preview.headers["content-type"] == "image/jpeg" and preview.content[:2] == b"\xff\xd8"
    assert "<script" not in page and "ann" not in page and "onerror" not in page
    shown = re.findall(r'<img src="([^"]+)"', page)
    assert [(await get(studio, one)).status_code for one in shown] == [200]
    saved = await get(studio, f"{shown[0]}?download")
    assert saved.headers["content-disposition"].startswith("attachment; filename=")


async def test_a_page_may_load_its_own_images_and_style_sheet_and_nothing_else(
    studios: Studios,
) -> None:
    """No script runs, whatever a prompt contains; the sheet is where the page looks for it."""
    studio = await studios.open(FakeBackend(), sharing=True)
    [one] = await make(studio, "ann", "a fox")
    path = f"/s/{await studio.share('image', one.id, owner='ann')}"
    answer = await get(studio, path)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; img-src 'self'; style-src 'self'; ")
    assert "unsafe" not in policy and "script-src" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-robots-tag"] == "noindex"
    (sheet,) = re.findall(r'<link rel="stylesheet" href="([^"]+)">', answer.text)
    assert "style=" not in answer.text
    found = await get(studio, urljoin(path, sheet))
    assert found.headers["content-type"].startswith("text/css") and found.text == STYLE


async def test_a_set_shows_all_of_its_images(studios: Studios) -> None:
    studio = await studios.open(FakeBackend(), sharing=True)
    secret = await studio.share("set", await made_set(studio, "ann"), owner="ann")
    page = (await get(studio, f"/s/{secret}")).text
    assert told(page, "title") == "Three boats"
    assert told(page, "description") == "A set of 3 images."
    shown = re.findall(r'<img src="([^"]+)"', page)
    assert len(shown) == 3
    assert [(await get(studio, one)).headers["content-type"] for one in shown] == ["image/webp"] * 3


async def test_what_shows_nothing_is_a_sentence(studios: Studios) -> None:
    studio = await studios.open(FakeBackend(), sharing=True)
    one, other = await make(studio, "ann", "a fox", "a boat")
    gone = await studio.share("image", one.id, owner="ann")
    revoked = await studio.share("image", other.id, owner="ann")
    await studio.delete(one.id, owner="ann")
    await studio.revoke_shares_of("image", other.id, owner="ann")
    for path, status, said in (
        ("/s/never", 404, "leads nowhere"),
        (f"/s/{gone}", 410, "was deleted"),
        (f"/s/{gone}/{one.id}/image", 410, "was deleted"),
        (f"/s/{revoked}", 410, "was revoked"),
        (f"/s/{revoked}/{other.id}/thumbnail", 410, "was revoked"),
        (f"/s/{revoked}/{other.id}/source", 404, "leads nowhere"),
    ):
        answer = await get(studio, path)
        assert answer.status_code == status and said in answer.text, path
        assert "a fox" not in answer.text and "a boat" not in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_flagged_image_has_no_preview(studios: Studios) -> None:
    """A messenger would show it to people who did not ask."""
    studio = await studios.open(FakeBackend(), sharing=True)
    [one] = await make(studio, "ann", "a fox")
    flagged = dataclasses.replace(one, id="f" * 24, job_id="j" * 24, flagged=True)
    await studio.history.restore(flagged)
    page = (await get(studio, f"/s/{await studio.share('image', flagged.id, owner='ann')}")).text
    assert told(page, "image") == "" and "flagged" in page
