"""The sandbox speaks WaveSpeed's protocol as the reference pages describe it."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from typing import Any

import httpx
import pytest

from backends.sandbox import Options, create_app
from tests.sandbox.visitor import I2I, T2I, data_uri, opened, picture, visiting

pytestmark = pytest.mark.anyio

MODELS = [T2I, I2I, "wavespeed-ai/flux-srpo", "wavespeed-ai/flux-srpo/image-to-image"]
FIELDS = [
    "id",
    "model",
    "outputs",
    "urls",
    "has_nsfw_contents",
    "status",
    "created_at",
    "error",
    "timings",
]


@pytest.mark.parametrize("model", MODELS)
async def test_every_documented_model_accepts_a_job(model: str) -> None:
    """The four paths of the reference pages answer with the envelope and every field."""
    async with visiting(latency=30) as visitor:
        image = {"image": data_uri(picture())} if model.endswith("image-to-image") else {}
        answer = (await visitor.submit(model, **image)).json()
        assert (answer["code"], answer["message"]) == (200, "success")
        assert list(answer["data"]) == FIELDS
        assert answer["data"]["model"] == model
        assert (answer["data"]["status"], answer["data"]["outputs"]) == ("created", [])


@pytest.mark.parametrize("key", [None, "Bearer ", "Basic a-key", "Bearer wrong-key"])
async def test_a_missing_or_wrong_key_is_401(key: str | None) -> None:
    """Nothing is accepted without a key, and the answer is JSON."""
    async with visiting() as visitor:
        visitor.http.headers.pop("authorization")
        headers = {"authorization": key} if key else {}
        for path in (T2I, "predictions"):
            answer = await visitor.http.post(f"/api/v3/{path}", json={}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, 401)
        assert (await visitor.stats())["charges"] == 0


async def test_a_fixed_key_is_the_only_one_accepted() -> None:
    """`--key` closes the sandbox to every other key."""
    async with visiting(key="secret") as visitor:
        assert (await visitor.submit()).status_code == 401
        visitor.http.headers["authorization"] = "Bearer secret"
        assert (await visitor.submit()).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": ""},
        {"prompt": None},
        {"prompt": 7},
        {"prompt": "lone \ud800 surrogate"},
        {"size": "1024x1024"},
        {"size": "255*256"},
        {"size": "1537*1024"},
        {"size": 1024},
        {"strength": -0.01},
        {"strength": 1.01},
        {"strength": "0.8"},
        {"num_inference_steps": 0},
        {"num_inference_steps": 51},
        {"num_inference_steps": 28.5},
        {"num_inference_steps": True},
        {"seed": -2},
        {"seed": 2_147_483_648},
        {"guidance_scale": 0.9},
        {"guidance_scale": 20.1},
        {"guidance_scale": float("nan")},
        {"output_format": "webp"},
        {"enable_base64_output": "yes"},
        {"enable_sync_mode": 1},
    ],
)
async def test_what_the_pages_do_not_allow_is_400(change: dict[str, Any]) -> None:
    """Types and ranges are those of the reference pages; nothing refused is charged."""
    async with visiting() as visitor:
        body = json.dumps({"prompt": "a boat", **change})
        answer = await visitor.http.post(f"/api/v3/{T2I}", content=body)
        assert (answer.status_code, answer.json()["code"]) == (400, 400)
        assert next(iter(change)) in answer.json()["message"]
        assert (await visitor.stats())["charges"] == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 100_000, b'"prompt"', b"\xff"])
async def test_a_body_that_is_no_object_is_400(body: bytes) -> None:
    """Broken JSON brings a sentence, not a crash."""
    async with visiting() as visitor:
        answer = await visitor.http.post(f"/api/v3/{T2I}", content=body)
        assert (answer.status_code, answer.json()["code"]) == (400, 400)


@pytest.mark.parametrize("size", ["256*1536", "1536*256", "333*777"])
@pytest.mark.parametrize("kind", ["jpeg", "png"])
async def test_a_picture_has_the_size_and_format_asked_for(size: str, kind: str) -> None:
    """The file is what was ordered, and says that it came from the sandbox."""
    async with visiting() as visitor:
        task = await visitor.done(size=size, output_format=kind)
        assert task["outputs"][0].endswith(f".{kind}")
        answer = await visitor.download(task["outputs"][0])
        image = opened(answer.content)
        assert answer.headers["content-type"] == f"image/{kind}"
        assert f"{image.width}*{image.height}" == size
        assert (image.format or "").lower() == kind
        assert "sandbox" in str(image.info.get("comment") or image.info.get("Comment"))


async def test_the_same_order_gives_the_same_bytes_and_another_seed_others() -> None:
    """Painted pictures depend on the order alone."""
    async with visiting(picture="painted") as visitor:
        files = []
        for seed in (7, 7, 8):
            task = await visitor.done(size="256*256", seed=seed)
            files.append((await visitor.download(task["outputs"][0])).content)
        assert files[0] == files[1] != files[2]


async def test_a_random_seed_is_drawn_but_never_told() -> None:
    """-1 means random; only the sandbox's ledger knows which seed was used."""
    async with visiting() as visitor:
        task = await visitor.done(seed=-1)
        row = (await visitor.http.get("/sandbox/ledger")).json()[0]
        assert "seed" not in task
        assert 0 <= row["seed"] <= 2_147_483_647


