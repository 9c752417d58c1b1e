"""Keeps what a session remembers from growing with every event, for as long as its window is open.

Gradio takes an output that a handler leaves out for an update of nothing, and puts a new component
with a number of its own in the place of the old one. The next value is kept under that number, and
nothing ever takes it away: a table of 200 images stayed there once for each set that was shown.

Relies on `SessionState` putting components into their places by `__setitem__`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.state_holder import SessionState

from ui.server.gradio_patches.promises import Promises


def keep_numbers() -> None:
    """Have a component that takes the place of another one take its number too."""
    put = SessionState.__setitem__
    if not hasattr(put, "__wrapped__"):
        SessionState.__setitem__ = _numbered(put)


def _numbered(put: Callable[[Any, int, Any], None]) -> Callable[[Any, int, Any], None]:
    @functools.wraps(put)
    def __setitem__(state: Any, number: int, value: Any) -> None:  # noqa: N807
        if isinstance(value, Block):
            value._id = number
        put(state, number, value)

    return __setitem__


async def _stays_as_large(_page: Any) -> bool:
    with gr.Blocks(analytics_enabled=False) as page:
        one, two = gr.HTML(), gr.HTML()
        page.load(str, None, [one, two])
    [event] = page.fns.values()
    state = SessionState(page)
    before = len(state.blocks_config.blocks), len(state.config_values)
    for turn in range(2):
        for part in (one, two):
            await page.postprocess_data(event, {part: f"{turn}"}, state)
    after = len(state.blocks_config.blocks), len(state.config_values)
    return after == before and state.config_values[two._id]["props"]["value"] == "1"


PROMISES: Promises = {"a session remembers every value of an open window": _stays_as_large}
