"""What one caller uploads is limited by the hour, and a request carries a few files at most."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.formparsers import MultiPartException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ui.server.body_limits import BodyLimits
from ui.server.caller import Entrance, StampCaller
from ui.server.upload_quota import HOUR_S, MOST_KEPT, LimitedUploads, Policy, Quota, Uploads

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.now = 50_000.0

    def __call__(self) -> float:
        return self.now


def test_a_caller_waits_until_enough_is_an_hour_old() -> None:
    """By number and by size, each with its own moment."""
    clock = Clock()
    uploads, quota = Uploads(clock), Quota(files=3, bytes=100)
    for size in (60, 30, 5):
        assert uploads.wait_s("a", quota, size) == 0
        uploads.begin("a", size)
        clock.now += 60
    assert uploads.wait_s("a", quota, 1) == HOUR_S - 180
    assert uploads.wait_s("a", Quota(files=9, bytes=100), 50) == HOUR_S - 180
    assert uploads.wait_s("a", Quota(files=9, bytes=100), 71) == HOUR_S - 120
    assert uploads.wait_s("b", quota, 100) == 0
    assert uploads.wait_s("b", quota, 101) == math.inf
    clock.now += HOUR_S
    assert uploads.wait_s("a", quota, 100) == 0


def test_memory_is_bounded() -> None:
    """A hundred thousand tokens are not remembered."""
    uploads = Uploads(Clock())
    for number in range(MOST_KEPT + 10):
        uploads.begin(str(number), 1)
        assert uploads.wait_s(f"refused {number}", Quota(files=1, bytes=1), 1) == 0
    assert len(uploads._sent) == MOST_KEPT


async def store(request: Request) -> Response:
    try:
        async with request.form(max_files=10_000) as form:
            return PlainTextResponse(f"{len(form.multi_items())} stored")
    except MultiPartException as error:
        return PlainTextResponse(error.message, status_code=400)


def client(
    policy: Policy,
    clock: Clock,
    address: str = "203.0.113.1",
    uploads: Uploads | None = None,
) -> httpx.AsyncClient:
    uploads = uploads or Uploads(clock)
    app = Starlette(
        routes=[Route("/upload", store, methods=["POST"])],
        middleware=[
            Middleware(StampCaller, entrance=Entrance()),
            Middleware(LimitedUploads, policy=policy, uploads=uploads),
            Middleware(BodyLimits),
        ],
    )
    transport = httpx.ASGITransport(app=app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:80")


def files(count: int, size: int = 10) -> list[Any]:
    return [("files", (f"{n}.png", b"x" * size, "image/png")) for n in range(count)]


PUBLIC = Policy(public=True, sign_in=False)


async def test_a_request_with_hundreds_of_files_is_refused_while_it_comes() -> None:
    """The page sends one at a time."""
    async with client(PUBLIC, Clock()) as http:
        assert (await http.post("/upload", files=files(8))).text == "8 stored"
        refused = await http.post("/upload", files=files(900))
    assert refused.status_code == 413
    assert "At most 8 files" in refused.json()["detail"]


KINDS = (
    'multipart/form-data; boundary="bnd"',
    "multipart/form-data; BOUNDARY=bnd",
    "multipart/form-data; xboundary=other; boundary=bnd",
    "Multipart/Form-Data;charset=utf-8;Boundary=bnd",
)


async def test_a_boundary_that_is_cut_in_two_is_counted() -> None:
    """Whatever the pieces in which a body arrives."""
    body = b"".join(
        b'--bnd\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nx\r\n'
        for _ in range(20)
    )

    async def pieces() -> Any:
        for start in range(0, len(body), 3):
            yield body[start : start + 3]
        yield b"--bnd--\r\n"

    for kind in KINDS:
        async with client(PUBLIC, Clock()) as http:
            headers = {"Content-Type": kind}
            assert (
                await http.post("/upload", content=pieces(), headers=headers)
            ).status_code == 413


async def test_the_sixty_first_upload_of_an_hour_waits() -> None:
    """The sentence names the limit and when there is room; another address is not affected."""
    clock = Clock()
    async with client(PUBLIC, clock) as http:
        statuses = [(await http.post("/upload", files=files(1))).status_code for _ in range(61)]
        assert statuses == [200] * 60 + [429]
        late = await http.post("/upload", files=files(1))
        assert "At most 60 files and 200 MB" in late.json()["detail"]
        assert late.json()["detail"].endswith("in 60 minutes.")
        assert late.headers["retry-after"] == "3600"
        clock.now += HOUR_S
        assert (await http.post("/upload", files=files(1))).status_code == 200


async def test_megabytes_count_even_without_a_declared_length() -> None:
    """What was sent in pieces is counted afterwards, and large JSON carries an image too."""
    policy = Policy(public=True, sign_in=False, megabytes=3)

    async def pieces() -> Any:
        yield b'--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n'
        yield b"x" * 2_500_000
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    async with client(policy, Clock()) as http:
        assert (await http.post("/upload", content=pieces(), headers=headers)).status_code == 200
        large = await http.post("/upload", json={"image": "x" * 1_000_000})
        small = await http.post("/upload", json={"prompt": "x"})
    assert (large.status_code, small.status_code) == (429, 200)


async def test_large_json_without_a_length_is_counted() -> None:
    """Whoever sends in pieces is not below the limit for that."""
    policy = Policy(public=True, sign_in=False, megabytes=1)

    async def pieces() -> Any:
        yield b'"'
        for _ in range(9):
            yield b"x" * 100_000
        yield b'"'

    headers = {"Content-Type": "application/json"}
    async with client(policy, Clock()) as http:
        sent = [await http.post("/upload", content=pieces(), headers=headers) for _ in range(2)]
    assert [one.status_code for one in sent] == [200, 429]
    assert "1 MB can be uploaded" in sent[1].json()["detail"]


@pytest.mark.parametrize("announced", [True, False])
async def test_many_at_once_do_not_pass_together(announced: bool) -> None:
    """An upload counts from its beginning on, not when it is over."""
    policy = Policy(public=True, sign_in=False, megabytes=5)
    size = 1_000_000

    async def pieces() -> Any:
        yield b'--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n'
        for _ in range(10):
            await asyncio.sleep(0)
            yield b"x" * (size // 10)
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    if announced:
        headers["Content-Length"] = str(sum([len(one) async for one in pieces()]))
    async with client(policy, Clock()) as http:
        each = [http.post("/upload", content=pieces(), headers=headers) for _ in range(20)]
        taken = [one.status_code for one in await asyncio.gather(*each)].count(200)
        assert taken <= 4
        assert announced == (taken > 0)


async def test_what_is_announced_and_not_sent_costs_nothing() -> None:
    """Nor does an upload that is refused before it comes."""
    policy = Policy(public=True, sign_in=False, files=2)
    large = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": "99000000"}
    async with client(policy, Clock()) as http:
        for _ in range(5):
            assert (await http.post("/upload", content=b"x", headers=large)).status_code == 413
        assert (await http.post("/upload", files=files(1))).status_code == 200


async def test_a_new_address_of_the_same_network_does_not_help() -> None:
    """Of IPv6 everybody has millions of them."""
    uploads = Uploads(Clock())
    policy = Policy(public=True, sign_in=False, files=1)
    sent = []
    for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"):
        async with client(policy, Clock(), address, uploads) as http:
            sent.append((await http.post("/upload", files=files(1))).status_code)
    assert sent == [200, 429, 200]


async def test_a_new_token_for_each_upload_does_not_help() -> None:
    """Tokens of one address share three times what one may."""
    policy = Policy(public=True, sign_in=False, files=4)
    async with client(policy, Clock()) as http:
        statuses = [
            (
                await http.post(
                    "/upload", files=files(1), headers={"X-SRPO-Token": f"{number:032x}"}
                )
            ).status_code
            for number in range(20)
        ]
    assert statuses == [200] * 12 + [429] * 8


async def test_this_machines_own_person_is_not_limited() -> None:
    """Unless a limit is set, or strangers may come in too."""
    async with client(Policy(False, False), Clock(), "127.0.0.1") as http:
        sent = [(await http.post("/upload", files=files(1))).status_code for _ in range(70)]
    assert set(sent) == {200}
    async with client(Policy(False, False, files=2), Clock(), "127.0.0.1") as http:
        sent = [(await http.post("/upload", files=files(1))).status_code for _ in range(3)]
    assert sent == [200, 200, 429]
