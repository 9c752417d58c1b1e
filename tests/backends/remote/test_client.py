"""The one place where foreign errors become ours: nothing foreign escapes, nothing raw is shown."""

from __future__ import annotations

import asyncio
import base64
import inspect
import ssl
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from backends.remote.client import Api, Backoff, translated
from backends.remote.responses import Answer, clip, parse, retry_after
from core.errors import BackendError, BadResponseError, RunTimeoutError, UnavailableError

REQUEST = httpx.Request("GET", "https://api.example/x")


def foreign() -> list[Exception]:
    """Every exception httpx has, made as it makes them, and those below it."""
    found: list[Exception] = [TimeoutError(), ssl.SSLError("bad"), ConnectionResetError()]
    for _, kind in inspect.getmembers(httpx, inspect.isclass):
        if not issubclass(kind, Exception):
            continue
        names = inspect.signature(kind.__init__).parameters
        if "response" in names:
            error = kind("x", request=REQUEST, response=httpx.Response(500, request=REQUEST))
        elif "message" in names:
            error = kind("x")
        else:
            error = kind()
        found.append(error)
    return [*found, RuntimeError("Cannot send a request, as the client has been closed.")]


@pytest.mark.parametrize("error", foreign(), ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("costly", [True, False])
def test_every_foreign_error_becomes_ours(error: Exception, costly: bool) -> None:
    """With a sentence, with advice, with the truth about money, and with its cause."""
    with pytest.raises(UnavailableError) as caught, translated("Shop", costly=costly):
        raise error
    assert caught.value.__cause__ is error
    assert str(caught.value).startswith(("Shop", "The connection to Shop"))
    assert caught.value.advice
    assert costly or caught.value.charged == "no"


def test_a_connection_that_was_never_made_costs_nothing() -> None:
    """And one that broke after the send may have."""
    for error, charged in (
        (httpx.ConnectError("x"), "no"),
        (httpx.ConnectTimeout("x"), "no"),
        (httpx.ReadTimeout("x"), "maybe"),
        (httpx.RemoteProtocolError("x"), "maybe"),
        (httpx.WriteError("x"), "maybe"),
    ):
        with pytest.raises(BackendError) as caught, translated("Shop", costly=True):
            raise error
        assert caught.value.charged == charged


def test_our_own_errors_pass_unchanged() -> None:
    """What is already ours keeps its kind, although it is a TimeoutError too."""
    own = RunTimeoutError("late", request_id="r", charged="yes")
    with pytest.raises(RunTimeoutError) as caught, translated("Shop", costly=True):
        raise own
    assert caught.value is own


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words", "plain words"),
        ("<b>bold</b> <script>alert(1)</script>", "bold"),
        ("unclosed <img src=x onerror=y", "unclosed img src=x onerror=y"),
        ("a\x00b\x1b[31m\u202ec\nd", "a b [31m c d"),
        ("key sk-abcdefgh12345678 in it", "key [key] in it"),
        ("Authorization: Bearer abc.def", "Authorization: [key]"),
        ("", ""),
    ],
)
def test_a_services_words_are_made_safe(text: str, shown: str) -> None:
    """No markup, no control characters, no keys."""
    assert clip(text) == shown


def test_long_words_are_cut() -> None:
    """A page of text becomes a line."""
    assert len(clip("word " * 10_000)) == 200


KEY = "0123456789abcdef0123456789abcdef"


def quoting(request: httpx.Request) -> httpx.Response:
    """A service that quotes the key it does not like."""
    key = request.headers["authorization"].partition(" ")[2]
    return httpx.Response(401, json={"message": f"invalid key {key}", "data": {"id": key}})


@pytest.mark.anyio
async def test_a_key_that_a_service_quotes_is_not_repeated() -> None:
    """Keys look like anything; ours is known, so it is taken out of every answer."""
    api = Api("Shop", "https://api.example", KEY, httpx.MockTransport(quoting))
    for answer in (await api.post_once("/x", {}), await api.ask("GET", "/x")):
        assert KEY not in repr(answer)
        assert answer.text == "invalid key [key]"


@pytest.mark.anyio
async def test_a_password_of_the_address_that_a_gateway_quotes_is_not_repeated() -> None:
    """It arrives there as base64, and what the gateway says of it is shown to people."""
    base = "https://me:p%40ss-of-the-gate@api.example"
    api = Api("Shop", base, None, httpx.MockTransport(quoting))
    for answer in (await api.post_once("/x", {}), await api.ask("GET", "/x")):
        assert base64.b64encode(b"me:p@ss-of-the-gate").decode()[8:-4] not in repr(answer)
        assert answer.text.startswith("invalid key ") and "[key]" in answer.text


