"""A hostile client against the running program: addresses, bombs, files, other people's things."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client

from tests.core.pictures.picture_samples import encoded
from tests.end_to_end.program import Playground

pytestmark = pytest.mark.slow

META = {"_type": "gradio.FileData"}
SCRIPT = b"<script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>"
"""What the history shows, as a browser sends it."""


class Lure(ThreadingHTTPServer):
    """A server in the private network that counts who comes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Visitors)
        self.hits: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Visitors(BaseHTTPRequestHandler):
    """Answers every visit with an image."""

    def do_GET(self) -> None:
        self.server.hits.append(self.path)  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(encoded())

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(scope="module")
def lure() -> Iterator[Lure]:
    server = Lure()
    yield server
    server.shutdown()
    server.server_close()


def refusal(playground: Playground, endpoint: str, arguments: dict[str, Any]) -> str:
    """Return the sentence a call ends with."""
    calls = f"{playground.address}/gradio_api/call"
    body = json.dumps(arguments)  # escapes what no encoding carries
    kind = {"Content-Type": "application/json"}
    begun = httpx.post(f"{calls}/v2/{endpoint}", content=body, headers=kind).raise_for_status()
    answer = httpx.get(f"{calls}/{endpoint}/{begun.json()['event_id']}").text
    assert answer.startswith("event: error\n"), answer
    return str(json.loads(answer.partition("data: ")[2])["error"])


SHAPES = {
    "path": lambda url: {"path": url},
    "path and meta": lambda url: {"path": url, "meta": META},
    "address": lambda url: {"url": url},
    "address and meta": lambda url: {"url": url, "path": url, "meta": META},
    "address beside no path": lambda url: {"url": url, "path": None, "meta": META},
    "text": lambda url: url,
}
HOSTS = ("127.0.0.1", "[::ffff:127.0.0.1]", "2130706433")


@pytest.mark.parametrize("shape", SHAPES)
def test_an_address_for_a_picture_is_refused_and_nobody_is_visited(
    playground: Playground, lure: Lure, shape: str
) -> None:
    """However it is wrapped, whatever the host is called: one sentence, no connection."""
    urls = [f"http://{host}:{lure.server_port}/a.png" for host in HOSTS]
    urls += ["http://169.254.169.254/latest", "http://example.com/a.png", "file:///etc/passwd"]
    wish = {"task": "image-to-image", "backend": "", "params": {"prompt": "x"}}
    for number, url in enumerate(urls):
        given = {"image": SHAPES[shape](url)}
        if number % 2:
            said = refusal(playground, "submit", wish | given)
        else:
            said = refusal(playground, "image_to_image", {"prompt": "x"} | given)
        no_web = "no longer there" if not url.startswith("http") else "are not fetched here"
        assert "are not fetched here" in said or no_web in said, (url, said)
    assert lure.hits == []


@pytest.mark.parametrize("place", ["prompt", "params", "state", "id"])
def test_an_address_hidden_elsewhere_is_not_fetched_either(
    playground: Playground, lure: Lure, place: str
) -> None:
    """Gradio looks for files in every argument, and would fetch what it takes for one."""
    hidden = {"path": f"http://127.0.0.1:{lure.server_port}/b.png", "meta": META}
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "prompt": ("text_to_image", {"prompt": hidden}),
        "params": ("submit", {"task": "x", "backend": "", "params": {"a": [hidden]}}),
        "state": ("jobs", {"state": hidden}),
        "id": ("job", {"id": [hidden]}),
    }
    assert "not fetched here" in refusal(playground, *calls[place])
    assert lure.hits == []


@pytest.mark.slow
def test_the_file_route_fetches_nothing_for_anybody(playground: Playground, lure: Lure) -> None:
    """Neither private nor public addresses: this program is nobody's proxy."""
    for route in ("file=", "file%3D", "proxy="):
        for url in (f"http://127.0.0.1:{lure.server_port}/", "https://example.com/"):
            answer = httpx.get(f"{playground.address}/gradio_api/{route}{url}")
            assert answer.status_code in (403, 404)
    assert lure.hits == []


@pytest.mark.parametrize(
    "path",
    [
        "/etc/hostname",
        "{data}/playground.db",
        "",
        "\0",
        "../" * 40 + "etc/hostname",
        "x" * 5000,
        "../" * 300_000,
    ],
)
@pytest.mark.parametrize("meta", [{}, {"meta": META}], ids=["plain", "file"])
def test_a_picture_argument_opens_no_file_of_ours(
    playground: Playground, path: str, meta: dict[str, Any]
) -> None:
    """Only what was uploaded is read; a name no file can have is a sentence too."""
    given = {"path": path.format(data=playground.data)} | meta
    said = refusal(playground, "image_to_image", {"image": given, "prompt": "a boat"})
    assert "no longer there" in said or "There is no image" in said


