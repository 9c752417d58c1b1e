"""Reads the values of an event: an API call may leave out the last ones, a page's event none.

Gradio refuses a call that ends early, so that a further optional argument would break older
callers; and for every event with too few values it writes a traceback into the log, with all that
the caller sent.

Relies on `Blocks.preprocess_data`, which has `validate_inputs` look at the values of every event,
and on `gr.api`, whose endpoints have inputs of a class of their own and a function with defaults.
"""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio.components.api_component import Api

from ui import messages
from ui.server.gradio_patches.languages import Multilingual
from ui.server.gradio_patches.promises import Promises


class Patient(Multilingual):
    """A page whose endpoints take a list of arguments that ends early."""

    def validate_inputs(self, block_fn: Any, inputs: list[Any]) -> None:
        """Fill in the defaults of what is missing at the end; say so where there are none."""
        if all(isinstance(one, Api) for one in block_fn.inputs):
            arguments = list(inspect.signature(block_fn.fn).parameters.values())
            missing = arguments[len(inputs) : len(block_fn.inputs)]
            if all(one.default is not inspect.Parameter.empty for one in missing):
                inputs += [one.default for one in missing]
        if len(inputs) < (wanted := len(block_fn.inputs)):
            raise gr.Error(messages.too_few_values(wanted, len(inputs)), print_exception=False)
        super().validate_inputs(block_fn, inputs)


async def _misses_values(page: Any) -> bool:
    """Send an event without its only value."""
    event = SimpleNamespace(fn=None, name="", inputs=[gr.Number(render=False)])
    try:
        await page.preprocess_data(event, [], {None: None})
    except gr.Error as error:
        return bool(error.message == messages.too_few_values(1, 0))
    return False


def _knows_defaults(page: Any) -> bool:
    """Call an endpoint of the page with its first argument alone."""
    endpoints = [one for one in page.fns.values() if one.inputs and isinstance(one.inputs[0], Api)]
    values: list[Any] = ["a boat"]
    page.validate_inputs(endpoints[0], values)
    return len(values) == len(endpoints[0].inputs) > 1


PROMISES: Promises = {
    "an event with too few values writes all of them into the log": _misses_values,
    "a call of the API may not leave out its last arguments": _knows_defaults,
}
