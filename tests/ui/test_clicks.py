"""What a click on the page may do: whatever the browser sends, the server decides."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from backends import Settings
from core.errors import AuthError, UnavailableError
from core.exposure import Exposure
from core.jobs.budget import Budget
from core.jobs.job import Job
from core.jobs.limits import Policy
from core.studio import Studio
from core.words import say
from tests.conftest import Studios
from tests.fakes import FakeService
from ui.generate import layout, stage
from ui.generate.handlers import Handlers
from ui.generate.session import Session
from ui.generate.stage import Stage
from ui.generate.tab import Tab, remember
from ui.server.routes import Media
from ui.server.uploads import Uploads
from ui.spending_tab import SpendingTab

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.slow,
]
TASK = "text-to-image"
TEAM = Policy.of(
    Settings(_env_file=None, srpo_auth="ann:x,bob:y", srpo_admins="ann"),
    Exposure(loopback=False, sign_in=True),
)
GARBAGE: Sequence[Any] = (
    None,
    "",
    "abc",
    "\ud800",
    "\x00",
    -1,
    10**6,
    10**400,
    1.5,
    math.nan,
    math.inf,
    True,
    [],
    [[1]],
    {},
    {"a": {"b": 1}},
)


class Account(FakeService):
    """A service that tells what its account has left, and counts how often it is asked."""

    balance_usd: float | None = 12.5
    asked = 0

    async def refresh(self) -> None:
        self.asked += 1


def asks(user: str = "bob") -> Any:
    """A request of somebody who signed in."""
    return SimpleNamespace(username=user, headers={}, session_hash="s")


@cache
def built() -> tuple[Tab, Stage, gr.HTML, gr.BrowserState]:
    """Lay the tab out once: that takes a second."""
    with gr.Blocks(analytics_enabled=False):
        who, today, watch = gr.BrowserState(""), gr.HTML(), stage.remember()
        service = {"fake": FakeService(paid=True)}
        tab = layout.build(TASK, service, "fake", remember(TASK), watch)
        shared = stage.build(watch)
    return tab, shared, today, who


def handlers_of(studio: Studio) -> Handlers:
    tab, shared, today, who = built()
    media = Media(studio)
    return Handlers(tab, Session(shared, today, studio, media, who), Uploads(media))


async def clicked(handlers: Handlers, user: str = "bob", **sent: Any) -> dict[Any, Any]:
    """Click on Generate with these values in place of the form's, and return what was drawn."""
    tab = handlers.tab
    fields = tab.forms["fake"].fields
    form = {name: fields[name].value for name in fields}
    form |= {"prompt": "hills", "backend": "fake", "shown": "fake", "pictures": 1} | sent
    price = form.get("price", 0.025)
    click = form.get("click", {"name": "c", "price": price, "asked": price == 0.2})
    given = {tab.price: price, tab.click: click, handlers.who: ""}
    given |= {handlers.session.stage.watch: form.get("watch")}
    given |= {tab.prompt: form["prompt"], tab.backend: form["backend"], tab.shown: form["shown"]}
    given |= {tab.collection: form.get("collection")}
    given |= {tab.pictures: form["pictures"]} | {fields[name]: form[name] for name in fields}
    drawn: dict[Any, Any] = {}
    async for update in handlers.generate(
        asks(user), *(given[part] for part in handlers._inputs())
    ):
        drawn |= update
    return drawn


def said(handlers: Handlers, drawn: dict[Any, Any]) -> str:
    return " ".join(str(drawn.get(notice, "")) for notice in handlers.tab.notices.values())


@pytest.mark.slow
async def test_a_number_of_images_that_is_not_offered_is_refused(studios: Studios) -> None:
    """Not held to the most that is allowed, and not guessed."""
    service = FakeService(paid=True)
    handlers = handlers_of(await studios.open(service, policy=TEAM))
    for pictures in (10**6, 101, 0, -3, 1.5, math.nan, math.inf, "3", [1], True):
        drawn = await clicked(handlers, pictures=pictures)
        assert "One click makes 1 to 100 images." in said(handlers, drawn), pictures
    assert (service.sends, await handlers.studio.ledger.list()) == (0, [])