@pytest.mark.slow
def test_an_upload_is_found_by_its_own_address(playground: Playground, client: Client) -> None:
    """What a program was handed out it may hand in again: it is ours, so nothing is fetched."""
    files = {"files": ("in.png", encoded())}
    (path,) = httpx.post(playground.address + "/gradio_api/upload", files=files).json()
    url = f"{playground.address}/gradio_api/file={path}"
    picture = {"path": url, "meta": META}
    _, info = client.predict(picture, "a boat", api_name="/image_to_image")
    assert (info["width"], info["height"]) == (64, 48)


@pytest.mark.parametrize(
    "route", ["call/text_to_image", "call/v2/text_to_image", "run/history", "queue/join", "mcp/"]
)
@pytest.mark.parametrize("depth", [900, 100_000])
def test_json_thousands_of_levels_deep_is_the_callers_fault(
    playground: Playground, route: str, depth: int
) -> None:
    """A sentence and a status that blames the request, on every way in."""
    body = '{"data":' + "[" * depth + "]" * depth + "}"
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    answer = httpx.post(f"{playground.address}/gradio_api/{route}", content=body, headers=headers)
    assert answer.status_code == 400
    assert "levels deep" in answer.json()["detail"]


def test_a_giant_data_uri_is_refused(playground: Playground) -> None:
    """JSON has a limit as uploads have, and the program answers others meanwhile."""
    body = json.dumps({"image": {"url": "data:image/png;base64," + "A" * 29_000_000}})
    route = "/gradio_api/call/v2/image_to_image"
    answer = httpx.post(playground.address + route, content=body)
    assert answer.status_code == 413
    assert "too large" in answer.json()["detail"]


def test_a_giant_upload_leaves_nothing_on_the_disk(playground: Playground) -> None:
    """200 MB announced, and an upload without a length that never ends."""
    folder = playground.data.parent / "temp"
    before = set(folder.rglob("*"))
    upload = playground.address + "/gradio_api/upload"
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'

    def pieces() -> Iterator[bytes]:
        yield head
        for _ in range(30):
            yield bytes(1_000_000)

    form = {"Content-Type": "multipart/form-data; boundary=x"}
    assert httpx.post(upload, content=pieces(), headers=form, timeout=30).status_code == 413
    files = {"files": ("a.png", bytes(30_000_000))}
    assert httpx.post(upload, files=files, timeout=30).status_code == 413
    assert set(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.svg", SVG),
        ("a.html", SCRIPT),
        ("a.xhtml", SCRIPT),
        ("a.xml", SVG),
        ("a.js", b"alert(1)"),
        ("a.png", SCRIPT),
        ("a.png.html", SCRIPT),
        ("a", SCRIPT),
    ],
)
def test_an_upload_never_comes_back_as_a_page(
    playground: Playground, name: str, data: bytes
) -> None:
    """What could run in a browser is a download; a false image stays an image."""
    files = {"files": (name, data)}
    (path,) = httpx.post(playground.address + "/gradio_api/upload", files=files).json()
    answer = httpx.get(f"{playground.address}/gradio_api/file={path}")
    assert answer.headers["x-content-type-options"] == "nosniff"
    inline = answer.headers["content-disposition"].startswith("inline")
    assert not inline or answer.headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    "name", ["../../x.png", "x" * 300 + ".png", "a\0b.png", "CON", "..", "a/b\\c.png", "‮gnp.exe"]
)
def test_an_uploads_name_stays_inside_its_folder(playground: Playground, name: str) -> None:
    """Paths, devices, letters no file system has: it is stored by its content, or refused."""
    files = {"files": (name, encoded())}
    answer = httpx.post(playground.address + "/gradio_api/upload", files=files)
    assert answer.status_code in (200, 400)
    folder = (playground.data.parent / "temp").resolve()
    for path in answer.json() if answer.status_code == 200 else []:
        assert Path(path).resolve().parent.parent == folder


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file={data}/playground.db",
        "/gradio_api/file%3D{data}%2Fplayground.db",
        "/gradio_api/file={data}%2fplayground.db",
        "/gradio_api/file={temp}/..%2fdata/playground.db",
        "/gradio_api/file={temp}/../data/playground.db",
        "/gradio_api/file={data}/./images/../playground.db",
        "/gradio_api/file/{data}/playground.db",
        "/gradio_api/file=data/playground.db",
        "/file={data}/playground.db",
        "/media/..%2f..%2fplayground.db/file/x/x",
        "/media/%2e%2e/%2e%2e/playground.db/x",
        "/media/x/..%2f..%2f..%2fetc%2fpasswd/x/x",
        "/media/x/file/%00/x",
        "/static/..%2f..%2f..%2fapp.py",
        "/assets/..%2f..%2f..%2fapp.py",
        "/svelte/..%2f..%2fapp.py",
        "/gradio_api/stream/../../data",
        "/gradio_api/custom_component/x/client/..%2f../app.py",
    ],
)
def test_no_path_trick_reaches_the_data(playground: Playground, path: str) -> None:
    """Encoded slashes, dots and roots: nothing of the data folder, nothing of the program."""
    folders = {"data": str(playground.data), "temp": str(playground.data.parent / "temp")}
    asked = httpx.URL(playground.address).copy_with(raw_path=path.format(**folders).encode())
    answer = httpx.get(asked)
    assert answer.status_code in (403, 404, 422), answer.text[:200]
    assert b"SQLite format" not in answer.content


