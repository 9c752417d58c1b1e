"""The sandbox speaks fal's queue as its documentation and its client describe it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from sandbox.fal import MODELS
from sandbox.schemas import PIXELS
from tests.sandbox.fal_visitor import SRPO, SRPO_EDIT, queueing
from tests.sandbox.visitor import data_uri, opened, picture, visiting

pytestmark = pytest.mark.anyio

BASE = "http://sandbox/fal-ai/flux-1/requests"


@pytest.mark.parametrize("model", MODELS)
async def test_every_model_accepts_a_request(model: str) -> None:
    """The answer names the addresses, under owner and app alone."""
    async with queueing(latency=30) as visitor:
        image = {"image_url": data_uri(picture())} if model.endswith("image-to-image") else {}
        told = await visitor.accepted(model, **image)
        name = told["request_id"]
        base = f"http://sandbox/{'/'.join(model.split('/')[:2])}/requests/{name}"
        assert told == {
            "status": "IN_QUEUE",
            "request_id": name,
            "response_url": base,
            "status_url": f"{base}/status",
            "cancel_url": f"{base}/cancel",
            "queue_position": 0,
        }
        assert (await visitor.stats())["undocumented"] == []
        assert (await visitor.rows())[0]["id"] == name


async def test_an_unknown_model_is_404() -> None:
    """In a sentence, and nothing is charged."""
    async with queueing() as visitor:
        answer = await visitor.submit("fal-ai/flux/pro")
        assert (answer.status_code, type(answer.json()["detail"])) == (404, str)
        assert (await visitor.stats())["charges"] == 0


@pytest.mark.parametrize("key", [None, "Key ", "Bearer a-key", "a-key", "Key wrong-key"])
async def test_a_key_is_announced_as_key(key: str | None) -> None:
    """Bearer is refused, on every address."""
    async with queueing() as visitor:
        told = await visitor.accepted()
        visitor.http.headers.pop("authorization")
        visitor.http.headers.update({"authorization": key} if key else {})
        answers = [
            await visitor.submit(),
            await visitor.status(told),
            await visitor.http.get(f"{told['status_url']}/stream"),
            await visitor.result(told),
            await visitor.cancel(told),
        ]
        assert [answer.status_code for answer in answers] == [401] * 5
        assert answers[0].json()["detail"]
        assert answers[0].headers["x-fal-retryable"] == "false"
        assert (await visitor.stats())["charges"] == 1


async def test_the_other_services_still_ask_for_bearer() -> None:
    """Key is fal's word alone."""
    async with visiting() as visitor:
        visitor.http.headers["authorization"] = "Key a-key"
        assert (await visitor.submit()).status_code == 401
        assert (await visitor.generate()).status_code == 401


async def test_another_accounts_request_cannot_be_seen() -> None:
    """Requests are kept apart by their key."""
    async with queueing(latency=30, runners=1) as visitor:
        await visitor.accepted()
        told = await visitor.accepted()
        visitor.http.headers["authorization"] = "Key another"
        answers = [
            await visitor.status(told),
            await visitor.result(told),
            await visitor.cancel(told),
        ]
        assert [answer.status_code for answer in answers] == [404] * 3
        visitor.http.headers["authorization"] = "Key a-key"
        assert (await visitor.status(told)).json()["queue_position"] == 0


async def test_only_owner_and_app_lead_to_a_request() -> None:
    """Neither the whole model id nor another app does."""
    async with queueing(latency=30) as visitor:
        name = (await visitor.accepted())["request_id"]
        good = await visitor.http.get(f"/fal-ai/flux-1/requests/{name}/status")
        whole = await visitor.http.get(f"/{SRPO}/requests/{name}/status")
        other = await visitor.http.get(f"/fal-ai/flux/requests/{name}/status")
        assert (good.status_code, whole.status_code, other.status_code) == (202, 405, 404)


@pytest.mark.slow
async def test_a_request_waits_for_a_runner_and_moves_up() -> None:
    """202 with a position, then 202 in progress, then 200; only what was begun is charged."""
    async with queueing(latency=0.1, runners=1) as visitor:
        first, second, third = [await visitor.accepted(seed=seed) for seed in (1, 2, 3)]
        assert [one["queue_position"] for one in (first, second, third)] == [0, 0, 1]
        answers = [await visitor.status(one) for one in (first, second, third)]
        assert [answer.status_code for answer in answers] == [202] * 3
        seen = [answer.json() for answer in answers]
        assert [one["status"] for one in seen] == ["IN_PROGRESS", "IN_QUEUE", "IN_QUEUE"]
        assert [one.get("queue_position") for one in seen] == [None, 0, 1]
        assert (await visitor.stats())["charges"] == 1
        done = await visitor.completed(third)
        assert (done["status"], done["logs"]) == ("COMPLETED", None)
        assert done["metrics"]["inference_time"] == pytest.approx(0.1, abs=0.01)
        rows = await visitor.rows()
        assert [row["seed"] for row in rows] == [1, 2, 3]
        assert rows[2]["t"] - rows[0]["t"] >= 0.2
        assert (await visitor.stats())["in_flight_peak"] == 1


