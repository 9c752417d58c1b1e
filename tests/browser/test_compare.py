"""Comparing: build a set, run it, pause, reopen, extend, retry, pick, look closely, take away."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser.conftest import PUBLIC
from tests.browser.test_everywhere import AXE, DESKTOP, PHONE, violations
from tests.browser.visitor import Visitor
from tests.end_to_end.program import Playground, SandboxProcess

CELLS = ".cmp-table .cmp-cell"
SLOW = 40_000


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    sandbox = SandboxProcess(tmp_path_factory.mktemp("service"), latency=1)
    yield sandbox
    sandbox.kill()


@pytest.fixture(scope="module")
def program(
    service: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Playground]:
    folder: Path = tmp_path_factory.mktemp("compare")
    found = Playground(
        folder,
        WAVESPEED_API_KEY="sk-test-1234567890",
        WAVESPEED_BASE_URL=service.address,
        SRPO_LIMIT_IMAGES_PER_CLICK="40",
        SRPO_LIMIT_PAID_PER_ADDRESS_HOUR="500",
        SRPO_SHARE="1",
        **PUBLIC,
    )
    yield found
    found.kill()


class Comparer:
    """What a person does on the Compare tab."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.page = visitor.page
        self.find, self.expect = visitor.find, visitor.expect
        visitor.tab("Compare")
        self.expect(self.find(".cmp-targets input:checked")).to_have_count(2)

    def form(self, prompt: str, rows: str = "1, 2", field: str = "seed") -> Comparer:
        """SRPO beside FLUX.1 [dev], in small images."""
        self.find("#compare-prompt").fill(prompt)
        self.find("#compare-rows").select_option(field)
        self.values(rows)
        self.rest(size="256 x 256", steps="1")
        return self

    def values(self, text: str, side: str = "rows") -> None:
        self.find(f"[data-axis={side}] textarea").fill(text)

    def rest(self, **values: str) -> None:
        fold = self.find(".cmp-rest")
        if fold.get_attribute("open") is None:
            self.find(".cmp-rest summary").click()
        for name, value in values.items():
            self.find(f"#compare-rest-{name}").fill(value)

    def run(self, label: str) -> Comparer:
        """Run as soon as the button says so; a dear one is agreed to."""
        button = self.find("#compare-run:not(.stale)")
        self.expect(button).to_have_text(label)
        button.click()
        return self

    def done(self, count: int) -> Any:
        """Wait until the table shows so many images."""
        images = self.find(f"{CELLS}[data-state=finished]")
        self.expect(images).to_have_count(count, timeout=SLOW)
        return images

    def more(self, name: str) -> None:
        self.find("[popovertarget=compare-more]").click()
        self.page.get_by_role("button", name=name, exact=True).click()

    def download(self, link: str) -> bytes:
        address = self.find(f"[data-file='{link}']").get_attribute("href")
        return self.visitor.fetch(address)


@pytest.fixture
def comparer(visit: Any, program: Playground) -> Comparer:
    return Comparer(visit(at=program))


def test_srpo_beside_the_model_it_was_tuned_from(
    comparer: Comparer, service: SandboxProcess
) -> None:
    """The first question is there at once; price and notes before, the table after, for good."""
    before = service.stats()["charges"]
    comparer.form("a red {house|boat}", "3")
    comparer.expect(comparer.find("#compare-run")).to_have_text("Run 4 images · $0.074")
    comparer.expect(comparer.find(".cmp-targets")).to_contain_text("$0.012")
    comparer.expect(comparer.find(".cmp-shape")).to_contain_text("2 × 1 × 2")
    comparer.run("Run 4 images · $0.074")
    heads = comparer.find(".cmp-table thead th")
    comparer.expect(heads).to_contain_text(["flux-1-srpo", "FLUX.1 [dev]"])
    comparer.done(2)
    comparer.find(".cmp-pages button").filter(has_text="boat").click()
    comparer.done(2)
    comparer.expect(comparer.find(".cmp-total")).to_contain_text("4 of 4 · $0.074")
    assert service.stats()["charges"] - before == 4
    comparer.find("#compare-title").fill("House and boat")
    comparer.page.keyboard.press("Enter")
    comparer.expect(comparer.find("#compare-sets")).to_contain_text("House and boat")
    comparer.page.reload()
    comparer.visitor.tab("Compare")
    comparer.done(2)
    assert comparer.find("#compare-title").input_value() == "House and boat"
    comparer.expect(comparer.find("#compare-prompt")).to_have_value("a red {house|boat}")
    assert service.stats()["charges"] - before == 4


