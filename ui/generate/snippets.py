"""The form as programs: Python, curl, JavaScript, a call over MCP, and the backend's own call."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.backend import Backend, Scripted
from core.code import Code, source_file
from core.params import Params, Task

ENDPOINTS: Mapping[Task, Sequence[str]] = {
    "text-to-image": (
        *("prompt", "model", "width", "height", "steps", "guidance", "seed", "output_format"),
    ),
    "image-to-image": (
        *("image", "prompt", "model", "strength", "steps", "guidance", "seed", "output_format"),
    ),
}
"""Arguments of the endpoint of each task, besides the backend."""

PYTHON = """from gradio_client import Client{more}

client = Client({url}{who})
{result} = client.predict(
{arguments}
    api_name="/{endpoint}",
)
print({result})
"""
SHELL = """{upload}curl -s {url}/gradio_api/call/v2/{endpoint} \\
  -H "Content-Type: application/json" \\{header}
  -d {body} \\
  | sed 's/.*"event_id" *: *"\\([^"]*\\)".*/\\1/' \\
  | xargs -I ID curl -sN {url}/gradio_api/call/{endpoint}/ID{bare}
"""
UPLOAD = """FILE=$(curl -s {url}/gradio_api/upload{bare} -F files=@{file} | tr -d '[]"')
"""
SCRIPT = """import {{ Client }} from "@gradio/client";
{more}
const client = await Client.connect({url}{who});
const {{ data }} = await client.predict("/{endpoint}", {values});
console.log(JSON.stringify(data));
process.exit();
"""
MCP = """{source}curl -s {url}/gradio_api/mcp/ \\
  -H "Content-Type: application/json" \\
  -H "Accept: application/json, text/event-stream" \\{header}
  -d {body}
"""


@dataclass(frozen=True, slots=True)
class Calling:
    """Where the playground is, and how a script says whose it is: by a token or a user name."""

    url: str
    token: str = ""
    user: str = ""

    @property
    def header(self) -> str:
        """The header that says it, for the shell."""
        return f"X-SRPO-Token: {self.token}" if self.token else ""


def programs(task: Task, backend: Backend, params: Params, calling: Calling) -> list[Code]:
    """Return programs that each make the image of these params, whose seed is known.

    One that starts from an image reads it from a file beside it; see `core.code.source_file`.
    """
    endpoint, values = _request(task, backend, params)
    file = source_file(params)
    made = [
        Code("Python", _python(endpoint, values, file, calling)),
        Code("curl", _shell(endpoint, values, file, calling)),
        Code("JavaScript", _script(endpoint, values, file, calling)),
        Code("MCP", _mcp(endpoint, values, file, params, calling)),
    ]
    return made + ([backend.code(params)] if isinstance(backend, Scripted) else [])


def _request(task: Task, backend: Backend, params: Params) -> tuple[str, dict[str, Any]]:
    """Return the endpoint that takes all of these params, and its arguments but the image."""
    values = params.model_dump(mode="json", exclude={"image"} | params.idle)
    plain = {"backend": backend.id}
    defaults = {name: field.default for name, field in type(params).model_fields.items()}
    wishes = {name for name, value in values.items() if value != defaults[name]}
    known = ENDPOINTS[task]
    if wishes <= {*known}:
        mine = {name: values[name] for name in known if name in values}
        return task.replace("-", "_"), mine | plain
    # What only this backend has is taken by `submit`, which returns the job at once.
    return "submit", {"task": task} | plain | {"params": values}


def _python(endpoint: str, values: Mapping[str, Any], file: str, calling: Calling) -> str:
    who = f', headers={{"X-SRPO-Token": {calling.token!r}}}' if calling.token else ""
    if calling.user:
        who = f', auth=({calling.user!r}, "your password")'
    lines = [f"    {name}={value!r}," for name, value in values.items()]
    if file:
        lines.insert(0, f'    image=handle_file("{file}"),')
    return PYTHON.format(
        more=", handle_file" if file else "",
        url=repr(calling.url),
        who=who,
        result="job" if endpoint == "submit" else "image, info",
        arguments="\n".join(lines),
        endpoint=endpoint,
    ).replace("print(image, info)", 'print(image, info["seed"])')


def _shell(endpoint: str, values: Mapping[str, Any], file: str, calling: Calling) -> str:
    header = f" -H {shlex.quote(calling.header)}" if calling.header else ""
    upload, body = "", shlex.quote(_json(values))
    if file:
        upload = UPLOAD.format(url=calling.url, file=file, bare=header)
        told = {"path": "FILE", "meta": {"_type": "gradio.FileData"}}
        # The quotes end before the path, which the shell fills in, and begin again behind it.
        body = shlex.quote(_json({**values, "image": told})).replace('"FILE"', '"\'"$FILE"\'"')
    return SHELL.format(
        url=calling.url,
        upload=upload,
        endpoint=endpoint,
        header=f"\n {header} \\" if header else "",
        bare=header,
        body=body,
    )


def _script(endpoint: str, values: Mapping[str, Any], file: str, calling: Calling) -> str:
    options: dict[str, Any] = {}
    if calling.token:
        options = {"headers": {"X-SRPO-Token": calling.token}}
    if calling.user:
        options = {"auth": [calling.user, "your password"]}
    lines = [f"  {name}: {_json(value)}," for name, value in values.items()]
    if file:
        lines.append(f'  image: new Blob([await readFile("{file}")]),')
    return SCRIPT.format(
        more='import { readFile } from "node:fs/promises";\n' if file else "",
        url=_json(calling.url),
        who=f", {_json(options)}" if options else "",
        endpoint=endpoint,
        values="{\n" + "\n".join(lines) + "\n}",
    )


def _mcp(
    endpoint: str, values: Mapping[str, Any], file: str, params: Params, calling: Calling
) -> str:
    source, told = "", dict(values)
    if file:
        source = f"SOURCE=$(base64 -w0 {file})\n"
        told["image"] = "SOURCE"
    call = {"name": endpoint, "arguments": told}
    body = shlex.quote(_json({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}))
    if params.picture:
        uri = f"data:{params.picture.media_type};base64,"
        body = body.replace('"SOURCE"', f'"{uri}\'"$SOURCE"\'"')
    header = f"\n  -H {shlex.quote(calling.header)} \\" if calling.header else ""
    return MCP.format(source=source, url=calling.url, header=header, body=body)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
