"""Takes images of the page: `python -m tools.make_screenshot [FOLDER]`.

With a folder, of every state of it: in light and dark, on a phone, and in Chinese; without one,
README's, which lies as WebP inside an SVG, so that the repository holds text alone.

Needs Playwright and Chromium. It starts a playground whose service is the sandbox, so that images
have prices, some fail and one is in doubt.
"""

from __future__ import annotations

import base64
import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.end_to_end.program import Playground, SandboxProcess

TARGET = Path(__file__).parent.parent / "assets" / "screenshot.svg"
PROMPT = "A red sailboat on a teal sea at sunset, big yellow sun on the left, birds, mountains"
OTHERS = (
    "Starry night, orange moon, a small yellow house on purple hills, pine trees",
    "Snowy blue mountains over a lake at dawn, a white boat, pink clouds",
    "Golden sky, hot air balloon, green hills with flowers and a big oak tree",
)
DESKTOP, LAPTOP, PHONE = (1440, 900), (1366, 768), (390, 844)
TEXT, IMAGE = "text-to-image", "image-to-image"


class Camera:
    """A window on the page; each image is one state of it."""

    def __init__(
        self, browser: Any, address: str, theme: str, language: str, size: tuple[int, int]
    ) -> None:
        self.page: Page = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            reduced_motion="reduce",
            locale=language,
        ).new_page()
        self.page.set_default_timeout(60_000)
        self.page.goto(f"{address}/?__theme={theme}")
        self.page.wait_for_function("document.body.dataset.restored")

    def write(self, prompt: str, task: str = TEXT) -> None:
        self.page.fill(f"#{task}-prompt textarea", prompt)

    def choose(self, backend: str, task: str = TEXT) -> None:
        self.page.click(f"#{task}-backend input")
        self.page.get_by_role("option", name=backend).first.click()
        self.page.wait_for_timeout(600)

    def more(self, times: int) -> None:
        for _ in range(times):
            self.page.locator(".stepper .more:visible").click()

    def generate(self, prompt: str = "", task: str = TEXT) -> None:
        if prompt:
            self.write(prompt, task)
        self.page.wait_for_timeout(800)  # else it is a double click
        self.page.click(f"#{task}-generate")

    def wide(self) -> None:
        self.page.locator(".ratios:visible").get_by_text("3:2").click()

    def idle(self, images: int) -> None:
        """Wait until so many images are there and nothing runs."""
        self.page.wait_for_function(
            "(count) => document.querySelectorAll('#shots .shot').length >= count && "
            "document.querySelector('#live .side').dataset.busy === '0'",
            arg=images,
        )
        self.page.wait_for_timeout(1200)

    def take(self, file: Path) -> bytes:
        self.page.wait_for_timeout(400)
        return self.page.screenshot(path=file)


def readme(camera: Camera) -> bytes:
    """Return a PNG of the page with work on it: images, one that runs, one that waits."""
    camera.wide()
    for number, prompt in enumerate((*reversed(OTHERS), PROMPT), 1):
        camera.generate(prompt)
        camera.idle(number)
    camera.more(1)
    camera.generate()
    camera.page.wait_for_selector("#live [data-state=running]")
    camera.page.wait_for_timeout(1500)
    return camera.page.screenshot()


def states(camera: Callable[..., Camera], folder: Path, name: str) -> None:
    """Write an image of every state; `camera` opens a window of a size on a fresh playground."""
    folder.mkdir(parents=True, exist_ok=True)
    _desktop(camera(DESKTOP), folder, name)
    _phone(camera(PHONE), folder, name)