def test_three_axes_beside_two_models(comparer: Comparer) -> None:
    """Two models, and seeds by guidance by size: the last two make the pages."""
    comparer.form("a boat", "1, 2")
    third = comparer.find("#compare-third")
    comparer.expect(third).to_be_hidden()
    comparer.find("#compare-pages").select_option("guidance")
    comparer.values("2, 3", "pages")
    comparer.expect(third).to_be_visible()
    third.select_option("steps")
    comparer.values("1, 2", "third")
    comparer.rest(steps="")
    comparer.expect(comparer.find(".cmp-shape")).to_contain_text("2 × 2 × 4")
    comparer.run("Run 16 images · $0.296")
    comparer.visitor.answer(yes=True)
    comparer.done(4)
    comparer.expect(comparer.find(".cmp-pages button")).to_have_text(
        ["2 · 1", "2 · 2", "3 · 1", "3 · 2"]
    )
    comparer.more("Extend")
    comparer.expect(comparer.find("#compare-run")).to_have_text("Save the set")
    comparer.expect(comparer.find("[data-axis=third] textarea")).to_have_value("1, 2")


def test_styles_of_another_program_are_put_around_the_prompt(comparer: Comparer) -> None:
    """A1111's styles.csv: read line by line, kept in this browser, and used with one click."""
    comparer.find("#compare-prompt").fill("a boat")
    comparer.find("[aria-controls=compare-styles]").click()
    pop = comparer.find("#compare-styles")
    comparer.expect(pop.locator("[data-open-styles]")).to_be_visible()
    file = 'name,prompt,negative_prompt\nInk,"{prompt}, ink drawing",photo\nlost,,\n'
    given = {"name": "styles.csv", "mimeType": "text/csv", "buffer": file.encode()}
    pop.locator(".style-file").set_input_files(given)
    comparer.expect(pop.locator(".style-said p")).to_have_text(
        [
            "One style was added.",
            "One has a negative prompt, which no backend here reads; it was left out.",
            "Line 3: “lost” has no words.",
        ]
    )
    pop.locator(".style-file").set_input_files(given | {"buffer": b"name,prompt\n\xe9,x"})
    comparer.expect(pop.locator(".style-said")).to_contain_text("not in UTF-8")
    pop.get_by_role("button", name="Ink", exact=True).click()
    comparer.expect(comparer.find("#compare-prompt")).to_have_value("a boat, ink drawing")
    comparer.page.reload()
    comparer.visitor.tab("Compare")
    comparer.find("[aria-controls=compare-styles]").click()
    comparer.expect(pop.get_by_role("button", name="Ink", exact=True)).to_be_visible()


def test_a_value_out_of_range_is_said_at_its_field_and_mended_with_one_click(
    comparer: Comparer,
) -> None:
    comparer.form("a boat", "3, 99", field="guidance")
    wrong = comparer.find("[data-slot=rows] .cmp-wrong").first
    comparer.expect(wrong).to_contain_text("Guidance must be from")
    comparer.expect(comparer.find("#compare-run")).to_be_disabled()
    wrong.get_by_role("button", name="Use 20").click()
    comparer.expect(comparer.find("#compare-run")).to_be_enabled()
    comparer.expect(comparer.find("[data-axis=rows] textarea")).to_have_value("3, 20")
    comparer.find("#compare-prompt").fill("")
    comparer.expect(comparer.find(".cmp-under")).to_contain_text("Write a prompt first.")
    comparer.find("#compare-rows").select_option("lines")
    file = {
        "name": "a.csv",
        "mimeType": "text/csv",
        "buffer": b"prompt,steps\na,1\nb,900\n",
    }
    comparer.find("#compare-csv").set_input_files(file)
    comparer.expect(comparer.find("[data-slot=rows]")).to_contain_text("Line 3: Steps must be")
    comparer.find("#compare-csv").set_input_files(
        file | {"buffer": "prompt\nMüll\n".encode("latin1")}
    )
    comparer.expect(comparer.find("[data-slot=rows]")).to_contain_text("The file is not in UTF-8.")


