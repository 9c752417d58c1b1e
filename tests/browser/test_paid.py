"""With a key: the price before the click, the truth about a cancel, and a server that dies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.params import BASE
from tests.browser.conftest import PUBLIC
from tests.browser.visitor import IMAGE, TEXT, Visitor
from tests.end_to_end.program import Playground, SandboxProcess
from tests.fakes import picture

Paid = dict[str, Any]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    sandbox = SandboxProcess(tmp_path_factory.mktemp("service"), latency=5)
    yield sandbox
    sandbox.kill()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("paid")


@pytest.fixture(scope="module")
def paid(service: SandboxProcess) -> Paid:
    return {"WAVESPEED_API_KEY": "sk-test", "WAVESPEED_BASE_URL": service.address} | PUBLIC


@pytest.fixture(scope="module")
def programs(folder: Path, paid: Paid) -> Iterator[list[Playground]]:
    """Those that were started, the living one last."""
    running = [Playground(folder, **paid)]
    yield running
    running[-1].kill()


@pytest.fixture
def visitor(visit: Any, programs: list[Playground]) -> Visitor:
    found: Visitor = visit(at=programs[-1])
    return found


def test_the_button_tells_the_price(visitor: Visitor) -> None:
    """Of each model, of one image and of four, and of a backend that costs nothing."""
    button = visitor.find(f"#{TEXT}-generate")
    visitor.expect(button).to_have_text("Generate · $0.025")
    visitor.choose(f"{TEXT}-wavespeed-model", BASE)
    visitor.expect(button).to_have_text("Generate · $0.012")
    visitor.choose(f"{TEXT}-wavespeed-model", "flux-1-srpo")
    visitor.expect(button).to_have_text("Generate · $0.025")
    visitor.set(f"{TEXT}-pictures", 4)
    visitor.expect(button).to_have_text("Generate 4 images · $0.10")
    visitor.choose(f"{TEXT}-backend", "Siraya")
    visitor.expect(button).to_have_text("Generate 4 images · free")


def test_a_small_source_is_asked_about_before_it_is_paid_for(
    visitor: Visitor, service: SandboxProcess
) -> None:
    """Its size, what the service is made for, and the price; a no sends nothing."""
    before = service.stats()["posts"]
    visitor.tab("Image to image")
    small = {"name": "small.png", "mimeType": "image/png", "buffer": picture(5, 200, 150)}
    visitor.upload(small)
    warning = "WaveSpeed is made for images from 256 pixels a side; this one has fewer."
    visitor.expect(visitor.page.get_by_text(warning).first).to_be_visible()
    visitor.generate("a boat", IMAGE)
    asked = visitor.answer(yes=False)
    for said in ("200 × 150", warning, "$0.025"):
        assert said in asked
    assert service.stats()["posts"] == before
    visitor.page.wait_for_timeout(800)  # else it is a double click, which says the same again
    visitor.generate(task=IMAGE)
    visitor.answer(yes=True)
    visitor.pictures(IMAGE)
    assert service.stats()["posts"] == before + 1


def test_a_cancel_that_comes_too_late_says_so(visitor: Visitor) -> None:
    """What is paid for is not thrown away: it lands in the history."""
    visitor.small()
    visitor.generate("a boat on the sea")
    visitor.expect(visitor.find("#live [data-state=running]")).to_be_visible()
    visitor.find("#live .cancel").click()
    visitor.expect(visitor.page.get_by_text("Already paid for").first).to_be_visible()
    visitor.pictures()
    assert "$0.025" in visitor.said()
    visitor.tab("History")
    visitor.expect(visitor.find("#history-grid button[data-entry]")).to_have_count(1)


def test_the_page_survives_the_death_of_the_server(
    visitor: Visitor,
    programs: list[Playground],
    folder: Path,
    paid: Paid,
    service: SandboxProcess,
) -> None:
    """Killed while it generates: the page comes back by itself, the image is paid for once."""
    before = service.stats()["charges"]
    visitor.small()
    visitor.generate("a red house")
    visitor.expect(visitor.find("#live [data-state=running]")).to_be_visible()
    programs[-1].kill()
    programs.append(Playground(folder, port=programs[-1].port, **paid))
    visitor.expect(visitor.pictures()).to_have_js_property("naturalWidth", 256)
    visitor.has(f"{TEXT}-prompt", "a red house")
    assert service.stats()["charges"] - before == 1


def test_a_price_that_changed_is_said_before_anything_is_made(
    visitor: Visitor, programs: list[Playground], folder: Path, service: SandboxProcess
) -> None:
    """The page was open when the key went: the first click makes nothing, the second agrees."""
    before = service.stats()["posts"]
    visitor.small()
    programs[-1].kill()
    programs.append(Playground(folder, port=programs[-1].port, **PUBLIC))
    button = visitor.find(f"#{TEXT}-generate")
    visitor.expect(button).to_have_text("Generate · $0.025")
    visitor.generate("a red house")
    visitor.expect(visitor.page.get_by_text("This is free now")).to_be_visible()
    visitor.expect(button).to_have_text("Generate · free")
    visitor.page.wait_for_timeout(800)  # else it is a double click, which says the same again
    visitor.generate()
    visitor.pictures()
    assert ("sandbox" in visitor.said(), service.stats()["posts"]) == (True, before)
