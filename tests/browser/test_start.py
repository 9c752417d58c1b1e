"""What a browser loads before the page can be used."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.browser.test_workbench import SHIFTS
from tests.browser.visitor import TEXT

LOADED = "() => performance.getEntriesByType('resource').map((one) => new URL(one.name).pathname)"
NAMED = "() => [...document.querySelectorAll('link[rel=modulepreload]')].map((one) => one.href)"


def test_the_page_names_beforehand_what_it_loads(visit: Any) -> None:
    """Each file once, the styles of its components as one, its own as two."""
    page = visit().page
    loaded = [path for path in page.evaluate(LOADED) if path.startswith("/assets/")]
    assert len(loaded) == len(set(loaded))
    styles = [path for path in loaded if path.endswith(".css")]
    assert len(styles) == 4, styles
    named = {address.rpartition("/")[2] for address in page.evaluate(NAMED)}
    scripts = {path.rpartition("/")[2] for path in loaded if path.endswith(".js")}
    late = {name for name in scripts - named if not name.startswith(("index-", "own-"))}
    assert not late and len(named) > 20


def test_what_the_page_is_made_of_is_not_observed(visit: Any) -> None:
    """Svelte leaves alone what is neither a plain object nor a plain array."""
    page = visit().page
    kinds = page.evaluate(
        """() => [window.gradio_config.components, window.gradio_config.dependencies]
        .flatMap((some) => [some, some[0]]).map((one) => Object.getPrototypeOf(one))
        .map((kind) => kind === Object.prototype || kind === Array.prototype)"""
    )
    assert kinds == [False] * 4


def test_what_other_tabs_need_comes_once_the_page_can_be_used(visit: Any) -> None:
    """Their scripts, and their styles, between ours and those of the theme."""
    visitor = visit()
    visitor.page.add_init_script(FIRST)
    visitor.open()
    own = visitor.page.evaluate(
        """() => performance.getEntriesByType('resource')
        .filter((one) => one.name.includes('/own-') && !one.name.endsWith('webp'))
        .map((one) => [one.name.split('.').pop(), one.startTime > window.usable])"""
    )
    assert sorted(own) == [["css", False], ["css", True], ["js", False], ["js", True]]
    sheets = visitor.page.evaluate(
        "() => [...document.querySelectorAll('link[rel=stylesheet]')].map((one) => one.href)"
    )
    kinds = [
        "own" if "/own-" in one else "theme" for one in sheets if "/own-" in one or "theme." in one
    ]
    assert kinds[:3] == ["own", "own", "theme"]


@pytest.mark.parametrize("tab", ["history", "compare"])
def test_a_tab_that_is_opened_sooner_than_its_script_works_once_it_is_there(
    visit: Any, tab: str
) -> None:
    """It is blank until then, and nothing breaks."""
    visitor = visit()
    page, held = visitor.page, []
    page.route("**/own-*.js", lambda route: held.append(route) if held else first(route))
    broken: list[str] = []
    page.on("console", lambda said: broken.append(said.text) if "js_on_load" in said.text else None)

    def first(route: Any) -> None:
        held.append(None)
        route.continue_()

    page.reload()
    page.locator(f'[data-tab-id="{tab}"]').first.click()
    parts = {"history": "#history-grid", "compare": "#compare-form"}
    visitor.expect(visitor.find(parts[tab])).to_be_attached()
    visitor.expect(visitor.find(parts[tab])).to_be_hidden()
    page.wait_for_timeout(300)
    held[1].continue_()
    visitor.expect(visitor.find(parts[tab])).to_be_visible()
    assert not broken


@pytest.mark.parametrize("kind", ["js", "css"])
def test_what_does_not_come_is_asked_for_again(visit: Any, kind: str) -> None:
    """The connection fails once, for a script or for styles: the other tabs work all the same."""
    visitor = visit()
    page, asked = visitor.page, []

    def answered(route: Any) -> None:
        asked.append(route.request.url)
        route.abort() if len(asked) == 2 else route.continue_()

    page.route(f"**/own-*.{kind}*", answered)
    visitor.open()
    assert len(asked) == 3
    visitor.tab("History")
    visitor.expect(visitor.find("#history-grid")).to_be_visible()


def test_where_a_script_never_comes_one_sentence_says_so(visit: Any) -> None:
    """Nothing is thrown, and a reload puts it right."""
    visitor = visit()
    page, asked = visitor.page, []

    def answered(route: Any) -> None:
        asked.append(route.request.url)
        route.continue_() if len(asked) == 1 else route.abort()

    page.add_init_script(
        "const wait = setTimeout; setTimeout = (f, ms) => wait(f, Math.min(ms, 50));"
    )
    page.route("**/own-*.js*", answered)
    page.reload()
    said = visitor.find(".others-missing")
    visitor.expect(said).to_have_text(
        "Part of this page could not be loaded, so it does not work. Reload it."
    )
    assert len(asked) == 7
    page.unroute("**/own-*.js*")
    visitor.open()
    visitor.expect(said).to_have_count(0)


FIRST = """
(() => {
  const drawn = (name) => document.querySelector(name)?.offsetParent;
  const look = () => {
    if (["textarea", ".generate", "#stage"].every(drawn)) {
      window.usable = performance.now();
      window.early = ["rest", "later"].map((name) => !drawn(`.${name} .block, .${name} .row`));
    } else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
"""When the page can be used, notes whether the rest of the form and what is never seen are not
there yet."""


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_the_rest_of_the_form_comes_after_its_beginning_and_moves_nothing(
    visit: Any, size: tuple[int, int]
) -> None:
    """The prompt, Generate and the stage are there first; then all the rest is."""
    visitor = visit(size=size)
    visitor.page.add_init_script(FIRST)
    visitor.page.add_init_script(SHIFTS)
    visitor.open()
    assert visitor.page.evaluate("window.early") == [True, True]
    for part in (f"#{TEXT}-pictures input", f"#{TEXT}-collection input", ".licence"):
        visitor.expect(visitor.find(part).first).to_be_attached()
    assert visitor.page.evaluate("document.querySelectorAll('.later .restorer').length") > 15
    visitor.page.wait_for_timeout(500)
    shifts = visitor.page.evaluate("window.shifts")
    assert sum(value for value, _ in shifts) < 0.02, json.dumps(shifts, indent=1)[:3000]


def test_what_is_said_too_early_is_heard_a_moment_later(visit: Any) -> None:
    """Also in its order; afterwards at once."""
    heard = visit().page.evaluate(
        """() => {
          const heard = [];
          const channel = srpo.channel();
          channel("one", 1);
          channel("two", 2);
          channel.connect((event, detail) => heard.push([event, detail]));
          channel("three", 3);
          return heard;
        }"""
    )
    assert heard == [["one", 1], ["two", 2], ["three", 3]]


HELD = """
const click = HTMLElement.prototype.click;
HTMLElement.prototype.click = function () {
  if (!this.matches(".rest > .label-wrap")) click.call(this);
};
"""
"""Keeps the rest of the form from being made."""


def test_generate_works_before_the_rest_of_the_form_is_there(visit: Any) -> None:
    """With the values that the rest would show."""
    visitor = visit()
    visitor.page.add_init_script(HELD)
    visitor.page.reload()
    visitor.expect(visitor.find(f"#{TEXT}-generate")).to_be_visible()
    visitor.generate("a red house")
    visitor.expect(visitor.find("#stage figure img")).to_be_visible(timeout=30_000)
    visitor.expect(visitor.find("#stage")).to_contain_text("1024")
    assert not visitor.page.evaluate("!!document.querySelector('.rest .stepper')")