@pytest.mark.anyio
@pytest.mark.parametrize("key", ["schlüssel-1234", "two words", "line\nbreak", "", " ", "a\x00b"])
async def test_a_key_that_cannot_be_a_header_is_said_before_anything_is_sent(key: str) -> None:
    """Not a crash at the start, and never the key in an error of the HTTP library."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(401)

    api = Api("Shop", "https://api.example", key, httpx.MockTransport(answer))
    assert "Copy it again" in api.problem
    assert (await api.post_once("/x", {})).status == 401
    assert "authorization" not in seen[0].headers


@pytest.mark.anyio
async def test_white_space_around_a_key_does_not_matter() -> None:
    """Files and forms add line ends."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(200)

    api = Api("Shop", "https://api.example/", f" {KEY}\n", httpx.MockTransport(answer))
    await api.ask("GET", "/x")
    assert (api.problem, seen) == ("", [f"Bearer {KEY}"])


@pytest.mark.anyio
@pytest.mark.parametrize(
    "base", ["", "no scheme", "ftp://api.example", "https://[", "http://a\x00"]
)
async def test_a_base_url_that_is_none_is_our_error(base: str) -> None:
    """Nothing left, nothing was charged."""
    api = Api("Shop", base, KEY, None)
    with pytest.raises(UnavailableError) as caught:
        await api.post_once("/x", {})
    assert caught.value.charged == "no"
    assert "base URL" in caught.value.advice
    await api.aclose()


@pytest.mark.anyio
async def test_a_service_that_never_ends_its_answer_is_cut_off() -> None:
    """By time and by size; a costly request may then have been charged."""

    class Slow(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.Event().wait()

    slow = httpx.MockTransport(lambda _request: httpx.Response(200, stream=Slow()))
    with pytest.raises(UnavailableError, match="in time"):
        await Api("Shop", "https://api.example", KEY, slow).ask("GET", "/x", seconds=0.05)
    large = httpx.MockTransport(lambda _request: httpx.Response(200, content=b"x" * 2_000_000))
    with pytest.raises(BadResponseError) as caught:
        await Api("Shop", "https://api.example", KEY, large).post_once("/x", {})
    assert caught.value.charged == "maybe"


@pytest.mark.anyio
async def test_patience_never_passes_its_deadline() -> None:
    """The wish of a service to be left alone is honoured within it, however often it was asked."""
    with pytest.raises(TimeoutError):
        await Backoff(time.monotonic() + 0.05).pause(10.0)
    tired = Backoff(time.monotonic() + 5, base_s=1e-9, tries=5_000)
    await tired.pause()
    await tired.pause(0.02)
    assert tired.tries == 5_002


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [("5", 5, 5), ("0.5", 0.5, 0.5), ("-3", 0, 0), ("999999999", 3600, 3600)],
)
def test_retry_after_in_seconds(value: str, low: float, high: float) -> None:
    """Seconds are taken as they are, within reason."""
    found = retry_after({"retry-after": value})
    assert found is not None
    assert low <= found <= high


def test_retry_after_as_a_date_and_as_nonsense() -> None:
    """A date in the future is the seconds until then; nonsense is no wish."""
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    found = retry_after({"retry-after": moment})
    assert found is not None
    assert 25 <= found <= 31
    nonsense = (
        "soon",
        "",
        "nan",
        "Wed, 21 Oct 2099 07:28:00 +99999999",
        "1 Jan",
        "\x00",
        "\u0663x",
    )
    assert [retry_after({"retry-after": value}) for value in nonsense] == [None] * len(nonsense)
    assert retry_after({"retry-after": "inf"}) == 3600
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00"}) == 0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"message": "a"}, "a"),
        ({"error": "b"}, "b"),
        ({"error": {"message": "c"}}, "c"),
        ({"code": 400, "data": {"error": "d"}}, "d"),
        ({"detail": "e"}, "e"),
        (None, ""),
        ([1, 2], ""),
        ({"message": {"message": {"message": 3}}}, ""),
        (parse(b'{"error":' * 900 + b'"x"' + b"}" * 900), ""),
    ],
)
def test_the_sentence_is_found_in_any_shape(body: object, said: str) -> None:
    """Error bodies come in many forms; one sentence comes out."""
    assert Answer(400, body).text == said
