"""Leaving and coming back: jobs go on, windows agree, and no form forgets a value."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.visitor import IMAGE, TEXT, Visitor
from tests.fakes import picture

STUCK = "fault:run_stuck|a red house"
RUNNING = "#live [data-state=running]"


def test_a_reload_finds_the_running_job_and_its_picture(visitor: Visitor) -> None:
    """Reload while it is generated: the progress is there again, then the image."""
    visitor.small()
    visitor.generate("a red house")
    visitor.expect(visitor.find("#live [data-state]")).to_be_visible()
    visitor.open()
    visitor.expect(visitor.pictures()).to_have_js_property("naturalWidth", 256)
    visitor.has(f"{TEXT}-prompt", "a red house")
    visitor.open()
    visitor.pictures()


def test_a_reloaded_job_can_still_be_cancelled(visitor: Visitor) -> None:
    """The page that comes back has the same hold on the job as the one that left."""
    visitor.generate(STUCK)
    visitor.expect(visitor.find(RUNNING)).to_be_visible()
    visitor.open()
    visitor.expect(visitor.find(RUNNING)).to_be_visible()
    visitor.find("#live .cancel").click()
    visitor.shows("#queue", "nothing was spent")


def test_a_second_window_finds_the_job_too(visitor: Visitor) -> None:
    """Both watch it; what one cancels is cancelled in the other."""
    visitor.generate(STUCK)
    visitor.expect(visitor.find(RUNNING)).to_be_visible()
    second = visitor.again()
    second.expect(second.find(RUNNING)).to_be_visible()
    second.find("#live .cancel").click()
    second.shows("#queue", "nothing was spent")
    visitor.shows("#queue", "nothing was spent")


def test_a_stranger_sees_none_of_it(visit: Any) -> None:
    """Another browser is another owner: no job, no history."""
    mine = visit()
    mine.small()
    mine.generate("a red house")
    mine.pictures()
    other = visit()
    other.expect(other.find("#stage figure[data-entry]")).to_have_count(0)
    other.tab("History")
    other.expect(other.page.get_by_text("Nothing here yet")).to_be_visible()


LABELS = {"wavespeed": "WaveSpeed", "siraya": "Siraya"}
WISHES: dict[str, dict[str, Any]] = {
    "wavespeed": {"width": 512, "height": 768, "steps": 17, "guidance": 6.5, "seed": 123},
    "siraya": {"width": 640, "height": 384, "steps": 9, "guidance": 7.5, "seed": 321},
}


def test_every_value_survives_other_backends_and_a_reload(visitor: Visitor) -> None:
    """Each backend's form keeps what was set in it, through switching and through a reload."""
    visitor.write("line one\nline two “雪” 🏔️")
    visitor.set(f"{TEXT}-pictures", 3)
    visitor.details()
    visitor.choose(f"{TEXT}-wavespeed-model", "flux-srpo")
    visitor.choose(f"{TEXT}-wavespeed-output_format", "png")
    fill(visitor, "wavespeed")
    visitor.choose(f"{TEXT}-backend", LABELS["siraya"])
    visitor.expect(visitor.find(f"#{TEXT}-siraya-ratio")).to_be_visible()
    visitor.details()
    # What was set and is legal here was carried over.
    visitor.has(f"{TEXT}-siraya-steps", 17)
    visitor.has(f"{TEXT}-siraya-guidance", 6.5)
    fill(visitor, "siraya")
    visitor.find(f"#{TEXT}-siraya-safety_checker input").uncheck()
    visitor.choose(f"{TEXT}-siraya-acceleration", "high")

    for reload in (False, True):
        if reload:
            visitor.open()
        for name in ("siraya", "wavespeed"):
            visitor.choose(f"{TEXT}-backend", LABELS[name])
            visitor.expect(visitor.find(f"#{TEXT}-{name}-ratio")).to_be_visible()
            visitor.details()
            check(visitor, name)
            visitor.has(f"{TEXT}-prompt", "line one\nline two “雪” 🏔️")
            visitor.has(f"{TEXT}-pictures", 3)


def fill(visitor: Visitor, backend: str) -> None:
    visitor.custom(backend=backend)
    for name, value in WISHES[backend].items():
        visitor.set(f"{TEXT}-{backend}-{name}", value)


def check(visitor: Visitor, backend: str) -> None:
    for name, value in WISHES[backend].items():
        visitor.has(f"{TEXT}-{backend}-{name}", value)
    if backend == "wavespeed":
        visitor.has(f"{TEXT}-wavespeed-model", "flux-srpo")
        visitor.has(f"{TEXT}-wavespeed-output_format", "png")
    else:
        visitor.has(f"{TEXT}-siraya-acceleration", "high")
        visitor.expect(visitor.find(f"#{TEXT}-siraya-safety_checker input")).not_to_be_checked()


@pytest.mark.parametrize("home", [True, False], ids=["this machine", "elsewhere"])
def test_the_form_of_image_to_image_survives_too(visit: Any, home: bool) -> None:
    """Strength, prompt and image, at the machine itself and from elsewhere."""
    visitor = visit(home=home)
    visitor.tab("Image to image")
    data = {"name": "a.png", "mimeType": "image/png", "buffer": picture(77, 128, 64)}
    visitor.upload(data)
    visitor.expect(visitor.page.get_by_text("128 × 64. The result has this size")).to_be_visible()
    visitor.write("a boat", IMAGE)
    visitor.set(f"{IMAGE}-wavespeed-strength", 0.35)
    visitor.open()
    visitor.tab("Image to image")
    visitor.has(f"{IMAGE}-prompt", "a boat")
    visitor.has(f"{IMAGE}-wavespeed-strength", 0.35)
    visitor.expect(visitor.find(f"#{IMAGE}-image img")).to_have_js_property("naturalWidth", 128)
