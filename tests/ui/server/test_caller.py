"""Where a request came from is decided at the entrance, and who sent it from that alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.errors import InputError
from ui.server.caller import STAMP, Entrance, StampCaller, networks, seen_of
from ui.server.owner import caller_of, new_token, owner_of

pytestmark = pytest.mark.anyio
HERE = "http://127.0.0.1:7860"


async def tell(request: Request) -> Response:
    """Answer with what handlers can know of a request."""
    seen = seen_of(request.headers)
    facts = {"address": seen.address, "local": seen.local, "page": seen.page}
    named = {name: request.headers.get(name) for name in ("x-forwarded-host", "x-forwarded-for")}
    return JSONResponse(facts | named | {"stamp": request.headers.get(STAMP)})


def client(
    peer: str = "127.0.0.1", base: str = HERE, entrance: Entrance | None = None, app: Any = None
) -> httpx.AsyncClient:
    app = app or Starlette(
        routes=[Route("/", tell)],
        middleware=[Middleware(StampCaller, entrance=entrance or Entrance())],
    )
    transport = httpx.ASGITransport(app=app, client=(peer, 40_000))
    return httpx.AsyncClient(transport=transport, base_url=base)


async def told(
    peer: str = "127.0.0.1", base: str = HERE, entrance: Entrance | None = None, **headers: str
) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client(peer, base, entrance) as http:
        found: dict[str, Any] = (await http.get("/", headers=named)).json()
        return found


async def test_this_machine_is_local() -> None:
    """By each name that means it."""
    for base in (HERE, "http://localhost:7860", "http://[::1]:7860"):
        assert (await told(base=base))["local"], base


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("203.0.113.9", {}),
        ("203.0.113.9", {"host": "localhost:7860"}),
        ("127.0.0.1", {"host": "play.example"}),
        ("127.0.0.1", {"host": "127.0.0.1:9000"}),
        ("127.0.0.1", {"host": "127.0.0.1"}),
        ("127.0.0.1", {"x_forwarded_for": "127.0.0.1"}),
        ("127.0.0.1", {"x_forwarded_host": "localhost:7860"}),
        ("127.0.0.1", {"forwarded": "for=127.0.0.1"}),
        ("127.0.0.1", {"via": "1.1 proxy"}),
        ("127.0.0.1", {"x_real_ip": "127.0.0.1"}),
    ],
)
async def test_whoever_comes_from_elsewhere_or_through_a_proxy_is_not_local(
    peer: str, headers: dict[str, str]
) -> None:
    """What a proxy or tunnel on this machine passes on is a stranger's."""
    assert not (await told(peer, **headers))["local"]


async def test_http_1_0_is_a_proxy() -> None:
    """A stock nginx passes requests on so, and rewrites the Host to ours."""
    seen = Entrance().look(
        {
            "type": "http",
            "http_version": "1.0",
            "client": ("127.0.0.1", 40_000),
            "server": ("127.0.0.1", 7860),
            "headers": [(b"host", b"127.0.0.1:7860")],
        }
    )
    assert not seen.local


async def test_local_can_be_turned_off() -> None:
    """Where a proxy leaves no sign, nobody may be this machine's owner."""
    assert not (await told(entrance=Entrance(local_owner=False)))["local"]


async def test_a_foreign_stamp_is_dropped_and_our_own_travels_inward() -> None:
    """The program's call of itself keeps the stamp of whoever asked for it."""
    app = Starlette(
        routes=[Route("/", tell)], middleware=[Middleware(StampCaller, entrance=Entrance())]
    )
    async with client("203.0.113.9", app=app) as outer:
        first = (await outer.get("/")).json()
    assert (first["address"], first["local"]) == ("203.0.113.9", False)
    async with client(app=app) as inner:
        carried = (await inner.get("/", headers={STAMP: first["stamp"]})).json()
        assert (carried["address"], carried["local"]) == ("203.0.113.9", False)
        own = (await inner.get("/")).json()["stamp"]
        text, _, signature = own.partition(".")
        for forged in (text, text + ".", text + "." + "0" * 64, "x." + signature, "é", ""):
            answer = await inner.get("/", headers=[(STAMP.encode(), forged.encode("latin-1"))])
            assert answer.json()["stamp"] not in (forged, ""), forged
    async with client("203.0.113.9") as other:  # another process
        stolen = (await other.get("/", headers={STAMP: own})).json()
        assert (stolen["address"], stolen["local"]) == ("203.0.113.9", False)


async def test_two_stamps_are_none() -> None:
    """Not even when one of them is ours: it cannot be said which a handler would read."""
    app = Starlette(
        routes=[Route("/", tell)], middleware=[Middleware(StampCaller, entrance=Entrance())]
    )
    async with client(app=app) as here, client("203.0.113.9", app=app) as there:
        own = (await here.get("/")).json()["stamp"]
        both = (await there.get("/", headers=[(STAMP, own), (STAMP, own)])).json()
        assert not both["local"]