@pytest.mark.parametrize(
    ("click", "sentence"),
    [
        ({"name": "c"}, "costs $0.025 now"),
        ({"name": "c", "price": None}, "costs $0.025 now"),
        ({"name": "c", "price": 0.02}, "costs $0.025 now"),
        ({"name": "c", "price": 0.03}, "costs $0.025 now"),
        ({"name": "c", "price": "0.025"}, "must be a number"),
        ({"name": "c", "price": math.nan}, "must be a number"),
        ({"price": 0.025}, say("reload")),
        ({"name": ["c"], "price": 0.025}, say("reload")),
        ("1-2-3-4", say("reload")),
    ],
)
async def test_a_price_that_was_not_agreed_to_is_not_paid(
    studios: Studios, click: Any, sentence: str
) -> None:
    """The refusal names today's price, and the button says it, so that the next click works."""
    service = FakeService(paid=True)
    handlers = handlers_of(await studios.open(service))
    drawn = await clicked(handlers, click=click)
    assert sentence in said(handlers, drawn)
    assert (service.sends, drawn[handlers.tab.price]) == (0, 0.025)
    assert drawn[handlers.tab.generate]["value"] == "Generate · $0.025"
    drawn = await clicked(handlers, price=drawn[handlers.tab.price])
    assert (service.sends, said(handlers, drawn).strip()) == (1, "")


async def test_a_dear_click_that_was_never_asked_about_is_refused(studios: Studios) -> None:
    """Whatever the script in the browser did: above ten cents the page must have asked."""
    service = FakeService(paid=True)
    handlers = handlers_of(await studios.open(service))
    for asked in (None, False, 1, "yes"):
        click = {"name": "c", "price": 0.2, "asked": asked}
        drawn = await clicked(handlers, pictures=8, click=click)
        question = drawn[handlers.question]
        assert (question["title"], question["yes"]) == ("Make 8 images?", "Make 8 images · $0.20")
        assert question["facts"] == [["Images", "8"], ["Price", "$0.20"]]
        assert question["detail"] == {"name": "c", "price": 0.2, "asked": True}
    assert service.sends == 0
    await clicked(handlers, pictures=8, price=0.2)
    assert service.sends == 8


async def test_a_free_image_needs_no_price(studios: Studios) -> None:
    """And one that became free is said to be."""
    service = FakeService()
    handlers = handlers_of(await studios.open(service))
    await clicked(handlers, click={"name": "a"})
    assert service.sends == 1
    drawn = await clicked(handlers, click={"name": "b", "price": 0.025})
    assert "This is free now, and that was not agreed to." in said(handlers, drawn)


@pytest.mark.slow
async def test_whatever_a_browser_sends_is_answered_with_a_sentence(studios: Studios) -> None:
    """Every value of the form in turn, of every kind; none of them breaks a handler."""
    service = FakeService(paid=True)
    handlers = handlers_of(await studios.open(service))
    names = ["prompt", "backend", "shown", "pictures", "price", "watch", "click"]
    names += list(handlers.tab.forms["fake"].fields)
    for name in names:
        for number, value in enumerate(GARBAGE):
            sent = {name: value} if name != "price" else {"click": {"name": "c", "price": value}}
            if name != "click":
                price = value if name == "price" else 0.025
                sent["click"] = {"name": f"{name}-{number}", "price": price, "asked": True}
            drawn = await clicked(handlers, **sent)
            assert said(handlers, drawn).strip() or handlers.session.stage.watch in drawn, (
                name,
                value,
            )
            form = {
                part: part.value
                for part in [handlers.who, handlers.tab.shown, *handlers.tab.parts()]
            }
            for part in (handlers.tab.backend, handlers.tab.shown, handlers.tab.pictures):
                assert handlers.tab.shown in handlers.filling.switch(form | {part: value}, asks())
        for value in GARBAGE:
            handlers.filling.restored({name: value}, "user:bob")


