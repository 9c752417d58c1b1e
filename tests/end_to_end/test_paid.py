"""The real thing with a key: killed in the middle, nothing is lost, charged twice or told."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client

from tests.end_to_end.program import Playground, SandboxProcess

KEY = "sk-CANARY-8f2b7c"


def wait_until(condition: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def states(client: Client) -> list[str]:
    return [job["state"] for job in client.predict(api_name="/jobs")]


def test_a_kill_with_six_accepted_jobs_loses_none_and_charges_once(tmp_path: Path) -> None:
    """After `kill -9` and a restart all six finish; the service charged six times. The key it was
    paid with is in no file, log, page or answer."""
    sandbox = SandboxProcess(tmp_path, latency=6)
    paid = {
        "WAVESPEED_API_KEY": KEY,
        "WAVESPEED_BASE_URL": sandbox.address,
        "WAVESPEED_MAX_CONCURRENCY": "6",
    }
    try:
        first = Playground(tmp_path / "p", **paid)
        client = first.client()
        for seed in range(6):
            wish = {"prompt": "snowy mountains", "width": 256, "height": 256, "seed": seed}
            client.predict("text-to-image", "wavespeed", wish, None, api_name="/submit")
        wait_until(lambda: states(client) == ["running"] * 6)
        assert sandbox.stats()["charges"] == 6
        assert "finished" not in states(client)
        first.kill()
        second = Playground(tmp_path / "p", **paid)
        client = second.client()
        wait_until(lambda: states(client) == ["finished"] * 6)
        entries = client.predict(api_name="/history")
        assert sorted(entry["seed"] for entry in entries) == list(range(6))
        assert all(httpx.get(second.address + entry["file"]).is_success for entry in entries)
        assert {entry["price_usd"] for entry in entries} == {0.025}
        assert (sandbox.stats()["charges"], sandbox.stats()["posts"]) == (6, 6)
        shown = [
            httpx.get(second.address + path).text for path in ("/", "/config", "/gradio_api/info")
        ]
        written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        said = "".join([*shown, str(entries), str(client.predict(api_name="/jobs"))])
        assert KEY not in said + first.output + second.output
        assert not any(KEY.encode() in data for data in written)
        second.kill()
    finally:
        sandbox.kill()


def test_users_sign_in_and_do_not_meet(tmp_path: Path) -> None:
    """With SRPO_AUTH nothing is served without a login, and histories are apart; MCP included."""
    program = Playground(tmp_path, SRPO_AUTH="ann:one,bob:two")
    try:
        assert httpx.get(program.address + "/config").status_code == 401
        call = program.address + "/gradio_api/call/v2/history"
        assert httpx.post(call, json={}).status_code == 401
        ann, bob = (program.client(auth=pair) for pair in (("ann", "one"), ("bob", "two")))
        ann.predict("hills", width=256, height=256, api_name="/text_to_image")
        assert len(ann.predict(api_name="/history")) == 1
        assert bob.predict(api_name="/history") == []
    finally:
        program.kill()


def test_an_mcp_client_lists_and_calls_the_tools(tmp_path: Path) -> None:
    """An assistant finds the tools with their descriptions, and gets a picture."""
    program = Playground(tmp_path)
    try:
        tools, content = asyncio.run(_use_tools(program.address))
    finally:
        program.kill()
    assert {"text_to_image", "image_to_image", "history", "backends"} <= set(tools)
    assert "text prompt" in tools["text_to_image"]
    assert content[0].type == "image"
    assert "'sandbox': True" in content[-1].text


async def _use_tools(address: str) -> tuple[dict[str, str], list[Any]]:
    session = pytest.importorskip("mcp").ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def progress(done: float, total: float | None, message: str | None) -> None:
        return None

    async with (
        streamable_http_client(f"{address}/gradio_api/mcp/") as (read, write, _),
        session(read, write) as connected,
    ):
        await connected.initialize()
        listed = await connected.list_tools()
        wish = {"prompt": "a boat", "width": 256, "height": 256}
        answer = await connected.call_tool("text_to_image", wish, progress_callback=progress)
    return {tool.name: tool.description or "" for tool in listed.tools}, answer.content
