"""How fast the page answers in Chromium, beside the smallest Gradio app.

    python -m bench.page [--runs 7]

Usable: from asking for the address until the prompt can be written into and the button below it
pressed, both drawn; of the smallest app, until its text box can be. Both programs run at the same
time and do nothing else; the browser opens them in turns, each with a profile of its own, and the
first turn does not count. Then what a person waits for on the page: a press that shows, the first
status of a job, another tab. Exits with 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from bench.start import BARE
from tests.end_to_end.program import Playground, Process, free_port

CHROMIUM, SWITCHES = "/usr/bin/chromium", ("--headless", "--no-sandbox", "--disable-gpu")
SIZE = {"width": 1440, "height": 900}
LIMITS = {"usable": 1.35, "pressed": 100.0, "status": 400.0, "tab": 200.0}
USABLE = """
(() => {
  const drawn = (node) => node && node.offsetParent && !node.disabled;
  const look = () => {
    const found = %s.every((selector) => drawn(document.querySelector(selector)));
    if (found) window.usable = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
OURS = ["#text-to-image-prompt textarea", "#text-to-image-generate", "#stage"]
WAITED = """
([selector, seen]) => new Promise((done) => {
  const begin = performance.now();
  const look = () => (document.querySelector(seen)?.offsetParent
    ? done(performance.now() - begin) : requestAnimationFrame(look));
  document.querySelector(selector).click();
  look();
})
"""
"""Clicks and returns the milliseconds until something is to be seen."""


def usable(browser: Browser, address: str, parts: list[str]) -> float:
    """Return the milliseconds from the navigation until all of `parts` are drawn and enabled."""
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    page.add_init_script(USABLE % parts)
    page.goto(address, wait_until="commit")
    page.wait_for_function("window.usable")
    found: float = page.evaluate("window.usable")
    context.close()
    return found


def answers(browser: Browser, address: str, runs: int) -> Mapping[str, list[float]]:
    """Return milliseconds until a press shows, until the first status, until the other tab."""
    page = browser.new_context(viewport=SIZE).new_page()
    page.goto(address)
    page.wait_for_function("document.body.dataset.restored")
    generate = "#text-to-image-generate"
    times: dict[str, list[float]] = {"pressed": [], "status": [], "tab": []}
    for number in range(1, runs + 1):
        for name, seen in (("pressed", f"{generate}.pressed"), ("status", "#live [data-state]")):
            page.fill("#text-to-image-prompt textarea", f"{name} {number}")
            page.wait_for_timeout(800)  # a click soon after another is a double click
            times[name].append(page.evaluate(WAITED, [generate, seen]))
            _idle(page)
    for number in range(runs + 1):
        for task in ("image-to-image", "text-to-image"):
            found = page.evaluate(WAITED, [f'[data-tab-id="{task}"]', f"#{task}-generate"])
            if number:  # at first the tab is also made
                times["tab"].append(found)
    return times


def _idle(page: Page) -> None:
    page.wait_for_function("document.querySelector('#live .side')?.dataset.busy === '0'")
    page.wait_for_timeout(300)


def told(name: str, found: list[float]) -> float:
    """Print the median of what was measured and return it."""
    median = statistics.median(found)
    print(f"{name:18} {median:7.0f} ms   ({'  '.join(f'{one:.0f}' for one in found)})")
    return median


def main() -> None:
    """Measure everything once and print it."""
    parser = argparse.ArgumentParser(prog="python -m bench.page")
    parser.add_argument("--runs", type=int, default=7, help="counted turns of each")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as named, sync_playwright() as playwright:
        folder = Path(named)
        bare, port = folder / "bare.py", free_port()
        bare.write_text(BARE, encoding="utf-8")
        quiet: dict[str, Any] = {"GRADIO_ANALYTICS_ENABLED": "False"}
        smallest = Process([str(bare)], port, folder, GRADIO_SERVER_PORT=str(port), **quiet)
        smallest.wait_for("/")
        playground = Playground(folder / "playground", **quiet)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        try:
            ours, theirs = [], []
            for turn in range(runs + 1):
                pair = (
                    usable(browser, smallest.address, ["textarea"]),
                    usable(browser, playground.address, OURS),
                )
                if turn:
                    theirs.append(pair[0])
                    ours.append(pair[1])
            found = answers(browser, playground.address, runs)
        finally:
            browser.close()
            playground.kill()
            smallest.kill()
    beside = told("smallest, usable", theirs)
    results = {"usable": told("ours, usable", ours) / beside}
    print(f"{'ratio':18} {results['usable']:7.2f}      (at most {LIMITS['usable']})")
    for name, times in found.items():
        results[name] = told(name, times)
        print(f"{'':18} at most {LIMITS[name]:.0f} ms")
    sys.exit(any(results[name] > most for name, most in LIMITS.items()))


if __name__ == "__main__":
    main()
