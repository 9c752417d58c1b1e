"""Faults of the line itself: resets, hangs, trickles, floods and bombs, mostly over a socket."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.sandbox.visitor import T2I, Visitor, named, seen, serving, visiting

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A served sandbox."""
    with serving() as url:
        yield url


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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["submit_hang", "submit_hang_billed", "submit_slow_head_billed"])
async def test_a_hang_ends_with_the_clients_patience(name: str, address: str) -> None:
    """No answer comes; the billed one is in the ledger all the same."""
    async with served(address) as visitor:
        prompt = f"fault:{name}|a boat"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await visitor.http.post(f"/api/v3/{T2I}", json={"prompt": prompt}, timeout=None)
        assert (await visitor.stats())["charges"] == name.endswith("_billed")


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


@pytest.mark.slow
async def test_a_trickle_is_slower_than_any_patience(address: str) -> None:
    """A kilobyte, then a byte a second."""
    async with served(address) as visitor:
        task = await visitor.done(prompt="fault:download_trickle|a boat")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await visitor.http.get(task["outputs"][0], timeout=None)


@pytest.mark.parametrize("name", ["download_endless", "download_length_10g"])
async def test_an_endless_body_stops_when_the_client_leaves(name: str, address: str) -> None:
    """More comes than any image has; the server survives the client's going."""
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


@pytest.mark.skipif("EVERY_TEST" not in os.environ, reason="opens bombs; .ci/run sets EVERY_TEST")
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


@pytest.mark.slow
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
