"""Every fault does what its name says, as often as it should, in-process and over a socket."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from backends.sandbox.catalogue import CATALOGUE
from backends.sandbox.faults import Fault
from backends.sandbox.plans import plan
from tests.sandbox.visitor import T2I, Visitor, opened, serving, visiting

pytestmark = pytest.mark.anyio

SLOW = ("hang", "slow_head", "trickle", "late")
HEAVY = ("bomb", "huge", "endless", "10g")


def named(*phases: str) -> list[str]:
    """The faults of some phases that neither wait nor weigh much."""
    faults = {name: one for name, one in CATALOGUE.items() if isinstance(one, Fault)}
    return [
        name
        for name, one in faults.items()
        if one.phase in phases and not any(word in name for word in SLOW + HEAVY)
    ]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A served sandbox."""
    with serving() as url:
        yield url


async def seen(request: Any) -> str:
    """What one request came to: the kind of error or the status."""
    try:
        answer = await request
    except httpx.TransportError as error:
        return type(error).__name__
    return str(answer.status_code)


@pytest.mark.parametrize("name", named("submit"))
async def test_a_submit_fault_is_billed_exactly_if_its_name_says_so(name: str) -> None:
    """Both services: never a good answer, and a charge only when the fault is billed."""
    fault = CATALOGUE[name]
    assert isinstance(fault, Fault)
    async with visiting() as visitor:
        for send, prompt in ((visitor.submit, "a boat"), (visitor.generate, "a ship")):
            before = (await visitor.stats())["charges"]
            await seen(send(prompt=f"fault:{name}|{prompt}"))
            assert (await visitor.stats())["charges"] - before == fault.billed
        assert (await visitor.stats())["faults"] == {name: 2}
        assert fault.billed == (name.endswith("_billed") or name == "submit_bare")


@pytest.mark.parametrize("name", named("submit"))
async def test_a_submit_fault_strikes_once_or_for_ever(name: str) -> None:
    """Sent again, a passing fault has passed and a refusal still stands."""
    fault = CATALOGUE[name]
    assert isinstance(fault, Fault)
    async with visiting() as visitor:
        for _ in range(3):
            await seen(visitor.submit(prompt=f"fault:{name}|a boat"))
        fired = (await visitor.stats())["faults"][name]
        assert fired == (3 if fault.times is None else fault.times)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("submit_401", "401"),
        ("submit_402", "402"),
        ("submit_400_credit", "400"),
        ("submit_400_in_200", "200"),
        ("submit_429", "429"),
        ("submit_504_html", "504"),
        ("submit_html", "200"),
        ("submit_reset", "ReadError"),
        ("submit_reset_billed", "ReadError"),
        ("submit_closed_billed", "RemoteProtocolError"),
        ("submit_reset_half_billed", "ReadError"),
    ],
)
async def test_a_client_meets_the_same_over_a_socket_and_in_process(
    name: str, outcome: str, address: str
) -> None:
    """Resets are real resets under uvicorn, and httpx's own error in-process."""
    async with visiting() as visitor:
        assert await seen(visitor.submit(prompt=f"fault:{name}|in-process")) == outcome
    async with served(address) as visitor:
        assert await seen(visitor.submit(prompt=f"fault:{name}|a boat")) == outcome


@asynccontextmanager
async def served(url: str) -> AsyncIterator[Visitor]:
    """Visit a served sandbox, which is reset first."""
    headers = {"authorization": "Bearer a-key"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as http:
        await http.post("/sandbox/reset")
        yield Visitor(http)


@pytest.mark.parametrize("name", ["submit_hang", "submit_hang_billed", "submit_slow_head_billed"])
async def test_a_hang_ends_with_the_clients_patience(name: str, address: str) -> None:
    """No answer comes; the billed one is in the ledger all the same."""
    async with served(address) as visitor:
        prompt = f"fault:{name}|a boat"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await visitor.http.post(f"/api/v3/{T2I}", json={"prompt": prompt}, timeout=None)
        assert (await visitor.stats())["charges"] == name.endswith("_billed")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("submit_429", None),
        ("submit_429_retry_after", "1"),
        ("submit_429_retry_huge", "86400"),
        ("submit_429_retry_bad", "soon"),
    ],
)
async def test_a_throttle_carries_its_header(name: str, header: str | None) -> None:
    """With and without Retry-After."""
    async with visiting() as visitor:
        answer = await visitor.submit(prompt=f"fault:{name}|a boat")
        assert answer.headers.get("retry-after") == header
        dated = await visitor.submit(prompt="fault:submit_429_retry_date|a boat")
        assert dated.headers["retry-after"].endswith("GMT")


