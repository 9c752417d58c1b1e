"""Downloads: public addresses only, connected to the address that was checked, whole images."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable

import httpx
import pytest

from backends.remote.downloads import Downloads, ExpiredError, unpacked
from backends.remote.public_addresses import CheckedTransport, ForbiddenAddressError, is_public
from core.errors import BackendError, BadResponseError, UnavailableError
from tests.fakes import picture

pytestmark = pytest.mark.anyio
GOOD = picture(1)


def downloads(answer: Callable[[httpx.Request], httpx.Response]) -> Downloads:
    return Downloads("Shop", "https://api.example", httpx.MockTransport(answer))


async def fetched(answer: Callable[[httpx.Request], httpx.Response], seconds: float = 0.3) -> bytes:
    return await downloads(answer).fetch("https://cdn.example/a.png", time.monotonic() + seconds)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("127.1.2.3", False),
        ("10.0.0.1", False),
        ("172.16.9.9", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("100.100.100.200", False),
        ("192.0.0.192", False),
        ("168.63.129.16", False),
        ("198.18.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("240.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("fd12:3456::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("::ffff:93.184.216.34", True),
        ("2002:7f00:1::", False),
        ("2002:a9fe:a9fe::", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2001:db8::1", False),
        ("64:ff9b::808:808", True),
        ("64:ff9b:1::808:808", False),
        ("2002:808:808::", True),
        ("2001:0:4136:e378::1", False),
        ("fec0::1", False),
        ("3fff::1", False),
        ("::127.0.0.1", False),
        ("not an address", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    """Private, shared, link-local, mapped and embedded addresses are not."""
    assert is_public(address) is public


class Wire(httpx.AsyncBaseTransport):
    """Keeps what would have been connected to."""

    def __init__(self) -> None:
        self.seen: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return httpx.Response(200, content=GOOD)


def checked(*addresses: str, wire: Wire | None = None) -> tuple[CheckedTransport, Wire, list[str]]:
    """A transport whose name server answers with `addresses`."""
    asked: list[str] = []

    async def lookup(host: str, port: int) -> list[str]:
        asked.append(host)
        return list(addresses)

    wire = wire or Wire()
    return CheckedTransport(httpx.URL("http://127.0.0.1:8900"), lookup, lambda: wire), wire, asked


async def get(transport: CheckedTransport, url: str) -> None:
    async with httpx.AsyncClient(transport=transport) as client:
        await client.get(url)


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """A second answer of the name server changes nothing; host name and certificate stay."""
    transport, wire, asked = checked("93.184.216.34")
    await get(transport, "https://cdn.example/a.png")
    request = wire.seen[0]
    assert str(request.url) == "https://93.184.216.34/a.png"
    assert request.headers["host"] == "cdn.example"
    assert request.extensions["sni_hostname"] == "cdn.example"
    assert asked == ["cdn.example"]


async def test_each_checked_address_is_tried_in_turn() -> None:
    """A machine without IPv6 still reaches a host whose first address is one."""

    class FirstDown(Wire):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await super().handle_async_request(request)
            if ":" in request.url.host:
                raise httpx.ConnectError("unreachable")
            return answer

    transport, wire, asked = checked("2606:4700::1", "93.184.216.34", wire=FirstDown())
    wish = httpx.Request("GET", "https://cdn.example/a.png")
    answer = await transport.handle_async_request(wish)
    assert (answer.status_code, wish.url.host) == (200, "93.184.216.34")
    assert [len(asked), len(wire.seen)] == [1, 2]
    transport, _, _ = checked("2606:4700::1", wire=FirstDown())
    with pytest.raises(httpx.ConnectError):
        await get(transport, "https://cdn.example/a.png")


@pytest.mark.parametrize("url", ["https://CDN.example.:8443/a?b=%2F", "https://bücher.example/a"])
async def test_host_and_certificate_name_stay_what_the_address_said(url: str) -> None:
    """Only the connection is pinned; port, path and query are untouched."""
    transport, wire, asked = checked("93.184.216.34")
    await get(transport, url)
    [request] = wire.seen
    wished = httpx.URL(url)
    name = wished.raw_host.decode().rstrip(".")
    assert asked == [name] == [request.extensions["sni_hostname"]]
    assert request.headers["host"].startswith(name)
    assert request.url == wished.copy_with(host="93.184.216.34")


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example"])
async def test_what_cannot_be_a_name_is_refused(host: str) -> None:
    """The name server is not even asked, and nothing foreign escapes."""
    place = Downloads("Shop", "https://api.example", None)
    with pytest.raises(BackendError):
        await place.fetch(f"http://{host}/a.png", time.monotonic() + 0.1)
    await place.aclose()


async def test_a_redirect_into_the_private_network_is_refused() -> None:
    """Each hop is checked like the first, whatever the name server says later."""
    answers = {"cdn.example": ["93.184.216.34"], "inside.example": ["169.254.169.254"]}

    async def lookup(host: str, port: int) -> list[str]:
        return answers[host]

    seen: list[str] = []

    class Redirecting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            seen.append(request.url.host)
            return httpx.Response(302, headers={"location": "http://inside.example/meta-data"})

    transport = CheckedTransport(httpx.URL("https://api.example"), lookup, Redirecting)
    place = Downloads("Shop", "https://api.example", transport)
    with pytest.raises(ForbiddenAddressError) as caught:
        await place.fetch("https://cdn.example/a.png", time.monotonic() + 5)
    assert seen == ["93.184.216.34"]
    assert caught.value.charged == "yes"


@pytest.mark.parametrize(
    "addresses",
    [["10.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:10.0.0.1"], ["100.64.0.1"], []],
)
async def test_one_address_that_is_not_public_is_enough_to_refuse(addresses: list[str]) -> None:
    """Every address the name has must be public; nothing is connected to."""
    transport, wire, _ = checked(*addresses)
    with pytest.raises(ForbiddenAddressError):
        await get(transport, "https://cdn.example/a.png")
    assert wire.seen == []


async def test_the_services_own_host_is_the_one_exception() -> None:
    """A service on this machine may name itself, on its own port only."""
    transport, wire, _ = checked("127.0.0.1")
    await get(transport, "http://127.0.0.1:8900/a.png")
    assert len(wire.seen) == 1
    for url in ("http://127.0.0.1:8901/a", "http://127.0.0.1/a", "http://localhost:8900/a"):
        with pytest.raises(ForbiddenAddressError):
            await get(transport, url)
    assert len(wire.seen) == 1


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f.1", "017700000001", "127.1", "localhost.", "[::1]", "[::ffff:7f00:1]"],
)
async def test_disguised_loopback_is_seen_through(host: str) -> None:
    """However the host is written, what it resolves to decides."""
    transport = CheckedTransport(httpx.URL("https://api.example"))
    with pytest.raises((ForbiddenAddressError, BackendError, OSError)):
        await get(transport, f"http://{host}:1/")
    await transport.aclose()


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "http://[broken",
        "http://a\x00b/",
        "data:image/png;base64,AAAA",
        "ftp://cdn.example/a",
        "https://user:pass@cdn.example/a",
        "//",
        "",
        "https://",
        "gopher://x",
        "http://[::1",
    ],
)
async def test_only_plain_web_addresses_are_fetched(target: str) -> None:
    """Other schemes and embedded credentials are refused, also as a redirect."""
    place = downloads(lambda _request: httpx.Response(200, content=GOOD))
    with pytest.raises(ForbiddenAddressError):
        await place.fetch(target, time.monotonic() + 0.2)
    if target:
        with pytest.raises(BackendError):
            await fetched(lambda _request: httpx.Response(302, headers={"location": target}))


async def test_redirects_are_followed_a_little() -> None:
    """Three hops are enough for anybody; a circle ends."""

    def hops(request: httpx.Request) -> httpx.Response:
        left = int(request.url.params.get("left", "3"))
        if left == 0:
            return httpx.Response(200, content=GOOD)
        return httpx.Response(302, headers={"location": f"/a.png?left={left - 1}"})

    assert await fetched(hops) == GOOD
    with pytest.raises(BadResponseError, match="circles"):
        await fetched(lambda _request: httpx.Response(302, headers={"location": "/a.png"}))


@pytest.mark.parametrize(
    "first",
    [
        httpx.Response(404),
        httpx.Response(500),
        httpx.Response(200, content=b""),
        httpx.Response(200, content=GOOD[:40]),
        httpx.Response(200, text="<html>captive portal</html>"),
    ],
)
async def test_a_download_that_fails_once_is_tried_again(first: httpx.Response) -> None:
    """The image was paid for: a bad moment of the network does not lose it."""
    answers = [first, httpx.Response(200, content=GOOD)]
    assert await fetched(lambda _request: answers.pop(0), seconds=10) == GOOD


@pytest.mark.slow
@pytest.mark.parametrize("status", [429, 503])
async def test_a_download_comes_back_when_it_was_told_to(status: int) -> None:
    """Not before, and not at all where that is past the deadline."""
    moments: list[float] = []

    def answer(_request: httpx.Request) -> httpx.Response:
        moments.append(time.monotonic())
        if len(moments) == 1:
            return httpx.Response(status, headers={"retry-after": "0.7"})
        return httpx.Response(200, content=GOOD)

    assert await fetched(answer, seconds=10) == GOOD
    assert moments[1] - moments[0] >= 0.69
    later = httpx.Response(status, headers={"retry-after": "30"})
    begun = time.monotonic()
    with pytest.raises(UnavailableError):
        await fetched(lambda _request: later, seconds=10)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(200, content=b"<svg xmlns='x'/>"), BadResponseError),
        (httpx.Response(200, headers={"content-length": "10000000000"}), BadResponseError),
        (httpx.Response(200, headers={"content-encoding": "br"}, content=b""), BadResponseError),
        (httpx.Response(200, headers={"content-encoding": "gzip"}, content=b""), BadResponseError),
        (httpx.Response(403), ExpiredError),
        (httpx.Response(410), ExpiredError),
        (httpx.Response(503), UnavailableError),
    ],
)
async def test_what_is_no_picture_is_not_believed(
    answer: httpx.Response, kind: type[BackendError]
) -> None:
    """Too large, packed, refused, or something else altogether."""
    with pytest.raises(kind):
        await fetched(lambda _request: answer)


@pytest.mark.parametrize("length", ["abc", "-1", "\u0663", "", "1e3"])
async def test_a_length_that_is_no_number_is_ignored(length: str) -> None:
    """The cap on what is read holds without it."""
    head = [(b"content-length", length.encode())]
    stream = httpx.ByteStream(GOOD)
    answer = httpx.Response(200, headers=head, stream=stream)
    assert await fetched(lambda _request: answer) == GOOD


async def test_an_unpacked_body_may_say_so() -> None:
    """`identity` is no packing."""
    head = {"content-encoding": "identity"}
    assert await fetched(lambda _request: httpx.Response(200, headers=head, content=GOOD)) == GOOD


@pytest.mark.slow
async def test_a_file_that_stays_no_picture_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A few tries, not one every few seconds for ten minutes."""
    monkeypatch.setattr("random.random", lambda: 0.05)
    tries: list[int] = []

    def answer(_request: httpx.Request) -> httpx.Response:
        tries.append(1)
        return httpx.Response(200, text="<html>sign in</html>")

    with pytest.raises(BadResponseError):
        await fetched(answer, seconds=60)
    assert len(tries) == 6


