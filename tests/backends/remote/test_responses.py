"""Properties of what services answer: any JSON, any bytes, any words, any address."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed (requirements-dev.txt)")

import httpx
from hypothesis import given
from hypothesis import strategies as st

from backends.remote.public_addresses import ForbiddenAddressError, allowed, is_public
from backends.remote.refusals import refusal
from backends.remote.responses import Answer, clip, parse, retry_after
from backends.wavespeed.predictions import Prediction, accepted, failure, outcome
from core.errors import BackendError
from core.events import Finished
from tests.backends.services import ANSWER, events, siraya

NAMES = st.sampled_from(
    "data id status outputs error code message detail msg x timings inference has_nsfw_contents "
    "b64_json url type urls upload download_url headers".split()
)
WORDS = st.sampled_from(
    [
        "completed",
        "failed",
        "created",
        "a/../b",
        "https://cdn.example/a.png",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "http://[",
        "content_policy_violation",
        "<script>x</script>",
        "nsfw",
        "402",
        "1200",
        "-1",
        "Infinity",
        "\ud800",
    ]
)
LEAF = (
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=12)
) | st.sampled_from([200, 400, 401, 402, 429, 500, 1200, 1400, 5000])
BODY = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)
STATUS = st.sampled_from([200, 201, 302, 303, 400, 401, 403, 404, 408, 413, 422, 429, 500, 504])


def told(error: BackendError) -> None:
    """What every error has: a sentence without markup, and the truth about money."""
    said = f"{error} {error.advice}"
    assert str(error)
    assert not set("<>") & set(said)
    assert error.charged in ("no", "yes", "maybe")
    said.encode("utf-8", "surrogatepass")


@given(body=BODY, status=STATUS)
def test_any_answer_of_wavespeed_is_a_task_or_an_error_of_ours(body: Any, status: int) -> None:
    """To a submit, to a request that is free, and as the end of a task."""
    answer = Answer(status, body)
    try:
        task = accepted("Shop", answer)
        assert isinstance(task, Prediction)
        assert task.id
        told(failure("Shop", task))
    except BackendError as error:
        told(error)
    try:
        assert isinstance(outcome("Shop", answer), dict)
    except BackendError as error:
        told(error)
        assert error.charged == "no"
    told(refusal("Shop", answer))


class Fetching:
    """Stands for downloads: addresses are checked, and what is fetched is an image."""

    async def fetch(self, url: str, deadline: float) -> bytes:
        allowed(url)
        return ANSWER


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.run_until_complete(made.shutdown_default_executor())
    made.close()


@given(body=BODY | st.builds(lambda one: {"data": [one]}, BODY), status=STATUS)
def test_any_answer_of_siraya_is_a_picture_or_an_error_of_ours(
    loop: asyncio.AbstractEventLoop, body: Any, status: int
) -> None:
    """Inside it, at an address, or not at all."""
    backend = siraya(httpx.MockTransport(lambda _request: httpx.Response(404)))
    backend._downloads = Fetching()  # type: ignore[assignment]
    try:
        found = loop.run_until_complete(events(backend._delivered(Answer(status, body))))
        assert found[-1] == Finished(ANSWER)
    except BackendError as error:
        told(error)


@given(
    data=st.binary(max_size=100)
    | st.builds(lambda body, cut: json.dumps(body).encode()[:cut], BODY, st.integers(0, 200)),
    status=STATUS,
)
def test_any_bytes_are_read_or_are_nothing(data: bytes, status: int) -> None:
    """Cut JSON, other encodings, noise: never more than an answer without words."""
    answer = Answer(status, parse(data))
    assert len(answer.text) <= 200
    told(refusal("Shop", answer))


@given(
    text=st.text(st.characters(codec=None)) | st.lists(WORDS | st.text("<>&/ab\"'=")).map("".join)
)
def test_any_words_are_plain_afterwards(text: str) -> None:
    """No tag, no control character, one line of a length that fits the page."""
    said = clip(text)
    assert len(said) <= 200
    assert not set("<>") & set(said)
    assert not any(
        unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") for letter in said
    )


@given(value=st.text() | st.floats().map(str) | st.datetimes().map(str))
def test_any_wish_to_wait_is_a_few_seconds_or_none(value: str) -> None:
    """Nobody is sent away for days, or back in time."""
    wait = retry_after({"retry-after": value})
    assert wait is None or 0 <= wait <= 3_600


URLS = st.text(max_size=30) | st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["http://", "https:", "HTTP:////", "file://", "//", "\\\\", "http:\x00//"]),
    st.text("a1.:@[]%\\/#?\x00é０", max_size=12),
    st.sampled_from(["", ":0", ":99999999", "@127.0.0.1", "%2f@x", "。1"]),
    st.text(max_size=6),
)


@given(url=URLS)
def test_any_address_is_a_plain_one_or_refused(url: str) -> None:
    """Two programs must not read two hosts in it: what is taken has a host and no user."""
    try:
        place = allowed(url)
    except ForbiddenAddressError as error:
        told(error)
        return
    assert place.scheme in ("http", "https")
    assert place.host
    assert not place.userinfo
    assert b"%" not in place.raw_host


@given(number=st.integers(0, 2**32 - 1))
def test_no_wrapping_makes_a_private_address_public(number: int) -> None:
    """An IPv4 address inside an IPv6 one is judged as itself."""
    inner = ipaddress.IPv4Address(number)
    public = is_public(str(inner))
    assert not (public and inner.is_private)
    for wrapped in (
        (0xFFFF << 32) + number,
        (0x64FF9B << 96) + number,
        (0x2002 << 112) + (number << 80),
    ):
        assert is_public(str(ipaddress.IPv6Address(wrapped))) <= public
