"""The workbench: everything in sight, nothing jumps, each press is answered at once."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.browser.visitor import IMAGE, TEXT, Visitor
from tests.fakes import picture

PHONE = (390, 844)
STUCK = "fault:run_stuck|a red house"
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) window.shifts.push([one.value, one.sources.map(
    (source) => source.node?.outerHTML?.slice(0, 120) ?? source.node?.nodeName)]);
}).observe({ type: "layout-shift", buffered: true });
"""
"""Counts every shift, also those soon after a click, which browsers forgive."""
PRESSED = """
() => new Promise((done) => {
  const button = document.querySelector('#text-to-image-generate');
  const begin = performance.now();
  const look = () => (button.classList.contains('pressed')
    ? done(performance.now() - begin) : requestAnimationFrame(look));
  button.click();
  look();
})
"""
STATUS = """
() => new Promise((done) => {
  const begin = performance.now();
  const look = () => (document.querySelector('#live [data-state]')
    ? done(performance.now() - begin) : requestAnimationFrame(look));
  document.querySelector('#text-to-image-generate').click();
  look();
})
"""


def inside(visitor: Visitor, found: Any) -> bool:
    """Whether all of it is in the window, and nothing lies over its middle."""
    visitor.expect(found.first).to_be_visible()
    return bool(found.first.evaluate(INSIDE))


INSIDE = """
(node) => {
  const box = node.getBoundingClientRect();
  const over = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth
    && (node.contains(over) || over?.contains(node));
}
"""


@pytest.mark.parametrize("size", [(1366, 768), (1440, 900)], ids=["laptop", "desktop"])
@pytest.mark.parametrize("task", [TEXT, IMAGE])
def test_the_first_screen_holds_everything(visit: Any, size: tuple[int, int], task: str) -> None:
    """Prompt, size or source and strength, steps, guidance, seed, Generate, stage: no scrolling."""
    visitor = visit(size=size)
    fields = ["ratio", "steps", "guidance", "seed"]
    if task == IMAGE:
        visitor.tab("Image to image")
        data = {"name": "a.png", "mimeType": "image/png", "buffer": picture(9, 512, 384)}
        visitor.upload(data)
        visitor.expect(visitor.find(f"#{IMAGE}-image img")).to_be_visible()
        fields = ["strength", "steps", "guidance", "seed"]
    names = [f"#{task}-prompt", f"#{task}-backend", f"#{task}-pictures", f"#{task}-generate"]
    names += [f"#{task}-wavespeed-{field}" for field in fields] + ["#stage", "#strip"]
    bare = ("pictures", "seed")  # whose frames have no size of their own
    names = [f"{name} input" if name.endswith(bare) else name for name in names]
    hidden = [name for name in names if not inside(visitor, visitor.find(name))]
    assert hidden == []
    assert visitor.page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_on_a_phone_generate_stays_at_the_bottom_and_no_tab_is_cut_off(visit: Any) -> None:
    """Also after scrolling; the tabs share one row."""
    visitor = visit(size=PHONE)
    for _ in range(2):
        assert inside(visitor, visitor.find(f"#{TEXT}-generate"))
        visitor.page.mouse.wheel(0, 900)
        visitor.page.wait_for_timeout(100)
    visitor.page.evaluate("scrollTo(0, 0)")
    for tab in visitor.page.get_by_role("tab").all():
        assert inside(visitor, tab), tab.inner_text()


def test_nothing_jumps(visit: Any) -> None:
    """Eight images, a star, another one chosen, one deleted, a file's settings restored."""
    visitor = visit()
    visitor.small()
    visitor.page.evaluate(SHIFTS)
    visitor.page.evaluate("window.shifts.length = 0")
    for _ in range(7):
        visitor.press("More images")
    visitor.generate("a red house on green hills")
    visitor.pictures(count=8)
    visitor.press("Star")
    visitor.expect(visitor.find("#shots .star")).to_have_count(1)
    visitor.find("#shots .pick").nth(3).click()
    visitor.expect(visitor.find("#shots .shot").nth(3)).to_have_class(re.compile("chosen"))
    visitor.press("Use settings")
    visitor.expect(visitor.find(f"#{TEXT}-wavespeed-seed input")).not_to_have_value("")
    visitor.find("#stage .open").click()
    visitor.find("dialog.viewer[open] [data-v=erase]").click()
    visitor.expect(visitor.find("dialog.viewer[open] .count")).to_contain_text("/ 7")
    visitor.page.keyboard.press("Escape")
    visitor.expect(visitor.find("#shots .shot")).to_have_count(7)
    visitor.drop("image.jpeg", visitor.find("#stage figure img").get_attribute("src"))
    visitor.page.get_by_role("button", name="Read its settings").click()
    visitor.find("dialog.ask[open] .yes").click()
    visitor.expect(visitor.page.get_by_text("Filled in: Prompt")).to_be_visible()
    visitor.page.wait_for_timeout(400)
    shifts = visitor.page.evaluate("window.shifts")
    assert sum(value for value, _ in shifts) < 0.02, json.dumps(shifts, indent=1)[:3000]