async def test_only_a_trusted_proxy_says_where_a_request_came_from() -> None:
    """For limits and links; what a caller wrote before the proxy did is not believed."""
    trusting = Entrance(networks("10.0.0.0/8, 127.0.0.1"))
    forged = {"x_forwarded_for": "192.0.2.1, 198.51.100.7, 10.0.0.2"}
    forged |= {"x_forwarded_host": "play.example", "x_forwarded_proto": "https"}
    believed = await told("10.0.0.1", entrance=trusting, **forged)
    assert (believed["address"], believed["page"]) == ("198.51.100.7", "https://play.example")
    stranger = await told("203.0.113.9", entrance=trusting, **forged)
    assert (stranger["address"], stranger["page"]) == ("203.0.113.9", HERE)
    assert stranger["x-forwarded-host"] is stranger["x-forwarded-for"] is None
    nonsense = await told("10.0.0.1", entrance=trusting, x_forwarded_for="a, b<script>")
    assert nonsense["address"] == "10.0.0.1"


def asking(seen: dict[str, Any] | None = None, **headers: str) -> Any:
    """A request as handlers get it, stamped as one from another machine."""
    scope = {
        "type": "http",
        "client": (headers.pop("peer", "203.0.113.9"), 40_000),
        "server": ("127.0.0.1", 7860),
        "headers": [(b"host", headers.pop("host", "play.example").encode())],
    }
    stamp = StampCaller(SimpleNamespace(), Entrance())._write(Entrance().look(scope))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return SimpleNamespace(username=None, headers={STAMP: stamp} | named)


def test_owners_are_told_apart() -> None:
    """A user, this machine, a browser and a script are different owners, and stay who they are."""
    here = asking(peer="127.0.0.1", host="localhost:7860")
    token, scripts = new_token(), new_token()
    away, script = asking(), asking(x_srpo_token=scripts)
    user = asking()
    user.username = "ann"
    owners = [
        owner_of(here, token),
        owner_of(user, token),
        owner_of(away, token),
        owner_of(away, new_token()),
        owner_of(script),
        owner_of(away),
    ]
    assert len(set(owners)) == 6
    assert owners[:2] == ["local", "user:ann"]
    assert owner_of(away, token) == owners[2]
    assert owner_of(asking(x_srpo_token=token)) == owners[2]
    assert token not in "".join(owners)
    assert scripts not in "".join(owners)


async def test_a_users_token_leads_to_the_user_and_travels_inward() -> None:
    """Wherever the script runs; the program's call of itself keeps who it was."""
    app = Starlette(
        routes=[Route("/", tell)],
        middleware=[
            Middleware(StampCaller, entrance=Entrance(), user={"mine": "user:hf:1"}.get),
        ],
    )
    async with client("203.0.113.9", app=app) as outer, client(app=app) as inner:
        named = (await outer.get("/", headers={"x-srpo-token": "mine"})).json()["stamp"]
        bare = (await outer.get("/")).json()["stamp"]
        carried = (await inner.get("/", headers={STAMP: named})).json()["stamp"]
    assert owner_of(SimpleNamespace(username=None, headers={STAMP: carried})) == "user:hf:1"
    assert caller_of(SimpleNamespace(username=None, headers={STAMP: bare})).stranger
    script = SimpleNamespace(username=None, headers={STAMP: named})
    assert not caller_of(script, admins={"hf:ann", "user:hf:1", "1"}).admin


def test_a_stranger_is_one_for_one_request() -> None:
    """Two requests from one address share nothing: an address is not an identity."""
    away = asking()
    first, second = caller_of(away), caller_of(away)
    assert first.stranger
    assert second.stranger
    assert first.owner != second.owner
    assert first.address == second.address == "203.0.113.9"


def test_a_request_without_a_stamp_is_a_strangers() -> None:
    """Whatever reaches a handler past the entrance is nobody's."""
    bare = SimpleNamespace(username=None, headers={"host": "localhost:7860"})
    assert caller_of(bare).stranger
    assert caller_of(None).stranger


def test_a_token_that_is_sent_names_its_owner_even_on_this_machine() -> None:
    """A script says who it is; one that says nonsense is told so instead of being taken for us."""
    token = new_token()
    named = asking(peer="127.0.0.1", host="localhost:7860", x_srpo_token=token)
    assert owner_of(named) == owner_of(asking(), token)
    for nonsense in ("", "x", token.upper() + "0"):
        with pytest.raises(InputError, match="X-SRPO-Token") as caught:
            owner_of(asking(x_srpo_token=nonsense))
        assert "Backends tab" in caught.value.advice


@pytest.mark.parametrize("token", ["", "x", "A" * 32, None, {"a": 1}, "0" * 31, "../" * 10])
def test_a_made_up_token_is_no_browser(token: Any) -> None:
    """Only what this program drew counts as a browser's token."""
    assert caller_of(asking(), token).stranger


def test_admins_are_this_machine_and_the_users_that_are_named() -> None:
    """Nobody else sees everybody's sums or resumes a queue."""
    named = asking()
    named.username = "ann"
    assert caller_of(named, admins={"ann"}).admin
    assert not caller_of(named, admins={"bob"}).admin
    assert caller_of(asking(peer="127.0.0.1", host="localhost:7860")).admin
    assert not caller_of(asking(), new_token(), admins={"ann"}).admin
