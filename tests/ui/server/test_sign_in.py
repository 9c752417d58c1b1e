"""Signing in with Hugging Face, with Gradio's own routes and an OpenID provider on loopback."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from gradio import oauth
from itsdangerous import TimestampSigner
from joserfc.jwk import RSAKey
from starlette.middleware import Middleware
from starlette.requests import Request

from core.exposure import Exposure
from core.words import say
from tests.identity import CLIENT_SECRET, Provider, follow, serving
from ui.server.caller import Entrance, StampCaller
from ui.server.gradio_patches.hub_login import offered
from ui.server.owner import caller_of, new_token
from ui.server.sign_in import SignIn, user_of

pytestmark = pytest.mark.anyio
HOST = "space.test"
START = "/login/huggingface?_target_url=/?view=1"


@pytest.fixture(scope="module")
def served() -> Iterator[Provider]:
    with serving(Provider()) as provider:
        yield provider


@pytest.fixture
def provider(served: Provider, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """The provider as it was made, and the variables of a Space that names it."""
    served.user, served.refuses, served.signer, served.lives_s = ("64f0aa", "ann"), False, None, 60
    configure(served, monkeypatch)
    return served


def configure(provider: Provider, monkeypatch: pytest.MonkeyPatch, **other: str) -> None:
    """Set the variables, which Gradio reads when it is imported."""
    for name, value in (provider.environment(HOST) | other).items():
        monkeypatch.setenv(name, value)
        if hasattr(oauth, name):
            monkeypatch.setattr(oauth, name, value)


@pytest.fixture
async def browser(provider: Provider) -> AsyncIterator[httpx.AsyncClient]:
    async with visit() as client:
        yield client


def visit(app: Any = None) -> httpx.AsyncClient:
    """Return a browser with cookies of its own, at Gradio's routes with our middleware."""
    transport = httpx.ASGITransport(app=app or made(), client=("203.0.113.9", 40_000))
    return httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}")


def made() -> FastAPI:
    app = FastAPI(middleware=[Middleware(StampCaller, entrance=Entrance()), Middleware(SignIn)])

    @app.get("/who")
    async def who(request: Request) -> dict[str, Any]:
        caller = caller_of(with_name(request), admins={"hf:ann"})
        session = request.scope.get("session")
        return {"owner": caller.owner, "admin": caller.admin, "session": session}

    oauth.attach_oauth(app)
    return app


def with_name(request: Request) -> Any:
    """Return a request as Gradio hands it to a handler."""
    return SimpleNamespace(request=request, headers=request.headers, username=None)


async def sign_in(browser: httpx.AsyncClient) -> httpx.Response:
    """Go to the provider and come back with what it says."""
    async with httpx.AsyncClient() as outside:
        there = await outside.get(follow(await browser.get(START)))
    return await browser.get(follow(there))


async def owner(browser: httpx.AsyncClient) -> str:
    return str((await browser.get("/who")).json()["owner"])


@pytest.mark.slow
async def test_a_user_signs_in_and_out(browser: httpx.AsyncClient) -> None:
    """The owner is the stable id; the session says who it is, and holds nothing else."""
    assert (await owner(browser)).startswith("stranger:")
    assert follow(await sign_in(browser)) == "/?view=1"
    told = (await browser.get("/who")).json()
    assert told["owner"] == "user:hf:64f0aa"
    info = told["session"].pop("oauth_info")
    assert info.pop("expires_at") > 0
    assert info == {"userinfo": {"sub": "64f0aa", "preferred_username": "ann"}}
    assert told["session"] == {}
    await browser.get("/logout")
    assert (await owner(browser)).startswith("stranger:")


@pytest.mark.slow
async def test_the_access_token_stays_with_nobody(
    browser: httpx.AsyncClient, provider: Provider
) -> None:
    """Not even in the cookie, which the browser's owner could read."""
    await sign_in(browser)
    cookie = b64decode(browser.cookies["session"].partition(".")[0] + "==").decode()
    assert "64f0aa" in cookie
    assert provider.tokens[-1] not in cookie
    assert "id_token" not in cookie


@pytest.mark.slow
async def test_who_takes_over_a_name_takes_over_nothing_else(
    browser: httpx.AsyncClient, provider: Provider
) -> None:
    """Names change hands on the hub; what was made stays with the id."""
    await sign_in(browser)
    provider.user = ("99bbcc", "ann")
    async with visit() as other:
        await sign_in(other)
        assert await owner(other) == "user:hf:99bbcc"


@pytest.mark.slow
async def test_admins_are_named_by_name_and_limits_hold_for_all_users(
    browser: httpx.AsyncClient, provider: Provider
) -> None:
    """A user of Hugging Face is known, not trusted."""
    await sign_in(browser)
    assert (await browser.get("/who")).json()["admin"]
    provider.user = ("99bbcc", "bob")
    async with visit() as other:
        await sign_in(other)
        assert not (await other.get("/who")).json()["admin"]
    caller = caller_of(signed_in("64f0aa", "ann"), admins={"hf:ann"})
    assert Exposure(space=True).limits(caller)
    assert not caller_of(signed_in("64f0aa", "ann"), admins={"ann", "hf:64f0aa", "hf:"}).admin
    assert not caller_of(signed_in("64f0aa", "<b>"), admins={"hf:", "hf:<b>"}).admin


def signed_in(subject: Any, name: Any, expires_at: Any = 9e9) -> Any:
    info = {"userinfo": {"sub": subject, "preferred_username": name}, "expires_at": expires_at}
    inner = SimpleNamespace(scope={"session": {"oauth_info": info}})
    return SimpleNamespace(request=inner, headers={}, username=None)


