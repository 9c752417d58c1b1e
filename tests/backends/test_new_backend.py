"""CONTRIBUTING's recipe, followed to the letter, adds a backend that the studio can use."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from core.params import Params
from core.settings import Settings
from tests.backends.services import events
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


async def test_the_recipe_makes_a_backend(studios: Studios) -> None:
    """One file is enough: a form, a job, a picture of the asked size in the history."""
    backend = recipe().create(Settings())
    studio = await studios.open(backend)
    kind: type[Params] = studio.kind("plain", "text-to-image")
    wish = kind(prompt="any", width=96, height=64)  # type: ignore[call-arg]
    found = await events(backend.generate(wish.with_seed(255)))
    assert len(found) == 2
    job = await studio.submit("plain", wish, owner="ann")
    done = await studio.result(job.id, owner="ann")
    assert done.entry is not None
    assert (done.entry.width, done.entry.height) == (96, 64)
