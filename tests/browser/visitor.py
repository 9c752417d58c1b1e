"""What a person does on the page, in a person's words; every wait retries until it is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

TEXT, IMAGE = "text-to-image", "image-to-image"
JOBS, CARDS, QUEUE = "#live .tiles", "#live .troubles", "#queue"
"""What is under way, what needs a person, and the queue of both tabs."""


class Visitor:
    """One browser window; `context` is its profile, which other windows share."""

    def __init__(self, context: Any, address: str) -> None:
        from playwright.sync_api import expect

        self.expect = expect
        self.context = context
        self.address = address
        self.page = context.new_page()

    def open(self) -> Visitor:
        """Load the page and wait until what this browser remembers is back in its place."""
        return self.open_at(TEXT)

    def open_at(self, task: str) -> Visitor:
        """Do the same with an address that shows another tab at first."""
        self.page.goto(self.address)
        self.expect(self.find(f"#{task}-generate")).to_be_visible()
        self.page.wait_for_function("document.body.dataset.restored")
        self.page.wait_for_function("localStorage.getItem('srpo-who')")
        return self

    def again(self) -> Visitor:
        """Open the page in a second window of the same profile."""
        return Visitor(self.context, self.address).open()

    def find(self, selector: str) -> Any:
        return self.page.locator(selector)

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def write(self, prompt: str, task: str = TEXT) -> None:
        self.find(f"#{task}-prompt textarea").fill(prompt)

    def press(self, name: str) -> None:
        """Press the visible button of that name."""
        self.page.get_by_role("button", name=name).and_(self.find("button:visible")).first.click()

    def generate(self, prompt: str = "", task: str = TEXT) -> None:
        if prompt:
            self.write(prompt, task)
        self.find(f"#{task}-generate").click()

    def small(self, task: str = TEXT) -> None:
        """Ask for 256 × 256, so that nobody waits for pixels."""
        self.custom(task)
        for side in ("width", "height"):
            self.set(f"{task}-wavespeed-{side}", 256)

    def custom(self, task: str = TEXT, backend: str = "wavespeed") -> None:
        """Show the fields for a size that no chip has."""
        self.find(f"#{task}-{backend}-ratio").get_by_text("Custom").click()

    def queue(self) -> None:
        """Open the queue of both tabs."""
        self.find("#live [data-open=queue]").click()
        self.expect(self.find("#queue.open")).to_be_visible()

    def details(self) -> None:
        """Open the part of the form that is folded where there is little room."""
        fold = self.page.get_by_role("button", name="Advanced").and_(self.find("button:visible"))
        if fold.get_attribute("aria-expanded") == "false":
            fold.click()

    def set(self, field: str, value: Any) -> None:
        """Give a number or text field a value, as somebody who types it and leaves.

        Fields are made when their part of the page is shown; what a script types before they are
        drawn, faster than a person can, is replaced by what they start with.
        """
        self.page.evaluate(SETTLED)
        box = self.find(f"#{field}").locator("input[type=number], input[type=text], textarea").first
        box.fill(str(value))
        box.blur()

    def answer(self, *, yes: bool) -> str:
        """Answer the page's question and return what it asked."""
        dialog = self.find("dialog.ask[role=alertdialog][open]")
        self.expect(dialog).to_be_visible()
        asked: str = dialog.inner_text()
        dialog.locator(".yes" if yes else ".no").click()
        self.expect(dialog).to_have_count(0)
        return asked

    def choose(self, field: str, option: str) -> None:
        """Pick from a menu."""
        self.find(f"#{field} input").click()
        self.page.get_by_role("option", name=re.compile(f"^{re.escape(option)}")).click()

    def value(self, field: str) -> str:
        found: str = self.find(f"#{field} input, #{field} textarea").first.input_value()
        return found

    def shows(self, selector: str, text: str | re.Pattern[str]) -> None:
        self.expect(self.find(selector)).to_contain_text(text)

    def has(self, field: str, value: Any) -> None:
        box = self.find(f"#{field} input, #{field} textarea").first
        self.expect(box).to_have_value(str(value))

    def pictures(self, task: str = TEXT, count: int = 1) -> Any:
        """Wait until the filmstrip has so many images; return the one on the stage, loaded."""
        del task  # both tabs have the same stage
        self.expect(self.find("#shots .shot")).to_have_count(count)
        shown = self.find("#stage figure[data-entry] img")
        self.expect(shown).to_have_count(1)
        assert shown.evaluate("image => image.decode().then(() => 1)") == 1
        return shown

    def latest(self) -> str:
        """Return the line that tells of the newest image."""
        return str(self.find("#shots .facts").first.text_content())

    def said(self, task: str = TEXT) -> str:
        """Return the line below the image on the stage."""
        del task
        line: str = self.find("#stage .facts").inner_text()
        return line

    def upload(self, file: Path | dict[str, Any]) -> None:
        self.find(f"#{IMAGE}-image input[type=file]").set_input_files(file)

    def fetch(self, address: str) -> bytes:
        """Return what the page itself gets from an address."""
        found: list[int] = self.page.evaluate(FETCH, address)
        return bytes(found)

    def drop(self, name: str, url: str) -> None:
        """Drop a file of the given address on the page."""
        self.page.evaluate(DROP, [url, name])

    def width_beyond(self) -> int:
        """Return how many pixels the page is wider than its window."""
        found: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return found


SETTLED = """
() => new Promise((done) => {
  const frames = (left) => (left ? requestAnimationFrame(() => frames(left - 1)) : done());
  requestIdleCallback(() => frames(3), { timeout: 2000 });
})
"""
FETCH = "async (url) => [...new Uint8Array(await (await fetch(url)).arrayBuffer())]"
DROP = """
async ([url, name]) => {
  const blob = await (await fetch(url)).blob();
  const carried = new DataTransfer();
  carried.items.add(new File([blob], name, {type: blob.type}));
  for (const kind of ['dragenter', 'dragover', 'drop'])
    document.body.dispatchEvent(
      new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: carried}));
}
"""
