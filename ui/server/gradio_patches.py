"""Keeps Gradio from fetching addresses: not one that a caller gives for a picture.

An API client may name a picture by an address, and Gradio would download it before any handler
runs: without a limit, and from networks it takes for public. Here such a call ends in a sentence,
whatever way it came; so does one that names a file which was not uploaded.
"""

from __future__ import annotations

import asyncio
from functools import wraps
from typing import Any

import gradio as gr
from gradio import processing_utils

from core.errors import InputError
from ui import messages
from ui.server.uploads import LONGEST_PATH, no_longer_there, uploaded


def keep_from_fetching() -> None:
    """Replace Gradio's downloads for the whole process; a second call changes nothing."""
    processing_utils.async_ssrf_protected_download = _stored
    processing_utils.ssrf_protected_download = _named
    processing_utils.save_url_to_cache = _named
    processing_utils.async_ssrf_protected_get = _stored
    if not hasattr(processing_utils.async_move_files_to_cache, "__wrapped__"):
        processing_utils.async_move_files_to_cache = _checked(
            processing_utils.async_move_files_to_cache
        )


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