def test_a_dear_set_is_asked_about_paused_and_goes_on(
    comparer: Comparer, service: SandboxProcess
) -> None:
    comparer.form("snowy mountains", "1–6").run("Run 12 images · $0.222")
    assert "Make 12 images?" in comparer.visitor.answer(yes=False)
    assert comparer.find(".cmp-table").count() == 0
    comparer.page.wait_for_timeout(800)
    comparer.run("Run 12 images · $0.222")
    comparer.visitor.answer(yes=True)
    comparer.expect(comparer.find(f"{CELLS}[data-state=running]").first).to_be_visible()
    comparer.more("Pause")
    comparer.expect(comparer.find(".cmp-total")).to_contain_text("paused")
    begun = service.stats()["posts"]
    comparer.page.wait_for_timeout(2500)
    assert service.stats()["posts"] - begun <= 4, "what was on its way out, and no more"
    comparer.more("Go on")
    comparer.done(12)


def test_a_doubt_is_decided_in_its_cell_and_extending_pays_for_what_is_missing(
    comparer: Comparer, service: SandboxProcess
) -> None:
    rows = "a red house\nfault:submit_502*1|a boat"
    comparer.form("a red house", rows, field="prompt").run("Run 4 images · $0.074")
    doubt = comparer.find(f"{CELLS}[data-state=unknown]")
    comparer.expect(doubt.first).to_contain_text("may have been charged", timeout=SLOW)
    comparer.expect(comparer.find(f"{CELLS}[data-state=running]")).to_have_count(0, timeout=SLOW)
    while left := doubt.count():
        doubt.first.get_by_role("button", name="Send again").click()
        assert "may cost twice" in comparer.visitor.answer(yes=True)
        comparer.expect(doubt).to_have_count(left - 1, timeout=SLOW)
    comparer.done(4)
    before = service.stats()["charges"]
    comparer.more("Extend")
    comparer.expect(comparer.find(".cmp-mode")).to_contain_text("only what is missing")
    comparer.expect(comparer.find("#compare-run")).to_have_text("Save the set")
    comparer.values(f"{rows}\na teal sea")
    comparer.run("Make 2 more · $0.037")
    comparer.done(6)
    assert service.stats()["charges"] - before == 2
    comparer.expect(comparer.find(".cmp-mode")).to_be_hidden()
    comparer.more("Delete the set")
    comparer.visitor.answer(yes=True)
    comparer.expect(comparer.find(".cmp-table")).to_have_count(0)
    comparer.visitor.tab("History")
    comparer.expect(comparer.find("#history-grid button[data-entry]")).to_have_count(6)


def test_with_the_keyboard_alone_through_a_blind_test(comparer: Comparer) -> None:
    """Ctrl + Enter runs, arrows move, P picks; names come after the last pick, with intervals."""
    comparer.form("a teal sea", "1, 2")
    comparer.expect(comparer.find("#compare-run:not(.stale)")).to_have_text("Run 4 images · $0.074")
    comparer.page.keyboard.press("Control+Enter")
    comparer.done(4)
    keyboard = comparer.page.keyboard
    comparer.find("[data-way=blind]").focus()
    keyboard.press("Enter")
    comparer.expect(comparer.find(".cmp-table thead th span")).to_have_text(["A", "B"])
    comparer.expect(comparer.find("#compare-stage .cmp-table")).not_to_contain_text("flux")
    comparer.find(f"{CELLS}.at .cmp-open").focus()
    keyboard.press("p")
    comparer.expect(comparer.find(".cmp-picked")).to_have_text("Picked: 1 · ★")
    keyboard.press("ArrowDown")
    keyboard.press("End")
    keyboard.press("p")
    comparer.expect(comparer.find(".cmp-shares caption")).to_have_text(
        "Picks of 2, with 95 % intervals (Wilson)"
    )
    comparer.expect(comparer.find(".cmp-table thead")).to_contain_text("flux-1-srpo")
    comparer.expect(comparer.find(f"{CELLS}.picked")).to_have_count(2)
    assert comparer.find(f"{CELLS}.at .cmp-open").evaluate(
        "node => node === document.activeElement"
    )


