"""Somebody who asks the running program, by each way there is: page, REST, MCP, address."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

WAYS = ("page", "call", "call/v2", "run", "mcp")
"""How an endpoint can be asked for; `page` is the queue, as the page itself uses it."""
ASSISTANT = {"Accept": "application/json, text/event-stream"}
REFUSED = "refused: "
windows = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Way:
    """From where, to which address and under which name a caller comes."""

    address: str
    """The program or the proxy in front of it, without a closing slash."""
    source: str = ""
    """The caller's own network address; the usual one if empty."""
    headers: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    """The name that is asked for in the TLS handshake, with any certificate taken."""


class Transport(httpx.HTTPTransport):
    """Connects from an address of its own, and to a name that stands in no name server."""

    def __init__(self, way: Way) -> None:
        super().__init__(local_address=way.source or None, verify=not way.name)
        self._name = way.name

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self._name:
            request.extensions["sni_hostname"] = self._name
        return super().handle_request(request)


class Caller:
    """One person or program; `token` is what its browser remembers.

    An answer is text: what the server sent, whatever it was, to be searched for other people's
    things. A refusal at the door begins with `REFUSED` and its status.
    """

    def __init__(
        self,
        way: Way,
        *,
        token: str = "",
        sign_in: tuple[str, str] | None = None,
        config: dict[str, Any] | None = None,
    ) -> None:
        self.token = token
        self.way = way
        self._config = config
        self._tools: list[str] = []
        self._client = httpx.Client(
            base_url=way.address,
            headers=dict(way.headers),
            transport=Transport(way),
            timeout=60,
        )
        if sign_in:
            form = {"username": sign_in[0], "password": sign_in[1]}
            self._client.post("/login", data=form).raise_for_status()

    def close(self) -> None:
        self._client.close()

    def get(self, path: str) -> httpx.Response:
        return self._client.get(path)

    def upload(self, data: bytes, name: str = "a.png") -> dict[str, Any]:
        """Upload a file as the page does; return what stands for it in an event."""
        answer = self._client.post("/gradio_api/upload", files={"files": (name, data)})
        (path,) = answer.raise_for_status().json()
        return {"path": path, "meta": {"_type": "gradio.FileData"}}

    @property
    def config(self) -> dict[str, Any]:
        """What the page is made of."""
        if self._config is None:
            self._config = self.get("/config").raise_for_status().json()
        return self._config

    def ask(self, way: str, name: str, arguments: Mapping[str, Any]) -> str:
        """Ask an endpoint by one of `WAYS`; the arguments are in its own order."""
        values = list(arguments.values())
        if way == "page":
            return self.event(name, values)
        if way == "mcp":
            return self._rpc("tools/call", {"name": self._tool(name), "arguments": arguments})
        if way == "run":
            return self.run(name, values)
        body = {"data": values} if way == "call" else arguments
        begun = self._client.post(f"/gradio_api/{way}/{name}", json=body)
        if begun.status_code != 200:
            return _text(begun)
        return _text(self.get(f"/gradio_api/call/{name}/{begun.json()['event_id']}"))

    def run(self, name: str, values: list[Any], event: Mapping[str, Any] | None = None) -> str:
        """Run an event past the queue."""
        body = {"data": values, "event_data": event}
        return _text(self._client.post(f"/gradio_api/run/{name}", json=body))

    def event(
        self,
        name: str,
        values: list[Any],
        event: Mapping[str, Any] | None = None,
        until: str = '"output"',
    ) -> str:
        """Run an event as the page does, and listen until it ends or has said `until`."""
        window = f"window{next(windows)}"
        numbers = {one["api_name"]: one["id"] for one in self.config["dependencies"]}
        body = {
            "data": values,
            "event_data": event,
            "fn_index": numbers[name],
            "session_hash": window,
        }
        begun = self._client.post("/gradio_api/queue/join", json=body)
        if begun.status_code != 200:
            return _text(begun)
        heard: list[str] = []
        data = f"/gradio_api/queue/data?session_hash={window}"
        with self._client.stream("GET", data) as stream:
            for line in stream.iter_lines():
                heard.append(line)
                if until in line or '"process_completed"' in line:
                    break
        return "\n".join(heard)

    def tools(self) -> list[str]:
        """Return the names of the tools that assistants are offered."""
        if not self._tools:
            answer = self._rpc("tools/list", {})
            listed = json.loads(answer.partition("data: ")[2])["result"]["tools"]
            self._tools = [one["name"] for one in listed]
        return self._tools

    def _tool(self, name: str) -> str:
        """Return what a tool is called here: on a Space the Space's name comes first."""
        found = (one for one in self.tools() if one == name or one.endswith(f"_{name}"))
        return min(found, key=len, default=name)

    def _rpc(self, method: str, params: dict[str, Any]) -> str:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return _text(self._client.post("/gradio_api/mcp/", json=body, headers=ASSISTANT))


def _text(answer: httpx.Response) -> str:
    if answer.status_code >= 400 and answer.status_code != 500:
        return f"{REFUSED}{answer.status_code} {answer.text}"
    return answer.text


def form(caller: Caller, event: str, known: Mapping[str, Any], hidden: Any = "") -> list[Any]:
    """Return what an event of the page sends: each part's value, or what is known better.

    Parts are known by their id or by the key under which the browser remembers them; `hidden` is
    the value of text boxes that have neither.
    """
    config = caller.config
    (found,) = [one for one in config["dependencies"] if one["api_name"] == event]
    parts = {one["id"]: one for one in config["components"]}
    values = []
    for number in found["inputs"]:
        kind, props = parts[number]["type"], parts[number]["props"]
        name = props.get("elem_id") or props.get("storage_key") or ""
        unnamed = hidden if kind == "textbox" else props.get("value")
        values.append(known.get(name, props.get("value")) if name else unnamed)
    return values


def clicked(
    caller: Caller, event: str, known: Mapping[str, Any], backend: str, price: float = 0
) -> list[Any]:
    """Return what a click on Generate sends: the form, then the click's name and price."""
    click = {"name": f"click{next(windows)}", "price": price, "asked": True}
    return [*form(caller, event, known, hidden=backend)[:-1], click]