async def test_a_user_comes_before_every_token() -> None:
    """Whoever is signed in is that user, whatever token the browser or a header carries."""
    request = signed_in("64f0aa", "ann")
    request.headers = {"x-srpo-token": new_token()}
    assert caller_of(request, new_token()).owner == "user:hf:64f0aa"


@pytest.mark.parametrize("expires_at", [1.0, 0, None])
async def test_a_session_ends(expires_at: Any) -> None:
    """One that is over, or never says when it is, is nobody's."""
    assert user_of(signed_in("64f0aa", "ann", expires_at)) is None


@pytest.mark.parametrize("subject", ["", None, 7, "a b", "a\nb", "é", "x" * 256])
async def test_a_session_without_a_plain_id_is_nobodys(subject: Any) -> None:
    """What the provider says becomes part of a database row."""
    assert user_of(signed_in(subject, "ann")) is None


def sealed(session: dict[str, Any], secret: str) -> str:
    key = hashlib.sha256(f"{secret}-v4".encode()).hexdigest()
    return TimestampSigner(key).sign(b64encode(json.dumps(session).encode())).decode()


async def test_a_forged_session_is_nobodys(browser: httpx.AsyncClient) -> None:
    """Only the Space's own secret signs; an empty one would be everybody's."""
    session = signed_in("64f0aa", "ann").request.scope["session"]
    for secret in ("", "guessed"):
        forged = {"cookie": f"session={sealed(session, secret)}"}
        told = (await browser.get("/who", headers=forged)).json()
        assert told["owner"].startswith("stranger:"), secret
    own = {"cookie": f"session={sealed(session, CLIENT_SECRET)}"}
    assert (await browser.get("/who", headers=own)).json()["owner"] == "user:hf:64f0aa"


@pytest.mark.parametrize(
    "variable", ["SYSTEM", "SPACE_ID", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES"]
)
@pytest.mark.parametrize("value", ["", "  "])
async def test_nothing_is_offered_where_a_variable_is_missing(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """Without a secret everybody could sign a session; off a Space Gradio lets everybody in."""
    assert offered()
    configure(provider, monkeypatch, **{variable: value})
    assert not offered()


async def test_a_wrong_state_signs_nobody_in(browser: httpx.AsyncClient) -> None:
    """An answer this browser never asked for; Gradio asks once more, and then it is a sentence."""
    first = await browser.get("/login/callback?code=stolen&state=made-up&_target_url=/")
    again = follow(first)
    assert again.startswith("/login/huggingface?_nb_redirects=1")
    for number in ("2", "3", "9"):
        end = await browser.get(f"/login/callback?code=x&state=y&_nb_redirects={number}")
        assert end.status_code == 400
        assert say("no-cookie") in end.text
    assert (await owner(browser)).startswith("stranger:")


async def test_a_browser_that_keeps_no_cookie_is_told_so(provider: Provider) -> None:
    """Instead of going round in circles, as inside another site's page."""
    async with visit() as browser, httpx.AsyncClient() as outside:
        address, rounds = START, 0
        while True:
            browser.cookies.clear()
            answer = await browser.get(address)
            if not answer.is_redirect:
                break
            rounds += 1
            there = follow(answer)
            address = there if there.startswith("/") else follow(await outside.get(there))
            assert rounds < 9
        assert say("no-cookie") in answer.text
        assert 'href="/" target="_blank"' in answer.text


async def test_whoever_declines_is_told_so(browser: httpx.AsyncClient, provider: Provider) -> None:
    """In our own words: what the address says is not repeated."""
    provider.refuses = True
    answer = await sign_in(browser)
    assert answer.status_code == 502
    assert say("not-signed-in") in answer.text
    assert "script" not in answer.text
    assert (await owner(browser)).startswith("stranger:")


async def test_a_foreign_signature_signs_nobody_in(
    browser: httpx.AsyncClient, provider: Provider
) -> None:
    """The provider's key signs who it is, nobody else's."""
    provider.signer = RSAKey.generate_key(2048, {"kid": "one"})
    answer = await sign_in(browser)
    assert (answer.status_code, say("not-signed-in") in answer.text) == (502, True)
    assert (await owner(browser)).startswith("stranger:")


async def test_a_provider_that_is_away_is_a_sentence(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no traceback."""
    configure(provider, monkeypatch, OPENID_PROVIDER_URL="http://127.0.0.1:1")
    async with visit() as browser:
        answer = await browser.get(START)
    assert answer.status_code == 502
    assert say("not-signed-in") in answer.text


@pytest.mark.parametrize("subject", ["", "a b"])
async def test_who_has_no_id_is_not_signed_in(
    browser: httpx.AsyncClient, provider: Provider, subject: str
) -> None:
    """It would be everybody's."""
    provider.user = (subject, "ann")
    answer = await sign_in(browser)
    assert answer.status_code == 502
    assert (await owner(browser)).startswith("stranger:")


@pytest.mark.slow
@pytest.mark.parametrize(
    "target",
    ["https://evil.test/x", "//evil.test/x", "/\\evil.test", "////evil.test", "javascript:1"],
)
async def test_the_login_leads_to_this_site_only(browser: httpx.AsyncClient, target: str) -> None:
    """Whatever address was given along."""
    async with httpx.AsyncClient() as outside:
        start = await browser.get("/login/huggingface", params={"_target_url": target})
        there = await outside.get(follow(start))
    came = follow(await browser.get(follow(there)))
    assert came.startswith("/")
    assert not came.startswith(("//", "/\\"))
