"""Strangers who come to a public instance all at once, and a page that does what it wants."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import httpx

from tests.end_to_end.program import SandboxProcess

STRANGERS = [f"127.0.1.{n}" for n in range(1, 21)]
WISH = {"prompt": "hills", "width": 256, "height": 256}
TASK = "text-to-image"


class Program(Protocol):
    """What they come to: the program itself, or one behind the proxy of a Space."""

    address: str

    @property
    def output(self) -> str: ...


Door = Callable[[str, str], httpx.AsyncClient]
"""How a script comes in: the address of the program and its own."""


def direct(program: str, own: str) -> httpx.AsyncClient:
    """A script that calls from an address of its own."""
    return _script(program, transport=httpx.AsyncHTTPTransport(local_address=own))


def through(headers: Mapping[str, str]) -> Door:
    """Return a door through a proxy that is known to the program, for callers from elsewhere."""

    def door(program: str, own: str) -> httpx.AsyncClient:
        public = own.replace("127.0.", "203.0.")
        return _script(program, headers={**headers, "X-Forwarded-For": public})

    return door


def _script(program: str, **how: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"{program}/gradio_api/", timeout=120, **how)


async def submit(script: httpx.AsyncClient) -> str:
    """Ask for a job; return its id, or the sentence of the refusal."""
    data = [TASK, "wavespeed", WISH]
    event = (await script.post("call/submit", json={"data": data})).json()["event_id"]
    answer = (await script.get(f"call/submit/{event}")).text
    told = json.loads(answer.split("data: ", 1)[1].splitlines()[0])
    return str(told[0]["id"] if isinstance(told, list) else told["error"])


async def _crowd(program: Program, addresses: Sequence[str], each: int, door: Door) -> list[str]:
    scripts = [door(program.address, address) for address in addresses]
    try:
        return await asyncio.gather(*(submit(one) for one in scripts for _ in range(each)))
    finally:
        for script in scripts:
            await script.aclose()


def crowd(
    program: Program,
    addresses: Sequence[str] = STRANGERS,
    each: int = 10,
    door: Door = direct,
) -> tuple[int, set[str]]:
    """Let everybody submit at once; return how many jobs were taken, and what the others heard."""
    ends = asyncio.run(_crowd(program, addresses, each, door))
    taken = [end for end in ends if len(end) == 24 and " " not in end]
    return len(taken), set(ends) - set(taken)


def click(program: Program, said: Any, **form: Any) -> str:
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


def paid(sandbox: SandboxProcess) -> dict[str, str]:
    """Return the settings of an operator with a key, whose service is the sandbox."""
    return {"WAVESPEED_API_KEY": "sk-test-1234567890", "WAVESPEED_BASE_URL": sandbox.address}


def nothing_without_a_budget(
    program: Program, sandbox: SandboxProcess, door: Door = direct
) -> None:
    """A key alone lets nobody spend; how many images a click may have is limited too."""
    taken, said = crowd(program, door=door)
    assert (taken, sandbox.stats()["posts"]) == (0, 0)
    assert len(said) == 1
    assert "WaveSpeed is closed to visitors" in said.pop()
    assert "nobody can use WaveSpeed here. Set it to what may be spent" in program.output
    agreed = {"name": "a", "price": 0.0, "asked": True}
    heard = click(program, agreed, backend="siraya", pictures=10**6)
    assert "One click makes 1 to 8 images." in heard


def only_so_much_waits(program: Program, sandbox: SandboxProcess, door: Door = direct) -> None:
    """With two places that are taken, each of twenty strangers gets three to wait, and no more."""
    assert crowd(program, ["127.0.2.1"], each=2, door=door)[0] == 2
    wait_until(lambda: sandbox.stats()["charges"] == 2)
    taken, said = crowd(program, door=door)
    assert (taken, sandbox.stats()["charges"]) == (60, 2)
    assert len(said) == 1
    assert "can have 3 images waiting here, and 3 wait now" in said.pop()
    heard = click(program, {"name": "b", "price": 0.02, "asked": True}, backend="wavespeed")
    assert "This costs $0.025 now, and that was not agreed to." in heard
    assert sandbox.stats()["charges"] == 2