@pytest.mark.parametrize(
    "prompt",
    ["x" * 100_000, "a\0b", "a\x1b[2Jb", "\ud83e alone", "\ud800", " ", "\u200b" * 5000],
    ids="long nul escape surrogate surrogate-alone blank invisible".split(),
)
def test_a_prompt_that_cannot_be_sent_is_a_sentence(playground: Playground, prompt: str) -> None:
    """Before any request leaves; and the jobs of others go on."""
    said = refusal(playground, "text_to_image", {"prompt": prompt})
    assert said.startswith("The prompt ")


@pytest.mark.slow
@pytest.mark.parametrize(
    "prompt", ["\u202egnp.exe \u05d0\u05d1", "=cmd|' /C calc'!A0", "${7*7}{{7*7}}"]
)
def test_a_strange_prompt_is_kept_letter_by_letter(playground: Playground, prompt: str) -> None:
    """Right to left, formulas, templates: words, and found again as they were."""
    client = Visitor(playground, "7" * 32)
    _, info = client.call("text_to_image", prompt=prompt, width=256, height=256)
    assert info["prompt"] == prompt
    assert client.call("history", query=prompt)[0][0]["id"] == info["id"]


@pytest.mark.slow
def test_a_picture_whose_file_is_gone_is_missing_and_not_an_error(playground: Playground) -> None:
    """Somebody tidied the folder: a plain 404, and the history still lists the rest."""
    client = Visitor(playground, "8" * 32)
    wish = {"prompt": "a fleeting thing", "width": 256, "height": 256}
    _, info = client.call("text_to_image", **wish)
    for file in playground.data.rglob(Path(info["file"]).name):
        file.unlink()
    assert httpx.get(playground.address + info["file"]).status_code == 404
    assert client.call("history")[0][0]["id"] == info["id"]


class Visitor:
    """Somebody who comes through a proxy and is known by a token."""

    def __init__(self, playground: Playground, token: str) -> None:
        headers = {"X-Forwarded-For": "198.51.100.1", "X-SRPO-Token": token}
        self._base = f"{playground.address}/gradio_api/call"
        self._client = httpx.Client(headers=headers, timeout=30)

    def call(self, endpoint: str, **arguments: Any) -> Any:
        begun = self._client.post(f"{self._base}/v2/{endpoint}", json=arguments)
        lines = self._client.get(f"{self._base}/{endpoint}/{begun.json()['event_id']}").text
        return json.loads(lines.strip().rpartition("data: ")[2])

    def event(self, name: str, *values: Any) -> str:
        """Run an event of the page by its private name."""
        begun = self._client.post(f"{self._base}/{name}", json={"data": list(values)})
        return self._client.get(f"{self._base}/{name}/{begun.json()['event_id']}").text


@pytest.mark.slow
def test_one_visitor_meets_nothing_of_another(playground: Playground) -> None:
    """By list, id, search, cancel and the page's own events, also with the other's entry id."""
    ann, bob = Visitor(playground, "a" * 32), Visitor(playground, "b" * 32)
    wish = {"prompt": "a lonely heron", "width": 256, "height": 256}
    _, info = ann.call("text_to_image", **wish)
    (job,) = ann.call("jobs")[0]
    assert bob.call("jobs") == [[]]
    assert bob.call("history", query="heron") == [[]]
    assert bob.call("history", before=info["id"]) == [[]]
    for endpoint in ("job", "cancel"):
        assert "no such job" in bob.call(endpoint, id=job["id"])["error"]
    for event, values in (
        ("delete", ([info["id"]],)),
        ("star", (info["id"], True)),
        ("use_all", ("", info["id"])),
        ("use_prompt", ("", info["id"])),
        ("send_chosen", ("", info["id"])),
    ):
        said = bob.event(event, *values)
        assert said.startswith("event: error"), said
        assert "heron" not in said
    assert ann.event("use_prompt", "", info["id"]).startswith("event: complete")
    assert ann.event("star", info["id"], True).startswith("event: complete")
    (entry,) = ann.call("history", starred=True)[0]
    assert entry["id"] == info["id"]


@pytest.mark.slow
def test_every_page_says_who_may_frame_it(playground: Playground) -> None:
    """Also on errors, on Gradio's own files, and on images."""
    for path in ("/", "/config", "/gradio_api/info", "/media/x/y/z/w", "/nowhere", "/theme.css"):
        headers = httpx.get(playground.address + path).headers
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert headers["referrer-policy"] == "same-origin"
