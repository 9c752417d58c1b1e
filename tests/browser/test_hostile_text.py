"""Hostile words in a real browser: they are shown as they are, and nothing of them runs."""

from __future__ import annotations

from tests.browser.visitor import TEXT, Visitor

PROMPT = (
    "<img src=x onerror='window.owned=1'> ![x](javascript:window.owned=1) {{owned}} "
    '</script><script>window.owned=1</script> " onload="window.owned=1" ${window.owned=1}'
)
THUMBS = "#history-grid button[data-entry]"


def test_a_prompt_of_markup_is_shown_and_never_runs(visitor: Visitor) -> None:
    """In the form, at the image, in the history, in its details, and after a reload."""
    visitor.small()
    visitor.generate(PROMPT)
    picture = visitor.pictures().first
    visitor.expect(picture).to_have_attribute("alt", PROMPT)
    visitor.tab("History")
    thumb = visitor.find(THUMBS).first
    visitor.expect(thumb).to_have_attribute("title", PROMPT)
    thumb.click()
    details = visitor.find("#history-details")
    visitor.expect(details).to_contain_text("<img src=x onerror='window.owned=1'>")
    assert details.locator("script, [onerror], [onload], img[src='x']").count() == 0
    visitor.set("history-search", "<img onerror")
    visitor.expect(visitor.find(THUMBS)).to_have_count(1)
    visitor.press("Use prompt only")
    visitor.has(f"{TEXT}-prompt", PROMPT)
    visitor.open()
    visitor.has(f"{TEXT}-prompt", PROMPT)
    assert visitor.page.evaluate("window.owned") is None


def test_a_refusal_that_quotes_markup_is_only_read(visitor: Visitor) -> None:
    """What a service says about a prompt stands at the form as words."""
    visitor.generate(f"fault:submit_400|{PROMPT}")
    visitor.expect(visitor.find("#live .notice.error").first).to_be_visible()
    assert visitor.page.evaluate("window.owned") is None
    assert visitor.find("img[src='x']").count() == 0