class Keyboard:
    """Goes through the page with Tab alone, as somebody without a mouse does."""

    def __init__(self, comparer: Comparer) -> None:
        self.page, self.find = comparer.page, comparer.find
        self.press, self.write = self.page.keyboard.press, self.page.keyboard.type

    def reach(self, selector: str, *, back: bool = False) -> Keyboard:
        """Press Tab until something is focused."""
        for _ in range(120):
            if self.page.evaluate(FOCUSED, selector):
                return self
            self.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"Tab does not lead to {selector}")

    def enter(self, selector: str, *, back: bool = False) -> None:
        self.reach(selector, back=back).press("Enter")

    def fill(self, selector: str, text: str, *, back: bool = False) -> None:
        self.reach(selector, back=back).press("Control+a")
        self.write(text)

    def more(self, what: str) -> None:
        """Choose from the menu of the set."""
        self.enter("[popovertarget=compare-more]")
        self.enter(f"#compare-more [data-cmp={what}]")


FOCUSED = "selector => document.activeElement?.matches(selector) ?? false"


def test_the_whole_of_it_with_the_keyboard_alone(
    comparer: Comparer, service: SandboxProcess
) -> None:
    """Build, run, pause, go on, rename, reopen, extend, look closely, pick, take away."""
    page, find, expect = comparer.page, comparer.find, comparer.expect
    keyboard = Keyboard(comparer)
    before = service.stats()["charges"]
    keyboard.fill("#compare-prompt", "a boat on a teal sea")
    keyboard.fill("[data-axis=rows] textarea", "1, 2, 3, 4, 5, 6")
    keyboard.enter(".cmp-rest summary")
    keyboard.fill("#compare-rest-size", "256 x 256")
    keyboard.fill("#compare-rest-steps", "1")
    expect(find("#compare-run:not(.stale)")).to_have_text("Run 12 images · $0.222")
    keyboard.enter("#compare-run")
    expect(find("dialog.ask[open]")).to_be_visible()
    keyboard.enter("dialog.ask .yes")
    expect(find(f"{CELLS}[data-state=running]").first).to_be_visible()
    keyboard.more("pause")
    expect(find(".cmp-total")).to_contain_text("paused")
    keyboard.more("go-on")
    comparer.done(12)
    keyboard.fill("#compare-title", "By keyboard", back=True)
    keyboard.press("Enter")
    expect(find("#compare-sets")).to_contain_text("By keyboard")
    keyboard.more("extend")
    expect(find("#compare-run")).to_have_text("Save the set")
    keyboard.fill("[data-axis=rows] textarea", "1, 2, 3, 4, 5, 6, 7", back=True)
    expect(find("#compare-run:not(.stale)")).to_have_text("Make 2 more · $0.037")
    keyboard.press("Control+Enter")
    comparer.done(14)
    assert service.stats()["charges"] - before == 14

    page.reload()
    comparer.visitor.tab("Compare")
    comparer.done(14)
    keyboard.enter("[popovertarget=compare-sets]")
    keyboard.enter("#compare-sets [data-show]")
    expect(find("#compare-title")).to_have_value("By keyboard")
    keyboard.reach(".cmp-cell .cmp-open").press("ArrowDown")
    keyboard.press("End")
    keyboard.press("p")
    expect(find(".cmp-picked")).to_have_text("Picked: 1 · ★")
    keyboard.press("Enter")
    expect(find("dialog.viewer")).to_be_visible()
    keyboard.press("Escape")
    expect(find("dialog.viewer")).to_be_hidden()
    assert page.evaluate(FOCUSED, ".cmp-cell .cmp-open")
    keyboard.enter("button.cmp-picked")
    expect(find(".cmp-shares caption")).to_contain_text("Picks of 1")
    keyboard.press("Enter")
    expect(find(".cmp-shares")).to_have_count(0)

    keyboard.enter("[data-way=side]", back=True)
    keyboard.reach(".cmp-panes").press("+")
    assert "scale(1.4)" in find(".cmp-pane img").first.get_attribute("style")
    keyboard.enter("[data-way=slider]", back=True)
    keyboard.reach(".cmp-slider input").press("ArrowRight")
    assert find(".cmp-slide").evaluate("n => n.style.getPropertyValue('--split')") == "51%"
    keyboard.enter("[data-look=pixels]", back=True)
    expect(find(".cmp-pixels")).to_contain_text(re.compile("[Pp]ixel"))
    with page.expect_download() as taken:
        keyboard.enter("[data-file='sheet.png']", back=True)
    assert Path(taken.value.path()).read_bytes()[:4] == b"\x89PNG"
    with page.expect_download() as taken:
        keyboard.enter("[popovertarget=compare-more]")
        keyboard.enter("#compare-more [data-file='page.zip']")
    assert zipfile.is_zipfile(taken.value.path())