@pytest.mark.parametrize("name", named("poll", "result"))
async def test_a_poll_fault_passes_and_the_picture_is_there(name: str) -> None:
    """After the fault has struck as often as it does, the task is completed."""
    async with visiting() as visitor:
        task = await visitor.accepted(prompt=f"fault:{name}*2|a boat")
        for _ in range(2):
            await seen(visitor.result(task))
        stats = await visitor.stats()
        data = (await visitor.result(task)).json()["data"]
        assert stats["faults"] == {name: 2}
        assert data["status"] == "completed"
        assert (await visitor.download(data["outputs"][0])).status_code == 200


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("poll_unknown_status", {"status": "queued", "outputs": []}),
        ("poll_pending", {"status": "pending"}),
        ("poll_other_id", {"id": "0" * 32}),
        ("result_empty_outputs", {"status": "completed", "outputs": []}),
        ("result_null_outputs", {"status": "completed", "outputs": None}),
        ("result_succeeded", {"status": "succeeded"}),
        ("run_flagged", {"status": "completed", "has_nsfw_contents": [True]}),
        ("run_failed_1200", {"status": "failed", "code": 1200, "outputs": []}),
        ("run_failed_5004", {"status": "failed", "code": 5004}),
        ("run_cancelled", {"status": "cancelled", "outputs": []}),
        ("run_timeout", {"status": "timeout"}),
        ("run_deleted", {"status": "deleted"}),
        ("run_stuck", {"status": "processing"}),
    ],
)
async def test_a_spoilt_task_says_so(name: str, part: dict[str, Any]) -> None:
    """HTTP 200, code 200, and the task object differs in what the fault names."""
    async with visiting() as visitor:
        task = await visitor.accepted(prompt=f"fault:{name}|a boat")
        answer = (await visitor.result(task)).json()
        assert answer["code"] == 200
        assert {key: answer["data"][key] for key in part} == part


async def test_poll_faults_wait_for_their_number() -> None:
    """`*3` strikes three times, `*forever` always, and faults join with a plus."""
    async with visiting() as visitor:
        task = await visitor.accepted(prompt="fault:poll_503*3+download_404*forever|a boat")
        codes = [(await visitor.result(task)).status_code for _ in range(5)]
        assert codes == [503, 503, 503, 200, 200]
        url = (await visitor.result(task)).json()["data"]["outputs"][0]
        assert [(await visitor.download(url)).status_code for _ in range(4)] == [404] * 4


async def test_deep_json_is_deep_and_truncated_json_is_no_json() -> None:
    """What a parser meets."""
    async with visiting() as visitor:
        task = await visitor.accepted(prompt="fault:poll_deep+poll_truncated|a boat")
        deep = await visitor.result(task)
        with pytest.raises(RecursionError):
            json.loads(deep.content)
        with pytest.raises(ValueError):
            json.loads((await visitor.result(task)).content)


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name.startswith("outputs_")])
async def test_an_address_is_swapped_on_both_services(name: str) -> None:
    """The picture is said to lie elsewhere."""
    async with visiting() as visitor:
        task = await visitor.done(prompt=f"fault:{name}|a boat")
        (item,) = (await visitor.generate(prompt=f"fault:{name}|a boat")).json()["data"]
        for url in (task["outputs"][0], item["url"]):
            assert "/outputs/" not in url
            assert "generated%2F" not in url


