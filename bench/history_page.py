"""How the History tab does in Chromium with 100,000 images, beside `gr.Gallery` with 1,000.

    python -m bench.history_page [--entries 100000] [--rounds 7] [--folder FOLDER]

Opens the tab with 100 and with 100,000 entries in turns, from the click to the moment when every
thumbnail in sight is drawn, and scrolls past 2,000 thumbnails in ten seconds, with a frame counted
whenever the browser asks for one. Beside it the same on a page that has 1,000 files in Gradio's own
gallery. FOLDER keeps the entries for another run. Exits with 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench.history import Figure, fill, place
from core.history import History
from core.storage.database import Database
from core.storage.files import Storage
from tests.browser.conftest import CHROMIUM, SWITCHES
from tests.end_to_end.program import Playground, free_port

FEW = 100
OPENING, FRAMES = 1.3, 50.0
PAST, SECONDS = 2_000, 10.0
FILES = 1_000
IN_SIGHT = """
(box) => {
  const pane = document.querySelector(box);
  if (!pane) return false;
  const high = pane.getBoundingClientRect();
  const seen = [...pane.querySelectorAll('img')].filter((one) => {
    const {top, bottom, height} = one.getBoundingClientRect();
    return height && bottom > high.top && top < Math.min(high.bottom, innerHeight);
  });
  return seen.length > 5 && seen.every((one) => one.complete && one.naturalWidth);
}
"""
SCROLL = """
([box, far, seconds]) => new Promise((done) => {
  const pane = document.querySelector(box);
  const times = [];
  let begun = 0;
  const frame = (now) => {
    begun ||= now;
    times.push(now);
    const share = (now - begun) / 1000 / seconds;
    pane.scrollTop = Math.min(share, 1) * far;
    if (share < 1) return requestAnimationFrame(frame);
    const steps = times.slice(1).map((time, n) => time - times[n]).sort((a, b) => a - b);
    done({
      rate: (times.length - 1) / ((times.at(-1) - begun) / 1000),
      slow: steps[Math.floor(steps.length * 0.99)],
      nodes: document.querySelectorAll('*').length,
    });
  };
  requestAnimationFrame(frame);
})
"""
GALLERY = """
import sys, gradio as gr
from pathlib import Path
folder, port = Path(sys.argv[1]), int(sys.argv[2])
files = [str(one) for one in sorted(folder.rglob("*.webp"))[: int(sys.argv[3])]]
with gr.Blocks(analytics_enabled=False) as demo:
    shown = gr.Gallery(columns=6, height=800, elem_id="gallery")
    demo.load(lambda: files, None, shown)
demo.launch(server_port=port, allowed_paths=[str(folder)], quiet=True)
"""


def main() -> None:
    """Measure everything and print a line a figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.history_page")
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="where the entries are kept for another run")
    given = parser.parse_args()
    with place(given.folder) as folder:
        for name, number in (("few", FEW), ("many", given.entries)):
            data = folder / name / "data"
            data.mkdir(parents=True, exist_ok=True)
            asyncio.run(_filled(data, number))
        figures = _measured(folder, given.rounds)
    for one in figures:
        print(one)
    sys.exit(any(one.missed for one in figures))


async def _filled(data: Path, number: int) -> None:
    database = Database(f"sqlite:///{data / 'playground.db'}")
    await database.migrate()
    history = History(database, Storage(str(data)))
    await fill(history, data, await history.count("local"), number)
    await database.aclose()


def _measured(folder: Path, rounds: int) -> list[Figure]:
    from playwright.sync_api import sync_playwright

    programs = {name: Playground(folder / name) for name in ("few", "many")}
    try:
        with sync_playwright() as playwright:
            switches = [switch.replace("|", " ") for switch in SWITCHES.split()]
            browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=switches)
            times: dict[str, list[float]] = {name: [] for name in programs}
            for _ in range(rounds + 1):
                for name, program in programs.items():
                    page = _page(browser, program.address)
                    times[name].append(_opening(page))
                    page.context.close()
            few, many = (statistics.median(times[name][1:]) for name in ("few", "many"))
            ours = _scrolled(_opened(browser, programs["many"].address), ".hist-pane", PAST)
            theirs = _beside(browser, folder / "many" / "data" / "thumbnails")
    finally:
        for program in programs.values():
            program.kill()
    print(f"{'opening with 100 entries, median':<58}{few:9.0f} ms")
    print(f"{'opening with many entries, median':<58}{many:9.0f} ms")
    print(f"{'99 % of frames within':<58}{ours['slow']:9.1f} ms")
    print(f"{'elements in the page':<58}{ours['nodes']:9,}")
    for what, value in theirs.items():
        print(f"{what:<58}{value:9.1f}")
    return [
        Figure("opening with many beside opening with few", many / few, OPENING, "x"),
        Figure("milliseconds a frame while scrolling", 1000 / ours["rate"], 1000 / FRAMES),
    ]


def _page(browser: Any, address: str) -> Any:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(address)
    page.wait_for_function("document.body.dataset.restored")
    page.wait_for_timeout(500)
    return page


def _opening(page: Any) -> float:
    """Return the milliseconds from the click on the tab until what is in sight is drawn."""
    tab = page.get_by_role("tab", name="History")
    begun = time.perf_counter()
    tab.click()
    page.wait_for_function(IN_SIGHT, arg=".hist-pane", polling=10)
    return (time.perf_counter() - begun) * 1000


def _opened(browser: Any, address: str) -> Any:
    page = _page(browser, address)
    _opening(page)
    page.wait_for_function("srpo.history.state.whole")
    return page


def _scrolled(page: Any, box: str, past: int) -> Any:
    """Scroll past so many thumbnails; return frames a second, the slow ones, and elements."""
    rows = "srpo.history.state"
    far = page.evaluate(f"{past} / {rows}.columns * ({rows}.size + 10)")
    return page.evaluate(SCROLL, [box, far, SECONDS])


def _beside(browser: Any, folder: Path) -> dict[str, float]:
    """Show files in Gradio's own gallery, and scroll through all of them."""
    with _gallery(folder) as address:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(120_000)
        page = context.new_page()
        begun = time.perf_counter()
        page.goto(address)
        page.wait_for_function(IN_SIGHT, arg="#gallery .grid-wrap", polling=10)
        opening = (time.perf_counter() - begun) * 1000
        box = "#gallery .grid-wrap"
        far = page.eval_on_selector(box, "one => one.scrollHeight - one.clientHeight")
        found = page.evaluate(SCROLL, [box, far, SECONDS])
    name = f"gr.Gallery with {FILES:,} files"
    return {
        f"{name}: page and images in sight, ms": opening,
        f"{name}: frames a second": found["rate"],
        f"{name}: elements in the page": float(found["nodes"]),
    }


@contextmanager
def _gallery(folder: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-c", textwrap.dedent(GALLERY), str(folder), str(port), str(FILES)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                httpx.get(address, timeout=5)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield address
    finally:
        running.kill()
        running.wait()


if __name__ == "__main__":
    main()
