"""What one caller uploads is limited by the hour, and a request carries a few files at most."""

from __future__ import annotations

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

from ui.bodies import Bodies
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
        uploads.add("a", size, 1)
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
        uploads.add(str(number), 1, 1)
    assert len(uploads._sent) == MOST_KEPT


async def store(request: Request) -> Response:
    try:
        async with request.form(max_files=10_000) as form:
            return PlainTextResponse(f"{len(form.multi_items())} stored")
    except MultiPartException as error:
        return PlainTextResponse(error.message, status_code=400)


def client(policy: Policy, clock: Clock, address: str = "203.0.113.1") -> httpx.AsyncClient:
    uploads = Uploads(clock)
    app = Starlette(
        routes=[Route("/upload", store, methods=["POST"])],
        middleware=[
            Middleware(StampCaller, entrance=Entrance()),
            Middleware(LimitedUploads, policy=policy, uploads=uploads),
            Middleware(Bodies),
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

    headers = {"Content-Type": 'multipart/form-data; boundary="bnd"'}
    async with client(PUBLIC, Clock()) as http:
        assert (await http.post("/upload", content=pieces(), headers=headers)).status_code == 413


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
    """What was sent in pieces is counted afterwards, and large JSON carries a picture too."""
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