async def test_states_follow_each_other_and_done_at_is_exact() -> None:
    """created, processing, completed; `done_at` is the acceptance plus the drawn latency."""
    async with visiting(latency=0.3, sigma=0.2) as visitor:
        task = await visitor.accepted()
        seen = [task["status"]]
        async with asyncio.timeout(10):
            while seen[-1] != "completed":
                await asyncio.sleep(0.005)
                task = (await visitor.result(task)).json()["data"]
                seen += [task["status"]] if task["status"] != seen[-1] else []
        row = (await visitor.http.get("/sandbox/ledger")).json()[0]
        assert seen == ["created", "processing", "completed"]
        assert row["done_at"] == row["t"] + row["latency"]
        assert task["timings"]["inference"] == round(row["latency"] * 1000)
        assert task["has_nsfw_contents"] == [False]


async def test_latencies_repeat_after_a_reset() -> None:
    """Two clients in one bench meet the same latencies."""
    async with visiting(latency=0.01, sigma=0.5) as visitor:
        draws = []
        for _ in range(2):
            await visitor.http.post("/sandbox/reset")
            for _ in range(3):
                await visitor.accepted()
            rows = (await visitor.http.get("/sandbox/ledger")).json()
            draws.append([row["latency"] for row in rows])
        assert draws[0] == draws[1]
        assert len(set(draws[0])) == 3


async def test_both_result_addresses_answer_and_urls_get_is_one_of_them() -> None:
    """Older clients poll without `/result`."""
    async with visiting() as visitor:
        task = await visitor.done()
        short = await visitor.http.get(f"/api/v3/predictions/{task['id']}")
        given = await visitor.http.get(task["urls"]["get"])
        assert short.json() == given.json()
        missing = await visitor.http.get("/api/v3/predictions/unknown/result")
        assert missing.status_code == 404


async def test_base64_output_is_bare() -> None:
    """`outputs` then holds the file itself, without a data-URI prefix."""
    async with visiting() as visitor:
        task = await visitor.done(enable_base64_output=True, size="256*256")
        assert opened(base64.b64decode(task["outputs"][0], validate=True)).size == (256, 256)


async def test_sync_mode_answers_with_the_finished_task() -> None:
    """One request, one picture."""
    async with visiting(latency=0.05) as visitor:
        assert (await visitor.accepted(enable_sync_mode=True))["status"] == "completed"


async def test_sync_mode_gives_up_with_the_id() -> None:
    """After the limit the task goes on and the answer says where to look."""
    async with visiting(latency=0.3, sync_limit=0.05) as visitor:
        task = await visitor.accepted(enable_sync_mode=True)
        assert (task["status"], task["code"]) == ("processing", 5004)
        assert (await visitor.finished(task))["status"] == "completed"


@pytest.mark.parametrize(("given", "got"), [((320, 256), (320, 256)), ((3072, 1024), (1536, 512))])
async def test_image_to_image_follows_the_input(given: Any, got: Any) -> None:
    """The output has the input's size, fitted into 1536 a side."""
    async with visiting(picture="painted") as visitor:
        task = await visitor.done(I2I, image=data_uri(picture(*given)), strength=0.5)
        image = opened((await visitor.download(task["outputs"][0])).content)
        assert image.size == got
        assert (await visitor.stats())["undocumented"] == []


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
    """402 when the next picture cannot be paid."""
    async with visiting(balance=0.06) as visitor:
        statuses = [(await visitor.submit()).status_code for _ in range(3)]
        assert statuses == [200, 200, 402]
        data = (await visitor.http.get("/api/v3/balance")).json()["data"]
        assert data == {"balance": 0.01}


async def test_the_price_endpoint_knows_the_four_models() -> None:
    """$0.025 a picture."""
    async with visiting() as visitor:
        for model in MODELS:
            asked = {"model_id": model, "inputs": {"prompt": "x"}}
            data = (await visitor.http.post("/api/v3/model/price", json=asked)).json()["data"]
            assert data == {"price": 0.025, "discounted_price": 0.025, "currency": "USD"}
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


async def test_the_oldest_pictures_expire() -> None:
    """The store has a limit; what fell out of it is 404."""
    async with visiting(picture="painted", store_bytes=1) as visitor:
        first = await visitor.done(size="256*256")
        second = await visitor.done(size="256*256")
        answers = [await visitor.download(task["outputs"][0]) for task in (first, second)]
        assert [answer.status_code for answer in answers] == [404, 200]
