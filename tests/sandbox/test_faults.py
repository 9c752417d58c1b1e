"""Every fault does what its name says, as often as it should."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.faults.catalogue import CATALOGUE
from sandbox.faults.kinds import Fault
from sandbox.faults.plans import plan
from tests.sandbox.visitor import T2I, named, opened, seen, visiting

pytestmark = pytest.mark.anyio


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
    """The image is said to lie elsewhere."""
    async with visiting() as visitor:
        task = await visitor.done(prompt=f"fault:{name}|a boat")
        (item,) = (await visitor.generate(prompt=f"fault:{name}|a boat")).json()["data"]
        for url in (task["outputs"][0], item["url"]):
            assert "/outputs/" not in url
            assert "generated%2F" not in url


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
    """The prefix is not part of the image; the ledger keeps it."""
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


@pytest.mark.parametrize(
    ("name", "more", "less"),
    [
        ("result_more_fields", {"region", "cost"}, set()),
        ("result_missing_field", set(), {"created_at"}),
        ("result_renamed_field", {"times"}, {"timings"}),
    ],
)
async def test_fields_come_and_go(name: str, more: set[str], less: set[str]) -> None:
    """A good answer in everything else."""
    async with visiting() as visitor:
        good = await visitor.accepted()
        spoilt = await visitor.accepted(prompt=f"fault:{name}|a boat")
        task = (await visitor.result(spoilt)).json()["data"]
        assert set(task) == set(good) - less | more
        assert (await visitor.download(task["outputs"][0])).status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "kind", "fields"),
    [
        ("account_500", 500, "application/json", {"code", "message"}),
        ("account_text_plain", 200, "text/plain", {"balance"}),
        ("account_more_fields", 200, "application/json", {"balance", "region", "cost"}),
        ("account_missing_field", 200, "application/json", set()),
    ],
)
async def test_an_account_can_tell_it_otherwise(
    fault: str, status: int, kind: str, fields: set[str]
) -> None:
    """The balance, whose request belongs to no job, suffers what is set for all."""
    async with visiting(fault=fault) as visitor:
        answer = await visitor.http.get("/api/v3/balance")
        told = json.loads(answer.content)
        assert (answer.status_code, set(told.get("data", told))) == (status, fields)
        assert answer.headers["content-type"].startswith(kind)


async def test_a_picture_comes_larger_than_it_was_asked_for() -> None:
    """Twice its size, whole, and in its own format."""
    async with visiting() as visitor:
        task = await visitor.done(prompt="fault:download_larger|a boat", size="256*320")
        image = opened((await visitor.download(task["outputs"][0])).content)
        assert (image.size, image.format) == ((512, 640), "JPEG")
