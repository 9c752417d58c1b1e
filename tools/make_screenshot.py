"""Takes README's screenshot: `python -m tools.make_screenshot http://127.0.0.1:7860`.

Needs Playwright, Chromium and a running playground without keys, on which the miniature paints. The
picture lies as WebP inside an SVG, so that the repository holds text alone.
"""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

TARGET = Path(__file__).parent.parent / "assets" / "screenshot.svg"
PROMPT = "A red sailboat on a teal sea at sunset, big yellow sun on the left, birds"
WIDTH, HEIGHT = 1440, 940


def capture(page: Page, address: str) -> bytes:
    """Make a picture on the page and return a PNG of it."""
    page.goto(f"{address}/?__theme=light")
    page.fill("#text-to-image-prompt textarea", PROMPT)
    page.fill("#text-to-image-miniature-seed input", "7")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#text-to-image-stage figure[data-entry] img")
    page.wait_for_load_state("networkidle")
    return page.screenshot()


def wrapped(png: bytes) -> str:
    """Return an SVG that holds the picture."""
    file = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(file, "WEBP", quality=82, method=6)
    data = base64.b64encode(file.getvalue()).decode()
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<image {size} href="data:image/webp;base64,{data}"/></svg>\n'
    )


def main() -> None:
    """Write the file."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--headless", "--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        TARGET.write_text(wrapped(capture(page, sys.argv[1])), encoding="utf-8")
        browser.close()
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