def test_a_press_is_answered_at_once(visit: Any, playground: Any) -> None:
    """Pressed within 100 ms, before the server answers; the other tab within 200 ms."""
    visitor = visit()
    visitor.small()
    visitor.write("a red house")
    assert visitor.page.evaluate(PRESSED) <= 100
    visitor.pictures()
    switch = """
    (task) => new Promise((done) => {
      const begin = performance.now();
      const look = () => (document.querySelector(`#${task}-generate`)?.offsetParent
        ? done(performance.now() - begin) : requestAnimationFrame(look));
      document.querySelector(`[data-tab-id="${task}"]`).click();
      look();
    })
    """
    visitor.page.evaluate(switch, IMAGE)  # the first time it is also made
    times = [visitor.page.evaluate(switch, task) for task in (TEXT, IMAGE, TEXT, IMAGE, TEXT)]
    assert sorted(times)[2] <= 200, times


@pytest.mark.slow
def test_the_first_status_comes_soon(visit: Any) -> None:
    """Median of five clicks: 400 ms on a machine that does nothing else, a second on a busy one."""
    idle = os.getloadavg()[0] < 1.5
    visitor = visit()
    visitor.small()
    times = []
    for count in range(1, 6):
        visitor.write(f"house {count}")
        visitor.page.wait_for_timeout(300)
        times.append(visitor.page.evaluate(STATUS))
        visitor.pictures(count=count)
        visitor.expect(visitor.find("#live [data-state]")).to_have_count(0)
    assert sorted(times)[2] <= (400 if idle else 1000), times


def test_a_menu_opens_at_its_field(visitor: Visitor) -> None:
    """Not at the top of the window."""
    field = visitor.find(f"#{TEXT}-backend input")
    field.click()
    menu = visitor.page.get_by_role("listbox").bounding_box()
    box = field.bounding_box()
    assert (
        abs(menu["y"] - (box["y"] + box["height"])) < 40 or menu["y"] + menu["height"] <= box["y"]
    )
    assert abs(menu["x"] - box["x"]) < 40


def test_escape_closes_what_is_open_and_cancels_nothing(visitor: Visitor) -> None:
    """A menu, the ideas, the queue: each is closed, the job goes on."""
    visitor.generate(STUCK)
    running = visitor.find("#live [data-state=running]")
    visitor.expect(running).to_be_visible()
    visitor.press("Ideas")
    visitor.expect(visitor.find(f"#{TEXT}-ideas")).to_be_visible()
    visitor.page.keyboard.press("Escape")
    visitor.expect(visitor.find(f"#{TEXT}-ideas")).to_be_hidden()
    visitor.queue()
    visitor.page.keyboard.press("Escape")
    visitor.expect(visitor.find("#queue")).to_be_hidden()
    visitor.page.wait_for_timeout(200)
    visitor.expect(running).to_be_visible()
    assert visitor.page.title().startswith("(1) ")
    visitor.find("#live .cancel").click()
    visitor.expect(running).to_have_count(0)
    assert not visitor.page.title().startswith("(")


PASTE = """
async ([bytes, kind]) => {
  const carried = new DataTransfer();
  carried.items.add(new File([new Uint8Array(bytes)], 'a.png', {type: 'image/png'}));
  const node = document.querySelector('#stage');
  node.dispatchEvent(kind === 'paste'
    ? new ClipboardEvent('paste', {bubbles: true, cancelable: true, clipboardData: carried})
    : new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: carried}));
}
"""


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_an_image_from_anywhere_becomes_the_source(visitor: Visitor, kind: str) -> None:
    """On image to image at once, also over another one; elsewhere the page asks what it is for."""
    visitor.page.evaluate(PASTE, [list(picture(3, 320, 256)), kind])
    visitor.page.get_by_role("button", name="Use as source").click()
    visitor.expect(visitor.page.get_by_text("320 × 256")).to_be_visible()
    visitor.page.evaluate(PASTE, [list(picture(4, 256, 320)), kind])
    visitor.expect(visitor.page.get_by_text("256 × 320")).to_be_visible()
    visitor.expect(visitor.find("dialog[open]")).to_have_count(0)


