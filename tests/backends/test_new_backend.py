"""CONTRIBUTING's recipe, followed to the letter, adds a backend that everything works with."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from backends import Settings
from core.params import Params
from tests.backends.stubs import Stub
from tests.backends.test_contract import Contract, cases
from tests.conftest import Studios

pytestmark = pytest.mark.anyio
TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def recipe() -> ModuleType:
    """Run the code block of the recipe as the module it says to write."""
    block = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert block
    module = ModuleType("plain")
    code = re.sub(r"^ {3}", "", block.group(1), flags=re.MULTILINE)
    exec(compile(code, "plain.py", "exec"), module.__dict__)
    return module


PLAIN = Stub(
    name="plain", build=lambda _transport: recipe().create(Settings()), picture=None, paid=False
)


@pytest.mark.parametrize(("stub", "task"), cases(PLAIN))
class TestContractOfTheNewBackend(Contract):
    """One stub, and the whole suite runs on it."""


async def test_the_recipe_makes_a_backend(studios: Studios) -> None:
    """One file is enough: a form, a job, a picture of the asked size in the history."""
    studio = await studios.open(recipe().create(Settings()))
    kind: type[Params] = studio.kind("plain", "text-to-image")
    wish = kind(prompt="any", width=96, height=64)  # type: ignore[call-arg]
    job = await studio.submit("plain", wish, owner="ann")
    done = await studio.result(job.id, owner="ann")
    assert done.entry is not None
    assert (done.entry.width, done.entry.height) == (96, 64)
    assert done.entry.params["seed"] == job.seed >= 0
