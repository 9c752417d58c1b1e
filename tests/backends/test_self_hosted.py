"""Engines of one's own: what goes out in each dialect, word for word, and how bad days end."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

import backends
from backends import Settings
from backends.self_hosted import DIALECTS
from core.backend import usual_price
from core.errors import BackendError, RateLimitError, RejectedError, UnavailableError
from core.events import Finished
from tests.backends.services import (
    ANSWER,
    KEY,
    Recording,
    engine_ok,
    events,
    given,
    params_of,
    self_hosted,
)

pytestmark = pytest.mark.anyio
WISH = {"prompt": "hills", "width": 512, "height": 768, "seed": 7}
COMMON = {"prompt": "hills", "n": 1, "response_format": "b64_json", "seed": 7}
PAINTING = {"num_inference_steps": 28, "guidance_scale": 3.5}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_text_is_sent_word_for_word(dialect: str) -> None:
    """The seed always goes out; steps and guidance only where the engine has them."""
    service = Recording(engine_ok)
    backend = self_hosted(service.transport, dialect, self_hosted_model="srpo-v1")
    found = await events(backend.generate(params_of(backend, "text-to-image", **WISH)))
    assert found[-1] == Finished(ANSWER)
    extra = {} if dialect == "openai" else PAINTING
    assert service.body() == COMMON | {"model": "srpo-v1", "size": "512x768"} | extra
    assert str(service.posts[0].url) == "http://engine.lan:8000/v1/images/generations"
    assert "authorization" not in service.posts[0].headers


async def test_our_own_server_takes_a_strength() -> None:
    """As JSON, with the image as a data URI."""
    service = Recording(engine_ok)
    backend = self_hosted(service.transport)
    wish = params_of(backend, "image-to-image", prompt="hills", seed=7, strength=0.4)
    await events(backend.generate(wish))
    body = service.body()
    assert body.pop("image").startswith("data:image/png;base64,")
    assert body == COMMON | PAINTING | {"strength": 0.4}
    assert service.posts[0].url.path == "/v1/images/edits"


@pytest.mark.parametrize("dialect", ["sglang", "vllm-omni", "openai"])
async def test_an_edit_is_a_form_with_a_file(dialect: str) -> None:
    """There is no strength in these, so the form has none either."""
    service = Recording(engine_ok)
    backend = self_hosted(service.transport, dialect)
    kind = backend.tasks["image-to-image"]
    assert "strength" not in kind.model_fields
    await events(backend.generate(params_of(backend, "image-to-image", prompt="hills", seed=7)))
    request = service.posts[0]
    assert request.headers["content-type"].startswith("multipart/form-data")
    names = set(re.findall(rb'name="([a-z_]+)"', request.content))
    extra = set() if dialect == "openai" else {b"num_inference_steps", b"guidance_scale"}
    assert names == {b"prompt", b"n", b"response_format", b"seed", b"image"} | extra
    assert given().data in request.content
    assert b"data:image" not in request.content


@pytest.mark.parametrize("after", [None, "3"])
async def test_an_engine_that_loads_its_model_is_waited_for(after: str | None) -> None:
    """503 keeps the job's place; the sentence says what is going on."""
    headers = {"retry-after": after} if after else {}
    service = Recording(lambda _request: httpx.Response(503, headers=headers, json={"detail": "x"}))
    backend = self_hosted(service.transport, "vllm-omni")
    with pytest.raises(RateLimitError, match="warming up") as caught:
        await events(backend.generate(params_of(backend, "text-to-image")))
    assert caught.value.retry_after == (3.0 if after else 10.0)


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (
            httpx.Response(422, json={"detail": [{"loc": ["size"], "msg": "too big"}]}),
            RejectedError,
            "too big",
        ),
        (httpx.Response(400, json={"detail": "no such model"}), RejectedError, "no such model"),
        (httpx.Response(500, text="<h1>oops</h1>"), UnavailableError, "fault of its own"),
        (httpx.Response(200, text="another dialect"), BackendError, "cannot be understood"),
    ],
    ids=["fastapi", "plain", "html", "nonsense"],
)
async def test_a_bad_day_is_a_sentence_and_never_a_bill(
    answer: httpx.Response, kind: Any, said: str
) -> None:
    """Nobody is sent to an account that does not exist."""
    backend = self_hosted(Recording(lambda _request: answer).transport, "sglang")
    with pytest.raises(kind, match=said) as caught:
        await events(backend.generate(params_of(backend, "text-to-image")))
    assert (caught.value.charged, "account" in caught.value.advice) == ("no", False)


def test_it_exists_only_with_an_address() -> None:
    """And is then real, free and ready, with a key or without one."""
    assert "self-hosted" not in backends.create(Settings(_env_file=None))
    for key in (None, KEY):
        settings = Settings(
            self_hosted_base_url="http://engine.lan/v1/", self_hosted_api_key=key, _env_file=None
        )
        backend = backends.create(settings)["self-hosted"]
        assert (backend.sandbox, backend.paid, usual_price(backend)) == (False, False, 0.0)
        assert (backend.problem(), set(backend.tasks)) == ("", {"text-to-image", "image-to-image"})