async def test_logs_come_when_they_are_asked_for() -> None:
    """As `1` by hand and as `true` by fal's own client; else null, never absent."""
    async with queueing(latency=30) as visitor:
        told = await visitor.accepted()
        for asked in ("1", "true"):
            (line,) = (await visitor.status(told, logs=asked)).json()["logs"]
            assert sorted(line) == ["level", "message", "source", "timestamp"]
        for asked in ("0", "false"):
            assert (await visitor.status(told, logs=asked)).json()["logs"] is None


async def test_the_stream_tells_each_change_once() -> None:
    """Server-sent events from the queue to the end, then it closes."""
    async with queueing(latency=0.1, runners=1) as visitor:
        await visitor.accepted()
        told = await visitor.accepted()
        answer = await visitor.http.get(f"{told['status_url']}/stream")
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = answer.text.strip().split("\n\n")
        seen = [json.loads(event.removeprefix("data: ")) for event in events]
        assert [one["status"] for one in seen] == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
        assert {one["request_id"] for one in seen} == {told["request_id"]}


async def test_the_output_has_the_documented_shape() -> None:
    """Everything a client may read, and a file that is fetched without the key."""
    async with queueing() as visitor:
        answer = await visitor.outcome(seed=7, output_format="png")
        output = answer.json()
        (image,) = output.pop("images")
        url = image.pop("url")
        assert image == {"width": 256, "height": 256, "content_type": "image/png"}
        assert output.pop("timings")["inference"] >= 0
        assert output == {"seed": 7, "has_nsfw_concepts": [False], "prompt": "a red boat"}
        file = await visitor.download(url)
        assert (opened(file.content).size, opened(file.content).format) == ((256, 256), "PNG")
        assert (await visitor.stats())["credentials_leaked"] == 0


async def test_the_request_is_named_in_the_headers() -> None:
    """Also in an error."""
    async with queueing() as visitor:
        good = await visitor.accepted()
        bad = await visitor.accepted(prompt="fault:run_failed|a boat")
        await visitor.completed(bad)
        for told in (good, bad):
            answer = await visitor.result(told)
            assert answer.headers["x-fal-request-id"] == told["request_id"]


async def test_a_seed_is_drawn_and_told() -> None:
    """Other than with the other services."""
    async with queueing() as visitor:
        seed = (await visitor.outcome()).json()["seed"]
        assert seed == (await visitor.rows())[0]["seed"]


@pytest.mark.parametrize(("preset", "sides"), PIXELS.items())
async def test_presets_have_their_pixels(preset: str, sides: tuple[int, int]) -> None:
    """Each of the six names is one size."""
    async with queueing() as visitor:
        (image,) = (await visitor.outcome(image_size=preset)).json()["images"]
        assert (image["width"], image["height"]) == sides
        assert opened((await visitor.download(image["url"])).content).size == sides


async def test_sync_mode_brings_the_picture_in_the_answer() -> None:
    """As a data URI with its real type."""
    async with queueing() as visitor:
        (image,) = (await visitor.outcome(sync_mode=True)).json()["images"]
        head, _, body = image["url"].partition(",")
        assert head == "data:image/jpeg;base64"
        assert opened(base64.b64decode(body, validate=True)).size == (256, 256)


async def test_several_pictures_belong_to_one_request_and_each_is_charged() -> None:
    """One runner, one result, seeds counting up."""
    async with queueing(runners=1) as visitor:
        output = (await visitor.outcome(num_images=3, seed=5)).json()
        assert (len(output["images"]), output["has_nsfw_concepts"]) == (3, [False] * 3)
        assert len({image["url"] for image in output["images"]}) == 3
        assert [row["seed"] for row in await visitor.rows()] == [5, 6, 7]
        stats = await visitor.stats()
        assert (stats["charges"], stats["spent_usd"]) == (3, 0.075)


async def test_acceleration_changes_the_picture_and_each_app_has_its_default() -> None:
    """`regular` under flux-1, `none` under flux."""
    async with queueing(picture="painted") as visitor:
        files = []
        few = {"seed": 1, "sync_mode": True, "num_inference_steps": 10}
        for model, how in [
            (SRPO, {}),
            (SRPO, {"acceleration": "regular"}),
            (SRPO, {"acceleration": "none"}),
            ("fal-ai/flux/srpo", {}),
        ]:
            output = (await visitor.outcome(model, **few, **how)).json()
            files.append(output["images"][0]["url"])
        assert files[0] == files[1] != files[2] == files[3]