def test_what_failed_is_made_by_a_retry_and_paid_once(
    comparer: Comparer, service: SandboxProcess
) -> None:
    """An account without credit: the last image fails, and a retry makes it once it is there."""
    rows = "a red house\na lake\nfault:submit_402*1|a boat"
    before = service.stats()["charges"]
    comparer.form("x", rows, field="prompt")
    comparer.find(".cmp-targets input:checked").nth(1).click()
    comparer.run("Run 3 images · $0.075")
    failed = comparer.find(f"{CELLS}[data-state=failed]")
    comparer.expect(failed).to_have_count(1, timeout=SLOW)
    comparer.expect(failed).to_contain_text("no credit left")
    comparer.done(2)
    comparer.find("[popovertarget=compare-more]").click()
    again = comparer.find("#compare-more [data-cmp=retry]")
    comparer.expect(again).to_have_text(re.compile(r"Retry 1 · \$0\.0"))
    again.click()
    assert "Make 1 image again?" in comparer.visitor.answer(yes=True)
    comparer.done(3)
    comparer.expect(comparer.find(".cmp-total")).to_contain_text("3 of 3 · $0.075")
    assert service.stats()["charges"] - before == 3
    comparer.find("[popovertarget=compare-more]").click()
    comparer.expect(again).to_be_hidden()


def test_a_set_is_run_again_with_new_seeds_and_a_bad_name_is_said_at_its_field(
    comparer: Comparer, service: SandboxProcess
) -> None:
    comparer.form("a lake", "5, 6").run("Run 4 images · $0.074")
    comparer.done(4)
    before = service.stats()["charges"]
    first = comparer.page.evaluate("srpo.compare.state.table.id")
    comparer.more("Run again with new seeds")
    comparer.expect(comparer.find(".cmp-mode")).to_contain_text("seeds that were never used")
    seeds = comparer.find("[data-axis=rows] textarea")
    comparer.expect(seeds).to_have_value(re.compile(r"\d+, \d+"))
    assert "5, 6" not in seeds.input_value()
    comparer.run("Run 4 images · $0.074")
    comparer.page.wait_for_function(f"srpo.compare.state.table.id !== {first!r}")
    comparer.done(4)
    assert service.stats()["charges"] - before == 4
    comparer.find("[popovertarget=compare-more]").click()
    names = comparer.find("#compare-names")
    names.fill("../{seed}")
    wrong = comparer.find("#compare-more .cmp-wrong")
    comparer.expect(wrong).to_contain_text("name")
    names.fill("{seed}-{target}")
    comparer.expect(wrong).to_have_count(0)


