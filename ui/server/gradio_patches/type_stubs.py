"""Keeps Gradio from writing type stubs while it is imported, a third of the time a start takes.

Gradio rewrites a stub for every component at every import, beside its own files. It skips a class
whose source file cannot be told, so for the length of that one import its classes have none.
"""

# This file is read before Gradio is, so it imports nothing of it.

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ui.server.gradio_patches.promises import Promises


@contextmanager
def without_stubs() -> Iterator[None]:
    """Have no source file for Gradio's classes until the block ends."""
    getfile = inspect.getfile

    def untold(thing: Any) -> str:
        if str(getattr(thing, "__module__", "")).startswith("gradio"):
            raise OSError("not told while Gradio is imported")
        return getfile(thing)

    inspect.getfile = untold  # type: ignore[assignment]  # its parameter has another name
    try:
        yield
    finally:
        inspect.getfile = getfile


def _writes_no_stub(_page: Any) -> bool:
    """Have Gradio write the stub of a class that its file does not hold, which would fail."""
    written = type("Unwritten", (), {"__module__": "gradio"})
    with without_stubs():
        importlib.import_module("gradio.component_meta").create_or_modify_pyi(
            written, "Unwritten", []
        )
    return True


PROMISES: Promises = {"it writes type stubs at every start": _writes_no_stub}
