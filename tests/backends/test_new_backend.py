"""CONTRIBUTING's recipe, followed to the letter, adds a backend that everything works with."""

from __future__ import annotations

import asyncio
import functools
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from backends import Settings
from core.params import Params
from tests.backends.services import ANSWER, KEY, Recording
from tests.backends.stubs import BROKEN, Stub, says
from tests.backends.test_contract import Contract, cases
from tests.conftest import Studios

pytestmark = pytest.mark.anyio
TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")


@functools.cache
def recipe(number: int = 0) -> ModuleType:
    """Run a code block of the recipe as the module it says to write."""
    blocks = re.findall(r"^( *)```python\n(.*?)```", TEXT, re.DOTALL | re.MULTILINE)
    indent, code = blocks[number]
    module = ModuleType(f"recipe{number}")
    sys.modules[module.__name__] = module  # pydantic looks its annotations up there
    code = re.sub(rf"^{indent}", "", code, flags=re.MULTILINE)
    exec(compile(code, f"{module.__name__}.py", "exec"), module.__dict__)
    return module


def example(transport: httpx.AsyncBaseTransport | None) -> Any:
    module = recipe(1)
    return module.Example(module.ExampleSettings(_env_file=None), KEY, transport)


def example_ok(request: httpx.Request) -> httpx.Response:
    if request.method == "POST":
        return httpx.Response(200, json={"id": "job/1", "status": "queued"})
    if "/jobs/" in request.url.path:
        return httpx.Response(200, json={"status": "done", "url": "https://cdn.example/1.png"})
    return httpx.Response(200, content=ANSWER)


PLAIN = Stub(
    name="plain", build=lambda _transport: recipe().create(Settings()), picture=None, paid=False
)
EXAMPLE = Stub(
    name="example",
    build=example,
    ok=example_ok,
    answers={
        "wrong key": says(401, {"error": f"Invalid key {KEY}"}),
        "no credit": says(402, {"error": "no credit"}),
        "bad parameter": says(422, {"error": f"width <b>is</b> wrong {KEY}"}),
        "rate limit": says(429, {"error": "slow down"}),
        "down": says(503, {"error": "unavailable"}),
        **BROKEN,
    },
)


@pytest.mark.parametrize(("stub", "task"), cases(PLAIN, EXAMPLE))
class TestContractOfTheNewBackend(Contract):
    """One stub, and the whole suite runs on it."""


async def test_the_recipe_makes_a_backend(studios: Studios) -> None:
    """One file is enough: a form, a job, an image of the asked size in the history."""
    studio = await studios.open(recipe().create(Settings()))
    kind: type[Params] = studio.kind("plain", "text-to-image")
    wish = kind(prompt="any", width=96, height=64)  # type: ignore[call-arg]
    job = await studio.submit("plain", wish, owner="ann")
    done = await studio.result(job.id, owner="ann")
    assert done.entry is not None
    assert (done.entry.width, done.entry.height) == (96, 64)
    assert done.entry.params["seed"] == job.seed >= 0


async def test_a_paid_recipe_survives_a_restart(studios: Studios) -> None:
    """Killed while the service works: the next process follows the same job and pays nothing."""
    done = False

    def answer(request: httpx.Request) -> httpx.Response:
        if "/jobs/" in request.url.path and not done:
            return httpx.Response(200, json={"status": "working"})
        return example_ok(request)

    service = Recording(answer)
    studio = await studios.open(example(service.transport))
    wish = studio.kind("example", "text-to-image")(prompt="any", width=1024, height=1024)
    job = await studio.submit("example", wish, owner="ann")
    while not (await studio.ledger.get(job.id)).request_id:
        await asyncio.sleep(0.01)
    await studio.aclose()
    done = True
    again = await studios.open(example(service.transport))
    end = await again.result(job.id, owner="ann")
    assert (end.job.state, end.job.charged, end.job.price_usd) == ("finished", "yes", 0.02)
    assert len(service.posts) == 1
    await again.aclose()