def test_settings_from_a_file_are_chosen_told_and_taken_back(visitor: Visitor) -> None:
    """What is filled, what is dropped and why; a value that is not wanted stays; undo."""
    visitor.small()
    visitor.set(f"{TEXT}-wavespeed-seed", 77)
    visitor.generate("a red house")
    address = visitor.pictures().get_attribute("src")
    visitor.write("mine")
    visitor.set(f"{TEXT}-wavespeed-seed", 5)
    visitor.drop("picture.jpeg", address)
    visitor.page.get_by_role("button", name="Read its settings").click()
    dialog = visitor.find("dialog[open]")
    visitor.expect(dialog).to_contain_text("a red house")
    dialog.locator("input[name=seed]").uncheck()
    dialog.get_by_role("button", name="Use settings").click()
    visitor.has(f"{TEXT}-prompt", "a red house")
    visitor.has(f"{TEXT}-wavespeed-seed", 5)
    visitor.expect(visitor.page.get_by_text("Filled in: Prompt")).to_be_visible()
    visitor.press("Undo")
    visitor.has(f"{TEXT}-prompt", "mine")


def test_earlier_prompts_and_styles_are_at_hand(visitor: Visitor) -> None:
    """What was generated with is found by a word; a style puts its words around the prompt."""
    visitor.small()
    visitor.generate("a red house on green hills")
    visitor.pictures()
    visitor.write("")
    visitor.press("History")
    past = visitor.find(f"#{TEXT}-past")
    past.locator(".find").fill("green")
    past.get_by_role("button", name="a red house on green hills").first.click()
    visitor.has(f"{TEXT}-prompt", "a red house on green hills")
    visitor.press("Styles")
    styles = visitor.find(f"#{TEXT}-styles")
    for name, text in (("style-name", "Ink"), ("style-after", "in ink")):
        styles.locator(f".{name}").fill(text)
    styles.get_by_role("button", name="Keep style").click()
    styles.get_by_role("button", name="Ink", exact=True).click()
    visitor.has(f"{TEXT}-prompt", "a red house on green hills in ink")


def test_new_images_go_into_the_collection_that_is_chosen(
    visitor: Visitor, playground: Any
) -> None:
    """A title for a new one is enough; it is offered from then on, and remembered."""
    visitor.small()
    field = visitor.page.locator(f"#{TEXT}-collection input")
    field.fill("Sea")
    field.press("Enter")
    visitor.generate("a red house on green hills")
    visitor.pictures()
    visitor.page.reload()
    visitor.expect(field).to_have_value("Sea")
    field.click()
    visitor.expect(visitor.page.get_by_role("option", name="Sea")).to_be_visible()
    with closing(sqlite3.connect(playground.data / "playground.db", timeout=30)) as database:
        query = """SELECT prompt FROM collections
            JOIN (SELECT collection_id, entry_id FROM collected) ON collection_id = id
            JOIN (SELECT id AS entry, search AS prompt FROM entries) ON entry = entry_id
            WHERE title = 'Sea'"""
        assert database.execute(query).fetchall() == [("a red house on green hills",)]


def test_prompts_of_the_history_are_found_by_a_browser_that_knows_none(visitor: Visitor) -> None:
    """A beginning of a word is enough; what is found by nothing is not shown."""
    visitor.small()
    visitor.generate("a lighthouse on red cliffs")
    visitor.pictures()
    visitor.page.evaluate("localStorage.removeItem('srpo-prompts')")
    visitor.write("")
    visitor.press("History")
    past = visitor.find(f"#{TEXT}-past")
    found = past.get_by_role("button", name="a lighthouse on red cliffs")
    visitor.expect(found).to_be_visible()
    past.locator(".find").fill("lightship")
    visitor.expect(found).to_have_count(0)
    past.locator(".find").fill("cliffs lightho")
    found.click()
    visitor.has(f"{TEXT}-prompt", "a lighthouse on red cliffs")


