"""The images API over a backend: what is granted, what is refused, and when work ends."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from core import errors
from core.errors import AuthError, RateLimitError, RejectedError, UnavailableError
from core.events import Finished
from deploy import images_api
from tests.backends.services import KEY, events, params_of, self_hosted
from tests.deploy.plain import Plain, journal, refused
from tests.fakes import picture

pytestmark = pytest.mark.anyio
WISH = {"prompt": "hills", "seed": 7, "size": "48x32", "num_inference_steps": 2}
JSON = {"content-type": "application/json"}
URI = "data:image/png;base64," + base64.b64encode(picture(3, 64, 48)).decode()


def transport(plain: Plain, key: str = "") -> httpx.ASGITransport:
    key_hash = images_api.hashed(key) if key else ""
    app = images_api.create(plain, model="srpo", key_hash=key_hash, open=not key)
    return httpx.ASGITransport(app)


def client(plain: Plain, key: str = "") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport(plain, key), base_url="http://engine")


async def posted(plain: Plain, path: str = "generations", **values: Any) -> httpx.Response:
    async with client(plain) as http:
        return await http.post(f"/v1/images/{path}", json=WISH | values)


@pytest.mark.parametrize("task", ["text-to-image", "image-to-image"])
async def test_the_playground_gets_what_it_asks_for(tmp_path: Path, task: Any) -> None:
    """Its own client and this server mean the same by every field."""
    plain = Plain(tmp_path)
    backend = self_hosted(transport(plain, KEY), self_hosted_api_key=KEY, self_hosted_model="srpo")
    more = {"strength": 0.25} if task == "image-to-image" else {"width": 256, "height": 512}
    wish = params_of(backend, task, seed=9, steps=3, guidance=2.5, **more)
    last = (await events(backend.generate(wish)))[-1]
    size = (64, 48) if task == "image-to-image" else (256, 512)
    assert last == Finished(picture(9, *size))
    (asked,) = plain.asked
    assert (asked.steps, asked.guidance, asked.seed) == (3, 2.5, 9)
    assert task == "text-to-image" or asked.strength == 0.25


async def test_other_clients_may_use_our_names_a_form_and_no_seed(tmp_path: Path) -> None:
    """The answer tells the seed that was drawn; steps may be called steps."""
    plain = Plain(tmp_path)
    fields = {"prompt": "hills", "steps": "2", "strength": "0.5", "n": "1", "user": "ann"}
    async with client(plain) as http:
        file = {"image[]": ("a.png", picture(3, 64, 48), "image/png")}
        answer = await http.post("/v1/images/edits", data=fields, files=file)
    (one,) = answer.json()["data"]
    assert (answer.status_code, one["seed"]) == (200, plain.asked[0].seed)
    assert base64.b64decode(one["b64_json"]) == picture(one["seed"], 64, 48)
    assert (plain.asked[0].steps, plain.asked[0].strength) == (2, 0.5)


async def test_openais_own_client_works(tmp_path: Path) -> None:
    """Making, editing, listing."""
    openai = pytest.importorskip("openai", reason="only in requirements-dev.txt")
    plain = Plain(tmp_path)
    async with client(plain, KEY) as http:
        service = openai.AsyncOpenAI(api_key=KEY, base_url="http://engine/v1", http_client=http)
        made = await service.images.generate(model="srpo", prompt="hills", size="256x256")
        changed = await service.images.edit(
            model="srpo", prompt="hills", image=("a.png", picture(3, 64, 48), "image/png")
        )
        models = [model.id async for model in service.models.list()]
    assert made.data[0].b64_json and changed.data[0].b64_json
    assert models == ["srpo"]


@pytest.mark.parametrize(
    ("values", "param", "said"),
    [
        ({"n": 2}, "n", "One request makes one image"),
        ({"response_format": "url"}, "response_format", "must be b64_json"),
        ({"stream": True}, "stream", "must be false"),
        ({"size": "large"}, "size", "like 1024x1024"),
        ({"size": "9000x32"}, "width", "from 16 to 1024"),
        ({"num_inference_steps": 0}, "num_inference_steps", "from 1 to 50"),
        ({"guidance_scale": "much"}, "guidance_scale", "from 1 to 20"),
        ({"seed": -7}, "seed", "from -1"),
        ({"prompt": ""}, "prompt", "is empty"),
        ({"prompt": None}, "prompt", "is missing"),
        ({"style": "vivid"}, "style", "no setting called “style”"),
        ({"strength": 0.5}, "strength", "no setting called"),
    ],
    ids=str,
)
async def test_a_wish_that_cannot_be_granted_is_refused(
    tmp_path: Path, values: Any, param: str, said: str
) -> None:
    """With a sentence and the caller's own name of the field; nothing is dropped, nothing begun."""
    plain = Plain(tmp_path)
    answer = await posted(plain, **values)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, param)
    assert said in error["message"] and error["type"] == "invalid_request_error"
    assert not plain.asked


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (None, "no image to start from"),
        ("https://example.com/a.png", "data URI"),
        ("data:image/png;base64,@@@", "data URI"),
        ("data:image/png;base64,aGVsbG8=", "cannot be"),
        ({"url": URI}, "data URI"),
    ],
    ids=["none", "address", "no base64", "no image", "object"],
)
async def test_a_picture_comes_inside_the_request(tmp_path: Path, image: Any, said: str) -> None:
    """No address is fetched for anybody."""
    plain = Plain(tmp_path)
    answer = await posted(plain, "edits", size=None, image=image)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], plain.asked) == (400, "image", [])
    assert said in error["message"] or "image" in error["message"]