@pytest.mark.parametrize("how", ["{}", "data:image/png;base64,{}", "{} \n"])
async def test_base64_is_unpacked_however_it_is_written(how: str) -> None:
    """Bare, as a data URI, or with white space in it."""
    text = base64.b64encode(GOOD).decode()
    assert await unpacked("Shop", how.format(text[:40] + "\n" + text[40:])) == GOOD


@pytest.mark.parametrize("text", ["", "%%%", "QUJD", "a" * 5, "ünicode"])
async def test_base64_that_is_no_picture_is_refused(text: str) -> None:
    """By the same check as every file."""
    with pytest.raises(BadResponseError):
        await unpacked("Shop", text)


async def test_an_endless_body_is_cut() -> None:
    """A stream without end stops at the cap instead of filling the memory."""
    sent = 0

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]
            nonlocal sent
            while True:
                sent += 1_000_000
                yield b"\xff" * 1_000_000

    with pytest.raises(BadResponseError, match="too large"):
        await fetched(lambda _request: httpx.Response(200, stream=Endless()))
    assert sent <= 42_000_000 * 6


async def test_no_credentials_leave_with_a_download() -> None:
    """Neither a key nor cookies go to where images lie."""
    seen: list[httpx.Headers] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        return httpx.Response(200, content=GOOD, headers={"set-cookie": "a=b"})

    await fetched(answer)
    await asyncio.sleep(0)
    assert all("authorization" not in head and "cookie" not in head for head in seen)
    assert seen[0]["accept-encoding"] == "identity"
