"""A crowd of strangers on a public instance: exactly the limits, and nothing without a budget."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.program import Playground, SandboxProcess

STRANGERS = [f"127.0.1.{n}" for n in range(1, 21)]
PUBLIC = {"GRADIO_SERVER_NAME": "0.0.0.0", "SRPO_LOCAL_OWNER": "0"}
WISH = {"prompt": "hills", "width": 256, "height": 256}
TASK = "text-to-image"


def at(address: str, program: Playground) -> httpx.AsyncClient:
    """A script that calls from an address of its own."""
    transport = httpx.AsyncHTTPTransport(local_address=address)
    base = f"{program.address}/gradio_api/"
    return httpx.AsyncClient(transport=transport, base_url=base, timeout=120)


async def submit(script: httpx.AsyncClient) -> str:
    """Ask for a job; return its id, or the sentence of the refusal."""
    data = [TASK, "wavespeed", WISH]
    event = (await script.post("call/submit", json={"data": data})).json()["event_id"]
    answer = (await script.get(f"call/submit/{event}")).text
    told = json.loads(answer.split("data: ", 1)[1].splitlines()[0])
    return str(told[0]["id"] if isinstance(told, list) else told["error"])


async def _crowd(program: Playground, addresses: Sequence[str], each: int) -> list[str]:
    scripts = [at(address, program) for address in addresses]
    try:
        return await asyncio.gather(*(submit(one) for one in scripts for _ in range(each)))
    finally:
        for script in scripts:
            await script.aclose()


def crowd(
    program: Playground, addresses: Sequence[str] = STRANGERS, each: int = 10
) -> tuple[int, set[str]]:
    """Let everybody submit at once; return how many jobs were taken, and what the others heard."""
    ends = asyncio.run(_crowd(program, addresses, each))
    taken = [end for end in ends if len(end) == 24 and " " not in end]
    return len(taken), set(ends) - set(taken)


def click(program: Playground, said: Any, **form: Any) -> str:
    """Click on Generate by hand, as a page that does what it wants; return all that is answered."""
    config = httpx.get(program.address + "/config").json()
    parts = {part["id"]: part["props"] for part in config["components"]}
    ids = {props.get("elem_id"): number for number, props in parts.items()}
    button = ids[f"{TASK}-generate"]
    event = next(
        one
        for one in config["dependencies"]
        if [button, "click"] in one["targets"] and one["backend_fn"]
    )
    data = [parts[number].get("value") for number in event["inputs"]]
    data[0], data[-1] = "ab" * 16, said
    for name, value in (form | {"prompt": "hills"}).items():
        data[event["inputs"].index(ids[f"{TASK}-{name}"])] = value
    wish = {"data": data, "fn_index": event["id"], "session_hash": os.urandom(6).hex()}
    joined = httpx.post(program.address + "/gradio_api/queue/join", json=wish)
    assert joined.status_code == 200, joined.text
    heard = ""
    address = f"{program.address}/gradio_api/queue/data?session_hash={wish['session_hash']}"
    with httpx.stream("GET", address, timeout=60) as stream:
        for line in stream.iter_lines():
            heard += line
            if "process_completed" in line:
                break
    return heard


def wait_until(condition: Callable[[], bool], seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="starts the program four times; .ci/run sets EVERY_TEST"
)
def test_200_submits_by_20_strangers_get_exactly_the_limits(tmp_path: Path) -> None:
    """Without a budget nothing; then by what waits, by the hour across a restart, by the budget."""
    sandbox = SandboxProcess(tmp_path, latency=600)
    programs: list[Playground] = []

    def start(**limits: str) -> Playground:
        for program in programs[-1:]:
            program.kill()
        paid = {"WAVESPEED_API_KEY": "sk-test-1234567890", "WAVESPEED_BASE_URL": sandbox.address}
        programs.append(Playground(tmp_path / "p", **paid | PUBLIC | limits))
        return programs[-1]

    try:
        program = start()
        taken, said = crowd(program)
        assert (taken, sandbox.stats()["posts"]) == (0, 0)
        assert len(said) == 1
        assert "WaveSpeed is closed to visitors" in said.pop()
        assert "nobody can use WaveSpeed here. Set it to what may be spent" in program.output
        agreed = {"name": "a", "price": 0.0, "asked": True}
        heard = click(program, agreed, backend="siraya", pictures=10**6)
        assert "One click makes 1 to 8 images." in heard

        program = start(SRPO_BUDGET_DAY_USD="100", WAVESPEED_MAX_CONCURRENCY="2")
        assert crowd(program, ["127.0.2.1"], each=2)[0] == 2
        wait_until(lambda: sandbox.stats()["charges"] == 2)
        taken, said = crowd(program)
        assert (taken, sandbox.stats()["charges"]) == (60, 2)
        assert len(said) == 1
        assert "can have 3 images waiting here, and 3 wait now" in said.pop()
        heard = click(program, {"name": "b", "price": 0.02, "asked": True}, backend="wavespeed")
        assert "This costs $0.025 now, and that was not agreed to." in heard
        assert sandbox.stats()["charges"] == 2

        hour = {"SRPO_LIMIT_PAID_PER_ADDRESS_HOUR": "5", "SRPO_LIMIT_WAITING_STRANGER": "500"}
        quick = {"SRPO_BUDGET_DAY_USD": "100", "WAVESPEED_MAX_CONCURRENCY": "500"}
        program = start(**quick | hour)
        taken, said = crowd(program, each=4)
        assert taken == 40
        assert all("can ask for 5 paid images an hour here; the next is" in one for one in said)
        wait_until(lambda: sandbox.stats()["charges"] == 102)

        program = start(**quick | {"SRPO_BUDGET_DAY_USD": "2.60"})
        taken, said = crowd(program, each=1)
        assert taken == 2
        assert all("less than that is left of today's budget" in one for one in said)
        wait_until(lambda: sandbox.stats()["charges"] == 104)
    finally:
        for program in programs[-1:]:
            program.kill()
        sandbox.kill()