def test_earlier_prompts_complete_what_is_typed(visitor: Visitor) -> None:
    """Only an entry that is highlighted is taken; Esc closes the list and nothing else."""
    visitor.small()
    visitor.generate("a lighthouse on red cliffs")
    visitor.pictures()
    area = visitor.find(f"#{TEXT}-prompt textarea")
    offered = visitor.find("#prompt-completions")
    options = offered.locator("[role=option]")
    before = visitor.page.evaluate(LAYOUT)
    area.fill("")
    area.press_sequentially("a light")
    visitor.expect(options).to_have_text(["a lighthouse on red cliffs"])
    assert visitor.page.evaluate(LAYOUT) == before
    said = visitor.find("#prompt-completions-said")
    visitor.expect(said).to_contain_text("Earlier prompts below: 1.")
    area.press("Enter")
    visitor.expect(area).to_have_value("a light\n")
    visitor.expect(offered).to_be_visible()
    visitor.queue()
    visitor.expect(offered).to_be_hidden()
    area.fill("on red")
    visitor.expect(offered).to_be_visible()
    area.press("Escape")
    visitor.expect(offered).to_be_hidden()
    visitor.expect(visitor.find("#queue.open")).to_be_visible()
    visitor.has(f"{TEXT}-prompt", "on red")
    area.press("Escape")
    visitor.expect(visitor.find("#queue.open")).to_have_count(0)
    area.fill("LIGHTHOUSE  on")
    visitor.expect(offered).to_be_visible()
    area.press("ArrowDown")
    visitor.expect(area).to_have_attribute("aria-activedescendant", "prompt-completions-0")
    area.press("ArrowUp")
    assert area.get_attribute("aria-activedescendant") is None
    area.press("ArrowDown")
    area.press("Tab")
    visitor.has(f"{TEXT}-prompt", "a lighthouse on red cliffs")
    visitor.expect(offered).to_be_hidden()
    visitor.expect(area).to_be_focused()
    area.press("Control+z")
    visitor.has(f"{TEXT}-prompt", "LIGHTHOUSE  on")


def test_completion_can_be_switched_off(visitor: Visitor) -> None:
    """In the panel of earlier prompts; the browser remembers it."""
    visitor.small()
    visitor.generate("a lighthouse on red cliffs")
    visitor.pictures()
    switch = visitor.find(f"#{TEXT}-past [data-complete]")
    visitor.press("History")
    visitor.expect(switch).to_be_checked()
    switch.uncheck()
    visitor.page.reload()
    visitor.page.wait_for_function("document.body.dataset.restored")
    area = visitor.find(f"#{TEXT}-prompt textarea")
    area.fill("a light")
    visitor.press("History")
    visitor.expect(switch).not_to_be_checked()
    found = visitor.find(f"#{TEXT}-past").get_by_role("button", name="a lighthouse on red cliffs")
    visitor.expect(found.first).to_be_visible()
    visitor.expect(visitor.find("#prompt-completions:popover-open")).to_have_count(0)
    switch.check()
    visitor.page.keyboard.press("Escape")
    area.fill("a lighth")
    visitor.expect(visitor.find("#prompt-completions")).to_be_visible()


LAYOUT = """
() => [...document.querySelectorAll(".controls *, #stage *, #shots *")].map((node) => {
  const { left, top, width, height } = node.getBoundingClientRect();
  return [left, top, width, height].join();
})
"""


HERE = "(selector) => Boolean(document.activeElement?.matches(selector))"


def reach(visitor: Visitor, selector: str, most: int = 90) -> None:
    """Press Tab until the focus is on a part of the page, as somebody without a mouse does."""
    for _ in range(most):
        if visitor.page.evaluate(HERE, selector):
            return
        visitor.page.keyboard.press("Tab")
    focused = visitor.page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    raise AssertionError(f"{selector} is not reached in {most} stops; at last: {focused}")


