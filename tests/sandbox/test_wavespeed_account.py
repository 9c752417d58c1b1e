"""Around WaveSpeed's jobs: images brought along, uploads, the list, the balance, the counters."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Any

import httpx
import pytest

from sandbox import Options, create_app
from tests.sandbox.visitor import BASE, I2I, MODELS, T2I, data_uri, opened, picture, visiting

pytestmark = pytest.mark.anyio


@pytest.mark.slow
@pytest.mark.parametrize(("given", "got"), [((320, 256), (320, 256)), ((3072, 1024), (1536, 512))])
async def test_image_to_image_follows_the_input(given: Any, got: Any) -> None:
    """The output has the input's size, fitted into 1536 a side."""
    async with visiting(picture="painted") as visitor:
        task = await visitor.done(I2I, image=data_uri(picture(*given)), strength=0.5)
        image = opened((await visitor.download(task["outputs"][0])).content)
        assert image.size == got
        assert (await visitor.stats())["undocumented"] == []


async def test_the_base_model_has_both_tasks_on_one_path() -> None:
    """The size is that of the result in either case; its own price is charged."""
    async with visiting(picture="painted") as visitor:
        order = {"size": "320*256", "num_images": 1, "enable_safety_checker": True}
        given = {"image": data_uri(picture(256, 256)), "strength": 0.5}
        for image in ({}, {"image": ""}, given):
            task = await visitor.done(BASE, **order, **image)
            assert opened((await visitor.download(task["outputs"][0])).content).size == (320, 256)
        stats = await visitor.stats()
        assert (stats["undocumented"], stats["spent_usd"]) == ([], 0.036)
        assert (await visitor.submit(BASE, num_images=2)).status_code == 400


async def test_what_the_pages_do_not_name_is_ignored_but_counted() -> None:
    """A test can assert that our client sends nothing undocumented."""
    async with visiting() as visitor:
        await visitor.done(width=512)
        lying = data_uri(picture(kind="JPEG"), "image/png")
        await visitor.done(I2I, image=lying, size="512*512")
        assert (await visitor.stats())["undocumented"] == [
            f"{T2I} width",
            f"{I2I} image media type image/png",
            f"{I2I} size",
        ]


@pytest.mark.parametrize(
    "image",
    [base64.b64encode(b"x" * 64).decode(), "data:image/png;base64,???", "file:///etc/passwd"],
)
async def test_an_image_that_is_no_address_is_400(image: str) -> None:
    """Bare base64 is refused, as is every other scheme."""
    async with visiting() as visitor:
        answer = await visitor.submit(I2I, image=image)
        assert (answer.status_code, answer.json()["code"]) == (400, 400)


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (None, 1400),
        ("https://elsewhere.example/picture.png", 1402),
        (data_uri(b"\x89PNG\r\n\x1a\n but not really"), 1402),
    ],
)
async def test_an_image_that_cannot_be_had_fails_the_task(image: str | None, code: int) -> None:
    """The job is accepted and ends as HTTP 200 with `failed`, a text and a code."""
    async with visiting(picture="painted") as visitor:
        task = await visitor.done(I2I, **({"image": image} if image else {}))
        assert (task["status"], task["code"], task["outputs"]) == ("failed", code, [])
        assert task["error"]


async def test_an_upload_is_put_without_a_key_and_used_by_its_address() -> None:
    """Ticket, PUT, image-to-image."""
    async with visiting(picture="painted") as visitor:
        body = picture()
        ask = {"filename": "a b.png", "size": len(body)}
        ticket = (await visitor.http.post("/api/v3/media/uploads", json=ask)).json()["data"]
        order = ticket["upload"]
        async with httpx.AsyncClient(transport=visitor.http._transport) as stranger:
            with_key = order["headers"] | {"authorization": "Bearer a-key"}
            leaked = await stranger.put(order["url"], content=body, headers=with_key)
            short = await stranger.put(order["url"], content=body[:9], headers=order["headers"])
            early = await stranger.get(ticket["download_url"])
            put = await stranger.put(order["url"], content=body, headers=order["headers"])
            stored = await stranger.get(ticket["download_url"])
        codes = [answer.status_code for answer in (leaked, short, early, put, stored)]
        assert codes == [400, 400, 404, 200, 200]
        assert stored.content == body
        task = await visitor.done(I2I, image=ticket["download_url"])
        assert opened((await visitor.download(task["outputs"][0])).content).size == (320, 256)


async def test_the_older_upload_is_a_form() -> None:
    """Field `file`, answered with the address."""
    async with visiting() as visitor:
        files = {"file": ("a.png", io.BytesIO(picture()), "image/png")}
        answer = await visitor.http.post("/api/v3/media/upload/binary", files=files)
        url = answer.json()["data"]["download_url"]
        assert (await visitor.download(url)).content == picture()
        bad = await visitor.http.post("/api/v3/media/upload/binary", files={"other": b"x"})
        assert bad.status_code == 400


