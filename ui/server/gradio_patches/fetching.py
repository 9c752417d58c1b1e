"""Keeps Gradio from fetching addresses: not one that a caller gives for an image.

An API client may name an image by an address, and Gradio would download it before any handler
runs: without a limit, and from networks it takes for public. Here such a call ends in a sentence,
whatever way it came; so does one that names a file which was not uploaded.

Relies on `gradio.processing_utils`: all that downloads is there, is looked up there at each call,
and what looks for files in the arguments of an event is `async_move_files_to_cache`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import wraps
from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio import processing_utils

from core.errors import InputError
from ui import messages
from ui.server.gradio_patches.promises import Promises
from ui.server.uploads import LONGEST_PATH, no_longer_there, uploaded

FETCHES = re.compile(r".*(download|_protected_|save_url).*")
"""Names of functions that fetch."""
ADDRESS = "http://127.0.0.1:9/boat.png"
"""Nobody answers there, and Gradio does not take it for public."""


def keep_from_fetching() -> None:
    """Replace Gradio's downloads for the whole process; a second call changes nothing."""
    for name, ours in _replaced().items():
        if hasattr(processing_utils, name):  # a name of another release is told by the check
            setattr(processing_utils, name, ours)
    if not hasattr(processing_utils.async_move_files_to_cache, "__wrapped__"):
        processing_utils.async_move_files_to_cache = _checked(
            processing_utils.async_move_files_to_cache
        )


def _replaced() -> dict[str, Callable[..., Any]]:
    """Return what stands in for each function of Gradio that fetches."""
    return {
        "async_ssrf_protected_download": _stored,
        "async_ssrf_protected_get": _stored,
        "ssrf_protected_download": _named,
        "save_url_to_cache": _named,
        "unsafe_download": _named,
    }


def _named(address: str, cache_dir: str = "") -> str:
    """Return the path of the file of ours that an address means."""
    try:
        return str(uploaded(address))
    except InputError as error:
        raise gr.Error(messages.trouble(error), print_exception=False) from error


async def _stored(address: str, cache_dir: str = "") -> str:
    return await asyncio.to_thread(_named, address)


def _checked(move: Any) -> Any:
    """Wrap what looks for files in every argument: one that cannot be had is a sentence."""

    @wraps(move)
    async def moved(*values: Any, check_in_upload_folder: bool = False, **options: Any) -> Any:
        if check_in_upload_folder and _is_endless(values[:1]):
            raise gr.Error(messages.trouble(no_longer_there()), print_exception=False)
        try:
            return await move(*values, check_in_upload_folder=check_in_upload_folder, **options)
        except gr.Error:  # a ValueError too
            raise
        except (OSError, ValueError, RuntimeError) as error:
            if check_in_upload_folder:  # the value came from outside
                raise gr.Error(
                    messages.trouble(no_longer_there()), print_exception=False
                ) from error
            raise

    return moved


def _is_endless(value: Any) -> bool:
    """Whether a value names a file by more letters than any file has: Gradio would follow them."""
    if isinstance(value, dict):
        named = (value.get("path"), value.get("url"))
        return any(isinstance(one, str) and len(one) > LONGEST_PATH for one in named) or any(
            _is_endless(one) for one in value.values()
        )
    return isinstance(value, list | tuple) and any(_is_endless(one) for one in value)


def _knows_what_fetches(_page: Any) -> bool:
    """Whether no function fetches that is not replaced, and none of those is gone."""
    found = {name: one for name, one in vars(processing_utils).items() if FETCHES.fullmatch(name)}
    return found == _replaced()


async def _refuses_addresses(_page: Any) -> bool:
    """Give a component an address, in the way of events and in the way of examples."""
    picture = gr.Image(render=False)
    try:
        await picture.async_move_resource_to_block_cache(ADDRESS)
    except gr.Error:
        pass
    else:
        return False
    try:
        picture.move_resource_to_block_cache(ADDRESS)
    except gr.Error:
        return True
    return False


async def _looks_for_files(page: Any) -> bool:
    """Send an event whose file has a name that no file can have."""
    event = SimpleNamespace(
        fn=None, name="", inputs=[gr.Image(render=False)], component_prop_inputs=[], preprocess=True
    )
    named = {"path": "x" * (LONGEST_PATH + 1), "meta": {"_type": "gradio.FileData"}}
    try:
        await page.preprocess_data(event, [named], {None: None})
    except gr.Error as error:
        return bool(error.message == messages.trouble(no_longer_there()))
    return False


PROMISES: Promises = {
    "not all that downloads is kept from it": _knows_what_fetches,
    "the address of a picture is fetched": _refuses_addresses,
    "files that were not uploaded are looked for": _looks_for_files,
}
