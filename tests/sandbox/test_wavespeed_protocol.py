"""The sandbox speaks WaveSpeed's protocol as the reference pages describe it."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from tests.sandbox.visitor import MODELS, T2I, data_uri, opened, picture, visiting

pytestmark = pytest.mark.anyio

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
    """The paths of the reference pages answer with the envelope and every field."""
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
    """Painted images depend on the order alone."""
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


@pytest.mark.slow
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
    """One request, one image."""
    async with visiting(latency=0.05) as visitor:
        assert (await visitor.accepted(enable_sync_mode=True))["status"] == "completed"


@pytest.mark.slow
async def test_sync_mode_gives_up_with_the_id() -> None:
    """After the limit the task goes on and the answer says where to look."""
    async with visiting(latency=0.3, sync_limit=0.05) as visitor:
        task = await visitor.accepted(enable_sync_mode=True)
        assert (task["status"], task["code"]) == ("processing", 5004)
        assert (await visitor.finished(task))["status"] == "completed"