async def test_an_edit_keeps_the_shape_of_its_picture(tmp_path: Path) -> None:
    """A size that would be ignored is refused; two images are one too many."""
    plain = Plain(tmp_path)
    assert (await posted(plain, "edits", image=URI)).json()["error"]["param"] == "size"
    assert (await posted(plain, "edits", image=URI, size="auto")).status_code == 200
    async with client(plain) as http:
        files = [("image[]", ("a.png", picture(3), "image/png"))] * 2
        answer = await http.post("/v1/images/edits", data={"prompt": "hills"}, files=files)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "image")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": b"{not json", "headers": JSON}, 400),
        ({"content": b"[" * 100_000, "headers": JSON}, 400),
        ({"json": ["hills"]}, 400),
        ({"json": {"prompt": "hills", "model": "another"}}, 404),
        ({"content": b"x" * 28_000_001, "headers": JSON}, 413),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=b"}}, 400),
    ],
    ids=["garbage", "deep", "list", "model", "large", "form"],
)
async def test_what_is_no_request_is_refused_in_the_same_shape(
    tmp_path: Path, sent: Any, status: int
) -> None:
    """Every client can read why."""
    plain = Plain(tmp_path)
    async with client(plain) as http:
        answer = await http.post("/v1/images/generations", **sent)
        nowhere = await http.get("/v1/nothing")
    assert answer.status_code == status
    assert answer.json()["error"]["message"].endswith((".", "boundary"))
    assert (nowhere.status_code, set(nowhere.json()["error"])) == (
        404,
        {"message", "type", "param", "code"},
    )


async def test_a_key_opens_everything_but_the_pulse(tmp_path: Path) -> None:
    """Without it nothing is made and nothing is told."""
    plain = Plain(tmp_path)
    async with client(plain, KEY) as http:
        assert (await http.get("/healthz")).json() == {"status": "ok"}
        for headers in ({}, {"Authorization": "Bearer no"}, {"Authorization": f"Basic {KEY}"}):
            for path in ("generations", "edits"):
                answer = await http.post(f"/v1/images/{path}", json=WISH, headers=headers)
                assert answer.status_code == 401
            assert (await http.get("/v1/models", headers=headers)).status_code == 401
        allowed = {"Authorization": f"Bearer {KEY}"}
        models = (await http.get("/v1/models", headers=allowed)).json()["data"]
    assert ([one["id"] for one in models], plain.asked) == (["srpo"], [])
    backend = self_hosted(transport(plain, KEY), self_hosted_api_key="another key")
    with pytest.raises(AuthError):
        await events(backend.generate(params_of(backend, "text-to-image", width=256, height=256)))


