"""The queue: more while others run, another order, one gone; what a person decides; the bill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PUBLIC
from tests.browser.visitor import CARDS, JOBS, TEXT, Visitor
from tests.end_to_end.program import Playground, SandboxProcess

STATUS = "#queue"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    sandbox = SandboxProcess(tmp_path_factory.mktemp("service"), latency=6)
    yield sandbox
    sandbox.kill()


@pytest.fixture(scope="module")
def program(
    service: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Playground]:
    folder: Path = tmp_path_factory.mktemp("queue")
    found = Playground(
        folder,
        WAVESPEED_API_KEY="sk-test-1234567890",
        WAVESPEED_BASE_URL=service.address,
        WAVESPEED_MAX_CONCURRENCY="1",
        **PUBLIC,
    )
    yield found
    found.kill()


@pytest.fixture
def visitor(visit: Any, program: Playground) -> Visitor:
    found: Visitor = visit(at=program)
    found.small()
    return found


def waiting(visitor: Visitor, prompt: str) -> Any:
    return visitor.find(f"{STATUS} [data-state=waiting]").filter(has_text=prompt)


def calm(visitor: Visitor) -> None:
    """Let the double-click guard pass, as a person does who types another prompt."""
    visitor.page.wait_for_timeout(800)


def test_more_is_asked_for_while_others_run(visitor: Visitor, service: SandboxProcess) -> None:
    """Three prompts in a row; the last overtakes the second, which is then given up unpaid."""
    before = service.stats()["charges"]
    for prompt in ("a red house", "a teal sea", "snowy mountains"):
        visitor.generate(prompt)
        visitor.expect(visitor.find(STATUS)).to_contain_text("Generating")
        if prompt != "a red house":
            visitor.expect(waiting(visitor, prompt)).to_have_count(1)
        calm(visitor)
    visitor.queue()
    waiting(visitor, "snowy mountains").get_by_role("button", name="Move up").click()
    visitor.expect(waiting(visitor, "a teal sea")).to_contain_text("1 before it")
    waiting(visitor, "a teal sea").get_by_role("button", name="Cancel").click()
    visitor.expect(visitor.page.get_by_text("Nothing was spent").first).to_be_visible()
    visitor.pictures(count=2)
    assert service.stats()["charges"] - before == 2


def test_a_double_click_is_one_job(visitor: Visitor, service: SandboxProcess) -> None:
    """However nervous the finger, one image is paid for."""
    before = service.stats()["posts"]
    visitor.write("a boat")
    visitor.find(f"#{TEXT}-generate").dblclick()
    visitor.pictures()
    assert service.stats()["posts"] - before == 1


@pytest.mark.parametrize("agreed", [False, True], ids=["no", "yes"])
def test_a_dear_click_is_asked_about(
    visitor: Visitor, service: SandboxProcess, agreed: bool
) -> None:
    """The total is on the button before, and in the question above ten cents."""
    before = service.stats()["posts"]
    visitor.set(f"{TEXT}-pictures", 5)
    visitor.expect(visitor.find(f"#{TEXT}-generate")).to_have_text("Generate 5 images · $0.125")
    visitor.generate("hills")
    asked = visitor.answer(yes=agreed)
    if agreed:
        visitor.expect(visitor.find(f"{JOBS} [data-state=running]")).to_be_visible()
        visitor.find("#live .cancel").click()
        assert "1 has begun" in visitor.answer(yes=True)
        visitor.expect(visitor.page.get_by_text("1 is paid for already").first).to_be_visible()
        visitor.expect(visitor.find(f"{STATUS} [data-state=cancelled]")).to_have_count(4)
    else:
        calm(visitor)
        visitor.expect(visitor.find(f"{STATUS} [data-state]")).to_have_count(0)
    assert service.stats()["posts"] - before == int(agreed)
    for said in ("Make 5 images?", "Make 5 images · $0.125"):
        assert said in asked


def test_a_doubtful_send_is_a_persons_decision(visitor: Visitor, service: SandboxProcess) -> None:
    """Looked up, not found: it says what it may have cost, and is sent again only when asked."""
    before = service.stats()["posts"]
    visitor.generate("fault:submit_502*1|a red house")
    unknown = visitor.find(f"{CARDS} [data-state=unknown]")
    visitor.expect(unknown).to_contain_text("may have been charged", timeout=30_000)
    assert service.stats()["posts"] - before == 1
    unknown.get_by_role("button", name="Send again").click()
    assert "may cost twice" in visitor.answer(yes=True)
    visitor.expect(unknown).to_have_count(0)
    visitor.pictures()
    assert service.stats()["posts"] - before == 2


def test_a_failure_of_the_service_can_be_retried(visitor: Visitor) -> None:
    """One click makes the same request anew; a refused prompt has no such button."""
    visitor.generate("fault:run_failed_1200|a red house")
    failed = visitor.find(f"{CARDS} [data-state=failed]")
    visitor.expect(failed).to_contain_text("safety check", timeout=30_000)
    visitor.expect(failed.get_by_role("button")).to_have_count(0)
    calm(visitor)
    visitor.generate("fault:run_failed_5000|a red house")
    visitor.expect(failed.get_by_role("button", name="Retry")).to_be_visible(timeout=30_000)
    calm(visitor)
    visitor.generate("a red house")
    visitor.pictures()
    visitor.find(f"{JOBS} [data-state=failed]").click()
    failed.get_by_role("button", name="Dismiss").click()
    visitor.expect(failed).to_have_count(0)


def test_a_refused_account_stops_the_queue_until_an_admin_resumes_it(
    visit: Any, visitor: Visitor, program: Playground
) -> None:
    """One job fails, the others wait below one notice; the button is for who runs the place."""
    visitor.set(f"{TEXT}-pictures", 4)
    calm(visitor)
    visitor.generate("fault:submit_402*1|a boat")
    notice = visitor.find(f"{CARDS} .notice").filter(has_text="Paused")
    visitor.expect(notice).to_contain_text("no credit left", timeout=30_000)
    visitor.expect(notice).to_contain_text("Whoever runs this playground can resume it.")
    visitor.expect(notice.get_by_role("button")).to_have_count(0)
    visitor.tab("Backends")
    visitor.shows("#backends-cards", "Paused, so that not every job fails alike.")
    visitor.expect(visitor.find("#backends-resume")).to_have_count(0)
    owner = visit(at=program, home=True)
    owner.tab("Backends")
    owner.press("Resume")
    owner.expect(owner.find("#backends-resume")).to_have_count(0)
    visitor.tab("Text to image")
    visitor.pictures(count=3)


def test_the_spending_tab_adds_up(visit: Any, program: Playground) -> None:
    """What this file has spent so far, the service's balance, and a bar for today."""
    visitor = visit(at=program, home=True)
    visitor.tab("Spending")
    visitor.shows("#spending-view", "Left at WaveSpeed")
    visitor.shows("#spending-view", "May have been charged")
    visitor.expect(visitor.find("#spending-view .chart i")).to_have_count(1)
    row = visitor.find("#spending-view tbody tr").first
    visitor.expect(row).to_contain_text("WaveSpeed")
