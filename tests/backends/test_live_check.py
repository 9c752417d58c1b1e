"""The live check: every departure has its sentence, and nobody is named or billed by surprise."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx
import pytest

from backends import Settings
from backends.fal import Fal
from backends.remote.openai_images import OpenAIImages
from backends.siraya import SIRAYA
from backends.wavespeed import WaveSpeed
from core.backend import Backend, Observable
from core.jobs.budget import Budget
from core.jobs.ledger import Ledger
from core.live_check import OWNER, LiveCheck, smallest
from core.params import TASKS
from core.pictures import Picture
from core.storage.database import Database
from sandbox import Options, create_app
from tests.backends.services import KEY, Recording, engine_ok, self_hosted, siraya

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
HOST = "canary.example"
BASE = f"http://{HOST}:8899"
PATIENT = {"srpo_poll_interval": 0.01, "_env_file": None}


def built(name: str, transport: Any, deadline_s: float = 5) -> Backend:
    """Return a service with a key, on a sandbox in this process."""
    if name == "wavespeed":
        known = Settings(wavespeed_api_key=KEY, wavespeed_base_url=BASE, **PATIENT)
        return WaveSpeed(known, transport=transport, deadline_s=deadline_s)
    if name == "fal":
        known = Settings(fal_key=KEY, fal_base_url=BASE, **PATIENT)
        return Fal(known, transport=transport, deadline_s=deadline_s)
    made = siraya(transport)
    made._api.base_url = f"{BASE}/v1"
    return made


@pytest.fixture
async def ledger() -> AsyncIterator[Ledger]:
    database = Database("sqlite:///:memory:")
    await database.migrate()
    yield Ledger(database)
    await database.aclose()


class Heard:
    """What a check said; each sentence is looked through for what must not be in it."""

    def __init__(self) -> None:
        self.lines: list[tuple[bool | None, str]] = []

    def __call__(self, well: bool | None, sentence: str) -> None:
        for forbidden in (KEY, HOST, "8899", "://", "data:image", "localhost", "red boat"):
            assert forbidden not in sentence
        self.lines.append((well, sentence))

    @property
    def text(self) -> str:
        return "\n".join(sentence for _, sentence in self.lines)

    @property
    def wrong(self) -> list[str]:
        return [sentence for well, sentence in self.lines if well is False]


async def checked(
    name: str, ledger: Ledger | None, *, usd: float = 0.05, **options: Any
) -> tuple[Heard, Any]:
    """Check one service on a sandbox with these options; return what was said, and its counters."""
    app = create_app(Options(**{"latency": 0.01, "picture": "fixed", "balance": 1.0} | options))
    backend, heard = built(name, httpx.ASGITransport(app=app)), Heard()
    well = await LiveCheck(heard, ledger, usd).run([backend])
    assert well == (not heard.wrong)
    await backend.aclose()
    return heard, app.state.sandbox.stats()


@pytest.mark.parametrize("name", ["wavespeed", "fal", "siraya"])
@pytest.mark.parametrize("picture", ["fixed", "painted"])
async def test_a_service_as_its_pages_describe_it_has_no_departure(
    ledger: Ledger, name: str, picture: str
) -> None:
    """Both tasks are made, and what was charged is what was said and what the ledger has."""
    heard, stats = await checked(name, ledger, usd=0.10, picture=picture)
    assert heard.wrong == []
    assert (stats["charges"], stats["spent_usd"]) == (2, 0.05)
    assert "$0.05 of $0.10 was spent." in heard.text
    assert heard.text.count("It is charged.") == 2
    rows = await ledger.list()
    assert [(row.owner, row.charged, row.price_usd) for row in rows] == [(OWNER, "yes", 0.025)] * 2
    assert {row.state for row in rows} == {"failed"}
    spent = await ledger.spending(days=1)
    assert sum(one.spent for one in spent) == 50_000
    assert (stats["undocumented"], stats["credentials_leaked"]) == ([], 0)


@pytest.mark.parametrize("name", ["wavespeed", "fal", "siraya"])
async def test_without_a_sum_nothing_costly_is_sent(name: str) -> None:
    """Only what is free is asked, and nothing is written down."""
    heard, stats = await checked(name, None)
    assert heard.wrong == []
    assert (stats["posts"], stats["charges"]) == (0, 0)
    assert "spent" not in heard.text
    told = {"wavespeed": "5 of 5 models", "fal": "not refuse the key", "siraya": "names no request"}
    assert told[name] in heard.text


DEPARTURES: list[tuple[str, str, str]] = [
    ("wavespeed", "account_more_fields", "balance: `data.region` is not known: a text of 4"),
    ("wavespeed", "account_more_fields", "price: `data.cost` is not known: a number. (5 times)"),
    ("wavespeed", "account_missing_field", "balance: `data.balance` is missing."),
    ("wavespeed", "account_text_plain", "balance: The answer is called text/plain, not appl"),
    ("wavespeed", "account_500", "price: The status is 500, not 200. (5 times)"),
    ("wavespeed", "account_html", "balance: The answer is no JSON object."),
    ("wavespeed", "list_429", "list: The status is 429, not 200."),
    ("wavespeed", "list_truncated", "list: The answer is no JSON object."),
    ("wavespeed", "submit_more_fields_billed", "submit: `data.region` is not known"),
    ("wavespeed", "submit_renamed_field_billed", "submit: `data.timings` is missing."),
    ("wavespeed", "submit_renamed_field_billed", "submit: `data.times` is not known: an object."),
    ("wavespeed", "submit_text_plain_billed", "submit: The answer is called text/plain"),
    ("wavespeed", "submit_203_billed", "submit: The status is 203, not 200."),
    ("wavespeed", "submit_bare", "submit: `data` is missing."),
    ("wavespeed", "submit_400_in_200", "submit: `code` is 400, not 200."),
    ("wavespeed", "submit_402", "text to image: The account at WaveSpeed has no credit left."),
    ("wavespeed", "submit_402", "Nothing is charged."),
    ("wavespeed", "submit_502_html_billed", "submit: The answer is called text/html"),
    ("wavespeed", "submit_502_html_billed", "It may be charged."),
    ("wavespeed", "submit_reset_billed", "submit: The connection to WaveSpeed broke."),
    ("wavespeed", "poll_more_fields", "status: `data.cost` is not known: a number."),
    ("wavespeed", "poll_odd_status", "status: `data.status` is 'warming_up', not 'created',"),
    ("wavespeed", "poll_unknown_status", "status: `data.status` is 'queued', not 'created',"),
    ("wavespeed", "poll_odd_timings", "status: `data.timings.inference` is a number: it should"),
    ("wavespeed", "poll_null_fields", "status: `data.timings` is null"),
    ("wavespeed", "poll_text_plain", "status: The answer is called text/plain"),
    ("wavespeed", "poll_deep", "status: The answer is no JSON object."),
    ("wavespeed", "poll_500", "status: The status is 500, not 200. (3 times)"),
    ("wavespeed", "result_missing_field", "status: `data.created_at` is missing."),
    ("wavespeed", "result_renamed_field", "status: `data.timings` is missing."),
    ("wavespeed", "result_succeeded", "status: `data.status` is 'succeeded', not"),
    ("wavespeed", "result_null_outputs", "answers in"),
    ("wavespeed", "result_number_outputs*1", "status: `data.outputs.0` is a number: it should"),
    ("wavespeed", "run_failed_hostile", "text to image: The job failed at WaveSpeed."),
    ("wavespeed", "run_failed_1400", "WaveSpeed cannot work with these settings."),
    ("wavespeed", "download_wrong_type", "download: The file is called image/png and is image/jp"),
    ("wavespeed", "download_larger", "The image is 512 × 512, and 256 × 256 was asked for."),
    ("wavespeed", "download_corrupt", "download: WaveSpeed delivered a file that is not a whole"),
    ("wavespeed", "download_404", "does not hand out the image (status 404)."),
    ("fal", "submit_more_fields_billed", "submit: `region` is not known: a text of 4 characters."),
    ("fal", "submit_renamed_field_billed", "submit: `queue_position` is missing."),
    ("fal", "submit_203_billed", "submit: The status is 203, not 200."),
    ("fal", "submit_429", "submit: The status is 429, not 200."),
    ("fal", "submit_no_id_billed", "submit: `request_id` is"),
    ("fal", "poll_more_fields", "stream: The status is 202, not 200."),
    ("fal", "poll_more_fields", "status: `region` is not known"),
    ("fal", "poll_odd_status", "status: `status` is 'WARMING_UP', not 'IN_QUEUE',"),
    ("fal", "poll_text_plain", "status: The answer is called text/plain"),
    ("fal", "result_more_fields", "result: `cost` is not known: a number."),
    ("fal", "result_missing_field", "result: `prompt` is missing."),
    ("fal", "result_renamed_field", "result: `times` is not known: an object."),
    ("fal", "result_203", "result: The status is 203, not 200."),
    ("fal", "run_failed_1200", "The safety check of fal refused the prompt or the image."),
    ("fal", "download_wrong_type", "download: The file is called image/png and is image/jpeg."),
    ("fal", "download_larger", "The image is 512 × 512, and 256 × 256 was asked for."),
    ("siraya", "submit_more_fields_billed", "image: `region` is not known"),
    ("siraya", "submit_renamed_field_billed", "image: `created` is missing."),
    ("siraya", "submit_text_plain_billed", "image: The answer is called text/plain"),
    ("siraya", "submit_203_billed", "image: The status is 203, not 200."),
    ("siraya", "submit_no_id_billed", "image: `data` is a list of 0"),
    ("siraya", "submit_403", "image: The status is 403, not 200."),
]


def cases() -> Iterator[Any]:
    """Return the departures, of each service and step one that is quick enough for every run."""
    seen: set[tuple[str, str]] = set()
    for name, fault, sentence in DEPARTURES:
        step = (name, fault.partition("_")[0])
        yield pytest.param(name, fault, sentence, marks=[pytest.mark.slow] * (step in seen))
        seen.add(step)


@pytest.mark.parametrize(("name", "fault", "sentence"), list(cases()))
async def test_every_departure_is_named(
    ledger: Ledger, name: str, fault: str, sentence: str
) -> None:
    """What the sandbox does otherwise is said, and what it may have charged is counted."""
    slow = name == "fal" and fault.startswith("poll_")  # else its status is not asked for
    latency = 0.3 if slow else 0.01
    heard, stats = await checked(name, ledger, usd=0.03, fault=fault, latency=latency)
    expected = heard.text if fault == "result_null_outputs" else "\n".join(heard.wrong)
    assert sentence in expected
    if fault == "result_null_outputs":  # documented as it may be: null while it is empty
        assert heard.wrong == []
    row, *others = await ledger.list()
    assert stats["posts"] == 1 + len(others)
    assert {one.charged for one in others} <= {"no"}  # what was refused left enough for another
    assert row.charged != "no" or not stats["charges"]
    assert f"{'$0.025' if row.charged == 'yes' else '$0.00'} of $0.03 was spent." in heard.text
    assert ("$0.025 more may have been." in heard.text) == (row.charged == "maybe")


@pytest.mark.parametrize("name", ["wavespeed", "fal", "siraya"])
async def test_what_a_service_says_of_keys_and_addresses_is_not_repeated(
    ledger: Ledger, name: str
) -> None:
    """Wherever it stands: in names, in values, in the words of an error."""
    lure = f"see {BASE}/x?key={KEY} or http://10.0.0.1:8899/a, {HOST}, me@{HOST} and localhost:8899"
    hostile: Mapping[str, Any] = {
        "code": 401,
        "message": lure,
        "status": f"{HOST}",
        lure: 1,
        KEY: KEY,
        HOST: {KEY: BASE},
        "detail": [{"type": lure, "msg": lure}],
        "error": {"message": lure, "type": KEY},
        "data": {"status": KEY, lure: lure, "id": "x", "outputs": [f"{BASE}/y"]},
    }
    for status in (200, 203, 401, 422, 500):
        transport = httpx.MockTransport(lambda _request, s=status: httpx.Response(s, json=hostile))
        backend, heard = built(name, transport, deadline_s=0.2), Heard()
        await LiveCheck(heard, ledger, 0.05).run([backend])
        assert heard.wrong
        await backend.aclose()


async def test_the_sum_is_that_of_all_services(ledger: Ledger) -> None:
    """Three images fit into it; for the fourth there is not enough, and the page names no price."""
    app = create_app(Options(latency=0.02, picture="fixed"))
    transport, heard = httpx.ASGITransport(app=app), Heard()
    unpriced = siraya(transport)
    unpriced._engine = type(unpriced._engine)(**_facts(unpriced._engine) | {"price_usd": None})
    services = [built("wavespeed", transport), built("fal", transport), unpriced]
    await LiveCheck(heard, ledger, 0.09).run(services)
    left = "fal, image to image: nothing was sent, for it costs $0.025 and $0.015 is left to spend."
    assert left in heard.text
    made = [sentence for _, sentence in heard.lines if sentence.endswith("It is charged.")]
    order = ["WaveSpeed, text to image", "fal, text to image", "WaveSpeed, image to image"]
    assert [sentence.partition(":")[0] for sentence in made] == order
    assert heard.text.count("nothing was sent, for its price is not set.") == 2
    assert "$0.075 of $0.09 was spent." in heard.text
    assert app.state.sandbox.stats()["charges"] == 3


def _facts(engine: Any) -> dict[str, Any]:
    return {name: getattr(engine, name) for name in type(engine).__dataclass_fields__}


async def test_the_budget_is_asked_too(ledger: Ledger) -> None:
    """What may be spent in a day is not passed by a check either; nothing is sent."""
    ledger.budget = Budget(day_usd=0.03)
    heard, stats = await checked("wavespeed", ledger, usd=0.10)
    assert stats["charges"] == 1
    assert "today's budget is $0.03, of which $0.025 is spent" in heard.text
    assert "$0.025 of $0.10 was spent." in heard.text


async def test_the_row_is_there_before_the_request_and_the_id_before_the_poll(
    ledger: Ledger,
) -> None:
    """A check that is killed at any moment leaves what a start can settle."""
    app = create_app(Options(latency=0.02, picture="fixed"))
    inner, seen = httpx.ASGITransport(app=app), []

    class Watched(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            path = request.url.path
            if "/wavespeed-ai/" in path or path.endswith("/result"):
                row = (await ledger.list())[0]
                seen.append((request.method, row.state, bool(row.request_id), bool(row.sent)))
            return await inner.handle_async_request(request)

    backend = built("wavespeed", Watched())
    await LiveCheck(Heard(), ledger, 0.03).run([backend])
    assert seen[0] == ("POST", "sending", False, True)
    assert set(seen[1:]) == {("GET", "running", True, True)}


@pytest.mark.parametrize(("moment", "charged"), [("submit", "maybe"), ("poll", "yes")])
async def test_an_interrupted_check_says_what_may_be_charged(
    ledger: Ledger, moment: str, charged: str
) -> None:
    """Ctrl+C while it is sent or while it is made: the row is closed, the sum is said."""
    app = create_app(Options(latency=9, fault="submit_hang_billed" if moment == "submit" else ""))
    backend, heard = built("wavespeed", httpx.ASGITransport(app=app)), Heard()
    task = asyncio.create_task(LiveCheck(heard, ledger, 0.10).run([backend]))
    sandbox = app.state.sandbox
    while not sandbox.stats()["polls" if moment == "poll" else "charges"]:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (row,) = await ledger.list()
    assert (row.state, row.charged) == ("failed", charged)
    assert sandbox.stats()["charges"] == 1
    more = " $0.025 more may have been." if charged == "maybe" else ""
    spent = "$0.025" if charged == "yes" else "$0.00"
    assert heard.lines[-1] == (None, f"{spent} of $0.10 was spent.{more}")


async def test_a_refused_key_ends_the_check_of_its_service(ledger: Ledger) -> None:
    """Nothing is sent with it; the next service is asked all the same."""
    app = create_app(Options(key="another", picture="fixed"))
    heard = Heard()
    services = [built(name, httpx.ASGITransport(app=app)) for name in ("wavespeed", "fal")]
    assert not await LiveCheck(heard, ledger, 0.10).run(services)
    assert "WaveSpeed does not accept the key." in heard.text
    assert "fal does not accept the key." in heard.text
    assert (app.state.sandbox.stats()["posts"], await ledger.list()) == (0, [])


async def test_services_without_a_key_and_models_of_ones_own_are_not_asked() -> None:
    """The sandbox in place of a service is no service, and that is no fault."""
    heard = Heard()
    assert await LiveCheck(heard).run([siraya(None, key=None)])
    assert heard.lines[1:] == [(None, "No service has a key, so none was asked.")]


async def test_an_engine_of_ones_own_is_asked_for_its_models(ledger: Ledger) -> None:
    """It is free, so that its images fit into any sum."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"object": "list", "data": [{"id": "srpo"}]})
        return engine_ok(request)

    backend, heard = self_hosted(Recording(answer).transport, self_hosted_api_key=KEY), Heard()
    await LiveCheck(heard, ledger, 0.01).run([backend])
    assert "It tells its models." in heard.text
    assert "$0.00 of $0.01 was spent." in heard.text
    assert "The image is 64 × 48, and 256 × 256 was asked for." in heard.text


def test_every_remote_service_says_what_it_expects() -> None:
    """And the smallest image is within what each of its forms allows."""
    services = [built(name, None) for name in ("wavespeed", "fal", "siraya")]
    for backend in (*services, self_hosted(None)):
        assert isinstance(backend, Observable)
        for task in TASKS:
            params = smallest(backend.tasks[task])
            shape = params.picture or params
            assert isinstance(shape, Picture) == (task == "image-to-image")
            assert (getattr(shape, "width", 0), getattr(shape, "height", 0)) == (256, 256)
            assert json.dumps(backend.sent(params))
    assert isinstance(services[2], OpenAIImages)
    assert SIRAYA.expected
