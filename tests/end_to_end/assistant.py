"""An assistant that speaks MCP over streamable HTTP, as the official package does it."""

from __future__ import annotations

from typing import Any

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import Tool


async def call(
    address: str,
    tool: str,
    arguments: dict[str, Any],
    headers: dict[str, str] | None = None,
    *,
    listens: bool = True,
) -> tuple[dict[str, Tool], list[Any]]:
    """Return the tools by name and the content of the answer of one of them.

    One that does not listen to progress sends no token for it.
    """
    async with (
        httpx.AsyncClient(headers=headers, timeout=60, follow_redirects=True) as http,
        streamable_http_client(f"{address}/gradio_api/mcp/", http_client=http) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        tools = (await session.list_tools()).tools
        hear = _hear if listens else None
        answer = await session.call_tool(tool, arguments, progress_callback=hear)
    return {tool.name: tool for tool in tools}, answer.content


async def _hear(done: float, total: float | None, message: str | None) -> None:
    """Listen to progress, as assistants do."""
