"""A fresh machine: the model in the box is chosen, says what it is, and generates what it can."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.miniature import NOTE, PROMPTS
from backends.miniature.weights import NAME
from core.words import say
from tests.browser.conftest import PUBLIC
from tests.browser.visitor import IMAGE, TEXT, Visitor
from tests.end_to_end.program import ROOT, Playground
from tests.fakes import picture

CHIPS = f"#{TEXT}-ideas .chip-place button"
PACKAGES = ("assets", "backends", "core", "sandbox", "ui")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    program = Playground(tmp_path_factory.mktemp("fresh"), SRPO_BACKEND="", **PUBLIC)
    yield program
    program.kill()


@pytest.fixture
def visitor(visit: Any, fresh: Playground) -> Visitor:
    found: Visitor = visit(at=fresh)
    return found


def test_a_suggestion_becomes_a_picture_with_the_keyboard_alone(visitor: Visitor) -> None:
    """From the prompt one Tab leads to the ideas, Enter opens them and takes one, Ctrl+Enter."""
    visitor.has(f"{TEXT}-backend", "Miniature")
    visitor.shows(".about-backend:visible", NOTE)
    visitor.find(f"#{TEXT}-prompt textarea").focus()
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.press("Enter")
    chips = visitor.find(f"#{TEXT}-ideas").get_by_role("group", name=say("prompt-chips"))
    visitor.expect(chips).to_be_visible()
    visitor.expect(visitor.find(CHIPS).first).to_be_focused()
    visitor.page.keyboard.press("Enter")
    visitor.has(f"{TEXT}-prompt", PROMPTS[0])
    visitor.page.keyboard.press("Control+Enter")
    visitor.expect(visitor.pictures()).to_have_js_property("naturalWidth", 1024)
    said = re.compile(r"1024 × 1024 · seed \d+ · \d+\.\d s · free · Miniature")
    assert said.fullmatch(visitor.said())
    visitor.expect(visitor.find("#stage .remark")).to_have_count(0)


def test_what_it_cannot_paint_is_named_at_the_picture_and_in_its_facts(visitor: Visitor) -> None:
    """Under the result, and in the history with the size that was really generated."""
    visitor.generate("a cat under a neon robot, <b>blue</b> sky")
    visitor.pictures()
    visitor.expect(visitor.find("#stage .remark")).to_have_text(
        "Generated without: cat, neon, robot, b."
    )
    visitor.tab("History")
    visitor.find("#history-grid button[data-entry]").first.click()
    for fact in ("Miniature", "cat, neon, robot, b", "192 × 192", "1024 × 1024 PNG"):
        visitor.shows("#history-details dl", fact)


def test_another_backend_has_its_own_note_and_no_chips(visitor: Visitor) -> None:
    """There and back again."""
    visitor.choose(f"{TEXT}-backend", "WaveSpeed")
    visitor.shows(".about-backend:visible", say("image-sandbox-note"))
    visitor.expect(visitor.find(CHIPS)).to_have_count(0)
    visitor.choose(f"{TEXT}-backend", "Miniature")
    visitor.shows(".about-backend:visible", NOTE)
    visitor.expect(visitor.find(CHIPS)).to_have_count(len(PROMPTS))
    visitor.press("Ideas")
    visitor.find(CHIPS).last.click()
    visitor.has(f"{TEXT}-prompt", PROMPTS[-1])


def test_a_picture_can_be_changed(visitor: Visitor) -> None:
    """With a strength of 0 it stays as it is, to the pixel, at its own size."""
    visitor.tab("Image to image")
    data = {"name": "a.png", "mimeType": "image/png", "buffer": picture(200, 320, 256)}
    visitor.upload(data)
    visitor.expect(visitor.page.get_by_text("320 × 256. The result has this size")).to_be_visible()
    visitor.set(f"{IMAGE}-miniature-strength", 0)
    visitor.generate("night sky", IMAGE)
    visitor.expect(visitor.pictures(IMAGE)).to_have_js_property("naturalWidth", 320)
    visitor.set(f"{IMAGE}-miniature-strength", 0.9)
    visitor.find(f"#{IMAGE}-generate").click()
    visitor.expect(visitor.find("#stage figcaption")).to_contain_text("320 × 256")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_note_chips_and_remark_fit_a_phone(visit: Any, fresh: Playground, theme: str) -> None:
    """They wrap, and a finger hits them."""
    visitor = visit(at=fresh, size=(390, 844), theme=theme)
    visitor.generate("verylongword" * 12 + " " + "words that nobody painted " * 8)
    visitor.pictures()
    visitor.expect(visitor.find("#stage .remark")).to_be_visible()
    assert visitor.width_beyond() <= 0
    visitor.press("Ideas")
    for chip in visitor.find(CHIPS).all():
        box = chip.bounding_box()
        assert box["height"] >= 44
        assert box["x"] + box["width"] <= 390


def test_with_damaged_weights_everything_else_works(visit: Any, tmp_path: Path) -> None:
    """The sandbox is chosen, the menu and the card say what is wrong, nothing crashes."""
    root = tmp_path / "checkout"
    for name in PACKAGES:
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "app.py", root)
    weights = root / "assets" / "miniature" / NAME
    weights.write_bytes(weights.read_bytes()[:-1000])
    program = Playground(tmp_path, root=root, SRPO_BACKEND="", **PUBLIC)
    try:
        visitor = visit(at=program)
        visitor.has(f"{TEXT}-backend", "WaveSpeed · sandbox")
        visitor.small()
        visitor.generate("a red house")
        visitor.pictures()
        assert visitor.said().endswith("free · sandbox")
        visitor.choose(f"{TEXT}-backend", "Miniature · not ready")
        visitor.shows(".about-backend:visible", "The miniature's weights are damaged")
        visitor.expect(visitor.find(CHIPS)).to_have_count(0)
        visitor.generate("hills")
        visitor.expect(visitor.page.get_by_role("alert")).to_contain_text("are damaged")
        visitor.tab("Backends")
        card = visitor.find("#backends-cards section").filter(has_text="Miniature")
        visitor.expect(card).to_contain_text("Get the folder assets/miniature again")
    finally:
        program.kill()
