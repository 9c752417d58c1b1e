"""The sandbox speaks Siraya's protocol as the reference page describes it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sandbox.schemas import PIXELS
from tests.sandbox.visitor import data_uri, opened, picture, visiting

pytestmark = pytest.mark.anyio


async def test_the_answer_has_the_documented_shape() -> None:
    """The unused key is empty, not absent; the address holds %2F and ends in .png."""
    async with visiting() as visitor:
        answer = (await visitor.generate()).json()
        assert sorted(answer) == ["created", "data"]
        (item,) = answer["data"]
        assert sorted(item) == ["b64_json", "revised_prompt", "url"]
        assert (item["b64_json"], item["revised_prompt"]) == ("", "")
        assert "/image/generated%2Fsiraya_" in item["url"]
        assert opened((await visitor.download(item["url"])).content).format == "PNG"


async def test_an_address_that_was_decoded_on_the_way_is_404() -> None:
    """A client must fetch the address verbatim."""
    async with visiting() as visitor:
        url = (await visitor.generate()).json()["data"][0]["url"]
        assert (await visitor.download(url)).status_code == 200
        assert (await visitor.download(url.replace("%2F", "/"))).status_code == 404
        assert (await visitor.download(url.replace("%2F", "%252F"))).status_code == 404


async def test_base64_transport_carries_the_picture() -> None:
    """`output_format` is the transport, and the url is then empty."""
    async with visiting() as visitor:
        (item,) = (await visitor.generate(output_format="b64_json")).json()["data"]
        assert item["url"] == ""
        assert opened(base64.b64decode(item["b64_json"], validate=True)).size == (256, 256)


@pytest.mark.parametrize(("preset", "sides"), PIXELS.items())
async def test_presets_have_their_pixels(preset: str, sides: tuple[int, int]) -> None:
    """Each of the six names is one size."""
    async with visiting() as visitor:
        answer = (await visitor.generate(size=preset, image_size=None)).json()
        image = opened((await visitor.download(answer["data"][0]["url"])).content)
        assert image.size == sides


async def test_the_default_size_is_landscape() -> None:
    """`landscape_4_3` when neither size nor image_size is sent."""
    async with visiting() as visitor:
        body = {"model": "flux-1-srpo-text-to-image", "prompt": "a boat"}
        answer = (await visitor.http.post("/v1/images/generations", json=body)).json()
        image = opened((await visitor.download(answer["data"][0]["url"])).content)
        assert image.size == (1024, 768)


async def test_several_pictures_are_several_charges_with_seeds_counting_up() -> None:
    """`n` images cost n times as much."""
    async with visiting() as visitor:
        answer = (await visitor.generate(n=3, seed=2_147_483_646)).json()
        rows = (await visitor.http.get("/sandbox/ledger")).json()
        assert len(answer["data"]) == len(rows) == 3
        assert [row["seed"] for row in rows] == [2_147_483_646, 2_147_483_647, 0]


async def test_acceleration_changes_the_picture() -> None:
    """It belongs to what makes an image, so it must be kept with it."""
    async with visiting(picture="painted") as visitor:
        files = [
            (await visitor.generate(seed=1, acceleration=how, output_format="b64_json")).json()
            for how in ("none", "none", "high")
        ]
        assert files[0]["data"] == files[1]["data"] != files[2]["data"]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": "dall-e-3"}, "model"),
        ({"prompt": ""}, "prompt"),
        ({"size": "1024x1024"}, "size"),
        ({"size": "huge"}, "size"),
        ({"image_size": {"width": 255, "height": 256}}, "image_size.width"),
        ({"image_size": {"width": 256}}, "image_size.height"),
        ({"image_size": "256x256"}, "image_size"),
        ({"num_inference_steps": 51}, "num_inference_steps"),
        ({"guidance_scale": 21}, "guidance_scale"),
        ({"acceleration": "warp"}, "acceleration"),
        ({"seed": -1}, "seed"),
        ({"enable_safety_checker": "no"}, "enable_safety_checker"),
        ({"n": 5}, "n"),
        ({"output_format": "png"}, "output_format"),
    ],
)
async def test_what_the_page_does_not_allow_is_400(change: dict[str, Any], param: str) -> None:
    """The error names the parameter and carries its code as a number."""
    async with visiting() as visitor:
        answer = await visitor.generate(**change)
        error = answer.json()["error"]
        assert answer.status_code == error["code"] == 400
        assert error["param"] == param
        assert error["message"]
        assert (await visitor.stats())["charges"] == 0


async def test_a_wrong_key_and_an_empty_account_are_refused() -> None:
    """401 and 402 in Siraya's words."""
    async with visiting(balance=0.06) as visitor:
        poor = (await visitor.generate(n=3)).json()["error"]
        visitor.http.headers["authorization"] = "Bearer wrong"
        wrong = (await visitor.generate()).json()["error"]
        assert (poor["code"], wrong["code"]) == (402, 401)


async def test_what_the_page_does_not_name_is_ignored_but_counted() -> None:
    """OpenAI's own `response_format` and `quality` are not Siraya's."""
    async with visiting() as visitor:
        await visitor.generate(response_format="b64_json", size="square")
        assert (await visitor.stats())["undocumented"] == [
            "images/generations response_format",
            "images/generations size beside image_size",
        ]


@pytest.mark.parametrize("transport", ["url", "b64_json"])
async def test_an_edit_follows_its_picture(transport: str) -> None:
    """JSON with `image_urls`; the output has the input's size."""
    async with visiting(picture="painted") as visitor:
        body = {
            "model": "flux-1-srpo-edit",
            "prompt": "a boat",
            "image_urls": [data_uri(picture())],
            "output_format": transport,
        }
        (item,) = (await visitor.http.post("/v1/images/edits", json=body)).json()["data"]
        file = base64.b64decode(item["b64_json"]) or (await visitor.download(item["url"])).content
        assert opened(file).size == (320, 256)
        assert (await visitor.stats())["undocumented"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"model": "flux-1-srpo-text-to-image"},
        {"image_urls": []},
        {"image_urls": ["AAAA"]},
        {"image_urls": ["https://elsewhere.example/a.png"]},
        {"image_urls": [data_uri(b"\x89PNG broken")]},
    ],
)
async def test_a_bad_edit_is_400(change: dict[str, Any]) -> None:
    """Unknown models and images that cannot be had or read."""
    async with visiting(picture="painted") as visitor:
        good = {"model": "an-edit-model", "prompt": "x", "image_urls": [data_uri(picture())]}
        answer = await visitor.http.post("/v1/images/edits", json=good | change)
        assert answer.status_code == answer.json()["error"]["code"] == 400


async def test_an_edit_model_can_be_configured() -> None:
    """An id without "edit" in it is known when the options name it."""
    async with visiting(picture="painted", edit_models=("srpo-i2i",)) as visitor:
        body = {"model": "srpo-i2i", "prompt": "x", "image_urls": [data_uri(picture())]}
        assert (await visitor.http.post("/v1/images/edits", json=body)).status_code == 200
