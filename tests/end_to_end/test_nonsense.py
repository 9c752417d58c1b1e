"""Requests that mean nothing get a short answer; the log stays as it is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.end_to_end.program import Playground

ODD = "%00 %FF %C3%A9 %0A ..%2f..%2fetc%2fpasswd %E2%80%A8 %7B%7D %F0%9F%A6%8A '%22".split()
ODD.append("a" * 3000)
SOME = ODD if "EVERY_TEST" in os.environ else ODD[::4]
ASKED = (
    "/?page={}",
    "/?deep_link={}",
    "/config?page={}",
    "/gradio_api/info?page={}",
    "/static/{}",
    "/assets/{}",
    "/pwa_icon/{}",
    "/gradio_api/file={}",
    "/gradio_api/call/history/{}",
    "/gradio_api/call/v2/nobody/{}",
    "/gradio_api/queue/data?session_hash={}",
    "/gradio_api/mcp/?tools={}",
    "/media/{}/file/x/y",
    "/media/x/{}/x/y",
    "/media/x/file/{}/y",
    "/{}",
)
CALLED = (
    "queue/join",
    "run/history",
    "run/nobody",
    "api/predict/",
    "call/history",
    "call/nobody",
    "call/v2/history",
    "call/v2/nobody",
    "call/v2/text_to_image",
    "cancel",
    "reset",
    "upload",
    "component_server/",
)
BODIES = (
    b"",
    b"null",
    b'{"data": {}}',
    b'{"data": []}',
    b'{"data": [], "fn_index": -1}',
    b'{"data": [], "fn_index": 99999, "session_hash": "x"}',
    b'{"data": [], "fn_index": 1e400}',
    b'{"data": ["\\ud800"]}',
    b'{"nobody": [1]}',
    b"\x80{",
)
FORM = "multipart/form-data; boundary=x"
NO_FILE = b'--x\r\nContent-Disposition: form-data; name="files"\r\n\r\nabc\r\n--x--\r\n'


@pytest.fixture
def http(playground: Playground) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=playground.address, timeout=20) as client:
        yield client


@pytest.mark.slow
def test_nonsense_writes_no_traceback(playground: Playground, http: httpx.Client) -> None:
    """Neither in addresses nor in bodies: whoever fills the log fills the disk."""
    before = len(playground.output)
    answers: list[int] = []
    for path in ASKED:
        answers += [http.get(path.replace("{}", odd)).status_code for odd in SOME]
    for endpoint in CALLED:
        for body in BODIES:
            kind = {"Content-Type": "application/json"}
            answer = http.post(f"/gradio_api/{endpoint}", content=body, headers=kind)
            answers.append(answer.status_code)
            if answer.status_code == 500:
                assert answer.json()["error"].endswith("."), (endpoint, body)
    form = {"Content-Type": FORM}
    assert http.post("/gradio_api/upload", content=NO_FILE, headers=form).status_code == 400
    http.get("/healthz")
    written = playground.output[before:]
    assert "Traceback" not in written
    assert "passwd" not in written
    assert len(written) < 200 * len(answers)


def test_a_call_that_lacks_values_says_so(http: httpx.Client) -> None:
    """What came is counted, not repeated."""
    answer = http.post("/gradio_api/run/submit", json={"data": ["secret"]})
    assert answer.json()["error"] == "Values are missing: 1 of 5 came."


def test_streams_that_nobody_opened_end_at_once(http: httpx.Client) -> None:
    """The page learns that its session is gone; a script, that there is no such call."""
    opened = http.get("/gradio_api/queue/data", params={"session_hash": "nobody"})
    assert message(opened.text)["session_not_found"] is True
    asked = http.get("/gradio_api/call/history/nobody")
    assert asked.text.startswith("event: error\n")


def test_a_stream_that_was_opened_goes_on(http: httpx.Client) -> None:
    """Of the page by its session, of a caller by its call, also when it is already done."""
    api = http.get("/config").json()["dependencies"]
    (number,) = [one["id"] for one in api if one["api_name"] == "jobs"]
    event = {"data": [""], "fn_index": number, "session_hash": "nonsense1"}
    assert http.post("/gradio_api/queue/join", json=event).status_code == 200
    stream = http.get("/gradio_api/queue/data", params={"session_hash": "nonsense1"})
    assert "process_completed" in stream.text
    call = http.post("/gradio_api/call/jobs", json={"data": [""]}).json()["event_id"]
    assert http.get(f"/gradio_api/call/jobs/{call}").text.startswith("event: complete\n")


@pytest.mark.parametrize("odd", SOME)
def test_an_odd_address_is_no_picture(http: httpx.Client, odd: str) -> None:
    """Whatever part is odd: never an error of the server."""
    parts = ["0" * 32, "file", "0" * 32, "a.png"]
    for place in range(len(parts)):
        address = "/".join([*parts[:place], odd, *parts[place + 1 :]])
        assert http.get(f"/media/{address}").status_code in (403, 404)


def message(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text.removeprefix("data: "))
    return found