def test_a_set_goes_into_a_collection_and_is_shown_by_a_link_until_it_is_revoked(
    comparer: Comparer, program: Playground
) -> None:
    """A title for a new collection is enough; a link is told once, and anybody may open it."""
    comparer.form("a teal lake", "1").find("#compare-collection").fill("Lakes")
    comparer.run("Run 2 images · $0.037")
    comparer.done(2)
    comparer.more("Share link")
    field = comparer.find("#compare-more .cmp-link input")
    comparer.expect(field).to_have_value(re.compile("http://.*/s/.{32}$"))
    opened = comparer.find(".cmp-open-links")
    comparer.expect(opened).to_contain_text("1 link shows this set.")
    host, _, path = field.input_value().removeprefix("http://").partition("/")
    address = f"http://127.0.0.1:{program.port}/{path}"
    shared = httpx.get(address, headers={"Host": host})
    assert shared.text.count("a teal lake") >= 2, "the prompt of both"
    comparer.page.reload()
    comparer.visitor.tab("Compare")
    comparer.done(2)
    comparer.expect(comparer.find("#compare-collection")).to_have_value("Lakes")
    offered = comparer.find("#compare-collections option")
    comparer.expect(offered).to_have_attribute("value", "Lakes")
    comparer.find("[popovertarget=compare-more]").click()
    comparer.expect(opened).to_contain_text("1 link shows this set.")
    comparer.expect(field).to_be_hidden()
    opened.get_by_role("button", name="Revoke").click()
    comparer.expect(opened).to_be_hidden()
    assert httpx.get(address, headers={"Host": host}).status_code == 410
    comparer.page.keyboard.press("Escape")
    comparer.visitor.tab("History")
    comparer.find(".hist-view-name").click()
    comparer.expect(comparer.find(".hist-views [data-collection] .view")).to_have_text("Lakes2")


def test_images_are_compared_closely_and_taken_away(comparer: Comparer) -> None:
    comparer.form("a boat", "1, 2", field="guidance").run("Run 4 images · $0.074")
    comparer.done(4)
    comparer.find("[data-way=side]").click()
    panes = comparer.find(".cmp-pane img")
    comparer.expect(panes).to_have_count(2)
    comparer.expect(comparer.find(".cmp-sent")).to_contain_text("What was really sent")
    comparer.find(".cmp-panes").press("+")
    moved = panes.evaluate_all("all => all.map((one) => one.style.transform)")
    assert moved[0] == moved[1] != "translate(0%, 0%) scale(1)"
    comparer.page.get_by_role("button", name="Next row").click()
    comparer.expect(comparer.find(".cmp-step").first).to_contain_text("2 of 2")
    comparer.find("[data-way=slider]").click()
    comparer.find("[data-pair='1']").select_option("0.0")
    comparer.find("[data-look=pixels]").click()
    comparer.expect(comparer.find(".cmp-pixels")).to_contain_text(
        re.compile(r"Pixels differ by \d+\.\d % on average|Every pixel is the same")
    )
    comparer.page.keyboard.down("f")
    comparer.expect(comparer.find(".cmp-slide.flick")).to_have_count(1)
    comparer.page.keyboard.up("f")
    comparer.expect(comparer.find(".cmp-slide.flick")).to_have_count(0)
    assert comparer.download("sheet.png")[:4] == b"\x89PNG"
    for link in ("images.zip", "page.zip"):
        archive = zipfile.ZipFile(io.BytesIO(comparer.download(link)))
        assert archive.testzip() is None
        assert len(archive.namelist()) == (6 if link == "images.zip" else 5)
    assert comparer.download("manifest.csv").startswith(b"\xef\xbb\xbfpage,row,column")


def test_variations_of_an_image_fill_the_form(visit: Any, program: Playground) -> None:
    visitor = visit(at=program)
    visitor.small()
    visitor.generate("a red house on green hills")
    visitor.pictures()
    visitor.press("Variations")
    visitor.find("dialog.ask [data-vary=strength]").click()
    visitor.expect(visitor.find(".cmp-mode")).to_contain_text("Strength strip")
    visitor.expect(visitor.find("[data-axis=columns] textarea")).to_have_value(
        "0.2, 0.35, 0.5, 0.65, 0.8"
    )
    visitor.expect(visitor.find(".cmp-picture")).to_be_visible()
    visitor.expect(visitor.find("#compare-run")).to_contain_text("Run 5 images")


