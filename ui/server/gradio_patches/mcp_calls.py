"""Has the calls of MCP clients carry the stamp of their caller, and end in an image for all.

Gradio carries such a call out by calling itself, so that every MCP client would be taken for this
machine's own person; the stamp says who it is. Relies on the headers of the client going along.

A client that asks for no progress would get all values of an answer as one text; here it gets each
as what it is, as the others do. Relies on the method that waits for such a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

from gradio.mcp import GradioMCPServer

from ui.server.caller import STAMP
from ui.server.gradio_patches.promises import Promises, mentions


def answer_without_progress() -> None:
    """Replace how a call without progress is waited for, in the whole process."""
    GradioMCPServer._execute_tool_without_progress = _values


async def _values(_server: Any, job: Any) -> list[Any]:
    """Return the values of an answer one by one; `job.result` would not tell one from a list."""
    values: list[Any] = []
    async for update in job:
        if update.type == "output" and update.final and update.success:
            values = update.outputs["data"]
    await asyncio.to_thread(job.result)  # raises what went wrong
    return values


def _carries_the_stamp(_page: Any) -> bool:
    """Prepare the call of a tool for a client that comes with a stamp."""
    context = SimpleNamespace(request=SimpleNamespace(headers={STAMP: "stamp"}))
    server = SimpleNamespace(
        get_selected_tools_from_request=lambda: None,
        get_input_schema=lambda _name: ({}, []),
        convert_strings_to_filedata=lambda arguments, _positions: arguments,
        tool_to_endpoint={"tool": "/tool"},
        get_block_fn_from_endpoint_name=lambda name: name,
        api_info={"named_endpoints": {}},
        mcp_server=SimpleNamespace(request_context=context),
    )
    carried = GradioMCPServer._prepare_tool_call_args(server, "tool", {})
    sent = mentions(GradioMCPServer.create_mcp_server, "api_name", "headers")
    return sent and {STAMP: "stamp"} in carried


async def _tells_values_apart(_page: Any) -> bool:
    """Wait for a call with two values as Gradio does where nobody listens to progress."""

    class Done:
        def result(self) -> None:
            return None

        async def __aiter__(self) -> AsyncIterator[Any]:
            outputs = {"data": ["image", "facts"]}
            yield SimpleNamespace(type="output", final=True, success=True, outputs=outputs)

    asked = mentions(GradioMCPServer.create_mcp_server, "_execute_tool_without_progress")
    server: Any = SimpleNamespace()
    told = await GradioMCPServer._execute_tool_without_progress(server, Done())
    return asked and told == ["image", "facts"]


PROMISES: Promises = {
    "the calls of MCP clients do not say whose they are": _carries_the_stamp,
    "MCP clients that ask for no progress get text for an image": _tells_values_apart,
}
