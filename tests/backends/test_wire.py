"""What goes over the wire: what the services' pages document, and the key to nobody else."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from core import pictures
from tests.backends.services import (
    ANSWER,
    KEY,
    Recording,
    events,
    given,
    params_of,
    prediction,
    siraya,
    siraya_ok,
    wavespeed,
    wavespeed_ok,
)

pytestmark = pytest.mark.anyio

WAVESPEED_TEXT = {
    "prompt",
    "size",
    "strength",
    "num_inference_steps",
    "seed",
    "guidance_scale",
    "output_format",
    "enable_base64_output",
    "enable_sync_mode",
}
WAVESPEED_IMAGE = WAVESPEED_TEXT - {"size"} | {"image"}
SIRAYA_TEXT = {
    "model",
    "prompt",
    "size",
    "image_size",
    "num_inference_steps",
    "guidance_scale",
    "acceleration",
    "seed",
    "enable_safety_checker",
    "n",
    "output_format",
}


@pytest.mark.parametrize("model", ["flux-1-srpo", "flux-srpo"])
async def test_wavespeed_text_to_image(model: str) -> None:
    """The body of the two text pages, to their paths."""
    service = Recording(wavespeed_ok)
    backend = wavespeed(service.transport)
    wish = params_of(backend, "text-to-image", model=model, width=768, height=1024, guidance=4.5)
    await events(backend.generate(wish))
    assert str(service.posts[0].url) == f"https://api.wavespeed.ai/api/v3/wavespeed-ai/{model}"
    assert service.posts[0].headers["authorization"] == f"Bearer {KEY}"
    assert service.body() == {
        "prompt": "a boat",
        "size": "768*1024",
        "num_inference_steps": 28,
        "seed": 5,
        "guidance_scale": 4.5,
        "output_format": "jpeg",
        "enable_base64_output": False,
        "enable_sync_mode": False,
    }
    assert set(service.body()) <= WAVESPEED_TEXT
    assert backend.sent(wish) == service.body()


@pytest.mark.parametrize("model", ["flux-1-srpo", "flux-srpo"])
async def test_wavespeed_image_to_image(model: str) -> None:
    """No size, the image as a data URI of its real type, the task in the path."""
    service = Recording(wavespeed_ok)
    backend = wavespeed(service.transport)
    wish = params_of(backend, "image-to-image", model=model, strength=0.35, output_format="png")
    await events(backend.generate(wish))
    path = f"/api/v3/wavespeed-ai/{model}/image-to-image"
    assert service.posts[0].url.path == path
    uri = "data:image/png;base64," + base64.b64encode(given().data).decode()
    assert service.body() == {
        "prompt": "a boat",
        "image": uri,
        "strength": 0.35,
        "num_inference_steps": 28,
        "seed": 5,
        "guidance_scale": 3.5,
        "output_format": "png",
        "enable_base64_output": False,
        "enable_sync_mode": False,
    }
    assert set(service.body()) <= WAVESPEED_IMAGE
    assert backend.sent(wish) == service.body() | {"image": given().describe()}


async def test_siraya_text_to_image() -> None:
    """A preset goes by its name, the seed is explicit, the image comes in the answer."""
    service = Recording(siraya_ok)
    backend = siraya(service.transport)
    wish = params_of(backend, "text-to-image", width=1024, height=768)
    await events(backend.generate(wish))
    assert str(service.posts[0].url) == "https://image.siraya.pro/v1/images/generations"
    assert service.posts[0].headers["authorization"] == f"Bearer {KEY}"
    assert service.body() == {
        "model": "flux-1-srpo-text-to-image",
        "prompt": "a boat",
        "size": "landscape_4_3",
        "num_inference_steps": 28,
        "guidance_scale": 4.5,
        "acceleration": "regular",
        "seed": 5,
        "enable_safety_checker": True,
        "n": 1,
        "output_format": "b64_json",
    }
    assert backend.sent(wish) == service.body()


@pytest.mark.parametrize(
    ("width", "height", "shape"),
    [
        (1024, 1024, {"size": "square_hd"}),
        (512, 512, {"size": "square"}),
        (768, 1024, {"size": "portrait_4_3"}),
        (576, 1024, {"size": "portrait_16_9"}),
        (1024, 768, {"size": "landscape_4_3"}),
        (1024, 576, {"size": "landscape_16_9"}),
        (1024, 752, {"image_size": {"width": 1024, "height": 752}}),
        (256, 1536, {"image_size": {"width": 256, "height": 1536}}),
    ],
)
def test_siraya_sizes(width: int, height: int, shape: dict[str, Any]) -> None:
    """Exactly one of the two size fields is sent."""
    backend = siraya(Recording(siraya_ok).transport)
    sent = backend.sent(params_of(backend, "text-to-image", width=width, height=height))
    assert {name: sent[name] for name in ("size", "image_size") if name in sent} == shape
    assert set(sent) <= SIRAYA_TEXT


async def test_siraya_edits_need_a_model_and_send_only_what_is_documented() -> None:
    """Image-to-image exists with SIRAYA_EDIT_MODEL alone, and has no seed to pretend with."""
    assert set(siraya(None, edit=None).tasks) == {"text-to-image"}
    service = Recording(siraya_ok)
    backend = siraya(service.transport)
    await events(backend.generate(params_of(backend, "image-to-image")))
    assert service.posts[0].url.path == "/v1/images/edits"
    assert service.body() == {
        "model": "edit-1",
        "prompt": "a boat",
        "image_urls": ["data:image/png;base64," + base64.b64encode(given().data).decode()],
        "n": 1,
        "output_format": "b64_json",
    }
    assert "seed" not in backend.tasks["image-to-image"].model_fields


async def test_a_large_picture_is_uploaded_first_and_without_the_key() -> None:
    """Over 6 MB encoded: a ticket, a PUT to wherever it says, and the address in the body."""
    noise = pictures.Picture(
        sha256="a" * 64, media_type="image/png", width=64, height=48, data=bytes(5_000_000)
    )

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v3/media/uploads":
            upload = {
                "method": "PUT",
                "url": "https://store.example/put/1",
                "headers": {"x-a": "b"},
            }
            data = {"download_url": "https://store.example/get/1", "upload": upload}
            return httpx.Response(200, json={"code": 200, "message": "success", "data": data})
        if request.method == "PUT":
            return httpx.Response(200)
        return wavespeed_ok(request)

    service = Recording(answer)
    backend = wavespeed(service.transport)
    await events(backend.generate(params_of(backend, "image-to-image", image=noise)))
    put = next(one for one in service.requests if one.method == "PUT")
    assert str(put.url) == "https://store.example/put/1"
    assert (put.content, put.headers["x-a"]) == (noise.data, "b")
    assert "authorization" not in put.headers
    assert service.body(0) == {
        "filename": "aaaaaaaaaaaaaaaa.png",
        "size": 5_000_000,
        "content_type": "image/png",
    }
    assert service.body(1)["image"] == "https://store.example/get/1"


async def test_the_key_goes_to_the_api_host_only() -> None:
    """The download host never sees it, nor does anything that prints the backend."""
    service = Recording(wavespeed_ok)
    backend = wavespeed(service.transport)
    await events(backend.generate(params_of(backend, "text-to-image")))
    for request in service.requests:
        assert ("authorization" in request.headers) == (request.url.host == "api.wavespeed.ai")
    assert {request.url.host for request in service.requests} == {"api.wavespeed.ai", "cdn.example"}
    assert KEY not in repr(vars(backend))


@pytest.mark.parametrize(
    ("make", "good"), [(wavespeed, wavespeed_ok), (siraya, siraya_ok)], ids=["wavespeed", "siraya"]
)
async def test_a_costly_request_has_these_headers_and_no_others(make: Any, good: Any) -> None:
    """The key and the type of the body; the rest is how HTTP itself is spoken."""
    service = Recording(good)
    backend = make(service.transport)
    await events(backend.generate(params_of(backend, "text-to-image")))
    head = dict(service.posts[0].headers)
    spoken = ("host", "accept", "accept-encoding", "connection", "user-agent", "content-length")
    assert {name: text for name, text in head.items() if name not in spoken} == {
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
    }


async def test_an_id_is_one_segment_of_the_path_whatever_it_contains() -> None:
    """Opaque means opaque: a slash in an id does not lead elsewhere."""
    strange = "../abc?x#y/1"

    def answer(request: httpx.Request) -> httpx.Response:
        if "/predictions/" in request.url.path:
            return prediction(id=strange)
        return wavespeed_ok(request)

    service = Recording(answer)
    backend = wavespeed(service.transport)
    await events(backend.resume(params_of(backend, "text-to-image"), strange))
    asked = service.requests[0].url.raw_path.decode()
    assert asked == "/api/v3/predictions/..%2Fabc%3Fx%23y%2F1/result"


async def test_addresses_are_fetched_as_they_came() -> None:
    """Siraya's addresses hold a %2F that must stay one."""
    address = "https://resource.siraya.pro/image/generated%2Fsiraya_f6.png"

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, content=ANSWER)
        data = [{"url": address, "b64_json": "", "revised_prompt": ""}]
        return httpx.Response(200, json={"data": data, "created": 1})

    service = Recording(answer)
    backend = siraya(service.transport)
    await events(backend.generate(params_of(backend, "text-to-image")))
    assert service.requests[-1].url.raw_path == b"/image/generated%2Fsiraya_f6.png"


