"""fal: the wire as its pages describe it, its queue, a cancel that works, its addresses."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from backends import Settings
from backends.fal import PRESETS, Fal, FalImage, FalText, body, endpoint, request_path
from core.backend import Cancellable, Resumable
from core.errors import BlockedError, RejectedError, RunTimeoutError
from core.events import Accepted, Delivered, Finished, Queued, Running
from core.params import BASE
from sandbox import Options, create_app
from sandbox.schemas import FalImageBody, FalTextBody
from tests.backends.services import ANSWER, KEY, Recording, events, fal, fal_ok, fal_told, given
from tests.conftest import Studios

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
URI = "data:image/png;base64,AAAA"


def drawn(seed: int) -> FalText | FalImage:
    """Return params as the form may make them."""
    rng = random.Random(seed)
    shared: dict[str, Any] = {
        "prompt": rng.choice(["a boat", "“ü” \\ 🚤", "x" * 500]),
        "seed": rng.randrange(2**31),
        "guidance": round(rng.uniform(1, 20), 1),
        "acceleration": rng.choice(["none", "regular", "high"]),
        "safety_checker": rng.random() < 0.5,
        "output_format": rng.choice(["jpeg", "png"]),
    }
    if seed % 2:
        model = rng.choice(["flux-1/srpo", BASE])
        strength, steps = round(rng.uniform(0.01, 1), 2), rng.randint(10, 50)
        return FalImage(image=given(), model=model, strength=strength, steps=steps, **shared)
    width, height = rng.choice([*PRESETS, (rng.randint(256, 1536), rng.randint(256, 1536))])
    model, steps = rng.choice(["flux-1/srpo", "flux/srpo", BASE]), rng.randint(1, 50)
    return FalText(width=width, height=height, model=model, steps=steps, **shared)


@pytest.mark.parametrize("seed", range(20))
def test_the_stand_in_reads_what_is_sent_as_it_is_meant(seed: int) -> None:
    """Each field has the value of the form; `test_fal_wire.py` asks the service's own pages."""
    params = drawn(seed)
    sent = body(params, URI)
    schema = FalImageBody if isinstance(params, FalImage) else FalTextBody
    read = schema.model_validate(sent)
    assert not read.undocumented
    assert (read.prompt, read.seed, read.num_images) == (params.prompt, params.seed, 1)
    assert (read.num_inference_steps, read.guidance_scale) == (params.steps, params.guidance)
    assert (read.acceleration, read.output_format) == (params.acceleration, params.output_format)
    assert read.enable_safety_checker is params.safety_checker
    if isinstance(read, FalTextBody) and isinstance(params, FalText):
        assert read.sides == (params.width, params.height)
        assert isinstance(sent["image_size"], str) == ((params.width, params.height) in PRESETS)
    elif isinstance(read, FalImageBody) and isinstance(params, FalImage):
        assert (read.image_url, read.strength) == (URI, params.strength)
        assert "image_size" not in sent


def test_the_models_have_the_addresses_of_their_pages() -> None:
    """The base model is marked by its name, in the form and in what is kept."""
    paths = {
        endpoint(FalText(prompt="a", model=model)): request_path(
            FalText(prompt="a", model=model), "x"
        )
        for model in ("flux-1/srpo", "flux/srpo", BASE)
    }
    assert paths == {
        "/fal-ai/flux-1/srpo": "/fal-ai/flux-1/requests/x",
        "/fal-ai/flux/srpo": "/fal-ai/flux/requests/x",
        "/fal-ai/flux-1/dev": "/fal-ai/flux-1/requests/x",
    }
    edit = FalImage(prompt="a", image=given())
    assert endpoint(edit) == "/fal-ai/flux-1/srpo/image-to-image"
    assert "base of SRPO" in BASE


def test_the_price_is_by_the_megapixel_rounded_up() -> None:
    """Of the size that is asked for, or of the image that is followed."""
    backend = fal(None)
    prices = {
        (512, 512): 0.025,
        (1000, 1000): 0.025,
        (1024, 1024): 0.05,
        (1536, 1536): 0.075,
    }
    for (width, height), price in prices.items():
        asked = FalText(prompt="a", width=width, height=height)
        assert backend.price(asked) == pytest.approx(price)
    large = given().model_copy(update={"width": 2000, "height": 1500})
    assert backend.price(FalImage(prompt="a", image=large)) == pytest.approx(0.075)
    assert fal(None, key=None).price(FalText(prompt="a")) == 0


