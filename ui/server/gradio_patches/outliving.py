"""Lets a job outlive the event that asked for it, while whose request it was stays known.

A job's task works in the context of the event that began it. On ZeroGPU the package `spaces` reads
there whose GPU time an image takes; it also finds the event there, and would end a job that waits
for a GPU when its page is closed, and put its own messages over the page.

Relies on `gradio.context.LocalContext`, and on Gradio to fill it for every event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from gradio.context import LocalContext
from gradio.utils import get_function_with_locals

from ui.server.gradio_patches.promises import Promises, mentions

T = TypeVar("T")


async def apart(work: Coroutine[Any, Any, T]) -> T:
    """Do work that begins jobs, in a context that knows the request and not the event."""
    context = copy_context()
    context.run(LocalContext.event_id.set, None)
    return await asyncio.create_task(work, context=context)


def _knows_request_and_event(_page: Any) -> bool:
    both = (LocalContext.request, LocalContext.event_id)
    return all(isinstance(one, ContextVar) for one in both)


def _fills_it(_page: Any) -> bool:
    return mentions(get_function_with_locals, "LocalContext", "request", "event_id")


PROMISES: Promises = {
    "an event does not tell whose request it is": _knows_request_and_event,
    "a job does not know who asked for it": _fills_it,
}
