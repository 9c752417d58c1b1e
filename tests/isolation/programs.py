"""Runs a set-up: the program, what stands in front of it, and everybody who comes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.end_to_end.program import Playground, SandboxProcess, free_port
from tests.isolation.caller import Caller, Way
from tests.isolation.nginx import FORWARDING, NGINX, Nginx, server
from tests.isolation.table import HOME, LAN_A, LAN_B, PROXY, TOKENS, SetUp, Who
from tests.isolation.walk import Walk

SPACE_HEADERS = {
    "Host": "ann-play.hf.space",
    "X-Forwarded-For": "198.51.100.7",
    "X-Forwarded-Proto": "https",
}


def missing(setup: SetUp) -> str:
    """Say what a set-up needs and this machine does not have."""
    doors = {who.door for who in setup.callers}
    if doors & {"stock", "forwarding", "remote"} and not NGINX:
        return "there is no nginx (apt-get install nginx-light)"
    if setup.lan and (os.geteuid() != 0 or not shutil.which("ip")):
        return "needs further addresses: root and `ip`"
    return ""


@contextmanager
def addresses(wanted: bool) -> Iterator[None]:
    """Give this machine the addresses of a network that nobody else sees."""
    added = []
    try:
        for address in (LAN_A, LAN_B, PROXY, HOME) if wanted else ():
            command = ["ip", "address", "replace", f"{address}/32", "dev", "lo"]
            subprocess.run(command, check=True, capture_output=True)
            added.append(address)
        yield
    finally:
        for address in added:
            subprocess.run(["ip", "address", "del", f"{address}/32", "dev", "lo"], check=True)


Start = Callable[[Path, Mapping[str, str]], Any]
"""Starts a program with settings, its data in that folder: anything with its address and data."""


def checkout(folder: Path, settings: Mapping[str, str]) -> Playground:
    """Start the program as it lies here."""
    return Playground(folder, **settings)


@contextmanager
def running(
    setup: SetUp, folder: Path, callers: Sequence[Who] = (), start: Start = checkout
) -> Iterator[Walk]:
    """Start everything that a set-up needs, and stop it."""
    with ExitStack() as stack:
        stack.enter_context(addresses(setup.lan))
        settings = {
            "SRPO_SANDBOX_LATENCY": "0.02",
            "SRPO_POLL_INTERVAL": "0.5",
            "SRPO_LIMIT_UPLOAD_FILES": "5000",
            "SRPO_LIMIT_UPLOAD_MB": "5000",
        }
        if any(who.own_key for who in callers or setup.callers):
            service = SandboxProcess(folder, 0.02)
            stack.callback(service.kill)
            settings["WAVESPEED_BASE_URL"] = service.address
        program = start(folder / "play", settings | dict(setup.settings))
        stack.callback(program.kill)
        with _callers(setup, program, callers or setup.callers, stack) as named:
            yield Walk(setup, program, named)


@contextmanager
def _callers(
    setup: SetUp, program: Any, callers: Sequence[Who], stack: ExitStack
) -> Iterator[dict[Who, Caller]]:
    here = f"127.0.0.1:{program.port}"
    doors = {"direct": here, "lan": f"{HOME}:{program.port}", "space": here}
    servers = []
    for door, lines in (
        ("stock", ""),
        ("forwarding", FORWARDING),
        ("remote", f"proxy_bind {PROXY}; {FORWARDING}"),
    ):
        if any(who.door == door for who in callers):
            doors[door] = f"127.0.0.1:{free_port()}"
            servers.append(server(doors[door], doors["lan"] if door == "remote" else here, lines))
            check = f"http://{doors[door]}/healthz"
    if servers:
        nginx = Nginx(program.data.parent / "nginx", "".join(servers), check=check)
        stack.callback(nginx.stop)
    found: dict[Who, Caller] = {}
    for who in callers:
        port = doors[who.door].rpartition(":")[2]
        headers = {name: value.format(port=port) for name, value in who.headers.items()}
        headers |= SPACE_HEADERS if who.door == "space" else {}
        headers |= {"X-SRPO-Token": TOKENS[who.script]} if who.script else {}
        way = Way(f"http://{doors[who.door]}", who.source, headers)
        config = next(iter(found.values())).config if found else None
        caller = Caller(way, token=who.token, sign_in=who.sign_in, config=config)
        stack.callback(caller.close)
        found[who] = caller
        if who.own_key:
            entered = {"service": "wavespeed", "key": "wsk-visitor-0123456789"}
            said = caller.run("change", [TOKENS[who.token]], entered)
            assert "notice error" not in said, said
    yield found
