"""Has the call of an MCP client carry the stamp of its caller.

Gradio carries such a call out by calling itself, so that every MCP client would be taken for this
machine's own person; the stamp says who it is. Relies on the headers of the client going along.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from gradio.mcp import GradioMCPServer

from ui.server.caller import STAMP
from ui.server.gradio_patches.promises import Promises, mentions


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


PROMISES: Promises = {
    "the calls of MCP clients do not say whose they are": _carries_the_stamp,
}
