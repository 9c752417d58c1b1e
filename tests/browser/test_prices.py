"""The price on the button follows the form, and one that nobody knows is asked about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PUBLIC
from tests.browser.visitor import TEXT, Visitor
from tests.end_to_end.program import Playground, SandboxProcess


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    sandbox = SandboxProcess(tmp_path_factory.mktemp("service"), latency=0.2)
    yield sandbox
    sandbox.kill()


@pytest.fixture(scope="module")
def program(
    service: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Playground]:
    folder: Path = tmp_path_factory.mktemp("prices")
    keys = {"FAL_KEY": "fal-test", "FAL_BASE_URL": service.address, "SIRAYA_API_KEY": "sk-test"}
    keys |= {"SIRAYA_BASE_URL": f"{service.address}/v1", "SRPO_BACKEND": "fal"}
    running = Playground(folder, **keys | PUBLIC)
    yield running
    running.kill()


@pytest.fixture
def visitor(visit: Any, program: Playground) -> Visitor:
    found: Visitor = visit(at=program)
    return found


def test_the_price_follows_the_size(visitor: Visitor) -> None:
    """fal bills by the megapixel: more pixels, another price, before any click."""
    button = visitor.find(f"#{TEXT}-generate")
    visitor.expect(button).to_have_text("Generate · $0.025")
    visitor.custom(backend="fal")
    visitor.set(f"{TEXT}-fal-width", 1536)
    visitor.set(f"{TEXT}-fal-height", 1024)
    visitor.expect(button).to_have_text("Generate · $0.05")
    visitor.set(f"{TEXT}-pictures", 2)
    visitor.expect(button).to_have_text("Generate 2 images · $0.10")
    visitor.generate("hills")
    visitor.expect(visitor.find("#shots .shot")).to_have_count(2)


@pytest.mark.parametrize("agreed", [False, True], ids=["no", "yes"])
def test_a_price_that_is_not_set_is_asked_about(
    visitor: Visitor, service: SandboxProcess, agreed: bool
) -> None:
    """The button says so; nothing goes out without a yes."""
    before = service.stats()["posts"]
    visitor.choose(f"{TEXT}-backend", "Siraya")
    visitor.expect(visitor.find(f"#{TEXT}-generate")).to_have_text("Generate · price not set")
    visitor.generate("hills")
    assert "is not set here" in visitor.answer(yes=agreed)
    done = visitor.find("#shots .shot")
    visitor.expect(done).to_have_count(int(agreed))
    assert service.stats()["posts"] - before == int(agreed)