def test_the_noise_of_an_image_is_blended_with_that_of_others(visit: Any) -> None:
    """From the viewer: what the miniature made is varied by steps, each kept with its seeds."""
    visitor = visit()
    visitor.choose("text-to-image-backend", "Miniature")
    visitor.set("text-to-image-miniature-steps", 2)
    visitor.generate("Red sun, blue mountains")
    visitor.pictures().first.click()
    viewer = visitor.find("dialog.viewer")
    visitor.expect(viewer).to_be_visible()
    viewer.locator("[data-v=vary]").click()
    visitor.find("dialog.ask [data-vary=blend]").click()
    visitor.expect(viewer).to_be_hidden()
    visitor.expect(visitor.find(".cmp-mode")).to_contain_text("Blends of the noise")
    visitor.find("[data-axis=rows] textarea").fill("random 1")
    run = visitor.find("#compare-run:not(.stale)")
    visitor.expect(run).to_have_text("Run 3 images · free")
    run.click()
    visitor.expect(visitor.find(f"{CELLS}[data-state=finished]")).to_have_count(3, timeout=SLOW)
    visitor.expect(visitor.find(".cmp-table thead th span")).to_have_text(["0.1", "0.25", "0.45"])
    visitor.find(f"{CELLS} .cmp-open").first.click()
    told = visitor.find("dialog.viewer .told")
    visitor.expect(told).to_contain_text("Variation seed")
    visitor.expect(told).to_contain_text("0.1")


@pytest.mark.skipif(not AXE, reason="AXE_JS does not name axe.min.js (npm pack axe-core)")
def test_everybody_can_compare(comparer: Comparer) -> None:
    """axe-core finds nothing in any of its views, and nothing is wider than the window."""
    page, find = comparer.page, comparer.find
    rows = "a boat\nfault:run_failed_5000|a boat"
    comparer.form("a boat", rows, field="prompt").run("Run 4 images · $0.074")
    comparer.done(2)
    comparer.expect(find(f"{CELLS}[data-state=failed]")).to_have_count(2, timeout=SLOW)
    found = []
    for size in (DESKTOP, PHONE):
        for theme in ("light", "dark"):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            page.goto(comparer.visitor.address.replace("=light", f"={theme}"))
            comparer.visitor.tab("Compare")
            comparer.done(2)
            page.evaluate(Path(AXE).read_text(encoding="utf-8"))
            found += looked_at(comparer, f"{theme} at {size[0]}")
    assert found == []


def looked_at(comparer: Comparer, where: str) -> list[str]:
    """Go through all views of a set and return what is wrong with them."""
    visitor, page, find = comparer.visitor, comparer.page, comparer.find
    found: list[str] = []

    def look(moment: str) -> None:
        found.extend(violations(visitor, f"{where}, {moment}"))
        if (beyond := visitor.width_beyond()) > 0:
            found.append(f"{where}, {moment}: {beyond} pixels wider than the window")

    look("grid")
    comparer.rest(steps="900")
    comparer.expect(find(".cmp-wrong").first).to_be_visible()
    look("error")
    comparer.rest(steps="1")
    comparer.more("Share link")
    comparer.expect(find(".cmp-link input")).to_be_visible()
    look("menu")
    page.keyboard.press("Escape")
    find(f"{CELLS}[data-state=finished] .cmp-open").first.focus()
    page.keyboard.press("p")
    find("button.cmp-picked").click()
    comparer.expect(find(".cmp-shares")).to_be_visible()
    look("shares")
    find("[aria-controls=compare-styles]").click()
    look("styles")
    page.keyboard.press("Escape")
    page.evaluate("srpo.vary(srpo.compare.cellAt(0, 0).entry)")
    comparer.expect(find("dialog.vary")).to_be_visible()
    look("variations")
    find("dialog.vary .no").click()
    for way in ("side", "slider", "blind"):
        find(f"[data-way={way}]").click()
        if way == "blind":
            visitor.answer(yes=True)
        page.wait_for_timeout(400)
        look(way)
    return found