def test_it_is_done_with_the_keyboard_alone(visitor: Visitor) -> None:
    """Generate, use as source, generate, open, compare, star, use as source again, restore."""
    keys = visitor.page.keyboard
    visitor.small()
    visitor.page.evaluate("document.activeElement.blur()")
    reach(visitor, f"#{TEXT}-prompt textarea")
    keys.type("a red house")
    keys.press("Control+Enter")
    visitor.pictures()
    reach(visitor, "#stage [data-act=send]")
    keys.press("Enter")
    visitor.expect(visitor.find(f"#{IMAGE}-image img")).to_be_visible()
    visitor.expect(visitor.find(f"#{IMAGE}-prompt textarea")).to_have_value("a red house")
    reach(visitor, f"#{IMAGE}-prompt textarea")
    keys.press("Control+Enter")
    visitor.pictures(count=2)
    reach(visitor, "#stage .open")
    keys.press("Enter")
    viewer = visitor.find("dialog.viewer[open]")
    visitor.expect(viewer.locator("[data-v=compare]")).to_be_visible()
    keys.press("c")
    visitor.expect(viewer.get_by_role("slider")).to_be_focused()
    reach(visitor, "[data-v=mark]")
    keys.press("Enter")
    visitor.expect(viewer.locator("[data-v=mark]")).to_have_attribute("aria-pressed", "true")
    reach(visitor, "[data-v=send]")
    keys.press("Enter")
    visitor.expect(viewer).to_have_count(0)
    visitor.expect(visitor.find("#shots .star")).to_have_count(1)
    visitor.page.wait_for_timeout(800)  # a click soon after another is a double click
    reach(visitor, f"#{IMAGE}-prompt textarea")
    keys.press("Control+Enter")
    visitor.pictures(count=3)
    reach(visitor, "[role=tab][data-tab-id=history]")
    keys.press("Enter")
    visitor.expect(visitor.find("#history-grid button[data-entry]").first).to_be_visible()
    reach(visitor, "#history-grid button[data-entry]")
    keys.press("Enter")
    visitor.expect(visitor.find("#history-details")).to_contain_text("a red house")
    reach(visitor, "#use-all")
    keys.press("Enter")
    visitor.expect(visitor.find(f"#{IMAGE}-wavespeed-seed input")).not_to_have_value("")


def test_each_slider_is_one_stop_and_the_fold_says_that_it_is_open(visitor: Visitor) -> None:
    """Its number is in the order of the page, and the track is moved with the arrow keys."""
    stops = visitor.find(f"#{TEXT}-wavespeed-steps input:not([tabindex='-1'])")
    visitor.expect(stops).to_have_count(1)
    fold = visitor.page.get_by_role("button", name="Advanced").and_(visitor.find(":visible"))
    visitor.expect(fold).to_have_attribute("aria-expanded", "true")


def test_a_free_image_stays_with_its_backend_as_a_source(visitor: Visitor) -> None:
    """Nobody is led on to a service that costs something without a word."""
    visitor.choose(f"{TEXT}-backend", "Miniature")
    visitor.generate("a red house")
    visitor.pictures()
    visitor.press("Use as source")
    visitor.expect(visitor.find(f"#{IMAGE}-image img")).to_be_visible()
    visitor.has(f"{IMAGE}-backend", "Miniature")
    visitor.expect(visitor.find(f"#{IMAGE}-generate")).not_to_contain_text("$")


def test_a_source_from_a_backend_that_takes_none_says_what_is_used_instead(
    visitor: Visitor,
) -> None:
    """And the price is on the button before a click."""
    visitor.choose(f"{TEXT}-backend", "Siraya")
    visitor.generate("a red house")
    visitor.pictures()
    visitor.press("Use as source")
    visitor.expect(visitor.find(f"#{IMAGE}-image img")).to_be_visible()
    said = visitor.page.get_by_text("Siraya takes no images: see the backend and its price below.")
    visitor.expect(said).to_be_visible()


UNSEEN = """
() => {
  Object.defineProperty(document, 'hidden', { get: () => true });
  window.notes = [];
  window.Notification = class {
    static permission = 'granted';
    static requestPermission = async () => 'granted';
    constructor(title, options) { window.notes.push(`${title}: ${options.body}`); }
  };
}
"""


def test_a_window_in_the_background_tells_when_all_are_done(visitor: Visitor) -> None:
    """In its title, and as a notification for whoever asked for one; once for the whole batch."""
    visitor.small()
    visitor.page.evaluate(UNSEEN)
    visitor.find("#live [data-open=queue]").click()
    visitor.find("#queue [data-tell]").check()
    visitor.page.keyboard.press("Escape")
    visitor.press("More images")
    visitor.generate("a red house")
    visitor.pictures(count=2)
    visitor.page.wait_for_function("document.title.startsWith('✓')")
    notes = visitor.page.evaluate("window.notes")
    assert len(notes) == 1
    assert notes[0].endswith("All images are done.")
