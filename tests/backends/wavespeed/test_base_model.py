"""FLUX.1 [dev] on WaveSpeed, which SRPO was made from: its one path, its price, its name."""

from __future__ import annotations

import random
from typing import Any

import httpx
import pytest

from backends import Settings
from backends.wavespeed import WaveSpeed, WaveSpeedImage, WaveSpeedText, body, path
from core import metadata
from core.backend import usual_price
from core.errors import OverBudgetError
from core.jobs.budget import Budget
from core.params import BASE, TASKS
from sandbox import Options, create_app
from sandbox.schemas import BaseBody, ImageBody, TextBody
from tests.backends.services import events, given, params_of, wavespeed
from tests.conftest import Studios

pytestmark = pytest.mark.anyio
URI = "data:image/png;base64,AAAA"


def drawn(seed: int) -> WaveSpeedText | WaveSpeedImage:
    """Return params as the form may make them."""
    rng = random.Random(seed)
    shared: dict[str, Any] = {
        "prompt": rng.choice(["a boat", "“ü” \\ 🚤", "x" * 500]),
        "model": rng.choice(["flux-1-srpo", "flux-srpo", BASE, BASE]),
        "seed": rng.randrange(2**31),
        "steps": rng.randint(1, 50),
        "guidance": round(rng.uniform(1, 20), 1),
        "output_format": rng.choice(["jpeg", "png"]),
    }
    if seed % 2:
        sides = {"width": rng.randint(16, 4000), "height": rng.randint(16, 4000)}
        image = given().model_copy(update=sides)
        return WaveSpeedImage(image=image, strength=round(rng.random(), 2), **shared)
    return WaveSpeedText(width=rng.randint(256, 1536), height=rng.randint(256, 1536), **shared)


@pytest.mark.parametrize("seed", range(200))
def test_the_wire_is_that_of_the_reference(seed: int) -> None:
    """Only documented fields, each with the value of the form, whichever model it is."""
    params = drawn(seed)
    sent, base = body(params, URI), params.model == BASE
    image = isinstance(params, WaveSpeedImage)
    read = (BaseBody if base else ImageBody if image else TextBody).model_validate(sent)
    assert not read.undocumented
    assert (read.prompt, read.seed, read.guidance_scale) == (
        params.prompt,
        params.seed,
        params.guidance,
    )
    assert (read.num_inference_steps, read.output_format) == (params.steps, params.output_format)
    assert (read.enable_base64_output, read.enable_sync_mode) == (False, False)
    if isinstance(read, BaseBody):
        assert (read.num_images, read.enable_safety_checker) == (1, True)
    if isinstance(params, WaveSpeedImage):
        assert (sent["image"], read.strength) == (URI, params.strength)
        assert ("size" in sent) is base
    else:
        assert isinstance(read, TextBody)
        assert read.sides == (params.width, params.height)
        assert not {"image", "strength"} & set(sent)


@pytest.mark.parametrize(
    ("sides", "size"),
    [
        ((1024, 768), "1024*768"),
        ((300, 441), "300*441"),
        ((3000, 2000), "1536*1024"),
        ((64, 48), "341*256"),
        ((4000, 300), "1536*256"),
    ],
)
def test_the_image_follows_the_picture(sides: tuple[int, int], size: str) -> None:
    """The page names a size beside an image too; left out, it would be a square."""
    picture = given().model_copy(update=dict(zip(("width", "height"), sides, strict=True)))
    assert body(WaveSpeedImage(prompt="a", image=picture, model=BASE), URI)["size"] == size
    assert "size" not in body(WaveSpeedImage(prompt="a", image=picture), URI)


def test_it_has_one_path_for_both_tasks() -> None:
    """And SRPO, with its path for each, stays what is chosen at first."""
    text = WaveSpeedText(prompt="a", model=BASE)
    image = WaveSpeedImage(prompt="a", image=given(), model=BASE)
    assert path(text) == path(image) == "/api/v3/wavespeed-ai/flux-dev"
    backend = wavespeed(None)
    for task in TASKS:
        assert backend.tasks[task].model_fields["model"].default == "flux-1-srpo"
        assert usual_price(backend, task) == 0.025


async def test_each_model_has_its_own_price() -> None:
    """Before the service has told it and after; the setting is of SRPO alone."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.content.decode())
        data = {"balance": 3.5, "price": 0.01, "currency": "USD"}
        return httpx.Response(200, json={"code": 200, "data": data})

    settings = Settings(wavespeed_api_key="k" * 20, wavespeed_price_usd=0.04)
    backend = WaveSpeed(settings, transport=httpx.MockTransport(answer))
    wishes = [params_of(backend, task, model=BASE) for task in TASKS]
    assert [backend.price(one) for one in wishes] == [0.012, 0.012]
    assert backend.price(params_of(backend, "image-to-image")) == 0.04
    await backend.refresh()
    assert [backend.price(one) for one in wishes] == [0.01, 0.01]
    assert backend.price(params_of(backend, "image-to-image")) == 0.01
    assert sum("wavespeed-ai/flux-dev" in one for one in asked) == 1
    assert wavespeed(None, key=None).price(wishes[0]) == 0


def played(**options: Any) -> tuple[WaveSpeed, Any]:
    """Return a paid backend on a sandbox of its own."""
    app = create_app(Options(balance=9.0, latency=0.05, **options))
    settings = Settings(wavespeed_api_key="k" * 20, wavespeed_base_url="http://box.local")
    return WaveSpeed(settings, transport=httpx.ASGITransport(app=app)), app.state.sandbox


async def test_it_is_whole_against_the_stand_in() -> None:
    """Both tasks, charged its own price each, nothing undocumented sent."""
    backend, box = played(picture="fixed")
    for task in TASKS:
        await events(backend.generate(params_of(backend, task, model=BASE)))
    stats = box.stats()
    assert (stats["charges"], stats["spent_usd"], stats["undocumented"]) == (2, 0.024, [])
    assert stats["credentials_leaked"] == 0


async def test_a_budget_counts_its_price_and_everything_kept_has_its_name(
    studios: Studios,
) -> None:
    """What SRPO's price forbids, the base model's allows; row, entry and file say which it was."""
    backend, _box = played(picture="painted")
    studio = await studios.open(backend, budget=Budget(batch_usd=0.02))
    small = {"width": 256, "height": 256, "steps": 1}
    with pytest.raises(OverBudgetError):
        await studio.submit("wavespeed", WaveSpeedText(prompt="hills", **small), owner="ann")
    wish = WaveSpeedText(prompt="hills", model=BASE, **small)
    job = await studio.submit("wavespeed", wish, owner="ann")
    end = await studio.result(job.id, owner="ann")
    assert (end.job.state, end.job.price_usd) == ("finished", 0.012)
    entry = await studio.entry(str(end.job.entry_id), owner="ann")
    assert (entry.model, entry.price_usd, entry.sent["num_images"]) == (BASE, 0.012, 1)
    read = metadata.read(await studio.file(entry.file))
    assert read is not None
    assert read.params["model"] == BASE
    await studio.aclose()