@pytest.mark.parametrize(
    ("failure", "status", "kind", "said"),
    [
        (refused(errors.NotReadyError), 503, RateLimitError, "warming up"),
        (refused(errors.RateLimitError), 429, RateLimitError, "no more requests"),
        (refused(errors.RejectedError), 400, RejectedError, "A sentence. Do this."),
        (refused(errors.UnavailableError), 500, UnavailableError, "fault of its own"),
        (ZeroDivisionError("secret of line 7"), 500, UnavailableError, "fault of its own"),
    ],
    ids=["loading", "full", "refused", "failed", "broken"],
)
async def test_a_bad_day_is_told_so_that_the_playground_understands(
    tmp_path: Path, failure: Exception, status: int, kind: Any, said: str
) -> None:
    """What has not begun is asked for again later; a fault shows nothing of the inside."""
    plain = Plain(tmp_path, failure=failure)
    answer = await posted(plain)
    assert answer.status_code == status
    assert "secret" not in answer.text and "Traceback" not in answer.text
    assert ("retry-after" in answer.headers) == (status in (429, 503))
    backend = self_hosted(transport(plain))
    with pytest.raises(kind, match=said) as caught:
        await events(backend.generate(params_of(backend, "text-to-image", width=256, height=256)))
    assert caught.value.charged == "no"


async def test_a_client_that_goes_ends_the_work_within_a_step(tmp_path: Path) -> None:
    """The engine is free for the next one at once."""
    plain = Plain(tmp_path, step_s=0.05)
    app = images_api.create(plain, model="srpo", open=True)
    leaving = asyncio.Event()
    body = json.dumps(WISH | {"num_inference_steps": 50}).encode()
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    said: list[Any] = []

    async def receive() -> Any:
        if waiting:
            return waiting.pop()
        await leaving.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        said.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/images/generations"}
    scope |= {"headers": [(b"content-type", b"application/json")], "query_string": b""}
    request = asyncio.create_task(app(scope, receive, send))
    while not journal(tmp_path):
        await asyncio.sleep(0.01)
    leaving.set()
    await asyncio.wait_for(request, 5)
    lines = journal(tmp_path)
    assert [line.word for line in lines] == ["begun", "cancelled"]
    assert lines[-1].step < 50
    assert said[0]["status"] == 499


async def test_a_server_that_stops_ends_the_work_too(tmp_path: Path) -> None:
    """Being cancelled reaches the backend."""
    plain = Plain(tmp_path, step_s=0.05)
    request = asyncio.create_task(posted(plain, num_inference_steps=50))
    while not journal(tmp_path):
        await asyncio.sleep(0.01)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert [line.word for line in journal(tmp_path)] == ["begun", "cancelled"]


def test_without_a_key_it_does_not_start_by_itself(tmp_path: Path) -> None:
    """Whoever wants it open says so."""
    with pytest.raises(errors.InputError, match="everybody") as caught:
        images_api.create(Plain(tmp_path), model="srpo")
    assert "open=1" in caught.value.advice


@pytest.mark.parametrize("given", [None, "Bearer ", "Bearer", "Basic eDp5"])
async def test_no_key_is_never_the_right_key(tmp_path: Path, given: str | None) -> None:
    """Not even where somebody made the hash of an empty one."""
    app = images_api.create(Plain(tmp_path), model="srpo", key_hash=images_api.hashed(""))
    headers = {"Authorization": given} if given else {}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://engine"
    ) as http:
        answer = await http.get("/v1/models", headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize("key", ["", KEY], ids=["open", "with a key"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://engine.evil.example"])
@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
async def test_a_page_of_another_site_gets_nothing(
    tmp_path: Path, key: str, origin: str, kind: str
) -> None:
    """Not even with the key, which a page might have found."""
    plain = Plain(tmp_path)
    headers = {"Origin": origin, "Content-Type": kind, "Authorization": f"Bearer {key}"}
    async with client(plain, key) as http:
        answer = await http.post(
            "/v1/images/generations", content=json.dumps(WISH), headers=headers
        )
        listed = await http.get("/v1/models", headers=headers)
    assert (answer.status_code, listed.status_code, plain.asked) == (403, 403, [])


async def test_its_own_origin_is_served(tmp_path: Path) -> None:
    """A page that the same server offers, through a proxy in front of both."""
    plain = Plain(tmp_path)
    async with client(plain) as http:
        headers = {"Origin": "https://engine"}
        answer = await http.post("/v1/images/generations", json=WISH, headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "text/plain; application/json", "", "image/png"])
async def test_only_json_and_forms_are_read(tmp_path: Path, kind: str) -> None:
    """What a browser sends without asking first is no request."""
    plain = Plain(tmp_path)
    headers = {"Content-Type": kind} if kind else {}
    async with client(plain) as http:
        answer = await http.post(
            "/v1/images/generations", content=json.dumps(WISH), headers=headers
        )
    assert (answer.status_code, plain.asked) == (415, [])
    assert "application/json" in answer.json()["error"]["message"]