@pytest.mark.parametrize("name", named("download"))
async def test_a_download_fault_passes_or_stays(name: str, address: str) -> None:
    """Over a socket: never the good file while it strikes, the good file after."""
    async with visiting() as visitor:
        good = (await visitor.done(prompt="a boat", size="256*256"))["outputs"][0]
        expected = (await visitor.download(good)).content
    async with served(address) as visitor:
        task = await visitor.done(prompt=f"fault:{name}*1|a boat", size="256*256")
        try:
            first = await visitor.download(task["outputs"][0])
        except (httpx.TransportError, httpx.InvalidURL):
            pass  # httpx reads every Location, and some cannot be read
        else:
            assert (first.status_code, first.content, first.headers.get("content-type")) != (
                200,
                expected,
                "image/jpeg",
            )
        assert (await visitor.download(task["outputs"][0])).content == expected


async def test_a_short_body_is_an_error_over_a_socket_and_in_process(address: str) -> None:
    """Content-Length promises more than comes."""
    async with visiting() as inside, served(address) as outside:
        for visitor in (inside, outside):
            task = await visitor.done(prompt="fault:download_short|a boat")
            assert await seen(visitor.download(task["outputs"][0])) == "RemoteProtocolError"


async def test_a_trickle_is_slower_than_any_patience(address: str) -> None:
    """A kilobyte, then a byte a second."""
    async with served(address) as visitor:
        task = await visitor.done(prompt="fault:download_trickle|a boat")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await visitor.http.get(task["outputs"][0], timeout=None)


@pytest.mark.parametrize("name", ["download_endless", "download_length_10g"])
async def test_an_endless_body_stops_when_the_client_leaves(name: str, address: str) -> None:
    """More comes than any picture has; the server survives the client's going."""
    async with served(address) as visitor:
        task = await visitor.done(prompt=f"fault:{name}|a boat")
        got = 0
        async with visitor.http.stream("GET", task["outputs"][0]) as answer:
            async for part in answer.aiter_raw():
                got += len(part)
                if got > 20_000_000:
                    break
        assert got > 20_000_000
        assert (await visitor.stats())["downloads"] == 1


async def test_in_process_an_endless_body_ends() -> None:
    """Nothing is streamed in-process, so it stops at 64 MB."""
    async with visiting() as visitor:
        task = await visitor.done(prompt="fault:download_endless|a boat")
        assert len((await visitor.download(task["outputs"][0])).content) == 64 * 1024 * 1024 + 2


async def test_bombs_are_small_on_the_wire_and_large_when_opened(address: str) -> None:
    """A PNG of 900 megapixels, and half a gigabyte in gzip."""
    async with served(address) as visitor:
        task = await visitor.done(prompt="fault:download_bomb*1+download_gzip_bomb*1|a boat")
        url = task["outputs"][0]
        bomb = await visitor.http.get(url, timeout=30)
        assert len(bomb.content) < 300_000
        assert int.from_bytes(bomb.content[16:20]) == 30_000
        async with visitor.http.stream("GET", url, timeout=30) as answer:
            assert answer.headers["content-encoding"] == "gzip"
            raw = b"".join([part async for part in answer.aiter_raw()])
        assert len(raw) < 1_000_000
        with gzip.open(io.BytesIO(raw)) as inside:
            assert not any(inside.read(1_000_000))


async def test_a_visit_to_a_forbidden_address_is_counted(address: str) -> None:
    """A client that follows the lure is found out."""
    async with served(address) as visitor:
        task = await visitor.done(prompt="fault:download_redirect_loopback|a boat")
        answer = await visitor.download(task["outputs"][0])
        assert answer.status_code == 302
        assert answer.next_request is not None
        assert answer.next_request.url.host == "localhost"
        await visitor.http.get("/latest/meta-data/iam")
        assert (await visitor.stats())["forbidden"] == 1


