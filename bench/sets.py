"""How the page does with a set of 200 images: submitted, drawn, used, and its first image.

    python -m bench.sets [--cells 200] [--only memory]

One playground in a process of its own with the sandbox, which takes a second an image, and one
Chromium. An action is timed from the key or click to the page that shows it, with whatever the
server is asked in between; the page's own script is timed besides. The first cell is raced against
one image alone on the same page, in turns. For the memory, set after set is made in one window,
with the sandbox as a process of its own; what server and page hold after each is printed, and how
much a further set adds is the mean step of the later half without its largest one. Needs
requirements-dev.txt and Chromium, and Linux for the memory. Exits with 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from bench.delay import free_port

ROOT = Path(__file__).resolve().parents[1]
SUBMIT_S, OPEN_S, ACTION_S, FIRST = 0.5, 1.0, 0.4, 1.2
RUNS = 5
SETS = 10
GROWN = 0.5
"""MB that a set may add once all caches are full; the likenesses of 200 images are 0.07."""
LONG_TASKS = """
() => {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration);
  }).observe({ type: "longtask" });
}
"""


def main() -> None:
    """Measure everything and print a line a figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.sets")
    parser.add_argument("--cells", type=int, default=200, help="images of the large set")
    parser.add_argument("--only", choices=["memory", "times"], help="leave the others out")
    asked = parser.parse_args()
    figures = []
    if asked.only != "memory":
        with tempfile.TemporaryDirectory() as folder, playground(Path(folder)) as (address, _):
            figures += [*first_cells(address), *large(address, asked.cells)]
    if asked.only != "times":
        with tempfile.TemporaryDirectory() as folder:
            figures += memory(Path(folder), asked.cells)
    missed = [name for name, value, most, _ in figures if value > most]
    for name, value, most, unit in figures:
        print(f"{name:<58}{value:8.2f} {unit}  (at most {most:g})")
    sys.exit(1 if missed else 0)


