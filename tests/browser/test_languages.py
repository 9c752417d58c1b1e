"""The page in Simplified Chinese: the browser's language first, a switch, and no English word."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_everywhere import AXE, DESKTOP, OF_COLOUR, PHONE, VIEWER, violations
from tests.browser.visitor import CARDS, TEXT, Visitor

SWITCH = "select[data-language]"
TABS = "文生图 图生图 对比 历史记录 费用 后端".split()
NAMES = {
    *"FLUX SRPO dev WaveSpeed Siraya fal Miniature Local Playground Hugging Face Space".split(),
    *"flux srpo base of seedream jpeg png webp avif JPEG PNG WebP AVIF".split(),
    *"API MCP GPU CPU UTC JSON CSV ZIP UTF URL ID AI LLM SDK XMP PDF".split(),
    *"Ctrl Enter Esc English Python JavaScript Shell curl gradio client Wilson".split(),
    *"pip install requirements local txt torch diffusers transformers accelerate".split(),
    *"safetensors LOCAL MODEL WAVESPEED SIRAYA FAL KEY Gradio random styles csv".split(),
    *"Task failed Enable base64 output sync mode".split(),  # words of a service
}
"""Names, units and keys, which are the same in every language."""
CODES = re.compile(r"fault:\w+\|?|[\w.-]*[_/][\w./-]*|[0-9a-f]{8,}")
"""Faults that the sandbox is asked for, names of files and fields, ids."""
READ = """() => {
  const skipped = 'pre, code, kbd, script, style, .cards, .starts, .chips, [data-prompt],'
    + ' option[lang], [data-testid], footer';
  const seen = (node) => node.checkVisibility({visibilityProperty: true}) && !node.closest(skipped);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement: at, data } = walker.currentNode;
    if (data.trim() && seen(at)) found.push(data.trim());
  }
  for (const name of ['aria-label', 'title', 'placeholder']) {
    for (const node of document.querySelectorAll(`[${name}]`))
      if (seen(node)) found.push(node.getAttribute(name));
  }
  return found;
}"""
"""Everything that is read on the page or aloud, but for code and prompts to begin with."""


def foreign(visitor: Visitor, moment: str) -> list[str]:
    """Return what is still English on the page."""
    found = []
    for text in visitor.page.evaluate(READ):
        words = re.findall(r"[A-Za-z]{2,}", re.sub(CODES, "", text))
        if any(word not in NAMES for word in words):
            found.append(f"{moment}: {text[:120]}")
    return found


def test_the_browser_s_language_comes_first_and_the_switch_keeps_what_was_typed(visit: Any) -> None:
    """A prompt is not lost for looking at the page in another language."""
    visitor = visit(locale="zh-CN")
    visitor.expect(visitor.page.get_by_role("tab", name=TABS[0])).to_be_visible()
    assert visitor.page.evaluate("document.documentElement.lang") == "zh-CN"
    visitor.write("山边的红色房子")
    visitor.set(f"{TEXT}-wavespeed-steps", 12)
    with visitor.page.expect_navigation():
        visitor.find(SWITCH).select_option("en")
    visitor.page.wait_for_function("document.body.dataset.restored")
    visitor.expect(visitor.page.get_by_role("tab", name="Text to image")).to_be_visible()
    assert visitor.page.evaluate("[document.documentElement.lang, navigator.language]") == [
        "en",
        "en",
    ]
    visitor.has(f"{TEXT}-prompt", "山边的红色房子")
    visitor.has(f"{TEXT}-wavespeed-steps", 12)
    visitor.again().expect(visitor.find(SWITCH)).to_have_value("en")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_no_english_is_left_on_the_chinese_page(visit: Any, size: tuple[int, int]) -> None:
    """Tabs, filmstrip, drawer, viewer, dialogs and errors; axe-core finds nothing in any light."""
    visitor = visit(locale="zh-CN", size=size)
    if AXE:
        visitor.page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    found: list[str] = []

    def look(moment: str) -> None:
        found.extend(foreign(visitor, moment))
        if AXE:
            found.extend(violations(visitor, moment))
            found.extend(violations(visitor, f"{moment} in the dark", OF_COLOUR, dark=True))
        assert visitor.width_beyond() <= 0, moment

    visitor.generate()
    visitor.expect(visitor.page.get_by_role("alert")).to_be_visible()
    look("complaint")
    visitor.generate("fault:run_stuck|红色的房子")
    visitor.expect(visitor.find("#live [data-state=running]")).to_be_visible()
    visitor.queue()
    look("queue")
    visitor.page.keyboard.press("Escape")
    visitor.find("#live .cancel").click()
    visitor.generate("fault:run_failed_5000|红色的房子")
    visitor.expect(visitor.find(f"{CARDS} [data-state=failed]")).to_be_visible(timeout=30_000)
    look("failed")
    visitor.find(f"{CARDS} button").filter(has_text="忽略").click()
    visitor.generate("山边的红色房子")
    visitor.pictures()
    look("finished")
    visitor.find(f"#{TEXT}-code").click()
    visitor.expect(visitor.find("dialog.code-of[open]")).to_be_visible()
    look("code panel")
    visitor.page.keyboard.press("Escape")
    for tool in ("ideas", "past", "styles"):
        visitor.find(f"[popovertarget={TEXT}-{tool}]").click()
        look(tool)
        visitor.page.keyboard.press("Escape")
    visitor.find("#stage [data-vary-menu]").click()
    look("variations")
    visitor.page.keyboard.press("Escape")
    visitor.find("#stage button.open").click()
    visitor.expect(visitor.find(f"{VIEWER} .told dl")).to_have_count(1)
    look("viewer")
    visitor.page.keyboard.press("Escape")
    for name in TABS:
        visitor.page.get_by_role("tab", name=name).click()
        visitor.page.wait_for_timeout(1500)
        look(name)
        if name == "历史记录" and size == DESKTOP:
            visitor.find("#history-grid button[data-entry]").first.click()
            visitor.expect(visitor.find("#history-details article")).to_be_visible()
            visitor.expect(visitor.find("#history-star")).to_have_text("加星标")
            visitor.find(".hist-view-of").click()
            visitor.find(".hist-views").get_by_role("button", name="重复图像").click()
            visitor.shows("dialog.hist-wide[open] .hist-about", "没有")
            look("duplicates")
            visitor.page.keyboard.press("Escape")
    assert not found, "\n".join(found)