async def test_an_edit_follows_its_picture() -> None:
    """The output has the input's size, from a data URI and from an address."""
    async with queueing(picture="painted") as visitor:
        for url in (data_uri(picture()), await _uploaded(visitor)):
            output = (await visitor.outcome(SRPO_EDIT, image_url=url)).json()
            (image,) = output["images"]
            assert (image["width"], image["height"]) == (320, 256)
            assert opened((await visitor.download(image["url"])).content).size == (320, 256)
        assert (await visitor.stats())["undocumented"] == []


async def _uploaded(visitor: Any) -> str:
    key = {"authorization": "Bearer a-key"}
    files = {"file": ("a.png", picture(), "image/png")}
    answer = await visitor.http.post("/api/v3/media/upload/binary", files=files, headers=key)
    url: str = answer.json()["data"]["download_url"]
    return url


@pytest.mark.parametrize(
    ("size", "price"),
    [
        ({"width": 256, "height": 256}, 0.025),
        ({"width": 1000, "height": 1000}, 0.025),
        ({"width": 1000, "height": 1001}, 0.05),
        ("square_hd", 0.05),
        ({"width": 1536, "height": 1536}, 0.075),
    ],
)
async def test_a_started_megapixel_is_a_whole_one(size: Any, price: float) -> None:
    """$0.025 for each, taken from the balance."""
    async with queueing(balance=1.0) as visitor:
        await visitor.outcome(image_size=size)
        stats = await visitor.stats()
        assert (stats["spent_usd"], stats["balance"]) == (price, round(1.0 - price, 6))
        assert (await visitor.rows())[0]["price_usd"] == price


@pytest.mark.slow
async def test_an_edit_is_charged_by_its_picture() -> None:
    """1536 by 1536 after it was made smaller; one model costs more than the others."""
    async with queueing() as visitor:
        image = data_uri(picture(1800, 1800))
        await visitor.outcome(SRPO_EDIT, image_url=image)
        await visitor.outcome("fal-ai/flux/dev/image-to-image", image_url=image)
        assert [row["price_usd"] for row in await visitor.rows()] == [0.075, 0.09]


async def test_an_empty_account_is_locked() -> None:
    """403 in a sentence; nothing is accepted."""
    async with queueing(balance=0.06) as visitor:
        answer = await visitor.submit(num_images=3)
        assert answer.status_code == 403
        assert answer.json() == {"detail": "User is locked. Reason: Exhausted balance."}
        assert (await visitor.submit(num_images=2)).status_code == 200


@pytest.mark.parametrize(
    ("change", "where", "kind"),
    [
        ({"prompt": ""}, "prompt", "string_too_short"),
        ({"prompt": None}, "prompt", "string_type"),
        ({"image_size": "1024x1024"}, "image_size", "literal_error"),
        ({"image_size": {"width": 255, "height": 256}}, "image_size", "greater_than_equal"),
        ({"image_size": {"width": 256}}, "image_size", "missing"),
        ({"num_inference_steps": 0}, "num_inference_steps", "greater_than_equal"),
        ({"num_inference_steps": 51}, "num_inference_steps", "less_than_equal"),
        ({"num_inference_steps": 28.5}, "num_inference_steps", "int_type"),
        ({"guidance_scale": 0.9}, "guidance_scale", "greater_than_equal"),
        ({"guidance_scale": 20.1}, "guidance_scale", "less_than_equal"),
        ({"seed": -1}, "seed", "greater_than_equal"),
        ({"num_images": 5}, "num_images", "less_than_equal"),
        ({"acceleration": "warp"}, "acceleration", "literal_error"),
        ({"enable_safety_checker": "yes"}, "enable_safety_checker", "bool_type"),
        ({"output_format": "webp"}, "output_format", "literal_error"),
        ({"sync_mode": 1}, "sync_mode", "bool_type"),
    ],
)
async def test_bad_input_is_accepted_and_then_refused_by_the_model(
    change: dict[str, Any], where: str, kind: str
) -> None:
    """The queue looks at nothing: the request completes, its result is 422, it costs nothing."""
    async with queueing() as visitor:
        answer = await visitor.outcome(**{"prompt": "a boat", **change})
        assert (answer.status_code, answer.headers["x-fal-retryable"]) == (422, "false")
        found = [one for one in answer.json()["detail"] if one["type"] == kind]
        assert found[0]["loc"][:2] == ["body", where]
        assert sorted(found[0]) == ["input", "loc", "msg", "type", "url"]
        stats = await visitor.stats()
        assert (stats["charges"], stats["refused"]) == (0, 1)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({}, "missing"),
        ({"image_url": "AAAA"}, "value_error"),
        ({"image_url": "https://elsewhere.example/a.png"}, "file_download_error"),
        ({"image_url": data_uri(b"")}, "image_load_error"),
        ({"image_url": data_uri(b"\x89PNG broken")}, "image_load_error"),
        ({"image_url": data_uri(picture()), "strength": 0.0}, "greater_than_equal"),
        ({"image_url": data_uri(picture()), "num_inference_steps": 9}, "greater_than_equal"),
    ],
)
async def test_a_bad_picture_is_refused_by_the_model(change: dict[str, Any], kind: str) -> None:
    """422 with a type that a program can read."""
    async with queueing() as visitor:
        answer = await visitor.outcome(SRPO_EDIT, **change)
        assert answer.status_code == 422
        assert kind in [one["type"] for one in answer.json()["detail"]]
        assert (await visitor.stats())["charges"] == 0


