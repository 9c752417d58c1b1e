"""A link with settings, as somebody opens it: the form is filled, and nothing is made."""

from __future__ import annotations

from typing import Any

from tests.browser.visitor import IMAGE, TEXT, Visitor


def test_a_link_fills_the_form_and_starts_nothing(visit: Any) -> None:
    """Its backend and values are there, what is wrong is said; a reload keeps what was typed."""
    visitor: Visitor = visit()
    address = visitor.address
    link = "&prompt=a%20red%20boat&seed=77&width=512&steps=900&backend=miniature"
    visitor.address = address + link
    visitor.open()
    visitor.has(f"{TEXT}-prompt", "a red boat")
    visitor.has(f"{TEXT}-miniature-width", 512)
    visitor.has(f"{TEXT}-backend", "Miniature")
    visitor.shows(".notices:visible >> nth=-1", "Steps must be")
    visitor.details()
    visitor.has(f"{TEXT}-miniature-seed", 77)
    assert "__theme=light" in visitor.page.url
    assert "prompt" not in visitor.page.url
    visitor.expect(visitor.find(f"#{TEXT}-stage figure")).to_have_count(0)
    visitor.write("typed since")
    visitor.page.reload()
    visitor.page.wait_for_function("document.body.dataset.restored")
    visitor.has(f"{TEXT}-prompt", "typed since")

    visitor.address = address + "&task=image-to-image&prompt=blue&strength=0.4&backend=miniature"
    visitor.open_at(IMAGE)
    visitor.has(f"{IMAGE}-prompt", "blue")
    visitor.has(f"{IMAGE}-miniature-strength", 0.4)
