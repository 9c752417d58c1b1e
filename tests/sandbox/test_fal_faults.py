"""Every fault that fal's queue has a step for strikes there, in fal's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.faults.catalogue import CATALOGUE, OUTPUTS, RUNS
from sandbox.faults.kinds import Fault
from tests.sandbox.fal_visitor import FalVisitor, queueing
from tests.sandbox.visitor import named, seen

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", named("submit"))
async def test_a_submit_fault_is_billed_exactly_if_its_name_says_so(name: str) -> None:
    """Sent again after a passing fault, the request is accepted; a refusal still stands."""
    fault = CATALOGUE[name]
    assert isinstance(fault, Fault)
    async with queueing() as visitor:
        first = await seen(visitor.submit(prompt=f"fault:{name}|a boat"))
        assert (await visitor.stats())["charges"] == fault.billed
        assert (await visitor.stats())["faults"] == {name: 1}
        again = await seen(visitor.submit(prompt=f"fault:{name}|a boat"))
        assert again == ("200" if fault.times else first)


async def refused(visitor: FalVisitor, name: str) -> Any:
    """Meet a refusal; returns its status, retryable header and detail."""
    answer = await visitor.submit(prompt=f"fault:{name}|a boat")
    assert answer.headers["x-fal-request-id"]
    return answer.status_code, answer.headers["x-fal-retryable"], answer.json()["detail"]


async def test_refusals_are_told_in_fals_words() -> None:
    """A sentence from the gateway, a list with a type from a model."""
    async with queueing() as visitor:
        assert await refused(visitor, "submit_401") == (401, "false", "Invalid API key")
        code, retryable, (problem,) = await refused(visitor, "submit_422")
        assert (code, retryable) == (422, "false")
        assert (problem["type"], problem["loc"]) == ("content_policy_violation", ["body", "prompt"])
        code, retryable, (problem,) = await refused(visitor, "submit_503")
        assert (code, retryable) == (503, "true")
        assert problem["type"] == "downstream_service_unavailable"
        assert (await refused(visitor, "submit_429"))[:2] == (429, "true")


@pytest.mark.parametrize("name", ["submit_no_id", "submit_no_id_billed", "submit_truncated"])
async def test_an_answer_without_an_id_has_none(name: str) -> None:
    """Neither in full nor in part."""
    async with queueing() as visitor:
        text = (await visitor.submit(prompt=f"fault:{name}|a boat")).text
        rows = await visitor.rows()
        assert all(row["id"] not in text for row in rows)
        if name == "submit_truncated":
            with pytest.raises(ValueError):
                json.loads(text)
        else:
            assert not json.loads(text).get("request_id")


async def test_an_older_requests_id_comes_with_its_addresses() -> None:
    """The case in which another image would be taken for this one."""
    async with queueing() as visitor:
        older = await visitor.accepted()
        told = await visitor.accepted(prompt="fault:submit_older_id_billed|a boat")
        assert told == older
        assert (await visitor.stats())["charges"] == 2


async def test_a_500_can_carry_the_request() -> None:
    """It was accepted all the same, and can be followed."""
    async with queueing() as visitor:
        answer = await visitor.submit(prompt="fault:submit_500_with_task_billed|a boat")
        assert answer.status_code == 500
        assert (await visitor.completed(answer.json()))["status"] == "COMPLETED"


@pytest.mark.parametrize("name", named("poll"))
async def test_a_poll_fault_passes_and_the_request_is_completed(name: str) -> None:
    """It strikes the status, and the stream of it at its beginning."""
    async with queueing() as visitor:
        told = await visitor.accepted(prompt=f"fault:{name}*2|a boat")
        await seen(visitor.status(told))
        await seen(visitor.http.get(f"{told['status_url']}/stream"))
        assert (await visitor.stats())["faults"] == {name: 2}
        assert (await visitor.completed(told))["status"] == "COMPLETED"
        assert (await visitor.result(told)).status_code == 200


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("poll_unknown_status", {"status": "QUEUED"}),
        ("poll_pending", {"status": "PENDING"}),
        ("poll_other_id", {"request_id": "0" * 32}),
        ("poll_odd_timings", {"metrics": {"inference_time": -1}}),
        ("poll_null_fields", {"metrics": None}),
        ("poll_no_data", {"status": None, "request_id": None}),
        ("poll_bare", {"status": "COMPLETED"}),
        ("poll_500_in_200", {}),
    ],
)
async def test_a_spoilt_status_says_so(name: str, part: dict[str, Any]) -> None:
    """HTTP 200, and the status differs in what the fault names."""
    async with queueing() as visitor:
        told = await visitor.accepted()
        await visitor.completed(told)
        told = await visitor.accepted(prompt=f"fault:{name}|a boat")
        answer = await visitor.status(told)
        assert (answer.status_code, part.items() <= answer.json().items()) == (200, True)


@pytest.mark.parametrize("name", named("result"))
async def test_a_result_fault_strikes_the_result_and_passes(name: str) -> None:
    """Not the status, which has said COMPLETED before."""
    async with queueing() as visitor:
        told = await visitor.accepted(prompt=f"fault:{name}*1|a boat")
        await visitor.completed(told)
        assert (await visitor.stats())["faults"] == {}
        await seen(visitor.result(told))
        assert (await visitor.stats())["faults"] == {name: 1}
        (image,) = (await visitor.result(told)).json()["images"]
        assert (await visitor.download(image["url"])).status_code == 200


@pytest.mark.parametrize(
    ("name", "images"),
    [
        ("result_empty_outputs", []),
        ("result_null_outputs", None),
        ("result_number_outputs", [7]),
        ("result_bad_base64", [{"url": "data:image/jpeg;base64,%%%not base64%%%"}]),
    ],
)
async def test_a_spoilt_result_says_so(name: str, images: Any) -> None:
    """The images are not what they should be."""
    async with queueing() as visitor:
        answer = await visitor.outcome(prompt=f"fault:{name}|a boat")
        assert (answer.status_code, answer.json()["images"]) == (200, images)


FAILED_RUNS = [
    ("run_failed", 500, "internal_server_error", 0),
    ("run_failed_silent", 500, "internal_server_error", 0),
    ("run_failed_hostile", 500, "internal_server_error", 0),
    ("run_failed_1200", 422, "content_policy_violation", 1),
    ("run_failed_1400", 422, "value_error", 0),
    ("run_failed_1401", 422, "value_error", 0),
    ("run_failed_1402", 422, "image_load_error", 0),
    ("run_failed_1403", 500, "internal_server_error", 0),
    ("run_failed_1405", 500, "downstream_service_error", 0),
    ("run_failed_5000", 500, "internal_server_error", 0),
    ("run_failed_5003", 503, "runner_scheduling_failure", 0),
    ("run_failed_5004", 504, "generation_timeout", 0),
    ("run_cancelled", 499, "client_cancelled", 0),
    ("run_canceled", 499, "client_cancelled", 0),
    ("run_timeout", 504, "request_timeout", 0),
    ("run_deleted", 404, "not_found", 0),
]


@pytest.mark.parametrize(("name", "status", "kind", "charges"), FAILED_RUNS)
async def test_a_failed_run_completes_and_its_result_tells_why(
    name: str, status: int, kind: str, charges: int
) -> None:
    """Nothing that the service is to blame for is charged."""
    async with queueing() as visitor:
        told = await visitor.accepted(prompt=f"fault:{name}|a boat")
        done = await visitor.completed(told)
        answer = await visitor.result(told)
        assert answer.status_code == status
        assert answer.headers["x-fal-retryable"] == str(status >= 500).lower()
        detail = answer.json()["detail"]
        if isinstance(detail, list):
            assert detail[0]["type"] == kind
            assert "error" not in done
        else:
            assert answer.headers["x-fal-error-type"] == answer.json()["error_type"] == kind
            assert done["error_type"] == kind
        assert (await visitor.stats())["charges"] == charges


def test_every_end_of_a_run_is_looked_at() -> None:
    """Those above and the two below."""
    assert {*(row[0] for row in FAILED_RUNS), "run_stuck", "run_flagged"} == set(RUNS)


async def test_a_stuck_run_stays_in_progress_and_frees_its_runner() -> None:
    """Nobody else waits for it."""
    async with queueing(runners=1) as visitor:
        stuck = await visitor.accepted(prompt="fault:run_stuck|a boat")
        other = await visitor.accepted()
        await visitor.completed(other)
        answer = await visitor.status(stuck)
        assert (answer.status_code, answer.json()["status"]) == (202, "IN_PROGRESS")
        assert (await visitor.result(stuck)).status_code == 400


async def test_a_flagged_picture_is_a_picture() -> None:
    """A warning beside it."""
    async with queueing() as visitor:
        output = (await visitor.outcome(prompt="fault:run_flagged|a boat")).json()
        assert output["has_nsfw_concepts"] == [True]
        assert len(output["images"]) == 1


@pytest.mark.parametrize("name", OUTPUTS)
async def test_an_address_is_swapped(name: str) -> None:
    """The image is said to lie elsewhere."""
    async with queueing() as visitor:
        output = (await visitor.outcome(prompt=f"fault:{name}|a boat")).json()
        assert "/outputs/" not in output["images"][0]["url"]


async def test_a_download_can_fail_too() -> None:
    """As often as the prompt says."""
    async with queueing() as visitor:
        output = (await visitor.outcome(prompt="fault:download_404*2|a boat")).json()
        url = output["images"][0]["url"]
        assert [(await visitor.download(url)).status_code for _ in range(3)] == [404, 404, 200]


async def test_a_misspelt_fault_is_refused_at_once() -> None:
    """A test that names it must not pass by accident."""
    async with queueing() as visitor:
        answer = await visitor.submit(prompt="fault:nonsense|x")
        assert answer.status_code == 422
        assert "nonsense" in answer.json()["detail"][0]["msg"]
