"""Guessing a password takes longer than anybody waits, and nobody keeps others out for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ui.server import body_limits
from ui.server.caller import Entrance, StampCaller
from ui.server.login_limit import MOST_KEPT, LimitedLogin, LoginLimit

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def tries(limit: LoginLimit, clock: Clock, seconds: float, user: str, address: str) -> int:
    """Guess as often as it is possible for so long; return how often that was."""
    end, count = clock.now + seconds, 0
    while clock.now < end:
        wait = limit.begin(user, address)
        count += not wait
        clock.now += wait or 0.01
    return count


def test_an_address_has_a_handful_of_guesses_an_hour_for_one_user() -> None:
    """Instead of twenty in a second."""
    clock = Clock()
    assert tries(LoginLimit(clock), clock, 3600, "ann", "203.0.113.1") <= 20


def test_an_address_cannot_go_through_all_users() -> None:
    """A new name for each guess does not help."""
    clock = Clock()
    limit = LoginLimit(clock)
    count = sum(limit.begin(f"user{n}", "203.0.113.1") == 0 for n in range(1000))
    assert count == 20


def test_an_ipv6network_is_one_address() -> None:
    """Its owner has more addresses than there are guesses."""
    limit = LoginLimit(Clock())
    count = sum(limit.begin("ann", f"2001:db8::{n:x}") == 0 for n in range(1, 1000))
    assert count == 5


def test_strangers_cannot_keep_a_user_out() -> None:
    """Whoever guesses from two thousand addresses makes the user wait for seconds."""
    clock = Clock()
    limit = LoginLimit(clock)
    for n in range(2_000):
        limit.begin("ann", f"10.0.{n >> 8}.{n & 255}")
        clock.now += 0.05
    assert limit.begin("ann", "203.0.113.9") <= 20
    assert limit.begin("bob", "203.0.113.9") == 0


def test_guesses_from_everywhere_do_not_touch_places_where_the_user_signs_in() -> None:
    """Whoever asks all the time takes every free moment, so seconds would never end."""
    clock = Clock()
    limit = LoginLimit(clock)
    for place in ("203.0.113.9", "2001:db8:0:1::9"):
        assert limit.begin("Ann", place) == 0
        limit.succeeded("Ann", place)
    for n in range(2_000):
        limit.begin("ann", f"10.0.{n >> 8}.{n & 255}")
        clock.now += 0.05
    assert limit.begin("ann", "203.0.113.8") > 0
    assert limit.begin("ann", "203.0.113.9") == 0
    assert limit.begin("ann", "2001:db8:0:1::77") == 0
    assert tries(limit, clock, 3600, "ann", "203.0.113.9") <= 20


def test_the_free_guesses_are_five_whatever_time_they_take() -> None:
    """What is forgiven in a second is no sixth guess."""
    clock = Clock()
    limit = LoginLimit(clock)
    for _ in range(5):
        assert limit.begin("ann", "203.0.113.1") == 0
        clock.now += 1.5
    assert limit.begin("ann", "203.0.113.1") == 28.5


def test_a_right_password_locks_nobody() -> None:
    """Colleagues behind one address sign in one after the other, however many have failed there."""
    clock = Clock()
    limit = LoginLimit(clock)
    for n in range(23):
        limit.begin(f"user{n}", "203.0.113.1")
        clock.now += limit.begin("ann", "203.0.113.1") if n > 18 else 0
    for name in ("ann", "bob", "cid"):
        assert limit.begin(name, "203.0.113.1") == 0
        limit.succeeded(name, "203.0.113.1")
    limit.begin("mallory", "203.0.113.1")
    assert limit.begin("ann", "203.0.113.1") > 0


def test_the_right_password_forgives_and_time_forgets() -> None:
    """Whoever mistypes now and then never waits, and whoever gave up can try again hours later."""
    clock = Clock()
    limit = LoginLimit(clock)
    for _ in range(100):
        for _ in range(4):
            assert limit.begin("ann", "203.0.113.1") == 0
        assert limit.begin("ann", "203.0.113.1") == 0
        limit.succeeded("ann", "203.0.113.1")
        clock.now += 900
    tries(limit, clock, 600, "ann", "203.0.113.1")
    limit.begin("ann", "203.0.113.1")
    assert limit.begin("ann", "203.0.113.1") > 0
    clock.now += 6 * 3600
    for _ in range(5):
        assert limit.begin("ann", "203.0.113.1") == 0


def test_signing_in_as_oneself_does_not_free_guesses_for_others() -> None:
    """Ann's own right password forgives nothing of what her address did to Bob."""
    limit = LoginLimit(Clock())
    for _ in range(30):
        limit.begin("bob", "203.0.113.1")
        if limit.begin("ann", "203.0.113.1") == 0:
            limit.succeeded("ann", "203.0.113.1")
    assert limit.begin("bob", "203.0.113.1") > 0