async def test_the_settings_fault_befalls_every_job_without_its_own() -> None:
    """And stops when the settings are cleared."""
    async with visiting(fault="submit_503*2") as visitor:
        codes = [(await visitor.submit()).status_code for _ in range(3)]
        assert codes == [503, 503, 200]
        own = await visitor.submit(prompt="fault:ok|a boat")
        assert own.status_code == 200
        await visitor.http.post("/sandbox/settings", json={"fault": "submit_402"})
        assert (await visitor.submit()).status_code == 402
        await visitor.http.post("/sandbox/settings", json={"fault": ""})
        assert (await visitor.submit()).status_code == 200


async def test_the_list_and_the_uploads_can_fail_too() -> None:
    """`list_*` follows the job that names it or the settings; `upload_*` and `put_*` alike."""
    async with visiting() as visitor:
        ask = {"page": 1, "page_size": 10}
        await seen(visitor.submit(prompt="fault:submit_reset_billed+list_500*2|a boat"))
        answers = [await visitor.http.post("/api/v3/predictions", json=ask) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [500, 500, 200]
        assert len(answers[2].json()["data"]["items"]) == 1
    async with visiting(fault="upload_500+put_403") as visitor:
        file = {"filename": "a.png", "size": 3}
        first = await visitor.http.post("/api/v3/media/uploads", json=file)
        second = await visitor.http.post("/api/v3/media/uploads", json=file)
        url = second.json()["data"]["upload"]["url"]
        assert (first.status_code, second.status_code) == (500, 200)
        assert (await visitor.http.put(url, content=b"abc")).status_code == 403


@pytest.mark.parametrize(("name", "ours"), [("", 0), ("_billed", 1)])
async def test_a_stranger_appears_in_the_list_and_is_not_our_charge(name: str, ours: int) -> None:
    """The case in which adopting the only candidate would be wrong."""
    async with visiting() as visitor:
        await seen(visitor.submit(prompt=f"fault:submit_reset_stranger{name}|a boat"))
        ask = {"page": 1, "page_size": 10, "model": T2I}
        page = await visitor.http.post("/api/v3/predictions", json=ask)
        assert len(page.json()["data"]["items"]) == 1 + ours
        assert (await visitor.stats())["charges"] == ours
        rows = (await visitor.http.get("/sandbox/ledger")).json()
        assert [row["stranger"] for row in rows] == [True] + [False] * ours


@pytest.mark.parametrize("code", [1200, 1403, 5003, 5004])
async def test_a_failed_run_is_an_http_error_on_the_synchronous_service(code: int) -> None:
    """Siraya has no task object, so the status tells."""
    async with visiting() as visitor:
        answer = await visitor.generate(prompt=f"fault:run_failed_{code}|a boat")
        expected = {1200: 403, 1403: 502, 5003: 503, 5004: 408}[code]
        assert answer.status_code == answer.json()["error"]["code"] == expected


@pytest.mark.parametrize("prompt", ["fault:nonsense|x", "fault:poll_500*many|x"])
async def test_an_unknown_fault_is_refused_loudly(prompt: str) -> None:
    """A misspelt test must not pass by accident."""
    async with visiting() as visitor:
        assert (await visitor.submit(prompt=prompt)).status_code == 400
        assert (await visitor.generate(prompt=prompt)).status_code == 400


async def test_a_prompt_without_a_fault_is_painted_as_it_is() -> None:
    """The prefix is not part of the picture; the ledger keeps it."""
    async with visiting(picture="painted") as visitor:
        plain = await visitor.done(prompt="a boat", seed=3, size="256*256")
        ok = await visitor.done(prompt="fault:ok|a boat", seed=3, size="256*256")
        files = [await visitor.download(task["outputs"][0]) for task in (plain, ok)]
        assert files[0].content == files[1].content
        assert opened(files[0].content).size == (256, 256)
        rows = (await visitor.http.get("/sandbox/ledger")).json()
        assert [row["prompt"] for row in rows] == ["a boat", "fault:ok|a boat"]


def test_every_name_can_be_planned() -> None:
    """Each entry of the catalogue is reachable by its name, alone and with a number."""
    for name in CATALOGUE:
        assert plan(name)[0].mishap is CATALOGUE[name]
        assert plan(f"{name}*2")[0].times == 2
        assert plan(f"{name}*forever")[0].times is None