async def test_whatever_a_button_sends_is_answered(studios: Studios) -> None:
    """An event without names, and names that hold no text."""
    handlers = handlers_of(await studios.open(FakeService(paid=True)))
    for value in GARBAGE:
        for data in (value, {"do": value}, {"do": "retry", "job": value}, {"job": value}):
            async for _ in handlers.session.act(
                "", {"jobs": [value]}, gr.EventData(None, data), asks()
            ):
                pass


async def failed(studio: Studio, service: FakeService) -> Job:
    service.gate.clear()
    service.failure = UnavailableError("Down.")
    job = await studio.submit("fake", service.tasks[TASK](prompt="hills"), owner="user:bob")
    await studio.result(job.id, owner="user:bob")
    service.failure = None
    service.gate.set()
    return await studio.ledger.get(job.id)


async def test_the_button_that_makes_an_image_again_carries_its_price(studios: Studios) -> None:
    """It tells today's price, not the old job's; another one, or none, makes nothing."""
    service = FakeService(paid=True)
    studio = await studios.open(service)
    handlers = handlers_of(studio)
    job = await failed(studio, service)
    service.price_usd = 0.2

    async def press(**said: Any) -> str:
        event = gr.EventData(None, {"do": "retry", "job": job.id} | said)
        status = ""
        async for update in handlers.session.act("", {"jobs": [job.id]}, event, asks()):
            status = update.get(handlers.session.stage.live, status)
        return status

    status = await press()
    assert 'data-price="0.200000"' in status
    assert "Making it again costs $0.20. Go on?" in status
    await press(price="0.025000", asked=True)
    await press(price="0.200000")
    assert service.sends == 1
    await press(price="0.200000", asked=True)
    assert service.sends == 2