async def test_the_list_is_paged_filtered_and_without_inputs() -> None:
    """Newest first; model, status and time narrow it; prompts are not in it."""
    async with visiting() as visitor:
        tasks = [await visitor.done(prompt=f"boat {i}") for i in range(3)]
        other = await visitor.done("wavespeed-ai/flux-srpo")

        async def ids(**query: Any) -> list[str]:
            body = {"page": 1, "page_size": 100, **query}
            data = (await visitor.http.post("/api/v3/predictions", json=body)).json()["data"]
            assert all("prompt" not in item and "input" not in item for item in data["items"])
            return [item["id"] for item in data["items"]]

        names = [task["id"] for task in tasks]
        assert await ids() == [other["id"], *reversed(names)]
        assert await ids(model=T2I) == names[::-1]
        assert await ids(page=2, page_size=3) == names[:1]
        assert await ids(status="failed") == []
        assert await ids(created_after="2999-01-01T00:00:00Z") == []
        after = tasks[1]["created_at"][:26] + "Z"
        assert await ids(model=T2I, created_after=after) == names[:0:-1]
        bad = await visitor.http.post("/api/v3/predictions", json={"page": 1, "page_size": 101})
        assert bad.status_code == 400


async def test_deleting_hides_a_job_and_both_forms_work() -> None:
    """A deleted job is gone from the list and says so itself."""
    async with visiting() as visitor:
        first, second = await visitor.done(), await visitor.done()
        one = await visitor.http.delete(f"/api/v3/predictions/{first['id']}")
        assert one.json()["data"] == {"id": first["id"], "status": "deleted"}
        ids = {"ids": [second["id"], "unknown"]}
        many = await visitor.http.post("/api/v3/predictions/delete", json=ids)
        assert many.json()["data"] == {"deleted_count": 1}
        assert (await visitor.result(first)).json()["data"]["status"] == "deleted"
        page = await visitor.http.post("/api/v3/predictions", json={"page": 1, "page_size": 10})
        assert page.json()["data"]["items"] == []


async def test_the_balance_falls_by_the_price_until_nothing_is_left() -> None:
    """402 when the next image cannot be paid."""
    async with visiting(balance=0.06) as visitor:
        statuses = [(await visitor.submit()).status_code for _ in range(3)]
        assert statuses == [200, 200, 402]
        data = (await visitor.http.get("/api/v3/balance")).json()["data"]
        assert data == {"balance": 0.01}


async def test_the_price_endpoint_knows_every_model() -> None:
    """$0.025 an image, and less for the base model."""
    async with visiting() as visitor:
        for model in MODELS:
            asked = {"model_id": model, "inputs": {"prompt": "x"}}
            data = (await visitor.http.post("/api/v3/model/price", json=asked)).json()["data"]
            price = 0.012 if model == BASE else 0.025
            assert data == {"price": price, "discounted_price": price, "currency": "USD"}
        other = await visitor.http.post("/api/v3/model/price", json={"model_id": "x"})
        assert other.status_code == 404


async def test_counters_tell_what_happened_and_a_key_on_a_download() -> None:
    """Posts, charges, polls, downloads; the same in-process as over HTTP."""
    async with visiting() as visitor:
        task = await visitor.done()
        await visitor.download(task["outputs"][0])
        await visitor.http.get(task["outputs"][0])
        stats = await visitor.stats()
        names = ("posts", "charges", "downloads", "in_flight", "credentials_leaked")
        assert [stats[name] for name in names] == [1, 1, 2, 0, 1]
        await visitor.http.post("/sandbox/reset")
        assert (await visitor.stats())["posts"] == 0
    app = create_app(Options())
    assert app.state.sandbox.stats()["posts"] == 0


async def test_open_posts_and_jobs_in_flight_are_counted_at_their_peak() -> None:
    """So that a test can prove one POST at a time."""
    async with visiting(latency=0.05) as visitor:
        jobs = (visitor.submit(enable_sync_mode=True) for _ in range(3))
        await asyncio.gather(*jobs)
        stats = await visitor.stats()
        assert (stats["posting_peak"], stats["in_flight_peak"]) == (3, 3)


@pytest.mark.parametrize(
    "change",
    [
        {"latency": -1},
        {"latency": "2"},
        {"key": "x"},
        {"nonsense": 1},
        {"fault": "no"},
        {"fault": 5},
        {"balance": "x"},
    ],
)
async def test_a_bad_setting_is_refused(change: dict[str, Any]) -> None:
    """Settings are checked, and the key cannot be changed by whoever reaches the port."""
    async with visiting() as visitor:
        assert (await visitor.http.post("/sandbox/settings", json=change)).status_code == 400


async def test_each_key_is_an_account_of_its_own() -> None:
    """One account neither lists nor reads another's jobs; the rows tell whose each is."""
    async with visiting() as visitor:
        task = await visitor.done()
        other = {"Authorization": "Bearer another-key"}
        page = "/api/v3/predictions"
        answer = await visitor.http.get(f"{page}/{task['id']}/result", headers=other)
        assert answer.status_code == 404
        listed = [
            (await visitor.http.post(page, json={}, headers=headers)).json()["data"]["total"]
            for headers in ({}, other)
        ]
        assert listed == [1, 0]
        await visitor.http.post(f"/api/v3/{T2I}", json={"prompt": "hills"}, headers=other)
        rows = (await visitor.http.get("/sandbox/ledger")).json()
        accounts = (await visitor.stats())["accounts"]
        assert len({row["account"] for row in rows}) == 2
        assert {row["account"] for row in rows} == set(accounts)
        assert "another-key" not in str((rows, accounts))


async def test_the_oldest_pictures_expire() -> None:
    """The store has a limit; what fell out of it is 404."""
    async with visiting(picture="painted", store_bytes=1) as visitor:
        first = await visitor.done(size="256*256")
        second = await visitor.done(size="256*256")
        answers = [await visitor.download(task["outputs"][0]) for task in (first, second)]
        assert [answer.status_code for answer in answers] == [404, 200]
