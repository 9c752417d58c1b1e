"""A visitor's own key on the page: entered, used, forgotten, asked for again after a restart."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.visitor import TEXT, Visitor
from tests.end_to_end.program import Playground, SandboxProcess

pytestmark = pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="starts programs of its own; .ci/run sets EVERY_TEST"
)
KEY = "wsk-CANARY-5d0c9b7a61e2f384"
PHONE = (390, 844)
LISTEN = """
window.heard = '';
const ask = window.fetch;
window.fetch = async (...all) => {
  const answer = await ask(...all);
  const body = answer.clone().body?.getReader();
  const listen = async () => {
    for (let part = await body.read(); !part.done; part = await body.read())
      window.heard += new TextDecoder().decode(part.value);
  };
  if (body) listen().catch(() => {});
  return answer;
};
"""
KEPT = """() => JSON.stringify([
  {...localStorage}, {...sessionStorage}, document.cookie, document.documentElement.outerHTML,
  [...document.querySelectorAll('input, textarea')].map((box) => box.value), location.href,
  performance.getEntriesByType('resource').map((one) => one.name)])"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    sandbox = SandboxProcess(tmp_path_factory.mktemp("service"), latency=4)
    yield sandbox
    sandbox.kill()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own-key")


@pytest.fixture(scope="module")
def settings(service: SandboxProcess) -> dict[str, Any]:
    return {"WAVESPEED_BASE_URL": service.address, "SRPO_HOSTS": "*.test"}


@pytest.fixture(scope="module")
def programs(folder: Path, settings: dict[str, Any]) -> Iterator[list[Playground]]:
    """Those that were started, the living one last."""
    running = [Playground(folder, **settings)]
    yield running
    running[-1].kill()


def enter(visitor: Visitor, key: str = KEY) -> Any:
    """Type a key, press Enter, and return what is said below it."""
    visitor.tab("Backends")
    box = visitor.page.get_by_label("WaveSpeed key", exact=True)
    box.fill(key)
    box.press("Enter")
    said = visitor.find("#own-key-wavespeed-said")
    visitor.expect(said.locator(".notice")).to_be_visible()
    visitor.expect(box).to_have_value("")
    visitor.expect(box).to_be_focused()
    return said


def test_a_key_serves_its_visitor_until_it_is_forgotten(
    visit: Any, programs: list[Playground], service: SandboxProcess
) -> None:
    """The page names the price and whose key it is; another visitor sees the sandbox."""
    visitor, other = visit(at=programs[-1], size=PHONE), visit(at=programs[-1])
    said = enter(visitor, "wrong-key-of-somebody")
    visitor.expect(said).to_contain_text("does not accept this key")
    said = enter(visitor)
    visitor.expect(said).to_contain_text(re.compile(r"This key works, \$[\d.]+ left"))
    assert visitor.width_beyond() <= 0
    visitor.shows("#backends-cards section >> nth=0", "Your key")
    visitor.tab("Text to image")
    visitor.has(f"{TEXT}-backend", "WaveSpeed · your key")
    button = visitor.find(f"#{TEXT}-generate")
    visitor.expect(button).to_have_text("Generate · $0.025")
    visitor.small()
    visitor.set(f"{TEXT}-pictures", 5)
    before = service.stats()["charges"]
    visitor.generate("a red house")
    assert "$0.125" in visitor.answer(yes=False)
    visitor.set(f"{TEXT}-pictures", 1)
    visitor.generate()
    visitor.pictures()
    assert "$0.025 · WaveSpeed" in visitor.said()
    assert service.stats()["charges"] - before == 1
    other.has(f"{TEXT}-backend", "WaveSpeed · sandbox")
    other.expect(other.find(f"#{TEXT}-generate")).to_have_text("Generate · free")
    visitor.tab("Spending")
    visitor.shows("#spending-view", "With your own key")
    visitor.tab("Backends")
    visitor.press("Forget the WaveSpeed key")
    visitor.shows("#own-key-wavespeed-said", "Your key is forgotten.")
    visitor.tab("Text to image")
    visitor.has(f"{TEXT}-backend", "WaveSpeed · sandbox")
    visitor.expect(button).to_have_text("Generate · free")


def test_after_a_restart_the_same_key_brings_the_image_and_the_browser_kept_none(
    visit: Any,
    programs: list[Playground],
    folder: Path,
    settings: dict[str, Any],
    service: SandboxProcess,
) -> None:
    """Neither storage, page, address nor any answer that the page heard has the key."""
    visitor = visit(at=programs[-1])
    visitor.page.add_init_script(LISTEN)
    visitor.open()
    visitor.expect(enter(visitor)).to_contain_text("This key works")
    visitor.tab("Text to image")
    visitor.small()
    before = service.stats()["charges"]
    visitor.generate("a lake at dusk")
    visitor.expect(visitor.find("#live [data-state=running]")).to_be_visible()
    heard = visitor.page.evaluate("window.heard") + visitor.page.evaluate(KEPT)
    programs[-1].kill()
    programs.append(Playground(folder, port=programs[-1].port, **settings))
    visitor.shows("#queue", "Needs your key")
    visitor.expect(enter(visitor)).to_contain_text("1 image that needed it goes on.")
    visitor.tab("Text to image")
    visitor.expect(visitor.pictures()).to_have_js_property("naturalWidth", 256)
    assert service.stats()["charges"] - before == 1
    heard += visitor.page.evaluate("window.heard") + visitor.page.evaluate(KEPT)
    assert "a lake at dusk" in heard  # it did listen
    assert KEY not in heard