async def test_a_retry_that_the_budget_refuses_is_not_asked_about(
    studios: Studios, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The click is refused at once; with a larger budget it is asked about, not carried out."""
    service = FakeService(paid=True)
    studio = await studios.open(service)
    handlers = handlers_of(studio)
    job = await failed(studio, service)
    service.price_usd = 0.2
    refusals: list[str] = []
    monkeypatch.setattr(gr, "Warning", refusals.append)

    async def press(budget: float) -> str:
        studio.ledger.budget = replace(studio.ledger.budget, day_usd=budget)
        event = gr.EventData(None, {"do": "retry", "job": job.id, "price": "0.200000"})
        status = ""
        async for update in handlers.session.act("", {"jobs": [job.id]}, event, asks()):
            status = update.get(handlers.session.stage.live, status)
        return status

    assert "Go on?" not in await press(0.1)
    assert "budget" in refusals[-1].lower()
    assert "Go on?" in await press(10.0)
    assert "did not ask" in refusals[-1]
    assert service.sends == 1


async def test_only_who_runs_the_place_resumes_a_queue(studios: Studios) -> None:
    """Others are told whom to ask; what they press by other means does nothing."""
    service = FakeService(paid=True, failure=AuthError("The key was refused."))
    service.gate.clear()
    service.max_concurrency = 1
    studio = await studios.open(service, policy=TEAM)
    handlers, queue = handlers_of(studio), studio.workers["fake"].queue
    wishes = [service.tasks[TASK](prompt="hills", seed=n) for n in range(2)]
    _, waiting = await studio.submit_all("fake", wishes, owner="user:bob")
    async with asyncio.timeout(5):
        while not queue.stopped_by:
            await asyncio.sleep(0.005)
    mine = {"jobs": [waiting.id]}
    drawn = [update async for update in _first(handlers.session.resume("", mine, asks()))]
    assert "It can be resumed by: ann." in drawn[0][handlers.session.stage.live]
    assert 'data-do="resume"' not in drawn[0][handlers.session.stage.live]
    event = gr.EventData(None, {"do": "resume", "job": waiting.id})
    async for _ in _first(handlers.session.act("", mine, event, asks())):
        assert queue.stopped_by
    theirs = await studio.submit("fake", wishes[1], owner="user:ann")
    event = gr.EventData(None, {"do": "resume", "job": theirs.id})
    service.failure = None
    service.gate.set()
    async for _ in _first(handlers.session.act("", {"jobs": [theirs.id]}, event, asks("ann"))):
        assert queue.stopped_by is None
    assert (await studio.result(waiting.id, owner="user:bob")).job.state == "finished"


async def _first(updates: Any) -> Any:
    """Yield the first of a handler's updates, and close it."""
    try:
        async for update in updates:
            yield update
            break
    finally:
        await updates.aclose()


async def test_sums_and_the_balance_are_for_who_runs_the_place(studios: Studios) -> None:
    """Others see their own, and no service is asked about its account for them."""
    account = Account(paid=True)
    studio = await studios.open(account, policy=TEAM)
    for owner, count in (("user:ann", 1), ("user:bob", 2), ("user:eve", 4)):
        for seed in range(count):
            wish = account.tasks[TASK](prompt="hills", seed=seed)
            job = await studio.submit("fake", wish, owner=owner, address="203.0.113.1")
            await studio.result(job.id, owner=owner)
    money, before = SpendingTab(studio, gr.BrowserState("", render=False)), account.asked
    views = [view async for view in money.show("", asks("bob"))]
    assert (len(views), account.asked) == (1, before)
    assert "$0.05" in views[0]
    for hidden in ("$0.175", "Left at", "$12.50", "By owner", "ann"):
        assert hidden not in views[0]
    views = [view async for view in money.show("", asks("ann"))]
    assert account.asked == before + 1
    for told in ("$0.175", "Left at Fake", "$12.50", "By owner", "bob"):
        assert told in views[-1]


async def test_images_of_unknown_price_are_told_beside_the_sums(studios: Studios) -> None:
    """How many they are, by backend; where every price is known, nothing is said of it."""
    service = FakeService(paid=True)
    studio = await studios.open(service, policy=TEAM)
    tab = SpendingTab(studio, gr.BrowserState("", render=False))
    for price, told in ((0.025, False), (None, True)):
        service.price_usd = price
        wish = service.tasks[TASK](prompt="hills", seed=1)
        job = await studio.submit("fake", wish, owner="user:bob")
        await studio.result(job.id, owner="user:bob")
        [view] = [view async for view in tab.show("", asks("bob"))]
        assert ("Price not known" in view) == told
        assert "$0.025" in view
    assert re.search(r"<dt>Price not known</dt>\s*<dd>1 image</dd>", view)
    assert re.search(r"<td>2</td>.*<td>1</td>", view)


async def test_a_price_that_nobody_knows_is_asked_about(studios: Studios) -> None:
    """The button says so, the page asks, and the answer holds for that alone."""
    service = FakeService(paid=True)
    service.price_usd = None
    handlers = handlers_of(await studios.open(service))
    drawn = await clicked(handlers, click={"name": "a", "price": 0.025})
    assert "This has a price that is not set now" in said(handlers, drawn)
    assert drawn[handlers.tab.price] is None
    assert drawn[handlers.tab.generate]["value"] == "Generate · price not set"
    drawn = await clicked(handlers, click={"name": "a", "price": None})
    assert "The price of Fake is not set here" in drawn[handlers.question]["text"]
    assert service.sends == 0
    await clicked(handlers, click={"name": "b", "price": None, "asked": True})
    assert service.sends == 1


async def test_a_cancel_sums_up_what_it_cost(
    studios: Studios, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of five two had begun: these are paid for, whatever became of the last one."""
    told: list[str] = []
    monkeypatch.setattr(gr, "Info", told.append)
    service = FakeService(paid=True, open_gate=False)
    handlers = handlers_of(await studios.open(service, beat_s=0.01))
    wishes = [handlers.studio.kind("fake", TASK)(prompt="hills", seed=n) for n in range(5)]
    jobs = await handlers.studio.submit_all("fake", wishes, owner="user:bob")
    async for progresses in handlers.studio.watch([job.id for job in jobs], owner="user:bob"):
        if sum(one.job.state == "running" for one in progresses) == 2:
            break
    async for _ in _first(handlers.session.stop("", {}, asks())):
        pass
    assert told == [
        "3 images cancelled, which cost nothing. 2 are paid for already and will land in the "
        "history."
    ]
    assert service.sends == 2
    service.gate.set()
    for job in jobs:
        await handlers.studio.result(job.id, owner="user:bob")


async def test_what_the_budget_refuses_is_not_asked_about(studios: Studios) -> None:
    """Refused first: nobody says yes to what is then not made. What is left is in the question."""
    service = FakeService(paid=True)
    studio = await studios.open(service, budget=Budget(day_usd=0.3, batch_usd=0.15))
    handlers = handlers_of(studio)
    drawn = await clicked(handlers, pictures=8, click={"name": "a", "price": 0.2})
    assert "one click may cost $0.15" in said(handlers, drawn)
    assert handlers.question not in drawn
    drawn = await clicked(handlers, pictures=6, click={"name": "b", "price": 0.15})
    assert ["Left of the budget for today", "$0.30"] in drawn[handlers.question]["facts"]
    await clicked(handlers, pictures=6, click=drawn[handlers.question]["detail"])
    assert service.sends == 6
    drawn = await clicked(handlers, pictures=6, click={"name": "c", "price": 0.15})
    assert ["Left of the budget for today", "$0.15"] in drawn[handlers.question]["facts"]
    await clicked(handlers, click={"name": "d", "price": 0.025})
    drawn = await clicked(handlers, pictures=6, click={"name": "e", "price": 0.15})
    assert "budget is $0.30, of which $0.175 is spent" in said(handlers, drawn)
    assert handlers.question not in drawn


async def test_the_question_is_answered_with_its_own_click(studios: Studios) -> None:
    """A yes makes what was asked about, once, however often it is said."""
    service = FakeService(paid=True)
    handlers = handlers_of(await studios.open(service))
    drawn = await clicked(handlers, pictures=8, click={"name": "a", "price": 0.2})
    event = gr.EventData(None, drawn[handlers.question]["detail"])
    given = {part: getattr(part, "value", None) for part in handlers._inputs()}
    given |= {handlers.tab.prompt: "hills", handlers.tab.pictures: 8}
    for _ in range(2):
        async for _update in handlers.agreed(event, asks(), *given.values()):
            pass
    assert service.sends == 8


async def test_more_than_one_job_is_cancelled_only_after_a_question(studios: Studios) -> None:
    """It says how many are paid for; one alone is cancelled at once."""
    service = FakeService(paid=True, open_gate=False)
    handlers = handlers_of(await studios.open(service, beat_s=0.01))
    studio, kind = handlers.studio, handlers.studio.kind("fake", TASK)
    wishes = [kind(prompt="hills", seed=n) for n in range(5)]
    ids = [job.id for job in await studio.submit_all("fake", wishes, owner="user:bob")]
    async for progresses in studio.watch(ids, owner="user:bob"):
        if sum(one.job.state == "running" for one in progresses) == 2:
            break
    session, watch = handlers.session, {"jobs": ids}
    event = gr.EventData(None, {"do": "stop"})
    [drawn] = [update async for update in session.act("", watch, event, asks())]
    question = drawn[session.question]
    assert (question["title"], question["event"]) == ("Cancel 5 images?", "stop")
    assert question["text"].startswith("3 have not begun and cost nothing. 2 have begun")
    assert await studio.jobs("user:bob", states=["cancelled"]) == []
    event = gr.EventData(None, {"do": "cancel", "job": ids[-1]})
    async for drawn in _first(session.act("", watch, event, asks())):
        assert session.question not in drawn
    assert (await studio.job(ids[-1])).state == "cancelled"
    service.gate.set()
    for job_id in ids:
        await studio.result(job_id, owner="user:bob")
