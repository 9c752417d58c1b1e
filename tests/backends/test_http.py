"""The one place where foreign errors become ours: nothing foreign escapes, nothing raw is shown."""

from __future__ import annotations

import inspect
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from backends.http import Answer, clip, retry_after, translated
from core.errors import BackendError, RunTimeoutError, UnavailableError

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
        ("<b>bold</b> <script>alert(1)</script>", "bold alert(1)"),
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
    assert [retry_after({"retry-after": v}) for v in ("soon", "", "nan")] == [None] * 3


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
    ],
)
def test_the_sentence_is_found_in_any_shape(body: object, said: str) -> None:
    """Error bodies come in many forms; one sentence comes out."""
    assert Answer(400, body).text == said