async def test_a_resume_sends_nothing_costly() -> None:
    """Picking a job up again asks and downloads; it never posts."""
    service = Recording(wavespeed_ok)
    backend = wavespeed(service.transport)
    await events(backend.resume(params_of(backend, "text-to-image"), "abc/1"))
    assert service.posts == []


async def test_balance_and_price_are_asked_for() -> None:
    """In dollars, from the service's own endpoints, for each model; nonsense changes nothing."""
    cheap = {"balance": 12.5, "price": 0.04, "discounted_price": 0.03, "currency": "USD"}
    dear = {"price": 0.05, "currency": "USD"}

    def answer(request: httpx.Request) -> httpx.Response:
        model = json.loads(request.content or b"{}").get("model_id", "")
        data = told.get(model, cheap)
        return httpx.Response(200, json={"code": 200, "data": data})

    told: dict[str, Any] = {"wavespeed-ai/flux-srpo": dear}
    recording = Recording(answer)
    backend = wavespeed(recording.transport)
    text = backend.tasks["text-to-image"]
    first, second = text(prompt="a"), text(prompt="a", model="flux-srpo")
    await backend.refresh()
    assert (backend.balance_usd, backend.price(first), backend.price(second)) == (12.5, 0.03, 0.05)
    told = {f"wavespeed-ai/{name}": {"price": "free"} for name in ("flux-srpo", "flux-1-srpo")}
    await backend.refresh()
    assert (backend.price(first), backend.price(second)) == (0.03, 0.05)