def _desktop(camera: Camera, folder: Path, name: str) -> None:
    page = camera.page
    camera.take(folder / f"empty-{name}.png")
    page.click(f"[popovertarget={TEXT}-ideas]")
    camera.take(folder / f"ideas-{name}.png")
    page.keyboard.press("Escape")
    camera.wide()
    camera.generate(PROMPT)
    page.wait_for_selector("#live [data-state=running]")
    camera.take(folder / f"running-{name}.png")
    camera.idle(1)
    camera.more(7)
    page.locator(f"#{TEXT}-generate", has_text="8").wait_for()
    camera.generate(OTHERS[0])
    page.wait_for_selector("dialog.ask")
    camera.take(folder / f"question-{name}.png")
    page.click("dialog.ask .yes")
    page.wait_for_selector("#live [data-state=running]")
    page.wait_for_timeout(700)
    page.click("#live [data-open=queue]")
    camera.take(folder / f"queue-{name}.png")
    page.keyboard.press("Escape")
    camera.idle(9)
    camera.take(folder / f"batch-{name}.png")
    page.locator(".stepper input:visible").fill("1")
    camera.generate(f"fault:run_failed_5000|{OTHERS[1]}")
    page.wait_for_selector("#live [data-state=failed]")
    camera.take(folder / f"failed-{name}.png")
    camera.generate(f"fault:submit_502*1|{OTHERS[1]}")
    page.wait_for_selector("#live [data-state=unknown]", timeout=90_000)
    camera.take(folder / f"doubt-{name}.png")
    page.locator("#stage [data-act=send]").click()
    page.wait_for_selector(f"#{IMAGE}-image img")
    page.set_viewport_size({"width": LAPTOP[0], "height": LAPTOP[1]})
    camera.take(folder / f"source-{name}.png")
    camera.generate(task=IMAGE)
    camera.idle(10)
    page.locator("#stage .open").click()
    page.wait_for_selector("dialog.viewer[open]")
    page.wait_for_timeout(1000)
    camera.take(folder / f"viewer-{name}.png")
    page.keyboard.press("c")
    camera.take(folder / f"before-after-{name}.png")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    for tab in ("history", "compare", "spending", "backends"):
        page.click(f"[data-tab-id={tab}]")
        page.wait_for_timeout(1500)
        camera.take(folder / f"{tab}-{name}.png")


def _phone(camera: Camera, folder: Path, name: str) -> None:
    camera.take(folder / f"phone-empty-{name}.png")
    camera.generate(PROMPT)
    camera.page.wait_for_selector("#stage figure img")
    camera.idle(1)
    camera.page.evaluate("document.querySelector('#stage').scrollIntoView()")
    camera.take(folder / f"phone-image-{name}.png")
    camera.page.click("[data-tab-id=history]")
    camera.page.wait_for_timeout(1500)
    camera.take(folder / f"phone-history-{name}.png")


def wrapped(png: bytes) -> str:
    """Return an SVG that holds the image."""
    file = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(file, "WEBP", quality=80, method=6)
    data = base64.b64encode(file.getvalue()).decode()
    size = f'width="{DESKTOP[0]}" height="{DESKTOP[1]}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {DESKTOP[0]} {DESKTOP[1]}">'
        f'<image {size} href="data:image/webp;base64,{data}"/></svg>\n'
    )


def main() -> None:
    """Write the images of all states into a folder, or README's."""
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
    looks = [("light", "en"), ("dark", "en"), ("light", "zh-CN")] if folder else [("light", "en")]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--headless", "--no-sandbox"]
        )
        for theme, language in looks:
            with opened() as address:
                camera = partial(Camera, browser, address, theme, language)
                if folder:
                    states(camera, folder, theme if language == "en" else language)
                else:
                    TARGET.write_text(wrapped(readme(camera(DESKTOP))), encoding="utf-8")
        browser.close()


@contextmanager
def opened() -> Iterator[str]:
    """Start the sandbox and a playground that pays for it with a key; give the page's address."""
    with tempfile.TemporaryDirectory() as named:
        service = SandboxProcess(Path(named), latency=4)
        settings = {"WAVESPEED_API_KEY": "x", "WAVESPEED_BASE_URL": service.address}
        settings |= {"SRPO_BUDGET_DAY_USD": "5", "SRPO_SANDBOX_LATENCY": "4"}
        playground = Playground(Path(named) / "playground", **settings)
        try:
            yield playground.address
        finally:
            playground.kill()
            service.kill()


if __name__ == "__main__":
    main()