async def test_the_key_goes_as_a_key_and_to_the_api_alone() -> None:
    """`Key`, not `Bearer`; the file is fetched without it."""
    service = Recording(fal_ok)
    await events(fal(service.transport).generate(FalText(prompt="a", seed=1)))
    for request in service.requests:
        wanted = f"Key {KEY}" if request.url.host == "queue.fal.run" else None
        assert request.headers.get("authorization") == wanted
    assert {one.url.host for one in service.requests} == {"queue.fal.run", "v3.fal.media"}
    # One send, one stream, one result, one download: no more than that.
    assert len(service.requests) == 4


async def test_the_place_in_the_queue_is_told() -> None:
    """From the answer to the submit, then from the stream; fal counts from 0, people from 1."""
    told = [fal_told(queue_position=2), fal_told("IN_PROGRESS", logs=None), fal_told("COMPLETED")]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/stream"):
            text = ": hello\n\n" + "".join(f"data: {json.dumps(one)}\n\n" for one in told)
            return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})
        return fal_ok(request)

    found = await events(fal(Recording(answer).transport).generate(FalText(prompt="a", seed=1)))
    assert found[:4] == [Accepted("abc-1"), Queued(1), Queued(3), Running()]
    assert found[4:] == [Delivered(outputs="https://v3.fal.media/1.png"), Finished(ANSWER)]


class Told(httpx.AsyncByteStream):
    """A stream of events that is done at once, and ends `after` so many seconds."""

    def __init__(self, after: float) -> None:
        self.after, self.read = after, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield f"data: {json.dumps(fal_told('COMPLETED', logs=None))}\n\n".encode()
        await asyncio.sleep(self.after)
        self.read = True


@pytest.mark.parametrize("after", [0.0, 30.0])
async def test_a_stream_is_read_to_its_end_if_that_is_near(after: float) -> None:
    """Its connection then serves the result; a stream that stays open is not waited for."""
    told = Told(after)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/stream"):
            kind = {"content-type": "text/event-stream"}
            return httpx.Response(200, stream=told, headers=kind)
        return fal_ok(request)

    async with asyncio.timeout(5):
        found = await events(fal(Recording(answer).transport).generate(FalText(prompt="a", seed=1)))
    assert found[-1] == Finished(ANSWER)
    assert told.read == (after == 0)


@pytest.mark.parametrize("broken", [404, 500, "page", "short"])
async def test_without_the_stream_the_status_is_asked_for(broken: Any) -> None:
    """However it fails: the image comes all the same."""
    states = iter(["IN_QUEUE", "IN_PROGRESS", "COMPLETED"])
    done = False

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal done
        path = request.url.path
        if path.endswith("/stream"):
            if isinstance(broken, int):
                return httpx.Response(broken)
            kind = "text/html" if broken == "page" else "text/event-stream"
            return httpx.Response(200, text="data: {}\n", headers={"content-type": kind})
        if path.endswith("/status"):
            state = next(states)
            done = state == "COMPLETED"
            return httpx.Response(200 if done else 202, json=fal_told(state, queue_position=0))
        if "/requests/" in path and not done:
            return httpx.Response(400, json={"detail": "Request is still in progress"})
        return fal_ok(request)

    service = Recording(answer)
    found = await events(fal(service.transport).generate(FalText(prompt="a", seed=1)))
    assert found[-1] == Finished(ANSWER)
    assert sum(one.url.path.endswith("/status") for one in service.requests) == 3