async def test_a_picture_that_breaks_off_fails_when_it_is_opened() -> None:
    """Its header is good, so a runner had begun."""
    async with queueing() as visitor:
        half = data_uri(picture(kind="PNG")[:120])
        answer = await visitor.outcome(SRPO_EDIT, image_url=half)
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["type"] == "image_load_error"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"prompt": "x", "guidance_scale": NaN}']
)
async def test_a_strange_body_is_422(body: bytes) -> None:
    """At the latest by the model, and never a crash."""
    async with queueing() as visitor:
        answer = await visitor.http.post(f"/{SRPO}", content=body)
        if answer.status_code == 200:
            await visitor.completed(answer.json())
            answer = await visitor.result(answer.json())
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["msg"]


async def test_what_is_not_documented_is_ignored_but_counted() -> None:
    """Words of the other services, and a size where there is none."""
    async with queueing() as visitor:
        await visitor.accepted(n=2)
        await visitor.accepted(SRPO_EDIT, image_url=data_uri(picture()), image_size="square")
        lies = data_uri(picture(), "image/jpeg")
        await visitor.accepted(SRPO_EDIT, image_url=lies)
        assert (await visitor.stats())["undocumented"] == [
            f"{SRPO} n",
            f"{SRPO_EDIT} image_size",
            f"{SRPO_EDIT} image media type image/jpeg",
        ]


async def test_there_is_no_result_before_the_end() -> None:
    """400 while it waits and while it is worked on; 404 for what nobody knows."""
    async with queueing(latency=30, runners=1) as visitor:
        for told in (await visitor.accepted(), await visitor.accepted()):
            answer = await visitor.result(told)
            assert (answer.status_code, answer.json()["detail"]) == (
                400,
                "Request is still in progress",
            )
        assert (await visitor.http.get(f"{BASE}/unknown")).status_code == 404
        assert (await visitor.http.get(f"{BASE}/unknown/status")).status_code == 404


async def test_a_waiting_request_is_cancelled_and_costs_nothing() -> None:
    """It leaves the queue, those behind it move up, and it is known no more."""
    async with queueing(latency=30, runners=1) as visitor:
        _, second, third = [await visitor.accepted() for _ in range(3)]
        answer = await visitor.cancel(second)
        assert (answer.status_code, answer.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
        assert (await visitor.status(second)).status_code == 404
        assert (await visitor.status(third)).json()["queue_position"] == 0
        stats = await visitor.stats()
        assert (stats["charges"], stats["cancels"]) == (1, 1)


async def test_a_request_in_progress_is_not_stopped_by_a_cancel() -> None:
    """The same receipt, but it goes on and is charged; afterwards it is too late, or unknown."""
    async with queueing(latency=0.05) as visitor:
        told = await visitor.accepted()
        answer = await visitor.cancel(told)
        assert (answer.status_code, answer.json()["status"]) == (202, "CANCELLATION_REQUESTED")
        await visitor.completed(told)
        assert (await visitor.result(told)).status_code == 200
        late = await visitor.cancel(told)
        assert (late.status_code, late.json()) == (400, {"status": "ALREADY_COMPLETED"})
        strange = await visitor.http.put(f"{BASE}/unknown/cancel")
        assert (strange.status_code, strange.json()) == (404, {"status": "NOT_FOUND"})
        assert (await visitor.stats())["charges"] == 1


async def test_a_reset_empties_the_queue() -> None:
    """What waited is not begun afterwards."""
    async with queueing(latency=0.05, runners=1) as visitor:
        first, second = [await visitor.accepted() for _ in range(2)]
        await visitor.http.post("/sandbox/reset")
        told = await visitor.accepted()
        await visitor.completed(told)
        assert [(await visitor.status(one)).status_code for one in (first, second)] == [404, 404]
        assert len(await visitor.rows()) == 1


async def test_the_number_of_runners_is_a_setting() -> None:
    """At least one."""
    async with queueing() as visitor:
        answer = await visitor.http.post("/sandbox/settings", json={"runners": 0})
        assert answer.status_code == 400
        answer = await visitor.http.post("/sandbox/settings", json={"runners": 2})
        assert answer.status_code == 200