@pytest.mark.slow
def test_memory_is_bounded() -> None:
    """A million names are not remembered."""
    limit = LoginLimit(Clock())
    for n in range(MOST_KEPT + 5):
        limit.succeeded(f"user{n}", "203.0.113.1")
    for n in range(MOST_KEPT // 3 + 5):
        limit.begin(f"other{n}", f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
    assert max(len(limit._counts), len(limit._usual)) <= MOST_KEPT


async def login(request: Request) -> Response:
    """As Gradio's: 200 or 400."""
    async with request.form() as form:
        right = (form.get("username"), form.get("password")) == ("ann", "open")
    await asyncio.sleep(0)
    return JSONResponse({}, status_code=200 if right else 400)


def client(address: str = "203.0.113.1", app: Any = None) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app or served(), client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


def served(clock: Clock | None = None) -> Starlette:
    return Starlette(
        routes=[Route("/login", login, methods=["POST"])],
        middleware=[
            Middleware(StampCaller, entrance=Entrance()),
            Middleware(LimitedLogin, limit=LoginLimit(clock or Clock())),
        ],
    )


@pytest.mark.parametrize("form", ["urlencoded", "multipart"])
async def test_sixty_wrong_passwords_at_once_are_five(form: str) -> None:
    """Each is counted before it is looked at; the answer says when the next one is possible."""
    app, clock = None, Clock()
    app = served(clock)
    files = {"x": ("", b"")} if form == "multipart" else None
    async with client(app=app) as http, client("203.0.113.2", app) as elsewhere:

        async def attempt(password: str, at: httpx.AsyncClient = http) -> httpx.Response:
            wish = {"username": "ann", "password": password}
            return await at.post("/login", data=wish, files=files)

        answers = await asyncio.gather(*[attempt(f"guess{n}") for n in range(60)])
        statuses = [answer.status_code for answer in answers]
        assert (statuses.count(400), statuses.count(429)) == (5, 55)
        late = next(answer for answer in answers if answer.status_code == 429)
        assert late.headers["retry-after"] == "30"
        assert late.json() == {"detail": "Too many wrong passwords. Try again in 30 seconds."}
        assert (await attempt("open")).status_code == 429
        assert (await attempt("open", elsewhere)).status_code == 200
        clock.now += 31
        assert (await attempt("open")).status_code == 200


@pytest.mark.parametrize("path", ["/login/", "/login%0a", "/login/%0a", "/login//", "//login"])
async def test_no_spelling_of_the_path_is_free(path: str) -> None:
    """Routes end in `$`, which also matches before a line break."""
    app = served(Clock())
    wrong = {"username": "ann", "password": "guess"}
    async with client(app=app) as http:
        tried = [await http.post(one, data=wrong) for one in [path] * 9 + ["/login"] * 9]
    assert [answer.status_code for answer in tried].count(400) <= 5


async def test_only_the_right_password_forgives() -> None:
    """Not a redirect to another spelling of the path."""
    app = served(Clock())
    wrong = {"username": "ann", "password": "guess"}
    async with client(app=app) as http:
        for _ in range(4):
            assert (await http.post("/login", data=wrong)).status_code == 400
        assert (await http.post("/login//", data=wrong)).status_code == 307
        assert (await http.post("/login", data=wrong)).status_code == 429


async def test_half_a_form_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends no more of it does not hold a place for ever."""
    monkeypatch.setattr(body_limits, "PATIENCE_S", 0.05)

    async def half() -> AsyncIterator[bytes]:
        yield b"username=ann"
        await asyncio.sleep(5)

    async with client() as http:
        form = {"content-type": "application/x-www-form-urlencoded"}
        late = await http.post("/login", content=half(), headers=form)
    assert (late.status_code, late.headers["connection"]) == (408, "close")


async def test_what_is_no_form_is_a_sentence() -> None:
    """Nor is it handed on."""
    async with client() as http:
        large = await http.post("/login", data={"username": "a" * 30_000})
        assert (large.status_code, large.headers["connection"]) == (413, "close")
        broken = {"content-type": "multipart/form-data; boundary=x"}
        answer = await http.post("/login", content=b"--y", headers=broken)
        assert answer.status_code in (400, 429)