async def test_a_request_is_gone_only_when_its_result_is() -> None:
    """Its status is not found for ever; its result says that it is in progress, and then comes."""
    asked = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        path = request.url.path
        if "/status" in path:
            return httpx.Response(404, json={"detail": "Request not found"})
        if request.method == "GET" and path.endswith("/abc-1"):
            asked += 1
            if asked < 3:
                return httpx.Response(400, json={"detail": "Request is still in progress"})
        return fal_ok(request)

    found = await events(fal(Recording(answer).transport).generate(FalText(prompt="a", seed=1)))
    assert found[-1] == Finished(ANSWER)
    assert asked == 3


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/fal-ai/flux-1/requests/abc-1",
        "http://queue.fal.run/fal-ai/flux-1/requests/abc-1",
        "https://queue.fal.run@evil.example/x",
        "https://queue.fal.run/x?next=https://evil.example",
        "//evil.example/x",
        7,
        None,
    ],
)
async def test_addresses_are_followed_on_the_configured_host_only(address: Any) -> None:
    """Another host never sees the key, whatever the answer to the submit says."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            told = fal_told(response_url=address, status_url=address, cancel_url=address)
            return httpx.Response(200, json=told)
        return fal_ok(request)

    service = Recording(answer)
    found = await events(fal(service.transport).generate(FalText(prompt="a", seed=1)))
    assert found[-1] == Finished(ANSWER)
    asked = {
        (one.url.host, one.url.path) for one in service.requests if one.url.host != "v3.fal.media"
    }
    assert {host for host, _ in asked} == {"queue.fal.run"}
    assert ("queue.fal.run", "/fal-ai/flux-1/requests/abc-1") in asked


@pytest.mark.parametrize(
    ("status", "told", "kind"),
    [
        (422, {"detail": [{"type": "content_policy_violation", "msg": "no"}]}, BlockedError),
        (422, {"detail": [{"type": "image_too_small", "msg": "small <b>x</b>"}]}, RejectedError),
    ],
)
async def test_a_request_that_ended_badly_is_over(status: int, told: Any, kind: Any) -> None:
    """The queue refuses at the result, when an id is known: final, and perhaps charged."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "GET" and path.endswith("/abc-1"):
            return httpx.Response(status, json=told)
        return fal_ok(request)

    with pytest.raises(kind) as caught:
        await events(fal(Recording(answer).transport).generate(FalText(prompt="a", seed=1)))
    error = caught.value
    assert (type(error), error.charged, error.request_id) == (kind, "maybe", "abc-1")
    assert "<" not in str(error)


async def test_what_does_not_come_stays_pending() -> None:
    """A gateway's bad day, a lost key: the request is asked for again later."""

    def answer(request: httpx.Request) -> httpx.Response:
        return fal_ok(request) if request.method == "POST" else httpx.Response(502, text="<html>")

    backend = fal(Recording(answer).transport, deadline_s=0.4)
    with pytest.raises(RunTimeoutError) as caught:
        await events(backend.generate(FalText(prompt="a", seed=1)))
    assert (caught.value.request_id, caught.value.charged) == ("abc-1", "yes")
    assert isinstance(backend, Resumable)
    again = fal(Recording(fal_ok).transport)
    found = await events(again.resume(FalText(prompt="a", seed=1), "abc-1"))
    assert found[-1] == Finished(ANSWER)


def played(**options: Any) -> tuple[Fal, Any]:
    """Return a paid backend on a sandbox of its own."""
    app = create_app(Options(picture="fixed", balance=9.0, **options))
    settings = Settings(fal_key="k", fal_base_url="http://box.local", fal_max_concurrency=9)
    return Fal(settings, transport=httpx.ASGITransport(app=app)), app.state.sandbox


async def test_a_request_in_their_queue_is_cancelled_for_nothing(studios: Studios) -> None:
    """Two runners' worth of work ahead of it: it leaves the queue and is never charged."""
    backend, box = played(latency=1.5, runners=1)
    assert isinstance(backend, Cancellable)
    studio = await studios.open(backend)
    params = [FalText(prompt=f"hills {n}", width=256, height=256, seed=n) for n in range(2)]
    first, second = [await studio.submit("fal", one, owner="ann") for one in params]
    for _ in range(200):
        await asyncio.sleep(0.02)
        if (active := studio._active.get(second.id)) and active.unbegun:
            break
    gone = await studio.cancel(second.id, owner="ann")
    assert (gone.state, gone.charged) == ("cancelled", "no")
    went_on = await studio.cancel(first.id, owner="ann")
    assert went_on.state in ("running", "finished")
    end = await studio.result(first.id, owner="ann")
    assert (end.job.state, end.job.charged) == ("finished", "yes")
    stats = box.stats()
    assert (stats["charges"], stats["posts"], stats["credentials_leaked"]) == (1, 2, 0)
    assert stats["cancels"] == 1  # one that was begun is paid for: it is not even asked about
    await studio.aclose()


async def test_it_is_whole_against_the_stand_in() -> None:
    """Both tasks, charged once each, nothing undocumented sent."""
    backend, box = played(latency=0.05)
    for params in (
        FalText(prompt="hills", width=256, height=256, seed=1),
        FalImage(prompt="hills", image=given(), seed=1),
    ):
        found = await events(backend.generate(params))
        assert isinstance(found[-1], Finished)
    stats = box.stats()
    assert (stats["charges"], stats["undocumented"]) == (2, [])
