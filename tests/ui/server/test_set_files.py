"""What a set can be taken away as: signed addresses, safe names, and pages that need no server."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import Any

import httpx
import pytest
from PIL import Image
from starlette.applications import Starlette

from core.jobs.set_jobs import Wish
from core.jobs.sets import JobSet
from core.studio import Studio
from tests.conftest import Studios
from tests.core.jobs.test_sets import ended, service
from ui.server.routes import Media
from ui.server.set_files import WAYS, SetFiles

pytestmark = pytest.mark.anyio


async def made(studios: Studios) -> tuple[Studio, JobSet]:
    studio = await studios.open(service("one"), service("two"))
    axes = [{"field": "seed", "values": [1, 2]}]
    targets = [{"backend": "one"}, {"backend": "two"}]
    base = {"prompt": "=a <b>boat</b>/../x"}
    found = await studio.submit_set(
        Wish("text-to-image", base, axes, targets, title="A boat, twice"), owner="ann"
    )
    await ended(studio, found.id)
    await studio.pick(found.id, {(0, 0): 1, (1, 0): 1}, owner="ann")
    return studio, await studio.set(found.id)


class Taker:
    """Asks for the files of a set."""

    def __init__(self, studio: Studio, found: JobSet) -> None:
        self.files = SetFiles(studio, Media(studio))
        self.found = found
        app = Starlette(routes=self.files.routes())
        transport = httpx.ASGITransport(app=app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://test")

    async def get(self, name: str, more: str = "") -> httpx.Response:
        address = (await self.files.addresses(self.found))[name]
        return await self.client.get(f"/{address}{more}")


async def test_every_way_is_whole_and_named(studios: Studios) -> None:
    studio, found = await made(studios)
    taker = Taker(studio, found)
    for name in WAYS:
        answer = await taker.get(name)
        assert answer.status_code == 200, name
        assert 'filename="a-boat-twice' in answer.headers["content-disposition"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    sheet = Image.open(io.BytesIO((await taker.get("sheet.png")).content))
    assert sheet.format == "PNG"
    lines = (await taker.get("manifest.csv")).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(lines)))
    assert len(rows) == 4
    assert rows[0]["prompt"].startswith("'="), "a spreadsheet would run it"
    assert [row["picked"] for row in rows] == ["no", "yes", "no", "yes"]
    facts = (await taker.get("manifest.json")).json()
    assert facts["picks"] == [
        {"row": 0, "page": 0, "column": 1},
        {"row": 1, "page": 0, "column": 1},
    ]
    assert "sk-" not in json.dumps(facts)
    picks = (await taker.get("picks.csv")).content.decode("utf-8-sig")
    assert picks.splitlines()[2] == "Two,2,2,1.0,0.3424,1.0"


async def test_a_zip_has_the_very_files_under_safe_names(studios: Studios) -> None:
    studio, found = await made(studios)
    taker = Taker(studio, found)
    archive = zipfile.ZipFile(io.BytesIO((await taker.get("images.zip")).content))
    names = archive.namelist()
    assert {"manifest.csv", "manifest.json"} < set(names)
    assert len(names) == 6
    assert not any("/" in name or name.startswith(".") for name in names)
    entry = await studio.entry(str(found.cells[0].job.entry_id))
    listed = json.loads(archive.read("manifest.json"))["images"]
    assert archive.read(listed[0]["file"]) == await studio.file(entry.file)
    chosen = await taker.get("images.zip", "?names={target}-{seed}")
    names = zipfile.ZipFile(io.BytesIO(chosen.content)).namelist()
    assert {"One-1.png", "Two-2.png"} < set(names)
    for bad in ("{nothing}", "../{seed}", "{seed", "a/{seed}"):
        answer = await taker.get("images.zip", f"?names={bad}")
        checked = await taker.get("images.zip", f"?names={bad}&check")
        assert (checked.status_code, checked.text) == (400, answer.text)
        assert (answer.status_code, answer.text[:22]) == (400, "The template for names")


async def test_a_page_opens_from_a_folder(studios: Studios) -> None:
    studio, found = await made(studios)
    archive = zipfile.ZipFile(io.BytesIO((await Taker(studio, found).get("page.zip")).content))
    page = archive.read("index.html").decode()
    assert "<b>boat" not in page
    assert "http" not in page.replace("http-equiv", "")
    pictures = [name for name in archive.namelist() if name != "index.html"]
    assert len(pictures) == 4
    from urllib.parse import quote

    for name in pictures:
        assert f'src="{quote(name)}"' in page


@pytest.mark.parametrize("wrong", ["signature", "set", "name"])
async def test_what_was_not_given_is_not_there(studios: Studios, wrong: str) -> None:
    """Another signature, another set, another name: the same plain 404."""
    studio, found = await made(studios)
    taker = Taker(studio, found)
    address = (await taker.files.addresses(found))["images.zip"]
    _, set_id, signature, name = address.split("/")
    parts: dict[str, Any] = {"set": set_id, "signature": signature, "name": name}
    parts[wrong] = {"signature": "0" * 32, "set": "0" * 24, "name": "secret.txt"}[wrong]
    answer = await taker.client.get(f"/sets/{parts['set']}/{parts['signature']}/{parts['name']}")
    assert (answer.status_code, answer.text) == (404, "There is no such set.")
    other = await Media(studio).sign("ann", found.id)
    assert (await taker.client.get(f"/sets/{set_id}/{other}/{name}")).status_code == 404