@contextmanager
def playground(folder: Path, **settings: str) -> Iterator[tuple[str, int]]:
    """Run the program with the sandbox; yield its address and the number of its process."""
    port = free_port()
    command = [sys.executable, str(ROOT / "app.py"), "--port", str(port)]
    own = {"SRPO_SANDBOX_LATENCY": "1", "SRPO_BACKEND": "wavespeed"}
    own |= {"GRADIO_TEMP_DIR": str(folder / "temp"), **settings}
    clean = {n: v for n, v in os.environ.items() if not n.startswith(("SRPO_", "WAVESPEED_"))}
    process = subprocess.Popen(
        [*command, "--data-dir", str(folder / "data")],
        cwd=folder,
        env=clean | own,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        while process.poll() is None:
            with suppress(httpx.TransportError):
                if httpx.get(f"{address}/healthz").status_code == 200:
                    break
            time.sleep(0.1)
        yield address, process.pid
    finally:
        process.kill()
        process.wait()


@contextmanager
def service() -> Iterator[str]:
    """Run the sandbox alone, and quickly; yield its address."""
    port = free_port()
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--latency", "0.05"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=ROOT, **quiet)  # type: ignore[call-overload]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def memory(folder: Path, cells: int) -> list[tuple[str, float, float, str]]:
    """Make several sets, each of them watched to its end, and return what each left behind."""
    server, page_heap = [], []
    with service() as origin:
        settings = {"WAVESPEED_API_KEY": "sk-bench-1234567890", "WAVESPEED_BASE_URL": origin}
        with playground(folder, **settings) as (address, process), window(address) as page:
            devtools = page.context.new_cdp_session(page)
            ask(page, "snowy mountains", "1")
            for turn in range(SETS):
                first = 1 + 1000 * turn
                page.fill("[data-axis=rows] textarea", f"{first}–{first + cells // 2 - 1}")
                page.wait_for_selector("#compare-run:not(.stale):enabled")
                page.click("#compare-run")
                page.click("dialog.ask .yes")
                page.wait_for_function(
                    f"srpo.compare.state.table?.rows[0] === '{first}' && "
                    "srpo.compare.state.table.state === 'finished'",
                    timeout=900_000,
                )
                page.wait_for_timeout(2000)
                devtools.send("HeapProfiler.collectGarbage")
                used = devtools.send("Runtime.getHeapUsage")["usedSize"]
                page_heap.append(used / 1e6)
                server.append(resident_mb(process))
                curve = f"server {server[-1]:.1f} MB, page {page_heap[-1]:.2f} MB"
                print(f"set {turn + 1}: {curve}", flush=True)
    return [
        (
            f"{name}, more memory for a further set of {cells}",
            growth(held[SETS // 2 - 1 :]),
            GROWN,
            "MB",
        )
        for name, held in (("server", server), ("page", page_heap))
    ]


def growth(values: Sequence[float]) -> float:
    """Return the mean step from value to value without the largest, which may be a single jump."""
    steps = sorted(after - before for before, after in pairwise(values))
    return statistics.mean(steps[:-1])


def resident_mb(process: int) -> float:
    """Return the memory that a process holds, in MB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6


@contextmanager
def window(address: str) -> Iterator[Any]:
    """Open the page in Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        switches = ["--headless", "--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=switches)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        page.goto(f"{address}/?__theme=light")
        page.wait_for_function("document.body.dataset.restored")
        yield page
        browser.close()


def first_cells(address: str) -> list[tuple[str, float, float, str]]:
    """Race the first cell of a set of twelve against one image alone."""
    alone, first = [], []
    with window(address) as page:
        for side in ("width", "height"):
            page.locator("#text-to-image-wavespeed-ratio").get_by_text("Custom").click()
            box = page.locator(f"#text-to-image-wavespeed-{side} input").first
            box.fill("256")
            box.blur()
        page.fill("#text-to-image-prompt textarea", "a red boat")
        ask(page, "a red boat", "1–6")
        for turn in range(RUNS):
            page.get_by_role("tab", name="Text to image").click()
            shots = page.locator("#shots .shot").count()
            page.wait_for_timeout(1500)
            alone.append(
                timed(
                    lambda: page.click("#text-to-image-generate"),
                    lambda shots=shots: page.wait_for_function(
                        f"document.querySelectorAll('#shots .shot').length > {shots}"
                    ),
                )
            )
            page.get_by_role("tab", name="Compare").click()
            page.fill("[data-axis=rows] textarea", f"{100 * turn}–{100 * turn + 5}")
            page.wait_for_selector("#compare-run:not(.stale):enabled")
            shown = page.evaluate("srpo.compare.state.table?.id ?? ''")
            first.append(
                timed(
                    lambda: page.click("#compare-run"),
                    lambda shown=shown: page.wait_for_function(
                        f"srpo.compare.state.table?.id !== {shown!r} && "
                        "document.querySelector('.cmp-cell[data-state=finished]')"
                    ),
                )
            )
            page.wait_for_function("srpo.compare.state.table.state === 'finished'")
    ratio = statistics.median(first) / statistics.median(alone)
    print(f"one image alone {statistics.median(alone):.2f} s, first {statistics.median(first):.2f}")
    return [("first cell, times one image alone", ratio, FIRST, "×")]


def ask(page: Any, prompt: str, seeds: str) -> None:
    """Ask for two models and some seeds, in small images."""
    page.get_by_role("tab", name="Compare").click()
    page.wait_for_selector(".cmp-targets input:checked")
    page.fill("#compare-prompt", prompt)
    page.click(".cmp-rest summary")
    page.fill("#compare-rest-size", "256 x 256")
    page.fill("#compare-rest-steps", "1")
    page.fill("[data-axis=rows] textarea", seeds)
    page.wait_for_selector("#compare-run:not(.stale):enabled")


def large(address: str, cells: int) -> list[tuple[str, float, float, str]]:
    """Submit, draw, use and reopen a large set."""
    with window(address) as page:
        ask(page, "snowy mountains", f"1–{cells // 2}")
        page.evaluate(LONG_TASKS)
        full = f"document.querySelectorAll('.cmp-cell[data-state]').length >= {cells}"
        drawn = timed(
            lambda: page.click("#compare-run"),
            lambda: page.wait_for_function(full),
        )
        figures = [(f"{cells} cells: from the click to the whole table", drawn, OPEN_S, "s")]
        page.wait_for_timeout(3000)  # images are coming in while the page is used
        figures += [(f"action while they run: {name}", *one) for name, one in actions(page)]
        stall = float(page.evaluate("window.longest")) / 1000
        figures.append(("longest script of the page", stall, ACTION_S, "s"))
        page.wait_for_function("srpo.compare.state.table.state === 'finished'", timeout=600_000)
        found = page.evaluate("srpo.compare.state.table.id")
    with window(address) as page:
        ask(page, "snowy mountains", f"1–{cells // 2}")
        page.wait_for_selector(f"#compare-sets [data-show='{found}']", state="attached")
        page.click("[popovertarget=compare-sets]")
        pictures = f"document.querySelectorAll('.cmp-cell img').length >= {cells}"
        opened = timed(
            lambda: page.click(f"#compare-sets [data-show='{found}']"),
            lambda: page.wait_for_function(pictures),
        )
        figures.append((f"table of {cells} images, opened", opened, OPEN_S, "s"))
        figures += [(f"action when done: {name}", *one) for name, one in actions(page)]
    return [
        (f"{cells} cells: submitted by a script", submitted(address, cells), SUBMIT_S, "s"),
        *figures,
    ]


def actions(page: Any) -> Iterator[tuple[str, tuple[float, float, str]]]:
    """Use the page as it stands; yield the median of each action."""

    def median(act: Callable[[int], None], until: Callable[[int], str]) -> tuple[float, float, str]:
        times = [
            timed(
                lambda turn=turn: act(turn),
                lambda turn=turn: page.wait_for_function(until(turn)),
            )
            for turn in range(RUNS)
        ]
        return statistics.median(times), ACTION_S, "s"

    first = page.locator(".cmp-cell .cmp-open").first
    first.focus()
    at = "document.activeElement.closest('.cmp-cell')?.dataset.row"
    yield (
        "one row down",
        median(lambda _: page.keyboard.press("ArrowDown"), lambda turn: f"{at} === '{turn + 1}'"),
    )
    page.wait_for_function("document.querySelector('.cmp-cell[data-state=finished]')")
    image = page.locator(".cmp-cell[data-state=finished] .cmp-open").first
    image.focus()
    picked = "Object.keys(srpo.compare.state.table.picks).length % 2"
    start = page.evaluate(picked)
    yield (
        "a pick",
        median(lambda _: page.keyboard.press("p"), lambda n: f"{picked} === {(start + n + 1) % 2}"),
    )
    ways = ("side", "grid")
    seen = (".cmp-panes", ".cmp-table")
    yield (
        "another way to look",
        median(
            lambda turn: page.click(f"[data-way={ways[turn % 2]}]"),
            lambda turn: f"document.querySelector('{seen[turn % 2]}')",
        ),
    )
    page.click("[data-way=grid]")
    shape = "document.querySelector('.cmp-shape').textContent"
    box = page.locator("[data-axis=rows] textarea")
    yield (
        "a plan, with the wait for further keys",
        median(
            lambda turn: box.fill(f"1–{40 + turn}"),
            lambda turn: f"{shape}.includes('2 × {40 + turn}')",
        ),
    )
    title = "srpo.compare.state.table.title"

    def rename(turn: int) -> None:
        page.fill("#compare-title", f"Mountains {turn}")
        page.keyboard.press("Enter")

    yield "another title", median(rename, lambda turn: f"{title} === 'Mountains {turn}'")


def submitted(address: str, cells: int) -> float:
    """Return the median seconds of a call that submits a set."""
    times = []
    for turn in range(RUNS):
        base = {"prompt": "hills", "width": 256, "height": 256, "steps": 1}
        seeds = list(range(1000 * turn, 1000 * turn + cells))
        axes = [{"field": "seed", "values": seeds}]
        targets = [{"backend": "wavespeed", "model": ""}]
        body = {"data": ["text-to-image", base, axes, targets, None, "", False]}
        begun = time.perf_counter()
        answer = httpx.post(f"{address}/gradio_api/run/submit_set", json=body, timeout=60)
        times.append(time.perf_counter() - begun)
        answer.raise_for_status()
    return statistics.median(times)


def timed(act: Callable[[], object], until: Callable[[], object]) -> float:
    """Return the seconds from an act to what it leads to."""
    begun = time.perf_counter()
    act()
    until()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
